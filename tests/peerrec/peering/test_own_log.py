from __future__ import annotations

import copy

import msgpack
import numpy as np
import pytest

from peerrec.errors import StoreError
from peerrec.peering.own_log import FIRST_PREV, RESERVE, SETTING, OwnLog
from peerrec.protocol.identity import KeyedHashSigner
from peerrec.protocol.segment import Kind
from peerrec.store.memory import MemoryStore

BATCH = (Kind.DIRECTORY, b"payload", 28_000_000)


def own_log(store: MemoryStore, seed: int = 1) -> OwnLog:
    return OwnLog(store, KeyedHashSigner(bytes(32)), bytes(16), np.random.default_rng(seed))


def test_numbers_ascend_by_one_and_each_names_the_one_before():
    log = own_log(MemoryStore())
    segments, _ = log.sign([BATCH] * 3, 90)
    assert [each.header.seq for each in segments] == [0, 1, 2]
    assert segments[0].header.prev == FIRST_PREV
    assert [each.header.prev for each in segments[1:]] == [s.id[:16] for s in segments[:-1]]
    assert {each.header.epoch for each in segments} == {log.epoch}


@pytest.mark.parametrize("n_signed", [1, 63, 64, 65, 200])
def test_no_number_is_used_twice_whatever_was_stored_before_a_crash(n_signed: int):
    store = MemoryStore()
    log = own_log(store)
    used = set()
    for _ in range(n_signed):
        segments, setting = log.sign([BATCH], 90)
        used.update(each.header.seq for each in segments)
        if n_signed % 2:
            store.set_setting(*setting)
    again = own_log(copy.deepcopy(store), seed=2)
    assert again.epoch == log.epoch
    assert not again.fresh
    segments, _ = again.sign([BATCH] * 3, 90)
    assert used.isdisjoint(each.header.seq for each in segments)


def test_nothing_is_signed_where_numbers_cannot_be_reserved():
    class Full(MemoryStore):
        def set_setting(self, key, value):
            raise StoreError("no room")

    log = own_log(Full())
    for _ in range(2):
        with pytest.raises(StoreError):
            log.sign([BATCH], 90)


def test_a_flush_serves_a_block_of_numbers():
    class Counting(MemoryStore):
        flushes = 0

        def flush(self):
            self.flushes += 1

    store = Counting()
    log = own_log(store)
    for _ in range(RESERVE):
        log.sign([BATCH], 90)
    assert store.flushes == 1


def test_a_restored_store_begins_a_new_epoch_and_an_ordinary_one_goes_on():
    store = MemoryStore()
    log = own_log(store)
    _, setting = log.sign([BATCH], 90)
    store.set_setting(*setting)
    assert own_log(store, seed=2).epoch == log.epoch
    store.was_restored = True
    restored = own_log(store, seed=2)
    assert restored.epoch != log.epoch
    assert restored.fresh
    epoch, _, _ = msgpack.unpackb(store.setting(SETTING) or b"")
    assert epoch in (log.epoch, restored.epoch)
