"""Rank by the three-step walk with popular items held back (RP3β).

Example:
    >>> import numpy as np
    >>> from peerrec_sim.community import Community, Interactions
    >>> ranker = Rp3Beta().with_settings({"popularity_exponent": 1})
    >>> plays = Interactions.of([0, 1, 1], [0, 0, 1])
    >>> ranker.fit(Community("tiny", ("ann", "bob"), ("x", "y"), plays))
    >>> ranker.score(np.array([0], np.int32)).tolist()
    [[0.375, 0.25]]
"""

from __future__ import annotations

from typing import Annotated

import numpy as np
from msgspec import Meta

from peerrec_sim.community import Community
from peerrec_sim.matrices import inverse_power
from peerrec_sim.rankers.base import Float32s, Int32s, Parameters, Ranker
from peerrec_sim.rankers.p3alpha import ThreeStepWalk

__all__ = ["Rp3Beta", "Rp3BetaParameters"]


class Rp3BetaParameters(Parameters, frozen=True):
    """Settings of RP3β.

    Attributes:
        transition_exponent: power of every transition probability (the paper's α).
        popularity_exponent: scores are divided by the item's degree to this power
            (the paper's β).
    """

    transition_exponent: Annotated[float, Meta(ge=0, le=4)] = 1.0
    popularity_exponent: Annotated[float, Meta(ge=0, le=2)] = 0.3


class Rp3Beta(Ranker[Rp3BetaParameters]):
    """Score an item by P3α / degree^β (Paudel et al. 2016)."""

    name = "rp3beta"
    parameters_type = Rp3BetaParameters

    def fit(self, community: Community, seed: int = 0) -> None:
        """Normalise the transitions and the discount of popular items."""
        self._walk = ThreeStepWalk(community, self.parameters.transition_exponent)
        discount = inverse_power(self._walk.owners, self.parameters.popularity_exponent)
        self._discount = discount.astype(np.float32)

    def score(self, users: Int32s) -> Float32s:
        """Return the discounted weights of the walk; see ``Ranker.score``."""
        return self._walk.score(users) * self._discount

    def grid(self) -> dict[str, list[float]]:
        """Return the values worth trying; see ``Ranker.grid``."""
        return {
            "popularity_exponent": [0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0],
            "transition_exponent": [0.4, 0.6, 0.8, 1.0, 1.2, 1.4, 1.6, 1.8],
        }
