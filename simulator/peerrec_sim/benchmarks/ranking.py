"""Time the graph and the walk against scipy's own kernels on the same edges.

Every ratio is taken inside one process, yardstick and measured code in turn; medians
are reported. The community is generated (`peerrec_sim.generator`).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from time import perf_counter
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import sparse

from peerrec.limits import DAY_S
from peerrec.ranking.interactions import InteractionGraph
from peerrec.ranking.interning import Coded, Interner
from peerrec.ranking.recommend import top_items
from peerrec.ranking.salsa import Salsa, SalsaParameters
from peerrec.ranking.salsa_sampled import sampled_walk
from peerrec.ranking.snapshot import InteractionSnapshot
from peerrec_sim.community import Interactions
from peerrec_sim.generator import generate

__all__ = ["measure_exact", "measure_ingest", "measure_sampled"]

USERS, ITEMS = 100_000, 20_000
LIST_LENGTH = 20
OVERLAP_MIN = 0.85
DRAWS = (125, 250, 500, 1_000, 2_000, 4_000, 5_600, 8_000, 11_000, 16_000, 32_000, 64_000)
EGOS = 30


def measure_ingest(edges: int, seed: int, repeats: int) -> dict[str, float]:
    """Return what taking a batch in costs, and what an edge weighs.

    Both sides get the batch in dictionary encoding (distinct ids and codes), as Arrow
    and Parquet hand it over; ours also interns the ids, partitions by time over 90 days, merges,
    saturates and decays. ``…_raw`` repeats it with one raw id a row.

    Returns:
        ``ingest_over_scipy``: ours ÷ COO → CSR and COO → CSC of the same edges;
        ``ingest_raw_over_scipy``, ``ingest_edges_per_s``, ``bytes_per_edge``.
    """
    plays, times = _plays(edges, seed)
    users = Coded([b"user:%d" % u for u in range(USERS)], plays.user)
    items = Coded([b"item:%d" % i for i in range(ITEMS)], plays.item)
    raw = ([users.ids[u] for u in plays.user], [items.ids[i] for i in plays.item])
    scipy_s, coded_s, raw_s = [], [], []
    for _ in range(repeats):
        scipy_s.append(_seconds(lambda: _both_directions(plays)))
        coded_s.append(_seconds(lambda: _ingest(users, items, plays.weight, times)))
        raw_s.append(_seconds(lambda: _ingest(*raw, plays.weight, times)))
    graph = _ingest(users, items, plays.weight, times)
    return {
        "ingest_over_scipy": _median(coded_s) / _median(scipy_s),
        "ingest_raw_over_scipy": _median(raw_s) / _median(scipy_s),
        "ingest_edges_per_s": edges / _median(coded_s),
        "bytes_per_edge": graph.nbytes / graph.n_edges,
    }


def measure_exact(edges: int, seed: int, repeats: int) -> dict[str, float]:
    """Return one exact recommendation ÷ a CSR mat-vec and a transposed one, same graph.

    A recommendation is a walk with the default parameters, the seen items excluded and the
    top 20 chosen; the mass of the items is part of the first and kept for the later ones.

    Returns:
        ``exact_over_matvec``, and ``exact_plain_over_matvec`` for one round;
        ``exact_ms``, ``matvec_ms``.
    """
    view = _view(edges, seed)
    matrix = view.matrix
    rng = np.random.default_rng(seed)
    at_items, at_users = rng.random(ITEMS, np.float32), rng.random(USERS, np.float32)
    ridge, plain = Salsa(view), Salsa(view, SalsaParameters(rounds=1))
    egos = _egos(view, rng)
    matvec_s, exact_s, plain_s = [], [], []
    for _ in range(repeats):
        for ego in egos:
            matvec_s.append(_seconds(lambda: (matrix @ at_items, matrix.T @ at_users)))
            exact_s.append(_seconds(partial(_recommend, ridge, ego)))
            plain_s.append(_seconds(partial(_recommend, plain, ego)))
    return {
        "exact_over_matvec": _median(exact_s) / _median(matvec_s),
        "exact_plain_over_matvec": _median(plain_s) / _median(matvec_s),
        "exact_ms": _median(exact_s) * 1e3,
        "matvec_ms": _median(matvec_s) * 1e3,
    }


def measure_sampled(edges: int, seed: int) -> dict[str, float]:
    """Return the time of a sampled list that agrees with the exact one ÷ the exact one's.

    The number of walkers is the smallest tried with which the mean overlap of the top 20
    reaches .85.

    Returns:
        ``sampled_over_exact``, ``sampled_overlap``, ``sampled_draws``, ``sampled_ms``.
    """
    view = _view(edges, seed)
    salsa = Salsa(view)
    egos = _egos(view, np.random.default_rng(seed))
    _recommend(salsa, egos[0])
    exact_s = [_seconds(partial(_recommend, salsa, ego)) for ego in egos]
    exact = [_recommend(salsa, ego) for ego in egos]
    for draws in DRAWS:
        overlaps, sampled_s = [], []
        for ego, best in zip(egos, exact, strict=True):
            started = perf_counter()
            walk = sampled_walk(salsa, ego, np.random.default_rng([seed, ego]), draws=draws)
            found = _top(view, ego, walk.scores[:, 0])
            sampled_s.append(perf_counter() - started)
            overlaps.append(len(np.intersect1d(found, best)) / max(1, len(best)))
        if np.mean(overlaps) >= OVERLAP_MIN:
            break
    return {
        "sampled_over_exact": _median(sampled_s) / _median(exact_s),
        "sampled_overlap": float(np.mean(overlaps)),
        "sampled_draws": draws,
        "sampled_ms": _median(sampled_s) * 1e3,
    }


def _plays(edges: int, seed: int) -> tuple[Interactions, npt.NDArray[np.float64]]:
    """Return interactions in order of arrival, spread over 90 days, and their times."""
    plays = generate(seed, USERS, ITEMS, interactions=edges).interactions
    rng = np.random.default_rng(seed)
    return plays.take(rng.permutation(len(plays))), np.sort(rng.uniform(0, 90 * DAY_S, len(plays)))


def _view(edges: int, seed: int) -> InteractionSnapshot:
    """Return the graph of one moment, as a node that keeps no older partition has it."""
    plays, _ = _plays(edges, seed)
    graph = InteractionGraph()
    graph.extend(plays.user, plays.item, plays.weight, 0.0)
    graph.reserve(USERS, ITEMS)
    return graph.snapshot()


def _ingest(users: Any, items: Any, weights: Any, times: Any) -> InteractionGraph:
    graph = InteractionGraph()
    graph.extend(Interner().codes(users), Interner().codes(items), weights, times)
    return graph


def _both_directions(plays: Interactions) -> tuple[sparse.csr_array, sparse.csc_array]:
    coo = sparse.coo_array((plays.weight, (plays.user, plays.item)), shape=(USERS, ITEMS))
    return coo.tocsr(), coo.tocsc()


def _egos(view: InteractionSnapshot, rng: np.random.Generator) -> list[int]:
    """Return users drawn ∝ their number of interactions: who is active asks more often."""
    share = view.degree.astype(np.float64)
    return list(rng.choice(view.n_users, EGOS, replace=False, p=share / share.sum()).tolist())


def _recommend(salsa: Salsa, ego: int) -> npt.NDArray[np.int32]:
    return _top(salsa.view, ego, salsa.walk(ego).scores[:, 0])


def _top(
    view: InteractionSnapshot, ego: int, scores: npt.NDArray[np.float32]
) -> npt.NDArray[np.int32]:
    scores[view.items_of(ego)[0]] = 0
    return top_items(scores, LIST_LENGTH)


def _seconds(work: Callable[[], object]) -> float:
    started = perf_counter()
    work()
    return perf_counter() - started


def _median(values: list[float]) -> float:
    return float(np.median(values))
