"""Walk as Web3Recommend does: many walkers in lock-step from one user.

Re-implemented from the published description (Madhwal & Pouwelse 2023) as a baseline;
nothing here is what peerrec itself does. A walker is at a user, moves to one of the
user's items, then to a user who has that item, and so on; it stops with probability
``transitivity_decay`` at *every* half-step.

Example:
    >>> import numpy as np
    >>> from peerrec_sim.community import Community, Interactions
    >>> plays = Interactions.of([0, 1, 1], [0, 0, 1])
    >>> community = Community("tiny", ("ann", "bob"), ("x", "y"), plays)
    >>> limits = WalkLimits(walks=3, length_max=2, transitivity_decay=0.0)
    >>> visits = TrustFreeWalk(community).walk(0, limits, np.random.default_rng(0))
    >>> visits.node.tolist()  # item codes follow after the user codes
    [0, 2, 0, 2, 0, 2]
"""

from __future__ import annotations

import itertools
from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import sparse

from peerrec_sim.community import Community, TrustEdges
from peerrec_sim.matrices import Csr, row_shares, weighted

__all__ = ["TrustFreeWalk", "TrustedWalk", "Visits", "Walk", "WalkLimits"]

Floats = npt.NDArray[np.float64]
Positions = npt.NDArray[np.intp]

_EXPANSION_MAX = 4 * 2**20
"""Most (trust edge, item) pairs alive at once while friends' items are matched."""

_RESTART = 0.15
"""Restart probability of the personalised PageRank behind the cold start."""

_ROUNDS = 50
"""Rounds of that PageRank: what is left is below .85 ** 50 = 3e-4."""


@dataclass(frozen=True, slots=True)
class WalkLimits:
    """How many walks there are and when they stop.

    Attributes:
        walks: number of walkers.
        length_max: most nodes a walk visits.
        transitivity_decay: probability to stop at each half-step.
        warm_items: users with fewer items start some walks at a trusted neighbour.
    """

    walks: int
    length_max: int
    transitivity_decay: float
    warm_items: int = 5


@dataclass(frozen=True, slots=True)
class Visits:
    """Every visit of every walk: walks in order, each from its start.

    Attributes:
        walk: number of the walk, shape (m,).
        node: user code, or n_users + item code, shape (m,).
    """

    walk: Positions
    node: Positions


class WeightedRows:
    """Draw an entry of a row with probability in proportion to its weight.

    One cumulative sum over all rows; a draw is one binary search in it.
    """

    def __init__(self, indptr: npt.NDArray[np.integer], weights: npt.NDArray[np.floating]) -> None:
        self.start = indptr[:-1].astype(np.intp)
        self.stop = indptr[1:].astype(np.intp)
        self.cumulative = np.concatenate([[0.0], np.cumsum(weights, dtype=np.float64)])

    def draw(self, rows: Positions, rng: np.random.Generator, without: Positions) -> Positions:
        """Return one entry per row, −1 where there is none to draw.

        Args:
            rows: which row to draw from, shape (w,).
            rng: source of the draws.
            without: entry of that row that must not be drawn, −1 for none, shape (w,).
        """
        start, stop = self.start[rows], self.stop[rows]
        excludes = without >= 0
        low = self.cumulative[start]
        gap_start = np.where(excludes, self.cumulative[without], np.inf)
        gap = np.where(excludes, self.cumulative[without + 1] - self.cumulative[without], 0.0)
        point = low + rng.random(len(rows)) * (self.cumulative[stop] - low - gap)
        point += np.where(point >= gap_start, gap, 0.0)
        entry = np.searchsorted(self.cumulative, point, side="right") - 1
        entry = np.clip(entry, start, stop - 1)
        # Rounding may land on the excluded entry: its neighbour is as far as it can be off.
        hit = excludes & (entry == without)
        entry = np.where(hit, np.where(without + 1 < stop, without + 1, without - 1), entry)
        return np.where(stop - start - excludes > 0, entry, -1)


class Walk(ABC):
    """Lock-step walkers over users' shares of plays; subclasses choose the next user."""

    def __init__(self, community: Community) -> None:
        self.n_users = community.n_users
        shape = (community.n_users, community.n_items)
        self.affinity: Csr = row_shares(weighted(community.interactions, shape))
        self.user = np.repeat(np.arange(self.n_users), np.diff(self.affinity.indptr))
        self.item = self.affinity.indices.astype(np.intp)
        self.n_owners = np.bincount(self.item, minlength=community.n_items)
        self.items_of = WeightedRows(self.affinity.indptr, self.affinity.data)

    def walk(self, root: int, limits: WalkLimits, rng: np.random.Generator) -> Visits:
        """Return all visits of the walks of one user."""
        walker = np.arange(limits.walks)
        user = self.starts(root, limits, rng)
        came_by = np.full(limits.walks, -1)  # the user's own entry for the item before
        trace = [(walker, user)]
        while len(walker) and len(trace) < limits.length_max:
            going = rng.random(len(walker)) >= limits.transitivity_decay
            walker, user, came_by = walker[going], user[going], came_by[going]
            entry = self.items_of.draw(user, rng, came_by)
            walker, entry = walker[entry >= 0], entry[entry >= 0]
            trace.append((walker, self.n_users + self.item[entry]))
            if len(trace) >= limits.length_max:
                break
            going = rng.random(len(walker)) >= limits.transitivity_decay
            going &= self.n_owners[self.item[entry]] > 1
            walker, entry = walker[going], entry[going]
            user, came_by = self.next_user(entry, rng)
            arrived = user >= 0
            walker, user, came_by = walker[arrived], user[arrived], came_by[arrived]
            trace.append((walker, user))
        walks = np.concatenate([step[0] for step in trace])
        order = np.argsort(walks, kind="stable")
        return Visits(walks[order], np.concatenate([step[1] for step in trace])[order])

    def starts(self, root: int, limits: WalkLimits, rng: np.random.Generator) -> Positions:
        """Return where each walk starts, shape (walks,)."""
        return np.full(limits.walks, root)

    @abstractmethod
    def next_user(self, entry: Positions, rng: np.random.Generator) -> tuple[Positions, Positions]:
        """Return who comes after (user, item) and their own entry for the item.

        Args:
            entry: positions of the interactions the walkers have just followed.
            rng: source of the draws.

        Returns:
            User codes, −1 where the walk ends; and positions of their interaction with
            the same item, −1 where they do not have it.
        """


