"""Tell a table of people from noise: does it agree with what one's own people say?

Tables of two honest groups hold the same signal and each its own sampling noise. So the part
of b that sets items apart, weighted so that every item has noise of one size, correlates::

    r_i = b_i − p_i · Σ b / Σ p        agreement = Σ r_i·r'_i / √(p_i p'_i) / (‖r‖ ‖r'‖)

summed over items that both have. How much honest tables agree needs no trusted stranger: halves
of the own people tell it (split-half reliability, stepped up by Spearman and Brown). With the
noise-to-signal ratio ν of one group so found, a table averaged over n groups agrees with a
stranger's fresh one by about 1 / √((1 + ν / n)(1 + ν)). Asked for is a fixed part of that. It
is EdgeFD's filter (knowledge taken in only where it fits one's own data), without densities.

What it does not stop: a sender that has read the receiver's table and hides noise under enough
of it (``poison_masked`` of ``peerrec bench factors --only poison``; docs/evaluation.md has the
figures). Noise alone is refused each time (``poison_noise``).

Cost: O(rows · d); the halves once an epoch.

Example:
    >>> import numpy as np
    >>> one = np.eye(1, dtype=np.float32)
    >>> keys = np.array([3, 4], np.uint32)
    >>> mine = FactorTable(keys, np.float32([0.5, 0.5]), np.float32([[0.5], [0.1]]), one)
    >>> turned = FactorTable(keys, mine.share, mine.mean[::-1].copy(), one)
    >>> round(agreement(mine, mine), 3), round(agreement(mine, turned), 3)
    (1.0, -1.0)
"""

from __future__ import annotations

from typing import Final

import numpy as np

from peerrec.ranking.factor_table import FactorTable, Float32s, History, Keys, row_positions

__all__ = ["agreement", "agrees", "least_agreement", "noise_ratio"]

_BLOCK: Final = 1_024
"""Rows compared at once, to keep temporary copies small."""

_ASKED: Final = 0.5
"""Part of the expected agreement below which a table is refused. The least agreement seen
between honest nodes was .58 of the expected one (ml-100k, fresh tables)."""

_TELLING: Final = 2.0
"""Standard deviations of chance agreement, 1 / √numbers, that tell a table from chance."""

_FLAT: Final = 1e-3
"""Part of b² below which what sets items apart is the codec's rounding: all items of one person
have the same vector, so that the table of a lone newcomer neither agrees nor contradicts."""

_NOISE_MAX: Final = 100.0
"""Where halves do not agree at all, at least agreement of some .005 is asked for."""


def agrees(mine: FactorTable, theirs: FactorTable, noise: float) -> bool:
    """Return whether a table is to be taken in.

    Where so few numbers are common that chance alone would make up as much agreement as is
    asked for, it is, unless it contradicts by more than chance: the bounds of merging still hold.

    Args:
        mine: the local table, with the number of its exchanges.
        theirs: from anybody.
        noise: ν of the own people, see `noise_ratio`.
    """
    found, numbers = _compared(mine, theirs)
    asked = least_agreement(noise, mine.exchanges)
    chance = _TELLING / float(np.sqrt(max(numbers, 1)))
    return found >= asked or (asked < chance and found > -chance)


def agreement(mine: FactorTable, theirs: FactorTable) -> float:
    """Return how well two tables agree on the items that both have, −1 … 1; 0 of none."""
    return _compared(mine, theirs)[0]


def _compared(mine: FactorTable, theirs: FactorTable) -> tuple[float, int]:
    """Return the agreement, and on how many numbers it rests."""
    place, found = row_positions(theirs.keys, mine.keys)
    rows = np.flatnonzero(found & (mine.share > 0))
    rows = rows[theirs.share[place[rows]] > 0]
    place = place[rows]
    centre, their_centre = _centre(mine), _centre(theirs)
    sums, whole = np.zeros(3), np.zeros(2)
    for begin in range(0, len(rows), _BLOCK):
        here, there = rows[begin : begin + _BLOCK], place[begin : begin + _BLOCK]
        own, said = mine.share[here, None], theirs.share[there, None]
        weight = (own * said) ** np.float32(-0.25)
        left = ((mine.mean[here] - own * centre) * weight).ravel()
        right = ((theirs.mean[there] - said * their_centre) * weight).ravel()
        sums += (left @ right, left @ left, right @ right)
        for k, each in enumerate((mine.mean[here], theirs.mean[there])):
            weighted = (each * weight).ravel()
            whole[k] += weighted @ weighted
    size = float(np.sqrt(sums[1] * sums[2]))
    if size <= 0 or (sums[1:] < _FLAT * whole).any():
        return 0.0, len(rows) * mine.dim
    return float(sums[0]) / size, len(rows) * mine.dim


def noise_ratio(keys: Keys, history: History, users: Float32s) -> float:
    """Return ν: the noise of these people's table in units of its signal.

    Args:
        keys: ascending and distinct, shape (n,).
        history: who has what, shape (people, n).
        users: vectors of the people, shape (people, d).
    """
    if history.shape[0] < 2:
        return _NOISE_MAX
    halves = [FactorTable.from_users(keys, history[part::2], users[part::2]) for part in (0, 1)]
    half = agreement(*halves)
    whole = 2 * half / (1 + half) if half > 0 else 0.0
    return min(_NOISE_MAX, (1 - whole) / max(whole, 1 / (1 + _NOISE_MAX)))


def least_agreement(noise: float, exchanges: int) -> float:
    """Return the agreement asked of a table by a node with so many own exchanges.

    The stranger is always taken to be fresh: what it says of its exchanges proves nothing.
    """
    groups = 2.0 ** min(exchanges, 16)
    return _ASKED / float(np.sqrt((1 + noise / groups) * (1 + noise)))


def _centre(table: FactorTable) -> Float32s:
    """Return the share-weighted mean user."""
    total = max(float(table.share.sum()), 1e-30)
    return np.asarray(table.mean.sum(axis=0) / np.float32(total), np.float32)
