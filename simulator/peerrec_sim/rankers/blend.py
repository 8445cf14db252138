"""Rank by the walk and the factors together: `blend`, without trust.

Both parts are the library's; see `peerrec.ranking.blend`.

Example:
    >>> import numpy as np
    >>> from peerrec_sim.community import Community, Interactions
    >>> ranker = BlendRanker().with_settings({"factors": "2"})
    >>> plays = Interactions.of([0, 1, 1], [0, 0, 1])
    >>> ranker.fit(Community("tiny", ("ann", "bob"), ("x", "y"), plays))
    >>> int(ranker.score(np.array([0], np.int32))[0].argmax())
    1
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

import msgspec
import numpy as np
from msgspec import Meta

from peerrec.ranking.blend import BLENDED, BlendParameters, blended, heard_mass
from peerrec.ranking.blend_tuning import BlendTrials, MapBlocks
from peerrec.ranking.factor_tuning import FITTED, hold_back, tune_factors
from peerrec.ranking.factors import FactorParameters
from peerrec.ranking.parameter_search import Trial
from peerrec.ranking.salsa import Salsa
from peerrec.ranking.tuning import COMBINED, WALKED, n_egos, tune_walk
from peerrec_sim.community import Community
from peerrec_sim.lateness import lateness_of
from peerrec_sim.rankers.base import Float32s, Int32s, Ranker
from peerrec_sim.rankers.factors import START_STREAM, model_of
from peerrec_sim.rankers.salsa import SalsaRankerParameters, _snapshot

__all__ = ["BlendRanker", "BlendRankerParameters", "TunedParts"]

FACTORS, BLEND = FactorParameters(), BlendParameters()

WALK_POINTS = 16
"""After so many points the walk is good enough, and time better spent on the factors."""

WALKED_SCORES_MAX = 50_000_000
"""Scores of walks that are kept in memory: 200 MB."""

PREFIXED = {"ridge": "factor_ridge", "user_exponent": "factor_user_exponent"}
"""What the walk and the factors both have, under the name it has here for the factors."""


class BlendRankerParameters(SalsaRankerParameters, frozen=True):
    """Settings of the walk, of the factors, and of the mixture.

    Attributes:
        factors: length of a vector.
        iterations: rounds of users, then items.
        unobserved: weight of all unseen pairs together against the seen ones.
        factor_ridge: in units of what would make every vector vanish.
        factor_user_exponent: how much of a user's total weight is divided out.
        share: of the factors; 0 is the walk alone.
        factor_discount: exponent of an item's mass that factor scores are divided by.
    """

    factors: Annotated[int, Meta(ge=1, le=1024)] = 256
    iterations: Annotated[int, Meta(ge=1, le=1000)] = FACTORS.iterations
    unobserved: Annotated[float, Meta(gt=0, le=1e6)] = FACTORS.unobserved
    factor_ridge: Annotated[float, Meta(gt=0, le=1e6)] = FACTORS.ridge
    factor_user_exponent: Annotated[float, Meta(ge=0, le=1)] = FACTORS.user_exponent
    share: Annotated[float, Meta(ge=0, le=1)] = BLEND.share
    factor_discount: Annotated[float, Meta(ge=-1, le=1)] = BLEND.factor_discount

    def model(self) -> FactorParameters:
        """Return the library's parameters of the factors."""
        return FactorParameters(
            factors=self.factors,
            iterations=self.iterations,
            unobserved=self.unobserved,
            ridge=self.factor_ridge,
            user_exponent=self.factor_user_exponent,
        )

    def mixture(self) -> BlendParameters:
        """Return the library's parameters of the mixture."""
        return BlendParameters(share=self.share, factor_discount=self.factor_discount)


