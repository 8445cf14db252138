"""`peerrec bench sim` measures every part it names, graph mode in a process of its own."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from peerrec_sim.benchmarks.simulation import PARTS, QUICK, measure_simulation
from peerrec_sim.commands.bench_sim import MEANING, sim


def test_the_command_prints_seconds_and_gib_of_one_point_of_the_graph_mode():
    result = CliRunner().invoke(sim, ["--only", "graph-level", "--quick", "--json"])
    assert result.exception is None, result.output
    figures = json.loads(result.stdout)
    assert set(figures) == {"graph_point_s", "graph_point_peak_gib"}
    assert figures["graph_point_s"] > 0
    assert 0.02 < figures["graph_point_peak_gib"] < 4


def test_the_peak_of_the_graph_mode_is_that_of_its_own_process():
    held = bytearray(1 << 30)
    held[:: 1 << 12] = b"x" * len(held[:: 1 << 12])
    figures = measure_simulation(0, QUICK, ("graph-level",))
    assert figures["graph_point_peak_gib"] < 0.5
    assert len(held) == 1 << 30


def test_every_part_can_be_asked_for_and_every_figure_is_explained():
    option = next(each for each in sim.params if each.name == "only")
    assert tuple(option.type.choices) == PARTS
    for key in ("events_over_empty", "node_1000_kb", "two_shard_speedup", "graph_point_s"):
        assert key in MEANING


@pytest.mark.parametrize("part", ["memory", pytest.param("shards", marks=pytest.mark.slow)])
def test_quick_sizes_run(part):
    figures = measure_simulation(0, QUICK, (part,))
    assert all(figure > 0 for figure in figures.values())
    assert figures.get("two_shard_same_hash", 1.0) == 1.0
