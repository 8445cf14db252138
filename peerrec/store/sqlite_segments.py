"""Answer for the segments in a store file, each write in a transaction of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager

from peerrec.store.log_table import LogTable
from peerrec.store.segment_rows import (
    ProofRow,
    SegmentColumns,
    SegmentKey,
    SegmentRow,
    checked_proof,
    checked_segment,
)

__all__ = ["SqliteSegments"]

Context = Callable[[], AbstractContextManager[None]]


class SqliteSegments:
    """The logs of a `peerrec.store.sqlite.SqliteStore`; see `peerrec.store.SegmentStore`.

    Args:
        table: where they are.
        reading: context in which to ask, raising StoreErrors.
        writing: context of one transaction.
        before_adding: called before segments are added.
    """

    def __init__(
        self,
        table: LogTable,
        reading: Context,
        writing: Context,
        before_adding: Callable[[], None],
    ) -> None:
        self._table = table
        self._reading = reading
        self._writing = writing
        self._before_adding = before_adding

    @property
    def last_arrival(self) -> int:
        """Number of the newest segment ever stored, 0 before the first."""
        return self._table.last_arrival

    @property
    def removals(self) -> int:
        """How many segments were removed since the store was opened."""
        return self._table.removals

    def add_many(self, rows: Iterable[SegmentRow]) -> int:
        """Store all segments or, when one is refused, none; return the first's number."""
        checked = [checked_segment(row) for row in rows]
        if not checked:
            return self.last_arrival + 1
        self._before_adding()
        with self._writing():
            return self._table.add(checked)

    def frame(self, author: bytes, epoch: int, seq: int) -> bytes | None:
        """Return a segment's frame, or None when it is not held."""
        with self._reading():
            return self._table.frame(author, epoch, seq)

    def frames(self, keys: Iterable[SegmentKey]) -> list[bytes | None]:
        """Return the frame for each key, None where it is not held."""
        with self._reading():
            return [self._table.frame(*key) for key in keys]

    def index(self) -> SegmentColumns:
        """Return all segments but their frames, in order of arrival."""
        with self._reading():
            return self._table.index()

    def remove(self, keys: Iterable[SegmentKey]) -> int:
        """Remove segments; return how many were there."""
        with self._writing():
            return self._table.remove(keys)

    def count(self) -> int:
        """Return how many segments there are."""
        with self._reading():
            return self._table.count()

    def size_bytes(self) -> int:
        """Return the length of all frames together."""
        with self._reading():
            return self._table.size_bytes()

    def add_proof(self, author: bytes, epoch: int, seq: int, minute: int, evidence: bytes) -> None:
        """Keep the evidence that a log forked; the one of the lowest number stays."""
        proof = checked_proof(ProofRow(author, epoch, seq, minute, evidence))
        with self._writing():
            self._table.add_proof(proof)

    def proofs(self) -> list[ProofRow]:
        """Return the proofs, one for each forked log, sorted by log."""
        with self._reading():
            return self._table.proofs()

    def remove_proofs(self, before: float) -> int:
        """Remove the proofs from before a minute; return how many."""
        with self._writing():
            return self._table.remove_proofs(before)
