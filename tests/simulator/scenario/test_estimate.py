"""The estimate grows with what is asked for, and refuses what cannot fit."""

from __future__ import annotations

import dataclasses

import pytest

from peerrec.errors import ConfigError
from peerrec_sim.scenario import machine
from peerrec_sim.scenario.estimate import estimate, in_gib, refuse_what_does_not_fit
from peerrec_sim.scenario.loading import load, names


@pytest.mark.parametrize("name", names())
def test_every_shipped_scenario_is_small(name):
    expected = estimate(load(name))
    assert expected.memory_bytes < 4 << 30
    assert expected.seconds < 600


@pytest.mark.parametrize(
    "more", ["nodes=500", "plays_per_node=400", "length_s=6000", "attackers.sybils=5000"]
)
def test_more_of_anything_takes_more(more):
    small, large = (
        estimate(load("sybil-serial", ["follow_bytes_max=67108864", *also]))
        for also in ([], [more])
    )
    assert large.seconds > small.seconds
    assert large.memory_bytes >= small.memory_bytes


def test_a_bound_on_what_nodes_keep_bounds_memory():
    free = estimate(load("quiet", ["nodes=3000", "follow_bytes_max=67108864"]))
    bound = estimate(load("quiet", ["nodes=3000", "follow_bytes_max=65536"]))
    assert bound.memory_bytes < free.memory_bytes / 5


def test_more_shards_take_less_time():
    assert estimate(load("quiet"), shards=2).seconds <= estimate(load("quiet")).seconds


def test_what_does_not_fit_is_refused_with_both_figures_and_a_way_out():
    scenario = load("quiet", ["nodes=1000000"])
    expected = estimate(scenario)
    with pytest.raises(ConfigError, match=r"GiB of memory.*free.*--force") as caught:
        refuse_what_does_not_fit(scenario, expected)
    assert caught.value.key == "population.nodes"


def test_where_sybils_are_too_many_they_are_named():
    scenario = load("sybil-serial", ["attackers.sybils=9000000"])
    with pytest.raises(ConfigError) as caught:
        refuse_what_does_not_fit(scenario, estimate(scenario))
    assert caught.value.key == "attackers.sybils"


def test_what_fits_passes():
    scenario = load("quiet")
    refuse_what_does_not_fit(scenario, dataclasses.replace(estimate(scenario), free_bytes=1 << 40))


def test_a_container_limit_counts(tmp_path, monkeypatch):
    (tmp_path / "memory.max").write_text("1000000\n")
    (tmp_path / "memory.current").write_text("400000\n")
    monkeypatch.setattr(machine, "CGROUP", tmp_path)
    assert machine.free_memory_bytes() == 600_000
    (tmp_path / "memory.max").write_text("max\n")
    assert machine.free_memory_bytes() > 600_000


def test_a_system_without_meminfo_says_what_it_has(tmp_path, monkeypatch):
    monkeypatch.setattr(machine, "MEMINFO", tmp_path / "none")
    monkeypatch.setattr(machine, "CGROUP", tmp_path)
    assert machine.free_memory_bytes() > 1 << 20


def test_sizes_are_said_in_words():
    assert in_gib(3 << 29) == "1.5 GiB"
    assert in_gib(12 << 30) == "12 GiB"
