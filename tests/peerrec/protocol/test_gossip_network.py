from __future__ import annotations

import hashlib
import heapq

import numpy as np
import pytest

from peerrec.protocol.gossip import Fresh, Gossip, Verdict
from peerrec.protocol.messages import Ihave, Iwant


def name(n: int) -> bytes:
    return hashlib.blake2b(n.to_bytes(4, "big")).digest()[:32]


class Network:
    """Gossip objects alone, joined by lossy lines on virtual time."""

    def __init__(
        self, n: int, *, seed: int, loss: float = 0.05, dialled: int = 8, mute_share: float = 0.0
    ):
        self.rng = np.random.default_rng(seed)
        self.loss = loss
        self.peers = [name(each) for each in range(n)]
        self.mute = set(self.peers[: int(mute_share * n)])
        self.nodes = {
            peer: Gossip(np.random.default_rng([seed, place]))
            for place, peer in enumerate(self.peers)
        }
        self.links: dict[bytes, set[bytes]] = {peer: set() for peer in self.peers}
        self.events: list[tuple[float, int, str, tuple]] = []
        self.counter = 0
        self.arrived: dict[bytes, dict[bytes, float]] = {}
        self.n_messages = {"push": 0, "ihave": 0, "iwant": 0}
        self.timers: dict[bytes, float] = {}
        for place, peer in enumerate(self.peers):
            others = self.rng.permutation(n)
            for other in others[: dialled + 1].tolist():
                if other != place and len(self.links[peer]) < 40:
                    self.join(peer, self.peers[other])

    def join(self, a: bytes, b: bytes) -> None:
        if b in self.links[a]:
            return
        self.links[a].add(b)
        self.links[b].add(a)
        key = hashlib.blake2b(min(a, b) + max(a, b), digest_size=16).digest()
        self.nodes[a].link_up(b, key=key, dialled=True, battery=self.nodes[b].battery)
        self.nodes[b].link_up(a, key=key, dialled=False, battery=self.nodes[a].battery)

    def at(self, time: float, kind: str, *what) -> None:
        self.counter += 1
        heapq.heappush(self.events, (time, self.counter, kind, what))

    def send(self, now: float, sender: bytes, to: bytes, kind: str, what) -> None:
        self.n_messages[kind] += 1
        if sender in self.mute or self.rng.random() < self.loss:
            return
        delay = float(self.rng.lognormal(np.log(0.08), 0.4))
        self.at(now + delay, kind, sender, to, what)

    def publish(self, peer: bytes, fresh: Fresh, now: float) -> None:
        self.at(now, "publish", peer, fresh)

    def spread(self, now: float, peer: bytes, fresh: Fresh, source: bytes | None) -> None:
        self.arrived.setdefault(fresh.id, {})[peer] = now
        spread = self.nodes[peer].accepted(fresh, source, now, own=source is None)
        for to in spread.eager:
            self.send(now, peer, to, "push", fresh)

    def run(self, until: float) -> None:
        while self.events and self.events[0][0] <= until:
            now, _, kind, what = heapq.heappop(self.events)
            touched = what[1] if kind in ("push", "ihave", "iwant") else what[0]
            self.handle(now, kind, what)
            due = self.nodes[touched].next_deadline()
            if due < self.timers.get(touched, np.inf):
                self.timers[touched] = due
                self.at(max(due, now), "timer", touched)

    def handle(self, now: float, kind: str, what: tuple) -> None:
        if kind == "publish":
            self.spread(now, what[0], what[1], None)
        elif kind == "push":
            sender, to, fresh = what
            if self.nodes[to].judge(sender, fresh.id, fresh.author, now) is Verdict.ACCEPT:
                self.spread(now, to, fresh, sender)
        elif kind == "ihave":
            question = self.nodes[what[1]].announced(what[0], what[2], now)
            if question is not None:
                self.send(now, what[1], what[0], "iwant", question.tags)
        elif kind == "iwant":
            answer = self.nodes[what[1]].requested(what[0], what[2], now)
            for fresh in answer.segments:
                self.send(now, what[1], what[0], "push", fresh)
            if answer.announce is not None:
                self.send(now, what[1], what[0], "ihave", answer.announce.tags)
        else:
            self.timers.pop(what[0], None)
            for to, message in self.nodes[what[0]].on_timer(now):
                kinds = {Ihave: "ihave", Iwant: "iwant"}
                self.send(now, what[0], to, kinds[type(message)], message.tags)

    def delays(self, segments: list[tuple[Fresh, float]]) -> np.ndarray:
        """Return the delays at all honest nodes, inf where nothing came."""
        return np.array(
            [
                self.arrived[fresh.id].get(peer, np.inf) - at
                for fresh, at in segments
                for peer in self.peers
                if peer not in self.mute and peer != fresh.author
            ]
        )


def published(network: Network, n: int, *, every_s: float = 1.0) -> list[tuple[Fresh, float]]:
    segments = []
    honest = [peer for peer in network.peers if peer not in network.mute]
    for number in range(n):
        author = honest[int(network.rng.integers(len(honest)))]
        segment_id = hashlib.blake2b(number.to_bytes(4, "big"), digest_size=32).digest()
        fresh = Fresh(segment_id, author, 1, number)
        network.publish(author, fresh, number * every_s)
        segments.append((fresh, number * every_s))
    return segments


def test_a_segment_reaches_nearly_all_of_300_nodes_within_two_seconds_despite_loss():
    network = Network(300, seed=1)
    segments = published(network, 6)
    network.run(until=40.0)
    delays = network.delays(segments)
    assert np.quantile(delays, 0.5) <= 0.6
    assert np.quantile(delays, 0.99) <= 2.0
    assert np.isfinite(delays).mean() > 0.999


def test_half_of_the_nodes_mute_slows_gossip_but_does_not_stop_it():
    network = Network(200, seed=2, mute_share=0.5)
    segments = published(network, 4)
    network.run(until=40.0)
    delays = network.delays(segments)
    assert np.quantile(delays, 0.9) <= 3.0


def test_the_cost_of_a_segment_is_a_few_pushes_and_announcements_a_node():
    network = Network(300, seed=3)
    published(network, 10, every_s=2.0)
    network.run(until=60.0)
    per_delivery = network.n_messages["push"] / (300 * 10)
    assert per_delivery <= 4.6
    assert network.n_messages["ihave"] / (300 * 10) <= 6.2


def test_the_same_seed_gives_the_same_deliveries():
    def trace() -> dict[bytes, dict[bytes, float]]:
        network = Network(60, seed=4)
        published(network, 3)
        network.run(until=20.0)
        return network.arrived

    assert trace() == trace()


@pytest.mark.slow
def test_a_segment_reaches_1000_nodes_as_promised():
    network = Network(1_000, seed=5)
    segments = published(network, 20)
    network.run(until=60.0)
    delays = network.delays(segments)
    assert np.quantile(delays, 0.5) <= 0.6
    assert np.quantile(delays, 0.99) <= 2.0
