"""Read the bipartite graph: an immutable view that a ranking multiplies with.

A snapshot is a stack of layers, one per time partition, and small overlays for
what arrived since. Everything a walk needs is two products,

    to_users:  y(u) = Σ_i w(u, i) x(i)        to_items:  y(i) = Σ_u w(u, i) x(u)

which touch only the rows that carry a value while those are few, and otherwise
run over all edges once with scipy's kernels.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

from peerrec.late import sparse
from peerrec.ranking.segment import Edges, Segment, concatenated_rows

__all__ = ["InteractionSnapshot", "Layer", "OverlayLayer", "SegmentLayer"]

Int32s: TypeAlias = npt.NDArray[np.int32]
Float32s: TypeAlias = npt.NDArray[np.float32]

# A gathered edge costs about four times an edge of a whole scipy pass: above this
# share of all edges, one pass over everything is the cheaper way.
GATHER_SHARE_MAX = 1 / 4


class Layer(Protocol):
    """One part of the graph; parts add up."""

    @property
    def n_edges(self) -> int:
        """Number of edges held."""
        ...

    def add_degree(self, out: Float32s) -> None:
        """Add the number of distinct items of each user to `out`."""
        ...

    def matrix(self, n_users: int, n_items: int) -> sparse.csr_array:
        """Return w(u, i) of this layer as an (n_users, n_items) float32 matrix."""
        ...

    def rows(self, users: Int32s, n_items: int) -> sparse.csr_array:
        """Return w(u, i) of some users, float32, shape (len(users), n_items)."""
        ...

    def row(self, code: int, *, of_item: bool) -> tuple[Int32s, Float32s]:
        """Return the edges of one user (or of one item): codes ascending, weights."""
        ...

    def add_product(
        self, rows: Int32s, values: Float32s, out: Float32s, *, from_items: bool
    ) -> None:
        """Add Σ_row w · value(row) to `out`, towards the other side.

        Args:
            rows: distinct codes, ascending, that carry a value.
            values: one per row.
            out: one per code of the other side; changed in place.
            from_items: whether `rows` are items and `out` is per user, or the reverse.
        """
        ...

    def add_whole(self, values: Float32s, out: Float32s, *, from_items: bool) -> None:
        """Add the same product for values given for every code of this side."""
        ...


@dataclass(frozen=True, slots=True)
class SegmentLayer:
    """A sealed segment, times the decay of its partition against the newest."""

    segment: Segment
    scale: float

    @property
    def n_edges(self) -> int:
        """Number of edges held."""
        return len(self.segment)

    def add_degree(self, out: Float32s) -> None:
        """Add the number of items of each user."""
        lengths = np.diff(self.segment.by_user.indptr)
        out[: len(lengths)] += lengths

    def matrix(self, n_users: int, n_items: int) -> sparse.csr_array:
        """Return the weights as a matrix, sharing memory where nothing is scaled."""
        matrix = self.segment.by_user
        if matrix.shape != (n_users, n_items):
            matrix = matrix.copy()
            matrix.resize((n_users, n_items))
        return matrix if self.scale == 1 else matrix * np.float32(self.scale)

    def rows(self, users: Int32s, n_items: int) -> sparse.csr_array:
        """Return the weights of some users."""
        matrix = self.segment.by_user
        known = users < matrix.shape[0]
        chosen = matrix[np.where(known, users, 0)]
        chosen.data *= np.repeat(known * np.float32(self.scale), np.diff(chosen.indptr))
        chosen.resize((len(users), n_items))
        return chosen

    def row(self, code: int, *, of_item: bool) -> tuple[Int32s, Float32s]:
        """Return the edges of one user (or of one item)."""
        matrix = self.segment.by_item if of_item else self.segment.by_user
        if code >= matrix.shape[0]:
            return np.empty(0, np.int32), np.empty(0, np.float32)
        row = slice(matrix.indptr[code], matrix.indptr[code + 1])
        return matrix.indices[row], matrix.data[row] * np.float32(self.scale)

    def add_product(
        self, rows: Int32s, values: Float32s, out: Float32s, *, from_items: bool
    ) -> None:
        """Add the product: gathered while few rows carry a value, else in one pass."""
        segment = self.segment
        forward, across = segment.by_user, segment.by_item
        if from_items:
            forward, across = across, forward
        n_known = int(np.searchsorted(rows, forward.shape[0]))
        rows, values = rows[:n_known], values[:n_known] * np.float32(self.scale)
        begin, end = forward.indptr[rows], forward.indptr[rows + 1]
        if int((end - begin).sum()) > GATHER_SHARE_MAX * len(segment):
            dense = np.zeros(forward.shape[0], np.float32)
            dense[rows] = values
            out[: across.shape[0]] += across @ dense
        else:
            edges = concatenated_rows(begin, end)
            amounts = np.repeat(values, end - begin)
            amounts *= forward.data[edges]
            np.add.at(out, forward.indices[edges], amounts)

    def add_whole(self, values: Float32s, out: Float32s, *, from_items: bool) -> None:
        """Add the product of all edges in one pass."""
        segment = self.segment
        across = segment.by_user if from_items else segment.by_item
        column = values[: across.shape[1]]
        if self.scale != 1:
            column = column * np.float32(self.scale)
        out[: across.shape[0]] += across @ column


@dataclass(frozen=True, slots=True, eq=False)
class OverlayLayer:
    """A few edges on top: what the head adds to a partition.

    Attributes:
        edges: gains in stored weight, sorted by user, then item.
        fresh: of each edge, whether the partition below does not have the pair.
        scale: decay of the partition against the newest.
    """

    edges: Edges
    fresh: npt.NDArray[np.bool_]
    scale: float

    @property
    def n_edges(self) -> int:
        """Number of edges held."""
        return len(self.edges)

    def add_degree(self, out: Float32s) -> None:
        """Add the number of items that are new in the partition."""
        np.add.at(out, self.edges.user[self.fresh], 1)

    def matrix(self, n_users: int, n_items: int) -> sparse.csr_array:
        """Return the weights as a matrix."""
        columns = (self.edges.weight * np.float32(self.scale), (self.edges.user, self.edges.item))
        return sparse.coo_array(columns, shape=(n_users, n_items)).tocsr()

    def rows(self, users: Int32s, n_items: int) -> sparse.csr_array:
        """Return the weights of some users."""
        n_users = max(int(self.edges.user.max()), int(users.max(initial=0))) + 1
        return self.matrix(n_users, n_items)[users]

    def row(self, code: int, *, of_item: bool) -> tuple[Int32s, Float32s]:
        """Return the edges of one user (or of one item)."""
        own, other = self._ends(of_item)
        match = own == code
        return other[match], self.edges.weight[match] * np.float32(self.scale)

    def add_product(
        self, rows: Int32s, values: Float32s, out: Float32s, *, from_items: bool
    ) -> None:
        """Add the product by looking every edge up among the rows."""
        if not len(rows):
            return
        own, other = self._ends(from_items)
        at = np.minimum(np.searchsorted(rows, own), len(rows) - 1)
        match = rows[at] == own
        amounts = values[at[match]] * self.edges.weight[match] * np.float32(self.scale)
        np.add.at(out, other[match], amounts)

    def add_whole(self, values: Float32s, out: Float32s, *, from_items: bool) -> None:
        """Add the product of all edges."""
        own, other = self._ends(from_items)
        np.add.at(out, other, values[own] * self.edges.weight * np.float32(self.scale))

    def _ends(self, from_items: bool) -> tuple[Int32s, Int32s]:
        """Return the edges' ends: the side asked from, and the other."""
        edges = self.edges
        return (edges.item, edges.user) if from_items else (edges.user, edges.item)


