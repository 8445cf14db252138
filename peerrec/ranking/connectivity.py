"""Find peers that are reached (almost) only through one other peer.

MeritRank (Nasrulin, Ishmaev & Pouwelse 2022) bounds parallel and cycle attacks
behind a bridge by ``connectivity_decay``: with

    share(s) = max over v ≠ ego of  #(walks that reach s after v) / #(walks that reach s)

a peer s whose share passes a threshold loses ``connectivity_decay · share`` of its
merit. Deviation: at the published constants a peer seen in a single walk has
share 1 and is flagged, which hits half of all honest ones; so by default it is a
*lower confidence bound* on the share that has to pass the threshold. A peer seen in
h walks, all through v, can then be flagged only when the bound of h out of h passes;
for Wilson's bound that is h ≥ z² · threshold / (1 − threshold).

The bound only takes away flags that are due to chance. An honest peer with one
friend truly has share 1, and two colluding entry points halve the attackers' share:
never rely on this decay alone.

Example:
    >>> share, flagged = flag_bridged(
    ...     np.array([1, 900]), np.array([1, 900]), threshold=0.99, rule="wilson", confidence=0.95)
    >>> flagged.tolist()      # one walk proves nothing, 900 do
    [False, True]
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist
from typing import Literal

import numpy as np
import numpy.typing as npt

from peerrec.errors import ConfigError

__all__ = ["ConnectivityRule", "Through", "flag_bridged", "through_best"]

Int32s = npt.NDArray[np.int32]
Int64s = npt.NDArray[np.int64]
Float64s = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

ConnectivityRule = Literal["published", "wilson", "clopper-pearson"]


@dataclass(frozen=True, slots=True)
class Through:
    """For each peer reached by walks, the other peer that most of them passed before.

    Attributes:
        nodes: int32 ascending, every peer reached, the ego not among them.
        best: int32, the predecessor v; −1 where every walk came straight from the ego.
            At equal counts the lowest code.
        through: int64, walks that reached the peer after v.
        hits: int64 ≥ 1, walks that reached the peer.
    """

    nodes: Int32s
    best: Int32s
    through: Int64s
    hits: Int64s


def flag_bridged(
    through: npt.NDArray[np.integer],
    hits: npt.NDArray[np.integer],
    *,
    threshold: float,
    rule: ConnectivityRule,
    confidence: float,
) -> tuple[Float64s, Bools]:
    """Return each peer's share through its best predecessor, and whether it is flagged.

    Args:
        through: walks that reached the peer after the predecessor, 0 ≤ through ≤ hits.
        hits: walks that reached the peer, ≥ 1.
        threshold: flagged where the share, or the bound on it, reaches this.
        rule: ``published`` tests the share itself; ``wilson`` (Wilson 1927) and
            ``clopper-pearson`` (1934, never below the stated confidence) a one-sided
            lower bound on it.
        confidence: of the bound, in [0.5, 1).

    Raises:
        ConfigError: an unknown rule.
    """
    count = hits.astype(np.float64)
    share = through / count
    if rule == "published":
        return share, share >= threshold
    if rule == "wilson":
        z = NormalDist().inv_cdf(confidence)
        spread = z * np.sqrt(share * (1.0 - share) / count + (z / (2.0 * count)) ** 2)
        bound = (share + z * z / (2.0 * count) - spread) / (1.0 + z * z / count)
    elif rule == "clopper-pearson":
        # Imported here: its import takes longer than ranking a million interactions.
        from scipy.special import betaincinv

        some = np.maximum(through, 1)
        bound = betaincinv(some, count - some + 1.0, 1.0 - confidence)
        bound = np.where(through > 0, bound, 0.0)
    else:
        raise ConfigError("connectivity_rule", rule, "published, wilson or clopper-pearson")
    return share, bound >= threshold


def through_best(walks: Int32s, ego: int, n_nodes: int) -> Through:
    """Count, for each peer, the walks through its best predecessor.

    Args:
        walks: int32, shape (steps, k), column j one walk from the ego on, −1 after its
            end, as ``walk_from`` returns it.
        ego: where the walks start; neither a predecessor nor a peer.
        n_nodes: number of node codes.

    Cost: a sort of all pairs (earlier, later) of peers inside a walk: for 10,000
    walks of decay .3 some 54,000 pairs.
    """
    walk, node = _first_visits(walks, ego)
    hits = np.bincount(node, minlength=n_nodes)
    nodes = np.flatnonzero(hits)
    best = np.full(len(nodes), -1, np.int32)
    through = np.zeros(len(nodes), np.int64)
    later, earlier = _pairs(walk, node)
    key, count = np.unique(later.astype(np.int64) * n_nodes + earlier, return_counts=True)
    if len(key):
        # by peer, then the largest count, then the lowest code: first of each peer wins
        order = np.lexsort((key, -count, key // n_nodes))
        peer, first = np.unique(key[order] // n_nodes, return_index=True)
        at = np.searchsorted(nodes, peer)
        best[at] = key[order[first]] % n_nodes
        through[at] = count[order[first]]
    return Through(nodes.astype(np.int32), best, through, hits[nodes])


def _first_visits(walks: Int32s, ego: int) -> tuple[Int64s, Int64s]:
    """Return (walk, node) of each first visit of a peer, in walk order."""
    walk, step = np.nonzero((walks.T >= 0) & (ego != walks.T))
    node = walks[step, walk].astype(np.int64)
    span = 1 + int(node.max(initial=0))
    _, first = np.unique(walk * span + node, return_index=True)
    first.sort()
    return walk[first], node[first]


def _pairs(walk: Int64s, node: Int64s) -> tuple[Int64s, Int64s]:
    """Return (later, earlier) for each two peers of one walk, each pair once a walk."""
    start_of_walk = np.append([True], walk[1:] != walk[:-1])[: len(walk)]
    position = np.arange(len(walk))
    start = np.maximum.accumulate(np.where(start_of_walk, position, 0)) if len(walk) else position
    before = position - start
    later = np.repeat(position, before)
    # 0 … before−1 for each entry, counted from the start of its walk
    offset = np.arange(len(later)) - np.repeat(np.cumsum(before) - before, before)
    return node[later], node[start[later] + offset]
