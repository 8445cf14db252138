"""Measure merit by MeritRank: sampled walks, or an exact solve for small graphs.

Nasrulin, Ishmaev & Pouwelse, "MeritRank: Sybil Tolerant Reputation for Merit-based
Tokenomics" (2022): merit of u, seen from ego, is the share of random walks from ego
that hit u; next hop ∝ trust, each walk counts a node once, and before each hop a walk
stops with probability ``transitivity_decay``.

Deviations: connectivity decay tests a confidence bound (see ``connectivity``); the
ego's distrust blocks, so that no walk passes and the hop goes to the others, and
other people's distrust is weighed by their merit (see ``distrust``); shares are not
renormalised after a penalty, since that would hand what attackers lose to whoever is
left, other attackers among them.

A walk that crosses into a region hits 1/decay nodes there on average, however many
there are: so the merit of a region sums to at most 1/decay · the share of walks that
cross into it, and an attacker with k trusting peers gains nothing by more identities.

Example:
    >>> view = TrustSnapshot.from_edges([0, 0, 1, 2], [1, 2, 3, 3], [3.0, 1.0, 1.0, 1.0])
    >>> merit = exact_merit(view, ego=0, parameters=MeritParameters(transitivity_decay=0.5))
    >>> merit.nodes.tolist(), merit.shares.round(3).tolist()
    ([1, 2, 3], [0.375, 0.125, 0.25])
    >>> near = sampled_merit(view, 0, MeritParameters(transitivity_decay=0.5),
    ...                      np.random.default_rng(1))
    >>> bool(abs(near.of(1) - 0.375) < 4 * near.standard_errors[0])
    True
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from peerrec.errors import ConfigError, UnknownPeer
from peerrec.late import sparse
from peerrec.ranking.connectivity import flag_bridged, through_best
from peerrec.ranking.distrust import Distrust
from peerrec.ranking.merit import Merit, MeritParameters
from peerrec.ranking.trust_snapshot import TrustSnapshot
from peerrec.ranking.walks import WalkRows, geometric_hops, walk_from

__all__ = [
    "Merit",
    "MeritParameters",
    "count_hits",
    "draw_walks",
    "exact_merit",
    "merit_of_walks",
    "sampled_merit",
]

Int32s = npt.NDArray[np.int32]
Float64s = npt.NDArray[np.float64]

EXACT_NODES_MAX = 5_000
"""Peers within reach that the exact form accepts: its dense inverse takes 8 n² bytes."""


def sampled_merit(
    trust: TrustSnapshot, ego: int, parameters: MeritParameters, rng: np.random.Generator
) -> Merit:
    """Return merit seen from ``ego``, from ``parameters.walks`` lock-step walks.

    Cost: O(hops), whatever the size of the graph: 10,000 walks on a million edges take
    some 4 ms once the snapshot's draw tables are there. Standard error of a share p:
    √(p (1 − p) / walks).

    Raises:
        UnknownPeer: ``ego`` is not a node of the snapshot.
    """
    check_ego(trust, ego)
    walks = draw_walks(WalkRows(trust, trust.blocked(ego)), ego, parameters, rng)
    hits = count_hits(walks, ego, trust.n_nodes)
    return merit_of_walks(hits, walks, ego, Distrust(trust, ego), parameters)


def draw_walks(
    rows: WalkRows, ego: int, parameters: MeritParameters, rng: np.random.Generator
) -> Int32s:
    """Return fresh walks from ``ego``, shape (steps, walks), −1 after a walk's end."""
    decay, longest = parameters.transitivity_decay, parameters.max_steps
    hops = geometric_hops(parameters.walks, decay, longest, rng)
    return walk_from(rows, np.full(parameters.walks, ego), np.sort(hops)[::-1], rng)


