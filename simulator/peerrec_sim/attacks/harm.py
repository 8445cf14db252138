"""Attack to harm, not to sell: starve, slander. What counts is the honest NDCG lost.

Example:
    >>> from peerrec_sim.attacks import by_name
    >>> by_name("slander").pushes_targets
    False
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from peerrec.errors import ConfigError
from peerrec_sim.attacks.base import Attack, Profiles
from peerrec_sim.attacks.fillers import by_popularity, drawn
from peerrec_sim.attacks.honest import Honest

__all__ = ["Slander", "Starve"]

Int32s = npt.NDArray[np.int32]


@dataclass(frozen=True, kw_only=True)
class Starve(Attack):
    """Push honest items down in two ways, one for every other identity.

    *Flood* (even identities): play what honest users share, at the largest weight. A
    ranker that divides by how much an item is played, damps or discounts then takes the
    honest items down. *Inflate* (odd identities): play half of that and as many items
    that hardly anybody has, which then crowd honest ones out of the lists.
    """

    name = "starve"
    summary = "floods what honest users share, inflates what they do not; no target"
    pushes_targets = False

    def profiles(self, honest: Honest, n_sybils: int, rng: np.random.Generator) -> Profiles:
        """Return popular items for half of the identities, mixed ones for the others."""
        size = honest.usual_size
        known = honest.by_popularity
        sybil, item = by_popularity(honest, size, n_sybils, rng)
        junk_sybil, junk = drawn(known[len(known) // 2 :], size // 2, n_sybils, rng)
        within = np.arange(len(sybil)) - np.searchsorted(sybil, sybil)
        kept = (sybil % 2 == 0) | (rng.permutation(len(sybil)) % 2 == 0) | (within == 0)
        inflating = junk_sybil % 2 == 1
        sybil = np.concatenate([sybil[kept], junk_sybil[inflating]])
        item = np.concatenate([item[kept], junk[inflating]])
        order = np.argsort(sybil, kind="stable")
        weight = np.full(len(item), honest.weight_max, np.float32)
        return Profiles(sybil[order], item[order], weight)


@dataclass(frozen=True, kw_only=True)
class Slander(Attack):
    """Distrust honest users, above all those whom many trust.

    Identities keep up appearances with popular items. In a community without trust
    there is nothing to slander.

    Attributes:
        victims_each: how many of the most trusted honest users each identity distrusts.
    """

    name = "slander"
    summary = "negative trust from every identity against the most trusted honest users"
    pushes_targets = False

    victims_each: int = 50

    def __post_init__(self) -> None:
        """Refuse slander of nobody."""
        super().__post_init__()
        if self.victims_each < 1:
            raise ConfigError("victims_each", self.victims_each, "slander at least 1 user")

    def profiles(self, honest: Honest, n_sybils: int, rng: np.random.Generator) -> Profiles:
        """Return popular items."""
        sybil, item = by_popularity(honest, honest.usual_size, n_sybils, rng)
        return Profiles(sybil, item, np.full(len(item), honest.weight_max, np.float32))

    def distrust(
        self, honest: Honest, n_sybils: int, rng: np.random.Generator
    ) -> tuple[Int32s, Int32s]:
        """Return every identity against the most trusted; ties by code."""
        trust = honest.community.trust
        if trust is None:
            return np.zeros(0, np.int32), np.zeros(0, np.int32)
        n_users = honest.community.n_users
        received = np.bincount(trust.target, np.maximum(trust.weight, 0), minlength=n_users)
        victims = np.argsort(-received, kind="stable")[: self.victims_each].astype(np.int32)
        slandering = np.repeat(np.arange(n_sybils, dtype=np.int32), len(victims))
        return slandering, np.tile(victims, n_sybils)
