"""Let a thousand real nodes pass on news on virtual time, and heal a network that was parted.

Every node knows sixteen others' addresses, dials eight of them as it sees fit, and follows
whoever publishes. Delivery is timed from the moment a segment is signed until a node has
verified and stored it.

Example:
    >>> figures = measure_gossip(n_nodes=12, seed=0, rounds=1)
    >>> figures["gossip_delivered"], figures["gossip_all_s"] < 120.0
    (1.0, True)
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from peerrec.limits import DAY_S
from peerrec.node import Node
from peerrec.peering.settings import NodeSettings
from peerrec.protocol.effects import Effect
from peerrec.protocol.segment import Kind
from peerrec.store.memory import MemoryStore
from peerrec.testing.node_pair import START, Participant, make_participant
from peerrec.testing.virtual_network import VirtualNetwork
from peerrec_sim.benchmarks.overseen import Overseen

__all__ = ["measure_gossip", "measure_partition"]

SETTINGS = NodeSettings(publish_trust=False, batch_delay_s=0.0, factors=False)
"""A segment is signed in the moment its interaction is recorded."""

LATENCY_S = 0.05
LOSS = 0.05
KNOWN = 16
"""Addresses that everybody has from the start."""

WARM_UP_S = 60.0
BETWEEN_S = 20.0
PATIENCE_S = 180.0
"""After so long a segment that is missing counts as lost."""

Progress = Callable[[str, int, int], None]


class Crowd:
    """Nodes on one network, and when each of them got an awaited segment.

    Args:
        n_nodes: how many.
        seed: of the network and of who knows whom.
        loss: share of messages that never arrive.

    Attributes:
        network: theirs.
        people: the nodes with their stores.
        rng: draws who knows whom.
        arrived: virtual time at which each node got what is awaited, by peer id.
    """

    def __init__(self, n_nodes: int, seed: int, loss: float) -> None:
        self.network = VirtualNetwork(seed, latency_s=LATENCY_S, loss=loss, start=START)
        self.rng = np.random.default_rng(seed)
        self.people: list[Participant] = []
        self.arrived: dict[bytes, float] = {}
        self._awaited: tuple[bytes, int, int] | None = None
        for number in range(1, n_nodes + 1):
            store = MemoryStore(tag=number.to_bytes(8, "big"))
            person = make_participant(self.network, number, settings=SETTINGS, store=store)
            # The same peer once more, in its place: from now on its arrivals are noted.
            self.network.add(Overseen(person.node, self._noting(person.node)))
            self.people.append(person)

    def _noting(self, node: Node) -> Callable[[Callable[[], list[Effect]]], list[Effect]]:
        frontier = node.library.frontier

        def around(call: Callable[[], list[Effect]]) -> list[Effect]:
            before = len(frontier)
            effects = call()
            if len(frontier) != before and self._awaited and frontier.has(*self._awaited):
                self.arrived.setdefault(node.peer, self.network.now)
            return effects

        return around

    def publish(self, person: Participant, item: str) -> None:
        """Let a node publish an interaction; from now on that one is awaited.

        It goes out with a second segment, which names the item.
        """
        person.play(item)
        person.publish()
        logs = person.node.library.frontier.logs_of(person.peer)
        plays = (
            (*log, seq)
            for log in logs
            for seq in person.node.library.frontier.seqs(log)
            if is_play(person, log, seq)
        )
        self.arrived.clear()
        self._awaited = max(plays, key=lambda key: key[2])

    def acquaint(self, person: Participant, others: list[Participant]) -> None:
        """Give a node the addresses of some others."""
        n = min(KNOWN, len(others))
        for at in self.rng.choice(len(others), n, replace=False).tolist():
            peer = others[at].peer
            if peer != person.peer:
                where = self.network.address_of(peer)
                person.node.learn_address(peer, where, self.network.now)


def is_play(person: Participant, log: tuple[bytes, int], seq: int) -> bool:
    """Return whether one of a node's segments holds interactions."""
    segment = person.node.library.segment(log, seq)
    return segment is not None and segment.header.kind == Kind.INTERACTIONS


