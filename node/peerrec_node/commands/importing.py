"""``peerrec import``: bring along what one has from elsewhere.

Example:
    >>> mapping = parsed_mapping("item=song,weight=plays")
    >>> mapping.item, mapping.weight, mapping.time
    ('song', 'plays', None)
"""

from __future__ import annotations

import lzma
import re
import sys
import time
import zlib
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any, Final

import click

from peerrec.errors import ConfigError, DataError
from peerrec_node.commands.common import answer, opened, say_notes, store_options
from peerrec_node.commands.import_job import ImportJob, Source
from peerrec_node.imports import FORMATS, ColumnMapping, open_import, recognise
from peerrec_node.progress import Progress, shown, stage

__all__ = ["import_", "parsed_mapping"]

OWN_FORMAT: Final = "peerrec"
"""What `peerrec export` writes."""

MAPPED: Final = ("csv", "tsv", "jsonl", "parquet")
"""Formats whose columns can be named."""

ROLES: Final = tuple(each.name for each in fields(ColumnMapping))


@click.command(name="import")
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--format",
    "file_format",
    type=click.Choice([*FORMATS, OWN_FORMAT]),
    help="What the file is.  [default: judged by its beginning]",
)
@click.option(
    "--map",
    "columns",
    metavar="item=COLUMN,…",
    help=f"Which column of a table holds what: {', '.join(ROLES)}.",
)
@click.option("--skip-broken", is_flag=True, help="Go on behind broken rows and count them.")
@click.option("--me", "own", metavar="USER", help="Who you are in a file of many people.")
@click.option("--public", is_flag=True, help="Your own rows may leave this device.")
@store_options
def import_(
    file: Path,
    file_format: str | None,
    columns: str | None,
    skip_broken: bool,
    own: str | None,
    public: bool,
    store: Path | None,
    as_json: bool,
) -> None:
    """Import listens, ratings, books, feeds or any table.

    CSV, TSV, JSON lines, Parquet, MovieLens, ListenBrainz, Last.fm, Goodreads, OPML and
    exports of peerrec itself; plain, gzip or xz. The whole file is checked before
    anything is stored. Rows with a time that are stored already are passed over.

    Example: peerrec import plays.csv --map item=song,weight=plays
    """
    if file.exists() and not file.is_file():
        raise DataError(f"{file}: is no file; name one that can be read twice")
    kind = file_format or (OWN_FORMAT if is_export(file) else recognise(file))
    mapping = () if columns is None else (parsed_mapping(columns),)
    if mapping and kind not in MAPPED:
        raise ConfigError("map", columns, f"{kind} has its own columns; leave --map out")
    source = Source(file, kind, time.time(), mapping, skip_broken, own, public)
    with shown(sys.stderr) as progress:
        if kind == OWN_FORMAT:
            document = imported_export(source, store, progress)
        else:
            document = imported_rows(source, store, progress)
    answer(document, as_json, lines(document))
    say_notes([] if as_json else document["notes"])


def imported_export(source: Source, store: Path | None, progress: Progress) -> dict[str, Any]:
    """Bring in an export and return what became of it."""
    if source.skip_broken or source.public or source.own_author is not None:
        given = "skip-broken" if source.skip_broken else "public" if source.public else "me"
        raise ConfigError(given, True, "an export of peerrec is whole and says whose it is")
    with opened(store, make=True, alone=True) as here:
        n_statements = here.me.import_(source.path, progress=stage(progress, "importing"))
    return {**opening_fields(source), "statements": n_statements, "notes": []}


def imported_rows(source: Source, store: Path | None, progress: Progress) -> dict[str, Any]:
    """Bring in a file of another program and return what became of it."""
    job = ImportJob(source, progress)
    job.check()
    with opened(store, make=True, alone=True) as here:
        job.record(here)
        job.describe(here)
    return {
        **opening_fields(source),
        "recorded": job.recorded,
        "already_known": job.known,
        "described": job.described,
        "ignored_rows": job.account.ignored_rows,
        "broken_rows": job.account.broken_rows,
        "broken_examples": job.account.examples,
        "people": len(job.people),
        "notes": notes_on(job),
    }


def opening_fields(source: Source) -> dict[str, Any]:
    """Return what a document about an import begins with."""
    return {"file": str(source.path), "format": source.format}


def notes_on(job: ImportJob) -> list[str]:
    """Return what the importing person should know of the outcome."""
    notes = [f"skipped {example}" for example in job.account.examples]
    more = job.account.broken_rows - len(notes)
    if more > 0:
        notes.append(f"skipped {more:,} more broken rows")
    if job.people and job.source.own_author is None:
        notes.append(
            f"Rows of {len(job.people):,} other users: they are heard only where `peerrec trust` "
            "leads to them; --me USER says which are yours."
        )
    return notes


def lines(document: dict[str, Any]) -> Iterator[str]:
    """Yield the outcome of an import in words."""
    where = f"{document['file']} ({document['format']})"
    if "statements" in document:
        yield f"imported {document['statements']:,} statements from {where}"
        return
    yield f"recorded {document['recorded']:,} interactions from {where}"
    for key, words in (
        ("already_known", "were stored already"),
        ("described", "items described"),
        ("ignored_rows", "rows say nothing of an interaction"),
        ("broken_rows", "broken rows skipped"),
    ):
        if document[key]:
            yield f"  {document[key]:,} {words}"


def is_export(file: Path) -> bool:
    """Return whether a file begins as `peerrec export` writes it."""
    with open_import(file) as stream:
        try:
            return stream.read(16) == b'{"kind":"export"'
        except (OSError, EOFError, lzma.LZMAError, zlib.error):
            return False  # `recognise` says what is wrong with it


def parsed_mapping(text: str) -> ColumnMapping:
    """Return the mapping that ``role=column,…`` names; columns may hold commas.

    Raises:
        ConfigError: a role is unknown, named twice, or none is the item.
    """
    given: dict[str, str] = {}
    for part in re.split(rf",(?=\s*(?:{'|'.join(ROLES)})=)", text):
        role, separator, column = part.partition("=")
        role, column = role.strip(), column.strip()
        if role not in ROLES or not separator or not column or role in given:
            raise ConfigError("map", part, f"write ROLE=COLUMN once for each of {', '.join(ROLES)}")
        given[role] = column
    if "item" not in given:
        raise ConfigError("map", text, "name the column of the items: item=COLUMN")
    return ColumnMapping(**given)
