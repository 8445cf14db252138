"""Derive one generator for each purpose and participant, so that no order matters.

Example:
    >>> a, b = chance(7, Purpose.NODE, 3), chance(7, Purpose.NODE, 3)
    >>> float(a.random()) == float(b.random())
    True
"""

from __future__ import annotations

import enum

import numpy as np

__all__ = ["Purpose", "chance"]


class Purpose(enum.IntEnum):
    """What chance is drawn for; the numbers are part of what a seed means."""

    POPULATION = 1
    TRAITS = 2
    TOPOLOGY = 3
    WORKLOAD = 4
    NODE = 5
    LINE = 6
    CHURN = 7
    ATTACK = 8
    EGOS = 9
    KNOWN = 10


def chance(seed: int, purpose: Purpose, *numbers: int) -> np.random.Generator:
    """Return the generator of one purpose, of a participant where its number is given."""
    return np.random.default_rng([seed, int(purpose), *numbers])
