"""The walk is the formula of its docstring; one ego, a block of egos and samples agree."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from peerrec.errors import ConfigError
from peerrec.ranking.interactions import InteractionGraph
from peerrec.ranking.recommend import top_items
from peerrec.ranking.salsa import Salsa, SalsaParameters, gates
from peerrec.ranking.salsa_sampled import anytime_walk, sampled_walk


def random_view(seed: int, n_users: int = 30, n_items: int = 20, n: int = 200):
    rng = np.random.default_rng(seed)
    graph = InteractionGraph()
    graph.extend(
        rng.integers(0, n_users, n), rng.integers(0, n_items, n), rng.integers(1, 9, n), 0.0
    )
    graph.reserve(n_users, n_items)
    return graph.snapshot()


def ridge_by_hand(view, ego, options, gate=None):
    """The docstring's formula in float64, with the linear system solved exactly."""
    w = view.matrix.toarray().astype(float)
    degree = (w > 0).sum(1)
    a = w * (degree / np.maximum(w.sum(1), 1e-30))[:, None]
    own = w[ego] > 0
    g = np.ones(len(w)) if gate is None else gate.astype(float).copy()
    if gate is not None:
        g[ego] = 0
    scale = np.where(degree > 0, np.maximum(degree, 1.0) ** -options.user_exponent, 0)
    counted = g * (degree > 0)
    mass = (g * scale**2) @ a / ((counted * scale**2).sum() / counted.sum())
    if gate is not None:
        mass = mass + options.damp * mass[own].mean()
    g[ego] = 0
    safe = np.where(mass > 0, mass, np.inf)
    r_matrix = (np.sqrt(g) * scale)[:, None] * a * safe**-options.item_exponent
    r = r_matrix @ (a[ego] * safe**-options.entry_discount)
    if options.rounds == 1:
        spread = r_matrix.T @ r
        y = r * (r @ r) / (spread @ spread + options.ridge * (r @ r))
    else:
        y = np.linalg.solve(r_matrix @ r_matrix.T + options.ridge * np.eye(len(r)), r)
    return (r_matrix.T @ y) * np.where(mass > 0, mass, 1.0) ** -options.popularity_discount


@pytest.mark.parametrize("gated", [False, True])
@pytest.mark.parametrize("rounds", [1, 10])
def test_scores_are_the_formula(gated, rounds):
    view = random_view(3)
    options = SalsaParameters(rounds=rounds, ridge=2.0)
    gate = np.random.default_rng(1).random(30).astype(np.float32) if gated else None
    scores = Salsa(view, options).walk(4, gate).scores[:, 0]
    np.testing.assert_allclose(scores, ridge_by_hand(view, 4, options, gate), rtol=2e-3, atol=2e-4)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.booleans())
def test_a_block_of_egos_equals_each_alone(seed, gated):
    view = random_view(seed)
    salsa = Salsa(view)
    egos = np.array([0, 5, 9])
    gate = np.random.default_rng(seed).random((30, 3)).astype(np.float32) if gated else None
    block = salsa.walk_block(egos, view.matrix[egos], gate)
    for column, ego in enumerate(egos):
        alone = salsa.walk(ego, None if gate is None else gate[:, column])
        np.testing.assert_allclose(
            block.scores[:, column], alone.scores[:, 0], rtol=1e-3, atol=1e-5
        )


@pytest.mark.parametrize("gated", [False, True])
def test_samples_come_to_the_exact_walk_as_walkers_grow(gated):
    view = random_view(11, n_users=200, n_items=60, n=2_000)
    gate = np.random.default_rng(2).random(200).astype(np.float32) if gated else None
    salsa = Salsa(view)
    exact = salsa.walk(7, gate).scores[:, 0]
    errors = []
    for draws in (100, 10_000, 1_000_000):
        rng = np.random.default_rng(5)
        sampled = sampled_walk(salsa, 7, rng, gate, draws=draws).scores[:, 0]
        errors.append(np.linalg.norm(sampled - exact) / np.linalg.norm(exact))
    assert errors[0] > 3 * errors[1] > 9 * errors[2]
    assert errors[2] < 0.02


