"""Write and read payloads: what an author says in one segment.

Each kind of segment has one kind of statement and one encoding, MessagePack in its
shortest form, columns before rows where there are many alike::

    interactions  [items: bin 16·n, ages: [n], weights: [1 or n] | bin 4 or 4·n]
    trust         [peers: bin 32·n, ages: [n], hundredths: [n] of -100 … 100]
    retract       [items: bin 16·n, ages: [n]]
    address       [[host, port, path], …]
    directory     [[uri, title, [tag, …]], …]

An age is minutes before the segment's own minute. Weights are one list of integers from
1 to 2^24 where all are such, otherwise float32 (little-endian) in a bin; where all are
equal there is only one.

Example:
    >>> plays = [Play(bytes(16), 1.0, 29_000_000), Play(b"x" * 16, 1.0, 28_999_996)]
    >>> payload = encode_statements(Kind.INTERACTIONS, plays, 29_000_000)
    >>> len(payload), decode_statements(Kind.INTERACTIONS, payload, 29_000_000) == plays
    (40, True)
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Iterable, Sequence
from itertools import repeat
from typing import Annotated, Any, Final, NamedTuple, TypeAlias, TypeVar

from msgspec import Meta
from msgspec.msgpack import Decoder, Encoder

from peerrec.errors import DataError, VerificationError
from peerrec.ids import HASH_BYTES, PEER_BYTES
from peerrec.limits import (
    ADDRESSES_MAX,
    ID_BYTES_MAX,
    PAYLOAD_BYTES_MAX,
    STATEMENTS_MAX,
    TAG_BYTES_MAX,
    TAGS_MAX,
    TITLE_BYTES_MAX,
    TRUST_MAX,
    WEIGHT_MAX,
)
from peerrec.protocol.invite import Address, check_address
from peerrec.protocol.segment import OPAQUE_FROM, Kind

__all__ = [
    "ItemName",
    "Play",
    "PlayColumns",
    "Retraction",
    "Statement",
    "TrustIn",
    "Whereabouts",
    "decode_statements",
    "encode_prefix",
    "encode_statements",
    "join_plays",
    "split_plays",
]


class Play(NamedTuple):
    """The author used an item.

    Attributes:
        item: 16 bytes, see `peerrec.ids.item_hash`.
        weight: plays, rating or share listened; float32 in (0, WEIGHT_MAX].
        minute: when, minutes since 1970, not after the segment.
    """

    item: bytes
    weight: float
    minute: int


class TrustIn(NamedTuple):
    """The author trusts or distrusts a peer; the newest word counts.

    Attributes:
        peer: 32 bytes.
        weight: -1 to 1 in hundredths; 0 takes back what was said.
        minute: when, minutes since 1970, not after the segment.
    """

    peer: bytes
    weight: float
    minute: int


class Retraction(NamedTuple):
    """The author's plays of an item up to and including a minute do not count any more.

    Attributes:
        item: 16 bytes.
        minute: minutes since 1970, not after the segment.
    """

    item: bytes
    minute: int


class Whereabouts(NamedTuple):
    """The author's node listens here; see `peerrec.protocol.invite.Address`."""

    host: str
    port: int
    path: str = ""


class ItemName(NamedTuple):
    """What the author calls an item.

    Attributes:
        uri: the item's id, of which the hash on the wire is made; 1 to ID_BYTES_MAX bytes.
        title: at most TITLE_BYTES_MAX bytes.
        tags: at most TAGS_MAX of TAG_BYTES_MAX bytes.
    """

    uri: str
    title: str = ""
    tags: tuple[str, ...] = ()


Statement: TypeAlias = Play | TrustIn | Retraction | Whereabouts | ItemName

_S = TypeVar("_S", bound=Statement)

_WHOLE_MAX: Final = 1 << 24  # up to here float32 holds every whole number

