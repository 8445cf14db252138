"""Repeat Web3Recommend's own Sybil experiment, its walk and ours on the same graphs.

For each shape, number of attackers and number of identities, what is measured is the
share of a root's mass on the three items that its attackers promote:

* ``web3recommend .1`` (also .3 and .5, its transitivity decay): of the visits to items.
* ``peerrec``: of the positive scores of our list, nothing left out.
* ``peerrec merit``: not of scores but of merit, in the hands of attackers and identities.
* ``peerrec gate``: of merit capped as the ranking lets it in.

The first two are the same quantity, what a root is shown in the end, and compare. The
other two say what is behind ours: a walk that enters a region goes on in it, so merit may
grow up to 1/decay times, and a cap counts heads; neither reaches the list, because what
identities say alone is close to nothing that the root has.

Published (Madhwal & Pouwelse 2023, and a replication): gain at 50 identities with one
attacker 9.1 in a row, 6.4 in a ring, 2.9 side by side at decay .1; 8.2 in a row with two.

Example:
    >>> from peerrec_sim.generator import generate
    >>> people = generate(1, 60, 150)
    >>> roots, limits = np.array([3]), WalkLimits(500, LENGTH_MAX, 0.1)
    >>> planted = plant(people, roots, "friend-serial", n_sybils=9, attackers=1)
    >>> walk = their_walk(planted, people)
    >>> theirs = visited_shares(planted, people, walk, roots, limits, seed=0)
    >>> bool(theirs.mass[0] > 0.0)
    True
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from peerrec.errors import ConfigError, DataError
from peerrec.ranking.salsa import gates
from peerrec_sim.community import Community
from peerrec_sim.graph_level.curves import CurvePoint, curve_table, mean, point, sizes
from peerrec_sim.graph_level.ground import Ground
from peerrec_sim.graph_level.outcome import digest
from peerrec_sim.graph_level.planted import SHAPES, Planted, plant
from peerrec_sim.measures.egos import EgoOptions
from peerrec_sim.measures.result import RunResult
from peerrec_sim.rankers.web3recommend import largest_predecessor_share
from peerrec_sim.rankers.web3walks import TrustedWalk, WalkLimits
from peerrec_sim.scenario.schema import Scenario
from peerrec_sim.serving import Progress
from peerrec_sim.simulation.chance import Purpose, chance

__all__ = [
    "DECAYS",
    "OURS",
    "OUR_GATE",
    "OUR_MERIT",
    "experiment",
    "scored_shares",
    "their_walk",
    "theirs_named",
    "visited_shares",
]

DECAYS = (0.1, 0.3, 0.5)
"""Transitivity decays of their walk; they publish the first."""

LENGTH_MAX = 10_000
"""Nodes of a walk at most, as published."""

FLAG_THRESHOLD = 0.99
"""Share of walks through one node from which their walk flags an item."""

TINY = 1e-300

OURS, OUR_MERIT, OUR_GATE = "peerrec", "peerrec merit", "peerrec gate"

Int32s = npt.NDArray[np.int32]
Float64s = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Shares:
    """What the roots' attackers win, one entry per root.

    Attributes:
        mass: share of visits or of scores on promoted items.
        hit: whether a promoted item is among the best n; 0 or 1.
        flags: share of what is honest that is flagged: items by their walk, peers by ours.
        caught: share of what is the attackers' that is flagged; NaN where none was met.
        merit: share of merit in the attackers' hands; NaN for their walk.
        gate: share of capped merit in their hands; NaN for their walk.
    """

    mass: Float64s
    hit: Float64s
    flags: Float64s
    caught: Float64s
    merit: Float64s
    gate: Float64s

    @classmethod
    def of(cls, rows: list[tuple[float, float, float, float, float, float]]) -> Shares:
        """Return one row per root as columns."""
        return cls(*np.array(rows, np.float64).T)


def their_walk(planted: Planted, people: Community) -> TrustedWalk:
    """Return Web3Recommend's walk over a community with attackers beside each root."""
    community = planted.invasion.on(people)
    assert community.trust is not None
    return TrustedWalk(community, community.trust)


