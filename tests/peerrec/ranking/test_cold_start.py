"""A newcomer with friends gets what they like; one without gets an honest nothing."""

from __future__ import annotations

import numpy as np

from peerrec.ranking.graph import Graph
from peerrec.ranking.rank import rank


def community():
    """Mia and her friend Ben like jazz; twenty strangers like the hit."""
    graph = Graph()
    graph.extend(["mia", "mia", "ben", "ben"], ["jazz:a", "jazz:b", "jazz:b", "jazz:c"])
    graph.set_trust("mia", "ben", 1.0, time=0.0)
    for k in range(20):
        graph.record(f"stranger{k}", "hit", 1.0, 0.0)
    return graph


def ranked(graph, **options):
    return rank(graph.snapshot(now=0.0), "me", np.random.default_rng(0), **options)


def test_one_friend_is_enough_for_a_first_list():
    graph = community()
    graph.set_trust("me", "mia", 1.0, time=0.0)
    ranking = ranked(graph)
    items = [one.item for one in ranking.recommend(10)]
    assert set(items) == {"jazz:a", "jazz:b", "jazz:c"}
    assert items[0] == "jazz:b", "both trusted people have it"
    assert ranking.notes == ("No interactions yet: ranked by what trusted people have.",)


def test_the_reason_of_a_first_list_is_the_friend_and_no_own_item():
    graph = community()
    graph.set_trust("me", "mia", 1.0, time=0.0)
    first = {one.item: one for one in ranked(graph).recommend(10)}["jazz:a"]
    assert first.reasons[0].own_item is None
    assert first.reasons[0].sentence("jazz:a") == "mia, whom you trust, has jazz:a"


def test_what_is_merely_popular_never_fills_the_gap():
    graph = community()
    graph.set_trust("me", "mia", 1.0, time=0.0)
    assert "hit" not in [one.item for one in ranked(graph).recommend(10)]


def test_with_nobody_to_trust_the_list_is_empty_and_says_why():
    graph = community()
    graph.set_trust("stranger0", "me", 1.0, time=0.0)
    ranking = ranked(graph)
    assert ranking.recommend(10) == []
    assert any("nobody can be heard" in note for note in ranking.notes)


def test_a_bootstrap_lends_its_eyes_until_there_are_friends():
    graph = community()
    graph.set_trust("stranger0", "me", 1.0, time=0.0)
    ranking = ranked(graph, bootstrap=["mia"])
    assert {one.item for one in ranking.recommend(10)} == {"jazz:a", "jazz:b", "jazz:c"}
    assert any("1 bootstrap peers" in note for note in ranking.notes)


def test_the_first_own_interaction_takes_over():
    graph = community()
    graph.set_trust("me", "mia", 1.0, time=0.0)
    graph.record("me", "jazz:a", 1.0, 0.0)
    best = ranked(graph).recommend(10)[0]
    assert (best.item, best.reasons[0].own_item) == ("jazz:b", "jazz:a")
