from __future__ import annotations

import contextlib
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from peerrec.errors import RemoteProtocolError
from peerrec.limits import ANNOUNCED_MAX, IHAVE_MAX, PENDING_MAX, PROMISES_MAX
from peerrec.protocol.gossip import EAGER, GRACE_S, HEARTBEAT_S, LAZY, Fresh, Gossip, Verdict
from peerrec.protocol.gossip_link import PROMISE_S
from peerrec.protocol.messages import Ihave, Iwant
from peerrec.protocol.seen import tag_of


def peer(number: int) -> bytes:
    return bytes([number]) * 32


def key(number: int) -> bytes:
    return bytes([number]) * 16


def fresh(number: int, author: bytes = b"author") -> Fresh:
    return Fresh(number.to_bytes(16, "big") + bytes(16), author, 1, number)


def gossip(n_dialled: int = 8, n_incoming: int = 12, *, battery: bool = False, seed: int = 0):
    each = Gossip(np.random.default_rng(seed), battery=battery)
    for number in range(n_dialled + n_incoming):
        each.link_up(peer(number), key=key(number), dialled=number < n_dialled, battery=False)
    return each


def test_own_segments_go_to_every_link():
    spread = gossip().accepted(fresh(1), None, 0.0, own=True)
    assert set(spread.eager) == {peer(number) for number in range(20)}


@given(st.integers(0, 2**31), st.integers(0, 8), st.integers(0, 30))
@settings(deadline=None, max_examples=40)
def test_others_segments_go_to_four_links_two_of_them_dialled_and_to_six_by_tag(seed, out, into):
    each = gossip(out, into, seed=seed)
    spread = each.accepted(fresh(1), peer(0), 0.0)
    others = max(out + into - 1, 0) if out + into else 0
    assert len(spread.eager) == min(EAGER, others)
    assert peer(0) not in spread.eager
    dialled = sum(1 for to in spread.eager if to[0] < out)
    assert dialled >= min(2, max(out - 1, 0))
    told = [to for to, message in each.on_timer(HEARTBEAT_S) if isinstance(message, Ihave)]
    assert len(told) == spread.n_lazy == min(LAZY, others - len(spread.eager))
    assert not set(told) & {*spread.eager, peer(0)}


def test_who_refuses_an_author_hears_nothing_of_it():
    each = gossip(8, 0)
    spread = each.accepted(fresh(1), None, 0.0, own=True, among={peer(3)})
    assert spread.eager == (peer(3),)


def test_what_was_seen_is_neither_verified_nor_spread_again():
    each = gossip()
    assert each.judge(peer(0), fresh(1).id, b"author", 0.0) is Verdict.ACCEPT
    each.accepted(fresh(1), peer(0), 0.0)
    assert each.judge(peer(1), fresh(1).id, b"author", 0.1) is Verdict.IGNORE
    assert each.accepted(fresh(1), peer(1), 0.1).eager == ()


def test_a_forged_copy_does_not_hide_the_real_segment():
    each = gossip()
    assert each.judge(peer(0), fresh(1).id, b"author", 0.0) is Verdict.ACCEPT
    # It did not verify, so nobody called accepted or ignored.
    assert each.judge(peer(1), fresh(1).id, b"author", 0.1) is Verdict.ACCEPT


def test_an_author_who_floods_is_ignored_and_others_are_not():
    each = gossip()
    verdicts = []
    for number in range(60):
        verdicts.append(each.judge(peer(number % 20), fresh(number).id, b"flood", 0.0))
        each.accepted(fresh(number, b"flood"), peer(number % 20), 0.0)
    assert verdicts.count(Verdict.ACCEPT) == 32
    assert each.judge(peer(0), fresh(99).id, b"other", 0.0) is Verdict.ACCEPT


def test_a_link_that_floods_is_told_so():
    each = gossip()

    def flood() -> None:
        for number in range(1_000):
            each.judge(peer(0), fresh(number).id, number.to_bytes(4, "big"), 0.0)

    with pytest.raises(RemoteProtocolError) as caught:
        flood()
    assert caught.value.violation == "rate"


def test_our_own_flood_spills_into_sessions_before_it_breaks_the_peers_rate():
    each, other = gossip(1, 0), gossip(1, 0)
    spilled = False
    for number in range(1_000):
        spread = each.accepted(fresh(number), None, number / 1_000, own=True)
        spilled = spilled or spread.spilled
        for _ in spread.eager:
            author = number.to_bytes(4, "big")
            other.judge(peer(0), fresh(number).id, author, number / 10_000)
    assert spilled


def test_an_announced_segment_is_asked_for_once_and_only_while_it_is_unknown():
    each = gossip()
    each.accepted(fresh(1), peer(9), 0.0)
    tags = b"".join(tag_of(key(0), fresh(number).id) for number in (1, 2, 2, 3))
    question = each.announced(peer(0), tags, 0.0)
    assert question == Iwant(0, tag_of(key(0), fresh(2).id) + tag_of(key(0), fresh(3).id))
    assert each.announced(peer(0), tags, 0.1) is None


def test_a_second_announcer_is_asked_only_if_the_first_does_not_deliver():
    each = gossip()
    each.announced(peer(0), tag_of(key(0), fresh(1).id), 0.0)
    assert each.announced(peer(1), tag_of(key(1), fresh(1).id), 0.1) is None
    assert each.announced(peer(2), tag_of(key(2), fresh(2).id), 0.1) is None
    each.judge(peer(0), fresh(1).id, b"author", 0.2)
    each.accepted(fresh(1), peer(0), 0.2)
    asked = [row for row in each.on_timer(0.1 + GRACE_S) if isinstance(row[1], Iwant)]
    assert asked == [(peer(2), Iwant(0, tag_of(key(2), fresh(2).id)))]


