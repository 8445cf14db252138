"""Open a SQLite file as a peerrec store, or say why it is none.

What is looked at on every opening is cheap: whether it is a file, whose it is, its
version, and (by SQLite) whether it is as long as its first page says. Reading
everything is `SqliteStore.check`; blocks of interactions are checked as they are read.
"""

from __future__ import annotations

import os
import sqlite3
import stat
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from peerrec.errors import StoreError, StoreReadOnly, StoreTooNew
from peerrec.store.migrations import MIGRATIONS, Migration

__all__ = ["APPLICATION_ID", "connect", "connect_read_only", "migrate", "version_of"]

APPLICATION_ID: Final = 0x70656572
"""``peer`` in ASCII: how `file` and SQLite tell whose database this is."""

BUSY_MS: Final = 200
"""How long to wait for another program's lock: a blink, since ours are never shared."""

WAL_BYTES_MAX: Final = 4 << 20
"""Size to which the write-ahead log is cut back after a checkpoint."""


def connect(path: Path) -> sqlite3.Connection:
    """Return a connection to a store file, made or brought up to date where needed.

    Raises:
        StoreError: the path is no regular file, or another program's database.
        StoreReadOnly: the file cannot be written.
        StoreTooNew: a newer version wrote it.
        sqlite3.Error: whatever SQLite finds, such as a file cut short.
    """
    refuse_non_file(path)
    if path.exists() and not os.access(path, os.W_OK):
        raise StoreReadOnly(
            f"{path}: the file is read-only; open it read_only, or give write permission"
        )
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    try:
        connection.execute(f"PRAGMA busy_timeout = {BUSY_MS}")
        if is_new(connection, path):
            connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
        # Held exclusively, the log's index lives in memory: no -shm file, a fifth faster.
        connection.execute("PRAGMA locking_mode = EXCLUSIVE")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA secure_delete = ON")
        connection.execute(f"PRAGMA journal_size_limit = {WAL_BYTES_MAX}")
        migrate(connection, path)
    except BaseException:
        connection.close()
        raise
    return connection


def connect_read_only(path: Path) -> sqlite3.Connection:
    """Return a connection that never writes, for a store on read-only media too.

    Raises:
        StoreError: there is no such file, or it is no store of this version.
        StoreReadOnly: its write-ahead log has to be applied first.
    """
    refuse_non_file(path)
    if not path.exists():
        raise StoreError(f"{path}: there is no such store; open it writable to make one")
    log = path.with_name(path.name + "-wal")
    if log.exists() and log.stat().st_size:
        raise StoreReadOnly(
            f"{path}: it was not closed and its log {log.name} waits to be applied; "
            "open it writable once"
        )
    uri = f"{path.as_uri()}?mode=ro&immutable=1"
    connection = sqlite3.connect(uri, uri=True, isolation_level=None, check_same_thread=False)
    try:
        if is_new(connection, path):
            raise StoreError(f"{path}: the store is empty; open it writable to make it one")
        found, known = version_of(connection), MIGRATIONS[-1].number
        refuse_newer(path, found, known)
        if found < known:
            raise StoreReadOnly(
                f"{path}: version {found} has to be brought up to {known}; open it writable once"
            )
    except BaseException:
        connection.close()
        raise
    return connection


def refuse_non_file(path: Path) -> None:
    """Raise StoreError when something other than a regular file is there."""
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        return
    except OSError as error:
        raise StoreError(f"{path}: {error.strerror}; is the path right?") from None
    if stat.S_ISDIR(mode):
        raise StoreError(f"{path}: is a folder; name a file in it, such as {path / 'me.db'}")
    if not stat.S_ISREG(mode):
        raise StoreError(f"{path}: is no regular file; name one")


def is_new(connection: sqlite3.Connection, path: Path) -> bool:
    """Return whether the database is still empty; StoreError when it is another's."""
    try:
        owner = int(connection.execute("PRAGMA application_id").fetchone()[0])
        tables = int(connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0])
    except sqlite3.DatabaseError as error:
        if getattr(error, "sqlite_errorname", "") != "SQLITE_NOTADB":
            raise
        raise StoreError(
            f"{path}: is no peerrec store but a file of another kind, or its first page is "
            "damaged; name another file, or restore a backup"
        ) from error
    if owner == APPLICATION_ID:
        return False
    if owner == 0 and tables == 0:
        return True
    raise StoreError(
        f"{path}: is a database of another program (application id {owner:#x}, {tables} tables); "
        "name another file"
    )


def version_of(connection: sqlite3.Connection) -> int:
    """Return the number of the last migration, 0 for an empty database."""
    table = "SELECT count(*) FROM sqlite_master WHERE name = 'migrations'"
    if not connection.execute(table).fetchone()[0]:
        return 0
    row = connection.execute("SELECT coalesce(max(number), 0) FROM migrations").fetchone()
    return int(row[0])


def refuse_newer(path: Path, found: int, known: int) -> None:
    """Raise StoreTooNew when the file's version is above what is known here."""
    if found > known:
        raise StoreTooNew(
            f"{path}: has version {found}, this peerrec knows up to {known}; update peerrec"
        )


def migrate(
    connection: sqlite3.Connection, path: Path, migrations: Sequence[Migration] = MIGRATIONS
) -> None:
    """Bring the schema up to the last migration, each step whole or not at all."""
    found = version_of(connection)
    refuse_newer(path, found, migrations[-1].number)
    for migration in migrations:
        if migration.number <= found:
            continue
        connection.execute("BEGIN IMMEDIATE")
        try:
            if migration.number == 1:
                connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
                connection.execute(
                    "CREATE TABLE migrations (number INTEGER PRIMARY KEY, name TEXT)"
                )
            for statement in migration.statements:
                connection.execute(statement)
            connection.execute(
                "INSERT INTO migrations VALUES (?, ?)", (migration.number, migration.name)
            )
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
