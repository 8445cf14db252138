"""Tell the format of a file from what is in it, whatever it is called."""

from __future__ import annotations

import csv
import gzip
import json
import lzma
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO, Final, cast

from peerrec.errors import DataError
from peerrec_node.imports.goodreads import read_goodreads
from peerrec_node.imports.lastfm import moment, read_lastfm
from peerrec_node.imports.listenbrainz import read_listenbrainz
from peerrec_node.imports.movielens import read_movielens
from peerrec_node.imports.opml import read_opml
from peerrec_node.imports.rows import ImportedRow
from peerrec_node.imports.table import read_csv, read_jsonl, read_parquet, read_tsv

__all__ = ["FORMATS", "open_import", "recognise"]

FORMATS: Final[dict[str, Callable[..., Iterator[ImportedRow]]]] = {
    "csv": read_csv,
    "tsv": read_tsv,
    "jsonl": read_jsonl,
    "parquet": read_parquet,
    "movielens": read_movielens,
    "listenbrainz": read_listenbrainz,
    "lastfm": read_lastfm,
    "goodreads": read_goodreads,
    "opml": read_opml,
}
"""Reader of each format: (open file, account) → rows; the first four take a mapping too."""

SAMPLE_BYTES: Final = 1 << 16
MOVIELENS: Final = re.compile(r"\d+(::|\t)\d+\1[\d.]+\1\d+$")


def open_import(path: Path) -> BinaryIO:
    """Return an open file, unpacked on the fly when it is gzip or xz.

    Raises:
        DataError: it cannot be opened.
    """
    try:
        with path.open("rb") as file:
            magic = file.read(6)
    except OSError as error:
        raise DataError(f"{path}: {error.strerror}; is the path right?") from None
    if magic.startswith(b"\x1f\x8b"):
        return cast(BinaryIO, gzip.open(path))
    if magic.startswith(b"\xfd7zXZ"):
        return cast(BinaryIO, lzma.open(path))
    return path.open("rb")


def recognise(path: Path) -> str:
    """Return the name in ``FORMATS`` of a file's format, judged by its beginning.

    Raises:
        DataError: it is none of them, or cannot be read.
    """
    with open_import(path) as file:
        try:
            sample = file.read(SAMPLE_BYTES)
        except (OSError, EOFError, lzma.LZMAError) as error:
            raise DataError(f"{path}: cannot be unpacked: {error}") from None
    found = format_of(sample)
    if found is None:
        known = ", ".join(FORMATS)
        raise DataError(f"{path}: is in no known format; name it with --format: {known}")
    return found


def format_of(sample: bytes) -> str | None:
    """Return the format of a file that begins so, or None."""
    if sample.startswith(b"PAR1"):
        return "parquet"
    try:
        text = sample.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        # A character cut by the sample's end is no fault; bytes that are no text are.
        if error.start < len(sample) - 4 and error.start < sample.find(b"\n") + 1:
            return None
        text = sample.decode("utf-8-sig", errors="replace")
    if "\0" in text:
        return None
    if text.lstrip().startswith("<"):
        return "opml" if "<opml" in text else None
    line = next((line for line in text.splitlines() if line.strip()), "")
    return json_format(line) if line.lstrip().startswith("{") else table_format(line)


def json_format(line: str) -> str | None:
    """Return the format whose first line is this JSON, or None."""
    try:
        record = json.loads(line)
    except ValueError:
        return None
    return "listenbrainz" if "track_metadata" in record else "jsonl"


def table_format(line: str) -> str | None:
    """Return the format whose first line these cells are, or None."""
    if MOVIELENS.match(line):
        return "movielens"
    cells = [cell.strip() for cell in next(csv.reader([line]), [])]
    plain = [cell.lower() for cell in cells]
    if plain[:3] == ["userid", "movieid", "rating"]:
        return "movielens"
    if "book id" in plain and "exclusive shelf" in plain:
        return "goodreads"
    if {"uts", "artist", "track"} <= set(plain) or is_scrobble(cells):
        return "lastfm"
    if "\t" in line:
        return "tsv"
    return "csv" if len(cells) > 1 else None


def is_scrobble(cells: list[str]) -> bool:
    """Return whether these are artist, album, track and a date."""
    if len(cells) != 4:
        return False
    try:
        moment(cells[3])
    except DataError:
        return False
    return True
