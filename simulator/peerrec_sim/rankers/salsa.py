"""Rank by the library's own walk, with and without trust: `salsa` and `meritsalsa`.

Thin adapters: the graph, the walk and MeritRank are those of `peerrec.ranking`, as a
device runs them; here they only serve many egos at once.

Example:
    >>> import numpy as np
    >>> from peerrec_sim.community import Community, Interactions
    >>> ranker = SalsaRanker()
    >>> plays = Interactions.of([0, 1, 1], [0, 0, 1])
    >>> ranker.fit(Community("tiny", ("ann", "bob"), ("x", "y"), plays))
    >>> int(ranker.score(np.array([0], np.int32))[0].argmax())
    1
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, TypeVar

import msgspec
import numpy as np
from msgspec import Meta
from scipy import sparse

from peerrec.limits import DAY_S, SEGMENT_SPAN_S
from peerrec.ranking.bootstrap import Bootstrap
from peerrec.ranking.connectivity import ConnectivityRule
from peerrec.ranking.interactions import InteractionGraph
from peerrec.ranking.merit import Merit, MeritParameters
from peerrec.ranking.meritrank import sampled_merit
from peerrec.ranking.salsa import Salsa, SalsaParameters, gates
from peerrec.ranking.snapshot import InteractionSnapshot
from peerrec.ranking.trust_snapshot import TrustSnapshot
from peerrec.ranking.tuning import COMBINED, WALKED, TunedWalk, n_egos, tune_walk
from peerrec.ranking.walk_trials import GateOf, MapBlocks
from peerrec_sim.community import Community
from peerrec_sim.lateness import lateness_of
from peerrec_sim.rankers.base import Float32s, Float64s, Int32s, Parameters, Ranker

__all__ = ["MeritSalsaParameters", "MeritSalsaRanker", "SalsaRanker", "SalsaRankerParameters"]

DEFAULTS = SalsaParameters()

GATES_BLOCK = 64
"""Egos whose gates are walked together when the walk is tuned."""

BOOTSTRAP_STREAM = 2**32
"""Separates the bootstrap's random numbers from those of any user."""


class SalsaRankerParameters(Parameters, frozen=True):
    """Settings of the walk; see `peerrec.ranking.salsa.SalsaParameters`.

    Attributes:
        user_exponent: how much of a hub's strength is divided out.
        item_exponent: how much of an item's mass is divided out in every step.
        entry_discount: further exponent on the ego's own items.
        popularity_discount: further exponent on the ranked items.
        ridge: what stops long walks; large ones keep to the plain one.
        rounds: conjugate-gradient rounds; 1 is the plain three-step walk.
        half_life_days: epoch_decay, where the data has times; 0 for none.
    """

    user_exponent: Annotated[float, Meta(ge=0, le=1)] = DEFAULTS.user_exponent
    item_exponent: Annotated[float, Meta(ge=0, le=1)] = DEFAULTS.item_exponent
    entry_discount: Annotated[float, Meta(ge=-1, le=1)] = DEFAULTS.entry_discount
    popularity_discount: Annotated[float, Meta(ge=-1, le=1)] = DEFAULTS.popularity_discount
    ridge: Annotated[float, Meta(gt=0, le=1e6)] = DEFAULTS.ridge
    rounds: Annotated[int, Meta(ge=1, le=10)] = DEFAULTS.rounds
    half_life_days: Annotated[float, Meta(ge=0)] = 0.0

    def walk(self) -> SalsaParameters:
        """Return the library's parameters."""
        names = SalsaParameters.__struct_fields__
        return SalsaParameters(
            **{name: getattr(self, name) for name in names if hasattr(self, name)}
        )


