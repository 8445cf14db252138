"""Check, sort and merge columns of trust edges; the newest statement about a pair wins.

Example:
    >>> said = checked_batch([3, 3], [4, 4], [1.0, -1.0], [10.0, 10.0], now=None)
    >>> newest(said).weight.tolist()   # at equal times the lower weight counts
    [-1.0]
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from peerrec.errors import DataError

__all__ = [
    "NODES_MAX",
    "TrustEdgeColumns",
    "check_edge",
    "checked_batch",
    "joined",
    "keys",
    "newest",
    "take",
]

Int32s = npt.NDArray[np.int32]
Int64s = npt.NDArray[np.int64]
Float32s = npt.NDArray[np.float32]
Float64s = npt.NDArray[np.float64]

NODES_MAX = 2**31 - 1
"""Codes are int32."""


class TrustEdgeColumns(NamedTuple):
    """Columns of trust edges, one row each, sorted by (source, target).

    Attributes:
        source: int32 codes of who trusts.
        target: int32 codes of who is trusted.
        weight: float32 in [−1, 1]; 0 marks a withdrawn edge that is still remembered.
        time: float64 unix seconds.
    """

    source: Int32s
    target: Int32s
    weight: Float32s
    time: Float64s


def keys(columns: TrustEdgeColumns) -> Int64s:
    """Return one int64 for each (source, target), in the same order."""
    return (columns.source.astype(np.int64) << 32) | columns.target


def take(columns: TrustEdgeColumns, order: npt.NDArray[np.intp]) -> TrustEdgeColumns:
    """Return the edges at these positions."""
    source, target, weight, time = columns
    return TrustEdgeColumns(source[order], target[order], weight[order], time[order])


def joined(old: TrustEdgeColumns, new: TrustEdgeColumns) -> TrustEdgeColumns:
    """Return one set of columns behind the other, unsorted."""
    return TrustEdgeColumns(
        np.concatenate([old.source, new.source]),
        np.concatenate([old.target, new.target]),
        np.concatenate([old.weight, new.weight]),
        np.concatenate([old.time, new.time]),
    )


def newest(columns: TrustEdgeColumns) -> TrustEdgeColumns:
    """Sort by (source, target) and keep, of each pair, the edge that counts.

    A knockout: each pass lets neighbours inside a run of equal pairs meet, so a pair
    said r times takes log2(r) passes and pairs said once cost nothing.
    """
    key = keys(columns)
    order = np.argsort(key, kind="stable")
    while True:
        ordered = key[order]
        repeats = np.append([False], ordered[1:] == ordered[:-1])
        if not repeats.any():
            return take(columns, order)
        position = np.arange(len(order))
        in_run = position - np.maximum.accumulate(np.where(repeats, 0, position))
        second = np.flatnonzero(in_run & 1)
        a, b = order[second - 1], order[second]
        newer = columns.time[b] > columns.time[a]
        tied = (columns.time[b] == columns.time[a]) & (columns.weight[b] < columns.weight[a])
        order[second - 1] = np.where(newer | tied, b, a)
        order = np.delete(order, second)


def check_edge(source: int, target: int, weight: float, time: float, now: float | None) -> None:
    """Raise a DataError for a code, weight or time that no edge may have."""
    if not (0 <= source < NODES_MAX and 0 <= target < NODES_MAX):
        raise DataError(f"trust {source} → {target}: node codes lie in 0 … {NODES_MAX - 1}")
    if not -1.0 <= weight <= 1.0:
        raise DataError(f"trust {source} → {target}: weight {weight} lies outside [−1, 1]")
    if not math.isfinite(time):
        raise DataError(f"trust {source} → {target}: time {time} is not a number of seconds")
    if now is not None and time > now:
        raise DataError(f"trust {source} → {target}: time {time} lies in the future of {now}")


def checked_batch(
    source: npt.ArrayLike,
    target: npt.ArrayLike,
    weight: npt.ArrayLike,
    time: npt.ArrayLike,
    now: float | None,
) -> TrustEdgeColumns:
    """Return the columns, typed; raise a DataError naming the first row that is refused."""
    sources, targets = np.asarray(source), np.asarray(target)
    weights, times = np.asarray(weight, np.float64), np.asarray(time, np.float64)
    lengths = [len(sources), len(targets), len(weights), len(times)]
    if len(set(lengths)) > 1:
        raise DataError(f"trust columns differ in length: {lengths}")
    # written so that a NaN counts as refused
    good = (weights >= -1.0) & (weights <= 1.0) & np.isfinite(times)
    good &= (sources >= 0) & (sources < NODES_MAX) & (targets >= 0) & (targets < NODES_MAX)
    if now is not None:
        good &= times <= now
    if not good.all():
        row = int(np.argmin(good))
        edge = (int(sources[row]), int(targets[row]), float(weights[row]), float(times[row]))
        try:
            check_edge(*edge, now)
        except DataError as error:
            raise DataError(f"row {row}: {error}") from None
    return TrustEdgeColumns(
        sources.astype(np.int32),
        targets.astype(np.int32),
        weights.astype(np.float32),
        times,
    )
