"""Count what sessions cost on the line, between whole nodes on virtual time.

Counted is every message of sessions after the handshake, both ways, as it crosses:
padded, with 16 bytes of Noise's tag and the WebSocket header (4 bytes of mask more from
the side that dialled). The payload is the bundles that bring the missing segments: about
half of what the same segments take one by one. All else is overhead, segments that come
twice included. How well bundles are cut is told apart: ``…_packed_bytes`` is what all
missing segments take when bundled log by log.

Example:
    >>> small = Sizes(n_segments=200, n_authors=10, hour=2, day=5, week=20, scattered=9)
    >>> figures = measure_bytes(small, 0)
    >>> figures["equal_round_trips"]
    1.0
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from peerrec.ids import network_id
from peerrec.node import Node
from peerrec.protocol.bundle import pack, unpack
from peerrec.protocol.messages import Push, Type
from peerrec.protocol.segment import Segment
from peerrec.protocol.wire import Ignored, decode
from peerrec.store import Store
from peerrec.testing.sync_pair import link_bytes
from peerrec.testing.virtual_network import VirtualNetwork
from peerrec_sim.benchmarks.sync_corpus import (
    NETWORK,
    NOW,
    PLAYS,
    Corpus,
    filled_store,
    keyed_signers,
    make_corpus,
    make_node,
    take_in,
)

__all__ = ["Meter", "Sizes", "measure_bytes"]

MEMBERSHIP = frozenset({Type.PEERS, Type.PING, Type.PONG, Type.HELLO})
"""Messages that belong to no session: they are paid for once a link, whatever is synced."""

PATIENCE_S = 900.0
LATENCY_S = 0.02


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """How much there is, and how far a peer is behind.

    Attributes:
        n_segments, n_authors: what two equal stores hold.
        hour, day, week: segments that are missing after such a time.
        scattered: differences all over the logs, half of them on either side.
    """

    n_segments: int = 25_000
    n_authors: int = 1_000
    hour: int = 20
    day: int = 278
    week: int = 1_944
    scattered: int = 215


class Meter:
    """Counts what crosses the one link of a virtual network.

    Args:
        network: whose `watch` is taken.
        dialler: id of the side that dials: its frames are masked.

    Attributes:
        n_bytes: of sessions, both ways.
        bundle_bytes: of the bundles in it.
        n_pushed: segments in those.
        by_type: the same by type of message, and what belongs to no session.
    """

    def __init__(self, network: VirtualNetwork, dialler: bytes) -> None:
        self.n_bytes = self.bundle_bytes = self.n_pushed = 0
        self.by_type: Counter[str] = Counter()
        self._dialler = dialler
        network.watch = self._count

    def _count(self, now: float, sender: bytes, receiver: bytes, data: bytes) -> None:
        message = decode(data)
        assert not isinstance(message, Ignored), "nodes send what everybody knows"
        n = link_bytes(data, masked=sender == self._dialler)
        self.by_type[message.TYPE.name] += n
        if message.TYPE not in MEMBERSHIP:
            self.n_bytes += n
        if isinstance(message, Push):
            self.bundle_bytes += len(message.bundle)
            self.n_pushed += len(unpack(message.bundle, network_id(NETWORK)))


@dataclass(frozen=True, slots=True)
class Cost:
    """What one link's first session cost.

    Attributes:
        n_bytes: on the line.
        payload_bytes: of the bundles that brought what was missing.
        packed_bytes: of the same bundled log by log.
        frame_bytes: of the same as segments are signed, one by one.
        rounds: round trips, the closing comparison included.
    """

    n_bytes: int
    payload_bytes: int
    packed_bytes: int
    frame_bytes: int
    rounds: int

    @property
    def over_bytes(self) -> int:
        """Bytes beyond the payload."""
        return self.n_bytes - self.payload_bytes

    @property
    def overhead(self) -> float:
        """Bytes beyond the payload ÷ payload."""
        return self.over_bytes / self.payload_bytes


def measure_bytes(
    sizes: Sizes, seed: int, progress: Callable[[str, int, int], None] | None = None
) -> dict[str, float]:
    """Return bytes of sessions between nodes that follow the same authors.

    Returns:
        ``equal_bytes``, ``equal_round_trips``; ``hour_bytes`` beyond the payload,
        ``day_overhead``, ``week_overhead`` as share of it, for a peer known from before;
        ``one_missing_bytes``, ``scattered_bytes`` between strangers;
        ``cold_overhead`` of an empty store, and ``bytes_per_interaction`` of all that
        crossed then; with each its bytes on the line, of bundles and of single frames.
    """
    say = progress or (lambda stage, done, total: None)
    parts = 7
    say("bytes of sessions", 0, parts)
    later = sizes.week + sizes.day + sizes.hour
    n = sizes.n_segments + later + sizes.scattered + 1
    corpus = make_corpus(n, sizes.n_authors, keyed_signers(sizes.n_authors), seed)
    rng = np.random.default_rng(seed)
    missed = set(rng.choice(sizes.n_segments, sizes.scattered + 1, replace=False).tolist())
    held = [each for k, each in enumerate(corpus.segments[:-later]) if k not in missed]
    scattered = [corpus.segments[k] for k in sorted(missed)]
    news = corpus.segments[-later:]
    stores = filled_store(1, held), filled_store(2, held)
    costs: dict[str, Cost] = {}
    pair = Pair(corpus, stores, 10, seed)
    costs["equal"] = pair.session(())
    for name, count in (("week", sizes.week), ("day", sizes.day), ("hour", sizes.hour)):
        say("bytes of sessions", len(costs), parts)
        missing, news = news[:count], news[count:]
        take_in(pair.b, missing)
        costs[name] = pair.session(missing)
    say("bytes of sessions", len(costs), parts)
    strangers = Pair(corpus, stores, 20, seed)
    take_in(strangers.b, scattered[:1])
    costs["one_missing"] = strangers.session(scattered[:1])
    strangers = Pair(corpus, stores, 30, seed)
    half = 1 + len(scattered) // 2
    take_in(strangers.a, scattered[1:half])
    take_in(strangers.b, scattered[half:])
    costs["scattered"] = strangers.session(scattered[1:])
    say("bytes of sessions", len(costs), parts)
    cold = Pair(corpus, (filled_store(3, ()), stores[1]), 40, seed)
    costs["cold"] = cold.session(corpus.segments)
    say("bytes of sessions", parts, parts)
    return figures_of(costs, len(corpus.segments))


def figures_of(costs: dict[str, Cost], n_cold: int) -> dict[str, float]:
    """Return what the table shows, and what it was made of."""
    figures: dict[str, float] = {
        "equal_bytes": costs["equal"].n_bytes,
        "equal_round_trips": float(costs["equal"].rounds),
        "hour_bytes": costs["hour"].over_bytes,
        "day_overhead": costs["day"].overhead,
        "week_overhead": costs["week"].overhead,
        "one_missing_bytes": costs["one_missing"].over_bytes,
        "scattered_bytes": costs["scattered"].over_bytes,
        "cold_overhead": costs["cold"].overhead,
        "bytes_per_interaction": costs["cold"].n_bytes / (n_cold * PLAYS),
    }
    for name, cost in costs.items():
        figures[f"{name}_wire_bytes"] = cost.n_bytes
        figures[f"{name}_payload_bytes"] = cost.payload_bytes
        figures[f"{name}_packed_bytes"] = cost.packed_bytes
        figures[f"{name}_frame_bytes"] = cost.frame_bytes
        figures[f"{name}_rounds"] = cost.rounds
    return figures


class Pair:
    """Two nodes on given stores; a dials, b answers.

    Args:
        corpus: whose authors both follow.
        stores: of a and b.
        number: makes their keys: other numbers are strangers to each other's memories.
        seed: of the network.
    """

    def __init__(self, corpus: Corpus, stores: tuple[Store, Store], number: int, seed: int) -> None:
        self.a, self.b = (
            make_node(number + k, corpus.authors, store) for k, store in enumerate(stores)
        )
        self._network = VirtualNetwork(seed, latency_s=LATENCY_S, start=NOW)
        self._network.add(self.a)
        self._network.add(self.b)

    def session(self, missing: Sequence[Segment]) -> Cost:
        """Let a dial b, wait until they agree, hang up; return what it cost.

        Raises:
            RuntimeError: they did not come to agree.
        """
        network, meter = self._network, Meter(self._network, self.a.peer)
        assert network.connect(self.a.peer, self.b.peer), "nobody refuses the other"
        network.run_until(network.now + PATIENCE_S, self._agree)
        network.run_for(1.0)
        link = self.a.link(self.b.peer)
        if link is None or link.sync.last_result is None or not link.sync.last_result.converged:
            raise RuntimeError(f"two nodes did not come to agree: {self.a.status(network.now)}")
        if held_by(self.a) != held_by(self.b):
            raise RuntimeError("two nodes agreed and hold different segments")
        network.cut(self.a.peer, self.b.peer)
        network.watch = None
        return Cost(
            meter.n_bytes,
            meter.bundle_bytes * len(missing) // max(meter.n_pushed, 1),
            packed_bytes(missing),
            sum(len(segment.frame) for segment in missing),
            link.sync.last_result.rounds,
        )

    def _agree(self) -> bool:
        link = self.a.link(self.b.peer)
        result = None if link is None else link.sync.last_result
        return result is not None and result.converged


def held_by(node: Node) -> dict[tuple[bytes, int], list[int]]:
    """Return the numbers that a node holds of every log."""
    frontier = node.library.frontier
    return {log: list(frontier.seqs(log)) for log in frontier.logs()}


def packed_bytes(segments: Sequence[Segment]) -> int:
    """Return the bytes of the bundles that hold some segments, log by log."""
    waiting = sorted(segments, key=lambda each: (each.log, each.header.seq))
    n_bytes = 0
    while waiting:
        bundle, n = pack(waiting)
        n_bytes += len(bundle)
        waiting = waiting[n:]
    return n_bytes
