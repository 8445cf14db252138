"""Condense tables into the lines of pictures: means over people, with their intervals.

Example:
    >>> low, high = interval(np.array([1.0, 1.0, 1.0]))
    >>> low, high
    (1.0, 1.0)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from peerrec_sim.measures.table import Table

__all__ = ["Series", "interval", "over_time"]

Float64s: TypeAlias = npt.NDArray[np.float64]

RESAMPLES = 400
LEVEL = 0.95


@dataclass(frozen=True, slots=True, eq=False)
class Series:
    """One line: columns of one length.

    Attributes:
        x: where.
        mean: of those who were measured there.
        low, high: 95 % bootstrap interval of the mean.
    """

    x: Float64s
    mean: Float64s
    low: Float64s
    high: Float64s

    def __len__(self) -> int:
        return len(self.x)


def interval(values: Float64s, seed: int = 0) -> tuple[float, float]:
    """Return the 95 % bootstrap interval of a mean over at least one value."""
    rng = np.random.default_rng([seed, len(values)])
    drawn = values[rng.integers(0, len(values), (RESAMPLES, len(values)))].mean(axis=1)
    low, high = np.quantile(drawn, [(1 - LEVEL) / 2, (1 + LEVEL) / 2]).tolist()
    return low, high


def over_time(nodes: Table, values: npt.ArrayLike) -> Series:
    """Return the mean of a column over the nodes that have it, at every moment."""
    column = np.asarray(values, np.float64)
    known = ~np.isnan(column)
    times, column = nodes["time_s"][known], column[known]
    moments = np.unique(times)
    rows = []
    for moment in moments.tolist():
        there = column[times == moment]
        rows.append((float(there.mean()), *interval(there)))
    mean, low, high = np.array(rows, np.float64).reshape(-1, 3).T
    return Series(moments, mean, low, high)
