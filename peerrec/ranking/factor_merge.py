"""Average two tables, and let one stranger move each row only so far.

Push-pull averaging: both sides replace their table by the mean of the two, so the mean over
all nodes stays. A stranger's table may say anything, hence the bounds of one exchange::

    |Δp_i| ≤ ½ z √((p_i + 1/K) / K)        what two honest samples of K people differ by
    |Δb_i| ≤ R |Δp_i|'s bound              R: the largest known |x|
    |b_i|  ≤ R p_i                         a mean of vectors is no longer than the vectors
    Σ p'   within a factor of 1.5 of Σ p   else their rows are scaled to that first
    C' + t within [1/κ, κ] of C + t        in every direction, before it is averaged

The last one, with t = trace C / d, clips the eigenvalues of (C + t)^-½ (C' + t) (C + t)^-½, so that
it does not depend on the frame. Without t it would compare directions in which fifty people have
next to nothing; solves add more than that themselves.
Where nothing is clipped the result is the average to the last bit.

Cost: O(rows · d + d³); see ``peerrec bench factors --only row``, which does it with writing,
reading and comparing.

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
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

from peerrec.ranking.factor_table import FactorTable, Float32s, Keys

__all__ = ["MergeLimits", "average", "merge", "radius_of"]

Float64s: TypeAlias = npt.NDArray[np.float64]


_BLOCK: Final = 1_024
"""Rows merged at once: their temporary copies stay in the cache, and memory small."""

_UNSENT: Final = 0.25
"""What a share below the floor is taken to be, in floors: most items are far below it."""


@dataclass(frozen=True, slots=True)
class MergeLimits:
    """How far one exchange may move a table.

    Attributes:
        people: K, how many people's records a node starts from.
        radius: R, how long a user vector is at most, in this node's own experience.
        z: width of the bound in standard deviations.
        stretch: κ ≥ 1, how far C + t may differ in any direction.
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
    """Return their table at these keys; a row that was not sent is like mine, but of a small share.

    It says only that their share is below the floor. Counting it as 0 would take rare items
    down by half in each exchange; counting it as the floor would keep every item that one known
    person has at the floor, and all nodes sending it for ever.
    """
    said = theirs.at(keys)
    if floor <= 0:
        return said
    unsent = np.flatnonzero((said.share == 0) & (mine.share > 0))
    share, mean = said.share.copy(), said.mean.copy()
    share[unsent] = np.minimum(mine.share[unsent], np.float32(_UNSENT * floor))
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
    """Return their C with the eigenvalues of both, plus t, at most a factor κ apart."""
    least = np.eye(len(mine)) * max(float(np.trace(mine)) / len(mine), 1e-30)
    own, said = mine + least, theirs + least
    if _is_positive(stretch * own - said) and _is_positive(said - own / stretch):
        return theirs
    values, vectors = np.linalg.eigh(own)
    root = np.sqrt(values)
    whitened = (vectors / root).T @ said @ (vectors / root)
    ratios, axes = np.linalg.eigh((whitened + whitened.T) / 2)
    clipped = (axes * np.clip(ratios, 1 / stretch, stretch)) @ axes.T
    values, vectors = np.linalg.eigh((vectors * root) @ clipped @ (vectors * root).T - least)
    return np.asarray((vectors * np.maximum(values, 0)) @ vectors.T, np.float32)


def _is_positive(matrix: Float64s) -> bool:
    """Return whether Cholesky's decomposition exists: a tenth of what eigenvalues cost."""
    try:
        np.linalg.cholesky(matrix)
    except np.linalg.LinAlgError:
        return False
    return True
