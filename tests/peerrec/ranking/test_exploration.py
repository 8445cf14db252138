"""Exploring leads out of the familiar, stays on the walk, and off means off."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from peerrec.errors import ConfigError
from peerrec.ranking.exploration import explored, visits
from peerrec.ranking.interactions import InteractionGraph
from peerrec.ranking.recommend import top_items
from peerrec.ranking.salsa import Salsa

N_ITEMS = 40


def random_view(seed, n=300):
    rng = np.random.default_rng(seed)
    graph = InteractionGraph()
    graph.extend(rng.integers(0, 25, n), rng.integers(0, N_ITEMS, n), 1.0, 0.0)
    graph.reserve(25, N_ITEMS)
    return graph.snapshot()


def case(seed):
    """Scores of a walk, own items left out, and random labels with some unknown."""
    view = random_view(seed)
    scores = Salsa(view).walk(0).scores[:, 0]
    own = view.items_of(0)[0]
    scores[own] = 0
    labels = np.random.default_rng(seed).integers(-1, 5, N_ITEMS).astype(np.int32)
    return view, scores, own, labels


def explore(seed, dial, n=10, draw=0):
    view, scores, own, labels = case(seed)
    rng = np.random.default_rng(draw)
    return explored(view, scores, n, dial, own=own, labels=labels, rng=rng)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 60))
def test_at_zero_the_list_is_exactly_the_plain_one(seed, n):
    _, scores, _, _ = case(seed)
    assert explore(seed, 0.0, n).tolist() == top_items(scores, n).tolist()


def test_at_zero_no_random_number_is_drawn():
    view, scores, own, labels = case(1)
    explored(view, scores, 5, 0.0, own=own, labels=labels, rng=None)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.floats(0, 1), st.integers(1, 60))
def test_every_entry_is_reached_by_the_walk_and_none_comes_twice(seed, dial, n):
    _, scores, own, _ = case(seed)
    items = explore(seed, dial, n).tolist()
    assert len(items) == len(set(items)) == min(n, np.count_nonzero(scores > 0))
    assert all(scores[item] > 0 for item in items)
    assert not set(items) & set(own.tolist())


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000), st.floats(0, 1))
def test_the_same_generator_gives_the_same_list(seed, dial):
    assert explore(seed, dial, draw=3).tolist() == explore(seed, dial, draw=3).tolist()


def two_worlds():
    """The ego lives in world 0 (items 0–29); hubs lead to world 1 (30–39), less strongly."""
    graph = InteractionGraph()
    graph.extend([0] * 5, range(5), 1.0, 0.0)
    for user in range(1, 11):
        graph.extend([user] * 12, [(7 * user + k) % 30 for k in range(12)], 1.0, 0.0)
        graph.extend([user] * 2, [0, 30 + user % 10], 1.0, 0.0)
    view = graph.snapshot()
    scores = np.zeros(N_ITEMS, np.float32)
    scores[5:30] = np.linspace(1.0, 0.6, 25)
    scores[30:] = np.linspace(0.5, 0.3, 10)
    labels = np.repeat([0, 1], [30, 10]).astype(np.int32)
    return view, scores, labels


def new_world_share(dial):
    view, scores, labels = two_worlds()
    rng = np.random.default_rng(0)
    lists = [
        explored(view, scores, 10, dial, own=np.arange(5), labels=labels, rng=rng)
        for _ in range(50)
    ]
    return np.mean([labels[items] == 1 for items in lists])


def test_a_turned_up_dial_lists_more_of_what_the_ego_never_visits():
    shares = [new_world_share(dial) for dial in (0.0, 0.3, 1.0)]
    assert shares[0] == 0
    assert shares[0] < shares[1] < shares[2]


def test_at_one_most_places_are_in_new_neighbourhoods_while_they_last():
    view, scores, _ = two_worlds()
    labels = np.arange(N_ITEMS, dtype=np.int32) // 4
    rng, own = np.random.default_rng(0), np.arange(24)
    scores[:24] = np.where(np.arange(24) < 5, 0, 1)
    lists = [explored(view, scores, 10, 1.0, own=own, labels=labels, rng=rng) for _ in range(50)]
    assert np.mean([labels[items] >= 6 for items in lists]) > 0.5


def test_the_first_place_stays_familiar_until_all_explore():
    view, scores, labels = two_worlds()
    own = np.arange(5)
    for draw in range(20):
        rng = np.random.default_rng(draw)
        assert explored(view, scores, 10, 0.3, own=own, labels=labels, rng=rng)[0] == 5


def test_items_without_neighbourhood_are_still_listed():
    view, scores, own, _ = case(4)
    nowhere = np.full(N_ITEMS, -1, np.int32)
    rng = np.random.default_rng(0)
    assert len(explored(view, scores, 10, 1.0, own=own, labels=nowhere, rng=rng)) == 10


def test_nothing_reached_gives_nothing():
    view, scores, own, labels = case(4)
    rng = np.random.default_rng(0)
    none = np.zeros_like(scores)
    assert explored(view, none, 10, 0.5, own=own, labels=labels, rng=rng).tolist() == []


def test_visits_count_own_items_and_leave_out_unplaced_ones():
    labels = np.array([0, 2, 2, -1], np.int32)
    assert visits(labels, np.array([0, 1, 2, 3])).tolist() == [1, 0, 2]


@pytest.mark.parametrize("dial", [-0.1, 1.5, float("nan")])
def test_an_impossible_dial_is_refused(dial):
    with pytest.raises(ConfigError, match="explore"):
        explore(0, dial)
