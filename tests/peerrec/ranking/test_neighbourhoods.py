"""Neighbourhoods are what trusted people's tastes make of the items."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from peerrec.errors import ConfigError
from peerrec.ranking.interactions import InteractionGraph
from peerrec.ranking.neighbourhoods import neighbourhoods


def planted(seed, groups=4, size=15, users=20, noise=0.05):
    """Items of `groups` scenes; each user keeps to one, but for some noise."""
    rng = np.random.default_rng(seed)
    n_items = groups * size
    user = np.repeat(np.arange(groups * users), 10)
    scene = user // users
    item = scene * size + rng.integers(0, size, len(user))
    stray = rng.random(len(user)) < noise
    item[stray] = rng.integers(0, n_items, stray.sum())
    return user, item, np.repeat(np.arange(groups), size)


def snapshot(user, item):
    graph = InteractionGraph()
    graph.extend(user, item, 1.0, 0.0)
    return graph.snapshot()


def purity(labels, scenes):
    """Return the share of items that lie with the majority of their label's scene."""
    counts = np.zeros((labels.max() + 1, scenes.max() + 1))
    np.add.at(counts, (labels, scenes), 1)
    return counts.max(axis=1).sum() / len(labels)


def test_scenes_are_found():
    found = []
    for seed in range(5):
        user, item, scenes = planted(seed)
        labels = neighbourhoods(snapshot(user, item), np.random.default_rng(seed), n=6)
        found.append(purity(labels, scenes))
    assert np.mean(found) > 0.9


def test_strangers_cannot_move_items_together():
    user, item, scenes = planted(0)
    honest = user.max() + 1
    sybils = np.repeat(np.arange(honest, honest + 200), 10)
    mixed = np.random.default_rng(1).integers(0, len(scenes), len(sybils))
    view = snapshot(np.append(user, sybils), np.append(item, mixed))
    gate = (np.arange(view.n_users) < honest).astype(np.float32)
    labels = neighbourhoods(view, np.random.default_rng(0), gate=gate, n=6)
    assert purity(labels, scenes) > 0.9


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 80), st.integers(1, 100))
def test_labels_are_in_range_repeatable_and_only_for_known_items(seed, n, n_edges):
    rng = np.random.default_rng(seed)
    graph = InteractionGraph()
    user, item = rng.integers(0, 9, n_edges), rng.integers(0, 30, n_edges)
    graph.extend(user, item, 1.0, 0.0)
    graph.reserve(12, 35)
    gate = (rng.random(12) < 0.5).astype(np.float32)
    first, second = (
        neighbourhoods(graph.snapshot(), np.random.default_rng(7), gate=gate, n=n) for _ in range(2)
    )
    assert first.tolist() == second.tolist()
    assert first.shape == (35,)
    assert first.max() < n
    known = np.isin(np.arange(35), item[gate[user] > 0])
    assert ((first >= 0) == known).all()


def test_an_empty_graph_has_none():
    graph = InteractionGraph()
    graph.reserve(3, 4)
    labels = neighbourhoods(graph.snapshot(), np.random.default_rng(0))
    assert labels.tolist() == [-1] * 4


def test_an_impossible_number_is_refused():
    with pytest.raises(ConfigError, match="n: 0"):
        neighbourhoods(snapshot([0], [0]), np.random.default_rng(0), n=0)
