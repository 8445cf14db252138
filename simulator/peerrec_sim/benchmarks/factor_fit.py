"""Time the library's factorisation against a compiled one, `implicit`, on the same data.

Both fit 1 M generated interactions with vectors of 64, the same number of iterations, on one
thread, in turn in one process; medians are compared. Quality is NDCG@20 on the same held-out
fifth: ours with its defaults, theirs with the best of seven settings (alpha 3 … 160,
regularization 10 … 600) on another draw of the same generator. Ours is the better one because
its ridge grows with the weight of a row, which `implicit` does not offer; so the speed is
compared at no less than its quality. `implicit` is no dependency: without it the figures are NaN.
"""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Callable
from time import perf_counter
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from scipy import sparse

from peerrec.ranking.factors import FactorParameters, fit_factors, random_start
from peerrec_sim import metrics
from peerrec_sim.community import Community
from peerrec_sim.generator import generate
from peerrec_sim.matrices import binary
from peerrec_sim.serving import Progress
from peerrec_sim.splits import split

__all__ = ["measure_fit"]

USERS, ITEMS, INTERACTIONS = 30_000, 15_000, 1_250_000
"""So that a training part of four fifths has 1 M interactions."""

FACTORS, ITERATIONS, REPEATS = 64, 8, 3
LIST_LENGTH = 20
JUDGES = 3_000
"""Users whose lists are compared: the standard error of the ratio is then below .5 %."""

OURS: Final = FactorParameters(factors=FACTORS, iterations=ITERATIONS)
THEIRS: Final = {"alpha": 80.0, "regularization": 600.0}

Float32s = npt.NDArray[np.float32]


def measure_fit(seed: int, progress: Progress | None = None) -> dict[str, float]:
    """Return our time and quality ÷ those of `implicit` 0.7.3's alternating least squares.

    Set OPENBLAS_NUM_THREADS=1 before Python starts, or ours uses more threads than theirs.

    Args:
        seed: of the community and of both starts.
        progress: told after each fit.

    Returns:
        ``fit_over_implicit``, ``fit_quality_ratio``; ``fit_s``, ``fit_ndcg``, and the same
        with ``implicit_``; NaN for theirs and for the ratios where it is not installed.
    """
    community = _community(seed)
    shape = (community.n_users, community.n_items)
    train = binary(community.interactions, shape)
    fits: dict[str, Callable[[], tuple[Float32s, Float32s]]] = {"fit": lambda: _ours(train, seed)}
    theirs = _implicit(train, seed)
    if theirs is not None:
        fits["implicit"] = theirs
    seconds: dict[str, list[float]] = {name: [] for name in fits}
    ndcg = {"implicit": float("nan")}
    for done in range(REPEATS):
        for name, fit in fits.items():
            started = perf_counter()
            vectors = fit()
            seconds[name].append(perf_counter() - started)
            if not done:
                ndcg[name] = _ndcg(*vectors, train, community, seed)
        if progress is not None:
            progress("fitting factors", done + 1, REPEATS)
    fit_s, implicit_s = (float(np.median(seconds.get(n, [np.nan]))) for n in ("fit", "implicit"))
    return {
        "fit_over_implicit": fit_s / implicit_s,
        "fit_quality_ratio": ndcg["fit"] / ndcg["implicit"],
        "fit_s": fit_s,
        "implicit_fit_s": implicit_s,
        "fit_ndcg": ndcg["fit"],
        "implicit_fit_ndcg": ndcg["implicit"],
    }


def _community(seed: int) -> Community:
    whole = generate(seed, USERS, ITEMS, interactions=INTERACTIONS)
    return split(whole, "hash")


def _ours(train: sparse.csr_array, seed: int) -> tuple[Float32s, Float32s]:
    start = random_start(train.shape[1], FACTORS, np.random.default_rng(seed))
    model = fit_factors(train, OURS, start)
    return model.user_factors, model.item_factors


def _implicit(train: sparse.csr_array, seed: int) -> Callable[[], tuple[Float32s, Float32s]] | None:
    """Return the yardstick's fit; None where it is not installed."""
    try:
        factorise: Any = importlib.import_module("implicit.als").AlternatingLeastSquares
    except ImportError:
        return None
    matrix = sparse.csr_matrix(train)

    def fit() -> tuple[Float32s, Float32s]:
        options = {"factors": FACTORS, "iterations": ITERATIONS, **THEIRS}
        with warnings.catch_warnings():
            # It warns where BLAS has threads of its own, which is the caller's to set.
            warnings.simplefilter("ignore", RuntimeWarning)
            model = factorise(**options, num_threads=1, random_state=seed, use_gpu=False)
        model.fit(matrix, show_progress=False)
        return np.asarray(model.user_factors), np.asarray(model.item_factors)

    return fit


def _ndcg(
    users: Float32s, items: Float32s, train: sparse.csr_array, community: Community, seed: int
) -> float:
    """Return NDCG@20 of the vectors' lists for a sample of users."""
    assert community.test is not None
    everybody = np.unique(community.test.user)
    rng = np.random.default_rng(seed)
    judges = np.sort(rng.choice(everybody, min(JUDGES, len(everybody)), replace=False))
    relevant = binary(community.test, train.shape)[judges]
    scores = np.asarray(users[judges] @ items.T, np.float32)
    metrics.exclude(scores, train[judges])
    hit = metrics.hits(metrics.top_n(scores, LIST_LENGTH), relevant)
    return float(metrics.ndcg(hit, metrics.n_relevant(relevant)).mean())
