"""Read an OPML list of subscriptions: podcasts and feeds.

Each feed is an item of weight 1, named by its address; the folders above it and
its categories are its tags.

Example:
    >>> import io
    >>> file = io.BytesIO(b'''<opml><body><outline text="News">
    ... <outline text="Daily" xmlUrl="https://daily.example/feed"/></outline></body></opml>''')
    >>> account = ImportAccount("feeds.opml", now=1e9)
    >>> [(row.item, row.title, row.tags) for row in read_opml(file, account)]
    [('https://daily.example/feed', 'Daily', ('News',))]
"""

from __future__ import annotations

from collections.abc import Iterator
from email.utils import parsedate_to_datetime
from typing import BinaryIO, Final
from xml.parsers import expat

from peerrec.errors import DataError
from peerrec_node.imports.rows import ImportAccount, ImportedRow, read_records

__all__ = ["read_opml"]

DEPTH_MAX: Final = 32
"""Folders within folders: nobody's reader shows more."""

Outline = tuple[dict[str, str], tuple[str, ...]]


class OutlineParser:
    """Collect the outlines that name a feed, with the folders above them."""

    def __init__(self, source: str) -> None:
        self.found: list[tuple[int, Outline]] = []
        self._source = source
        self._folders: list[str] = []
        self._seen_root = False
        self._parser = expat.ParserCreate()
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.StartDoctypeDeclHandler = self._doctype

    def parse(self, stream: BinaryIO) -> None:
        """Read everything; DataError when it is no OPML."""
        try:
            self._parser.ParseFile(stream)
        except expat.ExpatError as error:
            raise DataError(f"{self._source}, line {error.lineno}: is no XML ({error})") from None

    def _fail(self, reason: str) -> None:
        raise DataError(f"{self._source}, line {self._parser.CurrentLineNumber}: {reason}")

    def _doctype(self, *_: object) -> None:
        # Entities are the way to blow a small file up in memory; OPML needs none.
        self._fail("has a DOCTYPE, which no OPML file needs; remove it")

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        if not self._seen_root and name != "opml":
            self._fail(f"is no OPML: it begins with <{name}>")
        self._seen_root = True
        if name != "outline":
            return
        if len(self._folders) >= DEPTH_MAX:
            self._fail(f"has more than {DEPTH_MAX} folders within each other")
        plain = {key.lower(): value for key, value in attributes.items()}
        if plain.get("xmlurl") or plain.get("type") == "rss":
            folders = tuple(folder for folder in self._folders if folder)
            self.found.append((self._parser.CurrentLineNumber, (plain, folders)))
        self._folders.append("" if "xmlurl" in plain else plain.get("text", ""))

    def _end(self, name: str) -> None:
        if name == "outline":
            self._folders.pop()


def read_opml(stream: BinaryIO, account: ImportAccount) -> Iterator[ImportedRow]:
    """Yield the subscriptions; the time is that of subscribing where it is given.

    Raises:
        DataError: the file is no OPML; that cannot be skipped.
    """
    parser = OutlineParser(account.source)
    parser.parse(stream)
    yield from read_records(parser.found, subscription, account)


def subscription(outline: Outline) -> ImportedRow:
    """Return the row of one feed."""
    attributes, folders = outline
    address = attributes.get("xmlurl", "").strip()
    if not address:
        raise DataError("the feed has no xmlUrl")
    categories = (part.strip("/ ") for part in attributes.get("category", "").split(","))
    return ImportedRow(
        address,
        time=moment(attributes.get("created", "")),
        title=attributes.get("title") or attributes.get("text", ""),
        tags=(*folders, *(category for category in categories if category)),
        link=attributes.get("htmlurl", ""),
    )


def moment(text: str) -> float | None:
    """Return unix seconds of an RFC 2822 date, None where there is none."""
    if not text.strip():
        return None
    try:
        return parsedate_to_datetime(text).timestamp()
    except ValueError:
        raise DataError(
            f"created {text!r:.40} is no date like 'Sun, 09 Sep 2001 01:46:40 GMT'"
        ) from None