def test_a_sampled_plain_walk_is_unbiased_within_its_standard_error():
    view = random_view(12, n_users=80, n_items=40, n=800)
    salsa = Salsa(view, SalsaParameters(rounds=1, ridge=1e6))
    exact = salsa.walk(3).scores[:, 0] * 1e6
    runs = np.array(
        [
            sampled_walk(salsa, 3, np.random.default_rng(seed), draws=50).scores[:, 0] * 1e6
            for seed in range(400)
        ]
    )
    # With a huge ridge the length of the step varies as 1 / its own sampled spread, so
    # compare directions: the scores as shares of their sum.
    exact = exact / exact.sum()
    runs = runs / runs.sum(axis=1, keepdims=True)
    error = runs.std(axis=0) / np.sqrt(len(runs))
    assert (np.abs(runs.mean(axis=0) - exact) < 4.5 * error + 1e-4).all()


def test_anytime_walkers_stop_when_the_list_has_settled():
    view = random_view(13, n_users=300, n_items=50, n=3_000)
    salsa = Salsa(view)
    exact = top_items(salsa.walk(1).scores[:, 0], 10)
    settled = anytime_walk(salsa, 1, np.random.default_rng(1), n=10, stable=1.0)
    assert len(np.intersect1d(top_items(settled.scores[:, 0], 10), exact)) >= 8


def test_the_same_seed_gives_the_same_walk():
    salsa = Salsa(random_view(14))
    one, other = (sampled_walk(salsa, 2, np.random.default_rng(9)).scores for _ in range(2))
    np.testing.assert_array_equal(one, other)


def test_hubs_without_merit_bring_nothing_in():
    graph = InteractionGraph()
    # The ego 0 shares item 0 with an honest hub 1 and with strangers 2…50, who also
    # push item 2.
    graph.extend([0, 1, 1], [0, 0, 1], 1.0, 0.0)
    strangers = np.arange(2, 51)
    graph.extend(strangers, np.zeros(49, int), 1.0, 0.0)
    graph.extend(strangers, np.full(49, 2), 1e6, 0.0)
    gate = np.zeros(51, np.float32)
    gate[1] = 1
    scores = Salsa(graph.snapshot()).walk(0, gate).scores[:, 0]
    assert scores[1] > 0
    assert scores[2] == 0


def test_more_identities_do_not_starve_an_honest_item():
    scores = []
    for n_strangers in (0, 500):
        graph = InteractionGraph()
        graph.extend([0, 1, 1, 3, 3], [0, 0, 1, 0, 2], 1.0, 0.0)
        strangers = np.arange(4, 4 + n_strangers)
        graph.extend(strangers, np.ones(n_strangers, int), 1.0, 0.0)
        gate = np.zeros(4 + n_strangers, np.float32)
        gate[[1, 3]] = 1
        scores.append(Salsa(graph.snapshot()).walk(0, gate).scores[:3, 0])
    np.testing.assert_allclose(scores[0], scores[1], rtol=1e-5)


NOTHING = (np.empty(0, np.int32), np.empty(0, np.float32))


def test_without_history_and_trust_there_is_nothing_to_walk_from():
    assert not Salsa(random_view(15)).walk(0, None, NOTHING).scores.any()


def test_without_history_the_walk_starts_from_trusted_hubs_alone():
    view = random_view(15)
    gate = np.zeros(30, np.float32)
    gate[4] = 1
    scores = Salsa(view).walk(0, gate, NOTHING).scores[:, 0]
    assert np.flatnonzero(scores).tolist() == view.items_of(4)[0].tolist()


def test_gates_cap_what_a_friend_counts_and_keep_strangers_out():
    merit = np.array([0.0, 0.001, 0.002, 0.5])
    np.testing.assert_allclose(gates(merit, 0.002, 1.0), [0, 0.5, 1, 1])
    np.testing.assert_allclose(gates(merit, 0.002, 0.0), [0, 1, 1, 1])


@pytest.mark.parametrize(
    ("key", "value"),
    [("rounds", 0), ("rounds", 11), ("ridge", 0), ("user_exponent", -0.1), ("damp", -1)],
)
def test_an_impossible_parameter_is_refused_by_name(key, value):
    with pytest.raises(ConfigError, match=key):
        SalsaParameters(**{key: value})


def test_no_walkers_are_refused():
    with pytest.raises(ConfigError, match="draws"):
        sampled_walk(Salsa(random_view(1)), 0, np.random.default_rng(0), draws=0)
