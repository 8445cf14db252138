from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from peerrec.limits import ADDRESS_BOOK_MAX, ADDRESSES_OF_PEER_MAX
from peerrec.protocol.addresses import (
    BUCKET_SIZE,
    BUCKETS_OF_SOURCE,
    LOCAL,
    RETRY_MAX_S,
    AddressBook,
    netgroup,
)
from peerrec.protocol.invite import Address


def peer(number: int) -> bytes:
    return number.to_bytes(32, "big")


def address(number: int, port: int = 7700) -> Address:
    return Address(f"{20 + number // 65_536}.{number // 256 % 256}.{number % 256}.7", port)


def book(seed: int = 0) -> AddressBook:
    return AddressBook(np.random.default_rng(seed))


@pytest.mark.parametrize(
    ("host", "group"),
    [
        ("198.51.100.7", "198.51"),
        ("::ffff:198.51.100.7", "198.51"),
        ("2001:db8:1::7", "2001:0db8"),
        ("a.b.Example.org.", "example.org"),
        ("localhost", LOCAL),
        ("127.0.0.9", LOCAL),
        ("192.168.1.1", LOCAL),
        ("::1", LOCAL),
        ("fe80::1%eth0", LOCAL),
        ("fd00::1", LOCAL),
    ],
)
def test_hosts_under_one_hand_are_one_group(host, group):
    assert netgroup(host) == group


def test_one_source_fills_no_more_than_its_buckets_however_much_it_tells():
    addresses = book()
    for number in range(10_000):
        addresses.add(peer(number), address(number), source="203.0.113.9", now=0.0)
    assert len(addresses) <= BUCKET_SIZE * BUCKETS_OF_SOURCE


@pytest.mark.parametrize("every", [1, 3])
def test_the_book_is_bounded_whatever_is_told_and_answered(every):
    rng = np.random.default_rng(every)
    addresses = book()
    for number in range(1_500):
        source = f"{rng.integers(1, 255)}.{rng.integers(0, 255)}.1.1"
        addresses.add(peer(number), address(number), source=source, now=float(number))
        if number % every == 0:
            addresses.answered(peer(number), address(number), float(number))
        assert len(addresses) <= ADDRESS_BOOK_MAX
    assert len(AddressBook.decode(addresses.encode(), rng, 0.0)) == len(addresses)


def test_a_flood_of_hearsay_does_not_displace_who_answered():
    addresses = book()
    for number in range(50):
        addresses.answered(peer(number), address(number), 1.0)
    for number in range(1_000, 9_000):
        source = f"{number % 250 + 1}.{number // 250}.1.1"
        addresses.add(peer(number), address(number), source=source, now=2.0)
    assert set(addresses.peers()[:50]) == {peer(number) for number in range(50)}


def test_one_peer_has_a_handful_of_addresses():
    addresses = book()
    for port in range(1, 200):
        addresses.add(peer(1), Address("198.51.100.7", port), source="", now=float(port))
    assert len(addresses.of(peer(1))) <= ADDRESSES_OF_PEER_MAX


def test_each_failure_doubles_the_wait_and_an_answer_ends_it():
    addresses = book()
    addresses.answered(peer(1), address(1), 0.0)
    now, waits = 0.0, []
    for _ in range(16):
        addresses.failed(peer(1), address(1), now)
        waits.append(addresses.next_try(peer(1)) - now)
        assert addresses.to_dial(peer(1), now) is None
        now += waits[-1]
        assert addresses.to_dial(peer(1), now) is not None
    assert waits[0] <= 15.0
    assert waits[6] > 200.0
    assert max(waits) <= 1.5 * RETRY_MAX_S
    addresses.answered(peer(1), address(1), now)
    assert addresses.to_dial(peer(1), now) is not None


def test_hearsay_that_never_answers_is_forgotten():
    addresses = book()
    addresses.add(peer(1), address(1), source="203.0.113.9", now=0.0)
    for number in range(10):
        addresses.failed(peer(1), address(1), float(number))
    assert addresses.of(peer(1)) == []


def test_nonsense_is_not_kept():
    addresses = book()
    assert not addresses.add(peer(1), Address("not a host", 1), source="", now=0.0)
    assert not addresses.add(peer(1), Address("host.example", 0), source="", now=0.0)
    assert len(addresses) == 0


def test_everything_outlasts_a_restart():
    addresses = book()
    for number in range(300):
        addresses.add(peer(number), address(number), source=f"9.{number % 200}.1.1", now=5.0)
        if number % 7 == 0:
            addresses.answered(peer(number), address(number), 6.0)
    addresses.failed(peer(7), address(7), 7.0)
    again = AddressBook.decode(addresses.encode(), np.random.default_rng(9), 8.0)
    assert len(again) == len(addresses)
    assert again.peers() == addresses.peers()
    assert again.next_try(peer(7)) == addresses.next_try(peer(7))


@given(st.binary(max_size=80))
def test_an_unreadable_state_is_an_empty_book(state):
    assert len(AddressBook.decode(state, np.random.default_rng(0), 0.0)) == 0


def test_a_random_address_is_drawn_from_those_that_answered_half_of_the_time():
    addresses = book()
    addresses.answered(peer(0), address(0), 0.0)
    for number in range(1, 200):
        addresses.add(peer(number), address(number), source=f"9.{number}.1.1", now=0.0)
    drawn = [addresses.draw(1.0, allowed=lambda known: True).peer for _ in range(200)]
    assert 60 <= drawn.count(peer(0)) <= 140
    assert addresses.draw(1.0, allowed=lambda known: False) is None
