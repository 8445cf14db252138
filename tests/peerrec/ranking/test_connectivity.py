"""Connectivity decay: count through the best predecessor, flag with a bound."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom

from peerrec.errors import ConfigError
from peerrec.ranking.connectivity import flag_bridged, through_best


def flags(through, hits, rule, threshold=0.99, confidence=0.95):
    return flag_bridged(
        np.asarray(through),
        np.asarray(hits),
        threshold=threshold,
        rule=rule,
        confidence=confidence,
    )[1].tolist()


def counted_by_hand(walks, ego):
    """The same count, one walk and one pair at a time."""
    hits: dict[int, int] = {}
    through: dict[int, dict[int, int]] = {}
    for walk in walks.T.tolist():
        seen: list[int] = []
        for node in walk:
            if node < 0 or node == ego or node in seen:
                continue
            hits[node] = hits.get(node, 0) + 1
            for earlier in seen:
                pairs = through.setdefault(node, {})
                pairs[earlier] = pairs.get(earlier, 0) + 1
            seen.append(node)
    best = {
        node: min(((-count, v) for v, count in through.get(node, {}).items()), default=(0, -1))
        for node in hits
    }
    return {node: (best[node][1], -best[node][0], hits[node]) for node in sorted(hits)}


@given(seed=st.integers(0, 10_000), n=st.integers(2, 8))
def test_the_vectorised_count_equals_counting_by_hand(seed, n):
    rng = np.random.default_rng(seed)
    walks = rng.integers(0, n, (6, 15)).astype(np.int32)
    walks[0] = 0
    walks[np.arange(6)[:, None] > rng.integers(0, 6, 15)] = -1
    found = through_best(walks, ego=0, n_nodes=n)
    rows = zip(found.nodes, found.best, found.through, found.hits, strict=True)
    assert {int(a): (int(b), int(c), int(d)) for a, b, c, d in rows} == counted_by_hand(walks, 0)


def test_one_walk_flags_a_peer_only_in_the_published_form():
    assert flags([1], [1], "published") == [True]
    assert flags([1], [1], "wilson") == [False]
    assert flags([1], [1], "clopper-pearson") == [False]


def test_many_walks_through_one_peer_flag_in_every_form():
    for rule in ("published", "wilson", "clopper-pearson"):
        assert flags([2_000], [2_000], rule) == [True]


def test_a_peer_reached_straight_from_the_ego_is_never_flagged():
    for rule in ("published", "wilson", "clopper-pearson"):
        assert flags([0, 0], [1, 5_000], rule) == [False, False]


def test_the_exact_bound_flags_by_chance_no_more_often_than_stated():
    hits, share, confidence = 600, 0.97, 0.95
    through = np.arange(hits + 1)
    flagged = flags(
        through, np.full(hits + 1, hits), "clopper-pearson", threshold=share, confidence=confidence
    )
    assert binom.pmf(through, hits, share)[flagged].sum() <= 1 - confidence


@given(hits=st.integers(1, 3_000), confidence=st.sampled_from([0.5, 0.9, 0.99]))
def test_a_bound_never_flags_what_the_share_itself_does_not(hits, confidence):
    through = np.arange(hits + 1)
    all_hits = np.full(hits + 1, hits)
    published = flags(through, all_hits, "published", threshold=0.9)
    for rule in ("wilson", "clopper-pearson"):
        bounded = flags(through, all_hits, rule, threshold=0.9, confidence=confidence)
        if confidence > 0.5:
            assert not any(b and not p for b, p in zip(bounded, published, strict=True))
        assert bounded == sorted(bounded), "more walks through one peer never clear it"


def test_an_unknown_rule_is_named():
    with pytest.raises(ConfigError, match="connectivity_rule: 'guess'"):
        flags([1], [1], "guess")
