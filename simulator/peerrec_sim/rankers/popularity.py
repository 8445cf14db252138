"""Rank by popularity: the same list for everybody, the floor every ranker must beat.

Example:
    >>> import numpy as np
    >>> from peerrec_sim.community import Community, Interactions
    >>> ranker = Popularity()
    >>> plays = Interactions.of([0, 1, 1], [1, 1, 0])
    >>> ranker.fit(Community("tiny", ("ann", "bob"), ("x", "y"), plays))
    >>> ranker.score(np.array([0], np.int32)).tolist()
    [[1.0, 2.0]]
"""

from __future__ import annotations

import numpy as np

from peerrec_sim.community import Community
from peerrec_sim.matrices import binary, degrees
from peerrec_sim.rankers.base import Float32s, Int32s, Parameters, Ranker

__all__ = ["Popularity", "PopularityParameters"]


class PopularityParameters(Parameters, frozen=True):
    """Popularity has nothing to set."""


class Popularity(Ranker[PopularityParameters]):
    """Score an item by the number of users who have it."""

    name = "popularity"
    parameters_type = PopularityParameters

    def fit(self, community: Community, seed: int = 0) -> None:
        """Count the distinct users of every item."""
        shape = (community.n_users, community.n_items)
        _, owners = degrees(binary(community.interactions, shape))
        self._owners = owners.astype(np.float32)

    def score(self, users: Int32s) -> Float32s:
        """Return the same scores for every user; see ``Ranker.score``."""
        return np.tile(self._owners, (len(users), 1))
