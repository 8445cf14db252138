"""Turn raw ids into dense int32 codes, and codes back into raw ids.

Arrays of int32 are what the ranking works on; raw ids (strings or bytes) go in
and come out everywhere else. A code, once given, never changes its meaning.

Example:
    >>> names = Interner()
    >>> names.codes(["x", "y", "x"]).tolist()
    [0, 1, 0]
    >>> names[1], names.find("z")
    ('y', None)
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

__all__ = ["Coded", "Interner", "RawId"]

RawId: TypeAlias = str | bytes
Codes: TypeAlias = npt.NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class Coded:
    """A column of ids in dictionary encoding: row r holds ``ids[codes[r]]``.

    The form in which a batch is cheap: each distinct id is hashed once, not once
    a row (Arrow and Parquet call it a dictionary array).

    Attributes:
        ids: the distinct raw ids.
        codes: positions in ``ids``, integers, shape (m,).
    """

    ids: Sequence[RawId]
    codes: npt.NDArray[np.integer]

    def __len__(self) -> int:
        return len(self.codes)


class Interner:
    """A growing table raw id ↔ code, codes 0, 1, 2 … in order of first sight."""

    __slots__ = ("_codes", "_ids")

    def __init__(self, ids: Iterable[RawId] = ()) -> None:
        self._ids: list[RawId] = list(dict.fromkeys(ids))
        self._codes: dict[RawId, int] = {raw: code for code, raw in enumerate(self._ids)}

    def __len__(self) -> int:
        return len(self._ids)

    def __iter__(self) -> Iterator[RawId]:
        return iter(self._ids)

    def __getitem__(self, code: int) -> RawId:
        """Return the raw id of a code; IndexError when no such code was given."""
        return self._ids[code]

    def __contains__(self, raw: object) -> bool:
        return raw in self._codes

    def find(self, raw: RawId) -> int | None:
        """Return the code of a raw id, or None when it was never seen."""
        return self._codes.get(raw)

    def code(self, raw: RawId) -> int:
        """Return the code of a raw id, giving it the next one at first sight."""
        code = self._codes.get(raw)
        if code is None:
            code = self._codes[raw] = len(self._ids)
            self._ids.append(raw)
        return code

    def codes(self, column: Coded | Iterable[RawId]) -> Codes:
        """Return the int32 codes of a whole column, adding what is new. Linear."""
        if isinstance(column, Coded):
            return np.take(self.codes(column.ids), column.codes)
        rows = column if isinstance(column, Sequence) else list(column)
        try:
            return np.fromiter(map(self._codes.__getitem__, rows), np.int32, len(rows))
        except KeyError:
            new = [raw for raw in dict.fromkeys(rows) if raw not in self._codes]
            self._codes.update(zip(new, count(len(self._ids)), strict=False))
            self._ids += new
        return np.fromiter(map(self._codes.__getitem__, rows), np.int32, len(rows))

    def raw(self, codes: Iterable[int]) -> list[RawId]:
        """Return the raw ids of some codes."""
        return [self._ids[code] for code in codes]
