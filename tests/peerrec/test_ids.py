"""Ids of people, networks and items: mistakes are told, not looked for."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from peerrec.errors import DataError
from peerrec.ids import (
    check_public_key,
    item_hash,
    network_id,
    parse_peer,
    peer_text,
    short,
)

PEER = bytes.fromhex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a")
PRIME = 2**255 - 19
ordinary_keys = st.binary(min_size=32, max_size=32).filter(
    lambda key: 1 < int.from_bytes(key, "little") % 2**255 < PRIME - 1
)


@given(ordinary_keys)
def test_text_of_a_peer_names_it_in_either_case(key):
    text = peer_text(key)
    assert len(text) == 56
    assert text == text.lower()
    assert parse_peer(text) == parse_peer(text.upper()) == key
    assert text.startswith(short(key))
    assert len(short(key)) == 8


@given(st.integers(0, 55), st.sampled_from("abcdefghijklmnopqrstuvwxyz234567"))
def test_one_wrong_letter_is_noticed(at, letter):
    text = peer_text(PEER)
    wrong = text[:at] + letter + text[at + 1 :]
    if wrong == text:
        return
    with pytest.raises(DataError, match="checksum"):
        parse_peer(wrong)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "56 are needed"),
        (peer_text(PEER)[:-1], "55 characters"),
        (peer_text(PEER) + " ", "57 characters"),
        ("0" + peer_text(PEER)[1:], "other than a to z"),
        ("é" + peer_text(PEER)[1:], "other than a to z"),
        (peer_text(PEER)[:-8] + "========", "other than a to z|checksum"),
    ],
)
def test_refusal_says_what_is_wrong_with_a_text(text, reason):
    with pytest.raises(DataError, match=reason):
        parse_peer(text)


def test_key_that_fits_every_message_is_refused_even_with_its_checksum():
    with pytest.raises(DataError, match="small order"):
        parse_peer(peer_text((1).to_bytes(32, "little")))


@pytest.mark.parametrize("sign", [0, 1])
def test_only_coordinates_below_the_prime_are_keys(sign):
    def key(y):
        return (y | sign << 255).to_bytes(32, "little")

    check_public_key(key(PRIME - 2))
    for y in (PRIME + 2, 2**255 - 1):
        with pytest.raises(DataError, match="canonical"):
            check_public_key(key(y))
    for y in (PRIME - 1, PRIME, PRIME + 1):
        with pytest.raises(DataError, match="small order"):
            check_public_key(key(y))


@pytest.mark.parametrize("size", [0, 31, 33])
def test_key_of_another_length_is_refused(size):
    for function in (check_public_key, peer_text):
        with pytest.raises(DataError, match=f"{size} bytes"):
            function(bytes(size))


def test_names_of_networks_are_told_apart():
    assert network_id("music") != network_id("Music")
    assert len(network_id("music")) == 16


def test_item_known_by_its_hash_alone_keeps_it():
    known = item_hash("https://example.org/song")
    assert item_hash(known) == known
    assert len(known) == 16


def test_bytes_and_text_of_one_spelling_are_two_items():
    assert item_hash(b"song") != item_hash("song")
    assert item_hash("x" * 16) != b"x" * 16


@pytest.mark.parametrize("bad", ["", "x" * 513, "\ud800"])
def test_text_that_is_no_id_is_refused(bad):
    with pytest.raises(DataError):
        item_hash(bad)


@pytest.mark.parametrize("bad", ["", "x" * 65, "\ud800"])
def test_text_that_names_no_network_is_refused(bad):
    with pytest.raises(DataError):
        network_id(bad)
