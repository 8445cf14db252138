"""A table begins with the right people's records, and with nothing that is private alone."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pytest

from peerrec.ids import item_hash
from peerrec.peering.factor_people import People, gather_people
from peerrec.ranking.factor_frame import item_keys
from peerrec.store import Interaction
from peerrec.store.memory import MemoryStore

ANN, BOB, EVE = (bytes([n]) * 32 for n in (1, 2, 3))


def store_of(*rows: tuple[object, str, bool]) -> MemoryStore:
    store = MemoryStore()
    store.record_many(Interaction(who, item, 1.0, 60.0, public) for who, item, public in rows)
    return store


def people_of(store: MemoryStore, *, k: int = 50, mix: int = 1, **merit: float) -> People | None:
    peers = {"ann": ANN, "bob": BOB, "eve": EVE}
    given = {peers[name]: share for name, share in merit.items()}
    return gather_people(store, "me", given, people_max=k, mix_min=mix)


def items_of(people: People, row: int, among: Iterable[str]) -> set[str]:
    names = {int(item_keys([item_hash(each)])[0]): each for each in among}
    start, end = people.history.indptr[row : row + 2]
    return {names[int(people.keys[at])] for at in people.history.indices[start:end]}


def test_oneself_comes_first_and_then_the_most_trusted():
    store = store_of(("me", "a", True), (BOB, "b", True), (ANN, "c", True), (EVE, "d", True))
    people = people_of(store, ann=0.1, bob=0.3)
    assert people is not None
    assert people.history.shape == (3, 3)
    assert [items_of(people, row, "abcd") for row in range(3)] == [{"a"}, {"b"}, {"c"}]


def test_only_so_many_people_are_gathered_and_those_without_records_take_no_place():
    store = store_of(("me", "a", True), (BOB, "b", True), (ANN, "c", True))
    people = people_of(store, k=1, ann=0.1, bob=0.05, eve=0.5)
    assert people is not None
    assert [items_of(people, row, "abc") for row in range(2)] == [{"a"}, {"c"}]


def test_an_item_counts_once_and_keys_ascend():
    rows = [("me", f"s{n}", True) for n in range(50)] * 3
    people = people_of(store_of(*rows))
    assert people is not None
    assert people.history.data.tolist() == [1.0] * 50
    assert (np.diff(people.keys.astype(np.int64)) > 0).all()
    assert people.history.has_canonical_format


def test_items_that_share_a_key_share_a_column():
    first, second = b"abc" + bytes(13), b"abc" + bytes(12) + b"\1"
    store = MemoryStore()
    store.record_many(Interaction("me", each, 1.0, 60.0, True) for each in (first, second))
    people = people_of(store)
    assert people is not None
    assert people.history.toarray().tolist() == [[1.0]]


def test_what_is_private_stays_out_where_anything_is_published():
    store = store_of(("me", "a", True), ("me", "b", False), (ANN, "c", True))
    people = people_of(store, ann=0.1)
    assert people is not None
    assert items_of(people, 0, "abc") == {"a"}
    assert people.contributes


def test_who_publishes_nothing_is_in_only_among_enough_others():
    store = store_of(("me", "a", False), (ANN, "b", True), (BOB, "c", True))
    alone = people_of(store, mix=3, ann=0.1, bob=0.1)
    assert alone is not None
    assert not alone.contributes
    assert items_of(alone, 0, "abc") == set()
    assert len(alone.keys) == 2
    mixed = people_of(store, mix=2, ann=0.1, bob=0.1)
    assert mixed is not None
    assert mixed.contributes
    assert items_of(mixed, 0, "abc") == {"a"}


def test_where_nothing_may_be_said_there_are_no_people():
    assert people_of(MemoryStore()) is None
    assert people_of(store_of(("me", "a", False)), ann=0.1) is None
    assert people_of(store_of((ANN, "a", True))) is None


def test_of_a_private_person_only_a_draw_is_in_and_nothing_that_nobody_else_has():
    shared = [f"s{n}" for n in range(40)]
    rows = [(who, item, True) for who in (ANN, BOB, EVE) for item in shared]
    rows += [("me", item, False) for item in (*shared[:20], "secret:a", "secret:b")]
    store = store_of(*rows)
    drawn = []
    for n in range(40):
        people = gather_people(
            store, "me", {ANN: 0.1, BOB: 0.1, EVE: 0.1},
            people_max=50, mix_min=3, secret=bytes([n]) * 32, kept=0.5,
        )  # fmt: skip
        assert people is not None
        drawn.append(items_of(people, 0, [*shared, "secret:a", "secret:b"]))
        assert [len(items_of(people, row, shared)) for row in (1, 2, 3)] == [40] * 3
        assert people.history.has_canonical_format
    assert not any(each & {"secret:a", "secret:b"} for each in drawn)
    own = np.mean([len(each & set(shared[:20])) for each in drawn])
    decoys = np.mean([len(each & set(shared[20:])) for each in drawn])
    assert own == pytest.approx(10.0, abs=2.0)
    assert decoys == pytest.approx(10.0, abs=2.0)


def test_a_draw_of_nothing_is_a_person_who_does_not_contribute():
    store = store_of(("me", "a", False), (ANN, "b", True), (BOB, "c", True))
    people = gather_people(
        store, "me", {ANN: 0.1, BOB: 0.1}, people_max=50, mix_min=2, secret=b"s" * 32, kept=0.5
    )
    assert people is not None
    assert not people.contributes
    assert people.history.toarray().tolist() == [[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]] or (
        people.history.toarray().tolist() == [[0.0, 0.0], [0.0, 1.0], [1.0, 0.0]]
    )
