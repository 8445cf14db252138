r"""Keep a store in one SQLite file that survives a kill at any point.

The file is held exclusively while it is open (WAL, ``synchronous=NORMAL``): a
record is one small append to the log, and a second opener gets an error that
names the first. Beside it there are only ``<file>-wal`` and ``<file>.lock``, both
gone after `close`, and once it holds logs ``<file>.generation``, which stays: by it a
copy that was put back is noticed (`peerrec.store.generation`).

What was acknowledged survives the death of the process at any point. After a power
cut the last seconds may be missing, never half there: that is what NORMAL means.
What must not be missing is brought to the disk with `flush`.

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
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np

from peerrec.errors import ConfigError, DataError, StoreCorrupt, StoreError, StoreLocked
from peerrec.limits import MINUTE_S, STORE_BYTES_MIN
from peerrec.store.batch import Batch, Retraction
from peerrec.store.facts import Facts
from peerrec.store.faults import store_fault, translated
from peerrec.store.generation import Generation
from peerrec.store.interaction_log import SEGMENT_ROWS
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
from peerrec.store.segment_rows import ProofRow, SegmentKey, SegmentRow
from peerrec.store.sqlite_segments import SqliteSegments
from peerrec.store.tables import Tables, new_epoch

__all__ = ["SqliteStore"]

SIZE_AIM = 0.95  # of the promised size: pruning stops between here and the promise


class SqliteStore:
    """A store in a file; see `peerrec.store.Store` for what each question means.

    Attributes:
        path: the file, absolute.
        read_only: whether writes are refused with StoreReadOnly.
        segments: the signed logs it holds.
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
                self._tables = Tables(self._connection)
                self._log, self._facts = self._tables.interactions, self._tables.facts
                self._generation = Generation(
                    self.path, self._connection, self._transaction, self._sync
                )
                self.segments = SqliteSegments(
                    self._tables.logs, self._asking, self._transaction, self._generation.ensure
                )
                self._generation.open(self._tables.logs.last_arrival, read_only)
                if not read_only and not self._facts.counter("epoch"):
                    # Another file that stood at this path may have left a snapshot beside it.
                    self._tables.begin_epoch()
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

    def _asking(self) -> AbstractContextManager[None]:
        return translated(self.path)

    @property
    def was_restored(self) -> bool:
        """Whether the file was put back from a copy, until `restore_handled`."""
        return self._generation.was_restored

    def restore_handled(self) -> None:
        """Say that no log goes on where a restored store ended; call it once that is stored."""
        self._generation.accept_restored()

    def store_tag(self) -> bytes:
        """Return 8 bytes that name this history of arrival numbers."""
        with translated(self.path):
            return self._generation.tag()

    def flush(self) -> None:
        """Bring what was written to the disk: it survives a power cut, too.

        Where logs are written, the generation is replaced: a copy of the file from before
        shows as outdated.
        """
        if not self.read_only and not self._generation.renew():
            self._sync()

    def _sync(self) -> None:
        with translated(self.path):
            busy = self._connection.execute("PRAGMA wal_checkpoint(FULL)").fetchone()[0]
        if busy:
            raise StoreLocked(f"{self.path}: another program reads the file; close it there")

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
                self._tables.reload()
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
            self._tables.append([(author, item, weight, minute, public)])

    def record_many(self, rows: Iterable[Interaction], *, now: float | None = None) -> int:
        """Store all rows or, when one is refused, none; return how many."""
        checked = [checked_interaction(row, now) for row in rows]
        if not checked:
            return 0
        with self._transaction():
            self._tables.append(checked)
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
            return self._tables.peers.names(after)

    def items(self, after: int = 0) -> Names:
        """Return the names of items with codes above ``after``."""
        with translated(self.path):
            return self._tables.items.names(after)

    def item_names(self, codes: Sequence[int]) -> list[RawId]:
        """Return the names of some items, in the order given; DataError where one has none."""
        with translated(self.path):
            return self._tables.items.of(codes)

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
            return self._tables.retract(author, item, before)

    def forget_item(self, item: RawId) -> int:
        """Remove all that is known of an item, its marks too; return the interactions."""
        with self._removal():
            self._facts.forget_item(item)
            return self._tables.retract(None, checked_id(item, "item id"), None)

    def forget_peer(self, peer: RawId) -> int:
        """Remove all that is known of and from a peer, but a block or mute of it."""
        with self._removal():
            return self._tables.forget_peer(checked_id(peer, "peer id"))

    def clear(self) -> None:
        """Remove everything, settings too."""
        with self._removal():
            self._tables.clear()
            self._generation.forget_in(self._connection)
        self._generation.forget_beside()

    @contextmanager
    def _removal(self) -> Iterator[None]:
        """Remove in one transaction; then let no byte of it linger in the file."""
        with self._transaction():
            n_before = self._log.count()
            yield
            self._tables.drop_unused(n_before)
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
        lost = np.zeros(3, np.int64)
        if window_s is not None:
            with self._removal():
                lost += self._tables.remove_before(now - window_s)
        while size_bytes_max is not None and self._size_bytes() > size_bytes_max:
            size = self._vacuum()
            if size <= size_bytes_max:
                break
            with self._removal():
                share = 1.0 - SIZE_AIM * size_bytes_max / size
                round_lost = self._tables.remove_oldest(share, size)
            if not any(round_lost):
                break
            lost += round_lost
            self._vacuum()
        interactions, descriptions, segments = lost.tolist()
        return Pruned(interactions, descriptions, self._size_bytes(), segments)

    # Everything that segments bring

    def accept(
        self,
        *,
        segments: Iterable[SegmentRow] = (),
        interactions: Iterable[Interaction] = (),
        edges: Iterable[TrustEdge] = (),
        descriptions: Iterable[Description] = (),
        retractions: Iterable[Retraction] = (),
        proofs: Iterable[ProofRow] = (),
        settings: Iterable[tuple[str, bytes | None]] = (),
        marks: Iterable[Marked] = (),
        dropped: Iterable[SegmentKey] = (),
        now: float | None = None,
    ) -> None:
        """Store all of it in one transaction, or nothing."""
        batch = Batch.checked(
            segments=segments,
            interactions=interactions,
            edges=edges,
            descriptions=descriptions,
            retractions=retractions,
            proofs=proofs,
            settings=settings,
            marks=marks,
            dropped=dropped,
            now=now,
        )
        if batch.segments:
            self._generation.ensure()
        with self._transaction():
            removed = self._tables.put(batch)
        if removed or len(batch.interactions) >= SEGMENT_ROWS:
            with translated(self.path):
                self._shrink()

    def rename_item(self, old: RawId, new: RawId) -> bool:
        """Know an item by another id from now on; return whether it was known."""
        return bool(self.rename_items([(old, new)]))

    def rename_items(self, pairs: Iterable[tuple[RawId, RawId]]) -> int:
        """Rename items (old, new), one after the other; return how many were known."""
        checked = [(checked_id(old, "item id"), checked_id(new, "item id")) for old, new in pairs]
        with self._transaction():
            return self._tables.rename_items(checked)

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

    def trust_of(self, source: RawId) -> list[TrustEdge]:
        """Return whom somebody trusts or distrusts, in the order in which names came."""
        with translated(self.path):
            return self._facts.trust_of(source)

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
            names = self._tables.peers.count(), self._tables.items.count()
            few = *self._facts.counts(), self._tables.logs.count()
            return StoreSize(self._size_bytes(), self._log.count(), *names, *few)

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
            self._tables.logs.check()
            block = self._log.read()
            try:
                self._tables.peers.names().positions(block.author)
                self._tables.items.names().positions(block.item)
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
                    Generation.forget_in(copy)
                finally:
                    copy.close()
            os.replace(part, target)
        except BaseException:
            part.unlink(missing_ok=True)
            raise
