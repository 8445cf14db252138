"""Keep signed segments and proofs of forks in SQLite.

Nothing here begins or ends a transaction, and nothing is checked: the store does.
"""

from __future__ import annotations

import sqlite3
import struct
import zlib
from collections.abc import Iterable, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from peerrec.errors import StoreCorrupt
from peerrec.store.names import NameTable
from peerrec.store.segment_rows import (
    SEGMENT_ID_BYTES,
    ProofRow,
    SegmentColumns,
    SegmentKey,
    SegmentRow,
    least_proof,
)

__all__ = ["TABLES", "LogTable"]

# In the order of foreign keys: authors come last.
TABLES: Final = ("log_segments", "log_proofs", "log_authors")

ROW_BYTES: Final = 100
"""What a segment takes in the file beside its frame, with its place in the index."""

COVERED: Final = struct.Struct("<QIQBIH")  # what a checksum covers beside id and frame

INSERT = """INSERT OR REPLACE INTO log_segments
    (author, epoch, seq, id, kind, minute, ttl_days, checksum, frame)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"""
DELETE = """DELETE FROM log_segments WHERE author = (SELECT code FROM log_authors WHERE id = ?)
    AND epoch = ? AND seq = ?"""
COLUMNS = "author, epoch, seq, id, kind, minute, ttl_days"
SELECT_FRAME = f"""SELECT {COLUMNS}, checksum, frame FROM log_segments
    WHERE author = (SELECT code FROM log_authors WHERE id = ?) AND epoch = ? AND seq = ?"""
SELECT_INDEX = f"SELECT {COLUMNS}, length(frame), arrival FROM log_segments ORDER BY arrival"
SELECT_ALL = f"SELECT {COLUMNS}, checksum, frame, arrival FROM log_segments ORDER BY arrival"
SELECT_PROOFS = """SELECT id, epoch, seq, minute, evidence
    FROM log_proofs JOIN log_authors ON code = author"""
UNUSED = """code NOT IN (SELECT author FROM log_segments)
    AND code NOT IN (SELECT author FROM log_proofs)"""


