"""Say what SQLite's error codes mean to the person whose store it is."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from peerrec.errors import (
    StoreCorrupt,
    StoreError,
    StoreFull,
    StoreLocked,
    StoreReadOnly,
)

__all__ = ["store_fault", "translated"]

# SQLite's own names, longest prefix first: extended codes begin with the plain one.
# A quota or a file size limit shows as SQLITE_IOERR_WRITE, a full disk as SQLITE_FULL.
MEANINGS: tuple[tuple[str, type[StoreError], str], ...] = (
    ("SQLITE_FULL", StoreFull, "no room left to write; free some space and try again"),
    (
        "SQLITE_IOERR_WRITE",
        StoreFull,
        "writing was refused (quota, file size limit or full disk); free some space and try again",
    ),
    ("SQLITE_IOERR_SHMSIZE", StoreFull, "no room left to write; free some space and try again"),
    ("SQLITE_BUSY", StoreLocked, "another program is using the file; close it and try again"),
    ("SQLITE_LOCKED", StoreLocked, "another program is using the file; close it and try again"),
    ("SQLITE_READONLY", StoreReadOnly, "the file or its folder is read-only; open it read_only"),
    ("SQLITE_CORRUPT", StoreCorrupt, "a page is damaged; restore a backup or import again"),
    ("SQLITE_NOTADB", StoreCorrupt, "its first page is damaged; restore a backup or import again"),
    ("SQLITE_CANTOPEN", StoreError, "the file cannot be opened; is its folder there and writable?"),
    ("SQLITE_IOERR", StoreError, "the disk failed to read or write; check it, then try again"),
)


def store_fault(path: Path, error: sqlite3.Error) -> StoreError:
    """Return the StoreError that tells what a sqlite3 error means for ``path``."""
    name = getattr(error, "sqlite_errorname", None) or ""
    for prefix, kind, advice in MEANINGS:
        if name.startswith(prefix):
            return kind(f"{path}: {advice} ({error}, {name})")
    if isinstance(error, sqlite3.ProgrammingError) and "closed" in str(error):
        return StoreError(f"{path}: the store is closed; open it again")
    if "decode" in str(error):
        return StoreCorrupt(f"{path}: a text is damaged; restore a backup ({error})")
    return StoreError(f"{path}: {error} ({name or type(error).__name__})")


@contextmanager
def translated(path: Path) -> Iterator[None]:
    """Raise StoreErrors in place of sqlite3's errors."""
    try:
        yield
    except sqlite3.Error as error:
        raise store_fault(path, error) from error
    except StoreError as error:
        if str(path) in str(error):
            raise
        raise type(error)(f"{path}: {error}") from error
