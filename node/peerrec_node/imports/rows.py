"""Hold one imported row, and keep account of the ones that were broken.

Example:
    >>> account = ImportAccount("plays.csv", now=1e9, skip_broken=True)
    >>> account.checked(2, ImportedRow("track:x", weight=-1.0)) is None
    True
    >>> account.broken_rows, account.examples
    (1, ['plays.csv, line 2: weight -1.0 is not in (0, 1e+09]; to undo, forget the item'])
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final, TypeVar

from peerrec.errors import DataError
from peerrec.limits import LINK_BYTES_MAX, TAG_BYTES_MAX, TAGS_MAX, TITLE_BYTES_MAX
from peerrec.store.rows import Interaction, checked_interaction

__all__ = ["ImportAccount", "ImportedRow", "read_records", "track_id", "unix_seconds"]

EXAMPLES_MAX: Final = 5
MILLISECONDS_FROM: Final = 1e11  # as seconds the year 5138, as milliseconds 1973

Record = TypeVar("Record")


@dataclass(frozen=True, slots=True)
class ImportedRow:
    """One interaction found in a file.

    Attributes:
        item: raw id, the same for the same thing in whatever file.
        weight: plays or rating, > 0.
        time: unix seconds; None where the file has none: the time of the import.
        title: what to show.
        tags: what its source files it under.
        link: where to find it.
        author: whose it is in a file of many people; empty: the importing person's.
    """

    item: str
    weight: float = 1.0
    time: float | None = None
    title: str = ""
    tags: tuple[str, ...] = ()
    link: str = ""
    author: str = ""


class ImportAccount:
    """What became of the rows of one file.

    Attributes:
        source: the file's name, for messages.
        now: unix seconds, the time of rows that have none.
        skip_broken: count broken rows instead of stopping at the first.
        rows: how many were good.
        ignored_rows: how many say nothing of an interaction (a book only wished for).
        broken_rows: how many were broken.
        examples: messages of the first few broken ones.
    """

    def __init__(self, source: str, *, now: float, skip_broken: bool = False) -> None:
        self.source = source
        self.now = now
        self.skip_broken = skip_broken
        self.rows = self.ignored_rows = self.broken_rows = 0
        self.examples: list[str] = []

    def broken(self, line: int, reason: str) -> None:
        """Count a broken row; raise DataError unless they are skipped."""
        message = f"{self.source}, line {line}: {reason}"
        if not self.skip_broken:
            raise DataError(f"{message}; --skip-broken goes on without such rows")
        self.broken_rows += 1
        if len(self.examples) < EXAMPLES_MAX:
            self.examples.append(message)

    def checked(self, line: int, row: ImportedRow | None) -> ImportedRow | None:
        """Return a row as a store takes it, its texts cut to their limits; None if none is."""
        if row is None:
            self.ignored_rows += 1
            return None
        time = self.now if row.time is None else row.time
        try:
            author = row.author or "me"
            checked_interaction(Interaction(author, row.item, row.weight, time), self.now)
        except DataError as error:
            self.broken(line, str(error))
            return None
        self.rows += 1
        tags = (cut(tag.strip(), TAG_BYTES_MAX) for tag in row.tags)
        return replace(
            row,
            time=time,
            title=cut(row.title.strip(), TITLE_BYTES_MAX),
            tags=tuple(dict.fromkeys(tag for tag in tags if tag))[:TAGS_MAX],
            link=row.link if len(row.link.encode("utf-8", "replace")) <= LINK_BYTES_MAX else "",
        )


def read_records(
    records: Iterable[tuple[int, Record]],
    parse: Callable[[Record], ImportedRow | None],
    account: ImportAccount,
) -> Iterator[ImportedRow]:
    """Yield the rows of numbered records; what ``parse`` refuses is accounted for.

    ``parse`` returns None for what is no interaction and raises DataError with the
    reason for what is broken.
    """
    for line, record in records:
        try:
            row = parse(record)
        except DataError as error:
            account.broken(line, str(error))
            continue
        checked = account.checked(line, row)
        if checked is not None:
            yield checked


def cut(text: str, bytes_max: int) -> str:
    """Return the text cut to a number of UTF-8 bytes, between characters."""
    encoded = text.encode(errors="ignore")
    return encoded[:bytes_max].decode(errors="ignore")


def unix_seconds(value: object, what: str = "time") -> float:
    """Return unix seconds from a number (seconds or milliseconds) or an ISO 8601 text.

    A text without a zone is taken as UTC.

    Raises:
        DataError: it is neither.
    """
    if isinstance(value, datetime):
        return (value if value.tzinfo else value.replace(tzinfo=UTC)).timestamp()
    text = str(value).strip()
    try:
        number = float(text)
    except ValueError:
        pass
    else:
        return number / 1000 if number >= MILLISECONDS_FROM else number
    try:
        moment = datetime.fromisoformat(text.replace("/", "-"))
    except ValueError:
        raise DataError(f"{what} {text!r:.60} is neither unix seconds nor ISO 8601") from None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def number_of(value: object, what: str) -> float:
    """Return a number from a text or a number; DataError otherwise."""
    try:
        return float(str(value).strip())
    except ValueError:
        raise DataError(f"{what} {value!r:.60} is no number") from None


def track_id(artist: str, title: str) -> str:
    """Return the id of a track: the same from every service, ``track:nina-simone/feeling-good``.

    MusicBrainz ids would be exact, but half of the rows of a listening history lack
    them, and one track must not become two items.
    """
    return f"track:{slug(artist)}/{slug(title)}"


def slug(text: str) -> str:
    """Return lower-case letters and digits of any script, joined by hyphens."""
    plain = unicodedata.normalize("NFKC", text).casefold().strip()
    return re.sub(r"[\W_]+", "-", plain).strip("-") or plain
