"""Measure the simulator: events a second, memory a node, shards, growth, the graph mode.

The traffic is that of a living network: everybody plays now and then, publishes it within
seconds, passes on what others publish, and compares frontiers with its neighbours. Rates
count seconds of this process's processor time, so that a busy machine does not matter,
except for the speed-up of shards, which is about real time.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

import msgspec
import numpy as np

from peerrec.ids import network_id
from peerrec.node import Node
from peerrec.protocol.effects import Dial, Effect, Send
from peerrec.protocol.identity import KeyedHashSigner, KeyedHashVerifier
from peerrec.protocol.invite import Address
from peerrec.protocol.segment import Kind, Segment, make_segment
from peerrec.protocol.statements import Play, encode_statements
from peerrec.store.memory import MemoryStore
from peerrec_sim.benchmarks.graph_level import measured_apart
from peerrec_sim.measures.weight import weigh
from peerrec_sim.scenario.schema import (
    Measures,
    NodeOptions,
    Population,
    Scenario,
    Topology,
    Workload,
)
from peerrec_sim.serving import Progress
from peerrec_sim.simulation.backends import open_backend
from peerrec_sim.simulation.line import lookahead_s
from peerrec_sim.simulation.loop import Shard
from peerrec_sim.simulation.participant import Participant
from peerrec_sim.simulation.simulation import trace_hash
from peerrec_sim.simulation.windows import Windows
from peerrec_sim.simulation.world import NETWORK, START, World

__all__ = ["FULL", "QUICK", "Sizes", "living", "measure_simulation"]

PARTS: Final = ("rate", "memory", "shards", "growth", "graph-level")

SEGMENTS: Final = 1_000
"""Segments in the store of the heavier node."""

AUTHORS: Final = 50
"""Of those segments."""


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much is run.

    Attributes:
        nodes: whose rate is measured.
        few, many: nodes of the two networks that are compared for growth.
        shard_nodes: nodes of the network that is run in two shards.
        warm_s: virtual seconds in which links come about, not counted.
        length_s: virtual seconds that are measured.
        growth_s: virtual seconds to come about, and again to measure, of those two networks:
            short, as the larger one has a million events in every few seconds.
        empty_events: events of the loop whose handlers do nothing.
        graph_users: people of the graph that is attacked.
    """

    nodes: int = 1_000
    few: int = 500
    many: int = 5_000
    shard_nodes: int = 500
    warm_s: float = 20.0
    length_s: float = 20.0
    empty_events: int = 500_000
    graph_users: int = 1_000_000
    growth_s: float = 5.0


FULL = Sizes()
QUICK = Sizes(20, 10, 40, 20, 5.0, 5.0, 5_000, 2_000)


def measure_simulation(
    seed: int,
    sizes: Sizes = FULL,
    only: tuple[str, ...] = (),
    progress: Progress | None = None,
) -> dict[str, float]:
    """Return the figures of all parts, or of some.

    Args:
        seed: of the scenarios.
        sizes: how much is run.
        only: parts of PARTS; empty for all.
        progress: told each part.
    """
    parts: dict[str, Callable[[int, Sizes], dict[str, float]]] = {
        "rate": _rate,
        "memory": _memory,
        "shards": _shards,
        "growth": _growth,
        "graph-level": _graph_level,
    }
    wanted = [part for part in PARTS if not only or part in only]
    figures: dict[str, float] = {}
    for number, part in enumerate(wanted):
        if progress is not None:
            progress(part, number, len(wanted))
        figures |= parts[part](seed, sizes)
    return figures


def living(nodes: int, seed: int, length_s: float) -> Scenario:
    """Return a network in which everybody plays every half minute and publishes at once."""
    return Scenario(
        name="living",
        seed=seed,
        length_s=length_s,
        population=Population(nodes=nodes, items=2_000, plays_per_node=20),
        topology=Topology(kind="open"),
        workload=Workload(before=0.0, per_node_s=30.0),
        node=NodeOptions(follow_bytes_max=1 << 16, batch_count=1, batch_delay_s=5.0),
        measures=Measures(egos=1, at_end_only=True),
    )


# -- events a second -------------------------------------------------------------------------


def _rate(seed: int, sizes: Sizes) -> dict[str, float]:
    full = rate_of(living(sizes.nodes, seed, sizes.warm_s + sizes.length_s), sizes)
    empty = _empty_rate(seed, sizes)
    return {
        "events_per_s": full,
        "empty_events_per_s": empty,
        "events_over_empty": full / empty,
    }


def rate_of(scenario: Scenario, sizes: Sizes) -> float:
    """Return the events per second of processor time, after links have come about."""
    world = World(scenario)
    shard = Shard(world, world.populate(range(world.n)))
    shard.run_until(START + sizes.warm_s)
    return timed(shard, START + sizes.warm_s + sizes.length_s)


def timed(shard: Shard, end: float) -> float:
    """Return the events per second of processor time up to a virtual time."""
    gc.collect()
    before, began = shard.n_events, time.process_time()
    shard.run_until(end)
    return (shard.n_events - before) / max(time.process_time() - began, 1e-9)


