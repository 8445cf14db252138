r"""Read tables of any make: CSV, TSV, JSON lines and Parquet with a column mapping.

Example:
    >>> import io
    >>> account = ImportAccount("plays.csv", now=1e9)
    >>> file = io.BytesIO(b"song,plays,when\nx,3,2001-09-09\n")
    >>> mapping = ColumnMapping(item="song", weight="plays", time="when")
    >>> [(row.item, row.weight, row.time) for row in read_csv(file, account, mapping)]
    [('x', 3.0, 999993600.0)]
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import partial
from itertools import chain
from typing import Any, BinaryIO, Final

from peerrec.errors import ConfigError, DataError
from peerrec_node.imports.rows import (
    ImportAccount,
    ImportedRow,
    number_of,
    read_records,
    unix_seconds,
)
from peerrec_node.imports.text import csv_records, field, json_records

__all__ = ["ColumnMapping", "read_csv", "read_jsonl", "read_parquet", "read_tsv"]

# What columns are commonly called, best first; compared in lower case without _ and -.
USUAL: Final[dict[str, tuple[str, ...]]] = {
    "item": ("item", "itemid", "uri", "url", "track", "trackid", "id", "product", "productid"),
    "weight": ("weight", "plays", "playcount", "count", "rating", "score", "value"),
    "time": ("time", "timestamp", "date", "datetime", "ts", "when", "playedat", "listenedat"),
    "title": ("title", "name"),
    "tags": ("tags", "genres", "genre", "categories", "category"),
    "link": ("link", "href"),
    "author": ("user", "userid", "author", "listener"),
}


@dataclass(frozen=True, slots=True)
class ColumnMapping:
    """Which column holds what; None where the file has no such column."""

    item: str
    weight: str | None = None
    time: str | None = None
    title: str | None = None
    tags: str | None = None
    link: str | None = None
    author: str | None = None

    @classmethod
    def guess(cls, columns: Sequence[str]) -> ColumnMapping:
        """Return the mapping that common names suggest.

        Raises:
            ConfigError: none of the columns looks like an item's id.
        """
        plain = {column.lower().replace("_", "").replace("-", ""): column for column in columns}
        found = {
            role: next((plain[name] for name in names if name in plain), None)
            for role, names in USUAL.items()
        }
        item = found.pop("item")
        if item is None:
            raise ConfigError("columns", list(columns), "say which one is the item: item=COLUMN")
        return cls(item, **found)

    def check(self, columns: Sequence[str]) -> None:
        """Raise ConfigError when a named column is not in the file."""
        for role in fields(self):
            column = getattr(self, role.name)
            if column is not None and column not in columns:
                raise ConfigError(role.name, column, f"the file has {', '.join(columns)}")

    def row(self, record: Mapping[str, Any]) -> ImportedRow:
        """Return the row in a record; DataError says what is broken."""
        weight, time = self._value(record, self.weight), self._value(record, self.time)
        return ImportedRow(
            item=field(record, self.item),
            weight=1.0 if weight is None else number_of(weight, "weight"),
            time=None if time is None else unix_seconds(time),
            title=str(self._value(record, self.title) or ""),
            tags=tags_of(self._value(record, self.tags)),
            link=str(self._value(record, self.link) or ""),
            author=str(self._value(record, self.author) or ""),
        )

    @staticmethod
    def _value(record: Mapping[str, Any], column: str | None) -> Any:
        value = None if column is None else record.get(column)
        return None if isinstance(value, str) and not value.strip() else value


def tags_of(value: object) -> tuple[str, ...]:
    """Return tags from a list, or from a text separated by | ; or commas."""
    if value is None:
        return ()
    if isinstance(value, list | tuple):
        return tuple(str(tag) for tag in value)
    text = str(value)
    separator = next((mark for mark in "|;," if mark in text), "|")
    return tuple(text.split(separator))


Records = Iterator[tuple[int, dict[str, Any]]]


def read_mapped(
    records: Records, account: ImportAccount, mapping: ColumnMapping | None
) -> Iterator[ImportedRow]:
    """Yield the rows of records, by a mapping or by the one that the first suggests."""
    first = next(records, None)
    if first is None:
        return
    columns = list(first[1])
    if mapping is None:
        mapping = ColumnMapping.guess(columns)
    else:
        mapping.check(columns)
    yield from read_records(chain((first,), records), mapping.row, account)


def read_csv(
    stream: BinaryIO,
    account: ImportAccount,
    mapping: ColumnMapping | None = None,
    *,
    delimiter: str = ",",
) -> Iterator[ImportedRow]:
    """Yield the rows of a CSV file whose first line names the columns."""
    return read_mapped(csv_records(stream, account, delimiter=delimiter), account, mapping)


read_tsv: Callable[..., Iterator[ImportedRow]] = partial(read_csv, delimiter="\t")


def read_jsonl(
    stream: BinaryIO, account: ImportAccount, mapping: ColumnMapping | None = None
) -> Iterator[ImportedRow]:
    """Yield the rows of a file with one JSON object per line."""
    return read_mapped(json_records(stream, account), account, mapping)


def read_parquet(
    stream: BinaryIO, account: ImportAccount, mapping: ColumnMapping | None = None
) -> Iterator[ImportedRow]:
    """Yield the rows of a Parquet file, its row numbers in place of lines.

    Raises:
        ConfigError: pyarrow is not installed.
        DataError: the file is no Parquet file.
    """
    return read_mapped(parquet_records(stream, account), account, mapping)


def parquet_records(stream: BinaryIO, account: ImportAccount) -> Records:
    """Yield (row number, values by column name) of a Parquet file, batch by batch."""
    try:
        import pyarrow as arrow
        from pyarrow import parquet
    except ImportError:
        allowed = "needs pyarrow; install it with: pip install pyarrow"
        raise ConfigError("format", "parquet", allowed) from None
    try:
        number = 0
        for batch in parquet.ParquetFile(stream).iter_batches():
            for record in batch.to_pylist():
                number += 1
                yield number, record
    except arrow.ArrowException as error:
        raise DataError(
            f"{account.source}: is no Parquet file that can be read: {error}"
        ) from error
