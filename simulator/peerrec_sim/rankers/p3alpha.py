"""Rank by the three-step random walk user → item → user → item (P3α).

Example:
    >>> import numpy as np
    >>> from peerrec_sim.community import Community, Interactions
    >>> ranker = P3Alpha()
    >>> plays = Interactions.of([0, 1, 1], [0, 0, 1])
    >>> ranker.fit(Community("tiny", ("ann", "bob"), ("x", "y"), plays))
    >>> ranker.score(np.array([0], np.int32)).tolist()
    [[0.75, 0.25]]
"""

from __future__ import annotations

from typing import Annotated

import numpy as np
from msgspec import Meta

from peerrec_sim.community import Community
from peerrec_sim.matrices import binary, degrees, inverse_power, scale_columns, scale_rows
from peerrec_sim.rankers.base import Float32s, Int32s, Parameters, Ranker

__all__ = ["P3Alpha", "P3AlphaParameters", "ThreeStepWalk"]


FOLDED_BYTES_MAX = 64 * 2**20
"""Most bytes of a dense item × item matrix that saves time: 4,096 items."""


class P3AlphaParameters(Parameters, frozen=True):
    """Settings of P3α.

    Attributes:
        transition_exponent: power of every transition probability; 1 is the plain walk.
    """

    transition_exponent: Annotated[float, Meta(ge=0, le=4)] = 1.0


class ThreeStepWalk:
    """Sum over all paths user → item → user → item, on binary interactions.

    Cooper et al. 2014: s(u, j) = Σ_i Σ_v (1/d_u · 1/d_i · 1/d_v)^α over the items i
    of u and the users v of i that have j. Cost of one user: Σ over its items'
    users of their degree. For a small catalogue the last two steps are multiplied out
    once (Σ over users of degree²); a user then costs its degree · n_items.
    """

    def __init__(self, community: Community, transition_exponent: float) -> None:
        plain = binary(community.interactions, (community.n_users, community.n_items))
        of_user, of_item = degrees(plain)
        per_user = inverse_power(of_user, transition_exponent)
        per_item = inverse_power(of_item, transition_exponent)
        self.to_item = scale_rows(plain, per_user)
        self.to_user = scale_columns(plain, per_item).T.tocsr()
        self.owners = of_item
        self.folded: Float32s | None = None
        if 4 * community.n_items**2 <= FOLDED_BYTES_MAX:
            self.folded = (self.to_user @ self.to_item).toarray()

    def score(self, users: Int32s) -> Float32s:
        """Return the weight of all paths that end at each item, shape (b, n_items)."""
        if self.folded is not None:
            return np.asarray(self.to_item[users] @ self.folded, dtype=np.float32)
        hubs = self.to_item[users] @ self.to_user
        return np.asarray((hubs @ self.to_item).toarray(), dtype=np.float32)


class P3Alpha(Ranker[P3AlphaParameters]):
    """Score an item by the probability that a three-step walk ends there."""

    name = "p3alpha"
    parameters_type = P3AlphaParameters

    def fit(self, community: Community, seed: int = 0) -> None:
        """Normalise the transitions in both directions."""
        self._walk = ThreeStepWalk(community, self.parameters.transition_exponent)

    def score(self, users: Int32s) -> Float32s:
        """Return the walk's weights; see ``Ranker.score``."""
        return self._walk.score(users)

    def grid(self) -> dict[str, list[float]]:
        """Return the values worth trying; see ``Ranker.grid``."""
        return {"transition_exponent": [0.4, 0.6, 0.8, 1.0, 1.2, 1.4, 1.6, 1.8]}
