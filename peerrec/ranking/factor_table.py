"""Hold what a group of users says about items, as sums that average row by row.

Of N users with vectors x_u (d numbers each, never sent) and histories S_u::

    share  p_i = |{u : i ∈ S_u}| / N          mean  b_i = Σ_{u : i ∈ S_u} x_u / N
    moment C   = Σ_u x_u x_uᵀ / N

All three are linear in the users, so the table of two groups together is the average of
their tables: it may be mixed, clipped, weighted and rounded one row at a time, and what
comes out is still a table. An item that has no row has p = 0 and b = 0.

Example:
    >>> import numpy as np
    >>> from scipy import sparse
    >>> history = sparse.csr_array(np.array([[1, 0], [1, 1]], np.float32))
    >>> table = FactorTable.from_users(
    ...     np.array([5, 9], np.uint32), history, np.array([[1.0], [3.0]], np.float32)
    ... )
    >>> table.share.tolist(), table.mean.tolist(), table.moment.tolist()
    ([1.0, 0.5], [[2.0], [1.5]], [[5.0]])
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from peerrec.late import sparse
from peerrec.ranking.factor_frame import Keys

__all__ = ["FactorTable", "Float32s", "History", "Keys", "row_positions"]

Float32s: TypeAlias = npt.NDArray[np.float32]
Positions: TypeAlias = npt.NDArray[np.intp]

History: TypeAlias = "sparse.csr_array[np.float32, tuple[int, int]]"
"""Users × rows of a table, 1 where a user has the item; quoted for scipy's sake."""


@dataclass(frozen=True, slots=True, eq=False)
class FactorTable:
    """Linear statistics of items over a group of users.

    Attributes:
        keys: uint32, ascending and distinct, shape (n,); see `factor_frame.item_keys`.
        share: float32 p in [0, 1], shape (n,).
        mean: float32 b, shape (n, d).
        moment: float32 C, symmetric, shape (d, d).
        exchanges: completed since the owner's last restart, ≥ 0.
    """

    keys: Keys
    share: Float32s
    mean: Float32s
    moment: Float32s
    exchanges: int = 0

    def __len__(self) -> int:
        return len(self.keys)

    @property
    def dim(self) -> int:
        """Length d of a vector."""
        return int(self.mean.shape[1])

    @classmethod
    def from_users(cls, keys: Keys, history: History, user_factors: Float32s) -> FactorTable:
        """Return the table of a group of users.

        Args:
            keys: ascending and distinct, shape (n,).
            history: 1 where a user has an item, shape (users, n).
            user_factors: float32 x, shape (users, d).
        """
        n_users = np.float32(max(1, history.shape[0]))
        return cls(
            keys,
            np.asarray(np.bincount(history.indices, minlength=len(keys)), np.float32) / n_users,
            np.asarray(history.T @ user_factors, np.float32) / n_users,
            user_factors.T @ user_factors / n_users,
        )

    def at(self, keys: Keys) -> FactorTable:
        """Return the table with exactly these rows, ascending; missing ones are 0."""
        if len(keys) == len(self.keys) and np.array_equal(keys, self.keys):
            return self
        place, found = row_positions(self.keys, keys)
        share = np.zeros(len(keys), np.float32)
        mean = np.zeros((len(keys), self.dim), np.float32)
        share[found], mean[found] = self.share[place[found]], self.mean[place[found]]
        return dataclasses.replace(self, keys=keys, share=share, mean=mean)

    def covering(self, part: float, floor: float) -> FactorTable:
        """Return the rows with most users that make up a part of all shares, ties with them.

        Args:
            part: 0 … 1, of Σ p.
            floor: rows of a smaller share are left out in any case.
        """
        if not len(self):
            return self
        ranked = np.sort(self.share)[::-1]
        sums = np.cumsum(ranked, dtype=np.float64)
        last = min(int(np.searchsorted(sums, part * sums[-1])), len(ranked) - 1)
        return self.without(np.flatnonzero(self.share < max(float(ranked[last]), floor)))

    def without(self, rows: Positions) -> FactorTable:
        """Return all but these rows, given by place."""
        if not len(rows):
            return self
        kept = np.ones(len(self), np.bool_)
        kept[rows] = False
        return dataclasses.replace(
            self, keys=self.keys[kept], share=self.share[kept], mean=self.mean[kept]
        )

    def largest(self, rows_max: int) -> FactorTable:
        """Return the rows with the largest shares, at most so many; ties by key."""
        if len(self) <= rows_max:
            return self
        order = np.lexsort((self.keys, -self.share))
        kept = np.sort(order[:rows_max])
        return dataclasses.replace(
            self, keys=self.keys[kept], share=self.share[kept], mean=self.mean[kept]
        )


def row_positions(keys: Keys, wanted: Keys) -> tuple[Positions, npt.NDArray[np.bool_]]:
    """Return where each wanted key would be among sorted keys, and whether it is there."""
    place = np.searchsorted(keys, wanted)
    if not len(keys):
        return place, np.zeros(len(wanted), np.bool_)
    bounded = np.minimum(place, len(keys) - 1)
    return bounded, np.asarray(keys[bounded] == wanted, np.bool_)
