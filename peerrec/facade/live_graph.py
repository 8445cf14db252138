"""Keep the ranking graph in step with a store, by asking it what is new.

The store is the truth. Before a ranking the graph asks for the interactions after
its cursor and adds those; after a removal it is made anew. Interactions are saved
beside a large store as arrays, so that opening it need not sort them again: see
`peerrec.store.snapshot` for when such a file counts.

Example:
    >>> from peerrec.store.memory import MemoryStore
    >>> from peerrec.store import Interaction
    >>> store = MemoryStore()
    >>> graph = LiveGraph(store, "me")
    >>> graph.follow().n_edges
    0
    >>> store.record(Interaction("me", "song:a", time=60.0))
    >>> graph.follow().n_edges, graph.items.interner[0]
    (1, 'song:a')
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from pathlib import Path

import numpy as np

from peerrec.facade.name_codes import NameCodes
from peerrec.facade.saved_graph import FORMAT, arrays_of, segments_of, trust_arrays, trust_of
from peerrec.limits import HALF_LIFE_S
from peerrec.ranking.interactions import InteractionGraph
from peerrec.ranking.snapshot import InteractionSnapshot
from peerrec.ranking.trust_snapshot import TrustSnapshot
from peerrec.store import Cursor, InteractionColumns, RawId, Store, TrustColumns
from peerrec.store.snapshot import Snapshot, load_snapshot, remove_snapshot, write_snapshot

__all__ = ["LiveGraph"]

SAVED_MIN = 10_000
"""Interactions from which a file is kept: below, making the graph anew takes 10 ms."""

SAVE_EVERY = 50_000
"""New interactions after which the file is written again: replaying them takes 50 ms."""

FEW = 64
"""Up to so many new interactions go to the graph's head; more are sorted in at once."""


