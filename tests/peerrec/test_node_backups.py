"""A store put back from a copy never makes its log fork, and gets back what it had said."""

from __future__ import annotations

import copy
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from peerrec.limits import DAY_S
from peerrec.peering.own_log import RESERVE
from peerrec.peering.settings import NodeSettings
from peerrec.store import Description, Store, TrustEdge
from peerrec.store.memory import MemoryStore
from peerrec.store.sqlite import SqliteStore
from peerrec.testing.node_pair import START, NodePair, Participant, make_participant
from peerrec.testing.virtual_network import VirtualNetwork

FRIEND = b"F" * 32
EACH_ALONE = NodeSettings(batch_count=1, batch_delay_s=1.0)
"""A segment for every play: numbers run fast."""


def said_by(author: Participant) -> Counter[tuple[Any, float]]:
    return Counter((r.item, r.weight) for r in author.interactions() if r.author == "me")


def heard_of(reader: Participant, author: Participant) -> Counter[tuple[Any, float]]:
    return Counter((r.item, r.weight) for r in reader.interactions() if r.author == author.peer)


def no_forks(*people: Participant) -> bool:
    return not any(
        person.node.library.frontier.forked or person.store.segments.proofs() for person in people
    )


def first_day(pair: NodePair) -> None:
    pair.b.trust(pair.a)
    pair.a.play("song:kept", weight=1.0)
    pair.a.play("song:removed-later", weight=1.0)
    pair.a.play("song:secret", weight=5.0, public=False)
    pair.settle()


