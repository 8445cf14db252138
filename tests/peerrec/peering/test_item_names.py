from __future__ import annotations

import pytest

from peerrec.errors import StoreError
from peerrec.ids import item_hash
from peerrec.peering.item_names import ItemNames
from peerrec.store import Interaction
from peerrec.store.memory import MemoryStore


def record(store: MemoryStore, item: str | bytes, author: str = "ann") -> None:
    store.record(Interaction(author, item, time=60.0))


def test_a_directory_names_what_was_stored_as_a_hash_at_the_next_settle():
    store = MemoryStore()
    names = ItemNames(store)
    record(store, names.raw(item_hash("song:a")))
    names.stored([item_hash("song:a")])
    assert names.learn("song:a") == "song:a"
    assert store.items().ids == [item_hash("song:a")]
    assert names.settle() == 1
    assert store.items().ids == ["song:a"]
    assert names.settle() == 0


@pytest.mark.parametrize("name_first", [True, False])
def test_a_hash_and_its_name_become_one_in_either_order(name_first: bool):
    store = MemoryStore()
    names = ItemNames(store)
    items = ["song:a", item_hash("song:a")]
    for item in items if name_first else reversed(items):
        record(store, item)
    assert names.follow() == 1
    assert store.items().ids == ["song:a"]
    assert len(store.interactions()) == 2


def test_a_name_learned_before_the_hash_arrives_joins_them_when_followed():
    store = MemoryStore()
    names = ItemNames(store)
    names.learn("song:a")
    record(store, item_hash("song:a"))
    assert names.follow() == 1
    assert store.items().ids == ["song:a"]


def test_the_persons_own_name_wins_over_a_later_directory():
    store = MemoryStore()
    record(store, b"raw bytes of an app")
    names = ItemNames(store)
    hashed = item_hash(b"raw bytes of an app")
    assert names.raw(hashed) == b"raw bytes of an app"


def test_renames_that_failed_are_tried_again():
    class Full(MemoryStore):
        full = True

        def rename_items(self, pairs):
            if self.full:
                raise StoreError("no room")
            return super().rename_items(pairs)

    store = Full()
    names = ItemNames(store)
    record(store, item_hash("song:a"))
    names.follow()
    names.learn("song:a")
    with pytest.raises(StoreError):
        names.settle()
    store.full = False
    assert names.settle() == 1
    assert store.items().ids == ["song:a"]
