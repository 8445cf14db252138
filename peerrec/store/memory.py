"""Keep a store in memory: for tests, simulations and trying things out.

It gives the same answers as `peerrec.store.sqlite.SqliteStore` and forgets them
with the process. Rows are Python tuples: simple before small.

Example:
    >>> store = MemoryStore()
    >>> store.trust(TrustEdge("me", "mia", 0.5))
    >>> store.peers().ids, store.trust_edges().weight.tolist()
    (['me', 'mia'], [0.5])
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial

import numpy as np

from peerrec.errors import ConfigError, StoreError
from peerrec.limits import MINUTE_S, STORE_BYTES_MIN
from peerrec.store.packing import Block, CodedRow
from peerrec.store.rows import (
    Cursor,
    Description,
    Interaction,
    InteractionColumns,
    Mark,
    Marked,
    Names,
    Pruned,
    RawId,
    StoreSize,
    TrustColumns,
    TrustEdge,
    checked_description,
    checked_id,
    checked_interaction,
    checked_minute,
    checked_setting,
    checked_trust,
)

__all__ = ["MemoryStore"]

ROW_BYTES = 200  # a tuple with its numbers; names come on top
NAME_BYTES = 150


def is_one_of(rows: set[int], row: CodedRow) -> bool:
    """Return whether this very row, not an equal one, is among those named by identity."""
    return id(row) in rows


class MemoryNames:
    """Raw id ↔ code; a code is never given twice."""

    def __init__(self) -> None:
        self.codes: dict[RawId, int] = {}
        self.last = 0

    def code(self, raw: RawId) -> int:
        """Return the code of a raw id, giving it the next one at first sight."""
        if raw not in self.codes:
            self.last += 1
            self.codes[raw] = self.last
        return self.codes[raw]

    def names(self, after: int) -> Names:
        """Return the names with codes above ``after``."""
        kept = [(code, raw) for raw, code in self.codes.items() if code > after]
        codes = np.array([code for code, _ in kept], np.int32)
        return Names(codes, [raw for _, raw in kept])

    def keep_only(self, used: set[int]) -> int:
        """Remove the names whose codes are not used; return how many."""
        n_before = len(self.codes)
        self.codes = {raw: code for raw, code in self.codes.items() if code in used}
        return n_before - len(self.codes)


class MemoryStore:
    """A store that lives as long as the process; see `peerrec.store.Store`."""

    def __init__(self) -> None:
        self._closed = False
        self._epoch = self._last = self._trust_changes = 0
        self._forget_everything()
        self._peers, self._items = MemoryNames(), MemoryNames()

    def _forget_everything(self) -> None:
        self._rows: list[CodedRow] = []
        self._trust: dict[tuple[int, int], tuple[float, int]] = {}
        self._marks: dict[tuple[Mark, int], int] = {}
        self._descriptions: dict[tuple[int, int], Description] = {}
        self._settings: dict[str, bytes] = {}

    def _open(self) -> None:
        if self._closed:
            raise StoreError("the store is closed; make a new one")

    def close(self) -> None:
        """Forget everything; closing twice is no error."""
        self._forget_everything()
        self._closed = True

    # Interactions

    def record(self, row: Interaction, *, now: float | None = None) -> None:
        """Store one interaction."""
        self.record_many((row,), now=now)

    def record_many(self, rows: Iterable[Interaction], *, now: float | None = None) -> int:
        """Store all rows or, when one is refused, none; return how many."""
        self._open()
        checked = [checked_interaction(row, now) for row in rows]
        for author, item, weight, minute, public in checked:
            codes = self._peers.code(author), self._items.code(item)
            self._rows.append((*codes, weight, minute, public))
        self._last += len(checked)
        return len(checked)

    def interactions(self) -> InteractionColumns:
        """Return all interactions in order of arrival."""
        self._open()
        return self._columns(self._rows)

    def changes(self, since: Cursor) -> InteractionColumns | None:
        """Return the interactions after a cursor; None when some were removed since."""
        self._open()
        if since.epoch != self._epoch or since.interactions > self._last:
            return None
        return self._columns(self._rows[len(self._rows) - (self._last - since.interactions) :])

    def _columns(self, rows: list[CodedRow]) -> InteractionColumns:
        block = Block.of(rows)
        times = block.minute.astype(np.float64) * MINUTE_S
        return InteractionColumns(
            block.author, block.item, block.weight, times, block.public, self.cursor()
        )

    def cursor(self) -> Cursor:
        """Return the present point in the store's history."""
        self._open()
        return Cursor(self._epoch, self._last, self._trust_changes)

    def peers(self, after: int = 0) -> Names:
        """Return the names of authors and peers with codes above ``after``."""
        self._open()
        return self._peers.names(after)

    def items(self, after: int = 0) -> Names:
        """Return the names of items with codes above ``after``."""
        self._open()
        return self._items.names(after)

    # Removal

    def retract(
        self,
        *,
        author: RawId | None = None,
        item: RawId | None = None,
        before: float | None = None,
    ) -> int:
        """Remove the interactions that meet all given conditions; return how many."""
        self._open()
        if author is None and item is None and before is None:
            raise ConfigError("retract", None, "give author, item or before; `clear` removes all")
        author_code = self._peers.codes.get(b"" if author is None else author)
        item_code = self._items.codes.get(b"" if item is None else item)
        return self._remove(
            lambda row: (
                (author is None or row[0] == author_code)
                and (item is None or row[1] == item_code)
                and (before is None or row[3] * MINUTE_S < before)
            )
        )

    def _remove(self, doomed: Callable[[CodedRow], bool]) -> int:
        kept = [row for row in self._rows if not doomed(row)]
        removed = len(self._rows) - len(kept)
        self._rows = kept
        described = self._descriptions
        peers = {row[0] for row in kept} | {code for edge in self._trust for code in edge}
        peers |= {author for _, author in described}
        items = {row[1] for row in kept} | {item for item, _ in described}
        for mark, code in self._marks:
            (peers if mark.of_peer else items).add(code)
        names_removed = self._peers.keep_only(peers) + self._items.keep_only(items)
        self._epoch += bool(removed or names_removed)
        return removed

    def forget_item(self, item: RawId) -> int:
        """Remove all that is known of an item, its marks too; return the interactions."""
        self._open()
        code = self._items.codes.get(checked_id(item, "item id"))
        self._marks = {
            key: minute for key, minute in self._marks.items() if key[0].of_peer or key[1] != code
        }
        self._descriptions = {k: d for k, d in self._descriptions.items() if k[0] != code}
        return self._remove(lambda row: row[1] == code)

    def forget_peer(self, peer: RawId) -> int:
        """Remove all that is known of and from a peer, but a block or mute of it."""
        self._open()
        code = self._peers.codes.get(checked_id(peer, "peer id"))
        n_edges = len(self._trust)
        self._trust = {edge: value for edge, value in self._trust.items() if code not in edge}
        self._trust_changes += n_edges - len(self._trust)
        self._descriptions = {k: d for k, d in self._descriptions.items() if k[1] != code}
        return self._remove(lambda row: row[0] == code)

    def clear(self) -> None:
        """Remove everything, settings too."""
        self._open()
        self._forget_everything()
        self._trust_changes += 1
        self._remove(lambda row: True)

    def prune(
        self, now: float, *, window_s: float | None = None, size_bytes_max: int | None = None
    ) -> Pruned:
        """Remove what is older than the window, then the oldest until the size is kept."""
        self._open()
        if size_bytes_max is not None and size_bytes_max < STORE_BYTES_MIN:
            raise ConfigError("size_bytes_max", size_bytes_max, f"at least {STORE_BYTES_MIN}")
        interactions = descriptions = 0
        if window_s is not None:
            descriptions = self._remove_descriptions(now - window_s)
            interactions = self.retract(before=now - window_s)
        while size_bytes_max is not None and self._size_bytes() > size_bytes_max and self._rows:
            row_bytes = ROW_BYTES + 2 * NAME_BYTES  # at most: its names may have other uses
            n_doomed = max(1, (self._size_bytes() - size_bytes_max) // row_bytes)
            oldest = sorted(range(len(self._rows)), key=lambda at: self._rows[at][3])[:n_doomed]
            descriptions += self._remove_descriptions(self._rows[oldest[-1]][3] * MINUTE_S)
            doomed = {id(self._rows[at]) for at in oldest}
            interactions += self._remove(partial(is_one_of, doomed))
        return Pruned(interactions, descriptions, self._size_bytes())

    def _remove_descriptions(self, before: float) -> int:
        n_before = len(self._descriptions)
        self._descriptions = {k: d for k, d in self._descriptions.items() if d.time >= before}
        return n_before - len(self._descriptions)

    # Trust, marks, descriptions, settings

    def trust(self, edge: TrustEdge, *, now: float | None = None) -> None:
        """Set a trust edge; weight 0 removes it."""
        self.trust_many((edge,), now=now)

    def trust_many(self, edges: Iterable[TrustEdge], *, now: float | None = None) -> int:
        """Set all edges or, when one is refused, none; return how many."""
        self._open()
        checked = [checked_trust(edge, now) for edge in edges]
        for source, target, weight, minute in checked:
            if weight:
                codes = self._peers.code(source), self._peers.code(target)
                self._trust[codes] = (weight, minute)
            else:
                known = self._peers.codes
                self._trust.pop((known.get(source, 0), known.get(target, 0)), None)
        self._trust_changes += len(checked)
        return len(checked)

    def trust_edges(self) -> TrustColumns:
        """Return all trust edges, sorted by (source, target)."""
        self._open()
        rows = [(*codes, *value) for codes, value in sorted(self._trust.items())]
        columns = np.array(rows, np.float64).reshape(-1, 4)
        return TrustColumns(
            columns[:, 0].astype(np.int32),
            columns[:, 1].astype(np.int32),
            columns[:, 2].astype(np.float32),
            columns[:, 3] * MINUTE_S,
        )

    def mark(self, mark: Mark, subject: RawId, *, time: float) -> None:
        """Mark a peer or an item, as the mark says; marking twice keeps the later time."""
        self._open()
        minute = checked_minute(time, None)
        names = self._peers if mark.of_peer else self._items
        key = mark, names.code(checked_id(subject, "marked id"))
        self._marks[key] = max(minute, self._marks.get(key, 0))

    def unmark(self, mark: Mark, subject: RawId) -> bool:
        """Take a mark back; return whether there was one."""
        self._open()
        names = self._peers if mark.of_peer else self._items
        return self._marks.pop((mark, names.codes.get(subject, 0)), None) is not None

    def marks(self) -> list[Marked]:
        """Return all marks, oldest first."""
        self._open()
        peers = {code: raw for raw, code in self._peers.codes.items()}
        items = {code: raw for raw, code in self._items.codes.items()}
        ordered = sorted((minute, mark, code) for (mark, code), minute in self._marks.items())
        return [
            Marked(mark, (peers if mark.of_peer else items)[code], minute * MINUTE_S)
            for minute, mark, code in ordered
        ]

    def describe(self, description: Description, *, now: float | None = None) -> None:
        """Store what an author says of an item, in place of what it said before."""
        self._open()
        checked = checked_description(description, now)
        key = self._items.code(checked.item), self._peers.code(checked.author)
        self._descriptions[key] = checked

    def descriptions(self, item: RawId | None = None) -> list[Description]:
        """Return the descriptions of one item or of all, oldest first."""
        self._open()
        ordered = sorted((d.time, *key, d) for key, d in self._descriptions.items())
        return [row[3] for row in ordered if item is None or row[3].item == item]

    def set_setting(self, key: str, value: bytes | None) -> None:
        """Remember bytes under a key; None forgets them."""
        self._open()
        checked = checked_setting(key, b"" if value is None else value)
        self._settings.pop(checked[0], None)
        if value is not None:
            self._settings[checked[0]] = checked[1]

    def setting(self, key: str) -> bytes | None:
        """Return the bytes remembered under a key, or None."""
        self._open()
        return self._settings.get(key)

    def size(self) -> StoreSize:
        """Return how much the store holds; its bytes are an estimate."""
        self._open()
        counts = len(self._rows), len(self._peers.codes), len(self._items.codes)
        return StoreSize(self._size_bytes(), *counts, len(self._trust), len(self._descriptions))

    def _size_bytes(self) -> int:
        n_rows = len(self._rows) + len(self._trust) + len(self._descriptions)
        n_names = len(self._peers.codes) + len(self._items.codes)
        return n_rows * ROW_BYTES + n_names * NAME_BYTES
