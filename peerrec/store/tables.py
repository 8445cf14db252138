"""Change what several tables of a store file hold together.

Nothing here begins or ends a transaction, and nothing is checked: the store does.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from peerrec.limits import MINUTE_S
from peerrec.store.ageing import oldest
from peerrec.store.batch import ANY_ITEM, Batch, Retractions
from peerrec.store.facts import Facts
from peerrec.store.interaction_log import InteractionLog
from peerrec.store.log_table import LogTable
from peerrec.store.names import NameTable
from peerrec.store.packing import Block
from peerrec.store.rows import RawId, Record

__all__ = ["Tables", "new_epoch"]

Lost = tuple[int, int, int]
"""How many interactions, descriptions and segments were removed."""


class Tables:
    """All tables of one store file.

    Attributes:
        peers: names of authors and peers.
        items: names of items.
        interactions: who did what with which item.
        facts: trust, marks, descriptions, settings and counters.
        logs: signed segments and proofs.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.peers = NameTable(connection, "peers")
        self.items = NameTable(connection, "items")
        self.interactions = InteractionLog(connection)
        self.facts = Facts(connection, self.peers, self.items)
        self.logs = LogTable(connection)

    def reload(self) -> None:
        """Read what is kept in memory again, after a transaction that did not happen."""
        self.interactions.reload()
        self.logs.reload()

    def begin_epoch(self) -> None:
        """Make every cursor and snapshot of the interactions invalid."""
        self.facts.set_counter("epoch", new_epoch())

    # Adding

    def append(self, rows: list[Record]) -> None:
        """Store interactions, giving codes to names at first sight."""
        if rows:
            peers = self.peers.codes(row[0] for row in rows)
            items = self.items.codes(row[1] for row in rows)
            self.interactions.append([(peers[row[0]], items[row[1]], *row[2:]) for row in rows])

    def put(self, batch: Batch) -> int:
        """Store a whole batch; return how many interactions its retractions removed."""
        if batch.dropped:
            self.logs.remove(batch.dropped)
        if batch.segments:
            self.logs.add(batch.segments)
        for proof in batch.proofs:
            self.logs.add_proof(proof)
        self.append(batch.interactions)
        if batch.edges:
            self.facts.set_trust(batch.edges)
        for said in batch.descriptions:
            self.facts.describe(said)
        for mark, subject, time in batch.marks:
            self.facts.mark(mark, subject, int(time // MINUTE_S))
        for key, value in batch.settings:
            self.facts.set_setting(key, value)
        return self._take_back(batch.retractions)

    def _take_back(self, rows: list[tuple[RawId, RawId | None, int]]) -> int:
        for author in [author for author, item, _ in rows if item is None]:
            self.facts.remove_descriptions_of(author)
        # Names that nothing uses now go with the next removal: to look for them costs
        # much more than this, and whoever we follow may retract as often as they like.
        coded = (
            (self.peers.find(author), ANY_ITEM if item is None else self.items.find(item), minute)
            for author, item, minute in rows
        )
        known = Retractions((a, i, m) for a, i, m in coded if a is not None and i is not None)
        if not known or not self.interactions.any(known.mask):
            return 0
        self.begin_epoch()
        return self.interactions.remove(known.mask)

    def rename_items(self, pairs: Iterable[tuple[RawId, RawId]]) -> int:
        """Rename items (old, new), one after the other; return how many were known."""
        renamed, merged = self.facts.rename_items(pairs)
        if merged:
            self.interactions.recode_items(merged)
        if renamed:
            self.begin_epoch()
        return renamed

    # Removing

    def retract(self, author: RawId | None, item: RawId | None, before: float | None) -> int:
        """Remove the interactions that meet all given conditions; return how many."""
        author_code = None if author is None else self.peers.find(author)
        item_code = None if item is None else self.items.find(item)
        if (author_code is None) != (author is None) or (item_code is None) != (item is None):
            return 0

        def doomed(rows: Block) -> npt.NDArray[np.bool_]:
            mask = np.ones(len(rows), np.bool_)
            if author_code is not None:
                mask &= rows.author == author_code
            if item_code is not None:
                mask &= rows.item == item_code
            if before is not None:
                mask &= rows.minute * MINUTE_S < before
            return mask

        return self.interactions.remove(doomed)

    def forget_peer(self, peer: RawId) -> int:
        """Remove everything of and from a peer; return how many interactions."""
        self.facts.forget_peer(peer)
        if isinstance(peer, bytes):
            self.logs.remove_author(peer)
        return self.retract(peer, None, None)

    def clear(self) -> None:
        """Remove everything but the counters, which never go back."""
        self.interactions.remove(lambda rows: np.ones(len(rows), np.bool_))
        self.facts.clear()
        self.logs.clear()

    def remove_before(self, time: float) -> Lost:
        """Remove all from before a time but trust, decisions and settings."""
        minute = int(time // MINUTE_S)
        self.facts.remove_forked(minute)
        self.logs.remove_proofs(minute)
        interactions = self.retract(None, None, time)
        return interactions, self.facts.remove_descriptions(time), self.logs.remove_before(minute)

    def remove_oldest(self, share: float, size_bytes: int) -> Lost:
        """Remove the oldest interactions and segments; descriptions if neither is left.

        Args:
            share: of the file that is to become free.
            size_bytes: of the file.
        """
        # A row frees at most its share of the file, for its names may be used by
        # others: so no round goes too far, and a few rounds arrive.
        self.interactions.seal()
        minutes, aged = self.interactions.read().minute, self.logs.ages()
        if not len(minutes) + len(aged):
            return 0, self.facts.remove_oldest_descriptions(share), 0
        segment_bytes = int(aged[:, 2].sum())
        row_bytes = max(1.0, (size_bytes - segment_bytes) / max(1, len(minutes)))
        plays = minutes, np.full(len(minutes), row_bytes)
        amount = share * (row_bytes * len(minutes) + segment_bytes)
        mask, old, last = oldest(plays, (aged[:, 1], aged[:, 2]), amount)
        at = 0

        def doomed(rows: Block) -> npt.NDArray[np.bool_]:
            nonlocal at
            at += len(rows)
            return mask[at - len(rows) : at]

        descriptions = self.facts.remove_descriptions(last * MINUTE_S)
        segments = self.logs.remove_arrivals(aged[old, 0])
        return self.interactions.remove(doomed), descriptions, segments

    def drop_unused(self, n_before: int) -> None:
        """Remove the names that nothing uses; a new epoch where anything was removed.

        Args:
            n_before: how many interactions there were.
        """
        block = self.interactions.read()
        removed = n_before - len(block)
        removed += self.peers.keep_only(self.facts.used_peers(block.author))
        removed += self.items.keep_only(self.facts.used_items(block.item))
        if removed:
            self.begin_epoch()


def new_epoch() -> int:
    """Return a number that no other history of any store has, 62 random bits."""
    return int.from_bytes(os.urandom(8)) >> 2
