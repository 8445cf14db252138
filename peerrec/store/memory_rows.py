"""Hold coded interactions in memory, a few bytes each, in order of arrival.

Example:
    >>> rows = MemoryRows()
    >>> rows.append([(7, 1, 1.0, 100, True), (8, 2, 0.5, 101, True)])
    >>> rows.remove(rows.block().author == 7), rows.block().minute.tolist()
    (1, [101])
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping
from typing import Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt

from peerrec.store.packing import Block, CodedRow

__all__ = ["MemoryRows"]

ROW: Final = struct.Struct("<iifI?")
LAYOUT: Final = np.dtype(
    [("author", "<i4"), ("item", "<i4"), ("weight", "<f4"), ("minute", "<u4"), ("public", "?")]
)
"""A row as numpy reads it: weights are stored as float32, minutes end before the year 10000."""

Table: TypeAlias = npt.NDArray[Any]


class MemoryRows:
    """The interactions of one store: `ROW.size` bytes each, and room to grow by an eighth."""

    __slots__ = ("_packed",)

    def __init__(self) -> None:
        self._packed = bytearray()

    def __len__(self) -> int:
        return len(self._packed) // ROW.size

    def append(self, rows: Iterable[CodedRow]) -> None:
        """Add checked rows at the end."""
        for row in rows:
            self._packed += ROW.pack(*row)

    def block(self, start: int = 0) -> Block:
        """Return the rows from one on, as columns."""
        table = self._table(start)
        return Block(
            table["author"].astype(np.int32),
            table["item"].astype(np.int32),
            table["weight"].astype(np.float32),
            table["minute"].astype(np.int64),
            table["public"].astype(np.bool_),
        )

    def remove(self, doomed: npt.NDArray[np.bool_]) -> int:
        """Remove the rows that a mask over all of them chooses; return how many."""
        removed = int(np.count_nonzero(doomed))
        if removed:
            self._packed = bytearray(self._table()[~doomed].tobytes())
        return removed

    def recode_items(self, ends: Mapping[int, int]) -> None:
        """Give items other codes."""
        table = self._table().copy()
        table["item"] = [ends.get(code, code) for code in table["item"].tolist()]
        self._packed = bytearray(table.tobytes())

    def _table(self, start: int = 0) -> Table:
        # Of a copy: a view would forbid the packed bytes to grow.
        return np.frombuffer(bytes(self._packed[start * ROW.size :]), LAYOUT)
