"""A table in the store is read once a version, and costs nothing where there is none."""

from __future__ import annotations

import logging

import numpy as np
import pytest
from served_community import crowd, served, table_of

from peerrec.facade.served_table import ServedTable
from peerrec.ranking.factor_codec import encode_table
from peerrec.ranking.interning import Interner
from peerrec.store.memory import MemoryStore
from peerrec.store.served_table import SERVED, VERSION

PEOPLE = crowd(users=60, items=40, tastes=2)
NAMES = PEOPLE.names()
TABLE = table_of(PEOPLE.have, NAMES)


class CountingStore(MemoryStore):
    def __init__(self):
        super().__init__()
        self.asked = []

    def setting(self, key):
        self.asked.append(key)
        return super().setting(key)


def test_without_a_table_only_its_version_is_asked_for():
    store = CountingStore()
    table = ServedTable(store)
    for _ in range(3):
        assert table.beside(Interner(NAMES), 40) is None
    assert store.asked == [VERSION] * 3


def test_a_table_is_read_once_a_version():
    store, items = CountingStore(), Interner(NAMES)
    served(store, TABLE, version=1)
    table = ServedTable(store)
    first = table.beside(items, 40)
    assert table.beside(items, 40) is first
    assert store.asked.count(SERVED) == 1
    served(store, TABLE, version=2)
    assert table.beside(items, 40) is not first
    store.set_setting(VERSION, None)
    assert table.beside(items, 40) is None


def test_items_that_come_later_get_their_rows():
    store, items = MemoryStore(), Interner(NAMES[:10])
    served(store, TABLE)
    table = ServedTable(store)
    assert table.beside(items, 10).known.shape == (10,)
    items.codes([*NAMES[10:], "unheard-of"])
    grown = table.beside(items, 41)
    whole = ServedTable(store).beside(Interner([*NAMES, "unheard-of"]), 41)
    assert np.array_equal(grown.known, whole.known)
    assert not grown.known[-1]
    other = table.beside(Interner(NAMES[::-1]), 40)
    assert np.array_equal(other.known, whole.known[:40][::-1])


@pytest.mark.parametrize("data", [b"", b"\x01", encode_table(TABLE)[:-1], b"\xff" * 99])
def test_a_damaged_table_is_none_and_said_once(data, caplog):
    store = MemoryStore()
    store.set_setting(SERVED, data)
    store.set_setting(VERSION, bytes(8))
    table = ServedTable(store)
    with caplog.at_level(logging.WARNING, "peerrec"):
        assert table.beside(Interner(NAMES), 40) is None
        assert table.beside(Interner(NAMES), 40) is None
    assert len(caplog.records) == 1


def test_a_version_without_a_table_is_none():
    store = MemoryStore()
    store.set_setting(VERSION, bytes(8))
    assert ServedTable(store).beside(Interner(NAMES), 40) is None
