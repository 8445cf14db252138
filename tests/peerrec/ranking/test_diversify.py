"""A varied list holds the same kind of entries, less alike, and only trusted eyes compare."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from peerrec.errors import ConfigError
from peerrec.ranking.diversify import CANDIDATES_MAX, diversified
from peerrec.ranking.interactions import InteractionGraph
from peerrec.ranking.recommend import top_items
from peerrec.ranking.similarity import cosines, listener_vectors


def random_view(seed, n_users=25, n_items=40, n=300):
    rng = np.random.default_rng(seed)
    graph = InteractionGraph()
    graph.extend(
        rng.integers(0, n_users, n), rng.integers(0, n_items, n), rng.integers(1, 9, n), 0.0
    )
    graph.reserve(n_users, n_items)
    return graph.snapshot()


def shortfalls(found, scores, cosine, diversity):
    """Return, per place, by how much a better choice was missed."""
    left, chosen, missed = set(np.flatnonzero(scores > 0).tolist()), [], []
    for item in found.tolist():
        value = {
            j: (1 - diversity) * scores[j] / scores.max()
            - diversity * max((cosine[j, k] for k in chosen), default=0)
            for j in left
        }
        missed.append(max(value.values()) - value[item])
        chosen.append(item)
        left.remove(item)
    return np.array(missed)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.floats(0.01, 0.99), st.integers(1, 60), st.booleans())
def test_the_list_is_maximal_marginal_relevance(seed, diversity, n, gated):
    view = random_view(seed)
    rng = np.random.default_rng(seed)
    scores = (rng.integers(-20, 1000, 40) / 64).astype(np.float32)
    gate = rng.random(25).astype(np.float32) if gated else None
    has = (view.matrix.toarray() > 0) * np.sqrt(1 if gate is None else gate[:, None])
    length = np.linalg.norm(has, axis=0)
    unit = has / np.where(length > 0, length, 1)
    found = diversified(view, scores, n, diversity, gate)
    assert len(found) == min(n, np.count_nonzero(scores > 0))
    assert (shortfalls(found, scores, unit.T @ unit, diversity) < 1e-5).all()


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 60))
def test_at_zero_the_list_is_the_plain_one(seed, n):
    scores = np.random.default_rng(seed).normal(size=40).astype(np.float32)
    found = diversified(random_view(seed), scores, n, 0.0)
    assert found.tolist() == top_items(scores, n).tolist()


def test_a_twin_of_a_listed_item_gives_way():
    graph = InteractionGraph()
    graph.extend([0, 0, 1, 1, 2], [0, 1, 0, 1, 2], 1.0, 0.0)
    scores = np.array([1.0, 0.9, 0.5], np.float32)
    assert diversified(graph.snapshot(), scores, 2, 0.0).tolist() == [0, 1]
    assert diversified(graph.snapshot(), scores, 2, 0.4).tolist() == [0, 2]


def test_strangers_do_not_decide_what_is_alike():
    graph = InteractionGraph()
    graph.extend([0, 1, 2], [0, 1, 2], 1.0, 0.0)
    honest = graph.snapshot()
    for sybil in range(3, 50):
        graph.extend([sybil, sybil], [0, 1], 1.0, 0.0)
    gate = np.zeros(50, np.float32)
    gate[:3] = 1
    vectors = listener_vectors(graph.snapshot(), np.arange(3), gate)
    expected = listener_vectors(honest, np.arange(3))
    np.testing.assert_allclose(cosines(vectors, vectors), cosines(expected, expected))


def test_an_item_nobody_trusted_has_is_like_nothing():
    view = random_view(1)
    vectors = listener_vectors(view, np.arange(40), np.zeros(25, np.float32))
    assert not cosines(vectors, vectors).any()


def test_a_list_longer_than_the_candidates_goes_on_in_plain_order():
    n_items = CANDIDATES_MAX + 300
    graph = InteractionGraph()
    graph.extend(np.arange(n_items) % 50, np.arange(n_items), 1.0, 0.0)
    scores = np.linspace(2, 1, n_items).astype(np.float32)
    found = diversified(graph.snapshot(), scores, n_items, 0.3)
    assert sorted(found.tolist()) == list(range(n_items))
    assert found[CANDIDATES_MAX:].tolist() == list(range(CANDIDATES_MAX, n_items))


@pytest.mark.parametrize("dial", [-0.1, 1.5, float("nan")])
def test_an_impossible_dial_is_refused(dial):
    with pytest.raises(ConfigError, match="diversity"):
        diversified(random_view(0), np.ones(40, np.float32), 5, dial)