_Age: TypeAlias = Annotated[int, Meta(ge=0, lt=2**32)]
_Weights: TypeAlias = list[Annotated[int, Meta(ge=1, le=_WHOLE_MAX)]] | bytes
_Hundredths: TypeAlias = Annotated[int, Meta(ge=-100, le=100)]

PlayColumns: TypeAlias = tuple[bytes, list[int], list[int] | bytes]
"""The payload of interactions as it is written: items, ages, weights."""

_new_play: Final[Callable[[type[Play], Iterable[object]], Play]] = tuple.__new__
_encode: Final = Encoder().encode
_decode_plays: Final[Callable[[bytes], PlayColumns]] = Decoder(
    tuple[bytes, list[_Age], _Weights]
).decode
_decode_trust: Final = Decoder(tuple[bytes, list[_Age], list[_Hundredths]]).decode
_decode_retract: Final = Decoder(tuple[bytes, list[_Age]]).decode
_decode_address: Final = Decoder(list[tuple[str, int, str]]).decode
_decode_directory: Final = Decoder(list[tuple[str, str, tuple[str, ...]]]).decode

# Whatever a stranger writes is shown in terminals and pages: no escape sequences, no line breaks.
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


def encode_statements(kind: int, statements: Sequence[Statement], minute: int) -> bytes:
    """Return the payload that says this.

    Weights are rounded to float32, trust to hundredths; control characters in titles and
    tags become spaces.

    Args:
        kind: which `Kind` of segment.
        statements: 1 to STATEMENTS_MAX of the kind that belongs to it.
        minute: of the segment.

    Raises:
        DataError: a statement is beyond its limits or all of them are too long together.
    """
    if kind not in _WRITERS:
        raise DataError(f"nothing can be said in a segment of kind {kind}")
    try:
        payload: bytes = _WRITERS[kind](statements, minute)
        decode_statements(kind, payload, minute)  # what others would refuse is not signed
    except (VerificationError, struct.error, UnicodeEncodeError, OverflowError) as error:
        raise DataError(f"statements cannot be published: {error}") from None
    return payload


def encode_prefix(kind: int, statements: Sequence[Statement], minute: int) -> tuple[bytes, int]:
    """Return the payload of the longest prefix that fits, and how many went in.

    Raises:
        DataError: a statement is beyond its limits.
    """
    n = min(len(statements), ADDRESSES_MAX if kind == Kind.ADDRESS else STATEMENTS_MAX)
    if kind == Kind.DIRECTORY:
        n_bytes = 3
        for i, name in enumerate(statements[:n]):
            n_bytes += len(_encode(name))
            if n_bytes > PAYLOAD_BYTES_MAX and i:
                n = i
                break
    return encode_statements(kind, statements[:n], minute), n


def decode_statements(kind: int, payload: bytes, minute: int) -> list[Any]:
    """Return what a payload says, in the order it says it.

    Args:
        kind: of the segment; those from OPAQUE_FROM on say nothing that counts here.
        payload: its bytes.
        minute: of the segment.

    Returns:
        1 to STATEMENTS_MAX of `Play`, `TrustIn`, `Retraction`, `Whereabouts` or `ItemName`.

    Raises:
        VerificationError: not the shape, not the shortest form, a value beyond its limit.
    """
    reader = _READERS.get(kind)
    if reader is None:
        if kind >= OPAQUE_FROM:
            return []
        raise VerificationError(f"nothing can be said in a segment of kind {kind}")
    if len(payload) > PAYLOAD_BYTES_MAX:
        raise VerificationError(
            f"payload of {len(payload)} bytes: at most {PAYLOAD_BYTES_MAX} are allowed"
        )
    try:
        return reader(payload, minute)
    except ValueError as error:  # what msgspec and UTF-8 raise
        raise VerificationError(f"payload of kind {kind} is not valid: {error}") from None


def split_plays(payload: bytes) -> PlayColumns | None:
    """Return the columns of interactions, if `join_plays` makes the same payload of them.

    Whether what they say is allowed is not looked at: bundles take payloads apart and put
    them together again, whatever they say.
    """
    try:
        columns = _decode_plays(payload)
    except ValueError:
        return None
    if len(columns[0]) != HASH_BYTES * len(columns[1]) or _encode(columns) != payload:
        return None
    return columns