class MeritSalsaParameters(SalsaRankerParameters, frozen=True):
    """Settings of the walk through trust.

    Attributes:
        damp: damping of the trusted mass.
        cap: merit beyond which a hub counts no more.
        gate_exponent: power of the capped merit; below 1 lifts distant peers.
        walks: random walks of MeritRank for each ego.
        transitivity_decay: probability that a walk stops before each hop.
        connectivity_decay: part of its share that a bridged peer loses.
        connectivity_rule: how a bridged peer is found; `published` is MeritRank's own.
        connectivity_threshold: share of walks, or bound on it, from which one is bridged.
        bootstrap_weight: how many friends the community's bootstrap list stands for.
    """

    damp: Annotated[float, Meta(ge=0, le=1e6)] = DEFAULTS.damp
    cap: Annotated[float, Meta(gt=0, le=1)] = 0.00015
    gate_exponent: Annotated[float, Meta(ge=0, le=4)] = 1.0
    walks: Annotated[int, Meta(ge=1, le=10_000_000)] = 10_000
    transitivity_decay: Annotated[float, Meta(gt=0, le=1)] = 0.3
    connectivity_decay: Annotated[float, Meta(ge=0, le=1)] = 0.5
    connectivity_rule: ConnectivityRule = "wilson"
    connectivity_threshold: Annotated[float, Meta(ge=0, le=1)] = 0.95
    bootstrap_weight: Annotated[float, Meta(ge=0, le=1e6)] = 10.0

    def merit(self) -> MeritParameters:
        """Return the library's parameters of MeritRank."""
        return MeritParameters(
            walks=self.walks,
            transitivity_decay=self.transitivity_decay,
            connectivity_decay=self.connectivity_decay,
            connectivity_rule=self.connectivity_rule,
            connectivity_threshold=self.connectivity_threshold,
        )


P = TypeVar("P", bound=SalsaRankerParameters)


class _WalkRanker(Ranker[P]):
    """What both have in common: the graph and the walks from it."""

    def _fit_walk(self, community: Community) -> None:
        self._view = _snapshot(community, self.parameters.half_life_days)
        self._salsa = Salsa(self._view, self.parameters.walk())
        # Forked workers share what is computed before the fork.
        self._view.matrix, self._view.transposed, self._salsa.open_mass  # noqa: B018
        if not self.uses_trust or community.trust is None:
            self._salsa.scaled  # noqa: B018

    def _scores(self, users: Int32s, gate: Float32s | None) -> Float32s:
        scores = self._salsa.walk_block(users, self._view.matrix[users], gate).scores
        return np.ascontiguousarray(scores.T)

    def grid(self) -> dict[str, list[float]]:
        """Return the values worth trying; see ``Ranker.grid``."""
        return {name: list(values) for name, values in {**WALKED, **COMBINED}.items()}

    def tuned(
        self,
        community: Community,
        seed: int,
        map_blocks: MapBlocks,
        out_of_time: Callable[[], bool],
    ) -> tuple[dict[str, Any], TunedWalk]:
        """Return the best settings for the training part; see `peerrec_sim.tuning`."""
        self.fit(community, seed)
        # In a random order, so that any first part is a fair sample.
        everybody = np.random.default_rng(seed).permutation(community.n_users).astype(np.int32)
        egos = everybody[: n_egos(self._view)]
        tuned = tune_walk(
            self._view,
            egos,
            self.parameters.walk(),
            gate_of=self._gate_of(egos, map_blocks),
            order_of=lateness_of(community),
            map_blocks=map_blocks,
            out_of_time=out_of_time,
        )
        found = msgspec.structs.asdict(tuned.parameters)
        names = [name for name in found if hasattr(self.parameters, name)]
        return {name: found[name] for name in names}, tuned

    def _gate_of(self, egos: Int32s, map_blocks: MapBlocks) -> GateOf | None:
        """Return what each ego trusts; None where everyone counts alike."""
        return None


class SalsaRanker(_WalkRanker[SalsaRankerParameters]):
    """The walk that counts everyone alike."""

    name = "salsa"
    parameters_type = SalsaRankerParameters

    def fit(self, community: Community, seed: int = 0) -> None:
        """Build the graph; there is nothing to train."""
        self._fit_walk(community)

    def score(self, users: Int32s) -> Float32s:
        """Return the walk's scores; see ``Ranker.score``."""
        return self._scores(users, None)


