"""Tell sequence numbers as runs and compare them without writing them all out.

Example:
    >>> runs_of([0, 1, 2, 7])
    (0, 3, 4, 1)
    >>> not_in([1, 2, 3], (0, 3, 4, 1)), n_missing([1, 2, 3], (0, 3, 4, 1), floor=0)
    ([3], 2)
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from itertools import pairwise

from peerrec.limits import RUNS_MAX

__all__ = ["expand", "n_missing", "not_in", "runs_of"]


def runs_of(seqs: Sequence[int]) -> tuple[int, ...]:
    """Return ascending numbers as gap, held, gap, held, …; the first gap is the first number.

    Where there are more than RUNS_MAX the oldest numbers are left out: the other side
    then sends or asks for some of them twice, and none is lost.
    """
    if not seqs:
        return ()
    starts = [seqs[0]]
    lengths: list[int] = []
    for before, seq in pairwise(seqs):
        if seq != before + 1:
            lengths.append(before + 1 - starts[-1])
            starts.append(seq)
    lengths.append(seqs[-1] + 1 - starts[-1])
    keep = RUNS_MAX // 2
    starts, lengths = starts[-keep:], lengths[-keep:]
    runs: list[int] = []
    end = 0
    for start, length in zip(starts, lengths, strict=True):
        runs += (start - end, length)
        end = start + length
    return tuple(runs)


def _intervals(runs: Sequence[int]) -> list[tuple[int, int]]:
    """Return (first, end) of each run."""
    intervals, at = [], 0
    for gap, held in zip(runs[::2], runs[1::2], strict=False):
        intervals.append((at + gap, at + gap + held))
        at += gap + held
    return intervals


def not_in(seqs: Sequence[int], runs: Sequence[int]) -> list[int]:
    """Return those of ``seqs`` (ascending) that no run holds; cost n log n, not the runs' sum."""
    rest: list[int] = []
    at = 0
    for first, end in _intervals(runs):
        start = bisect_left(seqs, first, at)
        rest += seqs[at:start]
        at = bisect_left(seqs, end, start)
    return rest + list(seqs[at:])


def n_missing(seqs: Sequence[int], runs: Sequence[int], floor: int) -> int:
    """Return how many numbers from ``floor`` on the runs hold that are not in ``seqs``."""
    missing = 0
    for first, end in _intervals(runs):
        low = max(first, floor)
        if low < end:
            missing += end - low - (bisect_left(seqs, end) - bisect_left(seqs, low))
    return missing


def expand(runs: Sequence[int]) -> list[int]:
    """Return the numbers in runs; only where their count is bounded already."""
    return [seq for first, end in _intervals(runs) for seq in range(first, end)]
