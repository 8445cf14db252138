"""Keep the segments of a store in memory, lean: simulations hold thousands of stores.

A segment costs its frame, which is kept as it came and may be shared between stores,
and some 150 bytes: 67 in a packed table and a place in its log's dictionary.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable
from typing import Final

import numpy as np
import numpy.typing as npt

from peerrec.store.segment_rows import (
    ProofRow,
    SegmentColumns,
    SegmentKey,
    SegmentRow,
    checked_proof,
    checked_segment,
    least_proof,
)

__all__ = ["SEGMENT_BYTES", "MemorySegments"]

PACKED: Final = struct.Struct("<iIqBIHiq32s")
LAYOUT: Final = np.dtype(
    [
        ("author", "<i4"),
        ("epoch", "<u4"),
        ("seq", "<i8"),
        ("kind", "u1"),
        ("minute", "<u4"),
        ("ttl_days", "<u2"),
        ("n_bytes", "<i4"),
        ("arrival", "<i8"),
        ("id", "u1", (32,)),
    ]
)
SEGMENT_BYTES: Final = 200
"""What a segment takes beside its frame, rounded up: for the bound of a store's size."""

Table = npt.NDArray[np.void]
Log = tuple[bytes, int]


class MemorySegments:
    """The logs of a `peerrec.store.memory.MemoryStore`; see `peerrec.store.SegmentStore`.

    Attributes:
        last_arrival: number of the newest segment ever stored.
        removals: how many segments were ever removed.
    """

    def __init__(self, opened: Callable[[], None]) -> None:
        self._opened = opened
        self.removals = 0
        self._forget()

    def _forget(self) -> None:
        self.last_arrival = 0
        self._size_bytes = 0
        self._packed = bytearray()
        self._authors: dict[bytes, int] = {}
        self._logs: dict[Log, dict[int, bytes]] = {}
        self._proofs: dict[Log, ProofRow] = {}

    def add_many(self, rows: Iterable[SegmentRow]) -> int:
        """Store all segments or, when one is refused, none; return the first's number."""
        self._opened()
        return self.add([checked_segment(row) for row in rows])

    def add(self, rows: list[SegmentRow]) -> int:
        """Store checked segments, in place of those with the same keys."""
        first = self.last_arrival + 1
        self._remove([row[:3] for row in rows if self.frame(*row[:3]) is not None])
        latest = {row[:3]: row for row in rows}  # of two with one key the later stays
        for number, row in enumerate(rows, first):
            if latest[row[:3]] is row:
                self._append(row, number)
        self.last_arrival += len(rows)
        return first

    def _append(self, row: SegmentRow, arrival: int) -> None:
        author, epoch, seq, name, kind, minute, ttl_days, frame = row
        code = self._authors.setdefault(author, len(self._authors))
        n_bytes = len(frame)
        self._packed += PACKED.pack(
            code, epoch, seq, kind, minute, ttl_days, n_bytes, arrival, name
        )
        self._logs.setdefault((author, epoch), {})[seq] = frame
        self._size_bytes += n_bytes

    def frame(self, author: bytes, epoch: int, seq: int) -> bytes | None:
        """Return a segment's frame, or None when it is not held."""
        self._opened()
        log = self._logs.get((author, epoch))
        return None if log is None else log.get(seq)

    def frames(self, keys: Iterable[SegmentKey]) -> list[bytes | None]:
        """Return the frame for each key, None where it is not held."""
        return [self.frame(*key) for key in keys]

    def index(self) -> SegmentColumns:
        """Return all segments but their frames, in order of arrival."""
        self._opened()
        table = self._table()
        return SegmentColumns(
            list(self._authors),
            table["author"].astype(np.int32),
            table["epoch"].astype(np.uint32),
            table["seq"].astype(np.int64),
            np.ascontiguousarray(table["id"]),
            table["kind"].astype(np.uint8),
            table["minute"].astype(np.int64),
            table["ttl_days"].astype(np.uint16),
            table["n_bytes"].astype(np.int32),
            table["arrival"].astype(np.int64),
        )

    def _table(self) -> Table:
        # Of a copy: a view would forbid the packed bytes to grow.
        return np.frombuffer(bytes(self._packed), LAYOUT)

    def count(self) -> int:
        """Return how many segments there are."""
        self._opened()
        return len(self._packed) // PACKED.size

    def size_bytes(self) -> int:
        """Return the length of all frames together."""
        self._opened()
        return self._size_bytes

    # Removal

    def remove(self, keys: Iterable[SegmentKey]) -> int:
        """Remove segments; return how many were there."""
        self._opened()
        return self._remove(keys)

    def _remove(self, keys: Iterable[SegmentKey]) -> int:
        doomed: dict[Log, set[int]] = {}
        for author, epoch, seq in keys:
            if seq in self._logs.get((author, epoch), {}):
                doomed.setdefault((author, epoch), set()).add(seq)
        if not doomed:
            return 0
        table = self._table()
        gone = np.zeros(len(table), np.bool_)
        for (author, epoch), seqs in doomed.items():
            of_log = (table["author"] == self._authors[author]) & (table["epoch"] == epoch)
            gone |= of_log & np.isin(table["seq"], list(seqs))
        return self._keep(table, ~gone)

    def _keep(self, table: Table, kept: npt.NDArray[np.bool_]) -> int:
        """Go on with the kept rows of the table; return how many were dropped."""
        authors = list(self._authors)
        for row in table[~kept]:
            log = authors[row["author"]], int(row["epoch"])
            self._size_bytes -= len(self._logs[log].pop(int(row["seq"])))
            if not self._logs[log]:
                del self._logs[log]
        rest = table[kept].copy()
        used, rest["author"] = np.unique(rest["author"], return_inverse=True)
        self._authors = {authors[code]: at for at, code in enumerate(used.tolist())}
        self._packed = bytearray(rest.tobytes())
        removed = len(table) - len(rest)
        self.removals += removed
        return removed

    def remove_author(self, author: bytes) -> int:
        """Remove all segments and proofs of an author; return how many segments."""
        self._proofs = {log: proof for log, proof in self._proofs.items() if log[0] != author}
        if author not in self._authors:
            return 0
        table = self._table()
        return self._keep(table, table["author"] != self._authors[author])

    def remove_before(self, minute: float) -> int:
        """Remove the segments made before a minute; return how many."""
        return self.remove_where(self._table()["minute"] < minute)

    def clear(self) -> None:
        """Remove everything; arrival numbers begin again, so the store needs a new tag."""
        self.removals += len(self._packed) // PACKED.size
        self._forget()

    def ages(self) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Return the minute of each segment and the bytes it takes, oldest arrival first."""
        table = self._table()
        return table["minute"].astype(np.int64), table["n_bytes"].astype(np.int64) + SEGMENT_BYTES

    def remove_where(self, doomed: npt.NDArray[np.bool_]) -> int:
        """Remove the segments that a mask over all of them chooses; return how many."""
        return self._keep(self._table(), ~doomed) if bool(doomed.any()) else 0

    # Proofs

    def add_proof(self, author: bytes, epoch: int, seq: int, minute: int, evidence: bytes) -> None:
        """Keep the evidence that a log forked; the one of the lowest number stays."""
        self._opened()
        self.keep_proof(checked_proof(ProofRow(author, epoch, seq, minute, evidence)))

    def keep_proof(self, proof: ProofRow) -> None:
        """Keep a checked proof, unless the one that is there is of a lower number."""
        log = proof.author, proof.epoch
        self._proofs[log] = least_proof(self._proofs.get(log), proof)

    def proofs(self) -> list[ProofRow]:
        """Return the proofs, one for each forked log, sorted by log."""
        self._opened()
        return [proof for _, proof in sorted(self._proofs.items())]

    def remove_proofs(self, before: float) -> int:
        """Remove the proofs from before a minute; return how many."""
        self._opened()
        n_before = len(self._proofs)
        self._proofs = {log: p for log, p in self._proofs.items() if p.minute >= before}
        return n_before - len(self._proofs)