class MeritSalsaRanker(_WalkRanker[MeritSalsaParameters]):
    """The walk through hubs that the ego has reason to trust.

    Without trust in the community it is `salsa` with these parameters.
    """

    name = "meritsalsa"
    uses_trust = True
    parameters_type = MeritSalsaParameters

    def fit(self, community: Community, seed: int = 0) -> None:
        """Build both graphs; merit is walked for one ego at a time, when asked."""
        self._fit_walk(community)
        self._seed = seed
        self._merits: dict[int, Merit] = {}
        edges = community.trust
        self._trust = None
        if edges is not None:
            self._trust = TrustSnapshot.from_edges(
                edges.source, edges.target, edges.weight, community.n_users
            )
            options = self.parameters
            self._bootstrap = Bootstrap.walked(
                self._trust,
                community.bootstrap,
                options.merit(),
                np.random.default_rng([seed, BOOTSTRAP_STREAM]),
                options.bootstrap_weight if community.bootstrap else 0.0,
            )

    def score(self, users: Int32s) -> Float32s:
        """Return the gated walk's scores; see ``Ranker.score``."""
        return self._scores(users, None if self._trust is None else self._gates(users))

    def _gates(self, users: Int32s) -> Float32s:
        """Return what each user's peers may contribute, shape (n_users, b)."""
        assert self._trust is not None
        given = self._trust.out_weight
        merit = np.stack(
            [
                self._bootstrap.lend(merit.dense(self._view.n_users), given[merit.ego])
                for merit in self._merit_of(users)
            ],
            axis=1,
        )
        options = self.parameters
        return gates(merit, options.cap, options.gate_exponent)

    def _gate_of(self, egos: Int32s, map_blocks: MapBlocks) -> GateOf | None:
        """Return the gates of some egos; merit is walked once, for all trials."""
        if self._trust is None:
            return None
        blocks = [slice(at, at + GATES_BLOCK) for at in range(0, len(egos), GATES_BLOCK)]
        parts = map_blocks(lambda rows: sparse.csr_array(self._gates(egos[rows]).T), blocks)
        gate_rows = sparse.vstack(list(parts), format="csr")
        row_of = {ego: row for row, ego in enumerate(egos.tolist())}
        return lambda ego: gate_rows[[row_of[ego]]].toarray()[0]

    def region_merit(self, users: Int32s, region: Int32s) -> Float64s:
        """Return the share of each user's merit inside a region of users."""
        if self._trust is None:
            return np.zeros(len(users))
        inside = [
            (merit.shares[np.isin(merit.nodes, region)].sum(), merit.shares.sum())
            for merit in self._merit_of(users)
        ]
        return np.array([part / whole if whole else 0.0 for part, whole in inside])

    def false_flags(self, users: Int32s, sybils: Int32s, targets: Int32s) -> Float64s:
        """Return the share of reached honest peers that connectivity decay flags."""
        if self._trust is None:
            return np.zeros(len(users))
        return np.array(
            [
                np.isin(merit.flagged, sybils, invert=True).sum()
                / max(1, np.isin(merit.nodes, sybils, invert=True).sum())
                for merit in self._merit_of(users)
            ]
        )

    def _merit_of(self, users: Int32s) -> list[Merit]:
        """Return merit as each user sees it; one block is remembered."""
        assert self._trust is not None
        wanted = users.tolist()
        if not all(user in self._merits for user in wanted):
            parameters = self.parameters.merit()
            self._merits = {
                user: sampled_merit(
                    self._trust, user, parameters, np.random.default_rng([self._seed, user])
                )
                for user in wanted
            }
        return [self._merits[user] for user in wanted]


def _snapshot(community: Community, half_life_days: float) -> InteractionSnapshot:
    """Return the community's training part as a device would hold it."""
    plays = community.interactions
    timed = half_life_days > 0 and plays.time is not None
    graph = InteractionGraph(
        span_s=SEGMENT_SPAN_S, half_life_s=half_life_days * DAY_S if timed else np.inf
    )
    times = plays.time if timed and plays.time is not None else 0.0
    graph.extend(plays.user, plays.item, plays.weight, times)
    graph.reserve(community.n_users, community.n_items)
    return graph.snapshot()
