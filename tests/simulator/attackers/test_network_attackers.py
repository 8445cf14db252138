"""Attackers on the network really do what they say, and honest nodes withstand it."""

from __future__ import annotations

import dataclasses
from collections import Counter
from typing import Any

import numpy as np
import pytest

from peerrec.ids import network_id
from peerrec.limits import MINUTE_S
from peerrec.protocol.addresses import netgroup
from peerrec.protocol.bundle import pack, unpack
from peerrec.protocol.effects import Dial
from peerrec.protocol.identity import KeyedHashSigner, KeyedHashVerifier
from peerrec.protocol.invite import Address
from peerrec.protocol.messages import (
    Gone,
    Ihave,
    Iwant,
    Message,
    Peers,
    Push,
    Status,
    Summary,
)
from peerrec.protocol.segment import (
    NO_SEGMENT,
    Kind,
    Segment,
    Timing,
    decode_segment,
    make_segment,
    timing_of,
    verify_segment,
)
from peerrec.protocol.statements import Play, encode_statements
from peerrec.protocol.wire import decode
from peerrec.testing.node_pair import START
from peerrec_sim.attackers import by_name
from peerrec_sim.attackers.censor import only_of
from peerrec_sim.attackers.eclipse import EclipseConduct, Eclipsing
from peerrec_sim.attackers.equivocate import twin_of
from peerrec_sim.attackers.flood import EVERY_S, RATE, Flooder
from peerrec_sim.attackers.plan import Known
from peerrec_sim.attackers.replay_skew import SKEWS_S
from peerrec_sim.attackers.siege import DIALS_MAX, REDIAL_S, Siege
from peerrec_sim.attackers.stage import Stage

NETWORK = network_id("test")


