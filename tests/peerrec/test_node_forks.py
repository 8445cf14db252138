"""A log that forked ends there for everybody, in whatever order its halves become known."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from attack import NETWORK, segment_of

from peerrec.ids import item_hash
from peerrec.limits import DAY_S, MINUTE_S
from peerrec.protocol.anti_entropy import FIRST_S
from peerrec.protocol.bundle import pack
from peerrec.protocol.fork import decode_proof, make_proof, verify_proof
from peerrec.protocol.identity import KeyedHashSigner, KeyedHashVerifier
from peerrec.protocol.messages import Push
from peerrec.protocol.segment import Kind, Segment
from peerrec.protocol.statements import ItemName, Play, Retraction, TrustIn, encode_statements
from peerrec.store import Mark, TrustEdge
from peerrec.testing.hostile_peer import HostilePeer
from peerrec.testing.node_pair import START, Participant, make_participant
from peerrec.testing.virtual_network import VirtualNetwork

MINUTE = int(START // MINUTE_S)
LIAR = KeyedHashSigner((4_242).to_bytes(32, "big"))
FRIEND = KeyedHashSigner((4_243).to_bytes(32, "big"))


def signed(signer: KeyedHashSigner, seq: int, kind: Kind, said: list[Any], minute: int) -> Segment:
    payload = encode_statements(kind, said, minute)
    return segment_of(signer, minute, epoch=7, seq=seq, kind=kind, payload=payload)


def plays(seq: int, item: str, minute: int = MINUTE) -> Segment:
    return signed(LIAR, seq, Kind.INTERACTIONS, [Play(item_hash(item), 1.0, minute)], minute)


# -- a network finds out -----------------------------------------------------------------------


def society(n: int) -> tuple[VirtualNetwork, list[Participant], HostilePeer]:
    network = VirtualNetwork(1, latency_s=0.05, start=START)
    people = [make_participant(network, number) for number in range(1, n + 1)]
    for place, person in enumerate(people):
        person.trust(people[(place + 1) % n])
        person.store.trust(TrustEdge("me", LIAR.peer, 0.5, network.now))
    hostile = HostilePeer(4_242)
    network.add(hostile)
    return network, people, hostile


def tie(network: VirtualNetwork, people: list[Participant]) -> None:
    for place, person in enumerate(people):
        for step in (1, 3):
            network.connect(person.peer, people[(place + step) % len(people)].peer)


def show(network: VirtualNetwork, hostile: HostilePeer, to: Participant, what: Segment) -> None:
    network.connect(hostile.peer, to.peer)
    network.act(hostile.peer, hostile.says(Push(0, True, pack([what])[0]), to.peer))


def convinced(person: Participant) -> bool:
    """Return whether a node holds a proof that checks out, and draws the conclusions."""
    proofs = [p for p in person.store.segments.proofs() if p.author == LIAR.peer]
    for proof in proofs:
        verify_proof(decode_proof(proof.evidence, NETWORK), NETWORK, KeyedHashVerifier())
    forked = [m for m in person.store.marks() if m.mark is Mark.FORKED and m.subject == LIAR.peer]
    said = [row for row in person.interactions() if row.author == LIAR.peer]
    beyond = [row for row in person.store.segments.index().rows()
              if row[0] == LIAR.peer and row[2] >= 1]  # fmt: skip
    return bool(proofs) and bool(forked) and not said and not beyond


@pytest.mark.parametrize("parted", [True, False])
def test_a_fork_shown_to_two_halves_is_proven_to_all_within_two_periods(parted: bool):
    network, people, hostile = society(20)
    halves = people[:10], people[10:]
    if parted:
        network.part([[hostile.peer, *(p.peer for p in halves[0])], [p.peer for p in halves[1]]])
        for half in halves:
            tie(network, half)
    else:
        tie(network, people)
    network.run_for(60.0)
    a, b = plays(1, "song:a"), plays(1, "song:b")
    show(network, hostile, halves[0][0], plays(0, "song:before"))
    show(network, hostile, halves[0][0], a)
    if parted:
        network.run_for(60.0)
        assert all(LIAR.peer in [r.author for r in p.interactions()] for p in halves[0])
        network.cut(hostile.peer, halves[0][0].peer)
        network.heal()
        network.part([[p.peer for p in halves[0]], [hostile.peer, *(p.peer for p in halves[1])]])
    show(network, hostile, halves[1][0], b)
    if parted:
        network.run_for(60.0)
        assert not any(convinced(person) for person in people)
        network.heal()
        tie(network, people)
    network.run_for(2 * FIRST_S)
    assert [convinced(person) for person in people] == [True] * 20
    assert all(LIAR.peer not in person.node._standing.merit for person in people)


# -- the order of arrival ----------------------------------------------------------------------


def evidence_and_segments() -> list[Segment | bytes]:
    """Return everything there is to know of a liar's log, and of a friend of the reader's."""
    two, other = plays(5, "song:two"), plays(5, "song:other")
    early, again = plays(3, "song:early"), plays(3, "song:again", MINUTE + 1)
    segments = [
        signed(LIAR, 0, Kind.DIRECTORY, [ItemName("song:two", "Two", ("tag",))], MINUTE - 9),
        plays(1, "song:first", MINUTE - 8),
        signed(LIAR, 2, Kind.TRUST, [TrustIn(b"T" * 32, 1.0, MINUTE - 7)], MINUTE - 7),
        early, again,
        signed(LIAR, 4, Kind.RETRACT, [Retraction(item_hash("song:first"), MINUTE)], MINUTE),
        two, other,
        plays(6, "song:after"),
        segment_of(LIAR, MINUTE, epoch=8, seq=0, item=item_hash("song:epoch")),
        signed(FRIEND, 0, Kind.INTERACTIONS, [Play(item_hash("song:two"), 2.0, MINUTE)], MINUTE),
        signed(FRIEND, 1, Kind.TRUST, [TrustIn(LIAR.peer, 1.0, MINUTE)], MINUTE),
        signed(FRIEND, 2, Kind.DIRECTORY, [ItemName("song:two", "", ())], MINUTE),
        # What a hash is called anybody can check, so a name that only the liar told may stay.
    ]  # fmt: skip
    return [*segments, make_proof(two, other).evidence, make_proof(early, again).evidence]


def reader(seed: int = 0) -> Participant:
    network = VirtualNetwork(1, start=START)
    person = make_participant(network, 1)
    person.store.trust(TrustEdge("me", LIAR.peer, 1.0, START))
    person.store.trust(TrustEdge("me", FRIEND.peer, 1.0, START))
    person.publish()
    return person


def final_state(person: Participant) -> dict[str, Any]:
    """Return what a node holds, says and believes of others' logs, without any order."""
    frontier, store = person.node.library.frontier, person.store
    names, edges = store.peers(), store.trust_edges()
    day = int(START // DAY_S)
    return {
        "root": frontier.root(b"key", day, {}),
        "forked": frontier.forked,
        "segments": sorted(tuple(row[:4]) for row in store.segments.index().rows()),
        "proofs": sorted((p.author, p.epoch, p.seq) for p in store.segments.proofs()),
        "interactions": sorted((r for r in person.interactions()), key=repr),
        "trust": sorted(
            (repr(names.ids[s]), repr(names.ids[t]), w)
            for s, t, w in zip(
                names.positions(edges.source).tolist(),
                names.positions(edges.target).tolist(),
                edges.weight.tolist(),
                strict=True,
            )
        ),
        "descriptions": sorted(store.descriptions()),
        "marks": sorted((m.mark, m.subject) for m in store.marks()),
        "merit": dict(person.node._standing.merit),
    }


def arrive(person: Participant, things: list[Segment | bytes], batches: list[int]) -> None:
    """Let things arrive, neighbours together where they are segments."""
    at = 0
    for size in batches:
        group = things[at : at + size]
        at += size
        for is_proof, some in itertools.groupby(group, lambda each: isinstance(each, bytes)):
            if is_proof:
                for evidence in some:
                    person.node.library.take_proof(evidence, START + 120.0)
            else:
                person.node.library.take(list(some), START + 120.0)
    person.network.run_for(180.0)  # whom to follow is chosen anew


def test_two_hundred_orders_of_arrival_end_alike():
    things = evidence_and_segments()
    rng = np.random.default_rng(1)
    states = []
    for n in range(200):
        person = reader()
        order = [things[at] for at in rng.permutation(len(things)).tolist()]
        batches = [len(order)] if n % 5 == 0 else rng.integers(1, 4, len(order)).tolist()
        arrive(person, order, batches)
        states.append(final_state(person))
        if n % 10 == 0:  # a restart in between or after changes nothing
            person.network.crash(person.peer)
            again = make_participant(person.network, 1, store=person.store, run=0)
            assert final_state(again)["forked"] == states[-1]["forked"]
            assert final_state(again)["segments"] == states[-1]["segments"]
    for state in states[1:]:
        for key, value in states[0].items():
            assert state[key] == value, key
    assert states[0]["forked"] == {(LIAR.peer, 7): 3}
    assert LIAR.peer not in states[0]["merit"]
    assert states[0]["merit"][FRIEND.peer] > 0.0
    assert [r.author for r in states[0]["interactions"]] == [FRIEND.peer]


def test_without_a_proof_the_liar_would_have_a_say():
    person = reader()
    things = [t for t in evidence_and_segments() if not isinstance(t, bytes)]
    arrive(person, things[:3], [3])
    state = final_state(person)
    assert state["merit"][LIAR.peer] > 0.0
    assert any(row.author == LIAR.peer for row in state["interactions"])


def test_a_forked_own_log_keeps_the_persons_own_words():
    """A key used on two devices: others stop believing it, the store keeps what it has."""
    network = VirtualNetwork(1, start=START)
    person = make_participant(network, 1)
    person.play("song:mine")
    network.run_for(1.0)
    person.publish()
    network.run_for(30.0)
    person.publish()
    signer = KeyedHashSigner((1).to_bytes(32, "big"))
    log = person.node.library.frontier.logs_of(person.peer)[0]
    twin = segment_of(signer, MINUTE, epoch=log[1], seq=0, item=bytes(range(16)))
    taken = person.node.library.take([twin], network.now)
    assert len(taken.proofs) == 1
    assert person.node.library.frontier.forked == {log: 0}
    assert [row.item for row in person.interactions()] == ["song:mine"]
