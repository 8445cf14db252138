"""Name the settings in which a node leaves the factor table that lists are blended with.

The node writes them, the facade reads them: ``factors.served`` holds the bytes of
`peerrec.ranking.factor_codec`, ``factors.version`` a counter that changes with them.

Example:
    >>> from peerrec.store.memory import MemoryStore
    >>> store = MemoryStore()
    >>> served_version(store)
    0
    >>> keep_served(store, b"table", version=3)
    >>> served_version(store), store.setting(SERVED)
    (3, b'table')
"""

from __future__ import annotations

from typing import Final

from peerrec.store import Store

__all__ = ["SERVED", "VERSION", "keep_served", "served_version"]

SERVED: Final = "factors.served"
VERSION: Final = "factors.version"

VERSION_BYTES: Final = 8


def served_version(store: Store) -> int:
    """Return the version of the table that is served; 0 for none."""
    known = store.setting(VERSION)
    return int.from_bytes(known, "big") if known and len(known) == VERSION_BYTES else 0


def keep_served(store: Store, table: bytes, version: int) -> None:
    """Keep the bytes of a table to serve from, under a version never given before.

    Raises:
        StoreError: they could not be kept; what was served before still is.
    """
    store.accept(settings=[(SERVED, table), (VERSION, version.to_bytes(VERSION_BYTES, "big"))])
