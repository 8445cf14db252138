"""Lend a newcomer the eyes of the community's bootstrap until it has friends of its own.

A node without trust edges sees nobody, and one with two friends sees little. It then
walks from a short list of bootstrap peers as well (those that came with the invite or
the app): as if it trusted them with a total weight of `weight` friends,

    merit(u) = (1 − s) · merit from own friends(u) + s · merit from the bootstrap(u)
    s        = weight / (weight + total trust the ego gives)

so every own friend makes the bootstrap count less. Popularity never steps in: without
friends and without bootstrap there is no merit.

Example:
    >>> import numpy as np
    >>> from peerrec.ranking.merit import MeritParameters
    >>> from peerrec.ranking.trust_snapshot import TrustSnapshot
    >>> trust = TrustSnapshot.from_edges([1, 2], [2, 1], [1.0, 1.0], n_nodes=4)
    >>> eyes = Bootstrap.walked(trust, [1], MeritParameters(), np.random.default_rng(0), 2.0)
    >>> eyes.lend(np.zeros(4), 0.0).round(1).tolist()   # a newcomer: all by bootstrap
    [0.0, 0.7, 0.5, 0.0]
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from peerrec.ranking.merit import MeritParameters
from peerrec.ranking.meritrank import sampled_merit
from peerrec.ranking.trust_snapshot import TrustSnapshot

__all__ = ["Bootstrap"]

Float64s = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Bootstrap:
    """Merit as a walk through the bootstrap peers sees it.

    Attributes:
        merit: share of walks that hit each node, shape (n_nodes,).
        weight: how many friends the whole list stands for, ≥ 0.
    """

    merit: Float64s
    weight: float

    @classmethod
    def walked(
        cls,
        trust: TrustSnapshot,
        peers: Sequence[int],
        parameters: MeritParameters,
        rng: np.random.Generator,
        weight: float,
    ) -> Bootstrap:
        """Walk from every bootstrap peer; the first hop leads there and may stop, too."""
        merit = np.zeros(trust.n_nodes)
        for peer in peers:
            merit[peer] += 1.0
            seen = sampled_merit(trust, peer, parameters, rng)
            merit[seen.nodes] += seen.shares
        if peers:
            merit *= (1 - parameters.transitivity_decay) / len(peers)
        return cls(merit, weight)

    def lend(self, own: Float64s, given: float) -> Float64s:
        """Return an ego's own merit vector with the bootstrap's mixed in.

        Args:
            own: merit from the ego's own walks, shape (n_nodes,).
            given: total trust that the ego gives, ≥ 0.
        """
        if self.weight == 0:
            return own
        share = self.weight / (self.weight + given)
        return (1 - share) * own + share * self.merit