class Relay:
    """Does nothing but hand on every message it gets to the next one.

    Args:
        peer: its id.
        following: id of the next one.
        where: address of the next one.
    """

    def __init__(self, peer: bytes, following: bytes, where: Address) -> None:
        self.peer = peer
        self._following = following
        self._where = where

    def first(self) -> list[Effect]:
        """Return what starts the relay, once there is a link."""
        return [Send(self._following, bytes(64))]

    def hello(self, now: float) -> bytes:
        """Say nothing."""
        return b""

    def refuses(self, peer: bytes, host: str, now: float) -> str | None:
        """Let everybody in."""
        return None

    def link_up(
        self,
        peer: bytes,
        *,
        dialled: bool,
        address: Address | None,
        host: str,
        hello: bytes,
        binding: bytes,
        now: float,
    ) -> list[Effect]:
        """Send the first message along the ring."""
        return self.first() if dialled else []

    def link_down(self, peer: bytes, reason: str, now: float) -> list[Effect]:
        """Do nothing."""
        return []

    def dial_failed(
        self, peer: bytes | None, address: Address, reason: str, now: float
    ) -> list[Effect]:
        """Do nothing."""
        return []

    def receive(self, data: bytes, sender: bytes, now: float) -> list[Effect]:
        """Hand it on."""
        return [Send(self._following, data)]

    def on_timer(self, now: float) -> list[Effect]:
        """Do nothing."""
        return []

    def next_deadline(self) -> float:
        """Never."""
        return float("inf")


def _empty_rate(seed: int, sizes: Sizes) -> float:
    """Return the rate of the loop alone: a message in each mean latency for everybody."""
    world = World(living(sizes.nodes, seed, 1e7))
    shard = Shard(world, [_relaying(world, index) for index in range(world.n)])
    shard.run_until(START + 1.0)
    length_s = sizes.empty_events / world.n * world.scenario.links.latency_s
    return timed(shard, START + 1.0 + length_s)


def _relaying(world: World, index: int) -> Participant:
    """Return a participant that is linked to the next one and relays to it."""
    following = (index + 1) % world.n
    peer, where = world.keys[following], world.addresses[following]

    def start(participant: Participant, now: float) -> Relay:
        return Relay(participant.peer, peer, where)

    def dial(participant: Participant, now: float) -> list[Effect]:
        return [Dial(peer, where)]

    participant = Participant(index, "relay", world.keys[index], start=start)
    participant.plan(START, dial)
    return participant


# -- memory ----------------------------------------------------------------------------------


def _memory(seed: int, sizes: Sizes) -> dict[str, float]:
    """Return the memory of a node with links, and of one that holds 1,000 segments."""
    n = min(sizes.nodes, 100)
    scenario = living(n, seed, sizes.warm_s)
    idle = msgspec.structs.replace(scenario, workload=Workload(before=0.0, per_node_s=1e7))
    world = World(idle)
    people = world.populate(range(world.n))
    shard = Shard(world, people)
    shard.run_until(START + sizes.warm_s)
    weighed = [weigh([person.node, person.store], (KeyedHashVerifier,)) for person in people[:8]]
    return {
        "node_idle_kb": float(np.mean(weighed)) / 1024,
        "node_1000_kb": _weight_of_full() / 1024,
    }


def _weight_of_full() -> float:
    """Return the bytes of a node that holds SEGMENTS segments of others."""
    store = MemoryStore()
    node = Node(
        store,
        KeyedHashSigner(b"full"),
        network=NETWORK,
        verifier=KeyedHashVerifier(),
        rng=np.random.default_rng(0),
        now=START,
    )
    for author in range(AUTHORS):
        node.library.take(_log_of(author, SEGMENTS // AUTHORS), START)
    return float(weigh([node, store], (KeyedHashVerifier,)))


def _log_of(author: int, n: int) -> list[Segment]:
    """Return the log of somebody with so many segments of a few plays each."""
    signer, prev, segments = KeyedHashSigner(author.to_bytes(4, "big")), bytes(16), []
    minute = int(START // 60)
    rng = np.random.default_rng(author)
    for seq in range(n):
        plays = [Play(rng.bytes(16), 1.0, minute) for _ in range(4)]
        payload = encode_statements(Kind.INTERACTIONS, plays, minute)
        segments.append(
            make_segment(
                signer, network_id(NETWORK), Kind.INTERACTIONS, epoch=1, seq=seq, prev=prev,
                minute=minute, ttl_days=30, payload=payload,
            )
        )  # fmt: skip
        prev = segments[-1].id[:16]
    return segments


# -- shards, growth --------------------------------------------------------------------------


def _shards(seed: int, sizes: Sizes) -> dict[str, float]:
    scenario = living(sizes.shard_nodes, seed, sizes.warm_s + sizes.length_s)
    one_s, one_hash = _wall_s(scenario, "inline", 1)
    two_s, two_hash = _wall_s(scenario, "processes", 2)
    return {"two_shard_speedup": one_s / two_s, "two_shard_same_hash": float(one_hash == two_hash)}


def _wall_s(scenario: Scenario, backend: str, shards: int) -> tuple[float, str]:
    """Return how long a scenario takes from its first event to its last, and its hash."""
    opened = open_backend(backend, scenario, shards)
    try:
        windows = Windows(opened, shards, lookahead_s(scenario.links))
        windows.run_until(START)
        began = time.perf_counter()
        windows.run_until(START + scenario.length_s)
        wall_s = time.perf_counter() - began
        return wall_s, trace_hash(each for end in opened.ending() for each in end.traces)
    finally:
        opened.close()


def _growth(seed: int, sizes: Sizes) -> dict[str, float]:
    short = replace(sizes, warm_s=sizes.growth_s, length_s=sizes.growth_s)
    few, many = (
        rate_of(living(n, seed, 2.0 * sizes.growth_s), short) for n in (sizes.few, sizes.many)
    )
    return {"events_per_s_few": few, "events_per_s_many": many, "events_growth": many / few}


# -- graph-level -----------------------------------------------------------------------------


def _graph_level(seed: int, sizes: Sizes) -> dict[str, float]:
    """Return seconds and memory of one attack on a graph: 20 plays each, 100 egos."""
    return measured_apart(users=sizes.graph_users, sybils=sizes.graph_users // 100, seed=seed)
