"""Lists hold what walks reach and nothing else, and every entry says why."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from peerrec.errors import ConfigError, DataError, UnknownItem, UnknownPeer
from peerrec.ranking.graph import Graph
from peerrec.ranking.reasons import TrustPaths
from peerrec.ranking.recommend import recommend, top_items
from peerrec.ranking.salsa import Salsa
from peerrec.ranking.trust_snapshot import TrustSnapshot


@pytest.fixture
def view():
    graph = Graph()
    graph.extend(
        ["me", "me", "mia", "mia", "mia", "zoe", "zoe"], ["a", "b", "a", "b", "c", "a", "d"]
    )
    graph.extend_trust(["me", "ben"], ["ben", "mia"])
    return graph.snapshot(now=0.0)


def lists(view, n=10, **options):
    walk = Salsa(view.interactions).walk(view.user("me"))
    return recommend(view, walk, "me", n, **options)


def test_the_list_holds_the_unseen_items_best_first(view):
    assert [r.item for r in lists(view)] == ["c", "d"]
    scores = [r.score for r in lists(view)]
    assert scores == sorted(scores, reverse=True)


def test_seen_items_come_back_when_asked_for(view):
    assert {r.item for r in lists(view, exclude_seen=False)} == {"a", "b", "c", "d"}


def test_candidates_and_muted_items_limit_the_list(view):
    assert [r.item for r in lists(view, candidates=["d", "unknown"])] == ["d"]
    assert [r.item for r in lists(view, muted=["c", "unknown"])] == ["d"]


def test_a_reason_names_the_item_the_hub_and_the_trust_between(view):
    reason = lists(view, trusted=True)[0].reasons[0]
    assert (reason.own_item, reason.hub, reason.through) in {
        ("a", "mia", ("ben",)),
        ("b", "mia", ("ben",)),
    }
    assert reason.share == 1.0
    sentence = reason.sentence("c", title=str.upper, name=str.title)
    assert sentence.endswith("so has Mia, trusted through Ben, who also has C")


def test_a_direct_friend_is_said_to_be_one():
    graph = Graph()
    graph.extend(["me", "mia", "mia"], ["a", "a", "b"])
    graph.set_trust("me", "mia", 1.0, time=0.0)
    view = graph.snapshot(now=0.0)
    reason = lists(view, trusted=True)[0].reasons[0]
    assert reason.through == ()
    assert reason.sentence("b") == "you have a; so has mia, whom you trust, who also has b"


def test_no_trust_path_is_said_to_be_none(view):
    zoe = lists(view, trusted=True)[1].reasons[0]
    assert (zoe.hub, zoe.through) == ("zoe", None)


def test_the_most_probable_trust_path_wins_over_the_shorter():
    view = TrustSnapshot.from_edges([0, 0, 1, 2], [1, 3, 2, 3], [0.9, 0.01, 1.0, 1.0])
    assert TrustPaths(view, 0).to(3) == [1, 2]
    assert TrustPaths(view, 0).to(1) == []


def test_trust_paths_do_not_pass_blocked_peers():
    view = TrustSnapshot.from_edges([0, 0, 1, 2], [1, 2, 3, 3], [1.0, -1.0, 0.1, 1.0])
    assert TrustPaths(view, 0).to(2) is None
    assert TrustPaths(view, 0).to(3) == [1]


@pytest.mark.parametrize("n", [0, -3])
def test_an_impossible_length_is_refused(view, n):
    with pytest.raises(ConfigError, match="n: "):
        lists(view, n)


def test_what_is_unknown_is_said_by_name(view):
    with pytest.raises(UnknownPeer, match="nobody"):
        view.user("nobody")
    with pytest.raises(UnknownItem, match="nothing"):
        view.item("nothing")


@given(hnp.arrays(np.float32, st.integers(0, 40), elements=st.integers(-3, 3)), st.integers(1, 50))
def test_top_items_are_the_best_positive_ones_and_ties_go_to_lower_codes(scores, n):
    expected = sorted(
        (i for i in range(len(scores)) if scores[i] > 0), key=lambda i: (-scores[i], i)
    )
    assert top_items(scores, n).tolist() == expected[:n]


def test_removing_an_author_takes_interactions_and_trust():
    graph = Graph()
    graph.extend(["me", "mia", "mia"], ["a", "a", "b"])
    graph.extend_trust(["mia", "me"], ["me", "mia"])
    graph.remove_author("mia")
    view = graph.snapshot(now=0.0)
    assert view.interactions.n_edges == 1
    assert view.trust.n_edges == 1


def test_forgetting_one_item_leaves_the_others():
    graph = Graph()
    graph.extend(["me", "me", "mia"], ["a", "b", "a"])
    assert graph.forget("me", "a") == 1
    assert graph.forget("me", "unknown") == 0
    assert graph.snapshot(now=0.0).interactions.n_edges == 2


def test_eviction_drops_what_left_the_window():
    day = 86_400.0
    graph = Graph(window_s=90 * day)
    graph.record("me", "old", 1.0, time=0.0)
    graph.record("me", "new", 1.0, time=200 * day)
    graph.evict(now=201 * day)
    view = graph.snapshot(now=201 * day)
    assert view.interactions.users_of(view.item("old"))[0].tolist() == []
    assert view.interactions.users_of(view.item("new"))[0].tolist() == [0]


def test_a_time_in_the_future_is_refused_when_now_is_known():
    graph = Graph()
    with pytest.raises(DataError, match="in the future"):
        graph.record("me", "a", 1.0, time=10_000.0, now=0.0)
    with pytest.raises(DataError, match="in the future"):
        graph.extend(["me"], ["a"], 1.0, [10_000.0], now=0.0)
    assert len(graph.users) == 0


def test_a_refused_batch_leaves_no_names_behind():
    graph = Graph()
    with pytest.raises(DataError, match="bytes"):
        graph.extend_trust(["me", "mia"], ["mia", ""])
    with pytest.raises(DataError, match="weight"):
        graph.extend(["me"], ["a"], [-1.0])
    assert len(graph.users) == len(graph.items) == 0


@pytest.mark.parametrize("raw", ["", "x" * 513, b""])
def test_an_id_of_impossible_length_is_refused(raw):
    with pytest.raises(DataError, match="bytes"):
        Graph().record("me", raw, 1.0, time=0.0)