@dataclass(frozen=True, eq=False)
class InteractionSnapshot:
    """An immutable view of the graph: what a ranking reads.

    Attributes:
        layers: parts that add up, oldest partition first, overlays last.
        n_users: number of user codes; users without interactions count.
        n_items: number of item codes.
        below: a view of the first of these layers, perhaps of fewer codes, whose sums are
            reused, so that a small overlay costs little; None where there is none.
    """

    layers: tuple[Layer, ...]
    n_users: int
    n_items: int
    below: InteractionSnapshot | None = None

    @property
    def n_edges(self) -> int:
        """Number of stored edges; a pair counts once a partition."""
        return sum(layer.n_edges for layer in self.layers)

    @cached_property
    def strength(self) -> Float32s:
        """Σ_i w(u, i) of every user, shape (n_users,): what the receiver divides by."""
        sums, layers = self._begun("strength")
        items, ones = np.arange(self.n_items, dtype=np.int32), np.ones(self.n_items, np.float32)
        for layer in layers:
            layer.add_product(items, ones, sums, from_items=True)
        return sums

    @cached_property
    def degree(self) -> Float32s:
        """Number of items of every user, shape (n_users,); a pair counts once a partition."""
        counts, layers = self._begun("degree")
        for layer in layers:
            layer.add_degree(counts)
        return counts

    def _begun(self, key: str) -> tuple[Float32s, tuple[Layer, ...]]:
        """Return a sum per user over the layers below, and the layers still to add."""
        sums = np.zeros(self.n_users, np.float32)
        if self.below is None:
            return sums, self.layers
        sums[: self.below.n_users] = getattr(self.below, key)
        return sums, self.layers[len(self.below.layers) :]

    @cached_property
    def matrix(self) -> sparse.csr_array:
        """All weights w(u, i) as one float32 matrix, (n_users, n_items), for blocks of egos.

        Shares memory with the segment where there is just one; else a merged copy.
        """
        parts = [layer.matrix(self.n_users, self.n_items) for layer in self.layers]
        if not parts:
            return sparse.csr_array((self.n_users, self.n_items), dtype=np.float32)
        total = parts[0]
        for part in parts[1:]:
            total = total + part
        return total

    @cached_property
    def transposed(self) -> sparse.csr_array:
        """The same, (n_items, n_users), row-wise."""
        return self.matrix.T.tocsr()

    def rows(self, users: Int32s) -> sparse.csr_array:
        """Return the affinities of some users, float32, shape (len(users), n_items)."""
        if "matrix" in self.__dict__ or not self.layers:
            return self.matrix[users]
        parts = [layer.rows(users, self.n_items) for layer in self.layers]
        total = parts[0]
        for part in parts[1:]:
            total = total + part
        return total

    def items_of(self, user: int) -> tuple[Int32s, Float32s]:
        """Return the items of one user, ascending, and the weights w(user, ·)."""
        return _merged([layer.row(user, of_item=False) for layer in self.layers])

    def users_of(self, item: int) -> tuple[Int32s, Float32s]:
        """Return the users of one item, ascending, and the weights w(·, item)."""
        return _merged([layer.row(item, of_item=True) for layer in self.layers])

    def to_users(self, items: Int32s, values: npt.ArrayLike) -> Float32s:
        """Return Σ_i w(u, i) · value(i) for every user, shape (n_users,).

        Args:
            items: distinct item codes, ascending, that carry a value.
            values: their values, same length.
        """
        return self._product(items, values, self.n_users, from_items=True)

    def to_items(self, users: Int32s, values: npt.ArrayLike) -> Float32s:
        """Return Σ_u w(u, i) · value(u) for every item, shape (n_items,); as `to_users`."""
        return self._product(users, values, self.n_items, from_items=False)

    def spread(self, values: Float32s, *, from_items: bool) -> Float32s:
        """Return the product for values given for every code of one side.

        Args:
            values: one per item, shape (n_items,), or per user; mostly zeros or not.
            from_items: whether they are per item, and the result per user.
        """
        out_size = self.n_users if from_items else self.n_items
        if np.count_nonzero(values) <= GATHER_SHARE_MAX * len(values):
            rows = np.flatnonzero(values).astype(np.int32)
            return self._product(rows, values[rows], out_size, from_items=from_items)
        out = np.zeros(out_size, np.float32)
        for layer in self.layers:
            layer.add_whole(values, out, from_items=from_items)
        return out

    def _product(
        self, rows: Int32s, values: npt.ArrayLike, n_out: int, *, from_items: bool
    ) -> Float32s:
        out = np.zeros(n_out, np.float32)
        column = np.asarray(values, np.float32)
        for layer in self.layers:
            layer.add_product(rows, column, out, from_items=from_items)
        return out


def _merged(parts: list[tuple[Int32s, Float32s]]) -> tuple[Int32s, Float32s]:
    """Add up the layers' rows of one user or item; codes come out ascending."""
    parts = [part for part in parts if len(part[0])]
    if len(parts) == 1:
        return parts[0]
    if not parts:
        return np.empty(0, np.int32), np.empty(0, np.float32)
    codes, inverse = np.unique(np.concatenate([c for c, _ in parts]), return_inverse=True)
    weights = np.concatenate([w for _, w in parts])
    return codes, np.bincount(inverse, weights=weights).astype(np.float32)
