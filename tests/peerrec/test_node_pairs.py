"""What two nodes say to each other, and what they never say."""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from peerrec.errors import StoreError
from peerrec.facade.options import Options
from peerrec.ids import item_hash, network_id
from peerrec.limits import DAY_S, MINUTE_S
from peerrec.peering.settings import NodeSettings
from peerrec.protocol.bundle import unpack
from peerrec.protocol.frontier import EVERYTHING
from peerrec.protocol.messages import Push
from peerrec.protocol.segment import Kind
from peerrec.protocol.wire import decode
from peerrec.recommender import Recommender
from peerrec.store import Description, Interaction, Mark, TrustEdge
from peerrec.store.memory import MemoryStore
from peerrec.testing.node_pair import START, NodePair, Participant, make_participant
from peerrec.testing.virtual_network import VirtualNetwork

NETWORK = network_id("test")


def kinds_of(person: Participant, author: Participant) -> Counter[Kind]:
    """Return how many segments of each kind a store has of an author."""
    rows = person.store.segments.index().rows()
    return Counter(Kind(row[4]) for row in rows if row[0] == author.peer)


def listen(network: VirtualNetwork) -> list[bytes]:
    """Return a list into which all traffic is written, bundles unpacked too."""
    heard: list[bytes] = []

    def note(time: float, sender: bytes, receiver: bytes, data: bytes) -> None:
        heard.append(data)
        message = decode(data)
        if isinstance(message, Push):
            heard.extend(segment.frame for segment in unpack(message.bundle, NETWORK))

    network.watch = note
    return heard


def restarted(person: Participant, number: int, *, run: int = 1) -> Participant:
    """Return a node that starts again on the same store."""
    person.network.crash(person.peer)
    settings = person.node.settings
    return make_participant(person.network, number, store=person.store, settings=settings, run=run)


# -- what is published arrives ---------------------------------------------------------------


def test_what_a_publishes_changes_what_is_recommended_to_b():
    pair = NodePair(seed=1)
    with Recommender(pair.b.store, options=Options(), clock=lambda: pair.now) as sight:
        pair.b.play("song:shared", public=False)
        pair.b.trust(pair.a)
        assert not sight.recommend(n=5).items
        for item in ("song:shared", "song:new"):
            pair.a.play(item)
        pair.settle()
        assert pair.b.items_of(pair.a) == {"song:shared", "song:new"}
        assert list(sight.recommend(n=5).items) == ["song:new"]


def test_trust_stated_right_after_the_start_counts_within_seconds():
    pair = NodePair(seed=3, link=False)
    pair.network.run_for(2.0)
    pair.b.trust(pair.a)
    pair.b.publish()
    pair.network.run_for(8.0)
    assert pair.b.node.status(pair.now).followed == 1


def test_weights_and_minutes_arrive_as_they_were_stated():
    pair = NodePair(seed=2)
    pair.b.trust(pair.a)
    pair.a.play("song:a", weight=2.5)
    pair.network.run_for(300.0)
    pair.a.play("song:a", weight=1.0)
    pair.settle()
    rows = [(r.item, r.weight, r.time) for r in pair.b.interactions() if r.author == pair.a.peer]
    mine = [(r.item, r.weight, r.time) for r in pair.a.interactions()]
    assert rows == mine
    assert len(rows) == 2


