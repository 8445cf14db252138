"""Implicit ALS minimises what it says it does, and folding-in is the same solve."""

from __future__ import annotations

import itertools

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from peerrec.errors import ConfigError
from peerrec.ranking import factor_rows
from peerrec.ranking.factor_rows import row_blocks, solve_row, solve_rows
from peerrec.ranking.factors import (
    FactorParameters,
    fit_factors,
    random_start,
    tail_weights,
)

SMALL = FactorParameters(factors=4, iterations=3, rounds=8, unobserved=2.0, ridge=0.05)


def pairs(seed=0, users=25, items=18, density=0.3):
    rng = np.random.default_rng(seed)
    dense = (rng.random((users, items)) < density) * rng.integers(1, 4, (users, items))
    dense[users - 1] = 0
    dense[:, items - 1] = 0
    return sparse.csr_array(dense.astype(np.float32))


def fitted(matrix, parameters=SMALL, seed=0):
    start = random_start(matrix.shape[1], parameters.factors, np.random.default_rng(seed))
    return fit_factors(matrix, parameters, start)


def scaled_weights(matrix, model):
    return matrix.toarray() * model.user_scale[:, None]


def loss(matrix, model, users, items):
    """The objective of the module docstring, written down naively."""
    w, options = scaled_weights(matrix, model), model.parameters
    inner = users @ items.T
    seen = (w * (1 - inner) ** 2).sum()
    active = np.ix_(w.sum(axis=1) > 0, w.sum(axis=0) > 0)
    alpha = options.unobserved * w.sum() / inner[active].size
    unseen = alpha * (inner[active] ** 2).sum()
    total = seen + unseen
    for vectors, sums in ((users, w.sum(axis=1)), (items, w.sum(axis=0))):
        mean = sums[sums > 0].mean()
        ridge = options.ridge * sums**options.ridge_exponent * mean ** (1 - options.ridge_exponent)
        total += (ridge * (vectors**2).sum(axis=1))[sums > 0].sum()
    return total


@pytest.mark.parametrize("ridge_exponent", [1.0, 0.5])
def test_the_users_last_solve_has_no_gradient_left(ridge_exponent):
    matrix = pairs()
    parameters = msgspec.structs.replace(SMALL, ridge_exponent=ridge_exponent)
    model = fitted(matrix, parameters)
    users, items = model.user_factors.astype(float), model.item_factors.astype(float)
    at_optimum = loss(matrix, model, users, items)
    step = 1e-4
    for user in range(matrix.shape[0] - 1):
        for axis in range(SMALL.factors):
            moved = [users.copy(), users.copy()]
            moved[0][user, axis] += step
            moved[1][user, axis] -= step
            above, below = (loss(matrix, model, each, items) for each in moved)
            assert min(above, below) >= at_optimum - 1e-9
            assert abs(above - below) / (2 * step) < 2e-3


def test_every_iteration_lowers_the_loss():
    matrix = pairs()
    losses = []
    for iterations in range(1, 6):
        parameters = msgspec.structs.replace(SMALL, iterations=iterations)
        model = fitted(matrix, parameters)
        users, items = model.user_factors.astype(float), model.item_factors.astype(float)
        losses.append(loss(matrix, model, users, items))
    assert all(later < earlier for earlier, later in itertools.pairwise(losses))


def test_folding_a_user_in_gives_the_row_of_the_fit():
    matrix = pairs()
    model = fitted(matrix)
    for user in range(matrix.shape[0]):
        row = slice(matrix.indptr[user], matrix.indptr[user + 1])
        folded = model.fold_in_user(matrix.indices[row], matrix.data[row])
        np.testing.assert_allclose(folded, model.user_factors[user], rtol=1e-3, atol=1e-4)


def test_folding_many_users_in_agrees_with_one_by_one():
    matrix = pairs()
    model = fitted(matrix)
    others = pairs(seed=5)
    together = model.fold_in_users(others)
    for user in range(others.shape[0]):
        row = slice(others.indptr[user], others.indptr[user + 1])
        alone = model.fold_in_user(others.indices[row], others.data[row])
        np.testing.assert_allclose(together[user], alone, rtol=1e-3, atol=1e-4)


def test_folding_an_item_in_gives_the_row_that_a_converged_fit_has():
    matrix = pairs()
    model = fitted(matrix, msgspec.structs.replace(SMALL, iterations=400))
    by_item = matrix.T.tocsr()
    for item in range(matrix.shape[1]):
        row = slice(by_item.indptr[item], by_item.indptr[item + 1])
        folded = model.fold_in_item(by_item.indices[row], by_item.data[row])
        np.testing.assert_allclose(folded, model.item_factors[item], rtol=0.02, atol=3e-3)


