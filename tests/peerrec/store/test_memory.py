from __future__ import annotations

from pathlib import Path

from peerrec.store import Store
from peerrec.store.memory import MemoryStore
from peerrec.testing.store_contract import StoreContract


class TestMemoryStore(StoreContract):
    def make_store(self, folder: Path) -> Store:
        return MemoryStore()
