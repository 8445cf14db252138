"""Know what is held of every log without touching the store.

A `Frontier` is the index in memory that sessions compare: for every segment its number,
id, time and size in columns (some 100 bytes a segment), and for every log a digest of
the ids that are within the window. Nothing in it is trusted to be complete for ever: it
is rebuilt from the store at start.

A segment counts on a day if it cannot expire before that day ends, so that two nodes
that agree on the day agree on what counts, whatever the hour.

Example:
    >>> frontier = Frontier()
    >>> frontier.add(b"a" * 32, 7, 0, bytes(32), minute=29_000_000, n_bytes=300, arrival=1)
    True
    >>> frontier.has(b"a" * 32, 7, 0), frontier.seqs((b"a" * 32, 7))
    (True, [0])
"""

from __future__ import annotations

import hashlib
from bisect import bisect_left
from collections.abc import Mapping
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from peerrec.limits import DAY_S, NUMBER_MAX, TTL_DAYS_MAX, WINDOW_S
from peerrec.protocol.columns import FREE, SegmentColumns
from peerrec.protocol.elements import Elements, fork_check, log_block, segment_checks, tag_logs
from peerrec.protocol.log_index import DIGEST_BYTES, LogIndex

__all__ = ["DIGEST_BYTES", "EVERYTHING", "Floors", "Frontier", "Log"]

Log: TypeAlias = tuple[bytes, int]
"""An author and an epoch."""

Floors: TypeAlias = Mapping[Log, int]
"""Lowest number wanted of a log; logs not in it are wanted whole."""

EVERYTHING: Final = NUMBER_MAX
"""A floor above every number: nothing of the log is wanted."""

MINUTES_PER_DAY: Final = 1_440
_NEVER: Final = -1
_NO_FORK: Final = EVERYTHING + 1