def test_nothing_private_is_in_any_byte_on_the_wire():
    pair = NodePair(seed=3)
    heard = listen(pair.network)
    stranger, blocked = b"S" * 32, b"B" * 32
    pair.b.trust(pair.a)
    pair.a.play("song:secret", public=False)
    pair.a.play("song:open")
    now = pair.now
    for item, title, tag in (("song:secret", "Hidden Title", "hidden-tag"),
                             ("song:open", "Open Title", "open-tag")):  # fmt: skip
        pair.a.store.describe(Description(item, "me", title, (tag,), "", item, now))
    pair.a.store.trust(TrustEdge("me", "a-friend-without-a-key", 1.0, now))
    pair.a.store.trust(TrustEdge("somebody", stranger, 1.0, now))
    pair.a.store.mark(Mark.BLOCK, blocked, time=now)
    pair.a.store.mark(Mark.MUTE_ITEM, "song:muted", time=now)
    pair.a.store.record(Interaction("ann", "song:of-ann", 1.0, now, True))
    pair.settle(300.0)
    wire = b"\0".join(heard)
    for said in (b"song:open", b"Open Title", b"open-tag", item_hash("song:open")):
        assert said in wire
    for secret in (b"song:secret", b"Hidden Title", b"hidden-tag", item_hash("song:secret"),
                   b"a-friend", stranger, blocked, b"song:muted", item_hash("song:muted"),
                   b"song:of-ann", item_hash("song:of-ann")):  # fmt: skip
        assert secret not in wire, secret


def test_trust_stays_at_home_where_the_person_says_so():
    pair = NodePair(seed=4, settings=NodeSettings(batch_delay_s=1.0, publish_trust=False))
    heard = listen(pair.network)
    friend = b"F" * 32
    pair.a.store.trust(TrustEdge("me", friend, 1.0, pair.now))
    pair.b.trust(pair.a)
    pair.a.play("song:a")
    pair.settle()
    assert pair.b.items_of(pair.a) == {"song:a"}
    assert friend not in b"\0".join(heard)


def test_trust_travels_and_widens_whom_the_other_hears():
    pair = NodePair(seed=5)
    friend = b"F" * 32
    pair.b.trust(pair.a)
    pair.a.store.trust(TrustEdge("me", friend, 0.5, pair.now))
    pair.settle()
    names, edges = pair.b.store.peers(), pair.b.store.trust_edges()
    named = {
        (names.ids[s], names.ids[t]): round(w, 2)
        for s, t, w in zip(
            names.positions(edges.source).tolist(),
            names.positions(edges.target).tolist(),
            edges.weight.tolist(),
            strict=True,
        )
    }
    assert named == {("me", pair.a.peer): 1.0, (pair.a.peer, friend): 0.5}


# -- what is taken back goes ------------------------------------------------------------------


def test_a_removed_interaction_goes_from_the_other_store_too():
    pair = NodePair(seed=6)
    pair.b.trust(pair.a)
    pair.a.play("song:a")
    pair.a.play("song:b")
    pair.settle()
    pair.a.store.retract(author="me", item="song:a")
    pair.settle()
    assert pair.b.items_of(pair.a) == {"song:b"}


def test_a_retraction_spares_what_is_played_again_in_the_same_minute():
    pair = NodePair(seed=7)
    pair.b.trust(pair.a)
    pair.a.play("song:a")
    pair.a.publish()
    pair.network.run_for(3.0)
    pair.a.publish()
    pair.a.store.retract(author="me", item="song:a")
    pair.a.publish()
    pair.a.play("song:a", weight=3.0)
    pair.settle()
    rows = [row.weight for row in pair.b.interactions() if row.author == pair.a.peer]
    assert rows == [3.0]


def test_plays_that_stay_survive_any_number_of_later_removals():
    pair = NodePair(seed=8)
    pair.b.trust(pair.a)
    early = pair.now
    pair.a.play("song:a", weight=1.0)
    pair.network.run_for(600.0)
    pair.a.play("song:a", weight=2.0)
    for item in ("song:b", "song:c"):
        pair.a.play(item)
    pair.settle()
    pair.a.store.retract(author="me", item="song:a", before=early + MINUTE_S)
    pair.settle()
    for item in ("song:b", "song:c"):
        pair.a.store.retract(author="me", item=item)
        pair.settle(200.0)
        rows = [r.weight for r in pair.b.interactions() if r.item == "song:a"]
        assert rows == [2.0]
    assert pair.b.items_of(pair.a) == {"song:a"}


