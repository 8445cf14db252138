"""What is wrong with a table is known from its offer, before any of it comes."""

from __future__ import annotations

import msgspec
import pytest
from table_pair import NETWORK, NOW, RULES, SIGNERS, signed

from peerrec.errors import RemoteProtocolError
from peerrec.limits import (
    CLOCK_SKEW_S,
    TABLE_AGE_S,
    TABLE_BYTES_MAX,
    TABLE_OFFER_BYTES_MAX,
    TABLE_ROWS_MAX,
)
from peerrec.protocol.identity import Ed25519Signer, Ed25519Verifier
from peerrec.protocol.table_offer import TableRules, open_offer, sign_table

MINE = SIGNERS[0]
GOOD = signed(b"body", 0, rows=3)


def opened(data: bytes, *, rules: TableRules = RULES, peer: bytes = MINE.peer, now: float = NOW):
    return open_offer(data, rules, peer=peer, now=now)


def changed(**fields: object) -> bytes:
    """Return an offer with other fields, signed by its author."""
    header = msgspec.msgpack.encode(msgspec.structs.replace(GOOD.header, **fields))
    return msgspec.msgpack.encode([header, MINE.sign(b"peerrec/1/table" + NETWORK + header)])


def test_an_offer_opens_to_the_header_that_was_signed():
    assert opened(GOOD.offer) == GOOD.header
    assert opened(changed()) == GOOD.header
    assert len(GOOD.offer) <= 160 <= TABLE_OFFER_BYTES_MAX


def test_an_offer_is_signed_with_the_node_s_own_key():
    signer = Ed25519Signer.from_seed(bytes(32))
    table = sign_table(signer, NETWORK, b"body", frame=1, dim=16, rows=3, minute=int(NOW // 60))
    rules = TableRules(NETWORK, Ed25519Verifier(), 1, 16)
    assert opened(table.offer, rules=rules, peer=signer.peer).author == signer.peer


@pytest.mark.parametrize(
    ("violation", "fields"),
    [
        ("malformed", {"version": 2}),
        ("malformed", {"frame": 2}),
        ("malformed", {"dim": 32}),
        ("malformed", {"body_bytes": 0}),
        ("malformed", {"author": bytes(31)}),
        ("malformed", {"body_hash": bytes(33)}),
        ("malformed", {"rows": -1}),
        ("malformed", {"minute": 1.5}),
        ("oversized", {"rows": TABLE_ROWS_MAX + 1}),
        ("oversized", {"body_bytes": TABLE_BYTES_MAX + 1}),
        ("forgery", {"author": SIGNERS[1].peer}),
        ("state", {"minute": int((NOW - TABLE_AGE_S) // 60) - 1}),
        ("state", {"minute": int((NOW + CLOCK_SKEW_S) // 60) + 1}),
    ],
    ids=str,
)
def test_a_field_that_is_wrong_is_refused(violation: str, fields: dict[str, object]):
    with pytest.raises(RemoteProtocolError) as refusal:
        opened(changed(**fields))
    assert refusal.value.violation == violation


@pytest.mark.parametrize("age_s", [0.0, TABLE_AGE_S - 60.0, -CLOCK_SKEW_S])
def test_clocks_may_differ_a_little(age_s: float):
    assert opened(GOOD.offer, now=NOW // 60 * 60 + age_s) == GOOD.header


def test_a_signature_that_does_not_verify_is_forgery():
    for place in (-1, 30):
        data = bytearray(GOOD.offer)
        data[place] ^= 1
        with pytest.raises(RemoteProtocolError):
            opened(bytes(data))
    for rules, peer in (
        (TableRules(bytes(16), RULES.verifier, 1, 16), MINE.peer),  # another network
        (RULES, SIGNERS[1].peer),  # passed on by somebody else
    ):
        with pytest.raises(RemoteProtocolError) as refusal:
            opened(GOOD.offer, rules=rules, peer=peer)
        assert refusal.value.violation == "forgery"


def test_an_offer_cut_at_any_byte_is_malformed():
    for end in range(len(GOOD.offer)):
        with pytest.raises(RemoteProtocolError) as refusal:
            opened(GOOD.offer[:end])
        assert refusal.value.violation == "malformed"
    with pytest.raises(RemoteProtocolError):
        opened(GOOD.offer + b"\0")


def test_numbers_in_more_bytes_than_they_take_are_refused():
    header = msgspec.msgpack.encode(GOOD.header).replace(b"\x98\x01", b"\x98\xcc\x01", 1)
    data = msgspec.msgpack.encode([header, MINE.sign(b"peerrec/1/table" + NETWORK + header)])
    with pytest.raises(RemoteProtocolError) as refusal:
        opened(data)
    assert refusal.value.violation == "malformed"
