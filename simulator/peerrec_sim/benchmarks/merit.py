"""Time merit: one full measurement, one update, and the same in somebody else's code.

Example:
    >>> view = random_trust(200, 5.0, np.random.default_rng(0))
    >>> view.n_nodes, 400 < view.n_edges < 700
    (200, True)
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from time import perf_counter

import numpy as np

from peerrec.ranking.merit_incremental import IncrementalMerit
from peerrec.ranking.meritrank import MeritParameters, sampled_merit
from peerrec.ranking.trust_snapshot import TrustSnapshot

__all__ = ["measure_merit", "random_trust"]

USERS = 100_000
EDGES_PER_USER = 10.0
UPDATES = 1_000
"""Trust edges changed for each repeat and kind of source."""


def measure_merit(seed: int, repeats: int) -> dict[str, float | None]:
    """Return what a full merit measurement and an update cost, and their ratios.

    The graph has 100,000 users and about 10 weighted edges each, heavy-tailed on both
    sides. Each repeat takes another ego. A full measurement is 10,000 walks from a
    ready snapshot: rebuilding the snapshot, which it would also need after an edit, is
    not charged to it. An update is, in equal parts, a new edge, an edge that changes
    its weight, and an edge removed; its time is the mean over all updates of a repeat, not
    the median, since most updates touch no walk. Of the repeats the median is reported.

    Returns:
        ``merit_update_over_full``: sources drawn ∝ the graph's edges;
        ``merit_update_near_over_full``: sources drawn among the nodes that walks pass;
        ``merit_update_own_over_full``: edges of the ego itself;
        ``merit_over_meritrank_python``: a full measurement ÷ ``calculate`` of
        meritrank-python, same graph, walks and decay, None where it is not installed;
        ``merit_update_visited_share``: part of the first kind with a source that walks
        pass; and the milliseconds behind the ratios, ``…_ms``.
    """
    rng = np.random.default_rng(seed)
    view = random_trust(USERS, EDGES_PER_USER, rng)
    parameters = MeritParameters(connectivity_decay=0.0)  # what the other library computes
    egos = rng.choice(np.flatnonzero(np.diff(view.indptr) >= EDGES_PER_USER), repeats)
    full, far, near, own, visited = [], [], [], [], []
    sampled_merit(view, int(egos[0]), parameters, rng)
    for ego in egos.tolist():
        start = perf_counter()
        sampled_merit(view, ego, parameters, rng)
        full.append(perf_counter() - start)
        anybody = view.sources[rng.integers(0, view.n_edges, UPDATES)]
        merit = IncrementalMerit(view, ego, parameters, rng=rng)
        visited.append(float(np.mean((merit.hits[anybody] > 0) | (anybody == ego))))
        far.append(_time_updates(merit, view, anybody.tolist(), rng))
        passed = np.flatnonzero(merit.hits)
        near.append(_time_updates(merit, view, rng.choice(passed, UPDATES).tolist(), rng))
        own.append(_time_updates(merit, view, [ego] * 30, rng))
    other = _time_meritrank_python(view, egos[: max(1, repeats // 3)].tolist(), parameters)
    # medians over the repeats: another process must not slow down one side only
    full_s, far_s, near_s, own_s = (float(np.median(part)) for part in (full, far, near, own))
    return {
        "merit_update_over_full": far_s / full_s,
        "merit_update_near_over_full": near_s / full_s,
        "merit_update_own_over_full": own_s / full_s,
        "merit_over_meritrank_python": None if other is None else full_s / other,
        "merit_update_visited_share": float(np.mean(visited)),
        "merit_full_ms": full_s * 1e3,
        "merit_update_ms": far_s * 1e3,
        "merit_update_near_ms": near_s * 1e3,
        "merit_update_own_ms": own_s * 1e3,
        "meritrank_python_ms": None if other is None else other * 1e3,
    }


def random_trust(n_users: int, edges_per_user: float, rng: np.random.Generator) -> TrustSnapshot:
    """Return a random weighted trust graph, out- and in-degrees Pareto-tailed.

    Who is trusted much is not who trusts much; pairs drawn twice count once.
    """
    degree = ((rng.pareto(1.5, n_users) + 1.0) * edges_per_user / 3.0).astype(np.int64)
    source = np.repeat(np.arange(n_users), np.minimum(degree, n_users // 20))
    fame = rng.pareto(1.2, n_users) + 1.0
    target = np.searchsorted(np.cumsum(fame) / fame.sum(), rng.random(len(source)))
    pairs = np.unique(source * n_users + np.minimum(target, n_users - 1))
    weight = 1.0 - rng.random(len(pairs))
    return TrustSnapshot.from_edges(pairs // n_users, pairs % n_users, weight, n_users)


def _time_updates(
    merit: IncrementalMerit, view: TrustSnapshot, sources: list[int], rng: np.random.Generator
) -> float:
    """Return the mean seconds of one update, over updates with these sources."""
    updates = []
    for kind, source in enumerate(sources):
        targets = view.row(source)[0]
        if kind % 3 == 0 or not len(targets):
            target, weight = int(view.targets[rng.integers(view.n_edges)]), rng.random()
        else:
            target = int(targets[rng.integers(len(targets))])
            weight = rng.random() if kind % 3 == 1 else 0.0
        updates.append((source, target, weight))
    start = perf_counter()
    for source, target, weight in updates:
        merit.set_edge(source, target, weight)
    return (perf_counter() - start) / len(updates)


def _time_meritrank_python(
    view: TrustSnapshot, egos: list[int], parameters: MeritParameters
) -> float | None:
    """Return the median seconds of its ``calculate``, None where it is not installed."""
    try:
        rank = importlib.import_module("meritrank_python.rank")
    except ImportError:
        return None
    # handed over as a stream, so that only one copy of the graph is made
    other = rank.IncrementalMeritRank(graph=_edge_stream(view))
    other.alpha = 1.0 - parameters.transitivity_decay
    seconds = []
    for ego in egos:
        start = perf_counter()
        other.calculate(ego, parameters.walks)
        seconds.append(perf_counter() - start)
    return float(np.median(seconds))


def _edge_stream(view: TrustSnapshot) -> Iterator[tuple[int, int, dict[str, float]]]:
    columns = (view.sources.tolist(), view.targets.tolist(), view.weights.tolist())
    for source, target, weight in zip(*columns, strict=True):
        yield int(source), int(target), {"weight": float(weight)}
