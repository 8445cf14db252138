"""Rank as Web3Recommend does: the published baseline, flaws and all.

Example:
    >>> import numpy as np
    >>> from peerrec_sim.community import Community, Interactions
    >>> ranker = Web3Recommend().with_settings({"walks": 1000, "connectivity_decay": 0})
    >>> plays = Interactions.of([0, 1, 1], [0, 0, 1])
    >>> ranker.fit(Community("tiny", ("ann", "bob"), ("x", "y"), plays))
    >>> scores = ranker.score(np.array([0], np.int32))[0]
    >>> bool(scores[0] > scores[1] > 0)
    True
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import numpy as np
import numpy.typing as npt
from msgspec import Meta

from peerrec_sim.community import Community
from peerrec_sim.rankers.base import Float32s, Float64s, Int32s, Parameters, Ranker
from peerrec_sim.rankers.web3walks import TrustedWalk, TrustFreeWalk, Visits, Walk, WalkLimits

__all__ = ["Web3Recommend", "Web3RecommendParameters"]

Counts = npt.NDArray[np.int64]


class Web3RecommendParameters(Parameters, frozen=True):
    """Settings of the published system.

    Attributes:
        walks: walks of each user (R).
        length_max: most nodes of a walk (MAX).
        transitivity_decay: probability to stop at each half-step (the paper's α).
        connectivity_decay: share of its score a flagged item loses (the paper's β).
        flag_threshold: an item is flagged when one node precedes it in a larger share
            of the walks that reach it.
    """

    walks: Annotated[int, Meta(ge=1)] = 10_000
    length_max: Annotated[int, Meta(ge=1)] = 10_000
    transitivity_decay: Annotated[float, Meta(gt=0, le=1)] = 0.1
    connectivity_decay: Annotated[float, Meta(ge=0, le=1)] = 0.8
    flag_threshold: Annotated[float, Meta(ge=0, le=1)] = 0.99


@dataclass(frozen=True, slots=True)
class _View:
    """What the walks of one user saw.

    Attributes:
        users: visits of each user, shape (n_users,).
        items: visits of each item, shape (n_items,).
        flag: ratio of a flagged item, else 0, shape (n_items,).
    """

    users: Counts
    items: Counts
    flag: Float64s


class Web3Recommend(Ranker[Web3RecommendParameters]):
    """Score an item by its visits, flagged items less connectivity_decay.

    Trusted where the community has trust, else the trust-free walk of GraphJet style.
    score(s) = visits(s)/Z · (1 − β · flag(s)); flag(s) is the largest share, over nodes
    v ≠ root, of the walks reaching s that reach it after v, where above the threshold.
    Z is the number of item visits; it does not change an order. Cost of one user:
    walks · mean length steps, and walks · mean squared length pairs for the flags.
    """

    name = "web3recommend"
    uses_trust = True
    parameters_type = Web3RecommendParameters

    def fit(self, community: Community, seed: int = 0) -> None:
        """Prepare the weighted draws; see ``Ranker.fit``."""
        trust = community.trust
        self._walk: Walk = (
            TrustFreeWalk(community) if trust is None else TrustedWalk(community, trust)
        )
        self._shape = (community.n_users, community.n_items)
        self._seed = seed
        self._seen: tuple[bytes, list[_View]] = (b"", [])

    def score(self, users: Int32s) -> Float32s:
        """Return shares of visits; see ``Ranker.score``."""
        decay = self.parameters.connectivity_decay
        rows = [
            view.items / max(1, int(view.items.sum())) * (1.0 - decay * view.flag)
            for view in self._views(users)
        ]
        return np.array(rows, np.float32).reshape(len(users), self._shape[1])

    def region_merit(self, users: Int32s, region: Int32s) -> Float64s:
        """Return the share of visits to other users that fall into the region."""
        shares = []
        for user, view in zip(users, self._views(users), strict=True):
            others = int(view.users.sum() - view.users[user])
            shares.append(int(view.users[region].sum()) / max(1, others))
        return np.array(shares, np.float64)

    def false_flags(self, users: Int32s, sybils: Int32s, targets: Int32s) -> Float64s:
        """Return the share of visited honest items that is flagged."""
        shares = []
        for view in self._views(users):
            honest = view.items > 0
            honest[targets] = False
            shares.append(np.count_nonzero(view.flag[honest]) / max(1, int(honest.sum())))
        return np.array(shares, np.float64)

    def _views(self, users: Int32s) -> list[_View]:
        """Return what each user's walks saw; the last block is remembered."""
        key = users.tobytes()
        if self._seen[0] != key:
            self._seen = (key, [self._view(int(user)) for user in users])
        return self._seen[1]

    def _view(self, root: int) -> _View:
        """Walk from one user and count."""
        rng = np.random.default_rng([self._seed, root])
        limits = WalkLimits(
            self.parameters.walks,
            self.parameters.length_max,
            self.parameters.transitivity_decay,
        )
        visits = self._walk.walk(root, limits, rng)
        n_users, n_items = self._shape
        count = np.bincount(visits.node, minlength=n_users + n_items)
        ratio = largest_predecessor_share(visits, root, n_users, n_users + n_items)
        flag = np.where(ratio > self.parameters.flag_threshold, ratio, 0.0)
        return _View(count[:n_users], count[n_users:], flag)


def largest_predecessor_share(visits: Visits, root: int, n_users: int, n_nodes: int) -> Float64s:
    """Return, per item s, max over v ≠ root of walks(v before s) / walks(s), shape (n_items,).

    A walk counts once for an item, at its first visit. Cost: Σ over walks of its
    squared length.
    """
    walk, node = _first_visits(visits, n_nodes)
    start = np.searchsorted(walk, walk)
    reached = np.bincount(node, minlength=n_nodes)
    target = np.flatnonzero(node >= n_users)
    before = target - start[target]  # how many nodes come before this item in its walk
    s = np.repeat(node[target], before)
    offset = np.arange(before.sum()) - np.repeat(np.cumsum(before) - before, before)
    v = node[np.repeat(start[target], before) + offset]
    s, v = s[v != root], v[v != root]
    pair, count = np.unique(s.astype(np.int64) * n_nodes + v, return_counts=True)
    share = np.zeros(n_nodes, np.float64)
    items = pair // n_nodes
    np.maximum.at(share, items, count / reached[items])
    return share[n_users:]


def _first_visits(
    visits: Visits, n_nodes: int
) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """Return (walk, node) of the first visits only, in the order of the walks."""
    key = visits.walk.astype(np.int64) * n_nodes + visits.node
    first = np.sort(np.unique(key, return_index=True)[1])
    return visits.walk[first], visits.node[first]
