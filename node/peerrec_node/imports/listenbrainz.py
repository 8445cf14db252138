"""Read a ListenBrainz listen export: one JSON object per line and listen.

Example:
    >>> import io
    >>> listen = b'{"listened_at": 1e9, "track_metadata": {"artist_name": "A", "track_name": "T"}}'
    >>> account = ImportAccount("listens.jsonl", now=2e9)
    >>> next(read_listenbrainz(io.BytesIO(listen), account)).item
    'track:a/t'
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, BinaryIO

from peerrec.errors import DataError
from peerrec_node.imports.rows import (
    ImportAccount,
    ImportedRow,
    read_records,
    track_id,
    unix_seconds,
)
from peerrec_node.imports.text import field, json_records

__all__ = ["read_listenbrainz"]


def read_listenbrainz(stream: BinaryIO, account: ImportAccount) -> Iterator[ImportedRow]:
    """Yield the listens, each with weight 1."""
    return read_records(json_records(stream, account), listen, account)


def listen(record: dict[str, Any]) -> ImportedRow:
    """Return the row of one listen; DataError says what it lacks."""
    track = record.get("track_metadata")
    if not isinstance(track, dict):
        raise DataError("is no listen: it has no track_metadata")
    artist, title = field(track, "artist_name"), field(track, "track_name")
    recording = recording_of(track)
    return ImportedRow(
        track_id(artist, title),
        time=unix_seconds(record.get("listened_at"), "listened_at"),
        title=f"{artist} – {title}",
        tags=tags_of(track),
        link=f"https://musicbrainz.org/recording/{recording}" if recording else "",
    )


def recording_of(track: dict[str, Any]) -> str:
    """Return the MusicBrainz id of the recording, empty where it is unknown."""
    for place in ("mbid_mapping", "additional_info"):
        found = track.get(place)
        if isinstance(found, dict) and found.get("recording_mbid"):
            return str(found["recording_mbid"])
    return ""


def tags_of(track: dict[str, Any]) -> tuple[str, ...]:
    """Return the tags that the player sent along."""
    more = track.get("additional_info")
    tags = more.get("tags") if isinstance(more, dict) else None
    return tuple(str(tag) for tag in tags) if isinstance(tags, list) else ()
