from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import pytest
from attack import segment_of

from peerrec.errors import RemoteProtocolError, StoreError
from peerrec.limits import DAY_S, EPOCHS_MAX, MINUTE_S
from peerrec.peering.settings import NodeSettings
from peerrec.protocol.identity import KeyedHashSigner
from peerrec.protocol.segment import Kind
from peerrec.store import Mark
from peerrec.store.memory import MemoryStore
from peerrec.store.sqlite import SqliteStore
from peerrec.testing.node_pair import START, NodePair, Participant, make_participant
from peerrec.testing.virtual_network import VirtualNetwork

MINUTE = int(START // MINUTE_S)
ANN = KeyedHashSigner(b"a" * 32)


def alone(store: Any = None, settings: NodeSettings | None = None) -> Participant:
    return make_participant(VirtualNetwork(1, start=START), 1, store=store, settings=settings)


def test_a_batch_is_stored_whole_or_not_at_all():
    person = alone()
    good = segment_of(ANN, MINUTE)
    bad = segment_of(ANN, MINUTE, seq=1, kind=Kind.TRUST, payload=b"\xc1")
    with pytest.raises(RemoteProtocolError, match=r"statements|payload|MessagePack"):
        person.node.library.take([good, bad], START)
    assert not len(person.node.library.frontier)
    assert not person.interactions()
    assert len(person.node.library.take([good], START).new) == 1


def test_a_segment_twice_in_one_batch_is_taken_once():
    person = alone()
    segment = segment_of(ANN, MINUTE)
    taken = person.node.library.take([segment, segment], START)
    assert len(taken.new) == 1
    assert not taken.proofs
    assert len(person.interactions()) == 1


def test_of_one_author_a_bounded_number_of_logs_is_taken():
    person = alone()
    many = [segment_of(ANN, MINUTE, epoch=n) for n in range(EPOCHS_MAX + 5)]
    for segment in many:
        person.node.library.take([segment], START)
    assert len(person.node.library.frontier.logs_of(ANN.peer)) == EPOCHS_MAX


def test_who_is_blocked_is_not_taken():
    person = alone()
    person.store.mark(Mark.BLOCK, ANN.peer, time=START)
    person.network.run_for(120.0)
    assert not person.node.library.take([segment_of(ANN, MINUTE)], START).new


def test_blocking_lets_go_of_what_is_held():
    person = alone()
    person.node.library.take([segment_of(ANN, MINUTE)], START)
    person.store.mark(Mark.BLOCK, ANN.peer, time=START)
    person.network.run_for(120.0)
    assert not person.node.library.frontier.logs_of(ANN.peer)
    assert not person.interactions()


def test_strangers_logs_outlive_a_restart():
    person = alone()
    person.node.library.take([segment_of(ANN, MINUTE)], START)
    person.network.crash(person.peer)
    again = make_participant(person.network, 1, store=person.store, run=1)
    assert again.node.library.frontier.logs_of(ANN.peer) == [(ANN.peer, 1)]
    assert len(again.interactions()) == 1


def test_what_somebody_removed_from_the_store_is_noticed():
    person = alone()
    segment = segment_of(ANN, MINUTE)
    person.node.library.take([segment], START)
    person.store.forget_peer(ANN.peer)
    person.network.run_for(120.0)
    assert not person.node.library.frontier.logs_of(ANN.peer)
    assert len(person.node.library.take([segment], START).new) == 1


def test_what_a_segment_said_goes_with_it_when_it_expires():
    person = alone(settings=NodeSettings(window_s=2 * DAY_S))
    person.node.library.take([segment_of(ANN, MINUTE)], START)
    person.network.run_for(3 * DAY_S)
    assert not len(person.node.library.frontier)
    assert not person.interactions()


class Stuck(MemoryStore):
    """A store from which nothing can be removed."""

    def retract(self, **what: Any) -> int:
        raise StoreError("no room to remove")


def test_a_store_that_fails_in_the_background_is_counted_and_stops_nothing():
    person = alone(store=Stuck(), settings=NodeSettings(window_s=2 * DAY_S))
    person.node.library.take([segment_of(ANN, MINUTE)], START)
    person.network.run_for(3 * DAY_S)
    assert person.node.status(person.network.now).counters["store failures"] > 0


def test_a_damaged_segment_is_fetched_again_from_a_peer(tmp_path: Path):
    pair = NodePair(seed=1, link=False)
    pair.network.crash(pair.b.peer)
    store = SqliteStore(tmp_path / "b.db")
    pair.b = make_participant(pair.network, 2, store=store)
    pair.b.trust(pair.a)
    pair.a.play("song:a")
    pair.link()
    pair.settle()
    held = [row[:3] for row in store.segments.index().rows() if row[0] == pair.a.peer]
    assert held
    pair.network.crash(pair.b.peer)
    store.close()
    connection = sqlite3.connect(store.path)
    connection.execute("UPDATE log_segments SET frame = zeroblob(length(frame))")
    connection.commit()
    connection.close()
    store = SqliteStore(tmp_path / "b.db")
    pair.b = make_participant(pair.network, 2, store=store, run=1)
    third = make_participant(pair.network, 3)
    pair.link()
    assert pair.network.connect(third.peer, pair.b.peer)
    pair.network.run_for(1_000.0)
    assert pair.b.node.status(pair.now).counters["damaged segments"] > 0
    assert third.items_of(pair.a) == {"song:a"}
    assert all(store.segments.frame(*key) is not None for key in held)
    store.close()