def test_the_earlier_of_two_plays_stays_when_the_later_is_removed():
    pair = NodePair(seed=9)
    pair.b.trust(pair.a)
    pair.a.play("song:a", weight=1.0)
    pair.network.run_for(600.0)
    pair.a.play("song:a", weight=2.0)
    pair.settle()
    kept = [row for row in pair.a.interactions() if row.weight == 1.0]
    pair.a.store.retract(author="me", item="song:a")
    pair.a.store.record_many(kept)
    pair.settle()
    assert [r.weight for r in pair.b.interactions() if r.author == pair.a.peer] == [1.0]


def test_what_was_removed_before_it_was_sent_is_never_sent():
    pair = NodePair(seed=10, settings=NodeSettings(batch_delay_s=600.0))
    heard = listen(pair.network)
    pair.b.trust(pair.a)
    pair.a.play("song:regretted")
    pair.a.publish()
    pair.network.run_for(60.0)
    pair.a.store.retract(author="me", item="song:regretted")
    pair.network.run_for(1_800.0)
    assert item_hash("song:regretted") not in b"\0".join(heard)


def test_forgetting_an_item_takes_back_what_was_said_of_it():
    pair = NodePair(seed=11)
    pair.b.trust(pair.a)
    pair.a.play("song:a")
    pair.a.play("song:b")
    pair.settle()
    pair.a.store.forget_item("song:a")
    pair.settle()
    assert pair.b.items_of(pair.a) == {"song:b"}


def test_forgetting_a_peer_removes_its_logs_here_and_nowhere_else():
    pair = NodePair(seed=12)
    pair.b.trust(pair.a)
    pair.a.play("song:a")
    pair.settle()
    pair.cut()
    pair.b.store.mark(Mark.BLOCK, pair.a.peer, time=pair.now)
    pair.b.store.forget_peer(pair.a.peer)
    pair.network.run_for(120.0)
    pair.link()
    pair.network.run_for(600.0)
    assert not pair.b.items_of(pair.a)
    assert not kinds_of(pair.b, pair.a)
    assert kinds_of(pair.a, pair.a)


def test_trust_taken_back_is_taken_back_there():
    pair = NodePair(seed=13)
    friend = b"F" * 32
    pair.b.trust(pair.a)
    pair.a.store.trust(TrustEdge("me", friend, 1.0, pair.now))
    pair.settle()
    assert len(pair.b.store.trust_edges()) == 2
    pair.a.store.trust(TrustEdge("me", friend, 0.0, pair.now))
    pair.settle()
    assert len(pair.b.store.trust_edges()) == 1


# -- descriptions and names -------------------------------------------------------------------


def test_descriptions_travel_with_the_first_play_and_once():
    pair = NodePair(seed=14)
    pair.b.trust(pair.a)
    said = Description("song:a", "me", "Feeling Good", ("jazz", "1965"), "", "song:a", pair.now)
    pair.a.store.describe(said)
    for _ in range(3):
        pair.a.play("song:a")
        pair.settle()
    (there,) = pair.b.store.descriptions("song:a")
    assert (there.author, there.title, there.tags) == (pair.a.peer, "Feeling Good", said.tags)
    assert kinds_of(pair.b, pair.a)[Kind.DIRECTORY] == 1
    assert kinds_of(pair.b, pair.a)[Kind.INTERACTIONS] == 3


def test_the_newest_description_stays_whatever_arrives_last():
    pair = NodePair(seed=15, link=False)
    pair.b.trust(pair.a)
    for title in ("Old", "New"):
        pair.a.store.describe(Description("song:a", "me", title, (), "", "song:a", pair.now))
        pair.a.play("song:a")
        pair.settle(120.0)
    pair.link()  # sessions send the newest first
    pair.settle()
    assert [each.title for each in pair.b.store.descriptions("song:a")] == ["New"]
    again = restarted(pair.b, 2)
    pair.link()
    pair.settle()
    assert [each.title for each in again.store.descriptions("song:a")] == ["New"]


