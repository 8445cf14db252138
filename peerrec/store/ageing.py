"""Choose what is oldest among things of different size.

Example:
    >>> plays = np.array([5, 1, 9]), np.array([10, 10, 10])
    >>> segments = np.array([2, 7]), np.array([300, 300])
    >>> oldest(plays, segments, amount=50)
    (array([False,  True, False]), array([ True, False]), 2)
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["oldest"]

Aged = tuple[npt.NDArray[Any], npt.NDArray[Any]]
Bools = npt.NDArray[np.bool_]


def oldest(some: Aged, others: Aged, amount: float) -> tuple[Bools, Bools, int]:
    """Return what has to go of two kinds of things, oldest first, to free an amount.

    Args:
        some: (minutes, sizes) of the one kind.
        others: of the other kind; at least one of both must not be empty.
        amount: sum of sizes to reach; at least one thing goes.

    Returns:
        Masks of both kinds, and the minute of the last that goes.
    """
    minutes = np.concatenate([some[0], others[0]])
    sizes = np.concatenate([some[1], others[1]]).astype(np.float64)
    order = np.argsort(minutes, kind="stable")
    n_doomed = int(np.searchsorted(np.cumsum(sizes[order]), amount)) + 1
    doomed = order[:n_doomed]
    mask = np.zeros(len(minutes), np.bool_)
    mask[doomed] = True
    n_some = len(some[0])
    return mask[:n_some], mask[n_some:], int(minutes[doomed[-1]])
