"""Build and check segments: what one author signs at once.

A segment is a header and a payload. The header names the log (author, epoch), the
number in it, the time and the payload's hash; the signature is over the header and
the network's id, so no segment is valid in another network. The id is a hash of what
is signed and not of the signature: one statement has one id.

::

    frame  = [header: bin, signature: bin64, payload: bin]
    header = [1, kind, author: bin32, epoch, seq, prev: bin16, minute, ttl_days,
              payload_bytes, payload_hash: bin32]
    signed = "peerrec/1/segment" ‖ network ‖ header
    id     = BLAKE2b-256("peerrec/1/id" ‖ network ‖ header)

Both are MessagePack in its shortest form; what would encode otherwise is refused, so
each segment has one frame. ``seq`` and ``prev`` serve order and the proof of forks
only: a gap never keeps a segment from being accepted.

Example:
    >>> from peerrec.ids import network_id
    >>> from peerrec.protocol.identity import Ed25519Signer, Ed25519Verifier
    >>> signer, network = Ed25519Signer.from_seed(bytes(32)), network_id("music")
    >>> segment = make_segment(
    ...     signer, network, Kind.DIRECTORY, epoch=1, seq=1, prev=NO_SEGMENT,
    ...     minute=29_000_000, ttl_days=90, payload=b"...",
    ... )
    >>> decode_segment(segment.frame, network) == segment
    True
    >>> verify_segment(segment, network, Ed25519Verifier())
"""

from __future__ import annotations

import enum
import hashlib
from functools import lru_cache
from typing import Annotated, Final, TypeAlias

from msgspec import Meta, Struct
from msgspec.msgpack import Decoder, Encoder

from peerrec.errors import LocalProtocolError, VerificationError
from peerrec.ids import PEER_BYTES, short
from peerrec.limits import (
    CLOCK_SKEW_S,
    DAY_S,
    MINUTE_S,
    PAYLOAD_BYTES_MAX,
    SEGMENT_BYTES_MAX,
    SEQ_MAX,
    TIME_MAX_S,
    TTL_DAYS_MAX,
    WINDOW_S,
)
from peerrec.protocol.identity import SIGNATURE_BYTES, Signer, Verifier

__all__ = [
    "NO_SEGMENT",
    "OPAQUE_FROM",
    "PREV_BYTES",
    "Header",
    "Kind",
    "Log",
    "Segment",
    "Timing",
    "decode_header",
    "decode_segment",
    "encode_header",
    "make_segment",
    "payload_hash",
    "segment_from",
    "segment_id",
    "signed_message",
    "timing_of",
    "verify_segment",
]

PREV_BYTES: Final = 16
"""Bytes of the id of the segment before: enough that nobody finds a second one."""

REMEMBERED: Final = 512
"""Segments and bundles of news that are not packed or read again: they go out and come in over
several links within seconds, and in a simulation at hundreds of nodes of one process."""

BRIEF_BYTES: Final = 1_024
"""Up to which they are remembered, and four times as much of what swells: some megabytes in all,
whatever strangers send."""

NO_SEGMENT: Final = bytes(PREV_BYTES)
"""What stands for the segment before the first one."""

OPAQUE_FROM: Final = 64
"""Kinds from here on are stored and passed on unread where they are not known."""

Log: TypeAlias = tuple[bytes, int]
"""One author's history since its store was new: (author, epoch)."""


class Kind(enum.IntEnum):
    """What a segment's payload says."""

    INTERACTIONS = 1  # what the author used, and how much
    TRUST = 2  # whom it trusts or distrusts; the newest word counts
    RETRACT = 3  # interactions that do not count any more
    ADDRESS = 4  # where its node listens; short life
    FORK = 5  # reserved: proofs travel as messages, nobody signs them
    DIRECTORY = 6  # names, titles and tags of items


_Peer: TypeAlias = Annotated[bytes, Meta(min_length=PEER_BYTES, max_length=PEER_BYTES)]
_Hash: TypeAlias = Annotated[bytes, Meta(min_length=32, max_length=32)]


