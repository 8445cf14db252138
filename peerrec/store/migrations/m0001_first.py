"""Lay out the first version of a store file.

* ``peers`` and ``items`` turn raw ids into codes. A column of type BLOB keeps text
  as text and bytes as bytes; AUTOINCREMENT never gives a code twice.
* ``head`` takes one row per recorded interaction; when it is full, its rows become
  one packed block in ``segments`` (`peerrec.store.packing`), with a checksum that
  SQLite itself does not keep.
* Interactions name their author and item by code without a foreign key: one would
  need an index that costs more than the interaction. `SqliteStore.check` looks.
"""

from __future__ import annotations

from typing import Final

__all__ = ["STATEMENTS"]

STATEMENTS: Final = (
    "CREATE TABLE peers (code INTEGER PRIMARY KEY AUTOINCREMENT, id BLOB NOT NULL UNIQUE)",
    "CREATE TABLE items (code INTEGER PRIMARY KEY AUTOINCREMENT, id BLOB NOT NULL UNIQUE)",
    """CREATE TABLE head (
        sequence INTEGER PRIMARY KEY,
        author INTEGER NOT NULL,
        item INTEGER NOT NULL,
        weight REAL NOT NULL,
        minute INTEGER NOT NULL,
        public INTEGER NOT NULL
    )""",
    """CREATE TABLE segments (
        last INTEGER PRIMARY KEY,
        n_rows INTEGER NOT NULL,
        checksum INTEGER NOT NULL,
        packed BLOB NOT NULL
    )""",
    """CREATE TABLE trust (
        source INTEGER NOT NULL REFERENCES peers (code),
        target INTEGER NOT NULL REFERENCES peers (code),
        weight REAL NOT NULL,
        minute INTEGER NOT NULL,
        PRIMARY KEY (source, target)
    ) WITHOUT ROWID""",
    "CREATE INDEX trust_by_target ON trust (target)",
    """CREATE TABLE peer_marks (
        peer INTEGER NOT NULL REFERENCES peers (code),
        mark INTEGER NOT NULL,
        minute INTEGER NOT NULL,
        PRIMARY KEY (peer, mark)
    ) WITHOUT ROWID""",
    """CREATE TABLE item_marks (
        item INTEGER NOT NULL REFERENCES items (code),
        mark INTEGER NOT NULL,
        minute INTEGER NOT NULL,
        PRIMARY KEY (item, mark)
    ) WITHOUT ROWID""",
    """CREATE TABLE descriptions (
        item INTEGER NOT NULL REFERENCES items (code),
        author INTEGER NOT NULL REFERENCES peers (code),
        title TEXT NOT NULL,
        tags TEXT NOT NULL,
        link TEXT NOT NULL,
        uri TEXT NOT NULL,
        minute INTEGER NOT NULL,
        PRIMARY KEY (item, author)
    ) WITHOUT ROWID""",
    "CREATE INDEX descriptions_by_author ON descriptions (author)",
    "CREATE TABLE settings (key TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID",
    "CREATE TABLE counters (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID",
)
