"""Rate lists of candidates: the mean of recall@20 and NDCG@20, many people at once.

Example:
    >>> wanted = np.array([[True, False, False]])
    >>> list_quality(np.array([[3.0, 2.0, 1.0]], np.float32), wanted, np.array([1])).tolist()
    [1.0]
"""

from __future__ import annotations

from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

__all__ = ["LIST_LENGTH", "best_places", "list_quality"]

Bools: TypeAlias = npt.NDArray[np.bool_]
Float32s: TypeAlias = npt.NDArray[np.float32]
Float64s: TypeAlias = npt.NDArray[np.float64]
Ints: TypeAlias = npt.NDArray[np.intp]

LIST_LENGTH: Final = 20


def list_quality(scores: Float32s, wanted: Bools, n_wanted: npt.NDArray[np.integer]) -> Float64s:
    """Return the mean of recall@20 and NDCG@20 (binary gain) of every list, shape (b,).

    Args:
        scores: of the candidates, −inf for what may not be listed, shape (b, c).
        wanted: whether a candidate was hoped for, shape (b, c).
        n_wanted: how many items were hoped for, candidates or not, shape (b,).
    """
    n = min(LIST_LENGTH, scores.shape[1])
    column = np.arange(len(scores))[:, None]
    top = best_places(scores, n)
    top = top[column, np.argsort(-scores[column, top], axis=1, kind="stable")]
    hit = wanted[column, top] & (scores[column, top] > -np.inf)
    discount = 1.0 / np.log2(np.arange(2, n + 2))
    ideal = np.concatenate([[0.0], np.cumsum(discount)])[np.minimum(n_wanted, n)]
    recall = hit.sum(axis=1) / np.maximum(n_wanted, 1)
    return np.asarray((recall + hit @ discount / np.maximum(ideal, 1e-9)) / 2)


def best_places(scores: Float32s, n: int) -> Ints:
    """Return where the n largest values of each row stand, ascending, shape (b, n)."""
    size = scores.shape[1]
    return np.sort(np.argpartition(scores, size - n, axis=1)[:, size - n :], axis=1)
