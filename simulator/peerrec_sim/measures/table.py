"""Hold measurements as typed columns with a documented schema.

Example:
    >>> schema = Schema("lengths", "One row per path.", (
    ...     Column("path", "<U16", "its name"), Column("metres", "f8", "its length")))
    >>> table = schema.table(path=["a", "b"])
    >>> len(table), table["path"].tolist(), table["metres"].tolist()
    (2, ['a', 'b'], [nan, nan])
"""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from peerrec.errors import DataError

__all__ = ["Column", "Schema", "Table"]

Values: TypeAlias = npt.NDArray[Any]

SHOWN_ROWS = 10
"""Rows that a notebook shows."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column: numpy's name of its type, and what it means, unit included.

    A missing value is NaN in a float column, 0, False or "" elsewhere: only floats can
    say that nothing was measured.
    """

    name: str
    dtype: str
    meaning: str

    def blank(self, n_rows: int) -> Values:
        """Return n values that say: not measured."""
        fill = np.nan if np.dtype(self.dtype).kind == "f" else 0
        if np.dtype(self.dtype).kind == "U":
            return np.full(n_rows, "", self.dtype)
        return np.full(n_rows, fill, self.dtype)


@dataclass(frozen=True, slots=True)
class Schema:
    """The columns of one table, and what a row of it stands for."""

    name: str
    meaning: str
    columns: tuple[Column, ...]

    def table(self, **values: npt.ArrayLike) -> Table:
        """Return a table of these columns; those not given are blank.

        Raises:
            DataError: a column is unknown, or the lengths differ.
        """
        return self.of(values)

    def of(self, values: Mapping[str, npt.ArrayLike]) -> Table:
        """Return a table of the given columns; see `table`."""
        known = {column.name for column in self.columns}
        if unknown := sorted(set(values) - known):
            raise DataError(f"table {self.name} has no column {', '.join(unknown)}")
        lengths = {name: len(np.asarray(column)) for name, column in values.items()}
        if len(set(lengths.values())) > 1:
            raise DataError(f"the columns of table {self.name} differ in length: {lengths}")
        n_rows = next(iter(lengths.values()), 0)
        columns = {
            each.name: np.asarray(values[each.name], each.dtype)
            if each.name in values
            else each.blank(n_rows)
            for each in self.columns
        }
        return Table(self, columns)

    def joined(self, tables: Sequence[Table]) -> Table:
        """Return the rows of all tables, in order."""
        if not tables:
            return self.table()
        return Table(
            self,
            {
                each.name: np.concatenate([table[each.name] for table in tables])
                for each in self.columns
            },
        )


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """Columns of one length, in the order of their schema; make one with `Schema.table`."""

    schema: Schema
    columns: dict[str, Values]

    def __len__(self) -> int:
        return len(next(iter(self.columns.values()), ()))

    def __getitem__(self, name: str) -> Values:
        """Return a column.

        Raises:
            DataError: there is no such column; names those there are.
        """
        if name not in self.columns:
            raise DataError(
                f"table {self.schema.name} has no column {name!r}; it has {', '.join(self.columns)}"
            )
        return self.columns[name]

    def take(self, rows: npt.NDArray[np.bool_] | npt.NDArray[np.intp]) -> Table:
        """Return the rows chosen by a mask or by positions."""
        return Table(self.schema, {name: column[rows] for name, column in self.columns.items()})

    def sorted_by(self, *names: str) -> Table:
        """Return the rows in ascending order, the first name first."""
        return self.take(np.lexsort([self[name] for name in reversed(names)]))

    def _repr_html_(self) -> str:
        """Return the first rows as a notebook shows them."""
        head = "".join(
            f'<th title="{html.escape(each.meaning)}">{html.escape(each.name)}</th>'
            for each in self.schema.columns
        )
        body = "".join(
            "<tr>" + "".join(f"<td>{html.escape(str(value))}</td>" for value in row) + "</tr>"
            for row in zip(*(c[:SHOWN_ROWS].tolist() for c in self.columns.values()), strict=True)
        )
        count = f"{html.escape(self.schema.name)}: {len(self)} rows"
        return f"<table><caption>{count}</caption><tr>{head}</tr>{body}</table>"
