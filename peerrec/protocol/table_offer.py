"""Sign a table of factors, and check what a peer says of its own before any of it comes.

A table travels as an offer, a signed header of some 150 bytes, and a body in parts. The header
says all that a receiver must know to refuse: who made it, when, how long it is, and the hash
of the body. Only its author sends a table; nobody passes one on.

Layout::

    offer  = [header: bin, signature: bin 64]
    header = [1, frame, dim, author, minute, rows, body_bytes, body_hash]
    signed = "peerrec/1/table" ‖ network id ‖ header

Example:
    >>> from peerrec.protocol.identity import KeyedHashSigner, KeyedHashVerifier
    >>> signer = KeyedHashSigner(bytes(32))
    >>> table = sign_table(signer, bytes(16), b"body", frame=1, dim=16, rows=3, minute=10)
    >>> rules = TableRules(bytes(16), KeyedHashVerifier(), frame=1, dim=16)
    >>> open_offer(table.offer, rules, peer=signer.peer, now=600.0).rows
    3
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from peerrec import limits
from peerrec.errors import RemoteProtocolError
from peerrec.ids import PEER_BYTES
from peerrec.limits import CLOCK_SKEW_S, MINUTE_S, TABLE_AGE_S, TABLE_BYTES_MAX, TABLE_ROWS_MAX
from peerrec.protocol.identity import SIGNATURE_BYTES, Signer, Verifier
from peerrec.protocol.messages import Count, Minute
from peerrec.protocol.violations import Violation

__all__ = ["SignedTable", "TableHeader", "TableRules", "body_hash", "open_offer", "sign_table"]

VERSION: Final = 1
HASH_BYTES: Final = 32

Byte = Annotated[int, Meta(ge=0, le=255)]


class TableHeader(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """What an author signs of a table.

    Attributes:
        version: of the format, 1.
        frame: how first item vectors are made; tables of different frames cannot be averaged.
        dim: length of a vector.
        author: public key, 32 bytes.
        minute: when it was made, minutes since 1970.
        rows: of the body.
        body_bytes: length of the body, at least 1.
        body_hash: BLAKE2b-256 of the body.
    """

    version: Byte
    frame: Byte
    dim: Byte
    author: Annotated[bytes, Meta(min_length=PEER_BYTES, max_length=PEER_BYTES)]
    minute: Minute
    rows: Count
    body_bytes: Count
    body_hash: Annotated[bytes, Meta(min_length=HASH_BYTES, max_length=HASH_BYTES)]


class _Offer(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    header: Annotated[bytes, Meta(max_length=limits.TABLE_OFFER_BYTES_MAX)]
    signature: Annotated[bytes, Meta(min_length=SIGNATURE_BYTES, max_length=SIGNATURE_BYTES)]


_ENCODER: Final = msgspec.msgpack.Encoder()
_OFFER: Final = msgspec.msgpack.Decoder(_Offer)
_HEADER: Final = msgspec.msgpack.Decoder(TableHeader)


@dataclass(frozen=True, slots=True)
class SignedTable:
    """One's own table as it leaves.

    Attributes:
        header: what was signed.
        offer: its signed header as it travels.
        body: what travels in parts.
    """

    header: TableHeader
    offer: bytes
    body: bytes


@dataclass(frozen=True, slots=True)
class TableRules:
    """What a table must agree with.

    Attributes:
        network: 16 bytes.
        verifier: of signatures.
        frame, dim: of this network's tables.
    """

    network: bytes
    verifier: Verifier
    frame: int
    dim: int


def sign_table(
    signer: Signer, network: bytes, body: bytes, *, frame: int, dim: int, rows: int, minute: int
) -> SignedTable:
    """Return a table ready to be offered."""
    header = TableHeader(VERSION, frame, dim, signer.peer, minute, rows, len(body), body_hash(body))
    data = _ENCODER.encode(header)
    offer = _ENCODER.encode(_Offer(data, signer.sign(_signed(network, data))))
    return SignedTable(header, offer, body)


def open_offer(data: bytes, rules: TableRules, *, peer: bytes, now: float) -> TableHeader:
    """Return the header of a table that a peer offers, once everything about it is right.

    Args:
        data: the offer, from anybody.
        rules: see `TableRules`.
        peer: who sent it.
        now: unix seconds.

    Raises:
        RemoteProtocolError: MALFORMED: no offer, or of another version, frame or d.
            OVERSIZED: too many rows or bytes. FORGERY: of another author or network, or the
            signature does not verify. STATE: too old, a replay, or from the future.
    """
    try:
        offer = _OFFER.decode(data)
        header = _HEADER.decode(offer.header)
    except msgspec.DecodeError as error:
        raise RemoteProtocolError(Violation.MALFORMED, f"offer of a table: {error}") from None
    if _ENCODER.encode(offer) != data or _ENCODER.encode(header) != offer.header:
        raise RemoteProtocolError(Violation.MALFORMED, "offer of a table not in canonical form")
    _check_shape(header, rules)
    if header.author != peer:
        raise RemoteProtocolError(Violation.FORGERY, "a table of somebody else than the sender")
    if not rules.verifier.verify(peer, offer.signature, _signed(rules.network, offer.header)):
        raise RemoteProtocolError(Violation.FORGERY, "the signature of a table does not verify")
    age_s = now - header.minute * MINUTE_S
    if not -CLOCK_SKEW_S <= age_s <= TABLE_AGE_S:
        raise RemoteProtocolError(Violation.STATE, f"a table of {age_s:.0f} s ago; offer a new one")
    return header


def body_hash(body: bytes | bytearray) -> bytes:
    """Return the BLAKE2b-256 by which a body is known."""
    return hashlib.blake2b(body, digest_size=HASH_BYTES).digest()


def _check_shape(header: TableHeader, rules: TableRules) -> None:
    found = header.version, header.frame, header.dim
    if found != (VERSION, rules.frame, rules.dim):
        raise RemoteProtocolError(
            Violation.MALFORMED,
            f"a table of version, frame and d {found}; here {(VERSION, rules.frame, rules.dim)}",
        )
    if header.rows > TABLE_ROWS_MAX or header.body_bytes > TABLE_BYTES_MAX:
        raise RemoteProtocolError(
            Violation.OVERSIZED,
            f"a table of {header.rows} rows and {header.body_bytes} bytes; "
            f"at most {TABLE_ROWS_MAX} and {TABLE_BYTES_MAX} are taken",
        )
    if not header.body_bytes:
        raise RemoteProtocolError(Violation.MALFORMED, "a table without a body")


def _signed(network: bytes, header: bytes) -> bytes:
    return b"peerrec/1/table" + network + header
