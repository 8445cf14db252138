"""Keep what a node knows: the few questions a store answers.

Two stores answer them alike: `peerrec.store.sqlite.SqliteStore`, a file that
survives a kill at any point, and `peerrec.store.memory.MemoryStore` for tests and
simulations. Both inherit their claims from `peerrec.testing.StoreContract`.

A store knows nothing of identities, keys or ranking: authors, peers and items are
raw ids (str or bytes) on the way in, int32 codes beside a table of names on the
way out. `check` and `backup` are questions to a file, so only `SqliteStore` has
them. A store takes no lock: one thread at a time, whoever shares it must lock.

Example:
    >>> from peerrec.store.memory import MemoryStore
    >>> store = MemoryStore()
    >>> store.record(Interaction("me", "track:feeling-good", weight=2.0, time=60.0))
    >>> columns = store.interactions()
    >>> store.items().ids, columns.weight.tolist(), columns.time.tolist()
    (['track:feeling-good'], [2.0], [60.0])
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol

from peerrec.store.batch import Retraction
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
)
from peerrec.store.segment_rows import ProofRow, SegmentColumns, SegmentKey, SegmentRow

__all__ = [
    "Cursor",
    "Description",
    "Interaction",
    "InteractionColumns",
    "Mark",
    "Marked",
    "Names",
    "ProofRow",
    "Pruned",
    "RawId",
    "Retraction",
    "SegmentColumns",
    "SegmentKey",
    "SegmentRow",
    "SegmentStore",
    "Store",
    "StoreSize",
    "TrustColumns",
    "TrustEdge",
]


class SegmentStore(Protocol):
    """What can be asked of the signed logs in a store.

    Arrival numbers ascend from 1 and are never given twice, also after a removal and a
    restart, until `Store.clear`. What other parts of the store know does not follow:
    whoever removes a segment retracts what it said where that is wanted.
    """

    @property
    def last_arrival(self) -> int:
        """Number of the newest segment ever stored, 0 before the first."""
        ...

    @property
    def removals(self) -> int:
        """How many segments were removed since the store was opened, whoever did it.

        Where it changed without your doing, what you remember of `index` is outdated.
        """
        ...

    def add_many(self, rows: Iterable[SegmentRow]) -> int:
        """Store all segments or, when one is refused, none; return the first's number.

        The others follow it in order. A segment held under the same key is replaced.
        """
        ...

    def frame(self, author: bytes, epoch: int, seq: int) -> bytes | None:
        """Return a segment's frame, or None when it is not held.

        Raises:
            StoreCorrupt: it is damaged; remove it to fetch it again.
        """
        ...

    def frames(self, keys: Iterable[SegmentKey]) -> list[bytes | None]:
        """Return the frame for each key, None where it is not held."""
        ...

    def index(self) -> SegmentColumns:
        """Return all segments but their frames, in order of arrival."""
        ...

    def remove(self, keys: Iterable[SegmentKey]) -> int:
        """Remove segments; return how many were there."""
        ...

    def count(self) -> int:
        """Return how many segments there are."""
        ...

    def size_bytes(self) -> int:
        """Return the length of all frames together."""
        ...

    def add_proof(self, author: bytes, epoch: int, seq: int, minute: int, evidence: bytes) -> None:
        """Keep the evidence that a log forked; the one of the lowest number stays."""
        ...

    def proofs(self) -> list[ProofRow]:
        """Return the proofs, one for each forked log, sorted by log."""
        ...

    def remove_proofs(self, before: float) -> int:
        """Remove the proofs from before a minute; return how many."""
        ...


class Store(Protocol):
    """What can be asked of a store; every write is whole or did not happen.

    Wherever ``now`` (unix seconds) is given, times more than
    `peerrec.limits.CLOCK_SKEW_S` after it are refused with DataError.
    """

    @property
    def was_restored(self) -> bool:
        """Whether the store was put back from a copy; true until `restore_handled`.

        Whatever was numbered in it may have gone further elsewhere.
        """
        ...

    @property
    def segments(self) -> SegmentStore:
        """The signed logs of peers."""
        ...

    def record(self, row: Interaction, *, now: float | None = None) -> None:
        """Store one interaction durably: on return it survives a kill."""
        ...

    def record_many(self, rows: Iterable[Interaction], *, now: float | None = None) -> int:
        """Store all rows or, when one is refused, none; return how many."""
        ...

    def retract(
        self,
        *,
        author: RawId | None = None,
        item: RawId | None = None,
        before: float | None = None,
    ) -> int:
        """Remove the interactions that meet all given conditions; return how many."""
        ...

    def forget_item(self, item: RawId) -> int:
        """Remove all that is known of an item, its marks too; return the interactions."""
        ...

    def forget_peer(self, peer: RawId) -> int:
        """Remove all that is known of and from a peer, but a block or mute of it.

        Its segments and proofs against it go, too; return the interactions.
        """
        ...

    def clear(self) -> None:
        """Remove everything, settings too."""
        ...

    def interactions(self) -> InteractionColumns:
        """Return all interactions in order of arrival."""
        ...

    def changes(self, since: Cursor) -> InteractionColumns | None:
        """Return the interactions after a cursor; None when some were removed since."""
        ...

    def cursor(self) -> Cursor:
        """Return the present point in the store's history."""
        ...

    def peers(self, after: int = 0) -> Names:
        """Return the names of authors and peers with codes above ``after``."""
        ...

    def items(self, after: int = 0) -> Names:
        """Return the names of items with codes above ``after``."""
        ...

    def item_names(self, codes: Sequence[int]) -> list[RawId]:
        """Return the names of some items, in the order given; DataError where one has none."""
        ...

    def trust(self, edge: TrustEdge, *, now: float | None = None) -> None:
        """Set a trust edge durably; weight 0 removes it."""
        ...

    def trust_many(self, edges: Iterable[TrustEdge], *, now: float | None = None) -> int:
        """Set all edges or, when one is refused, none; return how many."""
        ...

    def trust_edges(self) -> TrustColumns:
        """Return all trust edges, sorted by (source, target)."""
        ...

    def trust_of(self, source: RawId) -> list[TrustEdge]:
        """Return whom somebody trusts or distrusts, in the order in which names came."""
        ...

    def mark(self, mark: Mark, subject: RawId, *, time: float) -> None:
        """Mark a peer or an item, as the mark says; marking twice keeps the later time."""
        ...

    def unmark(self, mark: Mark, subject: RawId) -> bool:
        """Take a mark back; return whether there was one."""
        ...

    def marks(self) -> list[Marked]:
        """Return all marks, oldest first."""
        ...

    def describe(self, description: Description, *, now: float | None = None) -> None:
        """Store what an author says of an item, in place of what it said before."""
        ...

    def descriptions(self, item: RawId | None = None) -> list[Description]:
        """Return the descriptions of one item or of all, oldest first."""
        ...

    def set_setting(self, key: str, value: bytes | None) -> None:
        """Remember bytes under a key; None forgets them."""
        ...

    def setting(self, key: str) -> bytes | None:
        """Return the bytes remembered under a key, or None."""
        ...

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
        """Store segments and what they say, all of it or nothing, in one transaction.

        Args:
            segments: get the numbers after ``segments.last_arrival``, in order.
            interactions: as for `record_many`.
            edges: as for `trust_many`.
            descriptions: as for `describe`.
            retractions: what an author takes back: its interactions with an item (None:
                with any) up to and including the minute of a time, those given here too.
                With None all its descriptions go as well.
            proofs: of forks; the one of the lowest number of a log stays.
            settings: (key, value), None forgets one.
            marks: as for `mark`.
            dropped: keys of segments to remove, before the new ones come.
            now: see above.

        Raises:
            DataError: something is refused; nothing was stored.
        """
        ...

    def rename_item(self, old: RawId, new: RawId) -> bool:
        """Know an item by another id from now on; return whether it was known.

        Where the new id is known already the two become one: interactions stay as they
        are, of two marks or descriptions by one author the later stays.
        """
        ...

    def rename_items(self, pairs: Iterable[tuple[RawId, RawId]]) -> int:
        """Rename items (old, new), one after the other; return how many were known.

        One pass for all: much less work than one by one where ids become one.
        """
        ...

    def flush(self) -> None:
        """Bring what was written to the disk: it survives a power cut, too."""
        ...

    def store_tag(self) -> bytes:
        """Return 8 bytes that change whenever arrival numbers may be given again."""
        ...

    def restore_handled(self) -> None:
        """Say that no log goes on where a restored store ended; call it once that is stored."""
        ...

    def prune(
        self, now: float, *, window_s: float | None = None, size_bytes_max: int | None = None
    ) -> Pruned:
        """Remove what is older than the window, then the oldest until the size is kept.

        Segments are removed like interactions, proofs and marks of forks with the window.
        """
        ...

    def size(self) -> StoreSize:
        """Return how much the store holds."""
        ...

    def close(self) -> None:
        """Release the store; closing twice is no error, asking it anything is."""
        ...
