"""Score the items of one graph for a person by a table that the network averaged.

`factor_serving` scores the rows of a table. A device ranks items, and rows are not items:
a key has 24 bits, so that whoever may choose an item's name can have the row of a popular
one. So evidence is asked for item by item: an item takes the direction of its row, and as
much of its share as the people who are heard here and have *this item* bear out. The
person's vector comes from the rows of all own items, and never leaves this object's caller.

A row speaks for its item only where about `ROW_PEOPLE` people stand behind it. Of fewer,
most of all of what is brand-new, averages say nothing but that it is rare; such items are
none of the table's (`known`), and the blend leaves them where the walk has them.

Cost at d = 48, 10,000 rows: 4 ms for a person's scores.

Example:
    >>> table = FactorTable(
    ...     np.array([3, 4, 5], np.uint32),
    ...     np.float32([0.5, 0.5, 0.5]),
    ...     np.float32([[0.5, 0], [0.4, 0.1], [0, 0.5]]),
    ...     np.eye(2, dtype=np.float32),
    ...     exchanges=9,
    ... )
    >>> placed = TableScores(table, rows_of(table, np.array([3, 4, 5, 9], np.uint32)))
    >>> heard = Counts(np.float32([20, 20, 20, 20]), people=40.0)
    >>> placed.known.tolist(), (placed.scores(np.array([0]), heard) > 0.3).tolist()
    ([True, True, True, False], [True, True, False, False])
"""

from __future__ import annotations

import dataclasses
from functools import cached_property
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

from peerrec.late import sparse
from peerrec.ranking.factor_lengths import of_usual_length
from peerrec.ranking.factor_serving import Evidence, capped, evidence_cap
from peerrec.ranking.factor_solve import FactorSettings, item_vectors, solve_users
from peerrec.ranking.factor_table import FactorTable, Keys, row_positions
from peerrec.ranking.trusted_counts import Counts

__all__ = ["ROW_PEOPLE", "TableScores", "rows_of"]

Bools: TypeAlias = npt.NDArray[np.bool_]
Float32s: TypeAlias = npt.NDArray[np.float32]
Int32s: TypeAlias = npt.NDArray[np.int32]

ROW_PEOPLE: Final = 10.0
"""People behind a row from which its direction is more than theirs alone."""

SEEDED: Final = 50.0
"""People whose records a node begins with; every exchange about doubles whom it averages."""

DOUBLINGS_MAX: Final = 20


def rows_of(table: FactorTable, keys: Keys) -> Int32s:
    """Return the row of each key, −1 where there is none, shape (len(keys),)."""
    place, found = row_positions(table.keys, keys)
    return np.where(found, place, -1).astype(np.int32)