class Header(Struct, frozen=True, array_like=True, tag=1, forbid_unknown_fields=True, gc=False):
    """What is signed of a segment; the tag before the fields is the format's version.

    Attributes:
        kind: a `Kind`, or a number from OPAQUE_FROM on that later versions gave a meaning.
        author: public key, 32 bytes.
        epoch: which log of the author, u32.
        seq: number in the log; grows, gaps are fine.
        prev: first 16 bytes of the id of the segment before, zeros for the first.
        minute: when it was made, minutes since 1970.
        ttl_days: how long it wants to live, 1 to TTL_DAYS_MAX.
        payload_bytes: length of the payload.
        payload_hash: BLAKE2b-256 of the payload.
    """

    kind: Annotated[int, Meta(ge=1, lt=128)]
    author: _Peer
    epoch: Annotated[int, Meta(ge=0, lt=2**32)]
    seq: Annotated[int, Meta(ge=0, le=SEQ_MAX)]
    prev: Annotated[bytes, Meta(min_length=PREV_BYTES, max_length=PREV_BYTES)]
    minute: Annotated[int, Meta(ge=0, lt=int(TIME_MAX_S / MINUTE_S))]
    ttl_days: Annotated[int, Meta(ge=1, le=TTL_DAYS_MAX)]
    payload_bytes: Annotated[int, Meta(ge=1, le=PAYLOAD_BYTES_MAX)]
    payload_hash: _Hash


class Segment(Struct, frozen=True, gc=False):
    """A header, its signature and its payload, with what follows from them.

    Attributes:
        header: see `Header`.
        signature: 64 bytes; `verify_segment` says whether it is good.
        payload: see `peerrec.protocol.statements`.
        id: 32 bytes.
        header_bytes: the header as it was signed.
    """

    header: Header
    signature: bytes
    payload: bytes
    id: bytes
    header_bytes: bytes

    @property
    def frame(self) -> bytes:
        """The whole segment as it is stored and sent alone."""
        return _encode((self.header_bytes, self.signature, self.payload))

    @property
    def log(self) -> Log:
        """Whose segment it is, of which epoch."""
        return (self.header.author, self.header.epoch)


_encode: Final = Encoder().encode
_decode_frame: Final = Decoder(tuple[bytes, bytes, bytes]).decode
_decode_header: Final = Decoder(Header).decode
_blake2b: Final = hashlib.blake2b
_KNOWN: Final = frozenset(int(kind) for kind in Kind if kind is not Kind.FORK)


def make_segment(
    signer: Signer,
    network: bytes,
    kind: int,
    *,
    epoch: int,
    seq: int,
    prev: bytes,
    minute: int,
    ttl_days: int,
    payload: bytes,
) -> Segment:
    """Return a new signed segment.

    Args:
        signer: the author.
        network: id of the network, 16 bytes.
        kind: a `Kind`.
        epoch: of the author's log.
        seq: number in the log; must never have been used, reserve it before.
        prev: id of the segment before it (its first 16 bytes count), or `NO_SEGMENT`.
        minute: now, minutes since 1970.
        ttl_days: 1 to TTL_DAYS_MAX.
        payload: statements, encoded.

    Raises:
        LocalProtocolError: a field is out of its range.
    """
    header = Header(
        kind=int(kind),
        author=signer.peer,
        epoch=epoch,
        seq=seq,
        prev=prev[:PREV_BYTES],
        minute=minute,
        ttl_days=ttl_days,
        payload_bytes=len(payload),
        payload_hash=payload_hash(payload),
    )
    header_bytes = encode_header(header)
    try:
        decode_header(header_bytes)
    except VerificationError as error:
        raise LocalProtocolError(f"cannot make this segment: {error}") from None
    signature = signer.sign(signed_message(header_bytes, network))
    return Segment(header, signature, payload, segment_id(header_bytes, network), header_bytes)


def decode_segment(frame: bytes, network: bytes) -> Segment:
    """Return the segment in a frame; its signature is not looked at.

    Raises:
        VerificationError: not the shape, not the shortest form, a field beyond its limit, or
            a payload that is not the one the header names.
    """
    return _decoded_brief(frame, network) if len(frame) <= BRIEF_BYTES else _decoded(frame, network)


