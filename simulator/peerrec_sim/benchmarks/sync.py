"""Measure the protocol: bytes of sessions, ingest, gossip, forks, a hostile peer, idling.

Example:
    >>> found = measure_sync(0, QUICK, only=("forks",))
    >>> found["fork_final_states"], found["restored_forks"]
    (1.0, 0.0)
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from peerrec.errors import ConfigError
from peerrec.limits import DAY_S
from peerrec_sim.benchmarks.forks import measure_fork, measure_restored
from peerrec_sim.benchmarks.gossip import measure_gossip, measure_partition
from peerrec_sim.benchmarks.hostile import measure_hostile
from peerrec_sim.benchmarks.idle import measure_idle_bytes, measure_idle_daemon
from peerrec_sim.benchmarks.sync_bytes import Sizes, measure_bytes
from peerrec_sim.benchmarks.sync_corpus import ed25519_signers, make_corpus
from peerrec_sim.benchmarks.sync_ingest import measure_ingest
from peerrec_sim.serving import Progress

__all__ = ["FULL", "PARTS", "QUICK", "Figures", "Scale", "measure_sync"]

Figures = dict[str, float | str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """How much is measured.

    Attributes:
        sizes: of the stores.
        gossip_nodes: nodes that pass on news.
        gossip_rounds: segments that they pass on.
        half_nodes: nodes of each half of the parted network.
        parted_s: how long it is parted.
        hostile_s: virtual time of each attack.
        settle_s, idle_s: how long the daemon is left alone, and then watched.
    """

    sizes: Sizes = field(default_factory=Sizes)
    gossip_nodes: int = 1_000
    gossip_rounds: int = 5
    half_nodes: int = 50
    parted_s: float = DAY_S
    hostile_s: float = 60.0
    settle_s: float = 60.0
    idle_s: float = 120.0


FULL = Scale()
"""What the numbers in the documents are measured at."""

QUICK = Scale(
    sizes=Sizes(n_segments=1_000, n_authors=40, hour=5, day=20, week=100, scattered=20),
    gossip_nodes=40,
    gossip_rounds=2,
    half_nodes=8,
    parted_s=600.0,
    hostile_s=10.0,
    settle_s=2.0,
    idle_s=5.0,
)
"""Enough to see that everything runs: its figures say little."""


def sized_bytes(seed: int, scale: Scale, progress: Progress) -> Figures:
    """Return what sessions cost on the line."""
    return {**measure_bytes(scale.sizes, seed, progress)}


def sized_ingest(seed: int, scale: Scale, progress: Progress) -> Figures:
    """Return what a cold start costs in units of bare verification."""
    progress("ingest", 0, 1)
    return {**measure_ingest(scale.sizes.n_segments, scale.sizes.n_authors, seed)}


def sized_gossip(seed: int, scale: Scale, progress: Progress) -> Figures:
    """Return how fast news spread."""
    return {**measure_gossip(scale.gossip_nodes, seed, scale.gossip_rounds, progress)}


def sized_partition(seed: int, scale: Scale, progress: Progress) -> Figures:
    """Return how fast a parted network heals."""
    return {**measure_partition(scale.half_nodes, seed, scale.parted_s, progress)}


def sized_forks(seed: int, scale: Scale, progress: Progress) -> Figures:
    """Return what becomes of forks, and of a restored backup."""
    progress("forks", 0, 1)
    return {**measure_fork(seed), **measure_restored()}


def sized_hostile(seed: int, scale: Scale, progress: Progress) -> Figures:
    """Return what one hostile peer costs."""
    sizes = scale.sizes
    signers = ed25519_signers(sizes.n_authors)
    corpus = make_corpus(sizes.n_segments, sizes.n_authors, signers, seed)
    return measure_hostile(corpus, seed, scale.hostile_s, progress=progress)


def sized_idle(seed: int, scale: Scale, progress: Progress) -> Figures:
    """Return what eight links cost where nothing happens."""
    progress("idle", 0, 1)
    return {**measure_idle_bytes(seed), **measure_idle_daemon(scale.settle_s, scale.idle_s)}


PARTS: dict[str, Callable[[int, Scale, Progress], Figures]] = {
    "bytes": sized_bytes,
    "ingest": sized_ingest,
    "gossip": sized_gossip,
    "partition": sized_partition,
    "forks": sized_forks,
    "hostile": sized_hostile,
    "idle": sized_idle,
}
"""The parts of the benchmark by name, in the order in which they run."""


def measure_sync(
    seed: int,
    scale: Scale = FULL,
    only: Sequence[str] = (),
    progress: Progress | None = None,
) -> Figures:
    """Return the figures of some parts of the benchmark; all parts where none is named.

    Each part's module says what its figures mean.

    Raises:
        ConfigError: there is no part of that name.
    """
    for name in only:
        if name not in PARTS:
            raise ConfigError("only", name, ", ".join(PARTS))
    say = progress or (lambda stage, done, total: None)
    figures: Figures = {}
    for name, part in PARTS.items():
        if not only or name in only:
            figures |= part(seed, scale, say)
    return figures