class TableScores:
    """A table beside the items of a graph.

    Args:
        table: what the node serves from.
        rows: row of every item of the graph, −1 for none, shape (n_items,); see `rows_of`.
        settings: constants of the solves; those of the table's length by default.
        evidence: how much of it is asked for.

    Attributes:
        known: whether the table speaks for an item, shape (n_items,).
    """

    def __init__(
        self,
        table: FactorTable,
        rows: Int32s,
        settings: FactorSettings | None = None,
        evidence: Evidence | None = None,
    ) -> None:
        self.table = table
        self._settings = settings or FactorSettings(dim=table.dim)
        self._evidence = evidence or Evidence()
        self._row = rows
        items = np.flatnonzero(rows >= 0)
        self._items = items[table.share[rows[items]] >= ROW_PEOPLE / self.people]
        self.known: Bools = np.zeros(len(rows), np.bool_)
        self.known[self._items] = True
        row = rows[self._items]
        # One row an item: repeated where items share a key.
        self._rows = dataclasses.replace(
            table, keys=table.keys[row], share=table.share[row], mean=table.mean[row]
        )

    @property
    def people(self) -> float:
        """About how many people the table averages."""
        return SEEDED * 2.0 ** min(self.table.exchanges, DOUBLINGS_MAX)

    @cached_property
    def _vectors(self) -> Float32s:
        return item_vectors(self.table, self._settings)

    def user_vector(self, own: npt.NDArray[np.integer]) -> Float32s | None:
        """Return the vector of a person with these items, (d,); None where no row is theirs.

        Args:
            own: item codes, distinct.
        """
        rows = np.unique(self._row[own])
        rows = rows[rows >= 0]
        if not len(rows):
            return None
        history = sparse.csr_array(
            (np.ones(len(rows), np.float32), rows, np.array([0, len(rows)])),
            shape=(1, len(self.table)),
        )
        solved = solve_users(history, self._vectors, self._settings)
        return np.asarray(solved[0], np.float32)

    def scores(self, own: npt.NDArray[np.integer], heard: Counts) -> Float32s:
        """Return what the table says of every item for one person, shape (n_items,).

        0 for items it does not speak for, and everywhere where no own item has a row.

        Args:
            own: codes of the person's items, distinct.
            heard: who is heard and has each item.
        """
        found = np.zeros(len(self.known), np.float32)
        user = self.user_vector(own)
        if user is None or not len(self._items):
            return found
        counts = heard.items[self._items]
        cap = evidence_cap(counts, heard.people, self._evidence)
        shown = capped(of_usual_length(self._rows, counts), cap)
        damped = shown.share + np.float32(self._settings.share_damping)
        weight = damped ** np.float32(self._settings.serving_exponent)
        found[self._items] = (item_vectors(shown, self._settings) @ user) * weight
        return found

    def rarest(self, items: npt.NDArray[np.integer]) -> float:
        """Return the smallest share of some items' rows; 0 where none has any."""
        rows = self._row[items]
        shares = self.table.share[rows[rows >= 0]]
        return float(shares.min()) if len(shares) else 0.0

    def without(
        self,
        user: npt.NDArray[np.integer],
        hidden: npt.NDArray[np.integer],
        weight: float,
    ) -> TableScores:
        """Return the table as if a person in it had never met some of their items.

        Hidden rows lose w in share and w · x in mean, x being the person's vector at the
        table's scale.

        Args:
            user: codes of all items of the person, distinct.
            hidden: codes of some of them.
            weight: w, what the person is of the table, > 0.
        """
        vector = self.user_vector(user)
        rows = np.unique(self._row[hidden])
        rows = rows[rows >= 0]
        if vector is None or not len(rows):
            return self
        share, mean = self.table.share.copy(), self.table.mean.copy()
        scale = np.sqrt(np.trace(self.table.moment) / max(float(vector @ vector), 1e-30))
        share[rows] = np.maximum(share[rows] - np.float32(weight), 0)
        mean[rows] -= np.float32(weight * scale) * vector
        mean[rows[share[rows] == 0]] = 0
        less = dataclasses.replace(self.table, share=share, mean=mean)
        return TableScores(less, self._row, self._settings, self._evidence)

    def speaks(self, heard: Counts) -> Bools:
        """Return which items the table speaks for, beside what is heard, shape (n_items,).

        Of a share far below what the people heard here bear out, it lags behind: the item is
        new, or of a circle that the table hardly knows.
        """
        found = self.known.copy()
        cap = evidence_cap(heard.items[self._items], heard.people, self._evidence)
        found[self._items] = self._rows.share >= cap / np.float32(self._evidence.margin**2)
        return found

    def nearest(self, item: int, own: npt.NDArray[np.integer]) -> int | None:
        """Return the own item whose vector is most like an item's; None where none is."""
        rows = self._row[own]
        placed = rows >= 0
        if not self.known[item] or not placed.any():
            return None
        like = self._vectors[rows[placed]] @ self._vectors[self._row[item]]
        return int(own[placed][like.argmax()]) if like.max() > 0 else None
