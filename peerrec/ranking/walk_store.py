"""Keep the walks of one ego, find those through a node, and count whom they hit.

Walks lie in one int32 matrix; an index node → walks through it makes an edit near
nobody's walk cost nothing. Hit counts follow every rewrite.

Example:
    >>> store = WalkStore(np.array([[0, 0], [1, 2], [2, -1]], np.int32), n_nodes=3)
    >>> store.through(2).tolist(), store.hits.tolist()
    ([0, 1], [0, 1, 2])
    >>> store.rewrite(0, 1, [])          # walk 0 now ends at the ego
    >>> store.through(2).tolist(), store.hits.tolist()
    ([1], [0, 0, 1])
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["WalkStore"]

Int32s = npt.NDArray[np.int32]
Int64s = npt.NDArray[np.int64]


class WalkStore:
    """Hold walks that all start at one ego.

    Attributes:
        path: int32, shape (walks, width), row j is walk j, −1 after its end.
        length: int64, nodes of each walk, the ego included, shape (walks,).
        hits: int32, walks through each node, 0 for the ego, shape (n,).
    """

    def __init__(self, walks: Int32s, n_nodes: int) -> None:
        """Take walks as ``walk_from`` returns them: shape (steps, walks)."""
        self.path: Int32s = np.ascontiguousarray(walks.T)
        self.length: Int64s = np.count_nonzero(self.path >= 0, axis=1)
        self.ego = int(self.path[0, 0])
        self.hits = np.zeros(n_nodes, np.int32)
        self._index: dict[int, set[int]] = {}
        self._build_index()

    def grow(self, n_nodes: int) -> None:
        """Make room for more node codes, amortised O(1) a node."""
        if n_nodes > len(self.hits):
            more = max(n_nodes - len(self.hits), len(self.hits) // 8)
            self.hits = np.append(self.hits, np.zeros(more, np.int32))

    def is_visited(self, node: int) -> bool:
        """Whether any walk passes a node; O(1)."""
        return node in self._index or node == self.ego

    def n_through(self, node: int) -> int:
        """Return how many walks pass a node."""
        return len(self.path) if node == self.ego else len(self._index.get(node, ()))

    def through(self, node: int) -> Int64s:
        """Return the walks that pass a node, ascending."""
        if node == self.ego:
            return np.arange(len(self.path))
        walks = sorted(self._index.get(node, ()))
        return np.array(walks, np.int64)

    def nodes_of(self, walk: int) -> list[int]:
        """Return the nodes of one walk, from the ego on."""
        nodes: list[int] = self.path[walk, : self.length[walk]].tolist()
        return nodes

    def rewrite(self, walk: int, kept: int, new: list[int]) -> None:
        """Replace what a walk does after its first ``kept`` nodes."""
        nodes = self.nodes_of(walk)
        head, tail = nodes[:kept], nodes[kept:]
        end = kept + len(new)
        if end > self.path.shape[1]:
            wider = np.full((len(self.path), end - self.path.shape[1]), -1, np.int32)
            self.path = np.hstack([self.path, wider])
        row = self.path[walk]
        row[kept:end] = new
        row[end : len(nodes)] = -1
        self.length[walk] = end
        head.append(self.ego)
        for node in set(tail).difference(new, head):
            self._leave(node, walk)
        for node in set(new).difference(tail, head):
            self._enter(node, walk)

    def _enter(self, node: int, walk: int) -> None:
        self._index.setdefault(node, set()).add(walk)
        self.hits[node] += 1

    def _leave(self, node: int, walk: int) -> None:
        walks = self._index[node]
        walks.remove(walk)
        self.hits[node] -= 1
        if not walks:
            del self._index[node]

    def _build_index(self) -> None:
        walk, step = np.nonzero((self.path >= 0) & (self.path != self.ego))
        key = self.path[walk, step].astype(np.int64) * len(self.path) + walk
        key.sort()
        key = key[np.append([True], key[1:] != key[:-1])[: len(key)]]
        node, walk = np.divmod(key, len(self.path))
        counts = np.bincount(node, minlength=len(self.hits))
        self.hits[:] = counts
        visited = np.flatnonzero(counts)
        ends = np.cumsum(counts[visited])
        walks, first = walk.tolist(), 0
        for code, end in zip(visited.tolist(), ends.tolist(), strict=True):
            self._index[code] = set(walks[first:end])
            first = end
