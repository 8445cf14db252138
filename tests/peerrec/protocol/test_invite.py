"""Addresses and invites: what a person pastes is read or explained."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from peerrec.errors import DataError
from peerrec.ids import peer_text
from peerrec.protocol.identity import Ed25519Signer
from peerrec.protocol.invite import (
    Address,
    Invite,
    check_address,
    parse_address,
    parse_invite,
)

PEER = Ed25519Signer.from_seed(bytes(32)).peer
ID = peer_text(PEER)

labels = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,8}[a-z0-9])?", fullmatch=True)
hosts = st.one_of(
    st.lists(labels, min_size=1, max_size=4).map(".".join),
    st.ip_addresses().map(str),
)
paths = st.lists(st.from_regex(r"[A-Za-z0-9._~-]{1,8}", fullmatch=True), max_size=3).map(
    lambda parts: "".join("/" + part for part in parts)
)
addresses = st.builds(Address, hosts, st.integers(1, 65_535), paths)
networks = st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=16)


@given(addresses)
def test_address_reads_as_it_was_written(address):
    check_address(address)
    assert parse_address(address.text()) == address


@given(addresses, networks)
def test_invite_reads_as_it_was_written(address, network):
    invite = Invite(PEER, address, network)
    assert parse_invite(invite.text()) == invite
    assert parse_invite(f"  {invite.text()}\n") == invite
    assert invite.text().isascii()


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("localhost:7700", Address("localhost", 7700)),
        ("127.0.0.1:1", Address("127.0.0.1", 1)),
        ("[::1]:7700/a/b", Address("::1", 7700, "/a/b")),
        ("[fe80::1%eth0]:7700", Address("fe80::1%eth0", 7700)),
        ("music.example:65535/prp/", Address("music.example", 65_535, "/prp")),
        ("music.example.:7700/", Address("music.example.", 7700)),
    ],
)
def test_address_is_read(text, address):
    assert parse_address(text) == address


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "host:port"),
        ("localhost", "host:port"),
        ("localhost:", "no port"),
        ("localhost:0", "port 0"),
        ("localhost:65536", "port 65536"),
        ("localhost:655360", "no port"),
        ("localhost:٧٧٠٠", "host:port"),
        (":7700", "neither a name"),
        ("::1:7700", "brackets"),
        ("[localhost]:7700", "brackets"),
        ("[::1::2]:7700", "neither a name"),
        ("a b:7700", "neither a name"),
        ("-a.example:7700", "neither a name"),
        ("a..b:7700", "neither a name"),
        ("a" * 64 + ":7700", "neither a name"),
        ("a." * 130 + "a:7700", "255"),
        ("a:7700/x" + "x" * 255, "255"),
        ("a:7700//", None),
        ("a:7700/a//b", "/like/this"),
        ("a:7700/a?b", "/like/this"),
        ("a:7700/é", "/like/this"),
    ],
)
def test_refusal_says_which_part_of_an_address_is_wrong(text, reason):
    if reason is None:
        assert parse_address(text) == Address("a", 7700)
        return
    with pytest.raises(DataError, match=reason):
        parse_address(text)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "does not begin with peerrec://"),
        (f"https://{ID}@a:1#n", "does not begin with peerrec://"),
        (f"peerrec://{ID}#n", "no address"),
        (f"peerrec://{ID}@a#n", "host:port"),
        (f"peerrec://{ID}@a:1", "names no network"),
        (f"peerrec://{ID}@a:1#", "names no network"),
        (f"peerrec://{ID[:-1]}@a:1#n", "55 characters"),
        (f"peerrec://{'a' * 56}@a:1#n", "checksum"),
        (f"peerrec://{ID}@a:1#{'n' * 65}", "65 bytes"),
        (f"peerrec://{ID}@a:1#%ff", "UTF-8"),
        (f"peerrec://{ID}@a:1#a%0ab", "unprintable"),
        (f"peerrec://{ID}@a:1#\ud800", "UTF-8"),
    ],
)
def test_refusal_says_which_part_of_an_invite_is_wrong(text, reason):
    with pytest.raises(DataError, match=reason):
        parse_invite(text)


@given(st.text(max_size=40))
def test_any_text_is_read_or_refused_with_words(text):
    for read, whole in ((parse_address, text), (parse_invite, f"peerrec://{ID}@{text}")):
        with contextlib.suppress(DataError):
            assert read(read(whole).text()) == read(whole)