def test_a_broken_promise_is_counted_and_a_kept_or_excused_one_is_not():
    each = gossip()
    for number in range(3):
        each.announced(peer(number), tag_of(key(number), fresh(number).id), float(number))
    each.gone(peer(1), tag_of(key(1), fresh(1).id))
    each.judge(peer(2), fresh(2).id, b"author", 2.5)
    assert each.next_deadline() <= PROMISE_S
    each.on_timer(10.0)
    assert each.take_broken() == {peer(0): 1}
    assert each.take_broken() == {}


def test_what_was_announced_is_served_twice_at_most_and_only_on_its_link():
    each = gossip(0, 12)
    each.accepted(fresh(1), peer(0), 0.0)
    announced = {to: message.tags for to, message in each.on_timer(HEARTBEAT_S)}
    to, tag = next(iter(announced.items()))
    assert each.requested(to, tag + tag, 1.0).segments == [fresh(1)]
    assert each.requested(to, tag, 2.0).segments == [fresh(1)]
    assert each.requested(to, tag, 3.0) == ([], tag, None)
    other = next(each for each in announced if each != to)
    assert each.requested(other, tag, 3.0).gone == tag


def test_a_node_on_battery_pushes_only_its_own_and_pulls_every_few_seconds():
    each = gossip(3, 0, battery=True)
    assert each.accepted(fresh(1), peer(0), 0.0) == ((), 0, False)
    assert len(each.accepted(fresh(2), None, 0.0, own=True).eager) == 3
    pulls, now = [], 0.0
    while now < 100.0:
        now = max(each.next_deadline(), now)
        pulls += [(now, row) for row in each.on_timer(now)]
    gaps = np.diff([at for at, _ in pulls])
    assert all(row[1] == Iwant(0, b"") for _, row in pulls)
    assert gaps.min() >= 5.0
    assert gaps.max() <= 15.0


def test_a_peer_on_battery_is_never_pushed_to_and_gets_the_news_when_it_asks():
    each = gossip(2, 0)
    each.link_up(b"phone", key=key(77), dialled=False, battery=True)
    assert b"phone" not in each.accepted(fresh(1), peer(0), 0.0).eager
    assert b"phone" not in each.accepted(fresh(2), None, 0.0, own=True).eager
    assert all(to != b"phone" for to, _ in each.on_timer(5.0))
    tags = [tag_of(key(77), fresh(number).id) for number in (1, 2)]
    assert each.requested(b"phone", b"", 6.0).announce == Ihave(0, b"".join(tags))
    assert each.requested(b"phone", tags[1], 6.0).segments == [fresh(2)]


ACTS = st.lists(
    st.tuples(
        st.sampled_from(["judge", "accept", "ihave", "iwant", "gone", "timer", "down", "up"]),
        st.integers(0, 2),
        st.binary(max_size=8).map(lambda data: data * 40),
        st.floats(0.0, 2.0),
    ),
    max_size=60,
)


@settings(deadline=None, max_examples=60)
@given(ACTS)
def test_whatever_a_peer_sends_only_violations_are_raised_and_tables_stay_bounded(acts):
    each = gossip(2, 1)
    now = 0.0
    for act, number, data, step in acts:
        now += step
        try:
            if act == "judge":
                each.judge(peer(number), data[:32].ljust(32, b"\0"), data[:4], now)
            elif act == "accept":
                each.accepted(Fresh(data[:32].ljust(32, b"\0"), b"", 0, 0), peer(number), now)
            elif act == "ihave":
                each.announced(peer(number), data, now)
            elif act == "iwant":
                each.requested(peer(number), data, now)
            elif act == "gone":
                each.gone(peer(number), data)
            elif act == "timer":
                each.on_timer(now)
            elif act == "down":
                each.link_down(peer(number))
            else:
                each.link_up(peer(number), key=key(number), dialled=True, battery=False)
        except RemoteProtocolError:
            pass
        for link in each._links.values():
            assert len(link.pending) <= PENDING_MAX
            assert len(link.promises) <= PROMISES_MAX
            assert len(link.announced) <= ANNOUNCED_MAX
            assert len(link.waiting) <= IHAVE_MAX


def test_a_flood_of_announcements_fills_no_table_beyond_its_bound():
    each = gossip(2, 0)
    for number in range(5_000):
        each.accepted(fresh(number), None, 0.0, own=True)
    each.announced(peer(0), np.random.default_rng(0).bytes(IHAVE_MAX * 8), 0.0)
    each.announced(peer(1), np.random.default_rng(1).bytes(IHAVE_MAX * 8), 0.0)
    link = each._links[peer(1)]
    assert len(link.waiting) == IHAVE_MAX
    assert len(link.pending) <= PENDING_MAX
    with pytest.raises(RemoteProtocolError):
        each.announced(peer(0), bytes(8 * IHAVE_MAX + 8), 0.0)
    for _ in range(20):
        with contextlib.suppress(RemoteProtocolError):
            each.announced(peer(0), bytes(8), 0.0)
    with pytest.raises(RemoteProtocolError):
        each.announced(peer(0), bytes(8), 0.0)


def test_nothing_to_do_means_no_timer():
    each = gossip()
    assert each.next_deadline() == np.inf
    each.accepted(fresh(1), peer(0), 0.0)
    each.on_timer(HEARTBEAT_S)
    assert each.next_deadline() == np.inf


def test_a_node_without_links_is_small():
    each = Gossip(np.random.default_rng(0))
    tables = [each._links, each._authors, each._broken, each.seen._at, each.counters, each]
    assert sum(sys.getsizeof(table) for table in tables) < 2_000
