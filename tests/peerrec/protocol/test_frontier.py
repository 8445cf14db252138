"""What is held of every log: its index, digests, tags and elements."""

from __future__ import annotations

import doctest
import hashlib
import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from peerrec.protocol import columns, elements, frontier, log_index
from peerrec.protocol.elements import FORK
from peerrec.protocol.frontier import EVERYTHING, MINUTES_PER_DAY, Frontier

DAY = 20_780
MINUTE = DAY * MINUTES_PER_DAY
KEY = bytes(range(16))
AUTHORS = [bytes([n]) * 32 for n in range(4)]


def id_of(author: bytes, epoch: int, seq: int, branch: int = 0) -> bytes:
    return hashlib.blake2b(author + bytes([epoch, seq, branch]), digest_size=32).digest()


def add(
    index: Frontier,
    author: bytes,
    epoch: int,
    seq: int,
    *,
    minute: int = MINUTE,
    arrival: int = 1,
    ttl_days: int = 90,
    branch: int = 0,
) -> bool:
    id = id_of(author, epoch, seq, branch)
    return index.add(author, epoch, seq, id, minute, 300, arrival, ttl_days)


@pytest.mark.parametrize("module", [frontier, elements, columns, log_index])
def test_the_examples_hold(module):
    assert doctest.testmod(module).failed == 0


keys = st.tuples(st.sampled_from(AUTHORS), st.integers(0, 1), st.integers(0, 12))
changes = st.lists(
    st.one_of(
        st.tuples(st.just("add"), keys),
        st.tuples(st.just("remove"), keys),
        st.tuples(st.just("fork"), keys),
    ),
    max_size=60,
)


@given(changes)
def test_any_changes_leave_the_index_as_if_it_were_built_anew(steps):
    index, held, forks = Frontier(), {}, {}
    for arrival, (what, (author, epoch, seq)) in enumerate(steps, start=1):
        log = (author, epoch)
        if what == "add":
            expected = (log, seq) not in held and seq < forks.get(log, EVERYTHING)
            assert add(index, author, epoch, seq, arrival=arrival) == expected
            if expected:
                held[(log, seq)] = arrival
        elif what == "remove":
            assert index.remove(author, epoch, seq) == (held.pop((log, seq), None) is not None)
        else:
            forks[log] = min(seq, forks.get(log, EVERYTHING))
            gone = index.mark_fork(author, epoch, seq, MINUTE)
            assert gone == sorted(s for other, s in held if other == log and s >= forks[log])
            held = {ref: n for ref, n in held.items() if ref[0] != log or ref[1] < forks[log]}
    anew = Frontier()
    for (log, seq), arrival in held.items():
        add(anew, *log, seq, arrival=arrival)
    for log, seq in forks.items():
        anew.mark_fork(*log, seq, MINUTE)
    assert len(index) == len(held)
    assert index.logs() == anew.logs()
    assert index.root(KEY, DAY, {}) == anew.root(KEY, DAY, {})
    assert np.array_equal(index.elements(KEY, DAY, {}).values, anew.elements(KEY, DAY, {}).values)
    assert index.arrivals_since(10) == sorted(
        (ref for ref, n in held.items() if n > 10), key=held.__getitem__
    )
    for log in index.logs():
        assert index.seqs(log) == sorted(seq for other, seq in held if other == log)
        assert index.lowest(log) == min(index.seqs(log), default=EVERYTHING)
    for author in AUTHORS:
        assert index.bytes_of(author) == 300 * sum(log[0] == author for log, _ in held)


def test_every_element_leads_back_to_its_segment_or_fork():
    index = Frontier()
    for seq in range(5):
        add(index, AUTHORS[0], 1, seq)
    index.mark_fork(AUTHORS[1], 2, 3, MINUTE)
    found = index.elements(KEY, DAY, {})
    refs = [found.find(value) for value in found.values.tolist()]
    assert sorted(refs) == [
        *(((AUTHORS[0], 1), seq) for seq in range(5)),
        ((AUTHORS[1], 2), FORK),
    ]
    assert found.find(1) is None
    tags = {log: tag for tag, log in index.tags(KEY)}
    for value, (log, _) in zip(found.values.tolist(), refs, strict=True):
        assert value >> 32 == tags[log]