class LiveGraph:
    """The graph of one store, as seen by one user.

    Args:
        store: what to follow; nobody else need tell the graph of changes.
        me: raw id of the node's user; always has code 0.
        path: file to keep the graph in; None keeps it in memory alone.
        half_life_s: of interactions and of trust; ``inf`` for none.

    Attributes:
        users: codes of authors and peers.
        items: codes of items.
    """

    def __init__(
        self,
        store: Store,
        me: RawId,
        path: Path | None = None,
        half_life_s: float = HALF_LIFE_S,
    ) -> None:
        self._store = store
        self._me = me
        self._path = path
        self._half_life_s = half_life_s
        self._tag = f"{FORMAT}; half-life {half_life_s:.0f} s; first user {me!r}"
        self._saved_at: tuple[int, int] = (0, -1)
        self.users = NameCodes([me])
        self.items = NameCodes()
        self._graph = InteractionGraph(half_life_s=half_life_s)
        self._stated: tuple[int, TrustColumns] | None = None
        self._cursor = store.cursor()
        self._begin(self._saved())

    @property
    def nbytes(self) -> int:
        """Bytes held by the interactions' arrays."""
        return self._graph.nbytes

    def follow(self) -> InteractionSnapshot:
        """Take in what the store learned since, and return the interactions."""
        cursor = self._store.cursor()
        if cursor != self._cursor:
            self._catch_up(cursor)
        self._graph.reserve(len(self.users), len(self.items))
        return self._graph.snapshot()

    def trust(self, now: float, blocked: Collection[RawId]) -> TrustSnapshot:
        """Return who trusts whom as the store has it, decayed to now.

        Args:
            now: unix seconds.
            blocked: raw ids that the node's user distrusts wholly, whatever was said.
        """
        edges = self._statements()
        source, target, weight = edges.source, edges.target, edges.weight
        if np.isfinite(self._half_life_s):
            age = np.maximum(now - edges.time, 0.0)
            weight = (weight * np.exp2(-age / self._half_life_s)).astype(np.float32)
        ego = self.users.interner.code(self._me)
        known = (self.users.interner.find(raw) for raw in blocked)
        walls = np.array(sorted({code for code in known if code is not None} - {ego}), np.int32)
        kept = ~((source == ego) & np.isin(target, walls))
        return TrustSnapshot.from_edges(
            np.concatenate([source[kept], np.full(len(walls), ego, np.int32)]),
            np.concatenate([target[kept], walls]),
            np.concatenate([weight[kept], np.full(len(walls), -1.0, np.float32)]),
            len(self.users),
        )

    def _statements(self) -> TrustColumns:
        """Return trust as it was stated, with the graph's codes."""
        counter = self._store.cursor().trust
        if self._stated is None or self._stated[0] != counter:
            stored = self._store.trust_edges()
            self.users.extend(self._store.peers(after=self.users.last))
            source, target = self.users.of(stored.source), self.users.of(stored.target)
            self._stated = (counter, replace(stored, source=source, target=target))
        return self._stated[1]

    def named(self) -> None:
        """Take in the names of items that are described but were never met."""
        self.items.extend(self._store.items(after=self.items.last))

    def save(self, *, least: int = 1) -> bool:
        """Write the graph beside the store, where that is worth it; say whether it was.

        Args:
            least: write only when so many interactions came since the last time; that trust
                changed counts as one.

        Raises:
            StoreError: it could not be written; the store is not affected.
        """
        counter = self._store.cursor().trust
        new = self._cursor.interactions - self._saved_at[0] + (counter != self._saved_at[1])
        if self._path is None or new < least or self._graph.n_edges < SAVED_MIN:
            return False
        arrays = {**arrays_of(self._graph), **trust_arrays(self._statements())}
        arrays["trust.counter"] = np.array(counter, np.int64)
        write_snapshot(self._path, arrays, plain(self._cursor), tag=self._tag)
        self._saved_at = (self._cursor.interactions, counter)
        return True

    def remove_saved(self) -> None:
        """Overwrite and remove the file; whoever forgets something calls this."""
        if self._path is not None:
            remove_snapshot(self._path)
        self._saved_at = (0, -1)

    # -- inside -------------------------------------------------------------------------

    def _saved(self) -> Snapshot | None:
        """Return what an earlier run saved, if it fits; what does not is removed."""
        if self._path is None:
            return None
        cursor = self._store.cursor()
        saved = load_snapshot(self._path, plain(cursor), tag=self._tag)
        # After a power cut the file may know more than the store. Once the store has
        # gone on from there the two could be mistaken for each other.
        if saved is None or int(saved.arrays["trust.counter"]) > cursor.trust:
            remove_snapshot(self._path)
            return None
        return saved

    def _begin(self, saved: Snapshot | None) -> None:
        """Start from what was saved, or else from all that the store has."""
        self._graph = InteractionGraph(half_life_s=self._half_life_s)
        self._stated = None
        self.users = NameCodes([self._me])
        self.items = NameCodes()
        self.users.extend(self._store.peers())
        self.items.extend(self._store.items())
        if saved is None:
            self._add(self._store.interactions())
            return
        self._graph.adopt(segments_of(saved.arrays))
        self._cursor = saved.cursor
        counter = int(saved.arrays["trust.counter"])
        self._stated = (counter, trust_of(saved.arrays))
        self._saved_at = (saved.cursor.interactions, counter)

    def _catch_up(self, cursor: Cursor) -> None:
        if cursor.epoch == self._cursor.epoch:
            if cursor.interactions == self._cursor.interactions:
                self._cursor = cursor
                return
            new = self._store.changes(self._cursor)
            if new is not None:
                self._add(new)
                return
        self._begin(None)

    def _add(self, columns: InteractionColumns) -> None:
        if len(columns):
            if int(columns.author.max()) > self.users.last:
                self.users.extend(self._store.peers(after=self.users.last))
            if int(columns.item.max()) > self.items.last:
                self.items.extend(self._store.items(after=self.items.last))
        users, items = self.users.of(columns.author), self.items.of(columns.item)
        if len(columns) > FEW:
            self._graph.extend(users, items, columns.weight, columns.time)
        else:
            rows = (users.tolist(), items.tolist(), columns.weight.tolist(), columns.time.tolist())
            for row in zip(*rows, strict=True):
                self._graph.add(*row)
        self._cursor = columns.cursor


def plain(cursor: Cursor) -> Cursor:
    """Return the cursor without trust, whose changes do not outdate the interactions."""
    return cursor._replace(trust=0)
