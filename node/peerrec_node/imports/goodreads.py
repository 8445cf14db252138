r"""Read a Goodreads library export (CSV).

A rating of 1 to 5 stars is the weight; a book that was read but not rated counts
as 3, the middle. What is only on the shelf "to-read" is a wish, no interaction, and
is ignored. The item is the ISBN where there is one, so that it is the same book
elsewhere.

Example:
    >>> import io
    >>> file = io.BytesIO(
    ...     b"Book Id,Title,My Rating,Date Added,Exclusive Shelf\n7,Emma,4,2001/09/09,read\n"
    ... )
    >>> account = ImportAccount("goodreads.csv", now=2e9)
    >>> [(row.item, row.weight) for row in read_goodreads(file, account)]
    [('goodreads:7', 4.0)]
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO, Final

from peerrec.errors import DataError
from peerrec_node.imports.rows import (
    ImportAccount,
    ImportedRow,
    number_of,
    read_records,
    unix_seconds,
)
from peerrec_node.imports.text import csv_records, field

__all__ = ["read_goodreads"]

UNRATED: Final = 3.0
SHELVES: Final = frozenset(("read", "currently-reading", "to-read"))


def read_goodreads(stream: BinaryIO, account: ImportAccount) -> Iterator[ImportedRow]:
    """Yield the books that were read or begun."""
    return read_records(csv_records(stream, account), book, account)


def book(record: dict[str, str]) -> ImportedRow | None:
    """Return the row of one book, None when it is only wished for."""
    number, title = field(record, "Book Id"), field(record, "Title")
    if record.get("Exclusive Shelf", "").strip() == "to-read":
        return None
    stars = number_of(record.get("My Rating") or 0, "My Rating")
    if not 0 <= stars <= 5:
        raise DataError(f"My Rating {stars:g} is not between 0 and 5")
    date = record.get("Date Read", "").strip() or record.get("Date Added", "").strip()
    # Spreadsheets are told not to take the number for one: ="9780141439587"
    isbn = record.get("ISBN13", "").strip('=" ')
    author = record.get("Author", "").strip()
    shelves = (shelf.strip() for shelf in record.get("Bookshelves", "").split(","))
    return ImportedRow(
        f"isbn:{isbn}" if isbn else f"goodreads:{number}",
        stars or UNRATED,
        unix_seconds(date) if date else None,
        f"{author}: {title}" if author else title,
        tuple(shelf for shelf in shelves if shelf and shelf not in SHELVES),
        f"https://www.goodreads.com/book/show/{number}",
    )
