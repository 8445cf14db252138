"""Measure settings of the walk on hidden interactions, many at the price of one walk.

Ridge, rounds and popularity discount change how walks are combined, not where they go:
one set of walks (see `peerrec.ranking.ridge_path`) answers for all of them. Of each walk
only the candidates are kept: the items that some corner of those settings ranks high.
A further trial then costs milliseconds. Deviation from ranking everything: an item
outside the candidates counts as not found.

Example:
    >>> from peerrec.ranking.holdout import hide
    >>> from peerrec.ranking.interactions import InteractionGraph
    >>> rng = np.random.default_rng(1)
    >>> graph = InteractionGraph()
    >>> graph.extend(rng.integers(0, 30, 400), rng.integers(0, 40, 400), 1.0, 0.0)
    >>> view = graph.snapshot()
    >>> held = hide(view, np.arange(30, dtype=np.int32))
    >>> trials = walked(view, held, SalsaParameters(rounds=3))
    >>> bool(0 < trials.score(SalsaParameters(rounds=1)) < 1)
    True
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from peerrec.late import sparse
from peerrec.ranking.holdout import HeldOut
from peerrec.ranking.list_quality import list_quality
from peerrec.ranking.ridge_path import RidgePath, ridge_coefficients, ridge_path
from peerrec.ranking.salsa import Salsa, SalsaParameters, Steps
from peerrec.ranking.snapshot import InteractionSnapshot

__all__ = ["GateOf", "MapBlocks", "WalkTrials", "walked"]

Bools: TypeAlias = npt.NDArray[np.bool_]
Float32s: TypeAlias = npt.NDArray[np.float32]
Float64s: TypeAlias = npt.NDArray[np.float64]
Ints: TypeAlias = npt.NDArray[np.intp]

GateOf: TypeAlias = Callable[[int], Float32s | None]
"""Given an ego, return g(u), shape (n_users,); None counts everyone alike."""

MapBlocks: TypeAlias = Callable[[Callable[[slice], "Block"], list[slice]], Iterable["Block"]]
"""`map`, or what runs the blocks side by side and keeps their order."""

BLOCK_EGOS = 32
CANDIDATES = 300

CORNERS = (
    {"rounds": 1, "popularity_discount": -0.5},
    {"rounds": 1, "popularity_discount": 0.2},
    {"rounds": 3, "ridge": 1.0, "popularity_discount": -0.1},
)
"""Extremes of what is tried on one set of walks; what lies between ranks alike."""

SAMPLED_EVERY = 16

MASS_MIN = np.float32(1e-3)


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """What is kept of the walks of b egos, c candidates each.

    Attributes:
        basis: `RidgePath.basis` at the candidates, shape (rounds, b, c).
        log_mass: logarithm of the trusted mass, shape (b, c).
        wanted: whether the candidate was hidden, shape (b, c).
        blocked: whether it may not be listed, shape (b, c).
        n_wanted: number of hidden items, shape (b,).
        path: the walks without their basis.
    """

    basis: Float32s
    log_mass: Float32s
    wanted: Bools
    blocked: Bools
    n_wanted: Ints
    path: tuple[Float64s, Float64s, Float64s]

    def quality(self, options: SalsaParameters) -> Float64s:
        """Return the mean of recall@20 and NDCG@20 of every ego, shape (b,)."""
        rounds = min(options.rounds, len(self.basis))
        weights = ridge_coefficients(*self.path, options.ridge, rounds).astype(np.float32)
        scores = np.einsum("kb,kbc->bc", weights, self.basis[:rounds])
        if options.popularity_discount:
            scores *= np.exp(self.log_mass * np.float32(-options.popularity_discount))
        scores[self.blocked] = -np.inf
        return list_quality(scores, self.wanted, self.n_wanted)


@dataclass(frozen=True, slots=True, eq=False)
class WalkTrials:
    """Walks of many egos, to be combined with any ridge, rounds and popularity discount.

    Attributes:
        blocks: what was kept of them.
    """

    blocks: list[Block]

    def quality(self, options: SalsaParameters) -> Float64s:
        """Return the mean of recall@20 and NDCG@20 of every ego, shape (u,)."""
        return np.concatenate([np.zeros(0), *(block.quality(options) for block in self.blocks)])

    def score(self, options: SalsaParameters) -> float:
        """Return what `quality` comes to on average; 0 for nobody."""
        quality = self.quality(options)
        return float(quality.mean()) if len(quality) else 0.0


def walked(
    view: InteractionSnapshot,
    held: HeldOut,
    options: SalsaParameters,
    gate_of: GateOf | None = None,
    map_blocks: MapBlocks = map,
) -> WalkTrials:
    """Return the walks from what was not hidden, for trials.

    Args:
        view: the graph.
        held: whose walks, and what they should find.
        options: exponents, entry discount and damping of the walks; `rounds` is the most
            that trials may ask for.
        gate_of: what each ego trusts; None counts everyone alike.
        map_blocks: how the blocks of egos are walked.
    """
    salsa = Salsa(view, options)
    view.matrix, view.transposed, salsa.hub_scale, salsa.hub_norm  # noqa: B018
    if gate_of is None:
        # What all blocks share, before anything may run side by side.
        salsa.open_mass, salsa.scaled  # noqa: B018
    blocks = [slice(at, at + BLOCK_EGOS) for at in range(0, len(held), BLOCK_EGOS)]
    return WalkTrials(list(map_blocks(lambda rows: _walk(salsa, held, rows, gate_of), blocks)))


def _walk(salsa: Salsa, held: HeldOut, rows: slice, gate_of: GateOf | None) -> Block:
    """Return what is kept of one block of egos."""
    egos, profiles, hidden = held.egos[rows], held.profiles[rows], held.hidden[rows]
    gate = None
    if gate_of is not None:
        everyone = np.ones(salsa.view.n_users, np.float32)
        gates = [gate_of(ego) for ego in egos.tolist()]
        gate = np.stack([everyone if given is None else given for given in gates], axis=1)
    steps = Steps(salsa, egos, profiles, gate)
    path = ridge_path(steps, steps.target(), salsa.parameters.rounds)
    mass = np.maximum(steps.mass, MASS_MIN)
    owner = np.repeat(np.arange(len(egos)), np.diff(profiles.indptr))
    listed = _candidates(path, mass, (profiles.indices, owner))
    column = np.arange(len(egos))[:, None]
    basis = path.basis[:, listed, column]
    mass_at = np.log(mass[listed, 0 if gate is None else column])
    if gate is None:
        loss = _own_loss(salsa, egos, hidden)[column, listed]
        mass_at = mass_at + loss
        basis *= np.exp(loss * np.float32(-salsa.parameters.item_exponent))
    return Block(
        basis,
        mass_at,
        hidden.toarray()[column, listed] > 0,
        profiles.toarray()[column, listed] > 0,
        np.diff(hidden.indptr),
        (path.diagonal, path.beside, path.length),
    )


def _own_loss(salsa: Salsa, egos: npt.NDArray[np.integer], hidden: sparse.csr_array) -> Float32s:
    """Return log(mass without the ego / mass) of its hidden items, (b, n_items), else 0.

    Really new items do not carry the ego's own link. A gate leaves it out by itself.
    """
    rows = np.repeat(np.arange(len(egos)), np.diff(hidden.indptr))
    mass = salsa.open_mass[hidden.indices, 0]
    own = hidden.data * salsa.link_mass[egos[rows], 0]
    loss = np.zeros(hidden.shape, np.float32)
    loss[rows, hidden.indices] = np.log(np.maximum((mass - own) / mass, MASS_MIN))
    return loss


def _candidates(path: RidgePath, mass: Float32s, seen: tuple[Ints, Ints]) -> Ints:
    """Return the items that some corner ranks high, ascending, shape (b, c).

    Each corner's scores are measured against its own best.
    """
    best: Float32s | None = None
    for corner in CORNERS:
        options = SalsaParameters(**corner)  # type: ignore[arg-type]
        scores = path.scores(options.ridge, min(options.rounds, len(path.basis)))
        scores *= mass ** np.float32(-options.popularity_discount)
        scores[seen] = -np.inf
        scores /= np.maximum(scores.max(axis=0), np.float32(1e-30))
        best = scores if best is None else np.maximum(best, scores, out=best)
    assert best is not None
    rows = np.ascontiguousarray(best.T)
    n = min(CANDIDATES, rows.shape[1])
    return np.stack([_largest(row, n) for row in rows])


def _largest(row: Float32s, n: int) -> Ints:
    """Return where the n largest values stand, ascending.

    Most values are far too small: a sample says which, and only the others are compared.
    """
    sample = row[::SAMPLED_EVERY]
    rank = 2 * n // SAMPLED_EVERY
    if rank < len(sample):
        threshold = np.partition(sample, len(sample) - 1 - rank)[len(sample) - 1 - rank]
        large = np.flatnonzero(row > threshold)
        if len(large) >= n:
            values = row[large]
            return np.sort(large[np.argpartition(values, len(large) - n)[len(large) - n :]])
    return np.sort(np.argpartition(row, len(row) - n)[len(row) - n :])
