"""Fork a log in front of twenty nodes, and bring back an old backup: what spreads, what not.

Example:
    >>> measure_restored()["restored_forks"]
    0.0
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from peerrec.ids import network_id
from peerrec.limits import DAY_S, MINUTE_S
from peerrec.node import Node
from peerrec.peering.settings import NodeSettings
from peerrec.protocol.anti_entropy import FIRST_S
from peerrec.protocol.bundle import pack
from peerrec.protocol.identity import KeyedHashSigner, Signer
from peerrec.protocol.messages import Push
from peerrec.protocol.segment import NO_SEGMENT, Kind, Segment, make_segment
from peerrec.protocol.statements import Play, TrustIn, encode_statements
from peerrec.store import TrustEdge
from peerrec.store.memory import MemoryStore
from peerrec.store.sqlite import SqliteStore
from peerrec.testing.hostile_peer import HostilePeer
from peerrec.testing.node_pair import START, Participant, make_participant
from peerrec.testing.virtual_network import VirtualNetwork

__all__ = ["measure_fork", "measure_restored"]

NODES = 20
ORDERS = 200
KNOWN = 6
PATIENCE_S = 600.0
NETWORK = "test"
SETTINGS = NodeSettings(publish_trust=False, batch_delay_s=0.0, factors=False)


def measure_fork(seed: int, orders: int = ORDERS) -> dict[str, float]:
    """Return how a fork spreads that its author shows to two halves of 20 nodes.

    Returns:
        ``fork_spread_s``: from showing it until all honest nodes hold the proof;
        ``fork_spread_periods``: the same in periods of anti-entropy;
        ``fork_final_states``: distinct ends after the same segments in so many orders.
    """
    network = VirtualNetwork(seed, latency_s=0.05, loss=0.05, start=START)
    rng = np.random.default_rng(seed)
    forger = HostilePeer(666)
    network.add(forger)
    people = [
        make_participant(network, number, settings=SETTINGS) for number in range(1, NODES + 1)
    ]
    for person in people:
        person.store.trust(trust_in(forger.peer))
        for at in rng.choice(NODES, KNOWN, replace=False).tolist():
            if people[at] is not person:
                where = network.address_of(people[at].peer)
                person.node.learn_address(people[at].peer, where, network.now)
    network.run_for(120.0)
    first, second = forked(forger.signer)
    shown_at = network.now
    for number, person in enumerate(people):
        network.connect(forger.peer, person.peer)
        shown = first if number % 2 else second
        network.act(forger.peer, forger.says(Push(0, True, pack([shown])[0]), person.peer))
    network.run_until(shown_at + PATIENCE_S, lambda: all(map(knows_a_fork, people)))
    if not all(map(knows_a_fork, people)):
        raise RuntimeError(f"a fork was not known to all after {PATIENCE_S} s")
    spread_s = network.now - shown_at
    return {
        "fork_spread_s": spread_s,
        "fork_spread_periods": spread_s / FIRST_S,
        "fork_final_states": float(len(final_states(rng, orders))),
    }


def trust_in(peer: bytes) -> TrustEdge:
    """Return full trust of a store's person."""
    return TrustEdge("me", peer, 1.0, START)


def forked(signer: Signer) -> tuple[Segment, Segment]:
    """Return two different segments with one number."""
    return plays(signer, 0, b"a"), plays(signer, 0, b"b")


