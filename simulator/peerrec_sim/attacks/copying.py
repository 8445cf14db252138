"""Attack by copying honest users: clone, lean.

Whoever copies a profile owns its rare items together with the victim: a walk that
normalises over the owners of an item hands them half of it, or nearly all when a
thousand do it.

Example:
    >>> from peerrec_sim.attacks import by_name
    >>> by_name("lean").items_per_victim
    3
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from peerrec.errors import ConfigError
from peerrec_sim.attacks.base import Attack, Profiles
from peerrec_sim.attacks.honest import Honest

__all__ = ["Clone", "Lean"]


@dataclass(frozen=True, kw_only=True)
class Clone(Attack):
    """Each identity copies all interactions of one random honest user."""

    name = "clone"
    summary = "whole honest profiles plus the target"

    def profiles(self, honest: Honest, n_sybils: int, rng: np.random.Generator) -> Profiles:
        """Return copied profiles, weights included."""
        victims = honest.draw_users(n_sybils, rng)
        sybil, row = honest.rows_of(victims)
        return Profiles(sybil, honest.item[row], honest.weight[row], victims)


@dataclass(frozen=True, kw_only=True)
class Lean(Attack):
    """Each identity has the target and three items of one random honest user.

    Attributes:
        items_per_victim: how many items are copied.
    """

    name = "lean"
    summary = "target plus three items of one victim"

    items_per_victim: int = 3

    def __post_init__(self) -> None:
        """Refuse a profile without items."""
        super().__post_init__()
        if self.items_per_victim < 1:
            raise ConfigError("items_per_victim", self.items_per_victim, "copy at least 1 item")

    def profiles(self, honest: Honest, n_sybils: int, rng: np.random.Generator) -> Profiles:
        """Return a few distinct items of each victim, at the victim's weights."""
        victims = honest.draw_users(n_sybils, rng)
        sybil, row = honest.rows_of(victims)
        # Shuffled inside each profile; the first few of every profile stay.
        order = np.lexsort((rng.random(len(row)), sybil))
        sizes = honest.sizes[victims]
        first = np.repeat(np.cumsum(sizes) - sizes, sizes)
        kept = order[np.arange(len(order)) - first < self.items_per_victim]
        sybil, row = sybil[kept], row[kept]
        return Profiles(sybil, honest.item[row], honest.weight[row], victims)
