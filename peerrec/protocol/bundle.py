"""Pack many segments into few bytes, and get back exactly what was packed.

What can be derived is left out: the payload's hash and length, the author repeated
within a run of one log, ``prev`` where it is the segment before in the bundle. What is
left is put in columns, so that like stands by like; what is random (keys, signatures,
hashes, each distinct item once) is kept apart from what deflates. The headers that
come out are byte for byte those that were signed, else their signatures fail.

::

    bundle  = [columns: bin, random: bin]            nothing at all for no segments
    columns = raw deflate of `Columns`, MessagePack
    random  = author, 32 each run ‖ signature, 64 each segment
              ‖ prev, 16 each that is not derived ‖ item, 16 each distinct one

Segments come out by log, logs in the order of their first segment, numbers ascending.

Example:
    >>> from peerrec.protocol.identity import Ed25519Signer
    >>> from peerrec.protocol.segment import NO_SEGMENT, Kind, make_segment
    >>> segment = make_segment(
    ...     Ed25519Signer.from_seed(bytes(32)), bytes(16), Kind.DIRECTORY, epoch=1, seq=1,
    ...     prev=NO_SEGMENT, minute=29_000_000, ttl_days=90, payload=b"...",
    ... )
    >>> bundle, n = pack([segment])
    >>> n, unpack(bundle, bytes(16)) == [segment]
    (1, True)
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import accumulate, islice, pairwise
from operator import mul, sub
from typing import Final, NamedTuple

from msgspec.msgpack import Decoder, Encoder

from peerrec.errors import VerificationError
from peerrec.ids import HASH_BYTES, PEER_BYTES
from peerrec.limits import BUNDLE_BYTES_MAX, FRAME_BYTES_MAX, STATEMENTS_MAX
from peerrec.protocol.bundle_columns import SEGMENT_BYTES, Columns, check_counts
from peerrec.protocol.identity import SIGNATURE_BYTES
from peerrec.protocol.segment import (
    BRIEF_BYTES,
    NO_SEGMENT,
    PREV_BYTES,
    REMEMBERED,
    Header,
    Kind,
    Log,
    Segment,
    decode_header,
    encode_header,
    payload_hash,
    segment_id,
)
from peerrec.protocol.statements import join_plays, split_plays

__all__ = ["pack", "unpack"]


class _Part(NamedTuple):
    """A segment, its interactions' columns where it has such, and what both count for."""

    segment: Segment
    items: list[bytes]
    ages: list[int]
    weights: list[int] | bytes | None


_DEFLATE_LEVEL: Final = 6
_encode: Final = Encoder().encode
_decode_parts: Final = Decoder(tuple[bytes, bytes]).decode
_decode_columns: Final = Decoder(Columns).decode


# -- packing ----------------------------------------------------------------------------


