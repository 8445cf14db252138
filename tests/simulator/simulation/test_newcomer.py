"""Newcomers come late, know nearly nobody, and find honest peers though they are besieged."""

from __future__ import annotations

import numpy as np
import pytest

from peerrec_sim.measures.result import RunResult
from peerrec_sim.scenario.schema import (
    Attackers,
    Links,
    Measures,
    Population,
    Scenario,
    Topology,
    Workload,
)
from peerrec_sim.simulation import Simulation
from peerrec_sim.simulation.world import START, World

BESIEGED = Scenario(
    name="besieged",
    length_s=40.0,
    seed=1,
    population=Population(nodes=12, items=40, plays_per_node=4, newcomers=3, newcomers_at_s=20.0),
    topology=Topology(incoming=12),
    workload=Workload(before=1.0),
    measures=Measures(egos=1, every_s=10.0, at_end_only=True),
    attackers=Attackers(kinds=("eclipse",), sybils=20, start_s=1.0),
)


@pytest.fixture(name="run", scope="module")
def make_run() -> RunResult:
    return Simulation(BESIEGED).run()


def newcomers(run: RunResult, at_s: float) -> dict[str, np.ndarray]:
    nodes = run.nodes
    rows = nodes.take(nodes["newcomer"] & (nodes["time_s"] == at_s))
    return rows.columns


def test_nobody_knows_newcomers_and_they_know_who_invited_them():
    world = World(BESIEGED)
    assert list(world.newcomers) == [9, 10, 11]
    for index in range(9):
        assert not set(world.first_known(index)) & set(world.newcomers)
    for index in world.newcomers:
        (inviter,) = world.first_known(index)
        assert inviter < 9


def test_a_friend_invites_where_one_can_be_dialled():
    world = World(BESIEGED)
    for index in world.newcomers:
        friends = [other for other, _ in world.trusted_by(index) if other < 9]
        assert not friends or world.first_known(index)[0] in friends


def test_a_newcomer_may_know_more_and_then_others_by_chance():
    population = Population(nodes=12, newcomers=1, newcomers_know=4)
    known = World(Scenario(name="more", population=population)).first_known(11)
    assert len(set(known)) == 4
    assert 11 not in known


def test_attackers_see_who_comes_when_and_who_cannot_be_dialled():
    hidden = Scenario(name="hidden", population=BESIEGED.population, links=Links(nat_share=0.25))
    view = World(hidden)._view()
    assert view.newcomers == (9, 10, 11)
    assert view.newcomers_at == START + 20.0
    assert len(view.hidden) == 3
    assert view.hidden == {at for at in range(12) if not World(hidden).is_dialable(at)}


def test_newcomers_are_not_there_before_their_time(run: RunResult):
    assert not newcomers(run, 10.0)["online"].any()
    assert newcomers(run, 30.0)["online"].all()
    for index in newcomers(run, 30.0)["node"].tolist():
        early = (run.deliveries["receiver"] == index) & (run.deliveries["delivered_at_s"] < 20.0)
        assert not early.any()


def test_besieged_newcomers_find_two_honest_peers(run: RunResult):
    last = newcomers(run, 40.0)
    assert (last["linked_after_s"] < 20.0).all()
    assert run.summary()["newcomers_linked"] == 1.0


def test_the_siege_is_one_places_are_taken_and_words_are_sybils(run: RunResult):
    found = run.summary()
    assert found["newcomer_places_taken"] > 0.7
    assert found["newcomer_told_sybil"] >= 0.4
    assert (newcomers(run, 40.0)["told"] > 0).all()


def test_the_moment_is_that_of_the_event_and_not_of_a_measurement(run: RunResult):
    early, late = newcomers(run, 30.0), newcomers(run, 40.0)
    known = ~np.isnan(early["linked_after_s"])
    assert known.any()
    assert np.array_equal(early["linked_after_s"][known], late["linked_after_s"][known])
    assert (late["linked_after_s"] % 10.0 != 0.0).all()


def test_shards_change_nothing(run: RunResult):
    dealt = Simulation(BESIEGED, shards=3).run()
    assert dealt.trace_hash == run.trace_hash
    np.testing.assert_array_equal(dealt.nodes["linked_after_s"], run.nodes["linked_after_s"])
