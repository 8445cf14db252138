r"""Recognise how a table of text is laid out: separator, header, columns, comments.

Example:
    >>> source = Source(Path("x.csv"), b"userId,movieId,rating\n1,31,2.5\n")
    >>> layout = recognise_layout(source)
    >>> layout.separator, layout.roles, layout.skip_lines
    (b',', ('user', 'item', 'weight'), 1)
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from peerrec_sim.datasets.sources import Source, decode

__all__ = ["WHITESPACE", "Layout", "Path", "recognise_layout"]

WHITESPACE = b""
"""The separator that stands for any run of blanks and tabs."""

_SEEN_LINES = 1000

_ROLES = {
    "user": "user userid uid username usersha1",
    "item": """item itemid iid movie movieid artist artistid artistname song songid track trackid
        book bookid isbn product productid asin business businessid place placeid location
        locationid venue venueid poi bookmarkid game gameid anime animeid""",
    "weight": """weight rating ratings score stars count plays playcount listencount value
        bookrating""",
    "time": "time timestamp unixtime unixreviewtime",
    "source": "from source sourceid src trustor follower fromnodeid truster user1 userid1",
    "target": "to target targetid dst trustee followee tonodeid friend friendid contact contactid "
    "user2 userid2",
    "end": "node1 node2 id1 id2",
    "trust": "trust trustvalue sign",
}
_ROLE_OF = {word: role for role, words in _ROLES.items() for word in words.split()}


@dataclass(frozen=True, slots=True)
class Layout:
    """How a table is written.

    Attributes:
        separator: the bytes between two fields, ``WHITESPACE`` for runs of blanks.
        skip_lines: comments and header before the first row.
        comments: the comment lines, in lower case.
        roles: what the header calls the columns (``user item weight time source
            target end trust``, or the word itself where it is none of them); None
            without a header.
        has_tabs: whether the first row holds a tab.
        n_columns: columns of the first row; 0 where there is none.
        rows: the first rows, up to 1,000, as fields.
    """

    separator: bytes
    skip_lines: int
    comments: tuple[str, ...]
    roles: tuple[str, ...] | None
    has_tabs: bool
    n_columns: int
    rows: tuple[tuple[str, ...], ...]

    @property
    def is_uniform(self) -> bool:
        """Whether all seen rows have the same number of columns."""
        return bool(self.rows) and all(len(row) == self.n_columns for row in self.rows)

    def names_are_integers(self, column: int) -> bool:
        """Whether the names in a column are plain integers, one broken row aside.

        A name that is none among many that are is a broken row, not a name.
        """
        plain = [_is_plain_integer(row[column : column + 1]) for row in self.rows]
        return bool(plain) and plain[0] and sum(plain) >= len(plain) - (len(plain) > 2)


def recognise_layout(source: Source) -> Layout:
    """Return the layout that the first lines show."""
    lines = decode(source.head().data).split("\n")[:_SEEN_LINES]
    comments = []
    while lines and (lines[0][:1] in ("#", "%") or not lines[0].strip()) and len(lines) > 1:
        comments.append(lines.pop(0).lower())
    first = next((line for line in lines if line.strip()), "")
    separator = _separator(first)
    roles = _header_roles(_fields(first, separator))
    if roles is not None:
        lines = lines[1:]
        after = next((line for line in lines if line.strip()), "")
        separator = _separator(after) if separator == WHITESPACE and after else separator
    rows = tuple(_fields(line, separator) for line in lines if line.strip())
    skipped = len(comments) + (roles is not None)
    n_columns = len(rows[0]) if rows else 0
    has_tabs = any("\t" in line for line in lines[:1])
    return Layout(separator, skipped, tuple(comments), roles, has_tabs, n_columns, rows)


def _separator(line: str) -> bytes:
    """Return the separator of a line; tabs between numbers are just whitespace."""
    if "::" in line:
        return b"::"
    if "\t" in line and not all(_is_number(field) for field in line.split()):
        return b"\t"
    for mark in (",", ";"):
        if mark in line:
            return mark.encode()
    return WHITESPACE


def _fields(line: str, separator: bytes) -> tuple[str, ...]:
    """Return the fields of a line, without quotes and blanks around them."""
    if separator == WHITESPACE:
        return tuple(line.split())
    return tuple(field.strip(' \t\r"') for field in line.split(separator.decode()))


def _header_roles(fields: tuple[str, ...]) -> tuple[str, ...] | None:
    """Return the roles of a header; None where the line is no header."""
    words = [re.sub(r"[^a-z0-9]", "", _untyped(field).lower()) for field in fields]
    known = sum(word in _ROLE_OF for word in words)
    if known < 2 or any(_is_number(field) for field in fields):
        return None
    return tuple(_ROLE_OF.get(word, word) for word in words)


def _untyped(word: str) -> str:
    """Return a word of a header without its type (``user_id:token`` in RecBole's files)."""
    return word.split(":")[0]


def _is_plain_integer(field: tuple[str, ...]) -> bool:
    """Whether a field is there and written as an integer ≥ 0 without leading zeros."""
    return bool(field) and re.fullmatch(r"0|[1-9][0-9]*", field[0]) is not None


def _is_number(field: str) -> bool:
    """Whether a field reads as a number."""
    try:
        float(field)
    except ValueError:
        return False
    return True