def test_a_weight_counts_like_so_many_repeats():
    matrix = pairs()
    repeated = np.repeat(np.arange(matrix.nnz), matrix.data.astype(int))
    rows = np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))[repeated]
    indptr = np.concatenate([[0], np.cumsum(np.bincount(rows, minlength=matrix.shape[0]))])
    ones = np.ones(len(rows), np.float32)
    unrolled = sparse.csr_array((ones, matrix.indices[repeated], indptr), shape=matrix.shape)
    first, second = fitted(matrix), fitted(unrolled)
    np.testing.assert_allclose(first.item_factors, second.item_factors, rtol=1e-2, atol=1e-4)


def test_the_same_start_gives_the_same_bytes():
    first, second = fitted(pairs()), fitted(pairs())
    assert first.user_factors.tobytes() == second.user_factors.tobytes()
    assert first.item_factors.tobytes() == second.item_factors.tobytes()


def test_users_and_items_without_interactions_have_no_vector_and_change_nothing():
    matrix = pairs()
    model = fitted(matrix)
    assert not model.user_factors[-1].any()
    assert not model.item_factors[-1].any()
    grown = matrix.copy()
    grown.resize((40, 18))
    np.testing.assert_allclose(fitted(grown).item_factors, model.item_factors, rtol=1e-4, atol=1e-6)


def test_an_empty_matrix_is_fitted_without_complaint():
    model = fitted(sparse.csr_array((3, 5), dtype=np.float32))
    assert not model.scores(np.arange(3)).any()
    assert not model.fold_in_user(np.empty(0, np.int32), []).any()
    assert not model.fold_in_item(np.empty(0, np.int32), []).any()


def test_a_ridge_above_one_leaves_nothing():
    matrix = pairs()
    spread = []
    for ridge in (1.1, 0.05):
        parameters = msgspec.structs.replace(SMALL, ridge=ridge, iterations=60)
        spread.append(np.abs(fitted(matrix, parameters).item_factors).max())
    assert spread[0] < 1e-4 < spread[1]


def test_tastes_of_two_circles_are_told_apart():
    block = np.kron(np.eye(2, dtype=np.float32), np.ones((6, 5), np.float32))
    block[0, 0] = block[6, 5] = 0
    model = fitted(sparse.csr_array(block))
    scores = model.scores(np.array([0, 6]))
    assert scores[0, 0] > scores[0, 5:].max()
    assert scores[1, 5] > scores[1, :5].max()


def test_the_tail_lifts_those_who_are_served_worst():
    matrix = pairs(users=60, items=40, density=0.2)
    losses = []
    for tail in (1.0, 0.3):
        parameters = msgspec.structs.replace(SMALL, tail=tail, iterations=10)
        model = fitted(matrix, parameters)
        w = scaled_weights(matrix, model)[:-1]
        taste = (w * model.scores(np.arange(59))).sum(axis=1) / w.sum(axis=1)
        losses.append(np.sort(1 - taste)[-18:].mean())
    assert losses[1] < losses[0]


@given(st.lists(st.floats(0, 1), min_size=2, max_size=40), st.floats(0.05, 0.95))
def test_tail_weights_rise_with_the_loss_and_average_one(losses, tail):
    values = np.array(losses)
    weights = tail_weights(values, tail)
    assert weights.mean() == pytest.approx(1, rel=1e-4)
    assert (np.diff(weights[np.argsort(values)]) >= -1e-5).all()


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 1000), st.sampled_from([1, 64, 512, 1 << 17]))
def test_blocks_of_any_size_solve_every_row_exactly(seed, block_floats):
    rng = np.random.default_rng(seed)
    d = 5
    matrix = pairs(seed, users=12, items=15, density=rng.uniform(0.05, 0.9))
    vectors = rng.standard_normal((15, d)).astype(np.float32)
    shared = (vectors.T @ vectors * np.float32(0.1)).astype(np.float32)
    ridge = rng.uniform(0.5, 2, 12).astype(np.float32)
    solution = np.zeros((12, d), np.float32)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(factor_rows, "BLOCK_FLOATS", block_floats)
        blocks = row_blocks(matrix, d)
    assert sorted(row for block in blocks for row in block.rows) == list(
        np.flatnonzero(np.diff(matrix.indptr))
    )
    solve_rows(blocks, vectors, solution, shared, ridge, rounds=12)
    for row in range(12):
        at = slice(matrix.indptr[row], matrix.indptr[row + 1])
        exact = solve_row(vectors[matrix.indices[at]], matrix.data[at], shared, float(ridge[row]))
        np.testing.assert_allclose(solution[row], exact, rtol=5e-3, atol=2e-4)


@pytest.mark.parametrize(
    ("key", "value"),
    [("factors", 0), ("ridge", 0.0), ("ridge", float("nan")), ("tail", 0.0), ("unobserved", -1.0)],
)
def test_an_impossible_parameter_is_refused_by_name(key, value):
    with pytest.raises(ConfigError, match=key):
        FactorParameters(**{key: value})


def test_a_start_of_another_shape_is_refused():
    with pytest.raises(ConfigError, match=r"start.*\(18, 4\)"):
        fit_factors(pairs(), SMALL, np.zeros((18, 3), np.float32))
