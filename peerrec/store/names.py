"""Keep one table of names: raw id ↔ code, in SQLite."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt

from peerrec.store.rows import Names, RawId, in_order

__all__ = ["NameTable"]


class NameTable:
    """The names of peers or of items; a code is never given twice."""

    def __init__(self, connection: sqlite3.Connection, table: str) -> None:
        self._connection = connection
        self._table = table
        self._find = f"SELECT code FROM {table} WHERE id = ?"
        self._insert = f"INSERT INTO {table} (id) VALUES (?)"

    def find(self, raw: RawId) -> int | None:
        """Return the code of a raw id, or None when it is unknown."""
        row = self._connection.execute(self._find, (raw,)).fetchone()
        return None if row is None else int(row[0])

    def code(self, raw: RawId) -> int:
        """Return the code of a raw id, giving it one at first sight."""
        code = self.find(raw)
        if code is not None:
            return code
        return int(self._connection.execute(self._insert, (raw,)).lastrowid or 0)

    def codes(self, raws: Iterable[RawId]) -> dict[RawId, int]:
        """Return the codes of all distinct raw ids, giving new ones where needed."""
        return {raw: self.code(raw) for raw in dict.fromkeys(raws)}

    def raw(self, code: int) -> RawId:
        """Return the raw id of a code that exists."""
        query = f"SELECT id FROM {self._table} WHERE code = ?"
        raw: RawId = self._connection.execute(query, (code,)).fetchone()[0]
        return raw

    def of(self, codes: Sequence[int]) -> list[RawId]:
        """Return the raw ids of some codes."""
        query = f"SELECT id FROM {self._table} WHERE code = ?"
        rows = ((code, self._connection.execute(query, (code,)).fetchone()) for code in set(codes))
        return in_order(codes, {code: row[0] for code, row in rows if row is not None})

    def rename(self, code: int, raw: RawId) -> None:
        """Give a code a raw id that no other code has."""
        query = f"UPDATE {self._table} SET id = ? WHERE code = ?"
        self._connection.execute(query, (raw, code))

    def remove(self, code: int) -> None:
        """Remove one name, which nothing may refer to any more."""
        self._connection.execute(f"DELETE FROM {self._table} WHERE code = ?", (code,))

    def names(self, after: int = 0) -> Names:
        """Return all names with codes above ``after``."""
        query = f"SELECT code, id FROM {self._table} WHERE code > ? ORDER BY code"
        rows = self._connection.execute(query, (after,)).fetchall()
        codes = np.fromiter((row[0] for row in rows), np.int32, len(rows))
        return Names(codes, [row[1] for row in rows])

    def count(self) -> int:
        """Return how many names there are."""
        return int(self._connection.execute(f"SELECT count(*) FROM {self._table}").fetchone()[0])

    def keep_only(self, used: npt.NDArray[np.integer]) -> int:
        """Remove every name whose code is not in ``used``; return how many."""
        query = f"SELECT code FROM {self._table} ORDER BY code"
        codes = np.array(self._connection.execute(query).fetchall(), np.int64).reshape(-1)
        unused = np.setdiff1d(codes, used)
        self._connection.executemany(
            f"DELETE FROM {self._table} WHERE code = ?", ((int(code),) for code in unused)
        )
        return len(unused)
