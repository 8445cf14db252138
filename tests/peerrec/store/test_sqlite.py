from __future__ import annotations

from pathlib import Path

from peerrec.store import Store
from peerrec.store.sqlite import SqliteStore
from peerrec.testing.store_contract import StoreContract


class TestSqliteStore(StoreContract):
    def make_store(self, folder: Path) -> Store:
        return SqliteStore(folder / "me.db")
