"""Who is heard decides what is recommended; what was missing is said."""

from __future__ import annotations

import numpy as np
import pytest

from peerrec.errors import ConfigError, UnknownPeer
from peerrec.ranking.bootstrap import Bootstrap
from peerrec.ranking.graph import Graph
from peerrec.ranking.merit import MeritParameters
from peerrec.ranking.rank import RankSettings, rank
from peerrec.ranking.trust_snapshot import TrustSnapshot


def rng() -> np.random.Generator:
    return np.random.default_rng(1)


@pytest.fixture
def graph():
    graph = Graph()
    graph.extend(["me", "ben", "ben", "eve", "eve"], ["blue", "blue", "green", "blue", "spam"])
    return graph


def items(ranking):
    return [entry.item for entry in ranking.recommend(10)]


def test_only_trusted_people_bring_items_in(graph):
    graph.set_trust("me", "ben", 1.0, time=0.0)
    assert items(rank(graph.snapshot(now=0.0), "me", rng())) == ["green"]


def test_without_trust_everyone_counts_alike_and_spam_comes_in(graph):
    graph.set_trust("me", "ben", 1.0, time=0.0)
    ranking = rank(graph.snapshot(now=0.0), "me", rng(), use_trust=False)
    assert set(items(ranking)) == {"green", "spam"}


def test_a_node_without_trust_says_so_and_ranks_nothing(graph):
    ranking = rank(graph.snapshot(now=0.0), "me", rng())
    assert items(ranking) == []
    assert "No trust given yet" in ranking.notes[0]


def test_a_node_without_trust_is_helped_by_its_bootstrap_and_says_so(graph):
    ranking = rank(graph.snapshot(now=0.0), "me", rng(), bootstrap=["ben", "nobody"])
    assert items(ranking) == ["green"]
    assert "1 bootstrap peers" in ranking.notes[0]


def test_a_newcomer_without_history_starts_from_trust_and_is_told(graph):
    graph.set_trust("new", "ben", 1.0, time=0.0)
    ranking = rank(graph.snapshot(now=0.0), "new", rng())
    assert set(items(ranking)) == {"blue", "green"}
    assert "No interactions yet" in ranking.notes[0]


def test_a_blocked_peer_is_not_heard(graph):
    graph.set_trust("me", "ben", 1.0, time=0.0)
    graph.set_trust("ben", "eve", 1.0, time=0.0)
    assert "spam" in items(rank(graph.snapshot(now=0.0), "me", rng()))
    graph.set_trust("me", "eve", -1.0, time=1.0)
    assert "spam" not in items(rank(graph.snapshot(now=1.0), "me", rng()))


def test_an_unknown_user_is_named(graph):
    with pytest.raises(UnknownPeer, match="nobody"):
        rank(graph.snapshot(now=0.0), "nobody", rng())


@pytest.mark.parametrize("key", ["cap", "gate_exponent", "bootstrap_weight"])
def test_an_impossible_setting_is_refused_by_name(key):
    with pytest.raises(ConfigError, match=key):
        RankSettings(**{key: -1.0})


def test_every_own_friend_makes_the_bootstrap_count_less():
    trust = TrustSnapshot.from_edges([1, 2], [2, 1], [1.0, 1.0], n_nodes=4)
    eyes = Bootstrap.walked(trust, [1], MeritParameters(), rng(), weight=2.0)
    shares = [eyes.lend(np.zeros(4), given)[1] for given in (0.0, 2.0, 6.0)]
    assert shares == pytest.approx([shares[0], shares[0] / 2, shares[0] / 4])


def test_no_bootstrap_lends_nothing():
    trust = TrustSnapshot.from_edges([1], [2], [1.0], n_nodes=4)
    eyes = Bootstrap.walked(trust, [], MeritParameters(), rng(), weight=2.0)
    assert not eyes.merit.any()
