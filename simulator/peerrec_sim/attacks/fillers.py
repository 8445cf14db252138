"""Fill invented profiles with real items.

Every function returns identity and item of each row, both shape (rows,); an identity that
draws an item twice has it once, so profiles may be a little shorter than asked.

Example:
    >>> sybil, item = same(np.array([4, 2]), 2)
    >>> sybil.tolist(), item.tolist()
    ([0, 0, 1, 1], [4, 2, 4, 2])
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from peerrec_sim.attacks.honest import Honest

__all__ = ["by_popularity", "drawn", "same"]

Int32s = npt.NDArray[np.int32]
Int64s = npt.NDArray[np.int64]
Rows = tuple[Int64s, Int32s]


def same(items: npt.NDArray[np.integer], n_sybils: int) -> Rows:
    """Give all identities the same items."""
    sybil = np.repeat(np.arange(n_sybils), len(items))
    return sybil, np.tile(items.astype(np.int32), n_sybils)


def drawn(
    pool: npt.NDArray[np.integer], size: int, n_sybils: int, rng: np.random.Generator
) -> Rows:
    """Draw items evenly from a pool, on their own for each identity."""
    if not len(pool) or size < 1:
        return np.zeros(0, np.int64), np.zeros(0, np.int32)
    picks = rng.integers(0, len(pool), n_sybils * size)
    return _once(np.repeat(np.arange(n_sybils), size), pool[picks].astype(np.int32))


def by_popularity(honest: Honest, size: int, n_sybils: int, rng: np.random.Generator) -> Rows:
    """Draw items in proportion to how many honest users have them."""
    total = np.cumsum(honest.listeners)
    if not len(total) or not total[-1] or size < 1:
        return np.zeros(0, np.int64), np.zeros(0, np.int32)
    picks = np.searchsorted(total, rng.integers(0, total[-1], n_sybils * size), side="right")
    return _once(np.repeat(np.arange(n_sybils), size), picks.astype(np.int32))


def _once(sybil: Int64s, item: Int32s) -> Rows:
    """Drop repetitions."""
    width = int(item.max()) + 1
    keys = np.sort(sybil * width + item)
    keys = keys[np.diff(keys, prepend=-1) != 0]
    return keys // width, (keys % width).astype(np.int32)
