"""Say why an item was recommended: the strongest paths of people and items.

A score is a sum over paths ego → own item → hub → recommended item. The reasons are
its largest terms, with the most probable way in which trust leads to the hub.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from peerrec.ranking.graph import GraphSnapshot
from peerrec.ranking.interning import RawId
from peerrec.ranking.salsa import Walk
from peerrec.ranking.segment import concatenated_rows
from peerrec.ranking.trust_snapshot import TrustSnapshot

__all__ = ["Reason", "TrustPaths", "reasons_for"]

Int32s: TypeAlias = npt.NDArray[np.int32]

HOPS_MAX = 6
"""Trust paths longer than this carry next to no merit (0.7^6 is 12 % at the default decay)."""


@dataclass(frozen=True, slots=True)
class Reason:
    """One path that led to an item.

    Attributes:
        own_item: the ego's item where the path starts; None where it starts from trust.
        hub: the user it passes; None where a table that the network averaged moved the item
            up, for being like the own item.
        through: the users by whom trust leads to the hub, in order; empty for a direct
            friend, None where no trust leads there (or none was used).
        share: part of the item's positive score that this hub contributes, or that the table
            added, 0 … 1.
        tags: how the hub describes the item, where that alone leads to it.
    """

    own_item: RawId | None
    hub: RawId | None
    through: tuple[RawId, ...] | None
    share: float
    tags: tuple[str, ...] = ()

    def sentence(
        self,
        item: RawId,
        title: Callable[[RawId], str] = str,
        name: Callable[[RawId], str] = str,
    ) -> str:
        """Return the reason in words.

        Args:
            item: the recommended item.
            title: turns raw ids of items into what a person reads.
            name: the same for users.
        """
        if self.hub is None:
            own = "what you have" if self.own_item is None else title(self.own_item)
            return f"across the network, people who have {own} tend to have {title(item)}"
        who = name(self.hub)
        if self.through == ():
            who += ", whom you trust,"
        elif self.through:
            who += f", trusted through {' and '.join(map(name, self.through))},"
        if self.tags:
            return f"{who} describes {title(item)} as {', '.join(self.tags)}"
        if self.own_item is None:
            return f"{who} has {title(item)}"
        return f"you have {title(self.own_item)}; so has {who} who also has {title(item)}"


class TrustPaths:
    """Most probable trust paths from one ego, found once for any number of hubs.

    A path's probability is the product of its hops' shares of trust: Viterbi's
    recursion over at most six hops, all frontier edges of a hop at once.
    """

    def __init__(self, trust: TrustSnapshot, ego: int) -> None:
        self._ego = ego
        self._before = np.full(trust.n_nodes, -1, np.int32)
        best = np.zeros(trust.n_nodes)
        best[ego] = 1.0
        blocked = trust.blocked(ego)
        frontier = np.array([ego], np.int32)
        for _ in range(HOPS_MAX):
            begin, end = trust.indptr[frontier], trust.indptr[frontier + 1]
            edges = concatenated_rows(begin, end)
            source = np.repeat(frontier, end - begin)
            target = trust.targets[edges]
            chance = best[source] * trust.weights[edges] / trust.out_weight[source]
            better = np.flatnonzero(chance > best[target])
            better = better[~np.isin(target[better], blocked)]
            # Assigned in ascending order, the best way into a node is written last.
            better = better[np.argsort(chance[better], kind="stable")]
            best[target[better]] = chance[better]
            self._before[target[better]] = source[better]
            frontier = np.unique(target[better])
            if not len(frontier):
                break

    def to(self, hub: int) -> list[int] | None:
        """Return the users between ego and hub, in order, or None where no path leads."""
        if hub >= len(self._before) or self._before[hub] < 0:
            return None
        path: list[int] = []
        node = int(self._before[hub])
        while node != self._ego:
            path.append(node)
            node = int(self._before[node])
        return path[::-1]


def reasons_for(
    view: GraphSnapshot, walk: Walk, item: int, n: int, paths: TrustPaths | None = None
) -> tuple[Reason, ...]:
    """Return the n strongest reasons for one item of a single ego's walk.

    Args:
        view: the graph that was walked.
        walk: of one ego (a block of one).
        item: code of the recommended item.
        n: at most so many; fewer where fewer hubs lead there.
        paths: trust paths of the ego; None where the walk used no trust.
    """
    users, weights = view.interactions.users_of(item)
    gains = weights * walk.hubs[users, 0]
    total = gains[gains > 0].sum()
    strongest = np.argsort(-gains, kind="stable")[:n]
    reasons = []
    for at in strongest[gains[strongest] > 0]:
        hub = int(users[at])
        own = _shared_item(view, walk, hub)
        between = None if paths is None else paths.to(hub)
        reasons.append(
            Reason(
                own_item=None if own is None else view.items[own],
                hub=view.users[hub],
                through=None if between is None else tuple(view.users.raw(between)),
                share=float(gains[at] / total),
            )
        )
    return tuple(reasons)


def _shared_item(view: GraphSnapshot, walk: Walk, hub: int) -> int | None:
    """Return the ego's item through which most of the walk reaches a hub."""
    items, weights = view.interactions.items_of(hub)
    carried = weights * walk.entries[items, 0]
    if not len(items) or carried.max() <= 0:
        return None
    return int(items[carried.argmax()])