def measure_gossip(
    n_nodes: int, seed: int, rounds: int = 5, progress: Progress | None = None
) -> dict[str, float]:
    """Return how long one node's segments take to reach all others.

    Returns:
        ``gossip_p50_s``, ``gossip_p99_s``, ``gossip_all_s``: over all nodes and ``rounds``
        segments, one after the other; ``gossip_delivered``: share that arrived at all;
        ``gossip_links``: mean number of links; ``gossip_bytes_per_delivery``: of all
        messages while they spread.
    """
    say = progress or (lambda stage, done, total: None)
    say("gossip", 0, rounds + 1)
    crowd = Crowd(n_nodes, seed, LOSS)
    network, (publisher, *others) = crowd.network, crowd.people
    for person in others:
        person.trust(publisher)
    for person in crowd.people:
        crowd.acquaint(person, crowd.people)
    network.run_for(WARM_UP_S)
    if not all(person.node.library.wants(publisher.peer) for person in others):
        raise RuntimeError("not everybody follows the publisher: delivery would mean nothing")
    delays: list[float] = []
    sent_before = network.counters["sent_bytes"]
    for number in range(rounds):
        say("gossip", number + 1, rounds + 1)
        signed_at = network.now
        crowd.publish(publisher, f"song {number}")
        network.run_until(signed_at + PATIENCE_S, lambda: len(crowd.arrived) >= len(others))
        delays += [at - signed_at for at in crowd.arrived.values()]
        network.run_for(BETWEEN_S)
    p50, p99 = np.quantile(delays, [0.5, 0.99]).tolist()
    return {
        "gossip_p50_s": p50,
        "gossip_p99_s": p99,
        "gossip_all_s": max(delays),
        "gossip_delivered": len(delays) / (len(others) * rounds),
        "gossip_links": 2 * len(network.links()) / n_nodes,
        "gossip_bytes_per_delivery": (network.counters["sent_bytes"] - sent_before) / len(delays),
    }


def measure_partition(
    n_half: int, seed: int, parted_s: float = DAY_S, progress: Progress | None = None
) -> dict[str, float]:
    """Return how long two halves need to agree after they were parted.

    Everybody trusts, and so follows, everybody; each node publishes four times while the
    network is parted, in the way of people: whenever they like.

    Returns:
        ``partition_heal_s``: from the moment when all may reach all again until everybody
        holds everything; ``partition_segments``: how much everybody lacked.
    """
    say = progress or (lambda stage, done, total: None)
    say("partition", 0, 3)
    crowd = Crowd(2 * n_half, seed, 0.0)
    network, people = crowd.network, crowd.people
    for person in people:
        for other in people:
            if other is not person:
                person.trust(other)
        crowd.acquaint(person, people)
    network.run_for(5 * WARM_UP_S)
    say("partition", 1, 3)
    halves = people[:n_half], people[n_half:]
    network.part([[person.peer for person in half] for half in halves])
    end = network.now + parted_s
    per_node = 4
    times = np.sort(crowd.rng.uniform(network.now, end, per_node * len(people))).tolist()
    who = crowd.rng.permutation(np.repeat(np.arange(len(people)), per_node)).tolist()
    for number, (at, chosen) in enumerate(zip(times, who, strict=True)):
        network.run_until(at)
        people[chosen].play(f"song {number}")
        people[chosen].publish()
    network.run_until(end)
    say("partition", 2, 3)
    total = sum(n_own(person) for person in people)
    lacking = total - min(len(person.node.library.frontier) for person in people)
    network.heal()
    network.run_until(end + DAY_S / 24, lambda: agreed(people, total))
    if not agreed(people, total):
        raise RuntimeError("an hour after a partition the nodes still hold different segments")
    return {"partition_heal_s": network.now - end, "partition_segments": float(lacking)}


def n_own(person: Participant) -> int:
    """Return how many segments a node has signed."""
    frontier = person.node.library.frontier
    return sum(len(list(frontier.seqs(log))) for log in frontier.logs_of(person.peer))


def agreed(people: list[Participant], total: int) -> bool:
    """Return whether everybody holds everything that was published."""
    return all(len(person.node.library.frontier) == total for person in people)
