from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from peerrec.errors import ConfigError
from peerrec.protocol.following import RENEW_S, SETTLE_S, Following

ME = b"me"
MIB = 1 << 20


def author(number: int) -> bytes:
    return number.to_bytes(32, "big")


def following(bytes_max: int = MIB, seed: int = 0, **options) -> Following:
    return Following(bytes_max, me=ME, rng=np.random.default_rng(seed), now=0.0, **options)


def applied(held: dict[bytes, int], evictions) -> dict[bytes, int]:
    left = dict(held)
    for each in evictions:
        assert each.n_bytes <= left[each.author]
        left[each.author] -= each.n_bytes
        assert not (each.entirely and left[each.author])
    return left


IDS = st.integers(0, 30).map(author)
MERITS = st.dictionaries(IDS, st.floats(-1.0, 1.0), max_size=30)
HELD = st.dictionaries(IDS, st.integers(0, 400_000), max_size=30)


@settings(deadline=None)
@given(MERITS, HELD, st.integers(0, MIB), st.lists(IDS, max_size=40), st.floats(0.0, 1.0))
def test_after_a_plan_what_is_held_fits_whatever_was_held_before(merits, held, own, met, share):
    each = following(exploration_share=share)
    for stranger in met:
        each.meet(stranger)
    held = {**held, ME: own}
    left = applied(held, each.plan(merits, held, 0.0))
    assert left[ME] == own
    assert sum(left.values()) <= MIB
    strangers = sum(n for who, n in left.items() if each.is_stranger(who))
    assert strangers <= share * MIB
    for who, n in left.items():
        assert n <= each.cap(who)
        assert n == 0 or each.wants(who)


@settings(deadline=None, max_examples=30)
@given(MERITS, HELD, st.randoms())
def test_a_plan_depends_on_nothing_but_its_input(merits, held, random):
    def shuffled(pairs):
        return dict(random.sample(list(pairs.items()), len(pairs)))

    one, other = following(), following()
    assert one.plan(merits, held, 0.0) == other.plan(shuffled(merits), shuffled(held), 0.0)
    assert one.followed == other.followed


def test_ten_thousand_identities_without_merit_get_at_most_the_exploration_share():
    each = following()
    merits = {author(n): 1.0 for n in range(100)}
    held = {author(n): 8_000 for n in range(100)}
    applied(held, each.plan(merits, held, 0.0))
    for number in range(1_000, 11_000):
        who = author(number)
        if each.meet(who):
            held[who] = held.get(who, 0) + each.room(who, held.get(who, 0))
    left = applied(held, each.plan(merits, held, 1.0))
    attacker = sum(n for who, n in left.items() if int.from_bytes(who, "big") >= 1_000)
    assert 0 < attacker <= 0.1 * MIB
    assert all(left[author(n)] == 8_000 for n in range(100))


@settings(deadline=None)
@given(MERITS, HELD, st.integers(1, MIB), st.floats(0.0, 0.5), st.lists(IDS, max_size=40))
def test_a_budget_that_was_resized_holds_from_the_next_plan_on(merits, held, size, share, met):
    each = following(MIB, exploration_share=0.3)
    for who in met:
        each.meet(who)
    left = applied(held, each.plan(merits, held, now=0.0))
    each.resize(size, share)
    left = applied(left, each.plan(merits, left, now=1.0))
    assert sum(left.values()) <= size
    strangers = sum(n for who, n in left.items() if merits.get(who, 0.0) <= 0.0)
    assert strangers <= size * share
    assert set(each.strangers) <= set(met)


def test_a_budget_that_is_none_is_refused_and_changes_nothing():
    each = following(MIB)
    with pytest.raises(ConfigError):
        each.resize(MIB, 1.5)
    assert (each.bytes_max, each.exploration_share) == (MIB, 0.1)


@pytest.mark.parametrize("n_sybils", [1, 20, 500, 10_000])
def test_identities_with_little_merit_get_in_proportion_to_it_however_many(n_sybils):
    each = following(64 * MIB)
    sybil_merit = 0.01
    merits = {author(n): (1.0 - sybil_merit) / 100 for n in range(100)}
    sybils = [author(1_000 + n) for n in range(n_sybils)]
    merits |= dict.fromkeys(sybils, sybil_merit / n_sybils)
    held = dict.fromkeys(sybils, 10 * MIB)
    left = applied(held, each.plan(merits, held, 0.0))
    by_merit = sum(n for who, n in left.items() if not each.is_stranger(who))
    assert by_merit <= 8.0 * sybil_merit * 64 * MIB
    assert by_merit > 0 or n_sybils == 10_000


def test_an_attacker_who_offers_himself_often_gets_no_more_places():
    each = following(exploration_share=0.5)
    n_places = 0
    for _ in range(50):
        n_places += each.meet(author(666))
    for number in range(200):
        each.meet(author(number))
    assert each.strangers.count(author(666)) <= 1
    assert n_places == 50, "as the first it had a place all the time"