class TrustFreeWalk(Walk):
    """From an item to any of its users by affinity; a bounce back ends the walk."""

    def __init__(self, community: Community) -> None:
        super().__init__(community)
        self.by_item = np.argsort(self.item, kind="stable")
        indptr = np.concatenate([[0], np.cumsum(self.n_owners)])
        self.users_of = WeightedRows(indptr, self.affinity.data[self.by_item])

    def next_user(self, entry: Positions, rng: np.random.Generator) -> tuple[Positions, Positions]:
        """Return a user of the same item; see ``Walk.next_user``."""
        drawn = self.users_of.draw(self.item[entry], rng, np.full(len(entry), -1))
        chosen = self.by_item[drawn]
        return np.where(chosen == entry, -1, self.user[chosen]), chosen


class TrustedWalk(Walk):
    """From an item only to whom the last user trusts, if possible to those who have it."""

    def __init__(self, community: Community, trust: TrustEdges) -> None:
        super().__init__(community)
        kept = (trust.weight > 0) & (trust.source != trust.target)
        self.trust: Csr = sparse.csr_array(
            (trust.weight[kept], (trust.source[kept], trust.target[kept])),
            shape=(self.n_users, self.n_users),
        )
        self.trust.sum_duplicates()
        self.trusted = WeightedRows(self.trust.indptr, self.trust.data)
        entry, self.friend_entry = self._friends_with_item(community.n_items)
        indptr = np.searchsorted(entry, np.arange(len(self.item) + 1))
        self.friends_with_item = WeightedRows(indptr, self.affinity.data[self.friend_entry])

    def starts(self, root: int, limits: WalkLimits, rng: np.random.Generator) -> Positions:
        """Return the root, or for a cold root now and then one whom it trusts."""
        n_items = int(self.items_of.stop[root] - self.items_of.start[root])
        elsewhere = max(0.0, (limits.warm_items - n_items) / limits.warm_items)
        starts = super().starts(root, limits, rng)
        friends = self.trust.indices[self.trust.indptr[root] : self.trust.indptr[root + 1]]
        if elsewhere == 0.0 or not len(friends):
            return starts
        moved = rng.random(limits.walks) < elsewhere
        rank = self._pagerank(root)[friends]
        starts[moved] = rng.choice(friends, int(moved.sum()), p=rank / rank.sum())
        return starts

    def next_user(self, entry: Positions, rng: np.random.Generator) -> tuple[Positions, Positions]:
        """Return a trusted user, with the item if possible; see ``Walk.next_user``."""
        nothing = np.full(len(entry), -1)
        match = self.friends_with_item.draw(entry, rng, nothing)
        theirs = np.where(
            match >= 0, self.friend_entry[match] if len(self.friend_entry) else -1, -1
        )
        hop = self.trusted.draw(self.user[entry], rng, nothing)
        anyone = np.where(hop >= 0, self.trust.indices[hop] if self.trust.nnz else -1, -1)
        return np.where(theirs >= 0, self.user[theirs], anyone), theirs

    def _friends_with_item(self, n_items: int) -> tuple[Positions, Positions]:
        """Return pairs of entries (u, i), (friend of u, i), in order of the first."""
        keys = self.user.astype(np.int64) * n_items + self.item
        source = np.repeat(np.arange(self.n_users), np.diff(self.trust.indptr))
        friend = self.trust.indices.astype(np.intp)
        size = self.items_of.stop[friend] - self.items_of.start[friend]
        starts = np.searchsorted(np.cumsum(size), np.arange(0, size.sum(), _EXPANSION_MAX))
        found: list[tuple[Positions, Positions]] = []
        for begin, end in itertools.pairwise([*starts, len(size)]):
            edges = slice(begin, end)
            offset = np.arange(size[edges].sum()) - np.repeat(
                np.cumsum(size[edges]) - size[edges], size[edges]
            )
            theirs = np.repeat(self.items_of.start[friend[edges]], size[edges]) + offset
            wanted = np.repeat(source[edges], size[edges]).astype(np.int64) * n_items
            wanted += self.item[theirs]
            mine = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
            both = keys[mine] == wanted
            found.append((mine[both], theirs[both]))
        if not found:
            return np.empty(0, np.intp), np.empty(0, np.intp)
        mine, theirs = (np.concatenate(column) for column in zip(*found, strict=True))
        order = np.argsort(mine, kind="stable")
        return mine[order], theirs[order]

    def _pagerank(self, root: int) -> Floats:
        """Return the personalised PageRank over trust, seen from the root."""
        forward = row_shares(self.trust).T.tocsr()
        restart = np.zeros(self.n_users)
        restart[root] = _RESTART
        rank = restart.copy()
        for _ in range(_ROUNDS):
            rank = restart + (1.0 - _RESTART) * (forward @ rank)
        return rank
