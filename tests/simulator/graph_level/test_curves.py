"""Points of a curve: sizes, means, intervals, gains."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from peerrec_sim.graph_level.curves import curve_table, mean, point, sizes


def test_sizes_begin_with_peace_and_one_and_end_with_all():
    assert sizes(0) == (0,)
    assert sizes(1) == (0, 1)
    assert sizes(10) == (0, 1, 10)
    assert sizes(50) == (0, 1, 10, 50)
    assert sizes(50, all_decades=False) == (0, 1, 50)


@given(st.integers(0, 10**7))
def test_sizes_rise_without_repetition(largest):
    found = sizes(largest)
    assert list(found) == sorted(set(found))
    assert found[-1] == largest


def test_gain_is_against_the_attacker_alone():
    with_none = [point("r", "a", 1, n, mass=[m, m]) for n, m in ((0, 0.1), (1, 0.2), (9, 0.4))]
    with_one = [point("r", "b", 1, n, mass=[m, m]) for n, m in ((0, 0.0), (1, 0.2), (9, 0.4))]
    gains = curve_table(with_none + with_one)["gain"]
    assert gains[:3].tolist() == pytest.approx([1, 2, 4])
    assert gains[4:].tolist() == pytest.approx([1, 2])
    assert gains[3] == 0


def test_gain_is_unknown_where_the_attacker_alone_has_nothing():
    gains = curve_table([point("r", "a", 1, n, mass=[m]) for n, m in ((0, 0.0), (9, 0.4))])["gain"]
    assert np.isnan(gains).all()


def test_the_interval_holds_the_mean_and_is_not_negative():
    found = point("r", "a", 1, 1, mass=[0.0, 0.0, 0.3])
    assert 0 == found.mass_low < found.mass < found.mass_high
    assert np.isnan(point("r", "a", 1, 1, mass=[0.5]).mass_low)


def test_a_mean_leaves_out_what_is_not_known():
    assert mean([1.0, np.nan, 3.0]) == 2.0
    assert np.isnan(mean([]))
