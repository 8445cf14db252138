"""Give a store's names the dense codes that a graph needs.

Codes follow the order of the store's codes, after a few names that come first
whether the store knows them or not. So the same store and the same first names give
the same codes, and arrays of an earlier run keep their meaning.

Example:
    >>> users = NameCodes(["me"])
    >>> users.extend(Names(np.array([3, 7, 9], np.int32), ["ann", "me", "bob"]))
    >>> users.of(np.array([9, 3, 7, 9])).tolist(), users.last
    ([2, 1, 0, 2], 9)
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from peerrec.errors import DataError
from peerrec.ranking.interning import Interner
from peerrec.store.rows import Names, RawId

__all__ = ["NameCodes"]

Int32s: TypeAlias = npt.NDArray[np.int32]


class NameCodes:
    """A growing table store code → graph code.

    Args:
        first: raw ids that get the codes 0, 1, …

    Attributes:
        interner: raw id ↔ graph code.
        last: the largest store code seen.
    """

    def __init__(self, first: Iterable[RawId] = ()) -> None:
        self.interner = Interner(first)
        self.last = 0
        self._table = np.full(1, -1, np.int32)

    def __len__(self) -> int:
        return len(self.interner)

    def extend(self, names: Names) -> None:
        """Take in names with store codes above `last`, ascending."""
        if not len(names):
            return
        self.last = int(names.codes[-1])
        if self.last >= len(self._table):
            grown = np.full(self.last + 1 + self.last // 2, -1, np.int32)
            grown[: len(self._table)] = self._table
            self._table = grown
        self._table[names.codes] = self.interner.codes(names.ids)

    def of(self, codes: npt.NDArray[np.integer]) -> Int32s:
        """Return graph codes of store codes; DataError when one has no name."""
        if len(codes) and int(codes.max()) > self.last:
            raise DataError(f"code {int(codes.max())} has no name: the last code is {self.last}")
        found: Int32s = self._table[codes]
        if len(found) and int(found.min()) < 0:
            raise DataError(f"code {int(codes[np.argmin(found)])} has no name: it was removed")
        return found
