"""Hold the interactions of one time partition: immutable, sorted, in both directions.

A segment is what GraphJet (Sharma et al., VLDB 2016) calls a temporal index
segment: once built it never changes, so a ranking may read it while newer edits
go elsewhere, and dropping the oldest interactions is dropping one segment.

Weights are stored ready to use. With n = Σ raw weight of (u, i) in the partition
and t its last time, the stored weight is

    log1p(n) · 2^−((end of partition − t) / half_life)

so that repeated plays saturate, newer plays count more, and comparing partitions
needs one factor per partition, none per edge. Both steps can be undone, which is
how late arrivals are merged exactly.

Memory: 18 bytes an edge (item 4, weight 4, minute 2; user 4, weight 4 for the
other direction) and 4 bytes a known user and item for the row starts.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from peerrec.late import sparse

__all__ = ["Edges", "Saturation", "Segment", "concatenated_rows", "unique_pairs"]

Int32s: TypeAlias = npt.NDArray[np.int32]
Int64s: TypeAlias = npt.NDArray[np.int64]
Float32s: TypeAlias = npt.NDArray[np.float32]
Float64s: TypeAlias = npt.NDArray[np.float64]
Minutes: TypeAlias = npt.NDArray[np.uint16]
Bools: TypeAlias = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Edges:
    """Columns of edges of one partition; ``weight`` is a raw sum or a stored weight.

    Attributes:
        user: int32 codes, shape (m,).
        item: int32 codes, shape (m,).
        weight: shape (m,), float64 raw sums or float32 stored weights.
        minute: uint16 minutes since the start of the partition, shape (m,).
    """

    user: Int32s
    item: Int32s
    weight: npt.NDArray[np.floating]
    minute: Minutes

    def __len__(self) -> int:
        return len(self.user)

    def take(self, rows: Bools | npt.NDArray[np.intp] | slice) -> Edges:
        """Return the chosen rows."""
        return Edges(self.user[rows], self.item[rows], self.weight[rows], self.minute[rows])

    def followed_by(self, other: Edges) -> Edges:
        """Return these rows and then the other's."""
        return Edges(
            np.concatenate([self.user, other.user]),
            np.concatenate([self.item, other.item]),
            np.concatenate([self.weight, other.weight]),
            np.concatenate([self.minute, other.minute]),
        )


def unique_pairs(edges: Edges, n_users: int, n_items: int) -> Edges:
    """Sort by user, then item, and merge equal pairs: weights add, the last time wins.

    User, item and row number are packed into one 63-bit key where they fit, so that a
    single sort of integers does the work; otherwise a lexicographic sort does.
    """
    item_bits, row_bits = max(n_items, 1).bit_length(), len(edges).bit_length()
    if max(n_users, 1).bit_length() + item_bits + row_bits <= 63:
        key = edges.user.astype(np.int64)
        key <<= item_bits
        key |= edges.item
        key <<= row_bits
        key |= np.arange(len(edges), dtype=np.int64)
        key.sort()
        order = key & ((1 << row_bits) - 1)
        key >>= row_bits
        first = np.empty(len(key), np.bool_)
        first[:1] = True
        np.not_equal(key[1:], key[:-1], out=first[1:])
    else:
        order = np.lexsort((edges.item, edges.user))
        user, item = edges.user[order], edges.item[order]
        first = np.ones(len(order), np.bool_)
        first[1:] = (user[1:] != user[:-1]) | (item[1:] != item[:-1])
    edges = edges.take(order)
    if first.all():
        return edges
    starts = np.flatnonzero(first)
    return Edges(
        edges.user[starts],
        edges.item[starts],
        np.add.reduceat(edges.weight, starts),
        np.maximum.reduceat(edges.minute, starts),
    )


def concatenated_rows(
    starts: npt.NDArray[np.integer], ends: npt.NDArray[np.integer]
) -> npt.NDArray[np.intp]:
    """Return ``start…end − 1`` of every row, one after the other.

    Example:
        >>> concatenated_rows(np.array([0, 7], np.int32), np.array([2, 9], np.int32)).tolist()
        [0, 1, 7, 8]
    """
    lengths = (ends - starts).astype(np.intp)
    offsets = np.cumsum(lengths) - lengths
    return np.repeat(starts - offsets, lengths) + np.arange(lengths.sum(), dtype=np.intp)