def visited_shares(
    planted: Planted,
    people: Community,
    walk: TrustedWalk,
    roots: npt.NDArray[np.integer],
    limits: WalkLimits,
    *,
    seed: int,
    n: int = 20,
) -> Shares:
    """Return what attackers win in Web3Recommend's walk, no decay for bridges.

    Args:
        planted: attackers beside each root.
        people: the honest community.
        walk: over both; see `their_walk`.
        roots: as planted.
        limits: walks of each root, and when they stop.
        seed: of the walks.
        n: length of the lists.
    """
    size = (walk.n_users, walk.n_users + people.n_items + planted.invasion.n_items)
    rows = []
    for number, root in enumerate(roots.tolist()):
        seen = walk.walk(root, limits, chance(seed, Purpose.EGOS, root))
        visits = np.bincount(seen.node, minlength=size[1])[size[0] :]
        flagged = largest_predecessor_share(seen, root, *size) > FLAG_THRESHOLD
        promoted = planted.promoted(number)
        mass = float(visits[promoted].sum()) / max(1, int(visits.sum()))
        honest = visits[: people.n_items] > 0
        reached = promoted[visits[promoted] > 0]
        false = float(flagged[: people.n_items][honest].sum()) / max(1, int(honest.sum()))
        visits[people.interactions.item[people.interactions.user == root]] = 0
        best = np.argsort(-visits, kind="stable")[:n]
        hit = float((np.isin(best, promoted) & (visits[best] > 0)).any())
        rows.append((mass, hit, false, _share(flagged[reached]), np.nan, np.nan))
    return Shares.of(rows)


def scored_shares(
    planted: Planted, ground: Ground, roots: npt.NDArray[np.integer], options: EgoOptions
) -> Shares:
    """Return what the same attackers win in our merit and walk; see `visited_shares`."""
    view = ground.view(options.settings, planted.invasion)
    rows = []
    for number, root in enumerate(roots.tolist()):
        look = view.look(root, chance(options.seed, Purpose.EGOS, root))
        positive = np.maximum(look.scores.astype(np.float64), 0.0)
        promoted, region = planted.promoted(number), planted.region(number)
        hit = float(np.isin(view.best(root, look.scores, options.n), promoted).any())
        theirs, honest = np.isin(look.nodes, region), look.nodes < planted.n_honest
        flagged = np.isin(look.nodes, look.flagged)
        mass = float(positive[promoted].sum()) / max(float(positive.sum()), TINY)
        merit = float(look.shares[theirs].sum()) / max(float(look.shares.sum()), TINY)
        gate = gates(look.shares, options.settings.cap, options.settings.gate_exponent)
        let_in = float(gate[theirs].sum()) / max(float(gate.sum()), TINY)
        false = float(flagged[honest].sum()) / max(1, int(honest.sum()))
        rows.append((mass, hit, false, _share(flagged[theirs]), merit, let_in))
    return Shares.of(rows)


def _share(which: npt.NDArray[np.bool_]) -> float:
    """Return the share that is true; NaN of nothing."""
    return float(which.mean()) if len(which) else np.nan


def theirs_named(transitivity_decay: float) -> str:
    """Return what the curve calls their walk at one decay."""
    return f"web3recommend {transitivity_decay:g}".replace(" 0.", " .")


