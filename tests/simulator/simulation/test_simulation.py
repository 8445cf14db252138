"""A run follows from scenario and seed alone, wherever and in however many parts it runs."""

from __future__ import annotations

import os
import subprocess
import sys

import msgspec
import numpy as np
import pytest

from peerrec.errors import ConfigError
from peerrec_sim.measures.result import RunResult
from peerrec_sim.scenario.schema import (
    Attackers,
    Churn,
    Links,
    Measures,
    Population,
    Scenario,
    Workload,
)
from peerrec_sim.simulation import Simulation
from peerrec_sim.simulation.backends import Processes, WorkerLost
from peerrec_sim.simulation.world import START

TINY = Scenario(
    name="tiny",
    length_s=20.0,
    seed=3,
    population=Population(nodes=8, items=60, plays_per_node=8),
    links=Links(loss=0.05, duplicate=0.05, nat_share=0.25),
    churn=Churn(kind="exponential", share=0.5, online_s=8.0, offline_s=4.0),
    workload=Workload(skew_s=7.3, skew_share=0.25),
    measures=Measures(egos=2, every_s=10.0, at_end_only=True),
    attackers=Attackers(kinds=("serial",), sybils=2, start_s=5.0),
)

CODE = """
import msgspec, sys
from peerrec_sim.scenario.schema import Scenario
from peerrec_sim.simulation import Simulation
scenario = msgspec.json.decode(sys.argv[1], type=Scenario)
print(Simulation(scenario).run().trace_hash)
"""


@pytest.fixture(scope="module")
def inline() -> RunResult:
    return Simulation(TINY).run()


def test_the_same_scenario_and_seed_give_the_same_run(inline: RunResult) -> None:
    assert Simulation(TINY).run().trace_hash == inline.trace_hash


def test_another_seed_gives_another_run(inline: RunResult) -> None:
    other = Simulation(msgspec.structs.replace(TINY, seed=4)).run()
    assert other.trace_hash != inline.trace_hash


@pytest.mark.parametrize("hash_seed", ["1", "77"])
def test_the_hash_does_not_depend_on_the_seed_of_pythons_hashes(
    inline: RunResult, hash_seed: str
) -> None:
    text = msgspec.json.encode(TINY).decode()
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": ":".join(sys.path)}
    command = [sys.executable, "-c", CODE, text]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == inline.trace_hash


@pytest.mark.parametrize(("backend", "shards"), [("inline", 2), ("inline", 5), ("processes", 2)])
def test_neither_shards_nor_processes_change_anything(
    inline: RunResult, backend: str, shards: int
) -> None:
    result = Simulation(TINY, backend, shards).run()
    assert result.trace_hash == inline.trace_hash
    assert result.events == inline.events
    assert result.figures == inline.figures
    for name in ("nodes", "deliveries", "oracle"):
        ours, theirs = result.table(name), inline.table(name)
        for column in ours.columns:
            if column != "memory_bytes":  # what nodes of one process share is weighed apart
                np.testing.assert_array_equal(ours[column], theirs[column], err_msg=column)


@pytest.mark.slow
def test_ray_runs_the_same_as_this_process(inline: RunResult) -> None:
    ray = pytest.importorskip("ray")
    try:
        result = Simulation(TINY, "ray", 2).run()
    finally:
        ray.shutdown()
    assert result.trace_hash == inline.trace_hash


def test_events_reach_people_and_people_hear_of_each_other(inline: RunResult) -> None:
    assert inline.complete
    assert inline.virtual_s == 20.0
    assert sorted(set(inline.table("nodes")["time_s"].tolist())) == [10.0, 20.0]
    assert len(inline.table("deliveries")) > 20


def test_a_run_that_is_cancelled_says_so_and_holds_what_was_measured() -> None:
    asked: list[int] = []

    def cancel() -> bool:
        asked.append(1)
        return len(asked) > 14

    result = Simulation(TINY).run(cancel=cancel)
    assert not result.complete
    assert result.virtual_s == 10.0
    assert set(result.table("nodes")["time_s"].tolist()) == {10.0}


def test_an_interrupt_leaves_what_was_measured_before() -> None:
    def progress(stage: str, done: int, total: int) -> None:
        if stage == "virtual seconds" and done == 13:
            raise KeyboardInterrupt

    result = Simulation(TINY).run(progress=progress)
    assert not result.complete
    assert result.virtual_s == 10.0


def test_a_worker_that_dies_is_named() -> None:
    backend = Processes(TINY, 2)
    try:
        backend.advance(0.0, [[], []])
        backend._processes[1].kill()
        with pytest.raises(WorkerLost, match=r"shard 1 \(of 2\).*signal 9"):
            backend.advance(START + 0.1, [[], []])
    finally:
        backend.close()


@pytest.mark.parametrize(("backend", "shards"), [("cloud", 1), ("inline", 0)])
def test_an_impossible_backend_is_refused(backend: str, shards: int) -> None:
    with pytest.raises(ConfigError):
        Simulation(TINY, backend, shards).run()


def test_a_replayed_range_is_what_happened_then() -> None:
    simulation = Simulation(msgspec.structs.replace(TINY, length_s=2.0))
    whole = list(simulation.replay(0, 10**9))
    part = list(simulation.replay(20, 30))
    assert [event.number for event in part] == list(range(20, 30))
    assert part == whole[20:30]
    assert simulation.run().events == len(whole)
    assert any("Hello" in event.message for event in whole)
    assert "→" in str(part[0])


def test_an_empty_range_cannot_be_replayed() -> None:
    with pytest.raises(ConfigError):
        list(Simulation(TINY).replay(5, 5))