class Segment:
    """Unique (user, item) edges of one partition, in both directions, immutable.

    Attributes:
        index: number of the partition, ``floor(time / span)``.
        by_user: float32 matrix of stored weights, (n_users, n_items), items ascending.
        by_item: its transpose, (n_items, n_users), row-wise too, users ascending.
        minute: uint16 last minute of each edge of `by_user` within the partition.
    """

    __slots__ = ("by_item", "by_user", "index", "minute")

    def __init__(self, index: int, edges: Edges, n_users: int, n_items: int) -> None:
        """Index edges that are sorted and unique (see `unique_pairs`); weights are final."""
        start = np.zeros(n_users + 1, np.int32)
        np.cumsum(np.bincount(edges.user, minlength=n_users), out=start[1:])
        weight = edges.weight.astype(np.float32, copy=False)
        self.index = index
        self.minute = edges.minute
        self.by_user = sparse.csr_array((weight, edges.item, start), shape=(n_users, n_items))
        self.by_item = self.by_user.tocsc().T

    @classmethod
    def from_rows(
        cls,
        index: int,
        start: Int32s,
        item: Int32s,
        weight: Float32s,
        minute: Minutes,
        n_items: int,
    ) -> Segment:
        """Build from compressed rows, as `by_user` and `minute` of a segment hold them.

        Args:
            index: number of the partition.
            start: where each user's row starts, and the end, shape (n_users + 1,).
            item: ascending within a row, shape (m,).
            weight: stored weights, shape (m,).
            minute: last minute within the partition, shape (m,).
            n_items: number of item codes.
        """
        segment = cls.__new__(cls)
        segment.index = index
        segment.minute = minute
        segment.by_user = sparse.csr_array((weight, item, start), shape=(len(start) - 1, n_items))
        segment.by_item = segment.by_user.tocsc().T
        return segment

    def __len__(self) -> int:
        return len(self.minute)

    @property
    def nbytes(self) -> int:
        """Bytes held by the arrays of this segment."""
        return self.minute.nbytes + sum(
            int(matrix.data.nbytes + matrix.indices.nbytes + matrix.indptr.nbytes)
            for matrix in (self.by_user, self.by_item)
        )

    def edges(self) -> Edges:
        """Return the edges as columns, sorted by user, then item."""
        rows = self.by_user
        users = np.repeat(np.arange(rows.shape[0], dtype=np.int32), np.diff(rows.indptr))
        return Edges(users, rows.indices, rows.data, self.minute)

    def positions(self, user: Int32s, item: Int32s) -> npt.NDArray[np.intp]:
        """Return where the pairs stand in the edge arrays, −1 for those that do not.

        A binary search in all the users' rows at once: O(log longest row) array steps.
        """
        start, items = self.by_user.indptr, self.by_user.indices
        known = user < len(start) - 1
        row = np.where(known, user, 0)
        low = np.where(known, start[row], 0).astype(np.intp)
        end = np.where(known, start[row + 1], 0).astype(np.intp)
        high = end.copy()
        while (searching := low < high).any():
            middle = (low + high) // 2
            below = searching & (items[np.minimum(middle, len(self) - 1)] < item)
            low = np.where(below, middle + 1, low)
            high = np.where(searching & ~below, middle, high)
        found = low < end
        found[found] = items[low[found]] == item[found]
        return np.where(found, low, -1)


class Saturation:
    """Turn raw weight sums into stored weights, and back.

    Args:
        span_minutes: width of a partition.
        half_life_minutes: age at which a stored weight halves; ``inf`` for no decay.
    """

    __slots__ = ("_recency", "half_life_minutes", "span_minutes")

    def __init__(self, span_minutes: int, half_life_minutes: float) -> None:
        self.span_minutes = span_minutes
        self.half_life_minutes = half_life_minutes
        # One table look-up an edge instead of one exponential.
        ages = span_minutes - np.arange(span_minutes, dtype=np.float64)
        self._recency = np.exp2(-ages / half_life_minutes)

    def stored(self, raw: npt.NDArray[np.floating], minute: Minutes) -> Float32s:
        """Return ``log1p(raw) · 2^−((span − minute) / half_life)``."""
        return np.asarray(np.log1p(raw) * self._recency[minute], np.float32)

    def raw(self, stored: npt.NDArray[np.floating], minute: Minutes) -> Float64s:
        """Return the raw sums that `stored` was made of, to float32 precision."""
        return np.asarray(np.expm1(stored / self._recency[minute]))

    def partition_scale(self, age: int) -> float:
        """Return the factor of a partition that is `age` partitions older than the newest."""
        return float(np.exp2(-age * self.span_minutes / self.half_life_minutes))
