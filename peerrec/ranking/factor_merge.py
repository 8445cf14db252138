"""Average two tables, and let one stranger move each row only so far.

Push-pull averaging: both sides replace their table by the mean of the two, so the mean over
all nodes stays. A stranger's table may say anything, hence the bounds of one exchange::

    |Δp_i| ≤ ½ z √((p_i + 1/K) / K)        what two honest samples of K people differ by
    |Δb_i| ≤ R |Δp_i|'s bound              R: the largest known |x|
    |b_i|  ≤ R p_i                         a mean of vectors is no longer than the vectors
    Σ p'   within a factor of 1.5 of Σ p   else their rows are scaled to that first
    C'     within [C / κ, κ C]             in every direction, before it is averaged

The last one clips the eigenvalues of C^-½ C' C^-½, so that it does not depend on the frame.
Where nothing is clipped the result is the average to the last bit.

Cost: O(rows · d + d³); 10,000 rows at d = 16, with writing and reading, in 8 ms.

Example:
    >>> import numpy as np
    >>> one = np.eye(1, dtype=np.float32)
    >>> low = FactorTable(np.array([3], np.uint32), np.float32([0.0]), np.zeros((1, 1), "f4"), one)
    >>> high = FactorTable(np.array([3], np.uint32), np.float32([1.0]), np.ones((1, 1), "f4"), one)
    >>> average(low, high).share.tolist()
    [0.5]
    >>> limits = MergeLimits(people=50, radius=1.0)
    >>> [round(p, 3) for p in merge(low, high, limits).share.tolist()]
    [0.03]
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Final

import numpy as np

from peerrec.ranking.factor_table import FactorTable, Float32s, Keys

__all__ = ["MergeLimits", "average", "merge", "radius_of"]


_BLOCK: Final = 1_024
"""Rows merged at once: their temporary copies stay in the cache, and memory small."""


@dataclass(frozen=True, slots=True)
class MergeLimits:
    """How far one exchange may move a table.

    Attributes:
        people: K, how many people's records a node starts from.
        radius: R, how long a user vector is at most, in this node's own experience.
        z: width of the bound in standard deviations.
        stretch: κ ≥ 1, how far C may differ in any direction.
        activity: ≥ 1, by what factor the mean users may differ in items.
        floor: share below which rows are not sent.
    """

    people: int
    radius: float
    z: float = 3.0
    stretch: float = 4.0
    activity: float = 1.5
    floor: float = 0.0


def radius_of(user_factors: Float32s) -> float:
    """Return R: the length of the longest known user vector; 0 of none."""
    if not len(user_factors):
        return 0.0
    return float(np.sqrt((user_factors**2).sum(axis=1).max()))


def average(mine: FactorTable, theirs: FactorTable, floor: float = 0.0) -> FactorTable:
    """Return the mean of two tables.

    Args:
        mine: the local table; an item without row counts as 0.
        theirs: as sent; an item without row may have any share below the floor.
        floor: share below which rows are not sent.
    """
    keys = _union(mine.keys, theirs.keys)
    mine = mine.at(keys)
    theirs = _with_unsent(theirs, keys, mine, floor)
    half = np.float32(0.5)
    return FactorTable(
        keys,
        (mine.share + theirs.share) * half,
        (mine.mean + theirs.mean) * half,
        (mine.moment + theirs.moment) * half,
        mine.exchanges + 1,
    )


def merge(mine: FactorTable, theirs: FactorTable, limits: MergeLimits) -> FactorTable:
    """Return the mean of two tables, no row moved by more than its bound.

    Args:
        mine: the local table, trusted.
        theirs: from anybody; what it says of its own exchanges is not used.
        limits: see `MergeLimits`.
    """
    theirs = _of_like_activity(theirs, mine, limits.activity)
    keys = _union(mine.keys, theirs.keys)
    share = np.empty(len(keys), np.float32)
    mean = np.empty((len(keys), mine.dim), np.float32)
    for begin in range(0, len(keys), _BLOCK):
        block = slice(begin, begin + _BLOCK)
        own = mine.at(keys[block])
        said = _with_unsent(theirs, keys[block], own, limits.floor)
        share[block], mean[block] = _merged_rows(own, said, limits)
    stranger = _within(theirs.moment, mine.moment, limits.stretch)
    moment = (mine.moment + stranger) * np.float32(0.5)
    return FactorTable(keys, share, mean, moment, mine.exchanges + 1)


def _with_unsent(theirs: FactorTable, keys: Keys, mine: FactorTable, floor: float) -> FactorTable:
    """Return their table at these keys; a row that was not sent is like mine, up to the floor.

    It says only that their share is below the floor. Counting it as 0 would take rare items
    down by half in each exchange.
    """
    said = theirs.at(keys)
    if floor <= 0:
        return said
    unsent = np.flatnonzero((said.share == 0) & (mine.share > 0))
    share, mean = said.share.copy(), said.mean.copy()
    share[unsent] = np.minimum(mine.share[unsent], np.float32(floor))
    mean[unsent] = mine.mean[unsent] * (share[unsent] / mine.share[unsent])[:, None]
    return dataclasses.replace(said, share=share, mean=mean)


def _of_like_activity(theirs: FactorTable, mine: FactorTable, most: float) -> FactorTable:
    """Return their rows, scaled where their mean user has far fewer or more items.

    Σ p is the items of the mean user. Without this bound, claiming that nobody has any item
    but the target makes every honest item small, each row within its own bound.
    """
    own, said = float(mine.share.sum()), float(theirs.share.sum())
    if said <= 0 or own <= 0 or own / most <= said <= own * most:
        return theirs
    factor = np.float32(min(max(said, own / most), own * most) / said)
    share = np.minimum(theirs.share * factor, np.float32(1))
    return dataclasses.replace(theirs, share=share, mean=theirs.mean * factor)


def _merged_rows(
    mine: FactorTable, theirs: FactorTable, limits: MergeLimits
) -> tuple[Float32s, Float32s]:
    """Return p and b of two tables with the same rows."""
    half, radius = np.float32(0.5), np.float32(limits.radius)
    bound = _share_bound(mine.share, limits)
    share = mine.share + np.clip((theirs.share - mine.share) * half, -bound, bound)
    change = _shortened((theirs.mean - mine.mean) * half, radius * bound)
    return share, _shortened(mine.mean + change, radius * share)


def _union(mine: Keys, theirs: Keys) -> Keys:
    if len(mine) == len(theirs) and np.array_equal(mine, theirs):
        return mine
    both = np.sort(np.concatenate([mine, theirs]), kind="stable")  # merges the two runs
    distinct: Keys = both[np.append(True, both[1:] != both[:-1])]
    return distinct


def _share_bound(share: Float32s, limits: MergeLimits) -> Float32s:
    """Return ½ z √((p + 1/K) / K) for each row."""
    people = np.float32(max(1, limits.people))
    bound: Float32s = np.float32(0.5 * limits.z) * np.sqrt((share + 1 / people) / people)
    return bound


def _shortened(vectors: Float32s, lengths: Float32s) -> Float32s:
    """Return the rows, those longer than allowed scaled down to it."""
    squares = np.einsum("nd,nd->n", vectors, vectors)
    long = np.flatnonzero(squares > lengths * lengths)
    if not len(long):
        return vectors
    shortened = vectors.copy()
    shortened[long] *= (lengths[long] / np.sqrt(squares[long]))[:, None]
    return shortened


def _within(theirs: Float32s, mine: Float32s, stretch: float) -> Float32s:
    """Return their C with its eigenvalues relative to mine clipped to [1/κ, κ]."""
    values, vectors = np.linalg.eigh(mine.astype(np.float64))
    values = np.maximum(values, 1e-6 * max(float(values[-1]), 1e-30))
    root = np.sqrt(values)
    whitened = (vectors / root).T @ theirs.astype(np.float64) @ (vectors / root)
    ratios, axes = np.linalg.eigh((whitened + whitened.T) / 2)
    if ratios[0] >= 1 / stretch and ratios[-1] <= stretch:
        return theirs
    clipped = (axes * np.clip(ratios, 1 / stretch, stretch)) @ axes.T
    return np.asarray((vectors * root) @ clipped @ (vectors * root).T, np.float32)