class Wire:
    """Everything that identities say on a stage, as messages."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.sybils = frozenset(stage.sybils)
        self.said: list[tuple[float, bytes, bytes, Message]] = []
        watched = stage.network.watch
        assert watched is not None

        def watch(now: float, sender: bytes, receiver: bytes, data: bytes) -> None:
            watched(now, sender, receiver, data)
            message = decode(data)
            assert not isinstance(message, tuple)
            if sender in self.sybils:
                self.said.append((now, sender, receiver, message))

        stage.network.watch = watch

    def of(self, kind: type) -> list[Any]:
        return [message for _, _, _, message in self.said if isinstance(message, kind)]

    def segments(self) -> list[tuple[bytes, bytes, Segment]]:
        """Return (sender, receiver, segment) of everything pushed."""
        return [
            (sender, receiver, segment)
            for _, sender, receiver, message in self.said
            if isinstance(message, Push)
            for segment in unpack(message.bundle, NETWORK)
        ]


def segment_of(number: int, *items: bytes, seq: int = 0, weight: float = 1.0) -> Segment:
    minute = int(START // MINUTE_S)
    plays = [Play(item * 16, weight, minute) for item in items]
    return make_segment(
        KeyedHashSigner(number.to_bytes(32, "big")),
        NETWORK,
        Kind.INTERACTIONS,
        epoch=1,
        seq=seq,
        prev=NO_SEGMENT,
        minute=minute,
        ttl_days=90,
        payload=encode_statements(Kind.INTERACTIONS, plays, minute),
    )


def author(number: int) -> bytes:
    return KeyedHashSigner(number.to_bytes(32, "big")).peer


def push_of(*segments: Segment, request: int = 0, last: bool = True) -> Push:
    return Push(request, last, pack(segments)[0])


# -- censor, withhold ------------------------------------------------------------------------


def test_what_is_left_of_a_push_is_of_the_own_kind() -> None:
    mixed = push_of(segment_of(1, b"a"), segment_of(2, b"b"), request=3)
    left = only_of(mixed, frozenset({author(2)}), NETWORK)
    assert isinstance(left, Push)
    assert left.request == 3
    assert left.last
    assert [each.header.author for each in unpack(left.bundle, NETWORK)] == [author(2)]
    whole = push_of(segment_of(2, b"b"))
    assert only_of(whole, frozenset({author(2)}), NETWORK) is whole


def test_an_answer_without_segments_still_ends_and_gossip_without_any_vanishes() -> None:
    nobody: frozenset[bytes] = frozenset()
    answer = only_of(push_of(segment_of(1, b"a"), request=3), nobody, NETWORK)
    assert isinstance(answer, Status)
    assert answer.request == 3
    assert only_of(push_of(segment_of(1, b"a"), request=3, last=False), nobody, NETWORK) is None
    assert only_of(push_of(segment_of(1, b"a")), nobody, NETWORK) is None


def lonely_pair(kind: str) -> tuple[Stage, Wire]:
    """Return two honest people between whom there is nobody but one attacker."""
    stage = Stage.small(kinds=(kind,), honest=3, sybils=1, edges=0, start_s=5.0)
    wire = Wire(stage)
    sybil = next(iter(stage.sybils))
    a, b, c = (person.peer for person in stage.people)
    stage.network.run_for(12.0)
    stage.network.crash(c)
    stage.network.cut(a, b)
    for one, other in ((a, b), (b, a)):
        # Only ever each other's place is empty: neither finds the other again.
        person = next(each for each in stage.people if each.peer == one)
        person.node._membership.book.forget(other)
    stage.network.connect(sybil, a)
    stage.network.connect(sybil, b)
    return stage, wire


@pytest.mark.parametrize("kind", ["censor", "withhold"])
def test_nothing_of_others_ever_leaves_a_censor(kind: str) -> None:
    stage, wire = lonely_pair(kind)
    stage.people[0].play("news")
    stage.people[0].publish()
    stage.run_for(60.0)
    assert {segment.header.author for _, _, segment in wire.segments()} <= wire.sybils
    assert wire.segments()  # its own word leaves


def test_a_censor_holds_nothing_and_one_who_withholds_holds_it() -> None:
    for kind, holds in (("censor", False), ("withhold", True)):
        stage, wire = lonely_pair(kind)
        stage.people[0].play("news")
        stage.people[0].publish()
        stage.run_for(60.0)
        (puppet,) = stage.sybils.values()
        frontier = puppet.node.library.frontier  # type: ignore[attr-defined]
        assert bool(frontier.logs_of(stage.people[0].peer)) == holds
        assert not wire.of(Gone)


def test_honest_segments_find_their_way_around_censors() -> None:
    stage = Stage.small(kinds=("censor", "withhold"), honest=5, sybils=3, start_s=5.0)
    stage.run_for(15.0)
    stage.people[3].play("news")
    stage.people[3].publish()
    stage.run_for(20.0)
    assert len(stage.hits("news")) == 5


# -- equivocate ------------------------------------------------------------------------------


def test_twins_have_one_number_and_two_good_signatures() -> None:
    signer = KeyedHashSigner((1).to_bytes(32, "big"))
    for segment in (segment_of(1, b"a", b"b"), segment_of(1, b"a")):
        twin = twin_of(segment, signer, NETWORK)
        assert twin.id != segment.id
        assert (twin.log, twin.header.seq) == (segment.log, segment.header.seq)
        verify_segment(twin, NETWORK, KeyedHashVerifier())


def test_two_halves_are_told_different_things_and_find_out() -> None:
    stage = Stage.small(kinds=("equivocate",), honest=8, sybils=2, edges=4, start_s=5.0)
    wire = Wire(stage)
    stage.run_for(60.0)
    shown: dict[tuple[bytes, int, int], dict[bytes, set[bytes]]] = {}
    for sender, receiver, segment in wire.segments():
        if segment.header.author == sender and segment.header.kind == Kind.INTERACTIONS:
            key = sender, segment.header.epoch, segment.header.seq
            shown.setdefault(key, {}).setdefault(segment.id, set()).add(receiver)
    for versions in shown.values():
        first, second = versions.values()
        assert len(first) >= 2
        assert len(second) >= 2
        assert not first & second
    assert {key[0] for key in shown} == set(stage.sybils)
    for person in stage.people:
        assert len(person.node.library.frontier.forked) == 2
    for target in stage.plans[0].targets:
        assert not stage.hits(target)


# -- replay, skew ----------------------------------------------------------------------------


def test_old_segments_come_again_and_change_nothing() -> None:
    stage = Stage.small(kinds=("replay-skew",), honest=5, sybils=4, edges=2, start_s=5.0)
    wire = Wire(stage)
    stage.run_for(45.0)
    n_sent = Counter(
        (sender, receiver, segment.id)
        for _, sender, receiver, message in wire.said
        if isinstance(message, Push) and not message.request
        for segment in unpack(message.bundle, NETWORK)
        if segment.header.author not in wire.sybils
    )
    assert max(n_sent.values()) > 3
    before = [len(person.interactions()) for person in stage.people]
    stage.run_for(30.0)
    assert [len(person.interactions()) for person in stage.people] == before


def test_every_identity_lives_in_a_time_of_its_own() -> None:
    stage = Stage.small(kinds=("replay-skew",), honest=5, sybils=4, edges=4, start_s=10.0)
    wire = Wire(stage)
    stage.run_for(60.0)
    specs = stage.plans[0].endpoints
    skew_of = {spec.peer: SKEWS_S[number % 4] for number, spec in enumerate(specs)}
    own = [segment for sender, _, segment in wire.segments() if segment.header.author == sender]
    assert {segment.header.author for segment in own} == wire.sybils
    for segment in own:
        told = segment.header.minute * MINUTE_S - stage.network.now
        assert told == pytest.approx(skew_of[segment.header.author], abs=120.0)
    early = {each.header.author for each in own if timing_of(each, START) is Timing.EARLY}
    assert early == {peer for peer, skew in skew_of.items() if skew > 0}
    for peer in early:
        assert not stage.holders_of(peer)
    days = {message.day for message in wire.of(Summary)}
    assert len(days) >= 3


# -- eclipse ---------------------------------------------------------------------------------


def test_an_eclipse_takes_places_tells_of_nobody_else_and_leaves_honest_links() -> None:
    stage = Stage.small(
        kinds=("eclipse",), honest=6, sybils=32, edges=0, newcomers=(5,), start_s=1.0
    )
    wire = Wire(stage)
    stage.run_for(30.0)
    (plan,) = stage.plans
    assert plan.victims == (5,)
    linked = [peer for peer in stage.links_of(stage.people[5].peer) if peer in wire.sybils]
    assert len(linked) >= 20
    told = [frame for peers in wire.of(Peers) for frame in peers.frames or ()]
    assert told
    for frame in told:
        card = decode_segment(frame, NETWORK)
        verify_segment(card, NETWORK, KeyedHashVerifier())
        assert card.header.kind == Kind.ADDRESS
        assert card.header.author in wire.sybils
    dialled = [
        link.peer
        for link in map(stage.people[5].node.link, stage.people[5].node.links)
        if link is not None and link.dialled
    ]
    # And yet: the newcomer has dialled honest people.
    assert len([peer for peer in dialled if peer in stage.view.peers]) >= 2


def test_an_eclipse_divides_the_work_between_guards_and_lures() -> None:
    stage = Stage.small(
        kinds=("eclipse",), honest=6, sybils=40, edges=0, newcomers=(4, 5), start_s=1.0
    )
    (plan,) = stage.plans
    roles = [spec.role for spec in plan.endpoints]
    guards, lures = roles[:32], roles[32:]
    newcomers = {stage.view.peers[4], stage.view.peers[5]}
    assert {frozenset(known.peer for known in each.victims) for each in guards} == {
        frozenset(newcomers)
    }
    assert not any(each.victims for each in lures)
    # All know honest nodes from the beginning, and tell of lures alone: guards are linked already.
    assert all(each.contacts for each in roles)
    assert not any(known.peer in newcomers for each in roles for known in each.contacts)
    told = {decode_segment(card, NETWORK).header.author for each in roles for card in each.cards}
    assert told == set(plan.peers[32:])
    assert len({netgroup(spec.address.host) for spec in plan.endpoints}) == 40


def test_guards_wait_for_newcomers_and_nobody_dials_who_cannot_be_dialled() -> None:
    view = Stage.small(honest=6, newcomers=(4, 5), sybils=3, start_s=1.0).view
    late = dataclasses.replace(view, newcomers_at=START + 50.0, hidden=frozenset({1, 5}))
    plan = by_name("eclipse").plan(late, np.random.default_rng(1))
    for spec in plan.endpoints:
        role = spec.role
        assert isinstance(role, Eclipsing)
        assert [known.peer for known in role.victims] == [view.peers[4]]
        assert view.peers[1] not in {known.peer for known in role.contacts}
        conduct = EclipseConduct(role, spec.joins, np.random.default_rng(0))
        assert conduct.siege.next_at == START + 50.0
        assert conduct.next_tick() == spec.joins < START + 50.0


# -- flood -----------------------------------------------------------------------------------


def test_a_flood_sends_as_much_as_links_take_and_no_more() -> None:
    stage = Stage.small(kinds=("flood",), honest=5, sybils=5, edges=1, start_s=5.0)
    wire = Wire(stage)
    stage.run_for(20.0)
    for kind in (Push, Ihave, Iwant, Summary):
        assert len(wire.of(kind)) > 50, kind
    for flooder in stage.sybils.values():
        assert isinstance(flooder, Flooder)
        assert flooder.n_sent <= 4 * RATE * (15.0 + EVERY_S)
    assert max(flooder.n_sent for flooder in stage.sybils.values()) > RATE * 10  # type: ignore[attr-defined]


def test_who_is_flooded_still_hears_the_honest() -> None:
    stage = Stage.small(kinds=("flood",), honest=5, sybils=5, edges=1, start_s=5.0, strength=0.5)
    stage.run_for(25.0)
    stage.people[0].play("news")
    stage.people[0].publish()
    stage.run_for(15.0)
    assert len(stage.hits("news")) == 5


def test_strength_zero_floods_nobody() -> None:
    stage = Stage.small(kinds=("flood",), honest=4, sybils=2, edges=1, start_s=5.0, strength=0.0)
    stage.run_for(20.0)
    assert not any(each.n_sent for each in stage.sybils.values())  # type: ignore[attr-defined]


def test_nobody_is_dialled_more_often_than_a_siege_may() -> None:
    victims = tuple(Known(bytes([n]), Address(f"198.51.100.{n}", 7700)) for n in range(1, 21))
    siege = Siege(victims, 0.0)
    dialled: Counter[bytes] = Counter()
    for now in np.arange(0.0, 100.0, 0.5):
        dials = siege.dials((), float(now))
        assert len(dials) <= DIALS_MAX
        dialled.update(dial.peer for dial in dials if isinstance(dial, Dial) and dial.peer)
    assert sum(dialled.values()) <= DIALS_MAX * (100 / REDIAL_S + 1)
    assert len(dialled) == 20
    assert max(dialled.values()) - min(dialled.values()) <= 1
