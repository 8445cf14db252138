"""Keep what is few: trust, marks, descriptions, settings and counters, in SQLite.

Nothing here begins or ends a transaction, and nothing is checked: the store does.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

from peerrec.limits import MINUTE_S
from peerrec.store.names import NameTable
from peerrec.store.rows import Description, Mark, Marked, RawId, TrustColumns, TrustEdge

__all__ = ["Facts", "last_codes"]

SET_TRUST = """INSERT INTO trust (source, target, weight, minute) VALUES (?, ?, ?, ?)
    ON CONFLICT DO UPDATE SET weight = excluded.weight, minute = excluded.minute"""
DESCRIBE = "INSERT OR REPLACE INTO descriptions VALUES (?, ?, ?, ?, ?, ?, ?)"
DESCRIPTIONS = """SELECT items.id, peers.id, title, tags, link, uri, minute
    FROM descriptions JOIN items ON items.code = item JOIN peers ON peers.code = author"""
MOVE_ITEM = (
    """INSERT INTO item_marks (item, mark, minute)
        SELECT :new, mark, minute FROM item_marks WHERE item = :old
        ON CONFLICT DO UPDATE SET minute = max(minute, excluded.minute)""",
    "DELETE FROM item_marks WHERE item = :old",
    """DELETE FROM descriptions WHERE item = :old AND EXISTS (
        SELECT 1 FROM descriptions AS other WHERE other.item = :new
        AND other.author = descriptions.author AND other.minute >= descriptions.minute)""",
    "UPDATE OR REPLACE descriptions SET item = :new WHERE item = :old",
)
TRUST_OF = """SELECT peers.id, weight, minute FROM trust JOIN peers ON peers.code = target
    WHERE source = ? ORDER BY target"""
# In the order of foreign keys: names come last.
TABLES = ("trust", "peer_marks", "item_marks", "descriptions", "settings", "peers", "items")


class Facts:
    """Everything in a store but the interactions."""

    def __init__(self, connection: sqlite3.Connection, peers: NameTable, items: NameTable) -> None:
        self._connection = connection
        self._peers = peers
        self._items = items

    # Counters

    def counter(self, name: str) -> int:
        """Return a counter, 0 when it was never set."""
        query = "SELECT value FROM counters WHERE name = ?"
        row = self._connection.execute(query, (name,)).fetchone()
        return 0 if row is None else int(row[0])

    def set_counter(self, name: str, value: int) -> None:
        """Set a counter."""
        self.write_counter(self._connection, name, value)

    @staticmethod
    def write_counter(connection: sqlite3.Connection, name: str, value: int) -> None:
        """Set a counter of the store behind a connection."""
        connection.execute("INSERT OR REPLACE INTO counters VALUES (?, ?)", (name, value))

    # Trust

    def set_trust(self, edges: Iterable[tuple[RawId, RawId, float, int]]) -> None:
        """Set edges (source, target, weight, minute); weight 0 removes one."""
        changes = 0
        for source, target, weight, minute in edges:
            changes += 1
            if weight:
                codes = self._peers.code(source), self._peers.code(target)
                self._connection.execute(SET_TRUST, (*codes, weight, minute))
            else:
                known = self._peers.find(source), self._peers.find(target)
                remove = "DELETE FROM trust WHERE source = ? AND target = ?"
                self._connection.execute(remove, known)
        self.set_counter("trust", self.counter("trust") + changes)

    def trust_edges(self) -> TrustColumns:
        """Return all edges, sorted by (source, target)."""
        query = "SELECT source, target, weight, minute FROM trust ORDER BY source, target"
        rows = np.array(self._connection.execute(query).fetchall(), np.float64).reshape(-1, 4)
        return TrustColumns(
            rows[:, 0].astype(np.int32),
            rows[:, 1].astype(np.int32),
            rows[:, 2].astype(np.float32),
            rows[:, 3] * MINUTE_S,
        )

    def trust_of(self, source: RawId) -> list[TrustEdge]:
        """Return the edges from a source, sorted by their targets' codes."""
        rows = self._connection.execute(TRUST_OF, (self._peers.find(source),))
        return [TrustEdge(source, raw, weight, at * MINUTE_S) for raw, weight, at in rows]

    # Marks

    def mark(self, mark: Mark, subject: RawId, minute: int) -> None:
        """Set a mark; the later time stays."""
        table, column, names = self._place(mark)
        self._connection.execute(
            f"INSERT INTO {table} ({column}, mark, minute) VALUES (?, ?, ?) "
            "ON CONFLICT DO UPDATE SET minute = max(minute, excluded.minute)",
            (names.code(subject), int(mark), minute),
        )

    def unmark(self, mark: Mark, subject: RawId) -> bool:
        """Remove a mark; return whether there was one."""
        table, column, names = self._place(mark)
        query = f"DELETE FROM {table} WHERE {column} = ? AND mark = ?"
        values = (names.find(subject), int(mark))
        return self._connection.execute(query, values).rowcount > 0

    def _place(self, mark: Mark) -> tuple[str, str, NameTable]:
        if mark.of_peer:
            return "peer_marks", "peer", self._peers
        return "item_marks", "item", self._items

    def marks(self) -> list[Marked]:
        """Return all marks, oldest first, then by mark and name's code."""
        query = """
            SELECT mark, peers.id, minute, code FROM peer_marks JOIN peers ON code = peer
            UNION ALL
            SELECT mark, items.id, minute, code FROM item_marks JOIN items ON code = item
            ORDER BY 3, 1, 4"""
        return [
            Marked(Mark(mark), subject, minute * MINUTE_S)
            for mark, subject, minute, _ in self._connection.execute(query)
        ]

    # Descriptions

    def describe(self, description: Description) -> None:
        """Set what an author says of an item."""
        item, author, title, tags, link, uri, time = description
        codes = self._items.code(item), self._peers.code(author)
        texts = title, json.dumps(tags, ensure_ascii=False), link, uri
        self._connection.execute(DESCRIBE, (*codes, *texts, int(time // MINUTE_S)))

    def descriptions(self, item: RawId | None = None) -> list[Description]:
        """Return the descriptions of one item or of all, oldest first."""
        where, values = ("", ()) if item is None else (" WHERE items.id = ?", (item,))
        query = f"{DESCRIPTIONS}{where} ORDER BY minute, item, author"
        return [description(row) for row in self._connection.execute(query, values)]

    def remove_descriptions(self, before: float) -> int:
        """Remove the descriptions made before a time; return how many."""
        query = "DELETE FROM descriptions WHERE minute * ? < ?"
        return self._connection.execute(query, (MINUTE_S, before)).rowcount

    def remove_oldest_descriptions(self, share: float) -> int:
        """Remove the oldest share of the descriptions, at least one; return how many."""
        (count,) = self._connection.execute("SELECT count(*) FROM descriptions").fetchone()
        query = """DELETE FROM descriptions WHERE (item, author) IN
            (SELECT item, author FROM descriptions ORDER BY minute, item, author LIMIT ?)"""
        return self._connection.execute(query, (int(np.ceil(share * count)),)).rowcount

    # Settings

    def set_setting(self, key: str, value: bytes | None) -> None:
        """Remember bytes under a key; None forgets them."""
        if value is None:
            self._connection.execute("DELETE FROM settings WHERE key = ?", (key,))
        else:
            query = "INSERT OR REPLACE INTO settings VALUES (?, ?)"
            self._connection.execute(query, (key, value))

    def setting(self, key: str) -> bytes | None:
        """Return the bytes under a key, or None."""
        query = "SELECT value FROM settings WHERE key = ?"
        row = self._connection.execute(query, (key,)).fetchone()
        return None if row is None else bytes(row[0])

    # Removal

    def remove_descriptions_of(self, author: RawId) -> None:
        """Remove what an author said of items."""
        code = (self._peers.find(author),)
        self._connection.execute("DELETE FROM descriptions WHERE author = ?", code)

    def forget_item(self, item: RawId) -> None:
        """Remove marks and descriptions of an item."""
        code = (self._items.find(item),)
        self._connection.execute("DELETE FROM item_marks WHERE item = ?", code)
        self._connection.execute("DELETE FROM descriptions WHERE item = ?", code)

    def forget_peer(self, peer: RawId) -> None:
        """Remove trust of and from a peer, and what it said of items."""
        code = self._peers.find(peer)
        query = "DELETE FROM trust WHERE source = ? OR target = ?"
        removed = self._connection.execute(query, (code, code)).rowcount
        self._connection.execute("DELETE FROM descriptions WHERE author = ?", (code,))
        query = "DELETE FROM peer_marks WHERE peer = ? AND mark = ?"
        self._connection.execute(query, (code, int(Mark.FORKED)))
        self.set_counter("trust", self.counter("trust") + removed)

    def remove_forked(self, before: float) -> None:
        """Remove the marks of forks from before a minute."""
        query = "DELETE FROM peer_marks WHERE mark = ? AND minute < ?"
        self._connection.execute(query, (int(Mark.FORKED), before))

    def rename_items(self, pairs: Iterable[tuple[RawId, RawId]]) -> tuple[int, dict[int, int]]:
        """Give items new ids (old, new), merging marks and descriptions where new is known.

        Returns:
            How many were known, and the codes of merged items with those they became.
        """
        renamed, merged = 0, dict[int, int]()
        for old, new in pairs:
            code, taken = self._items.find(old), self._items.find(new)
            if code is None or old == new:
                continue
            renamed += 1
            if taken is None:
                self._items.rename(code, new)
                continue
            for statement in MOVE_ITEM:
                self._connection.execute(statement, {"old": code, "new": taken})
            self._items.remove(code)
            merged[code] = taken
        return renamed, last_codes(merged)

    def clear(self) -> None:
        """Remove everything but the counters, which never go back."""
        self.set_counter("trust", self.counter("trust") + 1)
        for table in TABLES:
            self._connection.execute(f"DELETE FROM {table}")

    def used_peers(self, authors: npt.NDArray[np.int32]) -> npt.NDArray[np.int64]:
        """Return the codes of peers that something refers to, authors included."""
        queries = (
            "SELECT source FROM trust UNION SELECT target FROM trust",
            "SELECT peer FROM peer_marks UNION SELECT author FROM descriptions",
        )
        return np.unique(np.concatenate([authors, *map(self._codes, queries)]))

    def used_items(self, items: npt.NDArray[np.int32]) -> npt.NDArray[np.int64]:
        """Return the codes of items that something refers to, the given ones included."""
        query = "SELECT item FROM item_marks UNION SELECT item FROM descriptions"
        return np.unique(np.concatenate([items, self._codes(query)]))

    def _codes(self, query: str) -> npt.NDArray[np.int64]:
        return np.array(self._connection.execute(query).fetchall(), np.int64).reshape(-1)

    def counts(self) -> tuple[int, int]:
        """Return how many trust edges and descriptions there are."""
        query = "SELECT (SELECT count(*) FROM trust), (SELECT count(*) FROM descriptions)"
        edges, descriptions = self._connection.execute(query).fetchone()
        return int(edges), int(descriptions)


def last_codes(merged: dict[int, int]) -> dict[int, int]:
    """Return where each code ends that became another, which may have become another."""
    ends: dict[int, int] = {}
    for code, end in merged.items():
        while end in merged:
            end = merged[end]
        ends[code] = end
    return ends


def description(row: tuple[Any, ...]) -> Description:
    """Return a description from a row of the table."""
    item, author, title, tags, link, uri, minute = row
    return Description(item, author, title, tuple(json.loads(tags)), link, uri, minute * MINUTE_S)
