"""The map of trust shows who stands where, and a region behind one peer looks like one."""

from __future__ import annotations

from peerrec.facade.still_sight import Still
from peerrec.facade.trust_map import RINGS
from peerrec.recommender import Recommender
from peerrec.store import Mark, TrustEdge
from peerrec.store.memory import MemoryStore

NOW = 1e9


def mapped(edges, n=100, marks=()):
    store = MemoryStore()
    store.trust_many(TrustEdge(source, target, weight, NOW) for source, target, weight in edges)
    for mark, peer in marks:
        store.mark(mark, peer, time=NOW)
    with Recommender(store, clock=lambda: NOW) as me:
        return me.still().trust_map(n)


def friends(n: int) -> list[tuple[str, str, float]]:
    return [("me", f"friend {at}", 1.0) for at in range(n)]


def test_rings_are_hops_and_the_user_is_first():
    chain = [("me", "a", 1.0), ("a", "b", 1.0), ("b", "c", 1.0), ("c", "d", 1.0)]
    found = mapped(chain)
    assert [(each.peer, each.hops) for each in found.peers] == [
        ("me", 0),
        ("a", 1),
        ("b", 2),
        ("c", 3),
    ]
    shown = [(source, target, round(weight, 2)) for source, target, weight in found.edges]
    assert shown == chain[:3]


def test_a_region_behind_one_peer_is_suspicious_and_a_friend_of_a_friend_is_not():
    sybils = [("friend 0", f"sybil {at}", 1.0) for at in range(50)]
    honest = [(f"friend {at}", "shared", 1.0) for at in range(1, 6)]
    alone = [("friend 5", "known to one", 1.0)]
    found = mapped([*friends(6), *sybils, *honest, *alone])
    suspicion = {each.peer: each.suspicion for each in found.peers}
    assert suspicion["sybil 7"] > 0.8
    assert suspicion["shared"] < 0.2
    assert suspicion["known to one"] == 0.0
    assert suspicion["friend 0"] == 0.0
    assert suspicion["me"] == 0.0


def test_forked_and_blocked_peers_are_shown_as_such():
    marks = [(Mark.FORKED, "friend 1"), (Mark.BLOCK, "friend 2")]
    found = {each.peer: each for each in mapped(friends(3), marks=marks).peers}
    assert (found["friend 1"].blocked, found["friend 1"].suspicion) == (True, 1.0)
    assert (found["friend 2"].blocked, found["friend 2"].hops) == (True, RINGS + 1)
    assert not found["friend 0"].blocked


def test_the_map_has_so_many_peers_and_those_with_most_merit():
    found = mapped(
        [*friends(5), ("me", "best", 0.1), *((f"friend {at}", "best", 1.0) for at in range(5))], n=3
    )
    assert len(found.peers) == 4
    assert "best" in {each.peer for each in found.peers}


def test_nobody_known_is_a_map_of_oneself():
    found = mapped([])
    assert [each.peer for each in found.peers] == ["me"]
    assert found.edges == ()


def test_a_still_lists_what_its_recommender_did_and_sees_nothing_newer():
    with Recommender.in_memory(clock=lambda: NOW) as me:
        me.trust("ann")
        for author, item in (("me", "a"), ("ann", "a"), ("ann", "b")):
            me.record(item, author=author)
        me.describe("b", title="The second")
        still: Still = me.still()
        before = me.recommend(5, explore=0.5)
        me.record("c", author="ann")
        me.block("ann")
        me.less_like("b")
        assert still.recommend(5, explore=0.5) == before
        assert still.similar("a").items == ["b"]
        assert still.explain("b").rank == 1
        assert me.recommend(5).items == me.still().recommend(5).items == []


def test_merit_is_handed_on_from_one_still_to_the_next():
    with Recommender.in_memory(clock=lambda: NOW) as me:
        me.trust("ann")
        me.record("a", author="ann")
        first = me.still()
        first.recommend(1)
        me.record("b", author="ann")
        second = me.still()
        assert second._sight._hearing is not None
        assert second._sight._hearing[1].merit is first._sight._hearing[1].merit
