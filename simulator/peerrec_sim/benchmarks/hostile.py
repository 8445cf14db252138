"""Let one peer send whatever costs most, as fast as it is let, and see what a node pays.

Each attack runs against a whole node that holds and follows what the benchmark says, on
virtual time: a burst at first and then at the rate that any message may come, or patiently,
so that finer limits do not end it; who is hung up comes back as soon as it is let in. What
its calls take on this machine, divided by the virtual time, is the share of a core that it
costs. The same durations, put in a queue with those of eight honest peers where links take
turns, say how long these wait.

Sockets and encryption are not in it; the daemon reads a link more slowly where it costs
more than its share (`peerrec.limits.LINK_CPU_SHARE`).

Example:
    >>> corpus = make_corpus(300, 10, ed25519_signers(10), seed=0)
    >>> found = measure_hostile(corpus, 0, seconds=5.0, attacks=("pings",))
    >>> 0.0 < found["hostile_cpu_share"] < 1.0
    True
"""

from __future__ import annotations

import tracemalloc
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from time import process_time

import numpy as np
from numpy.typing import NDArray

from peerrec.limits import CREDIT_BYTES
from peerrec.node import Node
from peerrec.peering.link import MESSAGES_IN
from peerrec.protocol.bundle import pack
from peerrec.protocol.effects import Hangup
from peerrec.protocol.identity import Ed25519Verifier, KeyedHashSigner
from peerrec.protocol.messages import Hello, Message, Push
from peerrec.protocol.segment import Segment
from peerrec.protocol.wire import encode, padded
from peerrec_sim.benchmarks.hostile_scripts import ATTACKS, Scene
from peerrec_sim.benchmarks.sync_corpus import (
    NOW,
    Corpus,
    ed25519_signers,
    filled_store,
    make_corpus,
    make_node,
)

__all__ = ["ATTACKS", "measure_hostile"]

RATE, BURST = MESSAGES_IN
"""Messages a second that a link may bring in the long run, and at once."""

RATES = (RATE, RATE / 10, RATE / 100)
"""Messages a second of one attack: patience avoids the limits on what costs more."""

HONEST = 8
HONEST_RATE = 1.0
"""New segments a second from each honest peer: a lively network."""

LATENCY_S = 0.05
"""Mean one-way delay of a line."""

MEMORY_SECONDS = 10.0
"""Memory is measured over less: tracing it slows everything down."""

P99 = 0.99


@dataclass(slots=True)
class Run:
    """What one attack cost.

    Attributes:
        spent: (virtual time, processor seconds the call took, whether the sender is honest).
        n_hangups: how often the attacker lost its link.
    """

    spent: list[tuple[float, float, bool]] = field(default_factory=list)
    n_hangups: int = 0

    @property
    def hostile_s(self) -> float:
        """Seconds that the attacker's messages took."""
        return sum(took for _, took, honest in self.spent if not honest)

    def p99_ratio(self, line_s: NDArray[np.float64]) -> float:
        """Return the p99 of honest messages over a line ÷ the same without the attacker."""
        with_it, alone = (p99_of(self.waits_s(alone=alone), line_s) for alone in (False, True))
        return with_it / alone

    def waits_s(self, *, alone: bool) -> NDArray[np.float64]:
        """Return how long each honest message waits and takes, with or without the attacker.

        Who has waited is served in turns, as the daemon does: one message of a link, then
        one of another.
        """
        honest = deque((at, took) for at, took, good in self.spent if good)
        hostile = deque((at, took) for at, took, good in self.spent if not (good or alone))
        clock, waits, turn = 0.0, [], False
        while honest:
            ready = hostile and hostile[0][0] <= max(clock, honest[0][0])
            if ready and (turn or honest[0][0] > clock):
                at, took = hostile.popleft()
                clock = max(clock, at) + took
                turn = False
            else:
                at, took = honest.popleft()
                clock = max(clock, at) + took
                waits.append(clock - at)
                turn = True
        return np.array(waits)


def p99_of(waits_s: NDArray[np.float64], line_s: NDArray[np.float64]) -> float:
    """Return the p99 of the line's time and the node's together, seconds."""
    return float(np.quantile(line_s + np.resize(waits_s, len(line_s)), P99))


