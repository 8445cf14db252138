"""Both stores give the same answers after the same history, whatever it was."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from peerrec.store import (
    Description,
    Interaction,
    Mark,
    Marked,
    ProofRow,
    SegmentRow,
    Store,
    TrustEdge,
)
from peerrec.store.memory import MemoryStore
from peerrec.store.sqlite import SqliteStore
from peerrec.testing.log_contract import contents

PEERS = st.sampled_from([b"a", b"b", b"c"])
ITEMS = st.sampled_from(["v", "w", b"x", b"y", "z"])
MINUTES = st.integers(0, 9)
TIMES = MINUTES.map(lambda minute: 60.0 * minute)
KEYS = st.tuples(PEERS, st.integers(0, 2), st.integers(0, 4))
SEGMENTS = st.builds(
    lambda key, minute, frame: SegmentRow(*key, frame * 4, 1, minute, 9, frame),
    KEYS,
    MINUTES,
    st.binary(min_size=8, max_size=8),
)
PROOFS = st.builds(
    lambda key, minute, evidence: ProofRow(*key, minute, evidence),
    KEYS,
    MINUTES,
    st.binary(min_size=1, max_size=2),
)
EDGES = st.builds(TrustEdge, PEERS, PEERS, st.sampled_from([-1.0, 0.0, 0.5]), TIMES)
ACCEPTED = st.fixed_dictionaries(
    {},
    optional={
        "segments": st.lists(SEGMENTS, max_size=4),
        "interactions": st.lists(
            st.builds(Interaction, PEERS, ITEMS, st.just(1.0), TIMES, st.booleans()), max_size=6
        ),
        "edges": st.lists(EDGES.filter(lambda edge: edge.source != edge.target), max_size=3),
        "descriptions": st.lists(
            st.builds(
                Description, ITEMS, PEERS, st.sampled_from(["t", "u"]), st.just(()), time=TIMES
            ),
            max_size=3,
        ),
        "retractions": st.lists(st.tuples(PEERS, st.none() | ITEMS, TIMES), max_size=2),
        "proofs": st.lists(PROOFS, max_size=3),
        "settings": st.lists(st.tuples(st.just("key"), st.none() | st.just(b"1")), max_size=1),
        "marks": st.lists(
            st.builds(Marked, st.sampled_from([Mark.BLOCK, Mark.FORKED]), PEERS, TIMES),
            max_size=2,
        ),
        "dropped": st.lists(KEYS, max_size=3),
    },
)
STEPS = st.one_of(
    st.tuples(st.just("accept"), ACCEPTED),
    st.tuples(st.just("accept"), ACCEPTED),
    st.tuples(st.just("rename"), st.lists(st.tuples(ITEMS, ITEMS), max_size=3)),
    st.tuples(st.just("forget peer"), PEERS),
    st.tuples(st.just("forget item"), ITEMS),
    st.tuples(st.just("prune"), st.integers(1, 10)),
    st.tuples(st.just("remove"), st.lists(KEYS, max_size=3)),
    st.tuples(st.just("remove proofs"), MINUTES),
    st.tuples(st.just("clear"), st.none()),
)


def taken(store: Store, step: str, value: Any) -> object:
    """Take one step; return what the store answers."""
    if step == "accept":
        return store.accept(**value)  # type: ignore[func-returns-value]
    if step == "rename":
        return store.rename_items(value)
    if step == "forget peer":
        return store.forget_peer(value)
    if step == "forget item":
        return store.forget_item(value)
    if step == "prune":
        pruned = store.prune(600.0, window_s=60.0 * value)
        return pruned._replace(size_bytes=0)
    if step == "remove":
        return store.segments.remove(value), store.segments.removals
    if step == "remove proofs":
        return store.segments.remove_proofs(value)
    return store.clear()  # type: ignore[func-returns-value]


HISTORIES = st.lists(STEPS, max_size=12)


@settings(max_examples=40, deadline=None)
@given(steps=HISTORIES)
def test_any_history_reads_the_same_in_memory_and_in_a_file(steps: list[tuple[str, Any]]):
    compare(steps)


@pytest.mark.slow
@settings(max_examples=2_000, deadline=None)
@given(steps=HISTORIES)
def test_two_thousand_histories_read_the_same(steps: list[tuple[str, Any]]):
    compare(steps)


def compare(steps: list[tuple[str, Any]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        memory, path = MemoryStore(), Path(folder) / "me.db"
        with SqliteStore(path) as store:
            for step, value in steps:
                was = memory.cursor(), store.cursor()
                assert taken(memory, step, value) == taken(store, step, value)
                assert contents(memory) == contents(store)
                same = memory.cursor() == was[0], store.cursor() == was[1]
                assert same[0] == same[1]
            told = contents(store)
            store.check()
        with SqliteStore(path) as store:
            assert contents(store) == told
