"""Add the signed logs of peers: segments, proofs of forks, and what names the file.

* ``log_segments`` holds one row per segment. AUTOINCREMENT never gives an arrival
  number twice. The checksum covers the row, since SQLite keeps none and a damaged
  frame must not be handed to a peer. (``segments`` are packed interactions.)
* ``log_authors`` turns authors into codes. They are not ``peers``: an author of whom
  only a segment is held has neither interactions nor trust to be ranked by.
* ``log_proofs`` holds at most one proof per log.
* ``file_names`` holds random bytes: ``tag`` names this history of arrival numbers,
  ``generation`` is what `peerrec.store.generation` compares.
"""

from __future__ import annotations

from typing import Final

__all__ = ["STATEMENTS"]

STATEMENTS: Final = (
    "CREATE TABLE log_authors (code INTEGER PRIMARY KEY AUTOINCREMENT, id BLOB NOT NULL UNIQUE)",
    """CREATE TABLE log_segments (
        arrival INTEGER PRIMARY KEY AUTOINCREMENT,
        author INTEGER NOT NULL REFERENCES log_authors (code),
        epoch INTEGER NOT NULL,
        seq INTEGER NOT NULL,
        id BLOB NOT NULL,
        kind INTEGER NOT NULL,
        minute INTEGER NOT NULL,
        ttl_days INTEGER NOT NULL,
        checksum INTEGER NOT NULL,
        frame BLOB NOT NULL,
        UNIQUE (author, epoch, seq)
    )""",
    """CREATE TABLE log_proofs (
        author INTEGER NOT NULL REFERENCES log_authors (code),
        epoch INTEGER NOT NULL,
        seq INTEGER NOT NULL,
        minute INTEGER NOT NULL,
        evidence BLOB NOT NULL,
        PRIMARY KEY (author, epoch)
    ) WITHOUT ROWID""",
    "CREATE TABLE file_names (name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID",
    "INSERT INTO file_names VALUES ('tag', randomblob(8))",
)