def join_plays(items: bytes, ages: list[int], weights: list[int] | bytes) -> bytes:
    """Return the payload of interactions with these columns."""
    return _encode((items, ages, weights))


# -- interactions -----------------------------------------------------------------------


def _read_plays(payload: bytes, minute: int) -> list[Play]:
    columns = _decode_plays(payload)
    _check_shortest(columns, payload)
    items, ages, packed = columns
    n = _count(items, HASH_BYTES)
    weights = _read_weights(packed, n)
    fields = zip(_rows(items, n, HASH_BYTES), weights, _minutes(ages, n, minute), strict=True)
    # What Play._make does, without a call in Python for each: half the time of all of this.
    return [*map(_new_play, repeat(Play), fields)]


def _write_plays(plays: Sequence[Play], minute: int) -> bytes:
    weights: list[float] = [*struct.unpack(f"<{len(plays)}f", _floats([p.weight for p in plays]))]
    if weights and weights.count(weights[0]) == len(weights):
        del weights[1:]
    packed: list[int] | bytes
    if all(weight.is_integer() and weight <= _WHOLE_MAX for weight in weights):
        packed = [int(weight) for weight in weights]
    else:
        packed = _floats(weights)
    return _encode((b"".join([p.item for p in plays]), [minute - p.minute for p in plays], packed))


def _floats(weights: list[float]) -> bytes:
    return struct.pack(f"<{len(weights)}f", *weights)


def _read_weights(packed: list[int] | bytes, n: int) -> list[float]:
    """Return n weights; refuse what `_write_plays` would have written otherwise."""
    if isinstance(packed, list):
        weights = [*map(float, packed)]
    else:
        if len(packed) % 4:
            raise VerificationError(f"weights of {len(packed)} bytes are no float32")
        weights = [*struct.unpack(f"<{len(packed) // 4}f", packed)]
        if not all(0.0 < weight <= WEIGHT_MAX for weight in weights):  # NaN is neither
            raise VerificationError(f"a weight is not in (0, {WEIGHT_MAX:g}]")
        if all(weight.is_integer() and weight <= _WHOLE_MAX for weight in weights):
            raise VerificationError("whole weights are not written as integers")
    if len(weights) == 1:
        return weights * n
    if len(weights) != n:
        raise VerificationError(f"{len(weights)} weights for {n} interactions")
    if weights.count(weights[0]) == n:
        raise VerificationError("equal weights are not written as one")
    return weights


# -- trust and retraction ---------------------------------------------------------------


def _read_trust(payload: bytes, minute: int) -> list[TrustIn]:
    columns = _decode_trust(payload)
    _check_shortest(columns, payload)
    joined, ages, hundredths = columns
    n = _count(joined, PEER_BYTES)
    peers = _rows(joined, n, PEER_BYTES)
    if len(hundredths) != n or len(set(peers)) != n:
        raise VerificationError("trust is not said once of each peer")
    weights = [value * TRUST_MAX / 100 for value in hundredths]
    return [*map(TrustIn._make, zip(peers, weights, _minutes(ages, n, minute), strict=True))]


def _write_trust(said: Sequence[TrustIn], minute: int) -> bytes:
    hundredths = [round(trust.weight * 100 / TRUST_MAX) for trust in said]
    peers = b"".join([trust.peer for trust in said])
    return _encode((peers, [minute - trust.minute for trust in said], hundredths))


def _read_retract(payload: bytes, minute: int) -> list[Retraction]:
    columns = _decode_retract(payload)
    _check_shortest(columns, payload)
    items, ages = columns
    n = _count(items, HASH_BYTES)
    return [*map(Retraction, _rows(items, n, HASH_BYTES), _minutes(ages, n, minute))]


def _write_retract(said: Sequence[Retraction], minute: int) -> bytes:
    return _encode((b"".join([r.item for r in said]), [minute - r.minute for r in said]))


