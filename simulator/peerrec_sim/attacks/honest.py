"""See the honest community as an attacker does: everything is public to them.

Example:
    >>> plays = Interactions.of([0, 0, 1], [0, 1, 1], [2, 9, 1])
    >>> honest = Honest.of(Community("tiny", ("ann", "bob"), ("x", "y"), plays))
    >>> honest.listeners.tolist(), honest.weight_max
    ([1, 2], 9.0)
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from peerrec_sim.community import Community, Interactions

__all__ = ["Community", "Honest", "Interactions"]

Int32s = npt.NDArray[np.int32]
Int64s = npt.NDArray[np.int64]
Float32s = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Honest:
    """Honest interactions, sorted by user.

    Attributes:
        community: the honest community.
        start: first row of each user, shape (users + 1,).
        item: int32, shape (m,).
        weight: float32, shape (m,).
        listeners: number of users of each item, shape (items,).
        weight_max: the largest weight that anybody gives; 1 without interactions.
    """

    community: Community
    start: Int64s
    item: Int32s
    weight: Float32s
    listeners: Int64s
    weight_max: float

    @classmethod
    def of(cls, community: Community) -> Honest:
        """Index a community."""
        part = community.interactions
        order = np.argsort(part.user, kind="stable")
        start = np.zeros(community.n_users + 1, np.int64)
        np.cumsum(np.bincount(part.user, minlength=community.n_users), out=start[1:])
        return cls(
            community,
            start,
            part.item[order],
            part.weight[order],
            np.bincount(part.item, minlength=community.n_items),
            float(part.weight.max(initial=0)) or 1.0,
        )

    @property
    def sizes(self) -> Int64s:
        """Number of interactions of each user."""
        return np.diff(self.start)

    @property
    def usual_size(self) -> int:
        """Median number of interactions of users who have any; 0 without."""
        sizes = self.sizes[self.sizes > 0]
        return int(np.median(sizes)) if len(sizes) else 0

    @property
    def by_popularity(self) -> Int32s:
        """Codes of items that somebody has, the most popular first; ties by code."""
        known = np.flatnonzero(self.listeners)
        return known[np.argsort(-self.listeners[known], kind="stable")].astype(np.int32)

    def draw_users(self, n: int, rng: np.random.Generator) -> Int32s:
        """Draw n users who have interactions, with repetition; none where none has."""
        active = np.flatnonzero(self.sizes).astype(np.int32)
        return rng.choice(active, n) if len(active) else active

    def rows_of(self, users: Int32s) -> tuple[Int64s, Int64s]:
        """Return (position in users, row) of all rows of these users, in order."""
        sizes = self.sizes[users]
        position = np.repeat(np.arange(len(users)), sizes)
        within = np.arange(len(position)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
        return position, self.start[users][position] + within
