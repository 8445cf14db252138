"""Parameters are chosen on hidden interactions, by walks that answer for many settings."""

from __future__ import annotations

import itertools

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from peerrec.ranking.holdout import hash_order, hide, newest_of
from peerrec.ranking.interactions import InteractionGraph
from peerrec.ranking.parameter_search import search
from peerrec.ranking.ridge_path import ridge_path
from peerrec.ranking.salsa import Salsa, SalsaParameters, Steps, ridge_solution
from peerrec.ranking.tuning import DAMPS, tune_walk
from peerrec.ranking.walk_trials import walked

EVERYBODY = np.arange(60, dtype=np.int32)
DAY = 86_400.0


def view_of(seed: int, n_users: int = 60, n_items: int = 50, n: int = 900):
    """People with two tastes, a little noise, and plays over three months."""
    rng = np.random.default_rng(seed)
    users = rng.integers(0, n_users, n)
    items = rng.integers(0, n_items // 2, n) + (users % 2) * (n_items // 2)
    noisy = rng.random(n) < 0.2
    items[noisy] = (n_items * rng.random(noisy.sum()) ** 2).astype(int)
    graph = InteractionGraph()
    graph.extend(users, items, rng.integers(1, 9, n), rng.random(n) * 90 * DAY)
    graph.reserve(n_users, n_items)
    return graph.snapshot()


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 1000), st.sampled_from([0.25, 4.0, 64.0]), st.integers(1, 3), st.booleans())
def test_one_path_gives_what_conjugate_gradients_give_for_each_ridge(seed, ridge, rounds, gated):
    view = view_of(seed)
    options = SalsaParameters(ridge=ridge, rounds=rounds)
    egos = np.array([3, 17])
    gate = np.random.default_rng(seed).random((60, 2)).astype(np.float32) if gated else None
    steps = Steps(Salsa(view, options), egos, view.matrix[egos], gate)
    path = ridge_path(steps, steps.target(), rounds=3)
    _, items = ridge_solution(steps, steps.target(), options)
    scale = np.abs(items).max()
    np.testing.assert_allclose(path.scores(ridge, rounds) / scale, items / scale, atol=1e-4)


def test_path_of_an_ego_without_any_hub_is_zero():
    view = view_of(1)
    steps = Steps(Salsa(view), np.array([0, 1]), view.matrix[[0, 1]] * 0, None)
    assert not ridge_path(steps, steps.target(), rounds=3).scores(1.0, 3).any()


@pytest.mark.parametrize("gated", [False, True])
def test_trials_rate_what_the_walk_itself_recommends(gated):
    view = view_of(2)
    held = hide(view, EVERYBODY, newest_of(view))
    gate = np.random.default_rng(0).random(60).astype(np.float32)
    options = SalsaParameters(item_exponent=0.0, popularity_discount=0.0, ridge=2.0, rounds=2)
    trials = walked(
        view, held, msgspec.structs.replace(options, rounds=3), (lambda _: gate) if gated else None
    )
    gates = np.repeat(gate[:, None], len(held), axis=1) if gated else None
    scores = Salsa(view, options).walk_block(held.egos, held.profiles, gates).scores.T.copy()
    scores[held.profiles.toarray() > 0] = -np.inf
    wanted = held.hidden.toarray() > 0
    top = np.argsort(-scores, axis=1, kind="stable")[:, :20]
    hit = np.take_along_axis(wanted, top, axis=1)
    discount = 1 / np.log2(np.arange(2, 22))
    ideal = np.array([discount[: min(20, n)].sum() for n in wanted.sum(axis=1)])
    expected = (hit.sum(axis=1) / wanted.sum(axis=1) + hit @ discount / ideal) / 2
    np.testing.assert_allclose(trials.quality(options), expected, atol=0.02)
    assert trials.score(options) == pytest.approx(expected.mean(), abs=1e-3)


def test_last_fifth_is_hidden_by_the_minutes_of_the_graph():
    graph = InteractionGraph()
    times = np.array([50, 3, 80, 1, 20, 70, 9, 60, 2, 40]) * DAY
    graph.extend([0] * 10, range(10), 1.0, times)
    view = graph.snapshot()
    held = hide(view, np.array([0], np.int32), newest_of(view))
    assert held.hidden.indices.tolist() == [2, 5]
    assert held.profiles.nnz == 8