def second_day(pair: NodePair) -> Counter[tuple[Any, float]]:
    """Let a day pass in which much is said; return what was said in public in the end."""
    for n in range(3):
        pair.network.run_for(DAY_S / 3)
        for k in range(RESERVE // 2):
            pair.a.play(f"song:day-two:{n}:{k}", weight=2.0)
        pair.a.publish()
    # Beyond the numbers that were reserved in the copy.
    assert len(pair.a.node.library.frontier) > RESERVE + 10
    now = pair.now
    pair.a.store.describe(Description("song:described", "me", "Title", (), "", "", now))
    pair.a.play("song:described")
    pair.a.store.trust(TrustEdge("me", FRIEND, 0.5, now))
    pair.a.store.retract(author="me", item="song:removed-later")
    pair.settle()
    said = said_by(pair.a)
    assert heard_of(pair.b, pair.a) + Counter({("song:secret", 5.0): 1}) == said
    return said


def put_back(pair: NodePair, store: Store, run: int) -> None:
    pair.network.crash(pair.a.peer)
    pair.a = make_participant(pair.network, 1, store=store, settings=EACH_ALONE, run=run)


def settled(pair: NodePair, said: Counter[tuple[Any, float]]) -> None:
    """Claim that after a sync and new plays nothing is forked and nothing is lost."""
    pair.a.play("song:after")
    pair.a.publish()
    pair.link()
    pair.settle(900.0)
    assert no_forks(pair.a, pair.b)
    assert said_by(pair.a) == said + Counter({("song:after", 1.0): 1})
    assert heard_of(pair.b, pair.a) + Counter({("song:secret", 5.0): 1}) == said_by(pair.a)
    assert [d.title for d in pair.a.store.descriptions("song:described")] == ["Title"]
    names, edges = pair.a.store.peers(), pair.a.store.trust_edges()
    targets = [names.ids[at] for at in names.positions(edges.target).tolist()]
    assert FRIEND in targets


@pytest.mark.parametrize("noticed", [True, False])
def test_a_day_old_copy_of_a_store_in_memory_forks_nothing_and_loses_nothing(noticed: bool):
    pair = NodePair(seed=1, settings=EACH_ALONE)
    first_day(pair)
    backup = copy.deepcopy(pair.a.store)
    assert isinstance(backup, MemoryStore)
    backup.was_restored = noticed
    said = second_day(pair)
    put_back(pair, backup, run=1)
    settled(pair, said)


def copy_file(path: Path) -> Callable[[], None]:
    """Copy the store's file alone, as somebody would by hand; return what puts it back."""
    kept = path.with_name("backup.db")
    shutil.copyfile(path, kept)

    def back() -> None:
        for each in path.parent.glob(path.name + "-*"):
            each.unlink()
        shutil.copyfile(kept, path)

    return back


def copy_folder(path: Path) -> Callable[[], None]:
    """Copy everything that lies beside the store, too: nothing tells that it is old."""
    kept = path.parent.with_name("backup")
    shutil.copytree(path.parent, kept)

    def back() -> None:
        shutil.rmtree(path.parent)
        shutil.copytree(kept, path.parent)

    return back


@pytest.mark.parametrize("copied", [copy_file, copy_folder])
def test_a_day_old_file_put_back_forks_nothing_and_loses_nothing(
    tmp_path: Path, copied: Callable[[Path], Callable[[], None]]
):
    path = tmp_path / "store" / "a.db"
    path.parent.mkdir()
    pair = NodePair(seed=2, link=False, settings=EACH_ALONE)
    put_back(pair, SqliteStore(path), run=0)
    pair.link()
    first_day(pair)
    pair.a.store.close()
    back = copied(path)
    put_back(pair, SqliteStore(path), run=1)
    pair.link()
    pair.settle()
    said = second_day(pair)
    pair.network.crash(pair.a.peer)
    pair.a.store.close()
    back()
    store = SqliteStore(path)
    assert store.was_restored == (copied is copy_file)
    pair.a = make_participant(pair.network, 1, store=store, settings=EACH_ALONE, run=2)
    settled(pair, said)
    store.close()


def test_a_restored_node_that_publishes_alone_first_forks_nothing_either():
    pair = NodePair(seed=3, settings=EACH_ALONE)
    first_day(pair)
    backup = copy.deepcopy(pair.a.store)
    assert isinstance(backup, MemoryStore)
    backup.was_restored = True
    said = second_day(pair)
    pair.network.part([[pair.b.peer], [pair.a.peer]])
    put_back(pair, backup, run=1)
    pair.network._places[pair.a.peer].group = 1
    for n in range(3):
        pair.a.play(f"song:alone:{n}")
        pair.a.publish()
        pair.network.run_for(1_000.0)
        said[f"song:alone:{n}", 1.0] += 1
    pair.network.heal()
    settled(pair, said)
    assert len(pair.b.node.library.frontier.logs_of(pair.a.peer)) == 2


def test_a_copy_restored_twice_has_an_epoch_for_each_life():
    pair = NodePair(seed=4, settings=EACH_ALONE)
    first_day(pair)
    backup = copy.deepcopy(pair.a.store)
    said = second_day(pair)
    for run in (1, 2):
        again = copy.deepcopy(backup)
        assert isinstance(again, MemoryStore)
        again.was_restored = True
        put_back(pair, again, run=run)
        pair.a.play(f"song:life:{run}")
        pair.a.publish()
        pair.link()
        pair.settle(900.0)
        said[f"song:life:{run}", 1.0] += 1
        assert no_forks(pair.a, pair.b)
        assert said_by(pair.a) == said
    assert len(pair.b.node.library.frontier.logs_of(pair.a.peer)) == 3


def test_a_store_that_was_emptied_gets_its_public_past_back_and_forks_nothing():
    pair = NodePair(seed=5, settings=EACH_ALONE)
    first_day(pair)
    said = second_day(pair)
    put_back(pair, MemoryStore(tag=b"new life"), run=1)
    pair.link()
    pair.settle(900.0)
    assert no_forks(pair.a, pair.b)
    del said["song:secret", 5.0]
    assert said_by(pair.a) == said


def test_the_claim_notices_a_fork():
    """Two stores with one key and one log, both written on: what must never happen."""
    network = VirtualNetwork(6, start=START)
    one = make_participant(network, 1)
    one.play("song:a")
    for _ in range(3):
        one.publish()
        network.run_for(10.0)
    twin = copy.deepcopy(one.store)
    elsewhere = VirtualNetwork(7, start=network.now)
    other = make_participant(elsewhere, 1, store=twin, run=1)
    for person, item in ((one, "song:b"), (other, "song:c")):
        for _ in range(RESERVE + 2):
            person.play(item)
            person.network.run_for(800.0)
            person.publish()
            person.network.run_for(10.0)
            person.publish()
    taken = one.node.library.take(
        [s for log in other.node.library.frontier.logs() for seq in
         other.node.library.frontier.seqs(log)
         if (s := other.node.library.segment(log, seq)) is not None],
        network.now + 1e5,
    )  # fmt: skip
    assert taken.proofs
    assert not no_forks(one)


def test_who_is_killed_before_it_agreed_with_anybody_goes_on_once_its_inviter_had_a_say():
    pair = NodePair(seed=9, link=False, settings=EACH_ALONE)
    pair.a.play("song:first-life")
    pair.a.publish()
    pair.network.run_for(2.0)
    again = restarted(pair)
    there = pair.network.address_of(pair.b.peer)
    pair.network.act(again.peer, again.node.invite(pair.b.peer, there, pair.now))
    pair.network.run_for(1.0)
    again.play("song:second-life")
    again.publish()
    pair.network.run_for(60.0)
    assert {item for item, _ in heard_of(pair.b, again)} == {"song:first-life", "song:second-life"}
    assert no_forks(again, pair.b)


def restarted(pair: NodePair) -> Participant:
    """Return a after a kill: on the same store, with nothing of it lost."""
    pair.network.crash(pair.a.peer)
    return make_participant(
        pair.network, 1, store=pair.a.store, settings=pair.a.node.settings, run=1
    )
