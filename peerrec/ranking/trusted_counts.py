"""Count the heard people who have each item: the evidence that a table must be borne out by.

Everyone counts once an item, by their gate, however much they play it and however many
partitions of the graph know of it: Σ_u g(u) · [u has i]. So what all identities of one
attacker add is bounded by their merit.

Cost: one pass over the records of the heard people, kept while these and the gate stay.
Newer records are added by looking at their people alone; the ego's own cost nothing.

Example:
    >>> from peerrec.ranking.interactions import InteractionGraph
    >>> graph = InteractionGraph()
    >>> graph.extend([0, 1, 1, 2], [0, 0, 1, 1], [1.0, 9.0, 1.0, 1.0], 0.0)
    >>> counts = TrustedCounts().of(graph.snapshot(), 0, np.array([1, 1, 0.5], np.float32))
    >>> counts.items.tolist(), counts.people
    ([1.0, 1.5], 1.5)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from peerrec.ranking.snapshot import InteractionSnapshot, OverlayLayer

__all__ = ["Counts", "TrustedCounts"]

Int32s: TypeAlias = npt.NDArray[np.int32]
Float32s: TypeAlias = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Counts:
    """What heard people have, everyone weighted by their gate.

    Attributes:
        items: people who have each item, shape (n_items,).
        people: who have anything.
    """

    items: Float32s
    people: float


class TrustedCounts:
    """Counts for one ego after another, or for one whose graph grows."""

    def __init__(self) -> None:
        self._kept: tuple[InteractionSnapshot, int, Float32s | None, Float32s] | None = None

    def of(self, view: InteractionSnapshot, ego: int, gate: Float32s | None) -> Counts:
        """Return the counts of now; the ego is no evidence for itself.

        Args:
            view: the graph.
            ego: user code.
            gate: g(u) in [0, 1], shape (n_users,); None counts everyone alike. The same
                array must not change between calls.
        """
        weight = np.ones(view.n_users, np.float32) if gate is None else gate.copy()
        weight[ego] = 0
        people = float(weight.sum(where=view.degree > 0))
        below = view.below
        if below is None:
            return Counts(counted(view, weight, view.n_items), people)
        items = np.zeros(view.n_items, np.float32)
        items[: below.n_items] = self._below(below, ego, gate, weight)
        newer = changed(view, below, weight)
        if len(newer):
            only = np.zeros_like(weight)
            only[newer] = weight[newer]
            items += counted(view, only, view.n_items) - counted(below, only, view.n_items)
        return Counts(np.maximum(items, 0), people)

    def _below(
        self, below: InteractionSnapshot, ego: int, gate: Float32s | None, weight: Float32s
    ) -> Float32s:
        kept = self._kept
        if kept is None or kept[0] is not below or kept[1] != ego or kept[2] is not gate:
            kept = (below, ego, gate, counted(below, weight, below.n_items))
            self._kept = kept
        return kept[3]


def changed(view: InteractionSnapshot, below: InteractionSnapshot, weight: Float32s) -> Int32s:
    """Return the codes of heard users whom a newer layer has something of, ascending."""
    newer = [
        layer.edges.user
        for layer in view.layers[len(below.layers) :]
        if isinstance(layer, OverlayLayer)
    ]
    users = np.unique(np.concatenate(newer)) if newer else np.empty(0, np.int32)
    return np.asarray(users[weight[users] > 0], np.int32)


def counted(view: InteractionSnapshot, weight: Float32s, n_items: int) -> Float32s:
    """Return Σ_u weight(u) · [u has i] over the users with any weight, shape (n_items,)."""
    users = np.flatnonzero(weight[: view.n_users]).astype(np.int32)
    if not len(users):
        return np.zeros(n_items, np.float32)
    # Layers are added up first, so that a pair of several partitions is one entry.
    rows = view.rows(users)
    amounts = np.repeat(weight[users], np.diff(rows.indptr))
    return np.bincount(rows.indices, weights=amounts, minlength=n_items).astype(np.float32)