def experiment(
    scenario: Scenario,
    people: Community,
    egos: npt.NDArray[np.integer],
    progress: Progress | None,
    cancel: Callable[[], bool],
) -> RunResult:
    """Return masses and gains for one attacker up to ``attackers.edges`` of them.

    Args:
        scenario: its kinds of attack all of `SHAPES`; ``merit.walks`` counts for both.
        people: the honest community, with trust.
        egos: the roots; those who trust nobody are left out.
        progress: told how many measurements are done, of how many.
        cancel: asked after each.

    Raises:
        ConfigError: a shape is mixed with attacks of another kind.
        DataError: nobody trusts anybody.
    """
    started = time.perf_counter()
    _refuse_mixture(scenario.attackers.kinds)
    trial = _Trial(scenario, people, _with_friends(people, egos))
    plan = [
        (shape, attackers, n_sybils)
        for shape in scenario.attackers.kinds
        for attackers in range(1, max(1, scenario.attackers.edges) + 1)
        for n_sybils in sizes(scenario.attackers.sybils)
    ]
    points: list[CurvePoint] = []
    stopped = False
    for done, (shape, attackers, n_sybils) in enumerate(plan, 1):
        points += trial.points(shape, attackers, n_sybils)
        if progress is not None:
            progress(f"{shape}, {attackers} attackers, {n_sybils} identities", done, len(plan))
        if cancel():
            stopped = done < len(plan)
            break
    curve = curve_table(points)
    return RunResult(
        curve=curve,
        scenario=scenario,
        backend="graph",
        trace_hash=digest(curve),
        events=len(points) * len(trial.roots),
        virtual_s=scenario.length_s,
        wall_s=time.perf_counter() - started,
        n_honest=people.n_users,
        n_sybils=len(trial.roots) * (scenario.attackers.sybils + scenario.attackers.edges),
        complete=not stopped,
        figures=_figures(points, trial.caught),
    )


@dataclass(slots=True)
class _Trial:
    """What stays the same over all shapes and sizes."""

    scenario: Scenario
    people: Community
    roots: npt.NDArray[np.integer]
    ground: Ground = field(init=False)
    caught: dict[tuple[str, str, int, int], float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Build the honest graph once."""
        self.ground = Ground(self.people)

    def points(self, shape: str, attackers: int, n_sybils: int) -> list[CurvePoint]:
        """Return a point for every ranker."""
        scenario = self.scenario
        planted = plant(self.people, self.roots, shape, n_sybils=n_sybils, attackers=attackers)
        found = []
        walk = their_walk(planted, self.people)
        for decay in DECAYS:
            shares = visited_shares(
                planted,
                self.people,
                walk,
                self.roots,
                WalkLimits(scenario.merit.walks, LENGTH_MAX, decay),
                seed=scenario.seed,
                n=scenario.measures.n,
            )
            found.append((theirs_named(decay), shares, shares.mass))
        ours = scored_shares(planted, self.ground, self.roots, EgoOptions.of(scenario))
        found += [
            (OURS, ours, ours.mass),
            (OUR_MERIT, ours, ours.merit),
            (OUR_GATE, ours, ours.gate),
        ]
        at = (shape, attackers, n_sybils)
        for name, shares, _ in found:
            self.caught[(name, *at)] = mean(shares.caught)
        return [
            point(name, *at, mass=mass, target_hit=shares.hit, false_flags=shares.flags)
            for name, shares, mass in found
        ]


def _refuse_mixture(kinds: tuple[str, ...]) -> None:
    """Refuse attacks that are not aimed at each measured person."""
    for kind in kinds:
        if kind not in SHAPES:
            allowed = f"attacks on each person stand alone; mix only {', '.join(SHAPES)}"
            raise ConfigError("attackers.kinds", kind, allowed)


def _with_friends(people: Community, egos: npt.NDArray[np.integer]) -> Int32s:
    """Return those who trust somebody: attackers then are one of several friends."""
    if people.trust is None:
        raise ConfigError("population.trust", "none", "use friends or ring: attackers are friends")
    trusting = people.trust.source[people.trust.weight > 0]
    roots = egos[np.isin(egos, trusting)].astype(np.int32)
    if not len(roots):
        raise DataError(f"{people.name}: none of the {len(egos)} measured people trusts anybody")
    return roots


def _figures(
    points: list[CurvePoint], caught: dict[tuple[str, str, int, int], float]
) -> dict[str, float]:
    """Return which share of what attackers have is flagged, at the most identities."""
    most = max((each.sybils for each in points), default=0)
    return {
        f"flagged/{ranker}/{attack}/{edges}": share
        for (ranker, attack, edges, n), share in caught.items()
        if n == most and ranker not in (OUR_MERIT, OUR_GATE) and not np.isnan(share)
    }
