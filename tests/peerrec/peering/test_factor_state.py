"""A table is built late, ends its epochs by its own count, and is served after a restart."""

from __future__ import annotations

import numpy as np
import pytest
from known_people import authors, know_people

from peerrec.errors import VerificationError
from peerrec.peering.factor_state import (
    DIM,
    EPOCHS,
    FactorState,
    kept_rows,
    read_table,
)
from peerrec.peering.settings import NodeSettings
from peerrec.protocol.identity import KeyedHashSigner
from peerrec.protocol.table_offer import sign_table
from peerrec.ranking.factor_codec import decode_table, encode_table
from peerrec.ranking.factor_local import EPOCH_EXCHANGES
from peerrec.ranking.factor_table import FactorTable
from peerrec.store import Interaction
from peerrec.store.memory import MemoryStore
from peerrec.store.served_table import SERVED, VERSION

MERIT = dict.fromkeys(authors(), 0.1)
FIRST, AVERAGING = EPOCH_EXCHANGES[0], sum(EPOCH_EXCHANGES)


def store_with() -> MemoryStore:
    """Return a store with 40 items of eight people."""
    store = MemoryStore()
    store.record(Interaction("me", "item:0", 1.0, 60.0, True))
    know_people(store, 60.0)
    return store


def state_of(store: MemoryStore, **settings: int) -> FactorState:
    state = FactorState(store, "me", NodeSettings(**settings))
    assert state.local is None
    return state


def some_table(n: int, seed: int = 1) -> FactorTable:
    rng = np.random.default_rng(seed)
    keys = np.sort(rng.choice(1 << 24, n, replace=False)).astype(np.uint32)
    share = (0.02 + 0.5 * rng.random(n)).astype(np.float32)
    mean = (0.1 * share[:, None] * rng.standard_normal((n, DIM))).astype(np.float32)
    return FactorTable(keys, share, mean, np.eye(DIM, dtype=np.float32))


def alike(state: FactorState, n: int, seed: int = 1) -> FactorTable:
    """Return a table that agrees with the own one and has n rows that this does not have."""
    assert state.local is not None
    own, other = state.local.table, some_table(n, seed)
    keys = np.union1d(own.keys, other.keys)
    mine, theirs = own.at(keys), other.at(keys)
    return FactorTable(keys, mine.share + theirs.share, mine.mean + theirs.mean, own.moment)


def exchange(state: FactorState, n: int, seed: int = 1) -> None:
    for _ in range(n):
        assert state.body(MERIT) is not None
        assert state.take_in(alike(state, 20, seed))


def test_nothing_is_built_before_it_is_asked_for_and_nothing_where_there_is_nothing():
    empty = state_of(MemoryStore())
    assert empty.body({}) is None
    assert empty.local is None
    state = state_of(store_with())
    body, rows = state.body(MERIT) or (b"", 0)
    assert state.local is not None
    assert rows == len(state.local.offer()) > 30
    assert len(decode_table(body, dim=DIM, rows_max=40)) == rows


def test_a_store_without_records_is_looked_at_again_when_it_has_some():
    store = MemoryStore()
    state = state_of(store)
    assert state.body({}) is None
    store.record(Interaction("me", "s", 1.0, 60.0, True))
    assert state.body({}) is not None


def test_an_epoch_ends_after_so_many_own_exchanges_and_is_served_from():
    store = store_with()
    state = state_of(store)
    exchange(state, FIRST - 1)
    assert (state.epoch, state.version, store.setting(SERVED)) == (0, 0, None)
    exchange(state, 1)
    assert (state.epoch, state.version) == (1, 1)
    assert store.setting(VERSION) == bytes(7) + b"\1"
    served = store.setting(SERVED)
    assert served is not None
    assert len(decode_table(served, dim=DIM, rows_max=100)) == 60


def test_averaging_begins_again_from_the_records_of_that_day():
    store = store_with()
    state = state_of(store)
    exchange(state, AVERAGING)
    assert state.local is None
    assert state.version == EPOCHS
    served = store.setting(SERVED)
    store.record(Interaction("me", "new", 1.0, 60.0, True))
    assert state.body(MERIT) is not None
    assert state.rows == 41
    exchange(state, FIRST)
    assert store.setting(SERVED) == served  # a first epoch knows less than what is served
    exchange(state, AVERAGING - FIRST)
    assert store.setting(SERVED) != served
    assert state.version == EPOCHS + 1


def test_a_table_that_contradicts_the_own_people_is_no_exchange():
    state = state_of(store_with())
    assert state.body(MERIT) is not None
    own = alike(state, 0)
    assert not state.take_in(FactorTable(own.keys, own.share, -own.mean, own.moment))
    assert state.exchanges == 0


def test_a_node_that_starts_again_serves_what_it_had_and_counts_on():
    store = store_with()
    exchange(state_of(store), AVERAGING)
    again = state_of(store)
    assert again.version == EPOCHS
    exchange(again, AVERAGING)
    assert again.version == EPOCHS + 1


def test_strangers_rows_never_crowd_out_the_own_ones_nor_grow_without_bound():
    state = state_of(store_with(), factor_rows_max=50)
    for seed in range(AVERAGING // 2):
        exchange(state, 1, seed)
        assert state.local is not None
        assert state.rows <= 50
        assert np.isin(state.local.keys, state.local.table.keys).all()
    table = some_table(50)
    kept = kept_rows(table, table.keys[:40], 30)
    assert kept.keys.tolist() == table.keys[:40].tolist()


def test_a_body_of_other_rows_than_its_header_says_is_refused():
    body = encode_table(some_table(5))
    signer = KeyedHashSigner(bytes(32))
    for rows in (4, 6):
        table = sign_table(signer, bytes(16), body, frame=1, dim=DIM, rows=rows, minute=0)
        with pytest.raises(VerificationError, match="rows"):
            read_table(table.header, body)
