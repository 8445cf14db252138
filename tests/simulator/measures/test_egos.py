from __future__ import annotations

import math

import pytest
from served_community import NOW as SERVED_AT
from served_community import crowd, device, table_of

from peerrec.facade.engine import Engine
from peerrec.facade.lists import listed
from peerrec.facade.options import Options
from peerrec.ids import item_hash
from peerrec.store import Interaction, Mark, TrustEdge
from peerrec.store.memory import MemoryStore
from peerrec_sim.measures.egos import Ego, EgoOptions, choose_egos, relevance
from peerrec_sim.scenario.schema import MeritOptions, Population, Scenario

ANN, BOB, MALLORY = (bytes([number]) * 32 for number in (1, 2, 3))
NOW = 1_700_000_000.0


def person() -> MemoryStore:
    """Return the store of somebody who trusts Ann, who trusts Mallory."""
    store = MemoryStore()
    for author, items in (("me", "ab"), (ANN, "abcd"), (MALLORY, "abx")):
        store.record_many(Interaction(author, f"song:{item}", time=NOW) for item in items)
    store.trust(TrustEdge("me", ANN, time=NOW))
    store.trust(TrustEdge(ANN, MALLORY, time=NOW))
    return store


def looked(store: MemoryStore, wanted=("song:c",), targets=("song:x",), **options):
    ego = Ego(wanted, targets, EgoOptions(**options))
    return ego.look(store, NOW, {ANN: 0, BOB: 1})


def test_the_list_is_the_one_that_the_recommender_shows():
    engine = Engine(person(), "me", Options(), NOW)
    shown = listed(engine.sight, NOW, 20).items
    assert len(shown) > 2
    for place, item in enumerate(shown):
        ndcg = looked(person(), wanted=[item])["ndcg"]
        assert ndcg == pytest.approx(1 / math.log2(place + 2))
    assert looked(person())["list_length"] == len(shown)


def test_an_item_known_by_its_hash_alone_counts_as_the_item():
    store = person()
    store.rename_item("song:c", item_hash("song:c"))
    assert looked(store)["recall"] == 1.0


def test_a_promoted_item_on_the_list_is_a_target_hit():
    assert looked(person())["target_hits"] == 1.0
    assert looked(person(), targets=["song:elsewhere"])["target_hits"] == 0.0


def test_merit_of_whoever_is_not_honest_counts_as_the_sybils():
    mass = looked(person())["merit_mass_sybil"]
    assert 0.0 < mass < 0.5
    store = person()
    store.mark(Mark.BLOCK, MALLORY, time=NOW)
    assert looked(store)["merit_mass_sybil"] == 0.0


def test_who_hears_everybody_has_no_merit_to_show():
    assert "merit_mass_sybil" not in looked(person(), use_trust=False)


def test_looking_again_after_news_sees_the_news():
    store = person()
    ego = Ego(["song:new"], [], EgoOptions())
    assert ego.look(store, NOW, {ANN: 0})["recall"] == 0.0
    store.record(Interaction(ANN, "song:new", time=NOW))
    assert ego.look(store, NOW, {ANN: 0})["recall"] == 1.0


def test_a_fork_that_came_to_light_is_seen_the_next_time():
    store = person()
    ego = Ego(["song:c"], [], EgoOptions())
    assert ego.look(store, NOW, {ANN: 0})["list_length"] > 0
    store.mark(Mark.FORKED, ANN, time=NOW)
    assert ego.look(store, NOW, {ANN: 0})["list_length"] == 0


def test_looking_twice_gives_the_same():
    ego = Ego(["song:c"], ["song:x"], EgoOptions())
    store = person()
    assert ego.look(store, NOW, {ANN: 0}) == ego.look(store, NOW, {ANN: 0})


def test_a_served_table_orders_the_list_as_on_the_device():
    people = crowd(users=60, items=60, tastes=2)
    me = device(people, 0, list(range(1, 20)), table=table_of(people.have, people.names()))
    shown, alone = (me.recommend(20, factors=factors).items for factors in (True, False))
    assert shown != alone
    for place, item in enumerate(shown):
        ego = Ego([item], [], EgoOptions())
        ndcg = ego.look(me._engine.store, SERVED_AT, {})["ndcg"]
        assert ndcg == pytest.approx(1 / math.log2(place + 2))


def test_who_has_nothing_held_out_has_no_relevance():
    figures = relevance([b"a"], frozenset(), 20)
    assert math.isnan(figures["ndcg"])
    assert math.isnan(figures["recall"])
    assert figures["list_length"] == 1.0


def test_places_that_are_not_filled_are_without_a_hit():
    assert relevance([], frozenset([b"a"]), 20)["ndcg"] == 0.0


def test_egos_are_drawn_once_for_a_seed_and_are_people_with_something_held_out():
    people = list(range(0, 100, 2))
    chosen = choose_egos(people, 10, seed=1)
    assert chosen == choose_egos(people[::-1], 10, seed=1) == tuple(sorted(chosen))
    assert set(chosen) <= set(people)
    assert chosen != choose_egos(people, 10, seed=2)
    assert len(choose_egos(people, 1_000, seed=1)) == 50


def test_a_scenario_shapes_the_ranking_of_egos():
    scenario = Scenario(
        name="x",
        merit=MeritOptions(transitivity_decay=0.5, connectivity_decay=0.0, walks=777),
        population=Population(trust="none"),
    )
    options = EgoOptions.of(scenario)
    merit = options.settings.merit
    assert (merit.transitivity_decay, merit.connectivity_decay, merit.walks) == (0.5, 0.0, 777)
    assert not options.use_trust
