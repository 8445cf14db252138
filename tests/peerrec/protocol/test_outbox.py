from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from peerrec.errors import RemoteProtocolError
from peerrec.limits import CREDIT_MAX_BYTES
from peerrec.protocol.effects import Priority
from peerrec.protocol.outbox import Allowance, Outbox
from peerrec_sim.measures.weight import weigh

PUTS = st.lists(
    st.tuples(st.sampled_from(list(Priority)), st.integers(1, 400)), min_size=1, max_size=60
)


@given(PUTS, st.integers(0, 2_000))
def test_gossip_alone_is_dropped_and_only_what_does_not_fit(puts, bytes_max):
    box = Outbox(bytes_max=bytes_max, credit=CREDIT_MAX_BYTES)
    for number, (priority, n) in enumerate(puts):
        box.put(number.to_bytes(4, "big") + bytes(n), priority)
    others = sum(n + 4 for priority, n in puts if priority is not Priority.GOSSIP)
    assert box.size_bytes <= max(bytes_max, others)
    sent = box.ready()
    assert box.size_bytes == len(box) == 0
    assert len(sent) + box.n_dropped == len(puts)
    for priority in Priority:
        put = [number for number, (each, _) in enumerate(puts) if each is priority]
        left = [int.from_bytes(data[:4], "big") for data, each in sent if each is priority]
        assert left == put[len(put) - len(left) :], "in order; the oldest were dropped"
        assert priority is Priority.GOSSIP or left == put


@given(PUTS, st.integers(1, 500))
def test_messages_leave_by_priority_and_within_the_room(puts, room):
    box = Outbox(credit=CREDIT_MAX_BYTES)
    for priority, n in puts:
        box.put(bytes(n), priority)
    before = None
    while taken := box.ready(room):
        assert len(taken) == 1 or sum(len(data) for data, _ in taken) <= room
        order = [priority for _, priority in taken]
        assert order == sorted(order)
        assert before is None or before <= order[0]
        before = order[-1]
    assert len(box) == 0


def test_bulk_waits_for_credit_and_holds_up_nothing_else():
    box = Outbox(credit=10)
    for n in (8, 8):
        box.put(bytes(n), Priority.BULK, cost=n)
    box.put(b"c", Priority.CONTROL)
    assert [priority for _, priority in box.ready()] == [Priority.CONTROL, Priority.BULK]
    assert box.ready() == []
    box.grant(5)
    assert box.ready() == []
    box.grant(1)
    assert box.ready() == [(bytes(8), Priority.BULK)]


def test_no_grant_makes_credit_larger_than_the_limit():
    box = Outbox(credit=1 << 60)
    box.grant(1 << 60)
    assert box.credit == CREDIT_MAX_BYTES


def test_a_peer_that_reads_nothing_is_found_out_and_own_segments_are_still_there():
    box = Outbox(bytes_max=100)
    assert box.put(bytes(90), Priority.OWN)
    assert not box.put(bytes(20), Priority.GOSSIP)
    assert not box.overflows
    assert box.put(bytes(90), Priority.OWN)
    assert box.overflows
    assert len(box.ready()) == 2


def test_bulk_beyond_the_grant_is_a_violation_and_credit_is_topped_up_by_halves():
    allowance = Allowance(100)
    allowance.spend(49)
    assert allowance.regrant() == 0
    allowance.spend(1)
    assert allowance.regrant() == 50
    allowance.spend(100)
    with pytest.raises(RemoteProtocolError) as caught:
        allowance.spend(1)
    assert caught.value.violation == "rate"


@given(st.lists(st.integers(1, 32), max_size=50))
def test_a_sender_that_waits_for_grants_never_exceeds_them_and_never_starves(sizes):
    box, allowance = Outbox(credit=64), Allowance(64)
    for n in sizes:
        box.put(bytes(n), Priority.BULK, cost=n)
    for _ in range(len(sizes) + 1):
        for data, _ in box.ready():
            allowance.spend(len(data))
        box.grant(allowance.regrant())
    assert len(box) == 0


def test_a_link_that_has_nothing_to_send_takes_no_memory_for_it():
    box = Outbox(credit=64)
    empty = weigh([box])
    for priority in Priority:
        box.put(bytes(16), priority)
    box.ready()
    assert weigh([box]) == empty