class LogTable:
    """All segments in order of arrival.

    Attributes:
        last_arrival: number of the newest segment ever stored.
        removals: how many segments were removed through this object.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._authors = NameTable(connection, "log_authors")
        self.removals = 0
        self.last_arrival = 0
        self._size_bytes: int | None = None
        self.reload()

    def reload(self) -> None:
        """Read the counters again, after a transaction that did not happen."""
        query = "SELECT max(seq) FROM sqlite_sequence WHERE name = 'log_segments'"
        self.last_arrival = self._connection.execute(query).fetchone()[0] or 0
        self._size_bytes = None

    def add(self, rows: Sequence[SegmentRow]) -> int:
        """Store segments, in place of those with the same keys; return the first's number."""
        first = self.last_arrival + 1
        self._delete(row[:3] for row in rows)
        if len({row[:3] for row in rows}) < len(rows):
            self._size_bytes = None  # of two with one key only the later stays
        codes = self._authors.codes(row.author for row in rows)
        coded = ((codes[row.author], *row[1:]) for row in rows)
        self._connection.executemany(INSERT, (with_checksum(row) for row in coded))
        self.last_arrival += len(rows)
        if self._size_bytes is not None:
            self._size_bytes += sum(len(row.frame) for row in rows)
        return first

    def _delete(self, keys: Iterable[SegmentKey]) -> int:
        removed = self._connection.executemany(DELETE, keys).rowcount
        return self._lost(removed)

    def _lost(self, removed: int) -> int:
        if removed > 0:
            self._size_bytes = None
            self.removals += removed
        return max(0, removed)

    def frame(self, author: bytes, epoch: int, seq: int) -> bytes | None:
        """Return a segment's frame, or None when it is not held.

        Raises:
            StoreCorrupt: it does not check out.
        """
        row = self._connection.execute(SELECT_FRAME, (author, epoch, seq)).fetchone()
        return None if row is None else checked_frame(row)

    def index(self) -> SegmentColumns:
        """Return all segments but their frames, in order of arrival."""
        rows = self._connection.execute(SELECT_INDEX).fetchall()
        columns = list(zip(*rows, strict=True)) if rows else [()] * 9
        author, epoch, seq, name, kind, minute, ttl_days, n_bytes, arrival = columns
        names = self._authors.names()
        ids = np.frombuffer(b"".join(name), np.uint8)
        if len(ids) != SEGMENT_ID_BYTES * len(rows):
            raise StoreCorrupt("an id of a segment is damaged; restore a backup")
        return SegmentColumns(
            [bytes(raw) for raw in names.ids if isinstance(raw, bytes)],
            names.positions(np.array(author, np.int32)),
            np.array(epoch, np.uint32),
            np.array(seq, np.int64),
            ids.reshape(-1, SEGMENT_ID_BYTES),
            np.array(kind, np.uint8),
            np.array(minute, np.int64),
            np.array(ttl_days, np.uint16),
            np.array(n_bytes, np.int32),
            np.array(arrival, np.int64),
        )

    def count(self) -> int:
        """Return how many segments there are."""
        return int(self._connection.execute("SELECT count(*) FROM log_segments").fetchone()[0])

    def size_bytes(self) -> int:
        """Return the length of all frames together; read once, then counted."""
        if self._size_bytes is None:
            query = "SELECT coalesce(sum(length(frame)), 0) FROM log_segments"
            self._size_bytes = int(self._connection.execute(query).fetchone()[0])
        return self._size_bytes

    # Removal

    def remove(self, keys: Iterable[SegmentKey]) -> int:
        """Remove segments by key, and authors of whom nothing is left; return how many."""
        doomed = list(keys)
        removed = self._delete(doomed)
        if removed:
            self._drop_unused_authors()
        return removed

    def remove_author(self, author: bytes) -> int:
        """Remove all segments and proofs of an author; return how many segments."""
        code = self._authors.find(author)
        self._connection.execute("DELETE FROM log_proofs WHERE author = ?", (code,))
        query = "DELETE FROM log_segments WHERE author = ?"
        removed = self._lost(self._connection.execute(query, (code,)).rowcount)
        self._drop_unused_authors()
        return removed

    def remove_before(self, minute: float) -> int:
        """Remove the segments made before a minute; return how many."""
        query = "DELETE FROM log_segments WHERE minute < ?"
        removed = self._lost(self._connection.execute(query, (minute,)).rowcount)
        if removed:
            self._drop_unused_authors()
        return removed

    def clear(self) -> None:
        """Remove everything; arrival numbers begin again, so the store needs a new tag."""
        self._lost(self.count())
        for table in TABLES:
            self._connection.execute(f"DELETE FROM {table}")
        self._connection.execute("DELETE FROM sqlite_sequence WHERE name = 'log_segments'")
        self.reload()

    def _drop_unused_authors(self) -> None:
        self._connection.execute(f"DELETE FROM log_authors WHERE {UNUSED}")

    def ages(self) -> npt.NDArray[np.int64]:
        """Return (arrival, minute, bytes in the file) of each segment, shape (n, 3)."""
        query = f"SELECT arrival, minute, length(frame) + {ROW_BYTES} FROM log_segments"
        return np.array(self._connection.execute(query).fetchall(), np.int64).reshape(-1, 3)

    def remove_arrivals(self, arrivals: npt.NDArray[np.int64]) -> int:
        """Remove segments by their arrival numbers; return how many."""
        query = "DELETE FROM log_segments WHERE arrival = ?"
        numbers = ((number,) for number in arrivals.tolist())
        removed = self._lost(self._connection.executemany(query, numbers).rowcount)
        if removed:
            self._drop_unused_authors()
        return removed

    # Proofs

    def add_proof(self, proof: ProofRow) -> None:
        """Keep a proof, unless the one that is there is of a lower number."""
        code = self._authors.code(proof.author)
        query = f"{SELECT_PROOFS} WHERE author = ? AND epoch = ?"
        row = self._connection.execute(query, (code, proof.epoch)).fetchone()
        kept = least_proof(None if row is None else ProofRow(*row), proof)
        values = (code, *kept[1:])
        self._connection.execute("INSERT OR REPLACE INTO log_proofs VALUES (?, ?, ?, ?, ?)", values)

    def proofs(self) -> list[ProofRow]:
        """Return all proofs, sorted by log."""
        query = f"{SELECT_PROOFS} ORDER BY id, epoch"
        return [ProofRow(*row) for row in self._connection.execute(query)]

    def remove_proofs(self, before: float) -> int:
        """Remove the proofs from before a minute; return how many."""
        query = "DELETE FROM log_proofs WHERE minute < ?"
        removed = self._connection.execute(query, (before,)).rowcount
        if removed:
            self._drop_unused_authors()
        return removed

    # Checks

    def check(self) -> None:
        """Read every segment; StoreCorrupt names the first that does not check out."""
        for row in self._connection.execute(SELECT_ALL):
            checked_frame(row)


def checksum(row: tuple[Any, ...]) -> int:
    """Return the CRC-32 of (author's code, epoch, seq, id, kind, minute, ttl_days, frame)."""
    author, epoch, seq, name, kind, minute, ttl_days, frame = row
    covered = COVERED.pack(author, epoch, seq, kind, minute, ttl_days)
    return zlib.crc32(frame, zlib.crc32(name, zlib.crc32(covered)))


def with_checksum(row: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return a row as the table has it."""
    return (*row[:7], checksum(row), row[7])


def checked_frame(row: tuple[Any, ...]) -> bytes:
    """Return the frame of a row of the table; StoreCorrupt when it does not check out."""
    *covered, expected, frame = row[:9]
    try:
        found = checksum((*covered, frame))
    except (struct.error, TypeError):
        found = -1
    if found != expected:
        raise StoreCorrupt(
            f"segment {row[2]} of epoch {row[1]} is damaged; remove it to fetch it again, "
            "or restore a backup"
        )
    return bytes(frame)