def _decoded(frame: bytes, network: bytes) -> Segment:
    if len(frame) > SEGMENT_BYTES_MAX:
        raise VerificationError(
            f"segment of {len(frame)} bytes: at most {SEGMENT_BYTES_MAX} are allowed"
        )
    try:
        header_bytes, signature, payload = parts = _decode_frame(frame)
    except ValueError as error:
        raise VerificationError(f"frame is not [header, signature, payload]: {error}") from None
    if _encode(parts) != frame:
        raise VerificationError("frame is not in MessagePack's shortest form")
    return segment_from(header_bytes, decode_header(header_bytes), signature, payload, network)


_decoded_brief: Final = lru_cache(maxsize=REMEMBERED)(_decoded)


def segment_from(
    header_bytes: bytes, header: Header, signature: bytes, payload: bytes, network: bytes
) -> Segment:
    """Return the segment of these parts; the signature is not looked at.

    Raises:
        VerificationError: the payload is not the one the header names, or the signature
            has not 64 bytes.
    """
    if len(signature) != SIGNATURE_BYTES:
        raise VerificationError(f"signature of {len(signature)} bytes, not {SIGNATURE_BYTES}")
    if len(payload) != header.payload_bytes or payload_hash(payload) != header.payload_hash:
        raise VerificationError(f"payload of {_name(header)} is not the one its header names")
    return Segment(header, signature, payload, segment_id(header_bytes, network), header_bytes)


def verify_segment(segment: Segment, network: bytes, verifier: Verifier) -> None:
    """Refuse a segment that its author did not sign for this network.

    Raises:
        VerificationError: the signature is not the author's, or for another network.
    """
    message = signed_message(segment.header_bytes, network)
    if not verifier.verify(segment.header.author, segment.signature, message):
        raise VerificationError(
            f"signature of {_name(segment.header)} is not its author's for this network"
        )


class Timing(enum.Enum):
    """Whether a segment's time lets it count now."""

    FINE = "fine"
    EARLY = "early"  # a clock is ahead: hold it, whoever passed it on is not at fault
    EXPIRED = "expired"  # past its own life or the window: nobody needs to keep it


def timing_of(segment: Segment, now: float) -> Timing:
    """Return whether a segment counts at ``now`` (unix seconds)."""
    header = segment.header
    age_s = now - header.minute * MINUTE_S
    if age_s < -CLOCK_SKEW_S:
        return Timing.EARLY
    if age_s > WINDOW_S or age_s > header.ttl_days * DAY_S:
        return Timing.EXPIRED
    return Timing.FINE


def encode_header(header: Header) -> bytes:
    """Return the one encoding of a header."""
    return _encode(header)


def decode_header(header_bytes: bytes) -> Header:
    """Return the header in these bytes.

    Raises:
        VerificationError: not the shape, not the shortest form, or a field beyond its limit.
    """
    try:
        header = _decode_header(header_bytes)
    except ValueError as error:
        raise VerificationError(f"header of a segment is not valid: {error}") from None
    if _encode(header) != header_bytes:
        raise VerificationError(f"header of {_name(header)} is not in MessagePack's shortest form")
    if header.kind not in _KNOWN and header.kind < OPAQUE_FROM:
        raise VerificationError(f"{_name(header)} has kind {header.kind}, which does not exist")
    return header


def segment_id(header_bytes: bytes, network: bytes) -> bytes:
    """Return the 32-byte id of the segment with this header."""
    return _blake2b(b"peerrec/1/id" + network + header_bytes, digest_size=32).digest()


def signed_message(header_bytes: bytes, network: bytes) -> bytes:
    """Return what the author of this header signs."""
    return b"peerrec/1/segment" + network + header_bytes


def payload_hash(payload: bytes) -> bytes:
    """Return the 32 bytes by which a header names its payload."""
    return _blake2b(payload, digest_size=32).digest()


def _name(header: Header) -> str:
    return f"segment {header.seq} of {short(header.author)}/{header.epoch}"
