"""Match items on the wire, which are hashes, with the names this device knows them by.

An item of which only the hash has arrived is stored under its 16 bytes. As soon as
somebody's directory, or the person of this device, names it, the store renames it.

Example:
    >>> from peerrec.store import Interaction
    >>> from peerrec.store.memory import MemoryStore
    >>> store = MemoryStore()
    >>> names = ItemNames(store)
    >>> store.record(Interaction("ann", item_hash("song:a"), time=60.0))
    >>> store.record(Interaction("me", "song:a", time=60.0))
    >>> names.follow()
    1
    >>> names.raw(item_hash("song:a")), store.items().ids
    ('song:a', ['song:a'])
"""

from __future__ import annotations

from collections.abc import Iterable

from peerrec.ids import item_hash
from peerrec.limits import ID_BYTES_MAX
from peerrec.store import RawId, Store

__all__ = ["ItemNames"]

HASH_BYTES = 16


class ItemNames:
    """Names of one store's items by their hashes.

    Args:
        store: whose items; `follow` takes in those that came since.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._raw_of: dict[bytes, RawId] = {}
        self._bare: set[bytes] = set()
        self._found: list[tuple[RawId, RawId]] = []
        self._last = 0
        self.follow()

    def follow(self) -> int:
        """Take in the store's new items; return how many bare hashes found their name."""
        new = self._store.items(after=self._last)
        if not len(new):
            return 0
        self._last = int(new.codes[-1])
        bare = [raw for raw in new.ids if isinstance(raw, bytes) and len(raw) == HASH_BYTES]
        self._bare.update(bare)
        for raw in new.ids:
            if not (isinstance(raw, bytes) and len(raw) == HASH_BYTES):
                self._know(item_hash(raw), raw)
        for hashed in bare:
            if hashed in self._raw_of:
                self._know(hashed, self._raw_of[hashed])
        return self.settle()

    def settle(self) -> int:
        """Rename the bare hashes that found their names, all at once; return how many.

        Raises:
            StoreError: they could not be renamed; the next call tries again.
        """
        if not self._found:
            return 0
        n_renamed = self._store.rename_items(self._found)
        self._found.clear()
        return n_renamed

    def stored(self, raws: Iterable[RawId]) -> None:
        """Note items that were stored under what `raw` returned."""
        self._bare.update(
            raw
            for raw in raws
            if isinstance(raw, bytes) and len(raw) == HASH_BYTES and raw not in self._raw_of
        )

    def raw(self, hashed: bytes) -> RawId:
        """Return the name of an item, its hash where nobody has named it."""
        return self._raw_of.get(hashed, hashed)

    def learn(self, uri: str) -> RawId:
        """Take in an item's name as a directory tells it; return its raw id.

        What the store knows as a bare hash is renamed by the next `settle`.
        """
        hashed = item_hash(uri)
        if hashed in self._raw_of or len(uri.encode()) > ID_BYTES_MAX:
            return self.raw(hashed)
        self._know(hashed, uri)
        return uri

    def _know(self, hashed: bytes, raw: RawId) -> None:
        self._raw_of[hashed] = raw
        if hashed in self._bare:
            self._bare.discard(hashed)
            self._found.append((hashed, raw))

    def __len__(self) -> int:
        return len(self._raw_of)
