"""Remember the bootstrap peers of a store: those whose invites its person accepted.

Example:
    >>> from peerrec.store.memory import MemoryStore
    >>> store = MemoryStore()
    >>> remember_bootstrap(store, bytes(32))
    True
    >>> remember_bootstrap(store, bytes(32)), bootstrap_of(store) == (bytes(32),)
    (False, True)
"""

from __future__ import annotations

import msgspec

from peerrec.limits import BOOTSTRAP_MAX
from peerrec.store import Store

__all__ = ["bootstrap_of", "remember_bootstrap"]

SETTING = "bootstrap"


def bootstrap_of(store: Store) -> tuple[bytes, ...]:
    """Return the ids of the bootstrap peers, oldest first."""
    packed = store.setting(SETTING)
    return () if packed is None else msgspec.msgpack.decode(packed, type=tuple[bytes, ...])


def remember_bootstrap(store: Store, peer: bytes) -> bool:
    """Add a peer, the oldest makes room where there are too many; say whether it is new."""
    known = bootstrap_of(store)
    if peer in known:
        return False
    store.set_setting(SETTING, msgspec.msgpack.encode((*known, peer)[-BOOTSTRAP_MAX:]))
    return True
