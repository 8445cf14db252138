"""Guess how large a difference is from a sketch too short to decode it.

The counts of coded symbols say more than whether they decode: with d differences, of
which ``net`` more on one side than on the other, the difference of the two sides'
counts in symbol i has mean net·ρᵢ and variance d·ρᵢ(1 − ρᵢ), where ρᵢ = 1 / (1 + i/2) is
the share of elements in it. Doubling blindly would send half as many symbols again.

Example:
    >>> cheaper_as_logs(400, 8, net=400, n_logs=20), cheaper_as_logs(20, 8, net=20, n_logs=1000)
    (True, False)
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from peerrec.limits import SYMBOLS_MAX

__all__ = ["cheaper_as_logs", "difference", "next_count"]

SYMBOL_BYTES: Final = 13
ELEMENT_BYTES: Final = 8
RUN_BYTES: Final = 14  # what a log with a few gaps takes in RANGES
STEP_MAX: Final = 4_000
_OVERHEAD: Final = 1.38  # symbols a difference where there are hundreds of them
_ENOUGH: Final = 24  # symbols from which on an estimate is worth something
_SPARE: Final = 5  # and this many more, where there are few


def difference(ours: NDArray[np.uint8], theirs: NDArray[np.uint8], net: int) -> float:
    """Return an estimate of the size of the difference, at least ``|net|``.

    Args:
        ours: counts of our symbols, modulo 256.
        theirs: counts of the peer's, of the same symbols.
        net: how many more elements the peer has than we.
    """
    share = 1.0 / (1.0 + np.arange(len(ours)) / 2.0)
    mean = np.round(net * share).astype(np.int64)
    # Modulo 256, so take what lies nearest to the mean.
    off = (theirs.astype(np.int64) - ours.astype(np.int64) - mean + 128) % 256 - 128
    off_mean = off + mean - net * share
    variance = float(np.sum(share[1:] * (1.0 - share[1:])))
    spread = float(np.sum(off_mean[1:] ** 2)) / variance if variance else 0.0
    # So few symbols scatter widely; a spread that chance explains says nothing beyond `net`.
    chance = 1.0 + 2.0 * math.sqrt(2.0 / max(len(ours) - 1, 1))
    return max(abs(net) if spread <= chance * abs(net) else spread, 1.0)


def next_count(estimate: float, n_symbols: int, net: int) -> int:
    """Return how many symbols to ask for next, after ``n_symbols`` that did not decode."""
    if abs(net) >= 0.8 * estimate or n_symbols >= estimate / 3:
        goal = estimate * _OVERHEAD + _SPARE
    else:
        goal = 0.8 * estimate if n_symbols >= _ENOUGH else min(0.8 * estimate, _ENOUGH)
    step = max(goal - n_symbols, 0.12 * n_symbols, 8.0)
    return int(min(math.ceil(step), STEP_MAX, SYMBOLS_MAX - n_symbols))


def cheaper_as_logs(estimate: float, n_symbols: int, net: int, n_logs: int) -> bool:
    """Return whether listing the peer's logs costs less than decoding the difference.

    Args:
        estimate: size of the difference.
        n_symbols: that are here already.
        net: how many more elements the peer has.
        n_logs: that the peer has.
    """
    symbols = max(_OVERHEAD * estimate + _SPARE - n_symbols, 8.0)
    by_symbols = SYMBOL_BYTES * symbols + ELEMENT_BYTES * max(estimate, abs(net))
    touched = n_logs * -math.expm1(-estimate / max(n_logs, 1))
    return ELEMENT_BYTES * n_logs + RUN_BYTES * touched < by_symbols
