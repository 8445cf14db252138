"""Shape the signed segments of logs as they go into a store and come out.

A store sees a segment as a key (author, epoch, seq), the few facts that an index
needs, and a frame of bytes; what the bytes say and who signed them is not its matter.

Example:
    >>> row = SegmentRow(b"a" * 32, 7, 0, b"i" * 32, 1, 60, 90, b"frame")
    >>> checked_segment(row).minute
    60
    >>> checked_segment(row._replace(epoch=-1))
    Traceback (most recent call last):
    peerrec.errors.DataError: epoch of a segment must be a whole number from 0 to 4294967295, not -1
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from peerrec.errors import DataError
from peerrec.limits import ID_BYTES_MAX, SEGMENT_BYTES_MAX, SEQ_MAX

__all__ = [
    "ProofRow",
    "SegmentColumns",
    "SegmentKey",
    "SegmentRow",
    "checked_proof",
    "checked_segment",
    "least_proof",
]

SegmentKey: TypeAlias = tuple[bytes, int, int]
"""Whose log, which epoch of it, which number."""

IdentifiedRow: TypeAlias = tuple[bytes, int, int, bytes, int, int, int, int]

SEGMENT_ID_BYTES: Final = 32
EPOCH_MAX: Final = (1 << 32) - 1
MINUTE_MAX: Final = (1 << 32) - 1
KIND_MAX: Final = (1 << 8) - 1
TTL_MAX: Final = (1 << 16) - 1


class SegmentRow(NamedTuple):
    """One segment of a log.

    Attributes:
        author: id of the peer whose log it is.
        epoch: which of the author's logs, 32 bits.
        seq: number in that log, up to `peerrec.limits.SEQ_MAX`.
        id: 32 bytes that name its content.
        kind: what it states, 8 bits.
        minute: when it was made, minutes since 1970.
        ttl_days: how long it counts.
        frame: the segment itself.
    """

    author: bytes
    epoch: int
    seq: int
    id: bytes
    kind: int
    minute: int
    ttl_days: int
    frame: bytes


class ProofRow(NamedTuple):
    """Evidence that a log forked at a number: two segments have it."""

    author: bytes
    epoch: int
    seq: int
    minute: int
    evidence: bytes


@dataclass(frozen=True, slots=True, eq=False)
class SegmentColumns:
    """All segments in order of arrival, without frames, as columns of shape (n,).

    Attributes:
        authors: ids of the authors that have segments.
        author: int32 positions in ``authors``.
        epoch: uint32.
        seq: int64.
        id: uint8, shape (n, 32).
        kind: uint8.
        minute: int64, minutes since 1970.
        ttl_days: uint16.
        n_bytes: int32, length of the frame.
        arrival: int64, ascending.
    """

    authors: list[bytes]
    author: npt.NDArray[np.int32]
    epoch: npt.NDArray[np.uint32]
    seq: npt.NDArray[np.int64]
    id: npt.NDArray[np.uint8]
    kind: npt.NDArray[np.uint8]
    minute: npt.NDArray[np.int64]
    ttl_days: npt.NDArray[np.uint16]
    n_bytes: npt.NDArray[np.int32]
    arrival: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.author)

    def rows(self) -> Iterator[IdentifiedRow]:
        """Yield (author, epoch, seq, id, kind, minute, n_bytes, arrival) of each segment."""
        authors = (self.authors[at] for at in self.author.tolist())
        raw = self.id.tobytes()
        ids = (raw[at : at + SEGMENT_ID_BYTES] for at in range(0, len(raw), SEGMENT_ID_BYTES))
        columns = (self.kind, self.minute, self.n_bytes, self.arrival)
        keys = authors, self.epoch.tolist(), self.seq.tolist()
        return zip(*keys, ids, *(column.tolist() for column in columns), strict=True)


def checked_segment(row: SegmentRow) -> SegmentRow:
    """Return a segment that is fit to store; DataError names the fault."""
    author, epoch, seq, name, kind, minute, ttl_days, frame = row
    checked_bytes(author, "author of a segment", 1, ID_BYTES_MAX)
    checked_whole(epoch, "epoch of a segment", EPOCH_MAX)
    checked_whole(seq, "seq of a segment", SEQ_MAX)
    checked_bytes(name, "id of a segment", SEGMENT_ID_BYTES, SEGMENT_ID_BYTES)
    checked_whole(kind, "kind of a segment", KIND_MAX)
    checked_whole(minute, "minute of a segment", MINUTE_MAX)
    checked_whole(ttl_days, "ttl_days of a segment", TTL_MAX)
    checked_bytes(frame, "frame of a segment", 1, SEGMENT_BYTES_MAX)
    return row if type(row) is SegmentRow else SegmentRow(*row)


def checked_proof(row: ProofRow) -> ProofRow:
    """Return a proof that is fit to store; DataError names the fault."""
    author, epoch, seq, minute, evidence = row
    checked_bytes(author, "author of a fork", 1, ID_BYTES_MAX)
    checked_whole(epoch, "epoch of a fork", EPOCH_MAX)
    checked_whole(seq, "seq of a fork", SEQ_MAX)
    checked_whole(minute, "minute of a fork", MINUTE_MAX)
    checked_bytes(evidence, "evidence of a fork", 1, SEGMENT_BYTES_MAX)
    return ProofRow(*row)


def least_proof(one: ProofRow | None, other: ProofRow) -> ProofRow:
    """Return which of two proofs against a log to keep: the one of the lowest number.

    Of two for one number the one whose evidence sorts first, so that what is kept does
    not depend on what came first.
    """
    if one is None or (other.seq, other.evidence) < (one.seq, one.evidence):
        return other
    return one


def checked_bytes(value: object, what: str, size_min: int, size_max: int) -> None:
    """Raise DataError unless the value is bytes of an allowed length."""
    if type(value) is not bytes:
        raise DataError(f"{what} must be bytes, not {type(value).__name__}: {value!r:.80}")
    if not size_min <= len(value) <= size_max:
        allowed = f"{size_min} to {size_max}" if size_min < size_max else str(size_min)
        raise DataError(f"{what} of {len(value)} bytes: {allowed} are allowed")


def checked_whole(value: object, what: str, largest: int) -> None:
    """Raise DataError unless the value is an int within its bits."""
    if not isinstance(value, int) or not 0 <= value <= largest:
        raise DataError(f"{what} must be a whole number from 0 to {largest}, not {value!r:.40}")