def test_elements_and_root_depend_on_the_key():
    index = Frontier()
    add(index, AUTHORS[0], 1, 0)
    other = bytes(16)
    assert index.root(KEY, DAY, {}) != index.root(other, DAY, {})
    mine, theirs = (index.elements(key, DAY, {}).values[0] for key in (KEY, other))
    assert mine >> np.uint64(32) != theirs >> np.uint64(32)
    assert mine & np.uint64(0xFFFFFFFF) != theirs & np.uint64(0xFFFFFFFF)


@given(st.integers(0, 12), st.sets(st.integers(0, 11)))
def test_what_is_excluded_is_as_if_it_were_not_held(floor, seqs):
    log = (AUTHORS[0], 1)
    index, without = Frontier(), Frontier()
    for seq in seqs:
        add(index, *log, seq)
        if seq >= floor:
            add(without, *log, seq)
    exclude = {log: floor}
    assert index.root(KEY, DAY, exclude) == without.root(KEY, DAY, {})
    assert np.array_equal(
        index.elements(KEY, DAY, exclude).values, without.elements(KEY, DAY, {}).values
    )
    assert index.log_elements(KEY, DAY, exclude) == without.log_elements(KEY, DAY, {})


@pytest.mark.parametrize("ttl_days", [1, 7, 90])
def test_a_segment_counts_until_the_day_before_it_can_expire(ttl_days):
    index = Frontier()
    add(index, AUTHORS[0], 1, 0, minute=MINUTE + 1_439, ttl_days=ttl_days)
    last = DAY + ttl_days - 1
    log = (AUTHORS[0], 1)
    assert index.seqs(log, last) == [0]
    assert index.seqs(log, last + 1) == []
    assert len(index.elements(KEY, last, {}).values) == 1
    assert len(index.elements(KEY, last + 1, {}).values) == 0


@given(st.lists(st.integers(1, 90), min_size=1, max_size=6), st.lists(st.integers(-2, 95)))
def test_a_digest_kept_from_another_day_is_never_given_for_this_one(ttls, days):
    log = (AUTHORS[0], 1)
    index = Frontier()
    for seq, ttl_days in enumerate(ttls):
        add(index, *log, seq, ttl_days=ttl_days)
    for day in days:
        fresh = Frontier()
        for seq, ttl_days in enumerate(ttls):
            add(fresh, *log, seq, ttl_days=ttl_days)
        assert index.digest(log, DAY + day) == fresh.digest(log, DAY + day)


def test_a_fork_changes_the_digest_and_leaves_it_with_the_window():
    log = (AUTHORS[0], 1)
    index = Frontier()
    add(index, *log, 0)
    before = index.digest(log, DAY)
    assert index.mark_fork(*log, 1, MINUTE) == []
    assert index.digest(log, DAY) not in (None, before)
    assert index.fork_counts(log, DAY + 89)
    assert index.digest(log, DAY + 90) is None
    index.forget_fork(*log)
    assert index.digest(log, DAY) == before


def test_rows_and_places_of_what_is_removed_are_used_again():
    index = Frontier()
    for turn in range(300):
        author = turn.to_bytes(32, "big")
        add(index, author, 0, 0)
        index.remove(author, 0, 0)
    assert len(index) == 0
    assert len(index._columns.codes) < 100
    assert len(index._by_code) == 1


def test_a_segment_takes_no_more_than_120_bytes():
    ids = np.random.default_rng(0).bytes(32 * 10_000)
    tracemalloc.start()
    index = Frontier()
    for n in range(10_000):
        author = (n % 400).to_bytes(32, "big")
        index.add(author, 1, n, ids[32 * n : 32 * n + 32], MINUTE, 300, n + 1)
    size, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert size <= 120 * 10_000
