"""A blend lists only what somebody heard has, and is tuned on what was held back."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from peerrec.errors import ConfigError
from peerrec.ranking.blend import BlendParameters, blended, heard_mass, standardised
from peerrec.ranking.blend_tuning import BlendTrials
from peerrec.ranking.factor_tuning import affinities, hold_back, tune_factors
from peerrec.ranking.factors import FactorParameters, fit_factors, random_start
from peerrec.ranking.interactions import InteractionGraph
from peerrec.ranking.salsa import Salsa

SMALL = FactorParameters(factors=8, iterations=4)

finite = st.floats(-100, 100, width=32)
columns = arrays.arrays(np.float32, (9, 3), elements=finite)
masses = arrays.arrays(np.float32, (9, 3), elements=st.sampled_from([0.0, 0.5, 1.0, 7.0]))


def graph(seed=1, users=60, items=80, plays=900):
    # Two circles with tastes of their own, so that there is something to learn.
    rng = np.random.default_rng(seed)
    user = rng.integers(0, users, plays)
    item = rng.integers(0, items // 2, plays) + (user % 2) * (items // 2)
    built = InteractionGraph(half_life_s=np.inf)
    built.extend(user, item, 1.0, np.arange(plays) * 60.0)
    built.reserve(users, items)
    return built.snapshot()


@pytest.fixture(scope="module")
def back():
    return hold_back(graph(), np.arange(60, dtype=np.int32))


@pytest.fixture(scope="module")
def model(back):
    start = random_start(80, SMALL.factors, np.random.default_rng(0))
    return fit_factors(affinities(back.view), SMALL, start)


@given(columns, columns, masses, st.floats(0, 1), st.floats(-1, 1))
def test_exactly_what_is_heard_of_scores_above_zero(walk, factor, heard, share, discount):
    mixture = BlendParameters(share=share, factor_discount=discount)
    both = blended(walk, factor, heard, mixture)
    assert both.dtype == np.float32
    assert np.isfinite(both).all()
    assert np.array_equal(both > 0, heard > 0)


@given(columns, columns, st.floats(0.125, 64, width=32))
def test_the_unit_of_either_score_does_not_matter(walk, factor, unit):
    heard = np.ones((9, 1), np.float32)
    mixture = BlendParameters(share=0.5)
    one = blended(walk, factor, heard, mixture)
    other = blended(walk, factor * np.float32(unit), heard, mixture)
    np.testing.assert_allclose(one, other, rtol=0.05, atol=0.02)


def test_at_the_ends_of_share_one_of_them_decides_alone():
    rng = np.random.default_rng(0)
    walk, factor = rng.random((2, 9, 3)).astype(np.float32)
    heard = np.ones((9, 1), np.float32)
    for share, alone in ((0.0, walk), (1.0, factor)):
        both = blended(walk, factor, heard, BlendParameters(share=share))
        assert np.array_equal(both.argsort(axis=0), alone.argsort(axis=0))


def test_a_discount_lowers_what_many_have():
    factor = np.ones((3, 1), np.float32)
    heard = np.array([[1.0], [4.0], [2.0]], np.float32)
    walk = np.zeros((3, 1), np.float32)
    both = blended(walk, factor, heard, BlendParameters(share=1.0, factor_discount=0.5))
    assert both[:, 0].argsort().tolist() == [1, 2, 0]


def test_standardised_columns_have_mean_zero_and_deviation_one_over_what_is_listed():
    rng = np.random.default_rng(0)
    scores = rng.normal(5, 3, (50, 2)).astype(np.float32)
    listed = rng.random((50, 2)) < 0.7
    unit = standardised(scores, listed)
    for column in range(2):
        own = unit[listed[:, column], column]
        assert own.mean() == pytest.approx(0, abs=1e-4)
        assert own.std() == pytest.approx(1, abs=1e-3)


def test_what_only_strangers_have_is_never_listed():
    built = InteractionGraph()
    built.extend([0, 1, 1, 2, 2], [0, 0, 1, 0, 2], 1.0, 0.0)
    salsa = Salsa(built.snapshot())
    friend = np.array([1, 1, 0], np.float32)
    heard = heard_mass(salsa, 0, friend)
    assert (heard > 0).tolist() == [True, True, False]
    walk = salsa.walk(0, friend).scores
    loud = np.array([[0.0], [0.1], [9.0]], np.float32)
    both = blended(walk, loud, heard[:, None], BlendParameters(share=1.0))
    assert both[2, 0] == 0
    assert both[1, 0] > 0


def test_ones_own_items_are_no_evidence():
    built = InteractionGraph()
    built.extend([0, 0, 1], [0, 1, 1], 1.0, 0.0)
    salsa = Salsa(built.snapshot())
    assert (heard_mass(salsa, 0) > 0).tolist() == [False, True]
    assert (heard_mass(salsa) > 0).all()


def test_without_a_gate_the_heard_mass_is_the_walks_own():
    salsa = Salsa(graph())
    everyone = np.ones(60, np.float32)
    np.testing.assert_allclose(heard_mass(salsa, None, everyone), heard_mass(salsa), rtol=1e-4)


def test_what_is_held_back_is_gone_and_the_rest_is_as_it_was(back):
    whole = graph().matrix.toarray()
    hidden = np.zeros_like(whole)
    hidden[back.held.egos] = back.held.hidden.toarray()
    assert (hidden > 0).any()
    np.testing.assert_allclose(back.view.matrix.toarray(), whole - hidden, rtol=1e-5)


def test_affinities_have_mean_one_for_every_user():
    matrix = affinities(graph())
    np.testing.assert_allclose(matrix.sum(axis=1), np.diff(matrix.indptr), rtol=1e-5)


def test_tuned_factors_are_no_worse_than_before_and_keep_their_length(back):
    poor = FactorParameters(factors=8, iterations=4, unobserved=1.0, ridge=0.28)
    tuned = tune_factors(back, poor, np.random.default_rng(0))
    assert tuned.complete
    assert tuned.score >= tuned.before
    assert (tuned.parameters.factors, tuned.parameters.iterations) == (8, 4)
    again = tune_factors(back, poor, np.random.default_rng(0))
    assert again.trials == tuned.trials


def test_time_ends_the_search_of_factors(back):
    tuned = tune_factors(back, SMALL, np.random.default_rng(0), lambda: True)
    assert not tuned.complete
    assert len(tuned.trials) == 1


def test_a_tuned_blend_is_no_worse_than_the_walk_on_either_half(back, model):
    trials = BlendTrials(back, Salsa(back.view))
    tuned = trials.tune(model, BlendParameters(share=0.0))
    assert tuned.score >= tuned.before
    assert tuned.trials[0].score == pytest.approx(tuned.before)
    assert trials.tune(model).trials == trials.tune(model).trials


def test_either_half_hides_its_own_kind(back):
    egos = back.held.egos.tolist()
    assert egos[: (~back.at_random).sum()] == list(range(0, 60, 2))
    assert egos[(~back.at_random).sum() :] == list(range(1, 60, 2))
    assert back.halves(back.at_random.astype(float)).tolist() == [0.0, 1.0]


def test_tuning_hears_only_what_each_ego_trusts(back, model):
    def nobody(ego):
        return np.zeros(60, np.float32)

    deaf = BlendTrials(back, Salsa(back.view), gate_of=nobody).tune(model)
    assert deaf.score == 0
    alike = BlendTrials(back, Salsa(back.view)).tune(model)
    everyone = BlendTrials(back, Salsa(back.view), gate_of=lambda ego: None).tune(model)
    assert everyone.score == pytest.approx(alike.score, rel=0.1)


def test_nobody_to_measure_leaves_the_settings(model):
    empty = hold_back(graph(), np.empty(0, np.int32))
    start = BlendParameters(share=0.3)
    assert BlendTrials(empty, Salsa(empty.view)).tune(model, start).parameters == start
    assert tune_factors(empty, SMALL, np.random.default_rng(0)).parameters == SMALL


@pytest.mark.parametrize(("key", "value"), [("share", 1.5), ("factor_discount", float("nan"))])
def test_an_impossible_mixture_is_refused_by_name(key, value):
    with pytest.raises(ConfigError, match=key):
        BlendParameters(**{key: value})