# -- addresses and names ----------------------------------------------------------------


def _read_address(payload: bytes, minute: int) -> list[Whereabouts]:
    rows = _decode_address(payload)
    _check_shortest(rows, payload)
    if not 0 < len(rows) <= ADDRESSES_MAX:
        raise VerificationError(f"{len(rows)} addresses; 1 to {ADDRESSES_MAX} are allowed")
    try:
        for row in rows:
            check_address(Address(*row))
    except DataError as error:
        raise VerificationError(str(error)) from None
    return [*map(Whereabouts._make, rows)]


def _write_address(said: Sequence[Whereabouts], minute: int) -> bytes:
    return _encode([tuple(where) for where in said])


def _read_directory(payload: bytes, minute: int) -> list[ItemName]:
    rows = _decode_directory(payload)
    _check_shortest(rows, payload)
    if not 0 < len(rows) <= STATEMENTS_MAX:
        raise VerificationError(f"{len(rows)} names; 1 to {STATEMENTS_MAX} are allowed")
    for uri, title, tags in rows:
        if not uri:
            raise VerificationError("an item without uri")
        _check_text(uri, "uri", ID_BYTES_MAX)
        _check_text(title, "title", TITLE_BYTES_MAX)
        if len(tags) > TAGS_MAX:
            raise VerificationError(f"{len(tags)} tags: at most {TAGS_MAX} are allowed")
        for tag in tags:
            _check_text(tag, "tag", TAG_BYTES_MAX)
    if len({row[0] for row in rows}) != len(rows):
        raise VerificationError("an item is named twice")
    return [*map(ItemName._make, rows)]


def _write_directory(said: Sequence[ItemName], minute: int) -> bytes:
    return _encode(
        [(name.uri, _shown(name.title), [_shown(tag) for tag in name.tags]) for name in said]
    )


def _shown(text: str) -> str:
    return _CONTROL.sub(" ", text)


def _check_text(text: str, what: str, bytes_max: int) -> None:
    size = len(text) if text.isascii() else len(text.encode())
    if size > bytes_max:
        raise VerificationError(f"{what} of {size} bytes: at most {bytes_max} are allowed")
    if _CONTROL.search(text):
        raise VerificationError(f"{what} {text!r:.60} has control characters")


# -- what all have in common ------------------------------------------------------------


def _check_shortest(parts: object, payload: bytes) -> None:
    if _encode(parts) != payload:
        raise VerificationError("payload is not in MessagePack's shortest form")


def _count(joined: bytes, width: int) -> int:
    n, rest = divmod(len(joined), width)
    if rest or not 0 < n <= STATEMENTS_MAX:
        raise VerificationError(
            f"column of {len(joined)} bytes: 1 to {STATEMENTS_MAX} times {width} are allowed"
        )
    return n


def _rows(joined: bytes, n: int, width: int) -> tuple[bytes, ...]:
    return struct.unpack(f"{width}s" * n, joined)


def _minutes(ages: list[int], n: int, minute: int) -> list[int]:
    if len(ages) != n:
        raise VerificationError(f"{len(ages)} ages for {n} statements")
    if max(ages) > minute:
        raise VerificationError(f"an age of {max(ages)} minutes is before 1970")
    return [*map(minute.__sub__, ages)]


_READERS: Final[dict[int, Callable[[bytes, int], list[Any]]]] = {
    Kind.INTERACTIONS: _read_plays,
    Kind.TRUST: _read_trust,
    Kind.RETRACT: _read_retract,
    Kind.ADDRESS: _read_address,
    Kind.DIRECTORY: _read_directory,
}
_WRITERS: Final[dict[int, Callable[[Any, int], bytes]]] = {
    Kind.INTERACTIONS: _write_plays,
    Kind.TRUST: _write_trust,
    Kind.RETRACT: _write_retract,
    Kind.ADDRESS: _write_address,
    Kind.DIRECTORY: _write_directory,
}