@pytest.mark.parametrize("turned", [True, False])
def test_of_two_descriptions_the_newer_stays_in_both_orders_of_arrival(turned: bool):
    pair = NodePair(seed=28, link=False)
    for title in ("Old", "New"):
        pair.a.store.describe(Description("song:a", "me", title, (), "", "song:a", pair.now))
        pair.a.play("song:a")
        pair.settle(120.0)
    logs = pair.a.node.library
    own = [
        logs.segment(log, seq) for log in logs.frontier.logs() for seq in logs.frontier.seqs(log)
    ]
    for segment in reversed(own) if turned else own:
        assert segment is not None
        pair.b.node.library.take([segment], pair.now)
    assert [each.title for each in pair.b.store.descriptions("song:a")] == ["New"]


def test_an_item_known_by_its_hash_gets_its_name_when_the_directory_comes_late():
    pair = NodePair(seed=16, link=False)
    pair.b.trust(pair.a)
    pair.a.play("song:a")
    pair.settle()
    own = [
        pair.a.node.library.segment(log, seq)
        for log in pair.a.node.library.frontier.logs_of(pair.a.peer)
        for seq in pair.a.node.library.frontier.seqs(log)
    ]
    by_kind = {each.header.kind: each for each in own if each is not None}
    library = pair.b.node.library
    library.take([by_kind[Kind.INTERACTIONS]], pair.now)
    assert pair.b.items_of(pair.a) == {item_hash("song:a")}
    library.take([by_kind[Kind.DIRECTORY]], pair.now)
    assert pair.b.items_of(pair.a) == {"song:a"}


def test_a_name_told_before_a_restart_is_known_after_it():
    pair = NodePair(seed=17, link=False)
    pair.b.trust(pair.a)
    pair.a.play("song:a")
    pair.settle()
    logs = pair.a.node.library
    own = [
        logs.segment(log, seq) for log in logs.frontier.logs() for seq in logs.frontier.seqs(log)
    ]
    by_kind = {each.header.kind: each for each in own if each is not None}
    pair.b.node.library.take([by_kind[Kind.DIRECTORY]], pair.now)
    again = restarted(pair.b, 2)
    again.node.library.take([by_kind[Kind.INTERACTIONS]], pair.now)
    assert again.items_of(pair.a) == {"song:a"}


@pytest.mark.parametrize("own_first", [True, False])
def test_the_persons_own_name_of_an_item_joins_what_came_as_a_hash(own_first: bool):
    pair = NodePair(seed=18, link=False)
    pair.b.trust(pair.a)
    pair.a.store.record(Interaction("me", item_hash("song:a"), 1.0, pair.now, True))
    if own_first:
        pair.b.play("song:a", public=False)
    pair.link()
    pair.settle()
    if not own_first:
        pair.b.play("song:a", public=False)
    pair.settle()
    assert pair.b.store.items().ids == ["song:a"]
    assert {row.item for row in pair.b.interactions()} == {"song:a"}


# -- trust: the newest word counts -------------------------------------------------------------


@pytest.mark.parametrize("seed", range(8))
def test_the_newest_word_of_trust_counts_in_any_order_of_arrival(seed: int):
    pair = NodePair(seed=19, link=False)
    pair.b.trust(pair.a)
    friend = b"F" * 32
    for weight in (1.0, -0.5, 0.25, 0.75):
        pair.a.store.trust(TrustEdge("me", friend, weight, pair.now))
        pair.settle()
    logs = pair.a.node.library
    own = [
        logs.segment(log, seq) for log in logs.frontier.logs() for seq in logs.frontier.seqs(log)
    ]
    order = np.random.default_rng(seed).permutation(len(own))
    person = pair.b
    for place, at in enumerate(order.tolist()):
        person.node.library.take([own[at]], pair.now)
        if place == 1:
            person = restarted(person, 2)
    edges, names = person.store.trust_edges(), person.store.peers()
    to_friend = edges.target == names.codes[names.ids.index(friend)]
    assert edges.weight[to_friend].round(2).tolist() == [0.75]


