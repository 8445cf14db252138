from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from peerrec_sim.measures.summary import MEASURES, Measure, Sample
from peerrec_sim.reports import noise
from peerrec_sim.reports.noise import by_people, by_seeds

NDCG = next(each for each in MEASURES if each.name == "ndcg")
P99 = next(each for each in MEASURES if each.name == "delivery_p99_s")
WORST = next(each for each in MEASURES if each.name == "worst10_ndcg")
ALL = next(each for each in MEASURES if each.name == "delivery_all_s")


def sample(values, keys=None) -> Sample:
    values = np.asarray(values, np.float64)
    return Sample(np.arange(len(values)) if keys is None else np.asarray(keys), values)


def coverage(measure: Measure, n: int = 120, rounds: int = 40) -> float:
    """Return how often unchanged people look unchanged."""
    rng = np.random.default_rng(5)
    within = 0
    for number in range(rounds):
        before, after = (sample(rng.exponential(size=n)) for _ in range(2))
        after = Sample(after.keys + 1_000, after.values)
        found = by_people(measure, before, after, seed=number)
        within += found.low <= 0 <= found.high
    return within / rounds


def test_the_interval_by_seeds_is_the_one_of_the_t_test():
    before, after = {1: 0.30, 2: 0.34, 3: 0.31}, {4: 0.40, 5: 0.43, 6: 0.44}
    found = by_seeds(before, after)
    from scipy import stats

    test = stats.ttest_ind(list(after.values()), list(before.values()), equal_var=False)
    expected = test.confidence_interval(0.95)
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high))
    assert found.basis == "seeds"


def test_the_same_seeds_are_compared_pair_by_pair():
    before = {1: 0.1, 2: 0.5, 3: 0.9}
    after = {seed: value + 0.01 + 0.001 * seed for seed, value in before.items()}
    found = by_seeds(before, after)
    assert found.basis == "seeds, paired"
    assert found.low > 0  # though the seeds differ by far more than the change


def test_equal_numbers_of_all_seeds_have_no_noise():
    found = by_seeds({1: 8.0, 2: 8.0, 3: 8.0}, {4: 8.0, 5: 8.0, 6: 8.0})
    assert (found.low, found.high) == (0.0, 0.0)


def test_the_same_people_are_compared_pair_by_pair():
    rng = np.random.default_rng(1)
    values = rng.uniform(size=50)
    found = by_people(NDCG, sample(values), sample(values + 0.01))
    assert found.basis == "people, paired"
    assert found.low == pytest.approx(0.01)
    other = by_people(NDCG, sample(values), sample(values + 0.01, keys=np.arange(50) + 100))
    assert other.basis == "people"
    assert other.low < 0 < other.high


@pytest.mark.parametrize("measure", [NDCG, P99], ids=lambda measure: measure.name)
def test_what_did_not_change_is_mostly_within_noise(measure, monkeypatch):
    monkeypatch.setattr(noise, "RESAMPLES", 200)
    assert coverage(measure) >= 0.85


def test_values_of_one_person_are_drawn_together():
    rng = np.random.default_rng(2)
    # Ten people with 100 deliveries each, which all take as long as that person's first.
    level = rng.uniform(1.0, 9.0, 10)
    together = by_people(
        P99, sample(np.repeat(level, 100), np.repeat(np.arange(10), 100)),
        sample(np.repeat(level[::-1], 100), np.repeat(np.arange(10) + 50, 100)),
    )  # fmt: skip
    apart = by_people(
        P99,
        sample(np.repeat(level, 100)),
        sample(np.repeat(level[::-1], 100), np.arange(1_000) + 9_999),
    )
    assert together.high - together.low > apart.high - apart.low


def test_the_largest_value_has_no_interval():
    found = by_people(ALL, sample(np.arange(50.0)), sample(np.arange(60.0)))
    assert np.isnan(found.low)
    assert found.change == 10.0


def test_a_value_that_all_people_of_a_run_share_is_too_little_to_tell():
    found = by_people(NDCG, sample([8.0] * 20), sample([9.0] * 20, keys=np.arange(20) + 100))
    assert np.isnan(found.low)
    assert by_people(NDCG, sample([8.0] * 20), sample([9.0] * 20)).low == 1.0


def test_few_people_are_too_little_to_tell():
    assert np.isnan(by_people(NDCG, sample([0.1] * 4), sample([0.9] * 4)).high)


def test_many_values_are_sampled_and_still_tell():
    rng = np.random.default_rng(3)
    keys = rng.integers(0, 500, 100_000)
    before, after = rng.exponential(1.0, 100_000), rng.exponential(2.0, 100_000)
    found = by_people(P99, sample(before, keys), sample(after, keys))
    assert 2.0 < found.low < found.change < found.high < 8.0


@settings(max_examples=10, deadline=None)  # 3,000 draws each
@given(st.lists(st.floats(0, 1), min_size=5, max_size=40), st.integers(0, 3))
def test_nothing_changes_against_itself(values, seed):
    for measure in (NDCG, WORST, P99):
        found = by_people(measure, sample(values), sample(values), seed)
        assert (found.change, found.low, found.high) == (0.0, 0.0, 0.0)
