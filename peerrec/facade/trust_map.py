"""Draw a person's neighbourhood in the graph of trust: who stands where, and who looks false.

Suspicion is about the one thing that invented identities cannot avoid: however many they
are, every walk to them passes the few peers that let themselves be fooled. Of a peer s
with predecessor v, through which most walks to s pass,

    suspicion(s) = share(s) · (1 − 1/m)

where share(s) is Wilson's lower bound on the part of walks to s that pass v, and m is how
many peers hang on v like that. One friend of a friend is nothing special, fifty of them
with no other way in are. It accuses nobody: a friend's village looks the same from afar.

Example:
    >>> wilson_low(np.array([900]), np.array([900])).round(2).tolist()
    [1.0]
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from statistics import NormalDist
from typing import TYPE_CHECKING, Final, TypeAlias

import numpy as np
import numpy.typing as npt

from peerrec.ranking.connectivity import through_best
from peerrec.ranking.meritrank import draw_walks
from peerrec.ranking.segment import concatenated_rows
from peerrec.ranking.trust_snapshot import TrustSnapshot
from peerrec.ranking.walks import WalkRows
from peerrec.store import RawId

if TYPE_CHECKING:
    from peerrec.facade.sight import Sight
    from peerrec.ranking.merit import MeritParameters

__all__ = ["MappedPeer", "TrustMap", "trust_map"]

Int32s: TypeAlias = npt.NDArray[np.int32]
Float64s: TypeAlias = npt.NDArray[np.float64]

EGO: Final = 0

RINGS: Final = 3
"""Hops that are shown: beyond, merit is too small to see."""

HANGS_ON: Final = 0.8
"""Share from which a peer counts as hanging on another."""

Z: Final = NormalDist().inv_cdf(0.95)


@dataclass(frozen=True, slots=True)
class MappedPeer:
    """A peer on the map.

    Attributes:
        peer: raw id.
        hops: shortest way of trust from the user; `RINGS` + 1 where there is none.
        merit: share of walks that reach it.
        suspicion: 0 … 1, see above.
        blocked: whether it has no say, by the user's decision or for a fork.
    """

    peer: RawId
    hops: int
    merit: float
    suspicion: float
    blocked: bool


@dataclass(frozen=True, slots=True)
class TrustMap:
    """A neighbourhood: its peers, the user first, and (from, to, weight) among them."""

    peers: tuple[MappedPeer, ...]
    edges: tuple[tuple[RawId, RawId, float], ...]


def trust_map(sight: Sight, now: float, n: int) -> TrustMap:
    """Return the user and the n peers with most merit within three hops, nearest first.

    Who is blocked is on it, too, beyond the last ring where nobody leads there.

    Cost: as one measurement of merit.
    """
    view = sight.view(now)
    trust, merit = view.trust, sight.hearing(view).merit
    shares = np.zeros(trust.n_nodes) if merit is None else merit.dense(trust.n_nodes)
    walls = known(view.users.find, sight.marks.blocked, trust.n_nodes)
    forked = known(view.users.find, sight.marks.forked, trust.n_nodes)
    rings = rings_around(trust)
    rings[walls] = RINGS + 1
    shown = chosen(rings, shares, walls, n)
    suspicion = suspicions(trust, sight.settings.merit)
    suspicion[forked] = 1.0
    blocked = frozenset(walls.tolist())
    peers = tuple(
        MappedPeer(
            view.users[code],
            int(rings[code]),
            float(shares[code]),
            float(suspicion[code]),
            code in blocked,
        )
        for code in shown.tolist()
    )
    edges = tuple((view.users[a], view.users[b], w) for a, b, w in edges_among(trust, shown))
    return TrustMap(peers, edges)


def known(find: Callable[[RawId], int | None], raws: tuple[RawId, ...], n_nodes: int) -> Int32s:
    """Return the codes of those ids that the graph knows, ascending."""
    codes = (find(raw) for raw in raws)
    return np.array(
        sorted({code for code in codes if code is not None and code < n_nodes}), np.int32
    )


def rings_around(trust: TrustSnapshot) -> Int32s:
    """Return each node's distance from the ego, −1 beyond `RINGS`, shape (n_nodes,)."""
    rings = np.full(trust.n_nodes, -1, np.int32)
    rings[EGO] = 0
    frontier = np.array([EGO], np.int32)
    for ring in range(1, RINGS + 1):
        edges = concatenated_rows(trust.indptr[frontier], trust.indptr[frontier + 1])
        reached = np.unique(trust.targets[edges])
        frontier = reached[rings[reached] < 0]
        rings[frontier] = ring
    return rings


def chosen(rings: Int32s, shares: Float64s, walls: Int32s, n: int) -> Int32s:
    """Return the codes to show: the ego, then by ring and merit, those who are blocked last."""
    others = np.flatnonzero((rings > 0) & (rings <= RINGS)).astype(np.int32)
    best = others[np.argsort(-shares[others], kind="stable")[:n]]
    best = best[np.lexsort((best, -shares[best], rings[best]))]
    walls = walls[walls != EGO]
    return np.concatenate([np.array([EGO], np.int32), best, walls[:n]])


def suspicions(trust: TrustSnapshot, parameters: MeritParameters) -> Float64s:
    """Return the suspicion against each node, 0 … 1, shape (n_nodes,)."""
    walks = draw_walks(
        WalkRows(trust, trust.blocked(EGO)), EGO, parameters, np.random.default_rng(0)
    )
    found = through_best(walks, EGO, trust.n_nodes)
    suspicion = np.zeros(trust.n_nodes)
    behind = found.best >= 0
    nodes, best = found.nodes[behind], found.best[behind]
    share = wilson_low(found.through[behind], found.hits[behind])
    hanging = np.bincount(best[share >= HANGS_ON], minlength=trust.n_nodes)
    crowd = 1.0 - 1.0 / np.maximum(hanging[best], 1)
    suspicion[nodes] = np.clip(share * crowd, 0.0, 1.0)
    return suspicion


def wilson_low(part: npt.NDArray[np.integer], whole: npt.NDArray[np.integer]) -> Float64s:
    """Return the lower bound (one-sided, 95 %) on a share; Wilson 1927."""
    count = whole.astype(np.float64)
    share = part / count
    spread = Z * np.sqrt(share * (1.0 - share) / count + (Z / (2.0 * count)) ** 2)
    bound: Float64s = (share + Z * Z / (2.0 * count) - spread) / (1.0 + Z * Z / count)
    return bound


def edges_among(trust: TrustSnapshot, shown: Int32s) -> list[tuple[int, int, float]]:
    """Return (from, to, weight) of all trust and distrust among the shown."""
    on_map = np.zeros(trust.n_nodes, bool)
    on_map[shown] = True
    rows: list[tuple[int, int, float]] = []
    sides = (
        (trust.sources, trust.targets, trust.weights),
        (trust.negative_sources, trust.negative_targets, trust.negative_weights),
    )
    for sources, targets, weights in sides:
        at = np.flatnonzero(on_map[sources] & on_map[targets])
        columns = sources[at].tolist(), targets[at].tolist(), weights[at].tolist()
        rows += zip(*columns, strict=True)
    return rows
