r"""Read Last.fm scrobbles as CSV, in the two forms that exporters write.

With a line of names (``uts,utc_time,artist,artist_mbid,album,album_mbid,track,…``)
or without one: artist, album, track, ``13 Mar 2020 22:10`` (UTC).

Example:
    >>> import io
    >>> account = ImportAccount("scrobbles.csv", now=2e9)
    >>> file = io.BytesIO(b"Nina Simone,I Put a Spell,Feeling Good,09 Sep 2001 01:46\n")
    >>> [(row.item, row.time) for row in read_lastfm(file, account)]
    [('track:nina-simone/feeling-good', 999999960.0)]
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import chain
from typing import BinaryIO, Final

from peerrec.errors import DataError
from peerrec_node.imports.rows import (
    ImportAccount,
    ImportedRow,
    read_records,
    track_id,
    unix_seconds,
)
from peerrec_node.imports.text import csv_rows, field

__all__ = ["read_lastfm"]

UNNAMED: Final = ("artist", "album", "track", "date")
MONTHS: Final = (
    *("Jan", "Feb", "Mar", "Apr", "May", "Jun"),
    *("Jul", "Aug", "Sep", "Oct", "Nov", "Dec"),
)


def read_lastfm(stream: BinaryIO, account: ImportAccount) -> Iterator[ImportedRow]:
    """Yield the scrobbles, each with weight 1; what is playing just now is ignored."""
    return read_records(named(stream, account), scrobble, account)


def named(stream: BinaryIO, account: ImportAccount) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield (line number, cells by name), whether the file names its columns or not."""
    rows = csv_rows(stream, account)
    first = next(rows, None)
    if first is None:
        return
    plain = [name.strip().lower() for name in first[1]]
    has_names = "artist" in plain and "track" in plain
    names = plain if has_names else list(UNNAMED)
    for line, cells in rows if has_names else chain((first,), rows):
        if len(cells) != len(names):
            account.broken(line, f"has {len(cells)} columns, {len(names)} are expected")
            continue
        yield line, dict(zip(names, cells, strict=True))


def scrobble(record: dict[str, str]) -> ImportedRow | None:
    """Return the row of one scrobble, None when it has no time yet."""
    artist, title = field(record, "artist"), field(record, "track")
    seconds, date = record.get("uts", "").strip(), record.get("date", "").strip()
    if not seconds and not date:
        return None
    time = unix_seconds(seconds, "uts") if seconds else moment(date)
    recording = record.get("track_mbid", "").strip()
    return ImportedRow(
        track_id(artist, title),
        time=time,
        title=f"{artist} – {title}",
        link=f"https://musicbrainz.org/recording/{recording}" if recording else "",
    )


def moment(text: str) -> float:
    """Return unix seconds of ``13 Mar 2020 22:10``, whatever the locale."""
    try:
        day, month, year, clock = text.replace(",", "").split()
        iso = f"{year}-{MONTHS.index(month) + 1:02}-{int(day):02} {clock}"
        return datetime.fromisoformat(iso).replace(tzinfo=UTC).timestamp()
    except ValueError:
        raise DataError(f"date {text!r:.40} is not like '13 Mar 2020 22:10'") from None