class Frontier:
    """What is held: logs, numbers, ids; digests of it under a key and as of a day.

    Args:
        window_s: age beyond which nothing counts.

    Attributes:
        forked: lowest number that is known to be forked, by log.
        version: changes whenever anything in here does.
    """

    def __init__(self, window_s: float = WINDOW_S) -> None:
        self.window_days = int(window_s // DAY_S)
        self.version = 0
        self.clear()

    def clear(self) -> None:
        """Forget everything."""
        self.version += 1
        self.forked: dict[Log, int] = {}
        self._fork_last_day: dict[Log, int] = {}
        self._logs: dict[Log, LogIndex] = {}
        self._by_author: dict[bytes, set[Log]] = {}
        self._by_code: list[LogIndex | None] = []
        self._free_codes: list[int] = []
        self._order: list[LogIndex] | None = []
        self._state: tuple[int, int, bytes] = (_NEVER, 0, b"")
        self._columns = SegmentColumns()

    # -- changing it ---------------------------------------------------------------

    def add(
        self,
        author: bytes,
        epoch: int,
        seq: int,
        id: bytes,
        minute: int,
        n_bytes: int,
        arrival: int,
        ttl_days: int = TTL_DAYS_MAX,
    ) -> bool:
        """Take in one segment.

        Returns:
            Whether it is new here: False if its number is held, or at or above a fork.
        """
        log = (author, epoch)
        if seq >= self.forked.get(log, _NO_FORK):
            return False
        index = self._logs.get(log) or self._new_log(log)
        place = bisect_left(index.seqs, seq)
        if place < len(index.seqs) and index.seqs[place] == seq:
            return False
        last_day = self._last_day(minute, ttl_days)
        row = self._columns.put(index.code, seq, id, last_day, n_bytes, arrival)
        index.seqs.insert(place, seq)
        index.rows.insert(place, row)
        index.n_bytes += n_bytes
        self._changed(index)
        return True

    def remove(self, author: bytes, epoch: int, seq: int) -> bool:
        """Forget one segment; return whether it was there."""
        index = self._logs.get((author, epoch))
        place = None if index is None else index.place(seq)
        if index is None or place is None:
            return False
        self._remove_from(index, place)
        self._drop_if_empty(index)
        return True

    def mark_fork(self, author: bytes, epoch: int, seq: int, minute: int) -> list[int]:
        """Note that a log forked: nothing from that number on is held any more.

        The lowest number stays, whatever the order in which proofs come.

        Returns:
            The numbers that were held and are forgotten by this.
        """
        log = (author, epoch)
        index = self._logs.get(log) or self._new_log(log)
        if seq < self.forked.get(log, _NO_FORK):
            self.forked[log] = seq
            self._fork_last_day[log] = self._last_day(minute, TTL_DAYS_MAX)
        first = bisect_left(index.seqs, self.forked[log])
        gone = list(index.seqs[first:])
        for place in range(len(index.seqs) - 1, first - 1, -1):
            self._remove_from(index, place)
        self._changed(index)
        return gone

    def forget_fork(self, author: bytes, epoch: int) -> None:
        """Drop what is known of a fork, once it is older than the window."""
        log = (author, epoch)
        self.forked.pop(log, None)
        self._fork_last_day.pop(log, None)
        if log in self._logs:
            self._changed(self._logs[log])
            self._drop_if_empty(self._logs[log])

    def _last_day(self, minute: int, ttl_days: int) -> int:
        return minute // MINUTES_PER_DAY + min(ttl_days, self.window_days) - 1

    def _new_log(self, log: Log) -> LogIndex:
        code = self._free_codes.pop() if self._free_codes else len(self._by_code)
        name = log[0] + log[1].to_bytes(4, "big")
        index = LogIndex(log, code, name, log_block(name))
        if code == len(self._by_code):
            self._by_code.append(index)
        self._by_code[code] = index
        self._logs[log] = index
        self._by_author.setdefault(log[0], set()).add(log)
        self._order = None
        return index

    def _drop_if_empty(self, index: LogIndex) -> None:
        if index.seqs or index.log in self.forked:
            return
        del self._logs[index.log]
        others = self._by_author[index.log[0]]
        others.discard(index.log)
        if not others:
            del self._by_author[index.log[0]]
        self._by_code[index.code] = None
        self._free_codes.append(index.code)
        self._order = None

    def _remove_from(self, index: LogIndex, place: int) -> None:
        row = index.rows.pop(place)
        index.seqs.pop(place)
        index.n_bytes -= int(self._columns.sizes[row])
        self._columns.free(row)
        self._changed(index)

    def _changed(self, index: LogIndex) -> None:
        index.forget_digest()
        self.version += 1

    # -- asking it -----------------------------------------------------------------

    def __len__(self) -> int:
        return len(self._columns)

    def has(self, author: bytes, epoch: int, seq: int) -> bool:
        """Return whether a segment is held."""
        index = self._logs.get((author, epoch))
        return index is not None and index.place(seq) is not None

    def id_of(self, author: bytes, epoch: int, seq: int) -> bytes | None:
        """Return the 32-byte id of a segment; None if it is not held."""
        index = self._logs.get((author, epoch))
        place = None if index is None else index.place(seq)
        return (
            None
            if index is None or place is None
            else self._columns.ids[index.rows[place]].tobytes()
        )

    def logs(self) -> list[Log]:
        """Return the logs of which something is held or a fork is known, ordered by name."""
        return [index.log for index in self._sorted()]

    def authors(self) -> list[bytes]:
        """Return the authors of those logs, ascending."""
        return sorted(self._by_author)

    def logs_of(self, author: bytes) -> list[Log]:
        """Return an author's logs, ordered by epoch."""
        return sorted(self._by_author.get(author, ()))

    def knows(self, log: Log) -> bool:
        """Return whether anything is held of a log, or a fork of it is known."""
        return log in self._logs

    def seqs(self, log: Log, day: int | None = None, floor: int = 0) -> list[int]:
        """Return the numbers held of a log, ascending.

        Args:
            log: which.
            day: leave out what does not count on that day; None for everything.
            floor: lowest number to return.
        """
        index = self._logs.get(log)
        if index is None:
            return []
        first = bisect_left(index.seqs, floor)
        if day is None:
            return list(index.seqs[first:])
        days = self._columns.last_days[np.array(index.rows[first:], np.int64)]
        return [seq for seq, last in zip(index.seqs[first:], days, strict=True) if last >= day]

    def lowest(self, log: Log) -> int:
        """Return the lowest number held of a log; `EVERYTHING` if there is none."""
        index = self._logs.get(log)
        return index.seqs[0] if index is not None and index.seqs else EVERYTHING

    def extent(self, log: Log) -> tuple[int, int, int, int]:
        """Return a log's segments, bytes, lowest and highest number; zeros where none is held."""
        index = self._logs.get(log)
        if index is None or not index.seqs:
            return 0, 0, 0, 0
        return len(index.seqs), index.n_bytes, index.seqs[0], index.seqs[-1]

    def bytes_of(self, author: bytes) -> int:
        """Return the bytes of the segments held of an author."""
        return sum(self._logs[log].n_bytes for log in self._by_author.get(author, ()))

    def arrivals_since(self, arrival: int, day: int = 0) -> list[tuple[Log, int]]:
        """Return the segments that arrived after a number and count on a day, as they came."""
        columns = self._columns
        rows = np.flatnonzero((columns.arrivals > arrival) & (columns.last_days >= day))
        rows = rows[np.argsort(columns.arrivals[rows], kind="stable")]
        return self._refs(rows)

    def by_age(self, author: bytes) -> list[tuple[Log, int, int]]:
        """Return an author's segments, oldest first: log, number, bytes."""
        found = []
        for log in self.logs_of(author):
            index = self._logs[log]
            for seq, row in zip(index.seqs, index.rows, strict=True):
                found.append(
                    (int(self._columns.last_days[row]), log, seq, int(self._columns.sizes[row]))
                )
        return [row[1:] for row in sorted(found)]

    def expired(self, day: int) -> list[tuple[Log, int]]:
        """Return the segments that count on no day from ``day`` on."""
        columns = self._columns
        return self._refs(np.flatnonzero((columns.codes != FREE) & (columns.last_days < day)))

    def expired_forks(self, day: int) -> list[Log]:
        """Return the forks that count on no day from ``day`` on."""
        return sorted(log for log, last in self._fork_last_day.items() if last < day)

    def fork_counts(self, log: Log, day: int, floor: int = 0) -> bool:
        """Return whether a known fork of a log belongs to the frontier as of a day."""
        seq = self.forked.get(log)
        return seq is not None and self._fork_last_day[log] >= day and floor <= seq

    def _refs(self, rows: NDArray[np.int64]) -> list[tuple[Log, int]]:
        codes, seqs = self._columns.codes[rows].tolist(), self._columns.seqs[rows].tolist()
        return [(self._index(code).log, seq) for code, seq in zip(codes, seqs, strict=True)]

    def _index(self, code: int) -> LogIndex:
        index = self._by_code[code]
        assert index is not None, "a row outlived its log"
        return index

    def _sorted(self) -> list[LogIndex]:
        if self._order is None:
            self._order = sorted(self._logs.values(), key=lambda index: index.name)
        return self._order

    # -- digests -------------------------------------------------------------------

    def digest(self, log: Log, day: int, floor: int = 0) -> bytes | None:
        """Return 16 bytes that stand for what counts of a log; None if nothing does.

        BLAKE2b over the ids in the order of their numbers, then the fork if there is one.
        """
        index = self._logs.get(log)
        return None if index is None else self._digest(index, day, floor)

    def _digest(self, index: LogIndex, day: int, floor: int) -> bytes | None:
        fork_day = self._fork_last_day.get(index.log)
        fork = None if fork_day is None else (self.forked[index.log], fork_day)
        return index.digest_of(self._columns, day, floor, fork)

    def _digests(self, day: int, exclude: Floors) -> list[tuple[LogIndex, bytes]]:
        """Return every log with anything that counts and its digest, in order."""
        found: list[tuple[LogIndex, bytes]] = []
        for index in self._sorted():
            floor = exclude.get(index.log, 0) if exclude else 0
            if not floor and index.after < day <= index.until:
                digest = index.digest  # of nearly all logs, in every session
            else:
                digest = self._digest(index, day, floor)
            if digest is not None:
                found.append((index, digest))
        return found

    def _joined(self, day: int, exclude: Floors) -> bytes:
        """Return name and digest of every log with anything that counts, in order."""
        if not exclude and self._state[:2] == (self.version, day):
            return self._state[2]
        joined = b"".join([index.name + each for index, each in self._digests(day, exclude)])
        if not exclude:
            self._state = (self.version, day, joined)
        return joined

    def root(self, key: bytes, day: int, exclude: Floors, salt: bytes = b"") -> bytes:
        """Return 8 keyed bytes that stand for everything that counts.

        Args:
            key: up to 64 bytes, one per link: nobody can look for collisions beforehand.
            day: days since 1970.
            exclude: what the peer does not want.
            salt: what else both sides must agree about.
        """
        joined = self._joined(day, exclude)
        return hashlib.blake2b(joined + salt, key=key, digest_size=8).digest()

    def tags(self, key: bytes) -> list[tuple[int, Log]]:
        """Return the 4-byte keyed tag of every log known here."""
        known = self._sorted()
        tags = tag_logs(key, [index.block for index in known])
        return list(zip(tags.tolist(), [index.log for index in known], strict=True))

    def elements(self, key: bytes, day: int, exclude: Floors) -> Elements:
        """Return one keyed 8-byte element per segment and fork that counts."""
        logs = [index for index in self._by_code if index is not None]
        blocks = [bytes(16) if index is None else index.block for index in self._by_code]
        tags = tag_logs(key, blocks)
        columns = self._columns
        counts = (columns.codes != FREE) & (columns.last_days >= day)
        if exclude:
            floors = np.zeros(len(blocks) + 1, np.uint64)  # one more, which free rows are at
            for index in logs:
                floors[index.code] = exclude.get(index.log, 0)
            counts &= columns.seqs >= floors[columns.codes]
        rows = np.flatnonzero(counts)
        codes, seqs = columns.codes[rows], columns.seqs[rows]
        checks = segment_checks(key, columns.ids[rows, :16])
        forks = [
            index
            for index in logs
            if self.forked and self.fork_counts(index.log, day, exclude.get(index.log, 0))
        ]
        values = np.concatenate(
            [
                tags[codes] << np.uint64(32) | checks,
                np.array(
                    [int(tags[f.code]) << 32 | fork_check(key, self.forked[f.log]) for f in forks],
                    np.uint64,
                ),
            ]
        )
        return Elements.sorted(
            values,
            np.concatenate([codes, np.array([-1 - f.code for f in forks], np.int32)]),
            np.concatenate([seqs, np.array([self.forked[f.log] for f in forks], np.uint64)]),
            [None if index is None else index.log for index in self._by_code],
        )

    def log_elements(self, key: bytes, day: int, exclude: Floors) -> dict[int, tuple[Log, int]]:
        """Return for every log that counts its element, by tag: the log and 8 bytes as int.

        An element is the log's keyed tag, then 4 keyed bytes of its digest.
        """
        known = self._digests(day, exclude)
        tags = tag_logs(key, [index.block for index, _ in known])
        digests = b"".join([digest for _, digest in known])
        checks = segment_checks(key, np.frombuffer(digests, np.uint8).reshape(-1, 16))
        values = (tags << np.uint64(32) | checks).tolist()
        return {
            tag: (index.log, value)
            for tag, value, (index, _) in zip(tags.tolist(), values, known, strict=True)
        }