# -- batching ----------------------------------------------------------------------------------


def test_a_full_batch_leaves_at_once_and_fewer_wait_for_the_delay():
    pair = NodePair(seed=20, settings=NodeSettings(batch_count=4, batch_delay_s=300.0))
    pair.b.trust(pair.a)
    pair.network.run_for(10.0)
    for n in range(3):
        pair.a.play(f"song:{n}")
    pair.a.publish()
    pair.network.run_for(30.0)
    assert not pair.b.items_of(pair.a)
    pair.a.play("song:3")
    pair.a.publish()
    pair.network.run_for(5.0)
    assert len(pair.b.items_of(pair.a)) == 4
    pair.a.play("song:late")
    pair.a.publish()
    pair.network.run_for(290.0)
    assert len(pair.b.items_of(pair.a)) == 4
    pair.network.run_for(15.0)
    assert len(pair.b.items_of(pair.a)) == 5
    assert kinds_of(pair.a, pair.a)[Kind.INTERACTIONS] == 2


def test_no_segment_holds_more_than_a_batch():
    pair = NodePair(seed=21, settings=NodeSettings(batch_count=4, batch_delay_s=1.0))
    pair.b.trust(pair.a)
    for n in range(10):
        pair.a.play(f"song:{n}")
    pair.settle()
    assert len(pair.b.items_of(pair.a)) == 10
    assert kinds_of(pair.b, pair.a)[Kind.INTERACTIONS] == 3


# -- how much is kept --------------------------------------------------------------------------


def crowd(settings: NodeSettings, n: int) -> tuple[VirtualNetwork, Participant, list[Participant]]:
    """Return a reader and writers that all publish several segments."""
    network = VirtualNetwork(1, latency_s=0.01, start=START)
    reader = make_participant(network, 0, settings=settings)
    writers = [make_participant(network, number) for number in range(1, n + 1)]
    for writer in writers:
        network.connect(reader.peer, writer.peer)
    return network, reader, writers


def test_what_is_replicated_stays_within_the_byte_budget():
    budget = 1 << 16
    settings = NodeSettings(batch_delay_s=1.0, follow_bytes_max=budget)
    network, reader, writers = crowd(settings, 4)
    for writer in writers[:3]:
        reader.trust(writer)
    reader.publish()
    names = "x" * 200
    for _ in range(12):
        for writer in writers:
            for n in range(20):
                writer.play(f"song:{writer.peer.hex()[:4]}:{names}:{n}:{network.now}")
            writer.publish()
        network.run_for(90.0)
    network.run_for(300.0)
    written = sum(writer.store.segments.size_bytes() for writer in writers)
    held = {w.peer: reader.node.library.frontier.bytes_of(w.peer) for w in writers}
    assert written > 2 * budget
    assert sum(held.values()) <= budget
    assert held[writers[3].peer] <= budget // 10
    assert max(held.values()) > budget // 3
    assert sum(held.values()) == sum(
        len(reader.store.segments.frame(*row[:3]) or b"")
        for row in reader.store.segments.index().rows()
        if row[0] != reader.peer
    )


def test_nothing_outlives_the_window():
    window = NodeSettings(batch_delay_s=1.0, window_s=2 * DAY_S)
    pair = NodePair(seed=22, settings=window)
    pair.b.trust(pair.a)
    pair.a.play("song:old")
    pair.settle()
    pair.network.run_for(DAY_S)
    pair.a.play("song:new")
    pair.settle()
    assert pair.b.items_of(pair.a) == {"song:old", "song:new"}
    pair.network.run_for(0.5 * DAY_S)
    assert pair.b.items_of(pair.a) == {"song:new"}
    minute = (pair.now - 2 * DAY_S) // MINUTE_S
    assert min(row[5] for row in pair.b.store.segments.index().rows()) >= minute
    pair.network.run_for(DAY_S)
    assert not kinds_of(pair.b, pair.a)
    assert not pair.b.items_of(pair.a)