def pack(segments: Sequence[Segment], bytes_max: int = FRAME_BYTES_MAX - 64) -> tuple[bytes, int]:
    """Return a bundle of the first segments, and how many of them are in it.

    At least one goes in, even if it alone is longer than ``bytes_max``; none gives an
    empty bundle. Costs some 20 µs a segment.
    """
    if not segments:
        return b"", 0
    if len(segments) == 1 and len(segments[0].payload) <= BRIEF_BYTES:
        return _bundle_of_one(segments[0]), 1
    parts = _fitting(segments, bytes_max)
    bundle = _bundle_of(parts)
    if len(bundle) < bytes_max * 3 // 4 and len(parts) < len(segments):
        # Text that deflates better than guessed: guess again by what this came to.
        parts = _fitting(segments, bytes_max * bytes_max // len(bundle))
        bundle = _bundle_of(parts)
    while len(bundle) > bytes_max and len(parts) > 1:
        n = len(parts) * bytes_max // len(bundle)
        del parts[max(1, min(len(parts) - 1, n)) :]
        bundle = _bundle_of(parts)
    return bundle, len(parts)


@lru_cache(maxsize=REMEMBERED)
def _bundle_of_one(segment: Segment) -> bytes:
    return _bundle_of([_part_of(segment)])


def _fitting(segments: Iterable[Segment], bytes_max: int) -> list[_Part]:
    """Return the first segments, as many as may well fit."""
    parts: list[_Part] = []
    authors: set[bytes] = set()
    known: set[bytes] = set()
    n_bytes = n_inflated = 0
    for segment in segments:
        part = _part_of(segment)
        n_inflated += SEGMENT_BYTES + len(segment.payload)
        # What deflates is guessed: a little over a byte an interaction, two thirds of text.
        n_bytes += SIGNATURE_BYTES + 8 + len(part.items) * 3 // 2
        n_bytes += HASH_BYTES * sum(item not in known for item in part.items)
        n_bytes += PEER_BYTES * (segment.header.author not in authors)
        n_bytes += 0 if part.items else len(segment.payload) * 2 // 3
        if parts and (n_bytes > bytes_max or n_inflated > BUNDLE_BYTES_MAX):
            break
        parts.append(part)
        authors.add(segment.header.author)
        known.update(part.items)
    return parts


def _part_of(segment: Segment) -> _Part:
    if segment.header.kind == Kind.INTERACTIONS:
        columns = split_plays(segment.payload)
        if columns is not None and _is_usual(*columns):
            items, ages, weights = columns
            return _Part(segment, _rows(items, HASH_BYTES), ages, weights)
    return _Part(segment, [], [], None)


def _is_usual(items: bytes, ages: list[int], weights: list[int] | bytes) -> bool:
    """Return whether `Columns` has room for these; what it has not, nobody counts anyway."""
    weights_max = STATEMENTS_MAX * (1 if isinstance(weights, list) else 4)
    return 0 < len(ages) <= STATEMENTS_MAX and len(weights) <= weights_max


def _bundle_of(parts: Iterable[_Part]) -> bytes:
    columns = Columns([], [], [], [], [], [], [], [], [], [], [], [])
    authors: list[bytes] = []
    signatures: list[bytes] = []
    given: list[bytes] = []
    table: dict[bytes, int] = {}
    minute = 0
    for run in _runs(parts):
        authors.append(run[0].segment.header.author)
        columns.runs.append(len(run))
        columns.epochs.append(run[0].segment.header.epoch)
        seq, derived = 0, NO_SEGMENT
        for part in run:
            header = part.segment.header
            signatures.append(part.segment.signature)
            columns.kinds.append(header.kind)
            columns.ttls.append(header.ttl_days)
            columns.seqs.append(header.seq - seq)
            columns.minutes.append(header.minute - minute)
            columns.explicit.append(int(header.prev != derived))
            if header.prev != derived:
                given.append(header.prev)
            seq, minute, derived = header.seq, header.minute, part.segment.id[:PREV_BYTES]
            _add_payload(columns, table, part)
    random = b"".join((*authors, *signatures, *given, *table))
    return _encode((_deflate(_encode(columns)), random))


def _runs(parts: Iterable[_Part]) -> Iterable[list[_Part]]:
    """Return the parts by log, in ascending order of number."""
    logs: dict[Log, list[_Part]] = {}
    for part in parts:
        logs.setdefault(part.segment.log, []).append(part)
    for run in logs.values():
        run.sort(key=lambda part: (part.segment.header.seq, part.segment.id))
    return logs.values()


def _add_payload(columns: Columns, table: dict[bytes, int], part: _Part) -> None:
    columns.plays.append(len(part.items))
    if part.weights is None:
        columns.others.append(part.segment.payload)
        return
    for item in part.items:
        newest = len(table)
        columns.items.append(newest - table.setdefault(item, newest))
    columns.ages.append(part.ages[0])
    columns.ages.extend(map(sub, part.ages, part.ages[1:]))
    columns.weights.append(part.weights)


def _deflate(data: bytes) -> bytes:
    packer = zlib.compressobj(_DEFLATE_LEVEL, zlib.DEFLATED, -zlib.MAX_WBITS)
    return packer.compress(data) + packer.flush()


def _rows(joined: bytes, width: int) -> list[bytes]:
    return [joined[at : at + width] for at in range(0, len(joined), width)]


# -- unpacking --------------------------------------------------------------------------


def unpack(bundle: bytes, network: bytes) -> list[Segment]:
    """Return the segments of a bundle, as valid as `decode_segment` makes them.

    Signatures are not looked at. Costs some 10 µs a segment.

    Raises:
        VerificationError: not a bundle, more than BUNDLE_BYTES_MAX when inflated, or a
            field of a segment beyond its limit.
    """
    brief = _unpacked_brief(bundle, network) if len(bundle) <= BRIEF_BYTES else None
    return _unpacked(bundle, network) if brief is None else [*brief]


@lru_cache(maxsize=REMEMBERED)
def _unpacked_brief(bundle: bytes, network: bytes) -> tuple[Segment, ...] | None:
    """Return the segments of a small bundle, or None if it swells: none such is remembered."""
    segments = _unpacked(bundle, network)
    n_bytes = sum(SEGMENT_BYTES + len(segment.payload) for segment in segments)
    return tuple(segments) if n_bytes <= 4 * BRIEF_BYTES else None


def _unpacked(bundle: bytes, network: bytes) -> list[Segment]:
    if not bundle:
        return []
    try:
        deflated, random = _decode_parts(bundle)
        columns = _decode_columns(_inflate(deflated))
        check_counts(columns)
        return _segments_of(columns, random, network)
    except (ValueError, zlib.error) as error:
        raise VerificationError(f"bundle is not valid: {error}") from None


def _inflate(deflated: bytes) -> bytes:
    unpacker = zlib.decompressobj(-zlib.MAX_WBITS)
    data = unpacker.decompress(deflated, BUNDLE_BYTES_MAX)
    if not unpacker.eof or unpacker.unused_data:
        raise VerificationError(
            f"columns of a bundle are cut, followed by more, or inflate beyond {BUNDLE_BYTES_MAX}"
        )
    return data


class _Random(NamedTuple):
    """What of the segments does not deflate."""

    authors: list[bytes]
    signatures: list[bytes]
    given: list[bytes]
    table: list[bytes]


def _random_of(columns: Columns, random: bytes) -> _Random:
    widths = (PEER_BYTES, SIGNATURE_BYTES, PREV_BYTES, HASH_BYTES)
    counts = (
        len(columns.runs),
        len(columns.seqs),
        sum(columns.explicit),
        columns.items.count(0),
    )
    if len(random) != sum(map(mul, widths, counts)):
        raise VerificationError(f"{len(random)} bytes of keys and hashes are not as many as named")
    ends = [0, *accumulate(map(mul, widths, counts))]
    parts = (random[start:end] for start, end in pairwise(ends))
    return _Random(*map(_rows, parts, widths))


def _segments_of(columns: Columns, random: bytes, network: bytes) -> list[Segment]:
    authors, signatures, given, table = _random_of(columns, random)
    fields = zip(
        columns.seqs,
        accumulate(columns.minutes),
        columns.kinds,
        columns.ttls,
        columns.explicit,
        _payloads(columns, _items(columns.items, table)),
        signatures,
        strict=True,
    )
    prevs = iter(given)
    segments: list[Segment] = []
    for author, epoch, length in zip(authors, columns.epochs, columns.runs, strict=True):
        seq, prev = 0, NO_SEGMENT
        for step, minute, kind, ttl, explicit, payload, signature in islice(fields, length):
            seq += step
            if explicit:
                prev = next(prevs)
            hashed = payload_hash(payload)
            header_bytes = encode_header(
                Header(kind, author, epoch, seq, prev, minute, ttl, len(payload), hashed)
            )
            header = decode_header(header_bytes)  # checks every field
            name = segment_id(header_bytes, network)
            segments.append(Segment(header, signature, payload, name, header_bytes))
            prev = name[:PREV_BYTES]
    return segments


def _items(references: list[int], table: list[bytes]) -> list[bytes]:
    """Return the item of each interaction; see `Columns.items`."""
    items: list[bytes] = []
    n_known = 0
    for back in references:
        if back == 0:
            items.append(table[n_known])
            n_known += 1
        elif back <= n_known:
            items.append(table[n_known - back])
        else:
            raise VerificationError(f"an item {back} back where only {n_known} are known")
    return items


def _payloads(columns: Columns, items: list[bytes]) -> Iterator[bytes]:
    """Yield the payload of each segment."""
    weights, others = iter(columns.weights), iter(columns.others)
    at = 0
    for n in columns.plays:
        if n:
            ages = [*accumulate(columns.ages[at : at + n], sub)]
            yield join_plays(b"".join(items[at : at + n]), ages, next(weights))
            at += n
        else:
            yield next(others)