def count_hits(walks: Int32s, ego: int, n_nodes: int) -> npt.NDArray[np.int64]:
    """Return how many walks hit each node, each walk counting once; 0 for the ego."""
    flat = walks[1:].ravel()
    visit = np.flatnonzero(flat >= 0)
    visits = flat[visit] * np.int64(walks.shape[1]) + visit % walks.shape[1]
    visits.sort()
    first = np.append([True], visits[1:] != visits[:-1])[: len(visits)]
    hits = np.bincount(visits[first] // walks.shape[1], minlength=n_nodes)
    hits[ego] = 0
    return hits


def merit_of_walks(
    hits: npt.NDArray[np.integer],
    walks: Int32s,
    ego: int,
    distrust: Distrust,
    parameters: MeritParameters,
) -> Merit:
    """Turn hits into merit: distrust off, then connectivity decay on what is flagged.

    Args:
        hits: walks that hit each node, shape (n,).
        walks: the walks, shape (steps, walks); looked at only where
            ``parameters.connectivity_decay`` is above 0.
        ego: where the walks start.
        distrust: what other peers hold against each other.
        parameters: as the walks were drawn.
    """
    raw = hits / parameters.walks
    shares = distrust.apply(raw, parameters.distrust)
    flagged = np.empty(0, np.int32)
    if parameters.connectivity_decay > 0.0:
        found = through_best(walks, ego, len(hits))
        share, bridged = flag_bridged(
            found.through,
            found.hits,
            threshold=parameters.connectivity_threshold,
            rule=parameters.connectivity_rule,
            confidence=parameters.connectivity_confidence,
        )
        flagged, shares = found.nodes[bridged], shares.copy()
        shares[flagged] *= 1.0 - parameters.connectivity_decay * share[bridged]
    nodes = np.flatnonzero(shares)
    error = np.sqrt(raw[nodes] * (1.0 - raw[nodes]) / parameters.walks)
    return Merit(ego, nodes.astype(np.int32), shares[nodes], error, flagged)


def exact_merit(trust: TrustSnapshot, ego: int, parameters: MeritParameters) -> Merit:
    """Return merit seen from ``ego`` without sampling, for small graphs and tests.

    With P the next-hop probabilities (blocked peers taken out, rows of the others
    renormalised, a row without edges zero) and G = (I − (1 − decay) P)⁻¹ the expected
    visits of a stopped walk, the probability of hitting u is G(ego, u) / G(u, u), and
    the share of walks to s that pass v before is P(v before s) · hit(v, s) / hit(ego, s),
    with P(v before s) = (hit(e,v) − hit(e,s) hit(s,v)) / (1 − hit(v,s) hit(s,v)).

    ``max_steps`` is not applied, and the bound on a share that is known exactly is the
    share. Cost: O(r³) time and 8 r² bytes for r nodes within reach of the ego.

    Raises:
        UnknownPeer: ``ego`` is not a node of the snapshot.
        ConfigError: more than 5,000 nodes within reach.
    """
    check_ego(trust, ego)
    reach, hop = _reachable(trust, ego)
    expected = np.linalg.inv(np.eye(len(reach)) - (1.0 - parameters.transitivity_decay) * hop)
    hit = expected / np.diagonal(expected)
    start = int(np.searchsorted(reach, ego))
    raw = np.zeros(trust.n_nodes)
    raw[reach] = hit[start].clip(0.0, 1.0)
    raw[ego] = 0.0
    shares = Distrust(trust, ego).apply(raw, parameters.distrust)
    flagged = np.empty(0, np.int32)
    if parameters.connectivity_decay > 0.0 and len(reach) > 1:
        share = _share_through_best(hit, start)
        # rounding of the solve must not take a peer below a threshold of 1
        bridged = share >= parameters.connectivity_threshold - 1e-9
        flagged, shares = reach[bridged].astype(np.int32), shares.copy()
        shares[flagged] *= 1.0 - parameters.connectivity_decay * share[bridged]
    nodes = np.flatnonzero(shares)
    return Merit(ego, nodes.astype(np.int32), shares[nodes], np.zeros(len(nodes)), flagged)


def check_ego(trust: TrustSnapshot, ego: int) -> None:
    """Raise UnknownPeer where ``ego`` is no node of the snapshot."""
    if not 0 <= ego < trust.n_nodes:
        raise UnknownPeer(
            f"node {ego} is unknown: the trust graph has nodes 0 … {trust.n_nodes - 1}"
        )


def _reachable(trust: TrustSnapshot, ego: int) -> tuple[npt.NDArray[np.intp], Float64s]:
    """Return the nodes that walks can reach, ascending, and their dense hop matrix."""
    # Imported here: only the exact form needs it, and it costs more than the rest.
    from scipy.sparse.csgraph import breadth_first_order

    allowed = np.ones(trust.n_nodes, np.bool_)
    allowed[trust.blocked(ego)] = False
    kept = allowed[trust.targets]
    shape = (trust.n_nodes, trust.n_nodes)
    weights = sparse.csr_array(
        (trust.weights[kept].astype(np.float64), (trust.sources[kept], trust.targets[kept])), shape
    )
    reach = np.sort(breadth_first_order(weights, ego, return_predecessors=False)).astype(np.intp)
    if len(reach) > EXACT_NODES_MAX:
        raise ConfigError(
            "merit.exact", len(reach), f"up to {EXACT_NODES_MAX} nodes in reach; sample instead"
        )
    hop = weights[reach][:, reach].toarray()
    totals = hop.sum(axis=1, keepdims=True)
    return reach, np.divide(hop, totals, out=np.zeros_like(hop), where=totals > 0)


def _share_through_best(hit: Float64s, start: int) -> Float64s:
    """Return for each node the largest share of its walks that passed one other before."""
    from_ego = hit[start]
    again = hit * hit.T
    np.fill_diagonal(again, 0.0)
    before = (from_ego[:, None] - from_ego[None, :] * hit.T) / (1.0 - again)
    np.fill_diagonal(before, 0.0)
    # at the end of a path of thousands a probability may round to 0
    share = np.divide(before * hit, from_ego[None, :], out=before, where=from_ego[None, :] > 0)
    share[start, :] = 0.0
    share[:, start] = 0.0
    best: Float64s = share.max(axis=0).clip(0.0, 1.0)
    return best
