"""Find the factor table that a node left in the store, placed beside the items of a graph.

What is kept, and where, is in `peerrec.store.served_table`. As long as there is no version
nothing is done; as long as it stays, nothing is read again.

Example:
    >>> from peerrec.ranking.factor_codec import encode_table
    >>> from peerrec.store.memory import MemoryStore
    >>> from peerrec.store.served_table import keep_served
    >>> table = FactorTable(
    ...     item_keys([item_hash("song:a")]), np.float32([0.5]), np.float32([[0.5, 0, 0, 0]]),
    ...     np.eye(4, dtype=np.float32), exchanges=9,
    ... )
    >>> store = MemoryStore()
    >>> served = ServedTable(store)
    >>> served.beside(Interner(["song:b", "song:a"]), 2) is None
    True
    >>> keep_served(store, encode_table(table), version=1)
    >>> served.beside(Interner(["song:b", "song:a"]), 2).known.tolist()
    [False, True]
"""

from __future__ import annotations

import logging

import numpy as np

from peerrec.errors import VerificationError
from peerrec.ids import item_hash
from peerrec.ranking.factor_codec import decode_table
from peerrec.ranking.factor_frame import KEY_BITS, item_keys
from peerrec.ranking.factor_table import FactorTable
from peerrec.ranking.interning import Interner
from peerrec.ranking.table_scores import TableScores, rows_of
from peerrec.store import Store
from peerrec.store.served_table import SERVED, VERSION

__all__ = ["ServedTable", "read_table"]

DIM_AT = 1
"""Where d stands in the bytes of a table: a node may be set to another one than the default."""

log = logging.getLogger("peerrec")


class ServedTable:
    """The served table of one store.

    Args:
        store: where a node leaves it.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._version: bytes | None = None
        self._table: FactorTable | None = None
        self._items: Interner | None = None
        self._rows = np.empty(0, np.int32)
        self._placed: TableScores | None = None

    def beside(self, items: Interner, n_items: int) -> TableScores | None:
        """Return the table beside these items; None where none is served.

        The same object while table and items stay.

        Args:
            items: raw ids of the graph's items.
            n_items: how many of them the graph has.
        """
        table = self._current()
        if table is None:
            return None
        if self._items is not items or len(self._rows) > n_items:
            self._items, self._rows, self._placed = items, np.empty(0, np.int32), None
        if len(self._rows) < n_items:
            # Hashing is most of it, so only what is new is placed.
            hashes = [item_hash(raw) for raw in items.raw(range(len(self._rows), n_items))]
            self._rows = np.concatenate([self._rows, rows_of(table, item_keys(hashes))])
            self._placed = None
        if self._placed is None:
            self._placed = TableScores(table, self._rows)
        return self._placed

    def _current(self) -> FactorTable | None:
        version = self._store.setting(VERSION)
        if version != self._version:
            self._version = version
            self._table = None if version is None else read_table(self._store)
            self._items = None
        return self._table


def read_table(store: Store) -> FactorTable | None:
    """Return the table in a store; None, and a warning, where it is damaged or missing."""
    data = store.setting(SERVED)
    if data is None:
        return None
    try:
        dim = data[DIM_AT] if len(data) > DIM_AT else 0
        return decode_table(data, dim=dim, rows_max=1 << KEY_BITS)
    except VerificationError as error:
        # Lists go by the walk alone, until the node serves from another.
        log.warning("the factor table of this store cannot be used: %s", error)
        return None