# -- restarts and crashes ----------------------------------------------------------------------


def test_a_restarted_node_knows_what_it_held_and_goes_on_without_a_fork():
    pair = NodePair(seed=23)
    pair.b.trust(pair.a)
    pair.a.play("song:a")
    pair.settle()
    before = pair.a.node.library.frontier
    again = restarted(pair.a, 1)
    frontier = again.node.library.frontier
    assert frontier.logs() == before.logs()
    assert all(frontier.seqs(log) == before.seqs(log) for log in before.logs())
    assert frontier.root(b"k", 19_000, {}) == before.root(b"k", 19_000, {})
    pair.link()
    again.play("song:b")
    pair.network.run_for(2.0)
    again.publish()
    pair.network.run_for(120.0)
    assert pair.b.items_of(again) == {"song:a", "song:b"}
    assert not pair.b.node.library.frontier.forked
    assert len(pair.b.node.library.frontier.logs_of(again.peer)) == 1


def test_alone_a_restarted_node_waits_before_it_continues_its_log():
    pair = NodePair(seed=24, link=False)
    pair.a.play("song:a")
    pair.settle()
    again = restarted(pair.a, 1)
    again.play("song:b")
    again.publish()
    pair.network.run_for(500.0)
    assert kinds_of(again, again)[Kind.INTERACTIONS] == 1
    pair.network.run_for(300.0)
    assert kinds_of(again, again)[Kind.INTERACTIONS] == 2


class Photographed(MemoryStore):
    """A store of which a copy is taken after every write: wherever a kill may come."""

    def __init__(self, tag: bytes = bytes(8)) -> None:
        super().__init__(tag=tag)
        self.photos: list[Photographed] = []
        self.watching = False
        self.depth = 0

    def write(self, what: Callable[[], Any]) -> Any:
        self.depth += 1
        done = what()
        self.depth -= 1
        if self.watching and not self.depth:
            photos, self.photos = self.photos, []
            photos.append(copy.deepcopy(self))
            self.photos = photos
        return done

    def accept(self, **what: Any) -> None:
        self.write(lambda: super(Photographed, self).accept(**what))

    def set_setting(self, key: str, value: bytes | None) -> None:
        self.write(lambda: super(Photographed, self).set_setting(key, value))

    def rename_items(self, pairs: Any) -> int:
        return self.write(lambda: super(Photographed, self).rename_items(pairs))

    def record_many(self, rows: Any, *, now: float | None = None) -> int:
        return self.write(lambda: super(Photographed, self).record_many(rows, now=now))

    def retract(self, **what: Any) -> int:
        return self.write(lambda: super(Photographed, self).retract(**what))


def run_watched(number: int) -> tuple[NodePair, list[Photographed]]:
    """Return a pair that had a busy time, and the watched node's store after each write."""
    pair = NodePair(seed=25, link=False)
    store = Photographed()
    pair.network.crash(pair.a.peer if number == 1 else pair.b.peer)
    watched = make_participant(pair.network, number, store=store)
    pair.a, pair.b = (watched, pair.b) if number == 1 else (pair.a, watched)
    pair.link()
    store.watching = True
    pair.b.trust(pair.a)
    pair.a.trust(pair.b, 0.5)
    for item in ("song:a", "song:b"):
        pair.a.play(item)
    pair.settle()
    pair.a.store.retract(author="me", item="song:a")
    pair.settle()
    pair.a.play("song:a", weight=2.0)
    pair.settle()
    store.watching = False
    return pair, store.photos


