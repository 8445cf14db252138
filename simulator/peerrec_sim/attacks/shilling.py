"""Attack with shilling profiles: bandwagon, average, random.

The classic profiles of attacks on collaborative filtering (Lam and Riedl 2004; Mobasher
et al. 2007): a target at the largest weight among fillers that make the identity look
like somebody's neighbour. As many fillers as honest users have items.

Example:
    >>> from peerrec_sim.attacks import by_name
    >>> by_name("bandwagon").topology
    'star'
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from peerrec_sim.attacks.base import Attack, Profiles
from peerrec_sim.attacks.fillers import drawn, same
from peerrec_sim.attacks.honest import Honest

__all__ = ["Average", "Bandwagon", "Random"]


@dataclass(frozen=True, kw_only=True)
class Bandwagon(Attack):
    """Half the profile is what everybody has, half is drawn evenly."""

    name = "bandwagon"
    summary = "target plus the most popular items plus random ones"

    def profiles(self, honest: Honest, n_sybils: int, rng: np.random.Generator) -> Profiles:
        """Return popular items at the largest weight, random ones at drawn weights."""
        size = honest.usual_size
        known = honest.by_popularity
        popular = same(known[: (size + 1) // 2], n_sybils)
        rest = drawn(known[(size + 1) // 2 :], size // 2, n_sybils, rng)
        top = np.full(len(popular[1]), honest.weight_max, np.float32)
        usual = rng.choice(honest.weight, len(rest[1])) if len(rest[1]) else top[:0]
        sybil = np.concatenate([popular[0], rest[0]])
        order = np.argsort(sybil, kind="stable")
        item, weight = np.concatenate([popular[1], rest[1]]), np.concatenate([top, usual])
        return Profiles(sybil[order], item[order], weight[order])


@dataclass(frozen=True, kw_only=True)
class Average(Attack):
    """Random items, each at the mean weight that honest users give it."""

    name = "average"
    summary = "target plus random items at their mean weight"

    def profiles(self, honest: Honest, n_sybils: int, rng: np.random.Generator) -> Profiles:
        """Return items drawn evenly, at their means."""
        sybil, item = drawn(honest.by_popularity, honest.usual_size, n_sybils, rng)
        total = np.bincount(honest.item, honest.weight, minlength=len(honest.listeners))
        mean = total / np.maximum(1, honest.listeners)
        return Profiles(sybil, item, mean[item].astype(np.float32))


@dataclass(frozen=True, kw_only=True)
class Random(Attack):
    """Random items at weights drawn from all honest ones."""

    name = "random"
    summary = "target plus random items at random weights"

    def profiles(self, honest: Honest, n_sybils: int, rng: np.random.Generator) -> Profiles:
        """Return items drawn evenly, at drawn weights."""
        sybil, item = drawn(honest.by_popularity, honest.usual_size, n_sybils, rng)
        weight = rng.choice(honest.weight, len(item)) if len(item) else honest.weight[:0]
        return Profiles(sybil, item, weight)