def test_the_least_of_merit_goes_first():
    each = following(exploration_share=0.0)
    merits = {author(n): 1.0 - n / 10 for n in range(10)}
    held = {author(n): 200_000 for n in range(10)}
    left = applied(held, each.plan(merits, held, 0.0))
    assert [left[author(n)] for n in range(5)] == [200_000] * 5
    assert [left[author(n)] for n in range(6, 10)] == [0] * 4
    assert each.followed == [author(n) for n in range(6)]


def test_the_blocked_and_the_distrusted_are_not_wanted_and_what_is_held_of_them_goes():
    blocked = {author(1)}
    each = following(blocked=lambda who: who in blocked)
    held = {author(1): 500, author(2): 500}
    evictions = each.plan({author(1): 1.0, author(2): 1.0}, held, 0.0)
    assert [(row.author, row.entirely) for row in evictions] == [(author(1), True)]
    assert not each.meet(author(1))
    assert each.room(author(1), 0) == 0


def test_what_was_evicted_is_not_wanted_again_until_there_is_room():
    each = following(exploration_share=0.0)
    merits = {author(0): 0.6, author(1): 0.4}
    held = {author(0): 900_000, author(1): 400_000}
    evictions = each.plan(merits, held, 0.0)
    assert [row.author for row in evictions] == [author(1)]
    each.evicted((author(1), 7), up_to_seq=20)
    assert each.floor((author(1), 7)) == 21
    held[author(1)] -= evictions[0].n_bytes
    assert each.plan(merits, held, 1.0) == []
    assert each.floor((author(1), 7)) == 21
    held[author(0)] = 100_000
    assert each.plan(merits, held, 2.0) == []
    assert each.floor((author(1), 7)) == 0


def test_plans_in_a_row_do_not_fetch_and_evict_the_same_bytes_again_and_again():
    each = following(exploration_share=0.0)
    merits = {author(n): 1.0 / (n + 1) for n in range(12)}
    full = {author(n): 150_000 for n in range(12)}
    held: dict[bytes, int] = {}
    fetched = 0
    for day in range(20):
        for who, size in full.items():
            have = held.get(who, 0)
            if each.wants(who) and not each.floor((who, 0)):
                take = min(size - have, each.room(who, have))
                fetched += take
                held[who] = have + take
        for row in each.plan(merits, held, day * 3_600.0):
            held[row.author] -= row.n_bytes
            each.evicted((row.author, 0), 5)
    assert sum(held.values()) <= MIB
    assert fetched <= 2.5 * MIB


def test_room_that_authors_turn_out_not_to_need_goes_to_the_next_by_merit():
    each = following(bytes_max=64 << 10, exploration_share=0.0)
    merits = {author(n): 1.0 / (n + 50) for n in range(40)}
    each.plan(merits, {}, 0.0)
    first = each.followed
    assert len(first) == 16, "room is kept for what nobody has heard yet"
    held = dict.fromkeys(first, 2_000)
    for _ in range(8):
        assert each.plan(merits, held, each.next_deadline()) == []
        held = dict.fromkeys(each.followed, 2_000)
    assert each.followed == [author(n) for n in range(31)]


def test_room_for_the_next_is_looked_for_ever_more_rarely_where_there_is_none():
    each = following(bytes_max=64 << 10, exploration_share=0.0)
    merits = {author(n): 1.0 / (n + 50) for n in range(40)}
    held = {author(n): 4_000 for n in range(16)}
    now, plans = 0.0, 0
    while now < RENEW_S:
        for offset in range(3):  # what else asks for plans does not put it off
            each.plan(merits, held, now + offset)
        now, plans = each.next_deadline(), plans + 1
    assert 3 < plans < 20
    assert each.next_deadline() - now <= RENEW_S
    each.plan(dict.fromkeys(held, 1.0), held, now)
    assert each.next_deadline() > now + SETTLE_S, "nobody is left out"


def test_one_stranger_a_day_gives_way_to_another():
    each = following()
    for number in range(500):
        each.meet(author(number))
    before = set(each.strangers)
    each.plan({}, {}, RENEW_S)
    for number in range(500):
        each.meet(author(number))
    after = set(each.strangers)
    assert len(before) == len(after)
    assert len(before - after) == 1


def test_a_stranger_that_gains_merit_leaves_its_place_to_another():
    each = following()
    each.meet(author(1))
    each.plan({author(1): 1.0}, {}, 0.0)
    assert each.strangers == []
    assert each.followed == [author(1)]
    assert each.wants(author(1))


def test_floors_outlast_a_restart_and_nonsense_is_ignored():
    each, again = following(), following()
    each.evicted((author(1), 7), 20)
    again.restore(b"\xff\x00nonsense")
    again.restore(each.encode())
    assert again.floor((author(1), 7)) == 21


def test_the_number_of_floors_is_bounded():
    each = following()
    for number in range(9_000):
        each.evicted((author(number), 1), 1)
    assert each.floor((author(0), 1)) == 0
    assert each.floor((author(8_999), 1)) == 2


@pytest.mark.parametrize(("bytes_max", "share"), [(0, 0.1), (-5, 0.1), (10, 1.5), (10, -0.1)])
def test_settings_out_of_range_are_refused(bytes_max, share):
    with pytest.raises(ConfigError):
        following(bytes_max, exploration_share=share)
