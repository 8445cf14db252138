r"""Keep a store in one SQLite file that survives a kill at any point.

The file is held exclusively while it is open (WAL, ``synchronous=NORMAL``): a
record is one small append to the log, and a second opener gets an error that
names the first. Beside it there are only ``<file>-wal`` and ``<file>.lock``, both
gone after `close`.

What was acknowledged survives the death of the process at any point. After a power
cut the last seconds may be missing, never half there: that is what NORMAL means.

Example:
    >>> import tempfile
    >>> folder = tempfile.TemporaryDirectory()
    >>> with SqliteStore(Path(folder.name) / "me.db") as store:
    ...     store.record(Interaction("me", b"\x01\x02", weight=1.0, time=60.0))
    >>> with SqliteStore(Path(folder.name) / "me.db") as store:
    ...     store.items().ids, store.size().interactions
    ([b'\x01\x02'], 1)
    >>> folder.cleanup()
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
import numpy.typing as npt

from peerrec.errors import ConfigError, DataError, StoreCorrupt, StoreError
from peerrec.limits import MINUTE_S, STORE_BYTES_MIN
from peerrec.store.facts import Facts
from peerrec.store.faults import store_fault, translated
from peerrec.store.interaction_log import SEGMENT_ROWS, InteractionLog
from peerrec.store.names import NameTable
from peerrec.store.owner import OwnerLock
from peerrec.store.packing import Block
from peerrec.store.rows import (
    Cursor,
    Description,
    Interaction,
    InteractionColumns,
    Mark,
    Marked,
    Names,
    Pruned,
    RawId,
    StoreSize,
    TrustColumns,
    TrustEdge,
    checked_description,
    checked_id,
    checked_interaction,
    checked_minute,
    checked_setting,
    checked_trust,
)
from peerrec.store.schema import connect, connect_read_only

__all__ = ["SqliteStore"]

SIZE_AIM = 0.95  # of the promised size: pruning stops between here and the promise


class SqliteStore:
    """A store in a file; see `peerrec.store.Store` for what each question means.

    Attributes:
        path: the file, absolute.
        read_only: whether writes are refused with StoreReadOnly.
    """

    def __init__(self, path: Path | str, *, read_only: bool = False) -> None:
        """Open a store, making it where there is none.

        Raises:
            StoreLocked: another opener holds it; names the process.
            StoreTooNew: a newer version wrote it.
            StoreReadOnly: it cannot be written and ``read_only`` is false.
            StoreCorrupt: it is damaged.
            StoreFull: there is no room to make it.
            StoreError: the path names a folder, or a file of another program.
        """
        self.path = Path(path).absolute()
        self.read_only = read_only
        self._owner = OwnerLock(self.path)
        with translated(self.path):
            self._connection = self._connect()
            try:
                self._log = InteractionLog(self._connection)
                self._peers = NameTable(self._connection, "peers")
                self._items = NameTable(self._connection, "items")
                self._facts = Facts(self._connection, self._peers, self._items)
                if not read_only and not self._facts.counter("epoch"):
                    # Another file that stood at this path may have left a snapshot beside it.
                    self._facts.set_counter("epoch", new_epoch())
            except BaseException:
                self.close()
                raise

    def _connect(self) -> sqlite3.Connection:
        if self.read_only:
            self._owner.refuse_if_held()
            return connect_read_only(self.path)
        if self.path.is_dir():  # before a lock file appears beside it
            return connect(self.path)
        self._owner.acquire()
        try:
            return connect(self.path)
        except BaseException:
            self._owner.release()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Write the log back into the file and release it; twice is no error."""
        self._connection.close()
        self._owner.release()

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        with translated(self.path):
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                self._log.reload()
                raise

    # Interactions

    def record(self, row: Interaction, *, now: float | None = None) -> None:
        """Store one interaction durably: on return it survives a kill."""
        author, item, weight, minute, public = checked_interaction(row, now)
        try:
            if self._log.append_named(author, item, weight, minute, public):
                return
        except sqlite3.Error as error:
            raise store_fault(self.path, error) from error
        with self._transaction():
            codes = self._peers.code(author), self._items.code(item)
            self._log.append([(*codes, weight, minute, public)])

    def record_many(self, rows: Iterable[Interaction], *, now: float | None = None) -> int:
        """Store all rows or, when one is refused, none; return how many."""
        checked = [checked_interaction(row, now) for row in rows]
        if not checked:
            return 0
        with self._transaction():
            peers = self._peers.codes(row[0] for row in checked)
            items = self._items.codes(row[1] for row in checked)
            self._log.append([(peers[row[0]], items[row[1]], *row[2:]) for row in checked])
        if len(checked) >= SEGMENT_ROWS:  # a log as large as the batch must not stay
            with translated(self.path):
                self._shrink()
        return len(checked)

    def interactions(self) -> InteractionColumns:
        """Return all interactions in order of arrival; a million in some 50 ms."""
        with translated(self.path):
            return self._columns(self._log.read())

    def changes(self, since: Cursor) -> InteractionColumns | None:
        """Return the interactions after a cursor; None when some were removed since."""
        with translated(self.path):
            if since.epoch != self._facts.counter("epoch") or since.interactions > self._log.last:
                return None
            return self._columns(self._log.read(since.interactions))

    def _columns(self, block: Block) -> InteractionColumns:
        times = block.minute.astype(np.float64) * MINUTE_S
        cursor = self._cursor()
        return InteractionColumns(
            block.author, block.item, block.weight, times, block.public, cursor
        )

    def cursor(self) -> Cursor:
        """Return the present point in the store's history."""
        with translated(self.path):
            return self._cursor()

    def _cursor(self) -> Cursor:
        return Cursor(self._facts.counter("epoch"), self._log.last, self._facts.counter("trust"))

    def peers(self, after: int = 0) -> Names:
        """Return the names of authors and peers with codes above ``after``."""
        with translated(self.path):
            return self._peers.names(after)

    def items(self, after: int = 0) -> Names:
        """Return the names of items with codes above ``after``."""
        with translated(self.path):
            return self._items.names(after)

    # Removal

    def retract(
        self,
        *,
        author: RawId | None = None,
        item: RawId | None = None,
        before: float | None = None,
    ) -> int:
        """Remove the interactions that meet all given conditions; return how many."""
        if author is None and item is None and before is None:
            raise ConfigError("retract", None, "give author, item or before; `clear` removes all")
        with self._removal():
            return self._retract(author, item, before)

    def _retract(self, author: RawId | None, item: RawId | None, before: float | None) -> int:
        author_code = None if author is None else self._peers.find(author)
        item_code = None if item is None else self._items.find(item)
        if (author_code is None) != (author is None) or (item_code is None) != (item is None):
            return 0

        def doomed(rows: Block) -> npt.NDArray[np.bool_]:
            mask = np.ones(len(rows), np.bool_)
            if author_code is not None:
                mask &= rows.author == author_code
            if item_code is not None:
                mask &= rows.item == item_code
            if before is not None:
                mask &= rows.minute * MINUTE_S < before
            return mask

        return self._log.remove(doomed)

    def forget_item(self, item: RawId) -> int:
        """Remove all that is known of an item, its marks too; return the interactions."""
        with self._removal():
            self._facts.forget_item(item)
            return self._retract(None, checked_id(item, "item id"), None)

    def forget_peer(self, peer: RawId) -> int:
        """Remove all that is known of and from a peer, but a block or mute of it."""
        with self._removal():
            self._facts.forget_peer(peer)
            return self._retract(checked_id(peer, "peer id"), None, None)

    def clear(self) -> None:
        """Remove everything, settings too."""
        with self._removal():
            self._log.remove(lambda rows: np.ones(len(rows), np.bool_))
            self._facts.clear()

    @contextmanager
    def _removal(self) -> Iterator[None]:
        """Remove in one transaction; then let no byte of it linger in the file."""
        with self._transaction():
            n_before = self._log.count()
            yield
            block = self._log.read()
            removed = n_before - len(block)
            removed += self._peers.keep_only(self._facts.used_peers(block.author))
            removed += self._items.keep_only(self._facts.used_items(block.item))
            if removed:
                self._facts.set_counter("epoch", new_epoch())
        with translated(self.path):
            self._shrink()

    def _shrink(self) -> None:
        # One page is freed a step, and only a script steps to the end.
        self._connection.executescript("PRAGMA incremental_vacuum")
        self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

    def _vacuum(self) -> int:
        """Pack the file anew and return its size: removals leave pages half empty."""
        with translated(self.path):
            self._connection.execute("VACUUM")
            self._shrink()
        return self._size_bytes()

    def prune(
        self, now: float, *, window_s: float | None = None, size_bytes_max: int | None = None
    ) -> Pruned:
        """Remove what is older than the window, then the oldest until the size is kept.

        Descriptions older than the oldest interaction that stays go too. Trust, marks
        and settings stay whatever their age: they are few, and decisions.
        """
        if size_bytes_max is not None and size_bytes_max < STORE_BYTES_MIN:
            raise ConfigError("size_bytes_max", size_bytes_max, f"at least {STORE_BYTES_MIN}")
        interactions = descriptions = 0
        if window_s is not None:
            with self._removal():
                interactions = self._retract(None, None, now - window_s)
                descriptions = self._facts.remove_descriptions(now - window_s)
        while size_bytes_max is not None and self._size_bytes() > size_bytes_max:
            size = self._vacuum()
            if size <= size_bytes_max:
                break
            lost = self._prune_share(1.0 - SIZE_AIM * size_bytes_max / size)
            if not any(lost):
                break
            interactions += lost[0]
            descriptions += lost[1]
            self._vacuum()
        return Pruned(interactions, descriptions, self._size_bytes())

    def _prune_share(self, share: float) -> tuple[int, int]:
        """Remove the oldest share of the interactions; of the descriptions if none is left."""
        # A row frees at most its share of the file, for its names may be used by
        # others: so no round goes too far, and a few rounds arrive.
        with self._removal():
            self._log.seal()
            minutes = self._log.read().minute
            if not len(minutes):
                return 0, self._facts.remove_oldest_descriptions(share)
            n_doomed = int(np.ceil(share * len(minutes)))
            oldest_first = np.argsort(minutes, kind="stable")
            mask = np.zeros(len(minutes), np.bool_)
            mask[oldest_first[:n_doomed]] = True
            at = 0

            def doomed(rows: Block) -> npt.NDArray[np.bool_]:
                nonlocal at
                at += len(rows)
                return mask[at - len(rows) : at]

            horizon = float(minutes[oldest_first[n_doomed - 1]]) * MINUTE_S
            return self._log.remove(doomed), self._facts.remove_descriptions(horizon)

    # Trust, marks, descriptions, settings

    def trust(self, edge: TrustEdge, *, now: float | None = None) -> None:
        """Set a trust edge durably; weight 0 removes it."""
        self.trust_many((edge,), now=now)

    def trust_many(self, edges: Iterable[TrustEdge], *, now: float | None = None) -> int:
        """Set all edges or, when one is refused, none; return how many."""
        checked = [checked_trust(edge, now) for edge in edges]
        with self._transaction():
            self._facts.set_trust(checked)
        return len(checked)

    def trust_edges(self) -> TrustColumns:
        """Return all trust edges, sorted by (source, target)."""
        with translated(self.path):
            return self._facts.trust_edges()

    def mark(self, mark: Mark, subject: RawId, *, time: float) -> None:
        """Mark a peer or an item, as the mark says; marking twice keeps the later time."""
        minute = checked_minute(time, None)
        with self._transaction():
            self._facts.mark(mark, checked_id(subject, "marked id"), minute)

    def unmark(self, mark: Mark, subject: RawId) -> bool:
        """Take a mark back; return whether there was one."""
        with self._transaction():
            return self._facts.unmark(mark, subject)

    def marks(self) -> list[Marked]:
        """Return all marks, oldest first."""
        with translated(self.path):
            return self._facts.marks()

    def describe(self, description: Description, *, now: float | None = None) -> None:
        """Store what an author says of an item, in place of what it said before."""
        checked = checked_description(description, now)
        with self._transaction():
            self._facts.describe(checked)

    def descriptions(self, item: RawId | None = None) -> list[Description]:
        """Return the descriptions of one item or of all, oldest first."""
        with translated(self.path):
            return self._facts.descriptions(item)

    def set_setting(self, key: str, value: bytes | None) -> None:
        """Remember bytes under a key; None forgets them."""
        checked = checked_setting(key, b"" if value is None else value)
        with self._transaction():
            self._facts.set_setting(checked[0], None if value is None else checked[1])

    def setting(self, key: str) -> bytes | None:
        """Return the bytes remembered under a key, or None."""
        with translated(self.path):
            return self._facts.setting(key)

    # The file

    def size(self) -> StoreSize:
        """Return how much the store holds; its bytes count the log beside it."""
        with translated(self.path):
            counts = self._log.count(), self._peers.count(), self._items.count()
            return StoreSize(self._size_bytes(), *counts, *self._facts.counts())

    def _size_bytes(self) -> int:
        log = self.path.with_name(self.path.name + "-wal")
        beside = log.stat().st_size if log.exists() else 0
        return self.path.stat().st_size + beside

    def check(self) -> None:
        """Read and check everything; StoreCorrupt names what does not check out."""
        with translated(self.path):
            found = [row[0] for row in self._connection.execute("PRAGMA integrity_check(5)")]
            if found != ["ok"]:
                raise StoreCorrupt(f"{'; '.join(found)}; restore a backup or import again")
            broken = self._connection.execute("PRAGMA foreign_key_check").fetchall()
            if broken:
                raise StoreCorrupt(f"{len(broken)} rows name what is not there; restore a backup")
            block = self._log.read()
            try:
                self._peers.names().positions(block.author)
                self._items.names().positions(block.item)
            except DataError as error:
                raise StoreCorrupt(f"an interaction's {error}; restore a backup") from error

    def backup(self, path: Path | str) -> None:
        """Write a whole copy to a new file while the store stays open.

        Raises:
            StoreError: there is such a file already.
            StoreFull: there is no room for it; nothing is left of the attempt.
        """
        target = Path(path).absolute()
        if target.exists():
            raise StoreError(f"{target}: is there already; name a new file for the backup")
        part = target.with_name(target.name + ".part")
        part.unlink(missing_ok=True)
        try:
            with translated(part):
                copy = sqlite3.connect(part, isolation_level=None)
                try:
                    self._connection.backup(copy)
                    # The copy may live on by itself: no cursor or snapshot of this one fits it.
                    copy.execute("PRAGMA locking_mode = EXCLUSIVE")
                    Facts.write_counter(copy, "epoch", new_epoch())
                finally:
                    copy.close()
            os.replace(part, target)
        except BaseException:
            part.unlink(missing_ok=True)
            raise


def new_epoch() -> int:
    """Return a number that no other history of any store has, 62 random bits."""
    return int.from_bytes(os.urandom(8)) >> 2
