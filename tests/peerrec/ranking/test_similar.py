"""What is similar shares trusted listeners; strangers neither make nor break it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from peerrec.errors import ConfigError, UnknownItem
from peerrec.ranking.graph import Graph
from peerrec.ranking.interactions import InteractionGraph
from peerrec.ranking.salsa import Salsa, SalsaParameters
from peerrec.ranking.similar import similar, similarity_scores


@pytest.fixture
def graph():
    graph = Graph()
    for user in ("ann", "bob", "cem"):
        graph.extend([user] * 3, ["a", "b", "hit"])
    for user in ("dee", "eva", "fay", "gil"):
        graph.extend([user] * 2, ["c", "hit"])
    return graph


def test_shared_listeners_count_more_than_popularity(graph):
    found = [one.item for one in similar(graph.snapshot(now=0.0), "a", n=10)]
    assert found == ["b", "hit"]


def test_the_item_itself_is_not_listed_and_scores_fall(graph):
    found = similar(graph.snapshot(now=0.0), "hit", n=10)
    assert {one.item for one in found} == {"a", "b", "c"}
    scores = [one.score for one in found]
    assert scores == sorted(scores, reverse=True)
    assert min(scores) > 0


def test_sybils_without_merit_change_nothing(graph):
    honest = graph.snapshot(now=0.0)
    gate = np.ones(honest.interactions.n_users, np.float32)
    expected = similar(honest, "a", 10, gate)
    for k in range(100):
        graph.extend([f"sybil{k}"] * 2, ["a", "spam"])
    attacked = graph.snapshot(now=0.0)
    closed = np.zeros(attacked.interactions.n_users, np.float32)
    closed[: len(gate)] = 1
    found = similar(attacked, "a", 10, closed)
    assert [one.item for one in found] == [one.item for one in expected]
    np.testing.assert_allclose(
        [one.score for one in found], [one.score for one in expected], rtol=1e-5
    )
    assert similar(attacked, "a", 1)[0].item == "spam", "counting everyone alike, they win"


def test_an_item_that_nobody_trusted_has_is_like_nothing(graph):
    view = graph.snapshot(now=0.0)
    assert similar(view, "a", 5, np.zeros(view.interactions.n_users, np.float32)) == []


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.booleans())
@example(seed=267, gated=False)  # an item that nobody has
def test_undamped_likeness_is_symmetric_and_the_formula(seed, gated):
    rng = np.random.default_rng(seed)
    plays = InteractionGraph()
    plays.extend(rng.integers(0, 15, 90), rng.integers(0, 12, 90), rng.integers(1, 9, 90), 0.0)
    plays.reserve(15, 12)
    view = plays.snapshot()
    gate = rng.random(15).astype(np.float32) if gated else np.ones(15, np.float32)
    options = SalsaParameters(damp=0.0)
    found = np.stack([similarity_scores(Salsa(view, options), item, gate) for item in range(12)])
    w = view.matrix.toarray().astype(float)
    degree = (w > 0).sum(1)
    affinity = w * (degree / np.maximum(w.sum(1), 1e-9))[:, None]
    share = gate * np.where(degree > 0, np.maximum(degree, 1.0) ** (-2 * options.user_exponent), 0)
    mass = share @ affinity
    root = np.sqrt(np.where(mass > 0, mass, np.inf))
    expected = (affinity * share[:, None]).T @ affinity / root[:, None] / root
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-6)
    np.testing.assert_allclose(found, found.T, rtol=1e-3, atol=1e-6)


def test_what_is_unknown_or_impossible_is_said(graph):
    view = graph.snapshot(now=0.0)
    with pytest.raises(UnknownItem, match="nothing"):
        similar(view, "nothing", 3)
    with pytest.raises(ConfigError, match="n: 0"):
        similar(view, "a", 0)
