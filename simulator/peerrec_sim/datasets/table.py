r"""Parse tables of text in bulk, and name the line where one is broken.

A block of bytes is cut into fields by NumPy, without a Python object per field:
1 M rows of integers take about 0.2 s. Checks are vectorised too, so a broken row is
found without a second pass; only fields that do not read as numbers are looked at
one by one, to name the first.

Example:
    >>> from pathlib import Path
    >>> source = Source(Path("plays.txt"), b"7 30 2\n7 31 1.5\n")
    >>> ids, numbers, lines = read_columns(source, WHITESPACE, 0, 3, ids=[0, 1], numbers=[2])
    >>> [column.tolist() for column in ids], numbers[0].tolist(), lines.tolist()
    ([[7, 7], [30, 31]], [2.0, 1.5], [1, 2])
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import reduce

import numpy as np
import numpy.typing as npt

from peerrec_sim.datasets.layouts import WHITESPACE
from peerrec_sim.datasets.sources import Source, decode

__all__ = ["WHITESPACE", "Ids", "Source", "quoted_rows", "read_columns", "read_lists"]

Bytes = npt.NDArray[np.uint8]
Int32s = npt.NDArray[np.int32]
Int64s = npt.NDArray[np.int64]
Float64s = npt.NDArray[np.float64]

Ids = Int64s | npt.NDArray[np.object_]
"""Raw names: int64 where every one is written as a plain integer, else str objects."""

_BLOCK_BYTES = 4 << 20
"""Parsed at a time: bounds the scratch memory, and the arrays stay near the cache."""

_DIGITS_MAX = 18
"""Longer runs of digits may not fit into int64 and stay text."""

_UNIT = b"\x1f"
"""Stands for a separator that is longer than a byte, or for commas outside quotes."""


@dataclass(frozen=True, slots=True)
class _Fields:
    """Where the fields of a block are; the arrays have one entry a field.

    Attributes:
        source: for messages.
        data: the bytes of the block.
        start: position of the first byte.
        end: position behind the last byte.
        line: line in the file, from 1.
    """

    source: Source
    data: Bytes
    start: Int64s
    end: Int64s
    line: Int32s

    def take(self, chosen: slice | npt.NDArray[np.bool_] | Int64s) -> _Fields:
        """Return some of the fields."""
        start, end, line = self.start[chosen], self.end[chosen], self.line[chosen]
        return _Fields(self.source, self.data, start, end, line)

    def text(self, at: int) -> str:
        """Return one field."""
        return decode(self.data[self.start[at] : self.end[at]].tobytes())

    def ids(self, integers_only: bool) -> Ids:
        """Return raw names.

        Raises:
            DataError: a name is empty, or no integer where it must be one.
        """
        empty = np.flatnonzero(self.start == self.end)
        if len(empty):
            raise self.source.error(int(self.line[empty[0]]), "a name is empty")
        integers = self._integers()
        if integers is not None:
            return integers
        if integers_only:
            self._refuse_text()
        # Not through S arrays: they drop trailing NUL bytes and cannot hold long names cheaply.
        raw = self.data.tobytes()
        bounds = zip(self.start.tolist(), self.end.tolist(), strict=True)
        names = [decode(raw[start:end]) for start, end in bounds]
        column = np.empty(len(names), object)
        column[:] = names
        return column

    def _refuse_text(self) -> None:
        """Refuse the first field that is not made of digits."""
        for at in range(len(self.start)):
            text = self.text(at)
            if not (text.isascii() and text.isdigit()):
                message = f"the name {text[:40]!r} is no whole number, as the others are"
                raise self.source.error(int(self.line[at]), message)

    def numbers(self, what: str) -> Float64s:
        """Return finite numbers.

        Raises:
            DataError: a field is no number, or an infinite one.
        """
        integers = self._integers()
        if integers is not None:
            return integers.astype(np.float64)
        try:
            values = self._fixed_width().astype(np.float64)
        except ValueError:
            raise self._first_not_a_number(what) from None
        broken = np.flatnonzero(~np.isfinite(values))
        if len(broken):
            at = int(broken[0])
            message = f"the {what} is {self.text(at)!r}; it must be a finite number"
            raise self.source.error(int(self.line[at]), message)
        return values

    def _integers(self) -> Int64s | None:
        """Return the fields as integers; None unless all are written canonically."""
        length = self.end - self.start
        if not len(length):
            return np.zeros(0, np.int64)
        longest = int(length.max())
        if longest > _DIGITS_MAX or not length.min():
            return None
        first = self.data[self.start]
        if ((first == ord("0")) & (length > 1)).any():
            return None
        values = np.zeros(len(length), np.int64)
        for place in range(longest):
            inside = place < length
            # Clamped, not masked: a gather outside the field reads any byte of the block.
            digit = self.data[np.minimum(self.start + place, self.end - 1)] - np.uint8(ord("0"))
            if (digit[inside] > 9).any():
                return None
            values = np.where(inside, values * 10 + digit, values)
        return values

    def _fixed_width(self) -> npt.NDArray[np.bytes_]:
        """Return the fields as an S array."""
        length = self.end - self.start
        longest = max(1, int(length.max(initial=1)))
        # No number needs more bytes; a wider array would let one broken row eat the memory.
        if longest > 64:
            raise ValueError
        wide = np.zeros((len(length), longest), np.uint8)
        for place in range(longest):
            inside = place < length
            wide[inside, place] = self.data[self.start[inside] + place]
        return wide.reshape(-1).view(f"S{longest}")

    def _first_not_a_number(self, what: str) -> Exception:
        """Return the error about the first field that is no number."""
        for at in range(len(self.start)):
            text = self.text(at)
            try:
                float(text)
            except ValueError:
                message = f"the {what} is {text[:40]!r}; it must be a finite number"
                return self.source.error(int(self.line[at]), message)
        raise AssertionError("every field is a number after all")


def read_columns(
    source: Source,
    separator: bytes,
    skip_lines: int,
    n_columns: int,
    *,
    ids: Sequence[int],
    numbers: Sequence[int],
    what: Sequence[str] = ("weight", "time"),
    integers_only: Sequence[bool] = (False, False),
) -> tuple[list[Ids], list[Float64s], Int32s]:
    """Return the asked columns of a table, and the line of each row.

    Blank lines are passed over.

    Args:
        source: the text.
        separator: between fields; WHITESPACE for runs of blanks.
        skip_lines: comments and header before the first row.
        n_columns: every row must have as many.
        ids: columns that hold raw names.
        numbers: columns that hold finite numbers.
        what: the numbers' meanings, for messages.
        integers_only: per column of names, whether text in it is a broken row.

    Raises:
        DataError: a row has another number of columns, an empty name or a number that
            is none; names file and line.
    """
    id_blocks: list[list[Ids]] = [[] for _ in ids]
    number_blocks: list[list[Float64s]] = [[] for _ in numbers]
    line_blocks = []
    for fields in _blocks(source, separator, skip_lines):
        _check_columns(fields, n_columns)
        for column, blocks, plain in zip(ids, id_blocks, integers_only, strict=False):
            blocks.append(fields.take(slice(column, None, n_columns)).ids(plain))
        for column, meaning, found in zip(numbers, what, number_blocks, strict=False):
            found.append(fields.take(slice(column, None, n_columns)).numbers(meaning))
        line_blocks.append(fields.line[::n_columns])
    lines = np.concatenate([np.zeros(0, np.int32), *line_blocks])
    values = [np.concatenate([np.zeros(0), *blocks]) for blocks in number_blocks]
    return [_joined(blocks) for blocks in id_blocks], values, lines


def read_lists(
    source: Source, skip_lines: int, integers_only: bool
) -> tuple[Ids, Ids, Int32s, Ids]:
    """Return (user, item, line) of adjacency lists, then all users in order of lines.

    A line ``user item item …`` may hold no items; its user is among the last column.

    Raises:
        DataError: a name is text although only integers are allowed.
    """
    users, items, owners, line_blocks = [], [], [], []
    for fields in _blocks(source, WHITESPACE, skip_lines):
        opens = np.ones(len(fields.line), bool)
        opens[1:] = fields.line[1:] != fields.line[:-1]
        owner = fields.take(opens).ids(integers_only)
        of_field = np.cumsum(opens) - 1
        rest = fields.take(~opens)
        owners.append(owner)
        users.append(owner[of_field[~opens]])
        items.append(rest.ids(integers_only))
        line_blocks.append(rest.line)
    lines = np.concatenate([np.zeros(0, np.int32), *line_blocks])
    return _joined(users), _joined(items), lines, _joined(owners)


def _joined(blocks: list[Ids]) -> Ids:
    """Concatenate blocks of names; all become text where one is."""
    if all(block.dtype == np.int64 for block in blocks):
        return np.concatenate([np.zeros(0, np.int64), *blocks])
    return np.concatenate([block.astype(str).astype(object) for block in blocks])


def _check_columns(fields: _Fields, n_columns: int) -> None:
    """Refuse a block in which a row has another number of columns."""
    opens = np.flatnonzero(np.diff(fields.line, prepend=-1, append=-1))
    counts = np.diff(opens)
    wrong = np.flatnonzero(counts != n_columns)
    if len(wrong):
        line, found = int(fields.line[opens[wrong[0]]]), int(counts[wrong[0]])
        raise fields.source.error(line, f"expected {n_columns} columns, found {found}")


def _blocks(source: Source, separator: bytes, skip_lines: int) -> Iterator[_Fields]:
    """Yield the fields of whole lines, block by block."""
    start, at = 0, 0
    for _ in range(skip_lines):
        start = source.data.index(b"\n", start) + 1
    data, separator = _one_byte_separator(source, start, skip_lines + 1, separator)
    line = skip_lines + 1
    while at < len(data):
        to = data.find(b"\n", min(at + _BLOCK_BYTES, len(data) - 1)) + 1
        fields = _cut(source, data[at:to], separator, line)
        if len(fields.line):
            yield fields
        line += data.count(b"\n", at, to)
        at = to


def _one_byte_separator(
    source: Source, start: int, line: int, separator: bytes
) -> tuple[bytes, bytes]:
    """Return the rows with a separator of at most one byte, and no quotes."""
    data = source.data[start:]
    if separator != WHITESPACE and b'"' in data:
        rows = quoted_rows(source, data, line, separator.decode()[:1])
        return "\n".join(_UNIT.decode().join(row) for row in rows).encode(), _UNIT
    if len(separator) > 1:
        return data.replace(separator, _UNIT), _UNIT
    return data, separator


def quoted_rows(
    source: Source, data: bytes, line: int, delimiter: str = ","
) -> Iterator[list[str]]:
    """Yield the fields of each line, where fields may be quoted; blank lines have none.

    Lines end at a newline only, also inside quotes: then every row has a line number.

    Args:
        source: for messages.
        data: whole lines of it.
        line: number of the first of them.
        delimiter: between fields.

    Raises:
        DataError: the quotes of a line cannot be understood.
    """
    for number, text in enumerate(decode(data).split("\n"), start=line):
        try:
            yield next(csv.reader([text.rstrip("\r")], delimiter=delimiter), [])
        except csv.Error as error:
            raise source.error(number, f"the row cannot be read: {error}") from error


def _cut(source: Source, raw: bytes, separator: bytes, line: int) -> _Fields:
    """Return the fields of a block; blank lines hold none."""
    data = np.frombuffer(raw, np.uint8)
    newline = data == ord("\n")
    if separator == WHITESPACE:
        inside = np.zeros(len(data) + 2, np.int8)
        inside[1:-1] = data > ord(" ")
        bounds = np.flatnonzero(np.diff(inside))
        start, end = bounds[0::2], bounds[1::2]
    else:
        cuts = np.flatnonzero((data == separator[0]) | newline)
        start, end = _trimmed(data, np.concatenate([[0], cuts[:-1] + 1]), cuts)
    lines_before = np.cumsum(newline, dtype=np.int32)
    # A field never holds a newline, but an empty one starts on the newline that ends it.
    lines = line + lines_before[start] - newline[start]
    fields = _Fields(source, data, start, end, lines.astype(np.int32))
    return fields if separator == WHITESPACE else _without_blank_lines(fields)


def _trimmed(data: Bytes, start: Int64s, end: Int64s) -> tuple[Int64s, Int64s]:
    """Take blanks, tabs and carriage returns off both sides of fields."""
    blank = reduce(np.logical_or, [data == ord(mark) for mark in " \t\r"])
    if not blank.any():
        return start, end
    while (moved := (start < end) & blank[np.minimum(start, len(data) - 1)]).any():
        start = start + moved
    while (moved := (start < end) & blank[end - 1]).any():
        end = end - moved
    return start, end


def _without_blank_lines(fields: _Fields) -> _Fields:
    """Drop lines that hold a single empty field."""
    alone = np.ones(len(fields.line), bool)
    differs = fields.line[1:] != fields.line[:-1]
    alone[1:] &= differs
    alone[:-1] &= differs
    return fields.take(~(alone & (fields.start == fields.end)))
