"""Choose how walk and factors are mixed, on the device, on what was held back.

A mixture is rated by the smaller of its gains over the walk alone, on those who hid their
last interactions and on those who hid random ones: what helps one half at the other's cost
is not taken, since nobody knows which of the two the future will be like. (By the mean of
both, ml-1m chose factors alone, and lost 9 % of NDCG@20 on its test part.)

Of mixtures that the hold-out cannot tell apart the one with the smallest share is taken, the
rule of one standard error (Breiman et al. 1984): the walk can say why it lists an item.

Walks are kept, so that many models can be rated beside them; of each mixture's parts only
the candidates are, the best items of either. A further trial then costs milliseconds.

Example:
    >>> from peerrec.ranking.factors import FactorParameters, fit_factors, random_start
    >>> from peerrec.ranking.factor_tuning import affinities, hold_back
    >>> from peerrec.ranking.interactions import InteractionGraph
    >>> rng = np.random.default_rng(1)
    >>> graph = InteractionGraph()
    >>> graph.extend(rng.integers(0, 30, 400), rng.integers(0, 40, 400), 1.0, 0.0)
    >>> back = hold_back(graph.snapshot(), np.arange(30, dtype=np.int32))
    >>> small = FactorParameters(factors=8)
    >>> model = fit_factors(affinities(back.view), small, random_start(40, 8, rng))
    >>> tuned = BlendTrials(back, Salsa(back.view)).tune(model)
    >>> tuned.score >= tuned.before
    True
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final, Protocol, TypeAlias

import msgspec
import numpy as np
import numpy.typing as npt

from peerrec.late import sparse
from peerrec.ranking.blend import (
    BLENDED,
    BlendParameters,
    discounted_factors,
    heard_mass,
    standardised,
)
from peerrec.ranking.factor_tuning import HeldBack
from peerrec.ranking.list_quality import best_places, list_quality
from peerrec.ranking.parameter_search import Setting, Trial, search
from peerrec.ranking.salsa import Salsa
from peerrec.ranking.walk_trials import GateOf

__all__ = ["BlendTrials", "FactorScores", "MapBlocks", "TunedBlend"]

Bools: TypeAlias = npt.NDArray[np.bool_]
Float32s: TypeAlias = npt.NDArray[np.float32]
Float64s: TypeAlias = npt.NDArray[np.float64]
Int32s: TypeAlias = npt.NDArray[np.int32]
Ints: TypeAlias = npt.NDArray[np.intp]

MapBlocks: TypeAlias = Callable[[Callable[[slice], Any], list[slice]], Iterable[Any]]
"""`map`, or what runs the blocks side by side and keeps their order."""

CANDIDATES: Final = 100
"""Best items of each of the lists that are mixed: beyond them nothing reaches the top 20."""

BLOCK_EGOS: Final = 32

STARTS: Final = ({"share": 0.0}, {"share": 0.2}, {"share": 0.4}, {"share": 0.7}, {"share": 1.0})


class FactorScores(Protocol):
    """What can be mixed with walks: `ImplicitFactors`, for instance."""

    def scores(self, users: npt.NDArray[np.integer]) -> Float32s:
        """Return x_u·y_i of some users and all items, shape (b, n_items)."""
        ...


class TunedBlend(msgspec.Struct, frozen=True):
    """What was chosen, and on what evidence.

    Attributes:
        parameters: the best found.
        score: mean of recall@20 and NDCG@20 of the walk alone, times the smaller gain.
        before: that of the walk alone.
        trials: all points, in the order they were tried.
    """

    parameters: BlendParameters
    score: float
    before: float
    trials: list[Trial]


@dataclass(frozen=True, slots=True, eq=False)
class _Walked:
    """The walks of b egos.

    Attributes:
        egos: user codes, shape (b,).
        heard: mass of trusted evidence, shape (n_items, b or 1).
        scores: standardised scores of the walk, −inf for what may not be listed, shape
            (n_items, b).
        wanted: items held back.
    """

    egos: Int32s
    heard: Float32s
    scores: Float32s
    wanted: sparse.csr_array


@dataclass(frozen=True, slots=True, eq=False)
class _Block:
    """What is kept of b egos, c candidates each.

    Attributes:
        walk: scores of the walk, −inf for what may not be listed, (b, c).
        factor: discount → standardised scores of the factors, (b, c).
        wanted: whether the candidate was held back, shape (b, c).
        n_wanted: number of items held back, shape (b,).
    """

    walk: Float32s
    factor: dict[float, Float32s]
    wanted: Bools
    n_wanted: Ints

    def quality(self, settings: Setting) -> Float64s:
        """Return the mean of recall@20 and NDCG@20 of every ego, shape (b,)."""
        share = np.float32(settings["share"])
        # Above 0, so that −inf stays −inf where the share is 1.
        weight = max(1 - share, np.float32(1e-12))
        scores = self.walk * weight + self.factor[settings["factor_discount"]] * share
        return list_quality(scores, self.wanted, self.n_wanted)


class BlendTrials:
    """Walks of many egos, to be mixed with any factors.

    Memory: 4 bytes an item and ego.

    Args:
        back: the remaining graph, and what to foretell.
        salsa: walks on the remaining graph.
        gate_of: what each ego trusts; None counts everyone alike.
        map_blocks: how blocks of egos are computed.
    """

    def __init__(
        self,
        back: HeldBack,
        salsa: Salsa,
        *,
        gate_of: GateOf | None = None,
        map_blocks: MapBlocks = map,
    ) -> None:
        # What all blocks share, before anything may run side by side.
        salsa.view.matrix, salsa.view.transposed, salsa.open_mass, salsa.scaled  # noqa: B018
        self._back, self._map = back, map_blocks
        slices = back.blocks(BLOCK_EGOS)
        self._walked: list[_Walked] = [_walked(back, salsa, rows, gate_of) for rows in slices]

    def tune(self, model: FactorScores, start: BlendParameters | None = None) -> TunedBlend:
        """Return the mixture with a model that foretells best what was held back.

        Args:
            model: fitted to the remaining graph.
            start: parameters to begin with; also the answer where nothing is better.
        """
        given = start or BlendParameters()
        if not len(self._back.held):
            return TunedBlend(given, 0.0, 0.0, [])
        discounts = sorted({*BLENDED["factor_discount"], 0.0, given.factor_discount})
        blocks: list[_Block] = list(
            self._map(
                lambda rows: _kept(self._walked[rows.start], model, discounts),
                [slice(at, at + 1) for at in range(len(self._walked))],
            )
        )

        def quality(settings: Setting) -> Float64s:
            return np.concatenate([block.quality(settings) for block in blocks])

        alone = self._back.halves(quality({"share": 0.0, "factor_discount": 0.0}))
        before = float(alone.mean())

        def rate(settings: Setting) -> tuple[float, Setting]:
            gains = self._back.halves(quality(settings)) / np.maximum(alone, 1e-9)
            return before * float(gains.min()), settings

        first = msgspec.structs.asdict(given)
        found = search(BLENDED, [first, *({**first, **other} for other in STARTS)], rate)
        score, chosen = _most_careful(found.best, quality, rate)
        return TunedBlend(BlendParameters(**chosen), score, before, found.trials)


def _most_careful(
    best: Trial,
    quality: Callable[[Setting], Float64s],
    rate: Callable[[Setting], tuple[float, Setting]],
) -> tuple[float, Setting]:
    """Return the mixture of the smallest share that is not clearly worse than the best.

    Clearly: by more than one standard error of their difference over the egos.
    """
    top = quality(best.settings)
    for share in BLENDED["share"]:
        settings = {**best.settings, "share": share}
        if share >= best.settings["share"]:
            break
        error = float((top - quality(settings)).std()) / len(top) ** 0.5
        score, _ = rate(settings)
        if score >= best.score - error:
            return score, settings
    return best.score, best.settings


def _walked(back: HeldBack, salsa: Salsa, rows: slice, gate_of: GateOf | None) -> _Walked:
    """Return the walks of one block of egos."""
    held = back.held
    egos, profiles = held.egos[rows], held.profiles[rows]
    gate = None
    heard = heard_mass(salsa)[:, None]
    if gate_of is not None:
        everyone = np.ones(salsa.view.n_users, np.float32)
        gates = [gate_of(ego) for ego in egos.tolist()]
        gate = np.stack([everyone if given is None else given for given in gates], axis=1)
        each = zip(egos.tolist(), gate.T, strict=True)
        heard = np.stack([heard_mass(salsa, ego, own) for ego, own in each], axis=1)
    scores = standardised(salsa.walk_block(egos, profiles, gate).scores, heard > 0)
    scores[~np.broadcast_to(heard > 0, scores.shape)] = -np.inf
    scores[profiles.toarray().T > 0] = -np.inf
    return _Walked(egos, heard, scores, held.hidden[rows])


def _kept(walked: _Walked, model: FactorScores, discounts: list[float]) -> _Block:
    """Return what is kept of one block of egos beside a model."""
    raw = np.ascontiguousarray(model.scores(walked.egos).T)
    factor = {
        discount: standardised(discounted_factors(raw, walked.heard, discount), walked.heard > 0)
        for discount in discounts
    }
    extremes = [walked.scores, *(factor[at] for at in (discounts[0], 0.0, discounts[-1]))]
    places = _candidates(extremes, walked.scores > -np.inf)
    column = np.arange(len(walked.egos))[:, None]
    listable = walked.scores[places, column]
    # What is best in two lists stands twice, and counts once.
    listable[:, 1:][places[:, 1:] == places[:, :-1]] = -np.inf
    return _Block(
        listable,
        {discount: scores[places, column] for discount, scores in factor.items()},
        walked.wanted.toarray()[column, places] > 0,
        np.diff(walked.wanted.indptr),
    )


def _candidates(lists: list[Float32s], allowed: Bools) -> Ints:
    """Return the best allowed items of each list, ascending, repeats kept, shape (b, c)."""
    n = min(CANDIDATES, len(allowed))
    best = [best_places(np.where(allowed, one, -np.inf).T, n) for one in lists]
    return np.sort(np.concatenate(best, axis=1), axis=1)
