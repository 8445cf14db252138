"""Sort items into neighbourhoods: groups that the same trusted people have.

Spectral co-clustering (Dhillon 2001) of the interaction graph, regularised (Qin & Rohe
2013) so that items of one or two listeners do not become clusters of their own:

    N(u, i) = √g(u) · [u has i] · d(u)^−½ · (Σ_v g(v) [v has i] + PRIOR)^−½

The leading right singular vectors of N, rows scaled to length 1, go through k-means with
k-means++ starts (Arthur & Vassilvitskii 2007). Deviation: the vectors come from a few
steps of randomised subspace iteration (Halko, Martinsson & Tropp 2011), which places
items well enough. Users without a gate (g = 0) place nothing, and weights are left out,
so nobody moves an item by claiming more plays.

Cost: O(steps · n · edges) for n neighbourhoods; meant to be computed once a snapshot.

Example:
    >>> from peerrec.ranking.interactions import InteractionGraph
    >>> graph = InteractionGraph()
    >>> graph.extend([0, 0, 1, 1, 2, 2, 3, 3], [0, 1, 0, 1, 2, 3, 2, 3], 1.0, 0.0)
    >>> labels = neighbourhoods(graph.snapshot(), np.random.default_rng(0), n=2)
    >>> bool(labels[0] == labels[1] != labels[2] == labels[3])
    True
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from peerrec.errors import ConfigError
from peerrec.late import sparse
from peerrec.ranking.snapshot import InteractionSnapshot

__all__ = ["NEIGHBOURHOODS", "neighbourhoods"]

Int32s: TypeAlias = npt.NDArray[np.int32]
Float32s: TypeAlias = npt.NDArray[np.float32]

NEIGHBOURHOODS = 16
"""Default number; of 16, 32 and 64 it cost least NDCG for the same variety on LastFM."""

PRIOR = 5.0
"""Listeners added to every item: below about that many, its place is mostly chance."""

SUBSPACE_STEPS = 6
"""With 3 instead, exploring at .3 costs 1.2 % more NDCG on LastFM."""

LLOYD_STEPS = 10
"""Rounds of k-means; few items move after five."""

CENTRES_FROM_MAX = 5_000
"""Items that k-means looks at to find its centres; the others only join the nearest."""


def neighbourhoods(
    view: InteractionSnapshot,
    rng: np.random.Generator,
    *,
    gate: Float32s | None = None,
    n: int = NEIGHBOURHOODS,
) -> Int32s:
    """Return the neighbourhood of every item, int32 in [−1, n), shape (n_items,).

    Args:
        view: who has what.
        rng: where the starts come from; the same generator gives the same labels.
        gate: g(u) in [0, 1], shape (n_users,); None counts everyone alike.
        n: at most so many neighbourhoods, ≥ 1.

    Returns:
        Labels; −1 for an item that nobody trusted has.

    Raises:
        ConfigError: n is not positive.
    """
    if n < 1:
        raise ConfigError("n", n, "give 1 or more neighbourhoods")
    labels = np.full(view.n_items, -1, np.int32)
    matrix, known = _normalised(view, gate)
    if len(known):
        n = min(n, len(known))
        labels[known] = _k_means(_embedding(matrix, n, rng)[known], n, rng)
    return labels


def _normalised(
    view: InteractionSnapshot, gate: Float32s | None
) -> tuple[sparse.csr_array, npt.NDArray[np.intp]]:
    """Return N of the module docstring, and the items that it knows."""
    has = view.matrix
    counts = np.diff(has.indptr)
    weight = np.ones(view.n_users, np.float32) if gate is None else gate
    squares = np.repeat(weight, counts)
    heard = np.bincount(has.indices, weights=squares, minlength=view.n_items)
    root = np.sqrt(weight / np.maximum(counts, 1), dtype=np.float32)
    values = np.repeat(root, counts)
    values *= (1 / np.sqrt(heard + PRIOR)).astype(np.float32)[has.indices]
    matrix = sparse.csr_array((values, has.indices, has.indptr), shape=has.shape)
    return matrix, np.flatnonzero(heard)


def _embedding(matrix: sparse.csr_array, n: int, rng: np.random.Generator) -> Float32s:
    """Return unit rows of the n leading right singular vectors, (n_items, n)."""
    back = matrix.T.tocsr()
    basis = rng.standard_normal((matrix.shape[1], n), dtype=np.float32)
    for _ in range(SUBSPACE_STEPS):
        basis = _orthonormal(back @ (matrix @ basis))
    length = np.linalg.norm(basis, axis=1, keepdims=True)
    return np.asarray(basis / np.maximum(length, np.float32(1e-12)))


def _orthonormal(columns: Float32s) -> Float32s:
    """Return an orthonormal basis of some columns, by their Gram matrix: no tall QR."""
    values, vectors = np.linalg.eigh(columns.T.astype(np.float64) @ columns)
    # columns that have become dependent stay small instead of turning into noise
    scale = vectors / np.sqrt(np.maximum(values, 1e-9 * values[-1] + 1e-30))
    return np.asarray(columns @ scale.astype(np.float32))


def _k_means(points: Float32s, n: int, rng: np.random.Generator) -> Int32s:
    """Return the nearest of n centres for each point."""
    seen = points
    if len(points) > CENTRES_FROM_MAX:
        seen = points[np.sort(rng.choice(len(points), CENTRES_FROM_MAX, replace=False))]
    centres = _spread_centres(seen, n, rng)
    for _ in range(LLOYD_STEPS):
        member = _nearest(seen, centres)[:, None] == np.arange(len(centres))
        size = member.sum(axis=0)[:, None]
        means = (member.T.astype(np.float32) @ seen) / np.maximum(size, 1).astype(np.float32)
        centres = np.where(size > 0, means, centres)
    return _nearest(points, centres)


def _spread_centres(points: Float32s, n: int, rng: np.random.Generator) -> Float32s:
    """Return n starts by k-means++: by chance, and far from the ones before."""
    chosen = [int(rng.integers(len(points)))]
    distance = np.square(points - points[chosen[0]]).sum(axis=1)
    for uniform in rng.random(n - 1):
        total = np.cumsum(distance, dtype=np.float64)
        at = int(np.searchsorted(total, uniform * total[-1], "right"))
        chosen.append(min(at, len(points) - 1))
        distance = np.minimum(distance, np.square(points - points[chosen[-1]]).sum(axis=1))
    return points[chosen]


def _nearest(points: Float32s, centres: Float32s) -> Int32s:
    distance = np.square(centres).sum(axis=1) - 2 * (points @ centres.T)
    nearest: Int32s = distance.argmin(axis=1).astype(np.int32)
    return nearest