def measure_hostile(
    corpus: Corpus,
    seed: int,
    seconds: float = 60.0,
    attacks: Sequence[str] = tuple(ATTACKS),
    progress: Callable[[str, int, int], None] | None = None,
) -> dict[str, float | str]:
    """Return what the costliest attack costs, and every one of them.

    Returns:
        ``hostile_cpu_share``: of a core, over ``seconds`` from its first message;
        ``hostile_worst``: by which attack; ``hostile_memory_mb``: largest growth while one
        runs, MiB; ``hostile_p99_ratio``: p99 of the time from an honest peer's sending, over
        a line of 50 ms, to being dealt with ÷ the same without the attacker;
        ``hostile_wait_p99_ms``: of that what passes in the node; with the share, memory and
        wait of each attack.
    """
    say = progress or (lambda stage, done, total: None)
    n_strange = min(2_000, len(corpus.segments))
    strangers = make_corpus(n_strange, 50, ed25519_signers(1_050)[1_000:], seed + 1).segments
    shares: dict[str, float] = {}
    ratios: dict[str, float] = {}
    waits: dict[str, float] = {}
    memory: dict[str, float] = {}
    line_s = LATENCY_S / 2 * (1.0 + np.random.default_rng(seed).exponential(size=10_000))
    for number, name in enumerate(attacks):
        say("hostile", number, len(attacks))
        scene = Scene(corpus, strangers, seed)
        runs = [attacked(scene, name, seconds, rate) for rate in RATES]
        shares[name] = max(run.hostile_s / seconds for run in runs)
        ratios[name] = max(run.p99_ratio(line_s) for run in runs)
        waits[name] = max(float(np.quantile(run.waits_s(alone=False), P99)) for run in runs)
        traced = min(seconds, MEMORY_SECONDS)
        memory[name] = max(grown_mb(scene, name, traced, rate) for rate in RATES)
    worst = max(shares, key=lambda name: shares[name])
    return {
        "hostile_cpu_share": shares[worst],
        "hostile_worst": worst,
        "hostile_memory_mb": max(memory.values()),
        "hostile_p99_ratio": max(ratios.values()),
        "hostile_wait_p99_ms": max(waits.values()) * 1e3,
        **{f"hostile_share_{name}": share for name, share in shares.items()},
        **{f"hostile_memory_mb_{name}": grown for name, grown in memory.items()},
        **{f"hostile_wait_p99_ms_{name}": wait * 1e3 for name, wait in waits.items()},
    }


def victim(scene: Scene) -> tuple[Node, list[Segment]]:
    """Return a node that lacks what honest peers will bring, and that."""
    n_news = min(int(HONEST * HONEST_RATE * 120), len(scene.corpus.segments) // 2)
    held, news = scene.corpus.segments[:-n_news], scene.corpus.segments[-n_news:]
    store = filled_store(9, held)
    return make_node(9, scene.corpus.authors, store, verifier=Ed25519Verifier()), news


def attacked(scene: Scene, name: str, seconds: float, rate: float) -> Run:
    """Let one attacker and eight honest peers talk to a node; return what each call took."""
    node, news = victim(scene)
    honest = [KeyedHashSigner(bytes([number]) * 32).peer for number in range(1, HONEST + 1)]
    for peer in honest:
        linked(node, peer, NOW)
    plan = [(k / (HONEST * HONEST_RATE), honest[k % HONEST]) for k in range(len(news))]
    plan = [(at, peer) for at, peer in plan if at < seconds]
    messages = (padded(encode(Push(0, True, pack([each])[0]))) for each in news)
    events = [(at, peer, data) for (at, peer), data in zip(plan, messages, strict=False)]
    run = Run()
    attacker = Attacker(node, ATTACKS[name](scene), run, burst=BURST if rate == RATE else 1)
    at = 0.0
    for due, peer, data in [*events, (seconds, b"", b"")]:
        while at < due:
            attacker.speak(at)
            at += 1.0 / rate
        if peer:
            begun = process_time()
            node.receive(data, peer, NOW + due)
            run.spent.append((due, process_time() - begun, True))
    return run


class Attacker:
    """One hostile peer.

    Args:
        node: whom it attacks.
        script: what it says.
        run: where its cost is noted.
        burst: how many messages it says at once at first.
    """

    def __init__(
        self, node: Node, script: Iterator[Message | bytes], run: Run, *, burst: float
    ) -> None:
        self.peer = KeyedHashSigner(bytes([66]) * 32).peer
        self._node = node
        self._script = script
        self._run = run
        self._linked = False
        self._burst = int(burst)

    def speak(self, at: float) -> None:
        """Say the next thing, or all that is allowed at once when a link is new."""
        if not self._linked:
            if self._node.refuses(self.peer, "203.0.113.66", NOW + at) is not None:
                return
            linked(self._node, self.peer, NOW + at)
            self._linked = True
            n, self._burst = self._burst, 1
        else:
            n = 1
        for _ in range(n):
            self._say(at)
            if not self._linked:
                return

    def _say(self, at: float) -> None:
        said = next(self._script)
        data = said if isinstance(said, bytes) else padded(encode(said))
        begun = process_time()
        effects = self._node.receive(data, self.peer, NOW + at)
        self._run.spent.append((at, process_time() - begun, False))
        if any(isinstance(each, Hangup) and each.peer == self.peer for each in effects):
            self._node.link_down(self.peer, "violation", NOW + at)
            self._linked = False
            self._run.n_hangups += 1


def linked(node: Node, peer: bytes, now: float) -> None:
    """Give a node an incoming link."""
    hello = encode(Hello(0, 0, int(now // 60), bytes(8), CREDIT_BYTES, 0, "peer"))
    node.link_up(
        peer,
        dialled=False,
        address=None,
        host=f"203.0.{peer[0]}.{peer[1]}",
        hello=hello,
        binding=peer,
        now=now,
    )


def grown_mb(scene: Scene, name: str, seconds: float, rate: float) -> float:
    """Return by how much a node's memory grows at most while it is attacked, MiB."""
    node, _ = victim(scene)
    run = Run()
    script = ATTACKS[name](scene)
    next(script)
    attacker = Attacker(node, script, run, burst=BURST if rate == RATE else 1)
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        at = 0.0
        while at < seconds:
            attacker.speak(at)
            at += 1.0 / rate
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    return (peak - before) / 2**20
