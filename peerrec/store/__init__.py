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

from collections.abc import Iterable
from typing import Protocol

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

__all__ = [
    "Cursor",
    "Description",
    "Interaction",
    "InteractionColumns",
    "Mark",
    "Marked",
    "Names",
    "Pruned",
    "RawId",
    "Store",
    "StoreSize",
    "TrustColumns",
    "TrustEdge",
]


class Store(Protocol):
    """What can be asked of a store; every write is whole or did not happen.

    Wherever ``now`` (unix seconds) is given, times more than
    `peerrec.limits.CLOCK_SKEW_S` after it are refused with DataError.
    """

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
        """Remove all that is known of and from a peer, but a block or mute of it."""
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

    def trust(self, edge: TrustEdge, *, now: float | None = None) -> None:
        """Set a trust edge durably; weight 0 removes it."""
        ...

    def trust_many(self, edges: Iterable[TrustEdge], *, now: float | None = None) -> int:
        """Set all edges or, when one is refused, none; return how many."""
        ...

    def trust_edges(self) -> TrustColumns:
        """Return all trust edges, sorted by (source, target)."""
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

    def prune(
        self, now: float, *, window_s: float | None = None, size_bytes_max: int | None = None
    ) -> Pruned:
        """Remove what is older than the window, then the oldest until the size is kept."""
        ...

    def size(self) -> StoreSize:
        """Return how much the store holds."""
        ...

    def close(self) -> None:
        """Release the store; closing twice is no error, asking it anything is."""
        ...
