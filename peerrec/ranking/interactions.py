"""Keep the bipartite user × item graph: bounded, editable, and readable while edited.

Interactions live in time partitions: one immutable `Segment` each, both
directions, and a small mutable head for what arrived last. Whatever the order of
edits, the graph equals the one rebuilt from the interactions that survive them:
late arrivals are merged into the partition their time belongs to.

Affinity of user u to item i, before the receiver normalises it per user:

    w(u, i) = Σ_partitions decay · log1p(Σ plays in the partition)

Repeated plays saturate within a partition (30 days by default); coming back to an
item in another month counts anew. Deviation from GraphJet, which keeps every edge
with equal weight: merged edges cost less and cannot be bought by repetition.

Example:
    >>> import numpy as np
    >>> graph = InteractionGraph()
    >>> graph.extend([0, 0, 1], [0, 1, 1], [1.0, 3.0, 1.0], [0.0, 60.0, 60.0])
    >>> graph.add(1, 0, 2.0, time=120.0)
    >>> graph.snapshot().matrix.toarray().shape
    (2, 2)
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from peerrec.errors import ConfigError, DataError
from peerrec.limits import (
    HALF_LIFE_S,
    HEAD_EDGES_MAX,
    MINUTE_S,
    SEGMENT_SPAN_MAX_S,
    SEGMENT_SPAN_S,
    TIME_MAX_S,
    WEIGHT_MAX,
    WINDOW_S,
)
from peerrec.ranking.segment import Edges, Saturation, Segment, unique_pairs
from peerrec.ranking.snapshot import InteractionSnapshot, OverlayLayer, SegmentLayer

__all__ = ["InteractionGraph"]

Int32s: TypeAlias = npt.NDArray[np.int32]
Float64s: TypeAlias = npt.NDArray[np.float64]
Bools: TypeAlias = npt.NDArray[np.bool_]

# Both directions, without the row starts: what one more edge costs.
EDGE_BYTES = 18


class InteractionGraph:
    """The editable graph: sealed segments by time, and a head for the newest edits.

    Codes must be dense and given by the caller (see `peerrec.ranking.graph`); the
    largest code seen sets the size.

    Args:
        span_s: width of a time partition, at most 45 days.
        half_life_s: age at which an interaction counts half (epoch_decay); ``inf`` for never.
        window_s: age at which `evict` drops interactions.

    Raises:
        ConfigError: one of the three is not positive, or the span too wide.
    """

    def __init__(
        self,
        *,
        span_s: float = SEGMENT_SPAN_S,
        half_life_s: float = HALF_LIFE_S,
        window_s: float = WINDOW_S,
    ) -> None:
        if not MINUTE_S <= span_s <= SEGMENT_SPAN_MAX_S:
            raise ConfigError("span_s", span_s, f"give {MINUTE_S} to {SEGMENT_SPAN_MAX_S} seconds")
        for key, value in (("half_life_s", half_life_s), ("window_s", window_s)):
            if not value > 0:
                raise ConfigError(key, value, "give a positive number of seconds, or inf")
        self.n_users = 0
        self.n_items = 0
        self._window_minutes = window_s / MINUTE_S
        self._span_minutes = int(span_s // MINUTE_S)
        self._saturation = Saturation(self._span_minutes, half_life_s / MINUTE_S)
        self._sealed: dict[int, Segment] = {}
        self._head: list[tuple[int, int, float, int]] = []
        self._snapshot: InteractionSnapshot | None = None
        self._below: InteractionSnapshot | None = None

    @property
    def nbytes(self) -> int:
        """Bytes held by the sealed segments and the head."""
        return sum(s.nbytes for s in self._sealed.values()) + EDGE_BYTES * len(self._head)

    @property
    def n_edges(self) -> int:
        """Number of stored edges; a pair counts once a partition, and in the head."""
        return sum(map(len, self._sealed.values())) + len(self._head)

    def reserve(self, n_users: int, n_items: int) -> None:
        """Make room for codes below these, also those without interactions."""
        if n_users > self.n_users or n_items > self.n_items:
            self.n_users = max(self.n_users, n_users)
            self.n_items = max(self.n_items, n_items)
            self._snapshot = None

    @staticmethod
    def check(weights: npt.ArrayLike, times: npt.ArrayLike) -> None:
        """Raise DataError that names the first weight or time which is not allowed."""
        weight, time = np.atleast_1d(np.asarray(weights)), np.atleast_1d(np.asarray(times))
        _refuse(weight, (weight > 0) & (weight <= WEIGHT_MAX), "weight", f"0 to {WEIGHT_MAX:g}")
        _refuse(time, np.abs(time) < TIME_MAX_S, "time", "unix seconds")

    def add(self, user: int, item: int, weight: float, time: float) -> None:
        """Record one interaction; it counts in the next snapshot.

        Raises:
            DataError: the weight is not positive and finite, or the time not finite.
        """
        self.check(weight, time)
        self.reserve(user + 1, item + 1)
        self._head.append((user, item, weight, int(time // MINUTE_S)))
        self._snapshot = None
        if len(self._head) >= HEAD_EDGES_MAX:
            self.seal()

    def extend(
        self,
        users: npt.ArrayLike,
        items: npt.ArrayLike,
        weights: npt.ArrayLike,
        times: npt.ArrayLike,
    ) -> None:
        """Record a batch of interactions, straight into their segments.

        Args:
            users: int codes, shape (m,).
            items: int codes, shape (m,).
            weights: raw weights, positive and finite, shape (m,) or one for all.
            times: unix seconds, shape (m,) or one for all.

        Raises:
            DataError: a weight is not positive and finite, or a time not finite; names
                the first such row. Nothing is recorded then.
        """
        user = np.asarray(users, np.int32)
        item = np.asarray(items, np.int32)
        weight = np.broadcast_to(np.asarray(weights, np.float64), user.shape)
        time = np.broadcast_to(np.asarray(times, np.float64), user.shape)
        if not len(user):
            return
        self.check(weight, time)
        self.reserve(int(user.max()) + 1, int(item.max()) + 1)
        minutes = np.floor_divide(time, MINUTE_S).astype(np.int64)
        for index, edges in self._partitioned(user, item, weight, minutes):
            self._sealed[index] = self._with(index, edges)
        self._snapshot = None

    def seal(self) -> None:
        """Fold the head into the segments; changes nothing that a snapshot shows."""
        for index, edges in self._head_partitions():
            self._sealed[index] = self._with(index, edges)
        self._head = []
        self._snapshot = None

    def remove(self, *, user: int | None = None, item: int | None = None) -> int:
        """Forget all interactions of a user, with an item, or of both together.

        Returns:
            The number of stored edges that went.
        """
        self.seal()
        removed = 0
        for segment in list(self._sealed.values()):
            edges = segment.edges()
            match = np.ones(len(edges), np.bool_)
            if user is not None:
                match &= edges.user == user
            if item is not None:
                match &= edges.item == item
            if match.any():
                removed += int(match.sum())
                self._replace(segment.index, edges.take(~match))
        return removed

    def evict(self, now: float) -> int:
        """Drop the partitions that ended before the window; returns edges dropped."""
        oldest = (now / MINUTE_S - self._window_minutes) / self._span_minutes
        self.seal()
        gone = [index for index in self._sealed if index + 1 <= oldest]
        dropped = sum(len(self._sealed.pop(index)) for index in gone)
        self._snapshot = None
        return dropped

    def shrink(self, max_bytes: int) -> int:
        """Drop the oldest interactions until `nbytes` fits; returns edges dropped.

        Whole partitions go first; of the last one that has to give, the edges that
        were not renewed for longest (then those of the higher codes).
        """
        self.seal()
        dropped = 0
        for index in sorted(self._sealed):
            excess = self.nbytes - max_bytes
            if excess <= 0:
                break
            segment = self._sealed[index]
            n_gone = min(len(segment), -(-excess // EDGE_BYTES))
            dropped += n_gone
            edges = segment.edges()
            newest_first = np.argsort(-edges.minute.astype(np.int32), kind="stable")
            self._replace(index, edges.take(np.sort(newest_first[: len(edges) - n_gone])))
        return dropped

    def snapshot(self) -> InteractionSnapshot:
        """Return an immutable view of everything recorded so far.

        Costs O(head), not O(graph); the same object while nothing changed.
        """
        if self._snapshot is None:
            head = self._head_partitions()
            newest = max([*self._sealed, *(index for index, _ in head)], default=0)
            scale = self._saturation.partition_scale
            layers = tuple(
                SegmentLayer(self._sealed[index], scale(newest - index))
                for index in sorted(self._sealed)
            )
            overlays = tuple(
                self._overlay(index, edges, scale(newest - index)) for index, edges in head
            )
            if self._below is None or self._below.layers != layers:
                self._below = InteractionSnapshot(layers, self.n_users, self.n_items)
            self._snapshot = InteractionSnapshot(
                layers + overlays, self.n_users, self.n_items, self._below
            )
        return self._snapshot

    def segments(self) -> tuple[Segment, ...]:
        """Return everything as sealed segments, oldest first; folds the head in."""
        if self._head:
            self.seal()
        return tuple(self._sealed[index] for index in sorted(self._sealed))

    def adopt(self, segments: Iterable[Segment]) -> None:
        """Hold these segments, as `segments` of a graph with equal settings gave them.

        Raises:
            DataError: this graph holds interactions already.
        """
        if self._sealed or self._head:
            raise DataError("only an empty graph can take over segments; make a new one")
        for segment in segments:
            self._sealed[segment.index] = segment
            self.reserve(*segment.by_user.shape)

    def _with(self, index: int, added: Edges) -> Segment:
        """Return the segment of a partition with raw edges merged into it."""
        old = self._sealed.get(index)
        if old is not None:
            edges = old.edges()
            raw = self._saturation.raw(edges.weight, edges.minute)
            added = Edges(edges.user, edges.item, raw, edges.minute).followed_by(added)
        merged = unique_pairs(added, self.n_users, self.n_items)
        stored = self._saturation.stored(merged.weight, merged.minute)
        merged = Edges(merged.user, merged.item, stored, merged.minute)
        return Segment(index, merged, self.n_users, self.n_items)

    def _overlay(self, index: int, added: Edges, scale: float) -> OverlayLayer:
        """Return what raw head edges add to their partition's stored weights."""
        edges = unique_pairs(added, self.n_users, self.n_items)
        raw, minute, before = edges.weight, edges.minute, np.zeros(len(edges), np.float32)
        found = np.zeros(len(edges), np.bool_)
        old = self._sealed.get(index)
        if old is not None and len(old):
            at = old.positions(edges.user, edges.item)
            found = at >= 0
            at = at[found]
            raw, minute = raw.copy(), minute.copy()
            before[found] = old.by_user.data[at]
            raw[found] += self._saturation.raw(before[found], old.minute[at])
            minute[found] = np.maximum(minute[found], old.minute[at])
        gain = self._saturation.stored(raw, minute) - before
        return OverlayLayer(Edges(edges.user, edges.item, gain, minute), ~found, scale)

    def _replace(self, index: int, edges: Edges) -> None:
        """Put edges with stored weights in a partition's place; an empty one goes."""
        if len(edges):
            self._sealed[index] = Segment(index, edges, self.n_users, self.n_items)
        else:
            del self._sealed[index]
        self._snapshot = None

    def _head_partitions(self) -> list[tuple[int, Edges]]:
        """Return the head's raw edges by partition, oldest first."""
        if not self._head:
            return []
        users, items, weights, minutes = zip(*self._head, strict=True)
        return self._partitioned(
            np.array(users, np.int32),
            np.array(items, np.int32),
            np.array(weights, np.float64),
            np.array(minutes, np.int64),
        )

    def _partitioned(
        self, user: Int32s, item: Int32s, weight: Float64s, minutes: npt.NDArray[np.int64]
    ) -> list[tuple[int, Edges]]:
        """Return raw edges by the partition that their time belongs to, oldest first."""
        index, offset = np.divmod(minutes, self._span_minutes)
        edges = Edges(user, item, weight, offset.astype(np.uint16))
        first, last = int(index.min()), int(index.max())
        if first == last:
            return [(first, edges)]
        rows = ((k, np.flatnonzero(index == k)) for k in np.unique(index).tolist())
        return [(k, edges.take(chosen)) for k, chosen in rows]


def _refuse(column: npt.NDArray[np.floating], good: Bools, what: str, allowed: str) -> None:
    if not good.all():
        row = int(np.argmin(good))
        where = f"row {row}: " if len(column) > 1 else ""
        raise DataError(f"{where}{what} {column[row].item()!r} is not allowed; give {allowed}")
