"""Two shards, and a sweep of two workers, find the same on Ray as in processes and here.

CI installs the extra and fails where it is missing; elsewhere these tests are skipped then.
"""

from __future__ import annotations

import importlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from peerrec_sim.commands.sim import sim
from peerrec_sim.experiments.workers import WorkerDied, by_name
from peerrec_sim.scenario import load
from peerrec_sim.simulation.backends import WorkerLost
from peerrec_sim.simulation.ray_backend import Ray
from peerrec_sim.simulation.world import START

pytestmark = pytest.mark.slow

TINY = ["nodes=8", "items=60", "plays_per_node=10", "length_s=15", "every_s=5", "egos=2",
        "walks=100", "start_s=3", "attackers.sybils=3", "loss=.02"]  # fmt: skip

SETTINGS = [arg for setting in TINY for arg in ("--set", setting)]


@pytest.fixture(scope="module")
def ray() -> Iterator[Any]:
    module = importlib.import_module("ray") if os.environ.get("CI") else None
    module = module or pytest.importorskip("ray", reason="needs peerrec[ray]")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        patch.delenv("RAY_ADDRESS", raising=False)
        # Workers have to find the package where this process finds it.
        patch.setenv("PYTHONPATH", os.pathsep.join(map(str, _paths())))
        yield module
        module.shutdown()


def _paths() -> list[Path]:
    import peerrec
    import peerrec_node
    import peerrec_sim

    packages = (peerrec, peerrec_node, peerrec_sim)
    return [Path(str(each.__file__)).resolve().parent.parent for each in packages]


def ran(place: Path, *args: str) -> dict[str, Any]:
    """Run a scenario by the command; return its run.json."""
    command = ["run", "clone", *SETTINGS, *args, "--out", str(place)]
    result = CliRunner().invoke(sim, command)
    assert result.exception is None, (result.output, result.exception)
    facts: dict[str, Any] = json.loads((place / "run.json").read_text())
    return facts


def swept(place: Path, backend: str) -> list[dict[str, Any]]:
    """Sweep a scenario with two workers by the command; return its rows."""
    command = ["sweep", "clone", *SETTINGS, "--over", "sybils=0,3", "--seeds", "0,1", "--workers",
               "2", "--backend", backend, "--out", str(place), "--json"]  # fmt: skip
    result = CliRunner().invoke(sim, command)
    assert result.exception is None, (result.output, result.exception)
    rows: list[dict[str, Any]] = json.loads(result.stdout)
    return rows


def without_memory(summary: dict[str, float]) -> dict[str, float]:
    """Leave out what nodes of one process share, which is weighed apart."""
    return {name: value for name, value in summary.items() if name != "memory_kb"}


def test_two_shards_have_one_hash_here_in_processes_and_on_ray(tmp_path, ray):
    one = ran(tmp_path / "inline")
    two = ran(tmp_path / "processes", "--shards", "2", "--backend", "processes")
    far = ran(tmp_path / "ray", "--shards", "2", "--backend", "ray")
    assert (far["backend"], far["shards"]) == ("ray", 2)
    assert one["trace_hash"] == two["trace_hash"] == far["trace_hash"]
    assert one["events"] == two["events"] == far["events"]
    first, *others = (without_memory(each["summary"]) for each in (one, two, far))
    assert all(other == first for other in others)


def test_a_sweep_of_two_workers_finds_the_same_on_ray_as_here(tmp_path, ray):
    here, far = swept(tmp_path / "here", "inline"), swept(tmp_path / "far", "ray")
    assert [row["folder"] for row in far] == [row["folder"] for row in here]
    assert [row["trace_hash"] for row in far] == [row["trace_hash"] for row in here]
    assert [row["summary"] for row in far] == [row["summary"] for row in here]
    assert len({row["trace_hash"] for row in far}) == 4


def test_an_actor_that_dies_is_named(ray):
    backend = Ray(load("clone", TINY), 2)
    try:
        backend.advance(0.0, [[], []])
        ray.kill(backend._actors[1])
        with pytest.raises(WorkerLost, match=r"shard 1 \(of 2\)"):
            backend.advance(START + 0.1, [[], []])
    finally:
        backend.close()


def test_a_point_whose_worker_dies_is_named_with_how_to_go_on(ray):
    with pytest.raises(WorkerDied, match=r"the-point died .*--resume"):
        list(by_name("ray", 1)([("the-point", {})], _Dying()))


class _Dying:
    """Ends its process; sent as its source, so that a worker needs no module of the tests."""

    def __reduce__(self):
        return (eval, ("lambda tables: __import__('os')._exit(1)",))

    def __call__(self, tables: dict[str, Any]) -> dict[str, bytes]:
        raise AssertionError("this process was to send it away")
