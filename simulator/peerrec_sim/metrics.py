"""Measure recommendation lists: are they right, varied, new, and fair to everybody.

Conventions: a list is a row of int32 item codes, best first, padded with −1 where
fewer than n items could be recommended; ``relevant`` is a CSR matrix whose row r
holds the held-out items of the user whose list is row r. All items are ranked,
sampled negatives are never used. A padded place is a place without a hit.

Example:
    >>> import numpy as np
    >>> from scipy import sparse
    >>> lists = top_n(np.array([[0.1, 0.9, 0.5]], np.float32), n=2)
    >>> lists.tolist()
    [[1, 2]]
    >>> relevant = sparse.csr_array(np.array([[1, 0, 1]], np.float32))
    >>> recall(hits(lists, relevant), n_relevant(relevant)).tolist()
    [0.5]
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import sparse

from peerrec_sim.matrices import Csr, degrees, inverse_power, scale_columns

__all__ = [
    "COLD_BELOW",
    "cold_mean",
    "coverage",
    "exclude",
    "gini",
    "hits",
    "intra_list_similarity",
    "n_relevant",
    "ndcg",
    "novelty",
    "precision",
    "recall",
    "top_n",
    "worst_mean",
]

COLD_BELOW = 20
"""A user with fewer training items than this counts as cold."""

WORST_SHARE = 0.1
"""The share of worst-served users whose mean is reported."""

Bools = npt.NDArray[np.bool_]
Float32s = npt.NDArray[np.float32]
Float64s = npt.NDArray[np.float64]
Int32s = npt.NDArray[np.int32]


def exclude(scores: Float32s, seen: Csr) -> None:
    """Set the scores of what each row has seen to −inf, in place."""
    rows = np.repeat(np.arange(len(scores)), np.diff(seen.indptr))
    scores[rows, seen.indices] = -np.inf


def top_n(scores: Float32s, n: int) -> Int32s:
    """Return the n best items of each row, best first, shape (b, n).

    Equal scores go to the lower item code, so the answer never depends on how the
    scores were computed in blocks. Items scored −inf are never listed; −1 pads.

    Args:
        scores: float32, shape (b, n_items); −inf excludes an item.
        n: length of the lists, ≥ 1; may exceed the number of items.

    Raises:
        ValueError: a score is NaN.
    """
    lists = np.full((len(scores), n), -1, np.int32)
    # Row by row stays in the cache: as fast as one call over the block, without its copy.
    for row, list_ in zip(scores, lists, strict=True):
        best = _best_of_row(row, min(n, len(row)))
        list_[: len(best)] = best
    return lists


def _best_of_row(row: Float32s, n: int) -> npt.NDArray[np.intp]:
    """Return the positions of the n largest finite values, ties by position."""
    if n == 0:
        return np.empty(0, np.intp)
    largest = np.partition(row, len(row) - n)[len(row) - n :]
    if np.isnan(largest).any():  # NaN sorts last, so one anywhere in the row is seen here
        raise ValueError("a score is NaN, so there is no best item")
    threshold = largest[0]
    above = np.flatnonzero(row > threshold)
    best = above[np.argsort(-row[above], kind="stable")]
    if threshold == -np.inf:
        return best
    ties = np.flatnonzero(row == threshold)[: n - len(above)]
    return np.concatenate([best, ties])


def n_relevant(relevant: Csr) -> Int32s:
    """Return the number of held-out items of each row, shape (b,)."""
    counts: Int32s = np.diff(relevant.indptr).astype(np.int32)
    return counts


def hits(lists: Int32s, relevant: Csr) -> Bools:
    """Return which places of the lists hold a held-out item, shape (b, n)."""
    n_rows, n_items = relevant.shape
    rows = np.repeat(np.arange(n_rows, dtype=np.int64), np.diff(relevant.indptr))
    wanted = rows * n_items + relevant.indices
    listed = np.arange(n_rows, dtype=np.int64)[:, None] * n_items + lists
    return np.isin(listed, wanted) & (lists >= 0)


def recall(hit: Bools, relevant: Int32s) -> Float64s:
    """Return hits / |held-out items| per row; 0 where nothing was held out."""
    return np.asarray(hit.sum(axis=1) / np.maximum(relevant, 1), dtype=np.float64)


def precision(hit: Bools) -> Float64s:
    """Return hits / n per row; padded places count as misses."""
    return np.asarray(hit.mean(axis=1), dtype=np.float64)


def ndcg(hit: Bools, relevant: Int32s) -> Float64s:
    """Return the normalised discounted cumulative gain per row, binary gain.

    DCG = Σ over hit places r = 1 … n of 1 / log2(r + 1); the ideal list has a hit
    on its first min(n, |held-out items|) places. 0 where nothing was held out.
    """
    n = hit.shape[1]
    discount = 1.0 / np.log2(np.arange(2, n + 2))
    ideal = np.concatenate([[1.0], np.cumsum(discount)])  # [0]: no division by zero
    return np.asarray(hit @ discount / ideal[np.minimum(relevant, n)], dtype=np.float64)


def worst_mean(values: Float64s) -> float:
    """Return the mean over the worst-served 10 % of users, at least one user."""
    worst = max(1, int(np.ceil(WORST_SHARE * len(values))))
    return float(np.sort(values)[:worst].mean())


def cold_mean(values: Float64s, n_train: npt.NDArray[np.float64]) -> float | None:
    """Return the mean over users with < 20 training items; None without any."""
    cold = n_train < COLD_BELOW
    return float(values[cold].mean()) if cold.any() else None


def coverage(lists: Int32s, n_items: int) -> float:
    """Return the share of the catalogue that is on any list."""
    return float(np.count_nonzero(_exposure(lists, n_items)) / n_items)


def gini(lists: Int32s, n_items: int) -> float:
    """Return how unequally exposure falls on items: 0 all alike, → 1 one item only.

    Over the whole catalogue, items that nobody is shown included; 0 when nothing
    is listed at all.
    """
    exposure = np.sort(_exposure(lists, n_items)).astype(np.float64)
    total = exposure.sum()
    if total == 0:
        return 0.0
    rank = np.arange(1, n_items + 1)
    return float((2 * rank - n_items - 1) @ exposure / (n_items * total))


def novelty(lists: Int32s, owners: Float64s, n_users: int) -> float:
    """Return the mean over listed places of −log2(share of users who have the item).

    An item that nobody has yet counts as if one user had it; 0 when nothing is listed.

    Args:
        lists: int32, shape (b, n).
        owners: number of users with the item in training, shape (n_items,).
        n_users: number of users of the training part.
    """
    listed = lists[lists >= 0]
    if not len(listed):
        return 0.0
    return float(-np.log2(np.maximum(owners[listed], 1.0) / n_users).mean())


def intra_list_similarity(lists: Int32s, train: Csr) -> float:
    """Return the mean cosine between two items of one list, by their users in common.

    Per list of m items that anybody has: Σ of cosines over ordered pairs of different
    items is ‖Σ unit vectors‖² − m, over m(m − 1) pairs. Lists with m < 2 say nothing
    and are left out. Cost: one sparse product, lists × places × owners of an item.

    Args:
        lists: int32, shape (b, n); pass a sample of users where there are many.
        train: binary users × items of the training part.
    """
    _, owners = degrees(train)
    unit_items = scale_columns(train, inverse_power(owners, 0.5)).T.tocsr()
    rows, places = np.nonzero((lists >= 0) & (owners[lists] > 0))
    counts = np.bincount(rows, minlength=len(lists)).astype(np.float64)
    incidence: Csr = sparse.csr_array(
        (np.ones(len(rows), np.float32), (rows, lists[rows, places])),
        shape=(len(lists), train.shape[1]),
    )
    sums = incidence @ unit_items
    square = np.asarray(sums.multiply(sums).sum(axis=1), dtype=np.float64)
    told = counts > 1
    if not told.any():
        return 0.0
    return float(((square - counts)[told] / (counts * (counts - 1))[told]).mean())


def _exposure(lists: Int32s, n_items: int) -> npt.NDArray[np.int64]:
    """Return on how many lists each item is."""
    return np.bincount(lists[lists >= 0], minlength=n_items).astype(np.int64)