def test_every_third_ego_hides_at_random():
    view = view_of(4)
    mixed = hide(view, EVERYBODY, newest_of(view), mixed=True)
    last = hide(view, EVERYBODY, newest_of(view), mixed=False)
    chance = hide(view, EVERYBODY, None)
    for row, ego in enumerate(mixed.egos.tolist()):
        other = (last, last, chance)[row % 3]
        assert ego == other.egos[row]
        assert mixed.hidden[[row]].indices.tolist() == other.hidden[[row]].indices.tolist()


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 1000))
def test_hidden_and_left_make_up_the_profile(seed):
    view = view_of(seed, n=200)
    held = hide(view, EVERYBODY, newest_of(view))
    together = (held.hidden + held.profiles).toarray()
    np.testing.assert_allclose(together, view.rows(held.egos).toarray(), rtol=1e-5)
    assert (held.hidden * held.profiles).nnz == 0
    assert (np.diff(held.hidden.indptr) > 0).all()
    assert (np.diff(held.profiles.indptr) > 0).all()


def test_hash_order_depends_on_both_codes_and_nothing_else():
    items = np.arange(100, dtype=np.int32)
    assert np.array_equal(hash_order(1, items)[50:], hash_order(1, items[50:]))
    assert len({hash_order(ego, items).tobytes() for ego in range(50)}) == 50


def test_search_finds_the_best_of_the_grid_where_there_is_one_hill():
    grid = {"x": [0, 1, 2, 3], "y": [0.0, 0.5, 1.0]}

    def height(point):
        return -((point["x"] - 2) ** 2) - (point["y"] - 0.5) ** 2, point

    for x, y in itertools.product(grid["x"], grid["y"]):
        found = search(grid, [{"x": x, "y": y}], height)
        assert found.best.settings == {"x": 2, "y": 0.5}
        tried = [tuple(trial.settings.values()) for trial in found.trials]
        assert len(tried) == len(set(tried))


def test_search_without_time_keeps_the_first_start():
    found = search({"x": [0, 1]}, [{"x": 0}, {"x": 1}], lambda s: (s["x"], s), lambda: True)
    assert found.best.settings == {"x": 0}
    assert len(found.trials) == 1
    assert not found.complete


def test_pairs_move_along_a_ridge_where_single_steps_lose():
    grid = {"x": [0, 1, 2, 3], "y": [0, 1, 2, 3]}

    def ridge(point):
        return point["x"] + point["y"] - 10 * abs(point["x"] - point["y"]), point

    alone = search(grid, [{"x": 0, "y": 0}], ridge)
    paired = search(grid, [{"x": 0, "y": 0}], ridge, moves=[{"x": 1, "y": 1}])
    assert alone.best.settings == {"x": 0, "y": 0}
    assert paired.best.settings == {"x": 3, "y": 3}


def test_tuning_improves_poor_parameters_and_is_reproducible():
    view = view_of(5)
    poor = SalsaParameters(user_exponent=0.0, item_exponent=0.0, popularity_discount=-1.0)
    tuned = tune_walk(view, EVERYBODY, poor)
    assert tuned.found
    assert tuned.complete
    assert tuned.score > tuned.before
    assert tune_walk(view, EVERYBODY, poor) == tuned


def test_tuning_keeps_the_parameters_when_there_is_nothing_to_measure():
    graph = InteractionGraph()
    graph.extend([0, 1], [0, 1], 1.0, 0.0)
    given_ = SalsaParameters(ridge=3.0)
    tuned = tune_walk(graph.snapshot(), np.arange(2, dtype=np.int32), given_)
    assert tuned.parameters == given_
    assert not tuned.found
    assert tuned.egos == 0


def test_tuning_out_of_time_still_answers():
    tuned = tune_walk(view_of(6), EVERYBODY, out_of_time=lambda: True)
    assert not tuned.complete
    assert tuned.score >= tuned.before > 0


def test_damping_never_goes_below_its_safe_value():
    assert min(DAMPS) == SalsaParameters().damp == 0.03
    gate = np.ones(60, np.float32)
    tuned = tune_walk(view_of(7), EVERYBODY, gate_of=lambda _: gate)
    assert all(trial.settings["damp"] >= 0.03 for trial in tuned.trials)
    open_ = tune_walk(view_of(7), EVERYBODY)
    assert all("damp" not in trial.settings for trial in open_.trials)