def heard_of(reader: Participant, author: Participant) -> Counter[tuple[Any, float]]:
    return Counter((r.item, r.weight) for r in reader.interactions() if r.author == author.peer)


def said_by(author: Participant) -> Counter[tuple[Any, float]]:
    return Counter((r.item, r.weight) for r in author.interactions() if r.author == "me")


def test_a_writer_killed_after_any_write_says_everything_once():
    _, photos = run_watched(1)
    assert len(photos) > 6
    for photo in photos:
        photo.watching = False
        pair = NodePair(seed=26, link=False)
        pair.network.crash(pair.a.peer)
        pair.a = make_participant(pair.network, 1, store=photo, run=1)
        pair.b.trust(pair.a)
        pair.link()
        pair.network.run_for(700.0)
        pair.settle(1_000.0)
        assert heard_of(pair.b, pair.a) == said_by(pair.a)
        assert not pair.b.node.library.frontier.forked


def test_a_reader_killed_after_any_write_gets_everything_once():
    n_photos = len(run_watched(2)[1])
    assert n_photos > 6
    for place in range(n_photos):
        pair, photos = run_watched(2)
        photos[place].watching = False
        pair.network.crash(pair.b.peer)
        pair.b = make_participant(pair.network, 2, store=photos[place], run=1)
        pair.b.trust(pair.a)
        pair.link()
        pair.settle(1_000.0)
        assert heard_of(pair.b, pair.a) == said_by(pair.a)
        assert len(pair.b.store.items()) == len(said_by(pair.a))
        assert not pair.a.node.library.frontier.forked


class Failing(MemoryStore):
    """A store of which every write fails while ``full``."""

    full = False

    def accept(self, **what: object) -> None:
        if self.full:
            raise StoreError("no room")
        super().accept(**what)


def test_a_store_that_is_full_for_a_while_loses_nothing():
    network = VirtualNetwork(1, latency_s=0.01, start=START)
    stores = [Failing(tag=bytes([1] * 8)), Failing(tag=bytes([2] * 8))]
    a = make_participant(network, 1, store=stores[0])
    b = make_participant(network, 2, store=stores[1])
    network.connect(b.peer, a.peer)
    b.trust(a)
    network.run_for(10.0)
    stores[0].full = stores[1].full = True
    a.play("song:a")
    for _ in range(3):
        a.publish()
        network.run_for(70.0)
    assert a.node.status(network.now).counters["store failures"] > 0
    assert not kinds_of(a, a)
    stores[0].full = False
    a.publish()
    network.run_for(120.0)
    assert kinds_of(a, a)[Kind.INTERACTIONS] == 1
    assert not b.items_of(a)
    stores[1].full = False
    network.run_for(900.0)
    assert b.items_of(a) == {"song:a"}


def test_a_hello_that_is_none_is_refused_with_a_count():
    pair = NodePair(seed=27)
    effects = pair.a.node.link_up(
        b"H" * 32, dialled=False, address=None, host="10.9.9.9", hello=b"\x90", binding=bytes(32),
        now=pair.now,
    )  # fmt: skip
    assert [type(each).__name__ for each in effects] == ["Hangup"]
    assert pair.a.node.counters["violation: malformed"] == 1


@pytest.mark.parametrize("wanted", [True, False])
def test_nothing_is_pushed_to_who_said_to_want_nothing_of_a_log(wanted: bool):
    pair = NodePair(1)
    pair.a.play("song:1")
    pair.settle()
    (log,) = pair.a.node.library.frontier.logs_of(pair.a.peer)
    link = pair.a.node.link(pair.b.peer)
    assert link is not None
    if not wanted:
        link.memory.hear(log, EVERYTHING)
    heard = listen(pair.network)
    pair.a.play("song:2")
    pair.a.publish()
    pair.network.run_for(5.0)
    pushes = [each for each in map(decode, heard[:1]) if isinstance(each, Push)]
    assert bool(pushes) == wanted
