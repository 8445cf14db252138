"""Read lines, CSV and JSON lines with the number of each line at hand."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO, Final

from peerrec.errors import DataError
from peerrec_node.imports.rows import ImportAccount

__all__ = ["Lines", "csv_records", "csv_rows", "field", "json_records"]

LINE_BYTES_MAX: Final = 1 << 20
"""Longest line: a listen with all its metadata takes some 5 kB."""


class Lines:
    """The lines of a UTF-8 file as text; those that are not UTF-8 are accounted for.

    Attributes:
        number: of the line that came last, from 1.
    """

    def __init__(self, stream: BinaryIO, account: ImportAccount) -> None:
        self._stream = stream
        self._account = account
        self.number = 0

    def __iter__(self) -> Iterator[str]:
        while raw := self._stream.readline(LINE_BYTES_MAX + 1):
            self.number += 1
            if len(raw) > LINE_BYTES_MAX:
                self._account.broken(self.number, f"is longer than {LINE_BYTES_MAX} bytes")
                while raw and not raw.endswith(b"\n"):
                    raw = self._stream.readline(LINE_BYTES_MAX)
                continue
            try:
                yield raw.decode("utf-8-sig" if self.number == 1 else "utf-8")
            except UnicodeDecodeError as error:
                self._account.broken(self.number, f"is not UTF-8 at byte {error.start}")


def csv_rows(
    stream: BinaryIO, account: ImportAccount, *, delimiter: str = ","
) -> Iterator[tuple[int, list[str]]]:
    """Yield (line number, cells) of all rows that are not empty."""
    lines = Lines(stream, account)
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    while True:
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            account.broken(lines.number, str(error))
            continue
        if cells:
            yield lines.number, cells


def csv_records(
    stream: BinaryIO, account: ImportAccount, *, delimiter: str = ","
) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield (line number, cells by column name) of a file whose first row names columns."""
    rows = csv_rows(stream, account, delimiter=delimiter)
    header = [name.strip() for name in next(rows, (0, []))[1]]
    for line, cells in rows:
        if len(cells) != len(header):
            account.broken(line, f"has {len(cells)} columns, the first line has {len(header)}")
            continue
        yield line, dict(zip(header, cells, strict=True))


def json_records(stream: BinaryIO, account: ImportAccount) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield (line number, object) of JSON lines; empty lines are passed over."""
    lines = Lines(stream, account)
    for text in lines:
        if not text.strip():
            continue
        try:
            record = json.loads(text)
        except (ValueError, RecursionError) as error:
            account.broken(lines.number, f"is no JSON ({error})")
            continue
        if not isinstance(record, dict):
            account.broken(lines.number, f"is no JSON object but {type(record).__name__}")
            continue
        yield lines.number, record


def field(record: Mapping[str, Any], name: str) -> str:
    """Return a cell that must be there and not be empty; DataError names it."""
    value = record.get(name)
    text = "" if value is None else str(value).strip()
    if not text:
        raise DataError(f"column {name!r} is empty or missing")
    return text
