"""Keep a store in memory: for tests, simulations and trying things out.

It gives the same answers as `peerrec.store.sqlite.SqliteStore` and forgets them
with the process.

Example:
    >>> store = MemoryStore()
    >>> store.trust(TrustEdge("me", "mia", 0.5))
    >>> store.peers().ids, store.trust_edges().weight.tolist()
    (['me', 'mia'], [0.5])
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from itertools import chain

import numpy as np
import numpy.typing as npt

from peerrec.errors import ConfigError, StoreError
from peerrec.limits import MINUTE_S, STORE_BYTES_MIN
from peerrec.store.ageing import oldest
from peerrec.store.batch import ANY_ITEM, Batch, Retraction, Retractions
from peerrec.store.facts import last_codes
from peerrec.store.memory_rows import MemoryRows
from peerrec.store.memory_segments import SEGMENT_BYTES, MemorySegments
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
    Record,
    StoreSize,
    TrustColumns,
    TrustEdge,
    checked_description,
    checked_id,
    checked_interaction,
    checked_minute,
    checked_setting,
    checked_trust,
    in_order,
)
from peerrec.store.segment_rows import ProofRow, SegmentKey, SegmentRow

__all__ = ["MemoryStore"]

ROW_BYTES = 20  # packed, with room to grow; names come on top
FACT_BYTES = 200  # of an edge or a description: tuples with their numbers
NAME_BYTES = 150

NOBODY = 0
"""A code that is never given: no name has it."""


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

    def of(self, codes: Sequence[int]) -> list[RawId]:
        """Return the raw ids of some codes, the latest of which are found first."""
        wanted, found = set(codes), dict[int, RawId]()
        for raw, code in reversed(self.codes.items()):
            if len(found) == len(wanted):
                break
            if code in wanted:
                found[code] = raw
        return in_order(codes, found)

    def rename(self, code: int, raw: RawId) -> None:
        """Give a code a raw id that no other code has; the order of codes stays."""
        self.codes = {raw if each == code else old: each for old, each in self.codes.items()}

    def keep_only(self, used: set[int]) -> int:
        """Remove the names whose codes are not used; return how many."""
        n_before = len(self.codes)
        self.codes = {raw: code for raw, code in self.codes.items() if code in used}
        return n_before - len(self.codes)


class MemoryStore:
    """A store that lives as long as the process; see `peerrec.store.Store`.

    Args:
        tag: names its history of arrival numbers, 8 bytes; give random ones where a store
            takes the place of another and peers remember how far they read that one.

    Attributes:
        segments: the signed logs it holds.
        was_restored: false; a test may set it to play a store put back from a copy.
    """

    def __init__(self, *, tag: bytes = bytes(8)) -> None:
        self._closed = False
        self._tag = tag
        self._epoch = self._last = self._trust_changes = 0
        self.was_restored = False
        self.segments = MemorySegments(self._open)
        self._forget_everything()
        self._peers, self._items = MemoryNames(), MemoryNames()

    def _forget_everything(self) -> None:
        self._rows = MemoryRows()
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
        self.segments.clear()
        self._closed = True

    def flush(self) -> None:
        """Do nothing: there is no disk."""
        self._open()

    def restore_handled(self) -> None:
        """Say that no log goes on where a restored store ended."""
        self.was_restored = False

    def store_tag(self) -> bytes:
        """Return 8 bytes that name this history of arrival numbers."""
        self._open()
        return self._tag

    # Interactions

    def record(self, row: Interaction, *, now: float | None = None) -> None:
        """Store one interaction."""
        self.record_many((row,), now=now)

    def record_many(self, rows: Iterable[Interaction], *, now: float | None = None) -> int:
        """Store all rows or, when one is refused, none; return how many."""
        self._open()
        checked = [checked_interaction(row, now) for row in rows]
        self._append(checked)
        return len(checked)

    def _append(self, rows: list[Record]) -> None:
        peer, item = self._peers.code, self._items.code
        self._rows.append((peer(row[0]), item(row[1]), *row[2:]) for row in rows)
        self._last += len(rows)

    def interactions(self) -> InteractionColumns:
        """Return all interactions in order of arrival."""
        self._open()
        return self._columns(0)

    def changes(self, since: Cursor) -> InteractionColumns | None:
        """Return the interactions after a cursor; None when some were removed since."""
        self._open()
        if since.epoch != self._epoch or since.interactions > self._last:
            return None
        return self._columns(len(self._rows) - (self._last - since.interactions))

    def _columns(self, start: int) -> InteractionColumns:
        block = self._rows.block(start)
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

    def item_names(self, codes: Sequence[int]) -> list[RawId]:
        """Return the names of some items, in the order given; DataError where one has none."""
        self._open()
        return self._items.of(codes)

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
        rows = self._rows.block()
        doomed = np.ones(len(rows), np.bool_)
        if author is not None:
            doomed &= rows.author == self._peers.codes.get(author, NOBODY)
        if item is not None:
            doomed &= rows.item == self._items.codes.get(item, NOBODY)
        if before is not None:
            doomed &= rows.minute * MINUTE_S < before
        return self._remove(doomed)

    def _remove(self, doomed: npt.NDArray[np.bool_]) -> int:
        removed = self._rows.remove(doomed)
        kept, described = self._rows.block(), self._descriptions
        peers = set(kept.author.tolist()) | {code for edge in self._trust for code in edge}
        peers |= {author for _, author in described}
        items = set(kept.item.tolist()) | {item for item, _ in described}
        for mark, code in self._marks:
            (peers if mark.of_peer else items).add(code)
        names_removed = self._peers.keep_only(peers) + self._items.keep_only(items)
        self._epoch += bool(removed or names_removed)
        return removed

    def forget_item(self, item: RawId) -> int:
        """Remove all that is known of an item, its marks too; return the interactions."""
        self._open()
        code = self._items.codes.get(checked_id(item, "item id"), NOBODY)
        self._marks = {
            key: minute for key, minute in self._marks.items() if key[0].of_peer or key[1] != code
        }
        self._descriptions = {k: d for k, d in self._descriptions.items() if k[0] != code}
        return self._remove(self._rows.block().item == code)

    def forget_peer(self, peer: RawId) -> int:
        """Remove all that is known of and from a peer, but a block or mute of it."""
        self._open()
        code = self._peers.codes.get(checked_id(peer, "peer id"), NOBODY)
        n_edges = len(self._trust)
        self._trust = {edge: value for edge, value in self._trust.items() if code not in edge}
        self._trust_changes += n_edges - len(self._trust)
        self._descriptions = {k: d for k, d in self._descriptions.items() if k[1] != code}
        self._marks.pop((Mark.FORKED, code), None)
        if isinstance(peer, bytes):
            self.segments.remove_author(peer)
        return self._remove(self._rows.block().author == code)

    def clear(self) -> None:
        """Remove everything, settings too."""
        self._open()
        self._forget_everything()
        self.segments.clear()
        # Nothing is random here: a simulation with the same seed gives the same bytes.
        self._tag = hashlib.blake2b(self._tag, digest_size=8).digest()
        self.was_restored = False
        self._trust_changes += 1
        self._remove(np.empty(0, np.bool_))

    def prune(
        self, now: float, *, window_s: float | None = None, size_bytes_max: int | None = None
    ) -> Pruned:
        """Remove what is older than the window, then the oldest until the size is kept."""
        self._open()
        if size_bytes_max is not None and size_bytes_max < STORE_BYTES_MIN:
            raise ConfigError("size_bytes_max", size_bytes_max, f"at least {STORE_BYTES_MIN}")
        interactions = descriptions = segments = 0
        if window_s is not None:
            minute = int((now - window_s) // MINUTE_S)
            self._remove_forked(minute)
            self.segments.remove_proofs(minute)
            segments = self.segments.remove_before(minute)
            descriptions = self._remove_descriptions(now - window_s)
            interactions = self.retract(before=now - window_s)
        while size_bytes_max is not None and self._size_bytes() > size_bytes_max:
            if not len(self._rows) and not self.segments.count():
                break
            row_bytes = ROW_BYTES + 2 * NAME_BYTES  # at most: its names may have other uses
            minutes = self._rows.block().minute
            plays = minutes, np.full(len(minutes), row_bytes)
            excess = self._size_bytes() - size_bytes_max
            mask, old, last = oldest(plays, self.segments.ages(), excess)
            segments += self.segments.remove_where(old)
            descriptions += self._remove_descriptions(last * MINUTE_S)
            interactions += self._remove(mask)
        return Pruned(interactions, descriptions, self._size_bytes(), segments)

    def _remove_forked(self, before: int) -> None:
        self._marks = {
            key: minute
            for key, minute in self._marks.items()
            if key[0] is not Mark.FORKED or minute >= before
        }

    def _remove_descriptions(self, before: float) -> int:
        n_before = len(self._descriptions)
        self._descriptions = {k: d for k, d in self._descriptions.items() if d.time >= before}
        return n_before - len(self._descriptions)

    # Everything that segments bring

    def accept(
        self,
        *,
        segments: Iterable[SegmentRow] = (),
        interactions: Iterable[Interaction] = (),
        edges: Iterable[TrustEdge] = (),
        descriptions: Iterable[Description] = (),
        retractions: Iterable[Retraction] = (),
        proofs: Iterable[ProofRow] = (),
        settings: Iterable[tuple[str, bytes | None]] = (),
        marks: Iterable[Marked] = (),
        dropped: Iterable[SegmentKey] = (),
        now: float | None = None,
    ) -> None:
        """Store all of it or, when something is refused, nothing."""
        self._open()
        batch = Batch.checked(
            segments=segments,
            interactions=interactions,
            edges=edges,
            descriptions=descriptions,
            retractions=retractions,
            proofs=proofs,
            settings=settings,
            marks=marks,
            dropped=dropped,
            now=now,
        )
        if batch.dropped:
            self.segments.remove(batch.dropped)
        self.segments.add(batch.segments)
        for proof in batch.proofs:
            self.segments.keep_proof(proof)
        self._append(batch.interactions)
        self._set_trust(batch.edges)
        for said in batch.descriptions:
            self._describe(said)
        for mark, subject, time in batch.marks:
            self.mark(mark, subject, time=time)
        for key, value in batch.settings:
            self.set_setting(key, value)
        if batch.retractions:
            self._take_back(batch.retractions)

    def _take_back(self, rows: list[tuple[RawId, RawId | None, int]]) -> None:
        """Remove what is retracted; names that nothing uses now go with the next pruning."""
        peers, items = self._peers.codes, self._items.codes
        silenced = {peers.get(author) for author, item, _ in rows if item is None}
        if silenced:
            kept = {k: said for k, said in self._descriptions.items() if k[1] not in silenced}
            self._descriptions = kept
        coded = (
            (peers.get(author), ANY_ITEM if item is None else items.get(item), minute)
            for author, item, minute in rows
        )
        known = Retractions((a, i, m) for a, i, m in coded if a is not None and i is not None)
        if not known:
            return
        if self._rows.remove(known.mask(self._rows.block())):
            self._epoch += 1

    def rename_item(self, old: RawId, new: RawId) -> bool:
        """Know an item by another id from now on; return whether it was known."""
        return bool(self.rename_items([(old, new)]))

    def rename_items(self, pairs: Iterable[tuple[RawId, RawId]]) -> int:
        """Rename items (old, new), one after the other; return how many were known."""
        self._open()
        checked = [(checked_id(old, "item id"), checked_id(new, "item id")) for old, new in pairs]
        renamed, merged = 0, dict[int, int]()
        for old, new in checked:
            code, taken = self._items.codes.get(old), self._items.codes.get(new)
            if code is None or old == new:
                continue
            renamed += 1
            if taken is None:
                self._items.rename(code, new)
                for key in [key for key in self._descriptions if key[0] == code]:
                    self._descriptions[key] = self._descriptions[key]._replace(item=new)
                continue
            del self._items.codes[old]
            self._move_item(code, taken, new)
            merged[code] = taken
        ends = last_codes(merged)
        if ends:
            self._rows.recode_items(ends)
        self._epoch += bool(renamed)
        return renamed

    def _move_item(self, old: int, new: int, raw: RawId) -> None:
        """Give one item's marks and descriptions to another; the later of two stays."""
        for mark, code in [key for key in self._marks if not key[0].of_peer and key[1] == old]:
            minute = self._marks.pop((mark, code))
            self._marks[mark, new] = max(minute, self._marks.get((mark, new), 0))
        for key in [key for key in self._descriptions if key[0] == old]:
            said, there = self._descriptions.pop(key), self._descriptions.get((new, key[1]))
            if there is None or there.time < said.time:
                self._descriptions[new, key[1]] = said._replace(item=raw)

    # Trust, marks, descriptions, settings

    def trust(self, edge: TrustEdge, *, now: float | None = None) -> None:
        """Set a trust edge; weight 0 removes it."""
        self.trust_many((edge,), now=now)

    def trust_many(self, edges: Iterable[TrustEdge], *, now: float | None = None) -> int:
        """Set all edges or, when one is refused, none; return how many."""
        self._open()
        checked = [checked_trust(edge, now) for edge in edges]
        self._set_trust(checked)
        return len(checked)

    def _set_trust(self, rows: list[tuple[RawId, RawId, float, int]]) -> None:
        for source, target, weight, minute in rows:
            if weight:
                codes = self._peers.code(source), self._peers.code(target)
                self._trust[codes] = (weight, minute)
            else:
                known = self._peers.codes
                self._trust.pop((known.get(source, 0), known.get(target, 0)), None)
        self._trust_changes += len(rows)

    def trust_edges(self) -> TrustColumns:
        """Return all trust edges, sorted by (source, target)."""
        self._open()
        ordered = sorted(self._trust.items())
        codes = np.fromiter(chain.from_iterable(key for key, _ in ordered), np.int32)
        values = np.fromiter(chain.from_iterable(value for _, value in ordered), np.float64)
        return TrustColumns(
            codes[::2].copy(),
            codes[1::2].copy(),
            values[::2].astype(np.float32),
            values[1::2] * MINUTE_S,
        )

    def trust_of(self, source: RawId) -> list[TrustEdge]:
        """Return whom somebody trusts or distrusts, in the order in which names came."""
        self._open()
        by = self._peers.codes.get(source)
        said = {key[1]: value for key, value in self._trust.items() if key[0] == by}
        named = {code: raw for raw, code in self._peers.codes.items() if code in said}
        return [
            TrustEdge(source, named[code], weight, minute * MINUTE_S)
            for code, (weight, minute) in sorted(said.items())
        ]

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
        self._describe(checked_description(description, now))

    def _describe(self, checked: Description) -> None:
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
        few = len(self._trust), len(self._descriptions), self.segments.count()
        return StoreSize(self._size_bytes(), *counts, *few)

    def _size_bytes(self) -> int:
        n_facts = len(self._trust) + len(self._descriptions)
        n_names = len(self._peers.codes) + len(self._items.codes)
        logs = self.segments.size_bytes() + self.segments.count() * SEGMENT_BYTES
        return len(self._rows) * ROW_BYTES + n_facts * FACT_BYTES + n_names * NAME_BYTES + logs
