from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from peerrec.protocol.anti_entropy import (
    CALM_S,
    FIRST_S,
    JITTER,
    LONGEST_S,
    PATIENCE,
    RETRY_S,
    AntiEntropy,
)


def schedule(*, dialled: bool = True, seed: int = 0) -> AntiEntropy:
    return AntiEntropy(np.random.default_rng(seed), dialled=dialled, now=0.0)


def quiet_sessions(each: AntiEntropy, start: float, until: float) -> int:
    n = 0
    while each.next_at <= until:
        n += 1
        each.began(each.next_at)
        each.ended(each.next_at, converged=True, n_new=0)
    return n


def test_who_dialled_begins_at_once_and_the_other_waits():
    assert schedule().next_at <= 0.0
    assert schedule(dialled=False).next_at > FIRST_S


def test_an_idle_link_costs_a_handful_of_sessions_an_hour():
    each = schedule()
    quiet_sessions(each, 0.0, 3_600.0)
    assert quiet_sessions(each, 3_600.0, 7_200.0) <= 5


def test_the_side_that_was_dialled_leaves_the_beginning_to_the_other():
    began = [0, 0]
    sides = [schedule(seed=1), schedule(dialled=False, seed=2)]
    for _ in range(40):
        first = min((0, 1), key=lambda side: sides[side].next_at)
        now = sides[first].next_at
        began[first] += 1
        for each in sides:
            each.began(now)
            each.ended(now, converged=True, n_new=1)
    assert began[1] <= 2


def test_news_brings_the_next_session_within_the_first_wait():
    each = schedule()
    each.ended(0.0, converged=True, n_new=3)
    each.wait_s = LONGEST_S
    each.news(1.0)
    assert each.next_at <= 1.0 + FIRST_S * (1 + JITTER)


def test_where_sessions_find_nothing_news_brings_the_next_one_less_soon():
    each = schedule()
    now = 0.0
    for _ in range(10):
        now = each.next_at
        each.ended(now, converged=True, n_new=0)
    assert each.next_at > now + LONGEST_S * (1 - JITTER) - 1
    each.news(now + 1.0)
    assert FIRST_S < each.next_at - now - 1.0 <= CALM_S * (1 + JITTER)
    each.ended(now + 2.0, converged=True, n_new=1)
    assert each.wait_s == FIRST_S


def test_steady_news_neither_postpones_sessions_nor_multiplies_them():
    for n_new, least, most in ((0, 25, 45), (1, 90, 160)):
        each = schedule()
        each.ended(0.0, converged=True, n_new=n_new)
        n = 0
        for second in range(1, 3_600):
            each.news(float(second))
            if each.next_at <= float(second):
                n += 1
                each.ended(float(second), converged=True, n_new=n_new)
        assert least <= n <= most


def test_much_news_is_passed_on_within_seconds():
    each = schedule()
    each.ended(0.0, converged=True, n_new=500)
    each.hurry(0.0)
    assert each.next_at <= 2.0 * PATIENCE


def test_a_session_that_cannot_end_well_is_tried_less_and_less():
    each = schedule()
    waits = []
    for _ in range(9):
        now = each.next_at
        each.ended(now, converged=False, n_new=0)
        each.hurry(now)
        waits.append(each.next_at - now)
    assert min(waits) > 3.0
    assert max(waits) <= FIRST_S * (1 + JITTER), "news still count, at the usual pace"


def test_a_session_that_was_cut_does_not_make_the_later_ones_more_frequent():
    each = schedule()
    for _ in range(3):
        now = each.next_at
        each.ended(now, converged=True, n_new=0)
    wait_s = each.wait_s
    each.ended(now, converged=False, n_new=0)
    assert each.next_at - now <= RETRY_S * (1 + JITTER)
    again = each.next_at
    each.ended(again, converged=True, n_new=0)
    assert each.wait_s == 2.0 * wait_s
    assert each.next_at - again >= 2.0 * wait_s * (1 - JITTER)


ACTS = st.lists(
    st.tuples(st.sampled_from(["news", "hurry", "bad", "new", "quiet"]), st.floats(0, 1_000)),
    max_size=40,
)


@given(ACTS, st.booleans())
def test_the_next_session_is_never_further_off_than_the_longest_wait(acts, dialled):
    each = schedule(dialled=dialled)
    now = 0.0
    for act, step in acts:
        now += step
        if act == "news":
            each.news(now)
        elif act == "hurry":
            each.hurry(now)
        else:
            each.ended(now, converged=act != "bad", n_new=int(act == "new"))
        assert each.next_at <= now + LONGEST_S * PATIENCE * (1 + JITTER)


def test_what_was_pushed_in_vain_is_fetched_within_the_minute_however_calm_it_was():
    each = schedule()
    for second in range(0, 9_000, 1_000):
        each.ended(float(second), converged=True, n_new=0)
    each.news(8_001.0)
    assert each.next_at > 8_001.0 + 2.0 * FIRST_S
    each.missed(8_001.0)
    assert each.next_at <= 8_001.0 + 1.2 * FIRST_S