def plays(signer: Signer, seq: int, what: bytes) -> Segment:
    """Return a segment with one interaction."""
    minute = int(START // MINUTE_S)
    payload = encode_statements(Kind.INTERACTIONS, [Play(what * 16, 1.0, minute)], minute)
    return signed(signer, seq, Kind.INTERACTIONS, payload)


def signed(signer: Signer, seq: int, kind: Kind, payload: bytes) -> Segment:
    """Return a segment of a log that takes no care of itself."""
    return make_segment(
        signer,
        network_id(NETWORK),
        kind,
        epoch=1,
        seq=seq,
        prev=NO_SEGMENT,
        minute=int(START // MINUTE_S),
        ttl_days=90,
        payload=payload,
    )


def knows_a_fork(person: Participant) -> bool:
    """Return whether a node holds a proof."""
    return bool(person.node.library.frontier.forked)


def final_states(rng: np.random.Generator, orders: int) -> set[str]:
    """Return the distinct ends to which a forked log leads, by order of arrival."""
    signer = KeyedHashSigner(bytes(32))
    minute = int(START // MINUTE_S)
    trust = encode_statements(Kind.TRUST, [TrustIn(bytes([7]) * 32, 1.0, minute)], minute)
    segments = [
        plays(signer, 0, b"a"),
        signed(signer, 1, Kind.TRUST, trust),
        plays(signer, 2, b"b"),
        plays(signer, 2, b"c"),
        plays(signer, 3, b"d"),
        plays(signer, 3, b"e"),
        plays(signer, 4, b"f"),
    ]
    return {
        state_after([segments[at] for at in rng.permutation(len(segments)).tolist()])
        for _ in range(orders)
    }


def state_after(segments: Sequence[Segment]) -> str:
    """Return everything that a fresh node knows after segments came one by one."""
    network = VirtualNetwork(0, start=START)
    store = MemoryStore()
    store.trust(trust_in(segments[0].header.author))
    node: Node = make_participant(network, 1, settings=SETTINGS, store=store).node
    for segment in segments:
        node.library.take([segment], START)
    frontier = node.library.frontier
    held = sorted((log, list(frontier.seqs(log))) for log in frontier.logs())
    marks = sorted((mark.value, subject) for mark, subject, _ in store.marks())
    n_rows, n_edges = len(store.interactions()), int(np.count_nonzero(store.trust_edges().weight))
    return repr((held, sorted(frontier.forked.items()), marks, n_rows, n_edges))


def measure_restored() -> dict[str, float]:
    """Return what comes of a day-old copy of a store that is put in the place of the new one.

    Once the file alone is brought back, once with what stands beside it, as by a snapshot
    of the whole disk.

    Returns:
        ``restored_forks``: proofs of forks that anybody made;
        ``restored_lost``: interactions of the author that a peer lacks in the end.
    """
    ends = [restored(whole=whole) for whole in (False, True)]
    return {
        "restored_forks": float(sum(forks for forks, _ in ends)),
        "restored_lost": float(sum(lost for _, lost in ends)),
    }


def restored(*, whole: bool) -> tuple[int, int]:
    """Return (proofs, interactions that the peer lacks) after one restored backup."""
    with tempfile.TemporaryDirectory() as name:
        kept, saved = Path(name) / "kept", Path(name) / "saved"
        kept.mkdir()
        network = VirtualNetwork(1, start=START)
        friend = make_participant(network, 2, settings=SETTINGS)
        played = 0
        for day in range(3):
            if day == 2:
                bring_back(saved, kept, whole=whole)
            with SqliteStore(kept / "a.db") as store:
                author = make_participant(network, 1, settings=SETTINGS, store=store)
                if day == 0:
                    friend.trust(author)
                    friend.publish()
                network.connect(friend.peer, author.peer)
                network.run_for(60.0)
                for _ in range(3):
                    author.play(f"song {played}")
                    author.publish()
                    played += 1
                    network.run_for(DAY_S / 4)
                network.crash(author.peer)
                store.flush()
            if day == 0:
                shutil.copytree(kept, saved)
        network.run_for(60.0)
        return len(friend.node.library.frontier.forked), played - len(friend.items_of(author))


def bring_back(saved: Path, kept: Path, *, whole: bool) -> None:
    """Put an old copy in the place of a store."""
    if whole:
        shutil.rmtree(kept)
        shutil.copytree(saved, kept)
    else:
        shutil.copy(saved / "a.db", kept / "a.db")