class TunedParts(msgspec.Struct, frozen=True):
    """What was chosen, and on what evidence.

    Attributes:
        score: mean of recall@20 and NDCG@20 of the best mixture on what was held back.
        before: the same of the tuned walk alone.
        trials: of the factors, of the walk and of the mixture, in this order.
        egos: number of people measured.
        complete: False where time ended a search.
    """

    score: float
    before: float
    trials: list[Trial]
    egos: int
    complete: bool


class BlendRanker(Ranker[BlendRankerParameters]):
    """The walk and the factors, both counting everyone alike."""

    name = "blend"
    parameters_type = BlendRankerParameters

    def fit(self, community: Community, seed: int = 0) -> None:
        """Build the graph and fit the factors to it."""
        self._view = _snapshot(community, self.parameters.half_life_days)
        self._salsa = Salsa(self._view, self.parameters.walk())
        # Forked workers share what is computed before the fork.
        self._view.matrix, self._view.transposed, self._salsa.scaled  # noqa: B018
        self._model = model_of(self._view, self.parameters.model(), seed)

    def score(self, users: Int32s) -> Float32s:
        """Return the mixture's scores; see ``Ranker.score``."""
        walk = self._salsa.walk_block(users, self._view.matrix[users]).scores
        factor = np.ascontiguousarray(self._model.scores(users).T)
        heard = heard_mass(self._salsa)[:, None]
        return np.ascontiguousarray(blended(walk, factor, heard, self.parameters.mixture()).T)

    def grid(self) -> dict[str, list[float]]:
        """Return the values worth trying; see ``Ranker.grid``."""
        fitted = {PREFIXED.get(name, name): list(values) for name, values in FITTED.items()}
        mixed = {name: list(values) for name, values in BLENDED.items()}
        walked = {name: list(values) for name, values in {**WALKED, **COMBINED}.items()}
        return {**walked, **fitted, **mixed}

    def tuned(
        self,
        community: Community,
        seed: int,
        map_blocks: MapBlocks,
        out_of_time: Callable[[], bool],
    ) -> tuple[dict[str, Any], TunedParts]:
        """Return the best settings for the training part; see `peerrec_sim.tuning`.

        First the walk alone, on so many points at most; then the factors that add most to
        it, short ones; last the mixture with factors of full length, whatever the time.
        """
        view = _snapshot(community, self.parameters.half_life_days)
        everybody = np.random.default_rng(seed).permutation(community.n_users).astype(np.int32)
        order_of = lateness_of(community)
        walked = tune_walk(
            view,
            everybody[: n_egos(view)],
            self.parameters.walk(),
            order_of=order_of,
            map_blocks=map_blocks,
            out_of_time=_after(WALK_POINTS, out_of_time),
        )
        back = hold_back(
            view,
            everybody[: min(n_egos(view), WALKED_SCORES_MAX // max(1, view.n_items))],
            order_of,
        )
        trials = BlendTrials(back, Salsa(back.view, walked.parameters), map_blocks=map_blocks)
        fitted = tune_factors(
            back,
            self.parameters.model(),
            np.random.default_rng([seed, START_STREAM]),
            out_of_time,
            lambda model: trials.tune(model).score,
        )
        mixed = trials.tune(model_of(back.view, fitted.parameters, seed))
        found = {
            **msgspec.structs.asdict(walked.parameters),
            **{PREFIXED.get(n, n): getattr(fitted.parameters, n) for n in FITTED},
            **msgspec.structs.asdict(mixed.parameters),
        }
        chosen = {name: value for name, value in found.items() if hasattr(self.parameters, name)}
        tried = [*walked.trials, *fitted.trials, *mixed.trials]
        complete = fitted.complete and walked.complete
        return chosen, TunedParts(mixed.score, mixed.before, tried, len(back.held), complete)


def _after(points: int, out_of_time: Callable[[], bool]) -> Callable[[], bool]:
    """Return what says that time is over after so many points, or when it is."""
    asked = 0

    def over() -> bool:
        nonlocal asked
        asked += 1
        return asked > points or out_of_time()

    return over
