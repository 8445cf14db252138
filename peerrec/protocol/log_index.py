"""Know one log: which numbers are held, in which rows, and a digest of their ids.

Example:
    >>> index = LogIndex((b"a" * 32, 7), 0, b"a" * 32 + bytes([0, 0, 0, 7]), bytes(16))
    >>> index.place(3) is None
    True
"""

from __future__ import annotations

import hashlib
from array import array
from bisect import bisect_left
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from peerrec.protocol.columns import SegmentColumns

__all__ = ["DIGEST_BYTES", "LogIndex"]

DIGEST_BYTES: Final = 16
_NEVER: Final = -1
_FOR_EVER: Final = (1 << 31) - 1


@dataclass(slots=True)
class LogIndex:
    """One log: its numbers in order, where their rows are, and what is cached of it."""

    log: tuple[bytes, int]
    code: int
    name: bytes  # author and big-endian epoch: orders logs the same way everywhere
    block: bytes  # the name in 16 bytes, to be tagged with a link's key
    seqs: array[int] = field(default_factory=lambda: array("Q"))
    rows: array[int] = field(default_factory=lambda: array("L"))
    n_bytes: int = 0
    digest: bytes | None = None  # of the whole log, for the days after..until
    after: int = 0
    until: int = _NEVER
    partial: tuple[int, int, bytes | None] | None = None  # floor, day, digest of the rest

    def place(self, seq: int) -> int | None:
        """Return where a number is in ``seqs``; None if it is not held."""
        place = bisect_left(self.seqs, seq)
        return place if place < len(self.seqs) and self.seqs[place] == seq else None

    def forget_digest(self) -> None:
        """Note that what the digest stands for has changed."""
        self.until = _NEVER
        self.partial = None

    def digest_of(
        self, columns: SegmentColumns, day: int, floor: int, fork: tuple[int, int] | None
    ) -> bytes | None:
        """Return 16 bytes that stand for what counts; None if nothing does.

        BLAKE2b over the ids in the order of their numbers, then the fork if there is one.
        The digest of the whole log is kept for as many days as it stays the same; beside
        it the last one of a part.

        Args:
            columns: where the rows are.
            day: as of which.
            floor: lowest number that counts.
            fork: number of the fork and the last day on which it counts.
        """
        whole = not floor or (bool(self.seqs) and floor <= self.seqs[0])
        if whole and self.after < day <= self.until:
            return self.digest
        if not whole and self.partial is not None and self.partial[:2] == (floor, day):
            return self.partial[2]
        first = 0 if whole else bisect_left(self.seqs, floor)
        rows = np.array(self.rows[first:] if first else self.rows, np.int64)
        days = columns.last_days[rows]
        if fork is None and len(days) and (soonest := int(days.min())) >= day:
            # As nearly always: everything counts, until the first of it expires.
            digest: bytes | None = _digest(columns.ids[rows].tobytes())
            if whole:
                self.digest, self.after, self.until = digest, 0, soonest
            else:
                self.partial = floor, day, digest
            return digest
        counts = days >= day
        forked = fork is not None and fork[1] >= day and floor <= fork[0]
        digest = None
        if forked or counts.any():
            end = b"fork" + fork[0].to_bytes(8, "big") if fork is not None and forked else b""
            ids = columns.ids[rows[counts]].tobytes()
            digest = _digest(ids + end)
        if not whole:
            self.partial = floor, day, digest
        else:
            edges = days if fork is None else np.append(days, fork[1])
            self.digest = digest
            self.after = int(edges[edges < day].max(initial=0))
            self.until = int(edges[edges >= day].min(initial=_FOR_EVER))
        return digest


def _digest(content: bytes) -> bytes:
    return hashlib.blake2b(content, digest_size=DIGEST_BYTES).digest()
