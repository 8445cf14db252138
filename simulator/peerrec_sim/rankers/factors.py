"""Rank by implicit ALS: `factors`, the library's own, fitted to everybody's interactions.

A thin adapter for comparison with the rankers that a device could run alone; between peers
the same model is averaged from tables.

Example:
    >>> import numpy as np
    >>> from peerrec_sim.community import Community, Interactions
    >>> ranker = FactorsRanker().with_settings({"factors": "2"})
    >>> plays = Interactions.of([0, 1, 1, 2, 2, 3], [0, 0, 1, 2, 3, 3])
    >>> ranker.fit(Community("tiny", ("ann", "bob", "cem", "dee"), ("w", "x", "y", "z"), plays))
    >>> int(ranker.score(np.array([0], np.int32))[0].argsort()[-2])
    1
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

import numpy as np
from msgspec import Meta

from peerrec.ranking.factor_tuning import (
    FITTED,
    HeldBack,
    TunedFactors,
    affinities,
    hold_back,
    tune_factors,
)
from peerrec.ranking.factors import FactorParameters, ImplicitFactors, fit_factors, random_start
from peerrec.ranking.snapshot import InteractionSnapshot
from peerrec.ranking.tuning import n_egos
from peerrec.ranking.walk_trials import MapBlocks
from peerrec_sim.community import Community
from peerrec_sim.lateness import lateness_of
from peerrec_sim.rankers.base import Float32s, Int32s, Parameters, Ranker
from peerrec_sim.rankers.salsa import _snapshot

__all__ = ["FactorsParameters", "FactorsRanker", "TunedWithEgos", "held_back", "model_of"]

DEFAULTS = FactorParameters()

START_STREAM = 2**33
"""Separates the start vectors' random numbers from all others of a seed."""


class FactorsParameters(Parameters, frozen=True):
    """Settings of the factors; see `peerrec.ranking.factors.FactorParameters`.

    Attributes:
        factors: length of a vector.
        iterations: rounds of users, then items.
        unobserved: weight of all unseen pairs together against the seen ones.
        ridge: in units of what would make every vector vanish.
        ridge_exponent: how much of the ridge grows with the weight of a row.
        user_exponent: how much of a user's total weight is divided out.
        tail: share of users, the worst served, whose loss counts.
    """

    factors: Annotated[int, Meta(ge=1, le=1024)] = 256
    iterations: Annotated[int, Meta(ge=1, le=1000)] = DEFAULTS.iterations
    unobserved: Annotated[float, Meta(gt=0, le=1e6)] = DEFAULTS.unobserved
    ridge: Annotated[float, Meta(gt=0, le=1e6)] = DEFAULTS.ridge
    ridge_exponent: Annotated[float, Meta(ge=0, le=1)] = DEFAULTS.ridge_exponent
    user_exponent: Annotated[float, Meta(ge=0, le=1)] = DEFAULTS.user_exponent
    tail: Annotated[float, Meta(ge=0.001, le=1)] = DEFAULTS.tail

    def model(self) -> FactorParameters:
        """Return the library's parameters."""
        names = FactorParameters.__struct_fields__
        return FactorParameters(
            **{name: getattr(self, name) for name in names if hasattr(self, name)}
        )


class FactorsRanker(Ranker[FactorsParameters]):
    """Inner products of user and item vectors."""

    name = "factors"
    parameters_type = FactorsParameters

    def fit(self, community: Community, seed: int = 0) -> None:
        """Fit all vectors; see ``Ranker.fit``."""
        self._model = model_of(_snapshot(community, 0.0), self.parameters.model(), seed)

    def score(self, users: Int32s) -> Float32s:
        """Return the inner products; see ``Ranker.score``."""
        return self._model.scores(users)

    def grid(self) -> dict[str, list[float]]:
        """Return the values worth trying; see ``Ranker.grid``."""
        return {name: list(values) for name, values in FITTED.items()}

    def tuned(
        self,
        community: Community,
        seed: int,
        map_blocks: MapBlocks,
        out_of_time: Callable[[], bool],
    ) -> tuple[dict[str, Any], TunedWithEgos]:
        """Return the best settings for the training part; see `peerrec_sim.tuning`."""
        back = held_back(community, _snapshot(community, 0.0), seed)
        rng = np.random.default_rng([seed, START_STREAM])
        tuned = tune_factors(back, self.parameters.model(), rng, out_of_time)
        chosen = {name: getattr(tuned.parameters, name) for name in FITTED}
        return chosen, TunedWithEgos.of(tuned, back)


class TunedWithEgos(TunedFactors, frozen=True):
    """What was chosen, and on how many people.

    Attributes:
        egos: number of people measured.
    """

    egos: int

    @classmethod
    def of(cls, tuned: TunedFactors, back: HeldBack) -> TunedWithEgos:
        """Return the same with the number of people."""
        parts = (tuned.parameters, tuned.score, tuned.before, tuned.trials, tuned.complete)
        return cls(*parts, len(back.held))


def model_of(view: InteractionSnapshot, parameters: FactorParameters, seed: int) -> ImplicitFactors:
    """Return factors of a graph, from the start vectors of a seed."""
    rng = np.random.default_rng([seed, START_STREAM])
    start = random_start(view.n_items, parameters.factors, rng)
    return fit_factors(affinities(view), parameters, start)


def held_back(community: Community, view: InteractionSnapshot, seed: int) -> HeldBack:
    """Return the training part without the last interactions of some people."""
    # In a random order, so that the first ones are a fair sample.
    everybody = np.random.default_rng(seed).permutation(community.n_users).astype(np.int32)
    return hold_back(view, everybody[: n_egos(view)], lateness_of(community))
