from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from peerrec.protocol.rates import Bucket


@given(st.lists(st.floats(0.0, 100.0), max_size=60), st.floats(0.1, 10.0), st.floats(1.0, 20.0))
def test_never_more_is_taken_than_burst_and_rate_allow(steps, rate, burst):
    bucket = Bucket(rate, burst)
    now = taken = 0.0
    for step in steps:
        now += step
        taken += bucket.take(now)
        assert taken <= burst + rate * now + 1e-6


def test_a_clock_set_back_brings_nothing_and_does_not_break_the_bucket():
    bucket = Bucket(1.0, 1.0)
    assert bucket.take(1_000.0)
    assert not bucket.take(10.0)
    assert bucket.take(11.5)


def test_what_was_refused_costs_nothing():
    bucket = Bucket(1.0, 3.0)
    assert not bucket.take(0.0, 4.0)
    assert bucket.take(0.0, 3.0)
    assert not bucket.is_full(1.0)
    assert bucket.is_full(3.0)
