"""Keep what is known of each segment in columns: some 60 bytes a segment, free rows reused.

Example:
    >>> columns = SegmentColumns()
    >>> row = columns.put(0, 5, bytes(32), 20_780, 300, 1)
    >>> int(columns.seqs[row]), len(columns)
    (5, 1)
    >>> columns.free(row)
    >>> len(columns)
    0
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

__all__ = ["FREE", "SegmentColumns"]

FREE: Final = -1
"""In place of a log's code: nothing is in this row."""

_FIRST_ROWS: Final = 64


class SegmentColumns:
    """Rows of segments, found by their number; rows beyond the last one in use are free.

    Attributes:
        ids: uint8, shape (n, 32).
        seqs: numbers in their logs.
        codes: of the logs; `FREE` where there is no segment.
        arrivals: 0 where there is no segment.
        last_days: last day on which the segment counts.
        sizes: bytes of the frames.
    """

    __slots__ = ("_free", "_n_rows", "arrivals", "codes", "ids", "last_days", "seqs", "sizes")

    def __init__(self) -> None:
        self.ids = np.zeros((_FIRST_ROWS, 32), np.uint8)
        self.seqs = np.zeros(_FIRST_ROWS, np.uint64)
        self.codes = np.full(_FIRST_ROWS, FREE, np.int32)
        self.arrivals = np.zeros(_FIRST_ROWS, np.int64)
        self.last_days = np.zeros(_FIRST_ROWS, np.int32)
        self.sizes = np.zeros(_FIRST_ROWS, np.int32)
        self._free: list[int] = []
        self._n_rows = 0

    def __len__(self) -> int:
        return self._n_rows - len(self._free)

    def put(self, code: int, seq: int, id: bytes, last_day: int, n_bytes: int, arrival: int) -> int:
        """Take a segment in and return its row."""
        row = self._free.pop() if self._free else self._next()
        self.ids[row] = np.frombuffer(id, np.uint8)
        self.seqs[row] = seq
        self.codes[row] = code
        self.arrivals[row] = arrival
        self.last_days[row] = last_day
        self.sizes[row] = n_bytes
        return row

    def free(self, row: int) -> None:
        """Forget what is in a row."""
        self.codes[row] = FREE
        self.arrivals[row] = 0
        self._free.append(row)

    def _next(self) -> int:
        if self._n_rows == len(self.codes):
            size = self._n_rows * 5 // 4 + _FIRST_ROWS
            self.ids = _grown(self.ids, size)
            self.seqs = _grown(self.seqs, size)
            self.codes = _grown(self.codes, size, FREE)
            self.arrivals = _grown(self.arrivals, size)
            self.last_days = _grown(self.last_days, size)
            self.sizes = _grown(self.sizes, size)
        self._n_rows += 1
        return self._n_rows - 1


def _grown(column: NDArray[Any], size: int, filler: int = 0) -> NDArray[Any]:
    """Return a column with more rows."""
    grown = np.full((size, *column.shape[1:]), filler, column.dtype)
    grown[: len(column)] = column
    return grown
