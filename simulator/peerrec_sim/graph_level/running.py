"""Run a scenario in graph mode: peace, then attacks of growing size, then a result.

Of the scenario's keys those count that need no packets: population, workload.hold_out,
merit, attackers (kinds, sybils, edges, strength, share) and measures (egos, n;
at_end_only measures no sizes between one identity and all). The rest says how a network
behaves and changes nothing here. Peace stands in the tables at virtual second 0, the full
attack at the scenario's end; everything is known and remains as it is in between.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from peerrec.errors import DataError
from peerrec_sim.community import Community
from peerrec_sim.graph_level.curves import CurvePoint, curve_table, point, sizes
from peerrec_sim.graph_level.ground import Ground
from peerrec_sim.graph_level.invasion import Invasion, check_kinds, invade, largest
from peerrec_sim.graph_level.looking import Columns, look_around
from peerrec_sim.graph_level.outcome import digest
from peerrec_sim.graph_level.planted import SHAPES
from peerrec_sim.graph_level.web3recommend import experiment
from peerrec_sim.measures.columns import HONEST, NODES, ORACLE
from peerrec_sim.measures.egos import EgoOptions, choose_egos
from peerrec_sim.measures.result import RunResult
from peerrec_sim.measures.table import Table
from peerrec_sim.scenario.schema import Scenario
from peerrec_sim.serving import Progress
from peerrec_sim.simulation.population import population

__all__ = ["Cancel", "run"]

Cancel: TypeAlias = Callable[[], bool]
"""Says whether to stop; what was measured until then is a valid result."""

NOW_S = 1_700_000_000.0
"""The moment, unix seconds, at which all is known; any does."""

OURS = "peerrec"


def run(
    scenario: Scenario, progress: Progress | None = None, cancel: Cancel | None = None
) -> RunResult:
    """Return what a scenario's attacks win on the whole graph.

    Args:
        scenario: with ``mode = "graph"``.
        progress: told a stage, how many egos are done, and how many there are.
        cancel: asked after each ego; a stopped run returns a result that is not complete.

    Raises:
        ConfigError: an attack needs packets; a population is not possible.
        DataError: the data set is missing, or nothing can be held out.
    """
    planted = [kind for kind in scenario.attackers.kinds if kind in SHAPES]
    if not planted:
        check_kinds(scenario.attackers)
    started = time.perf_counter()
    people = population(scenario, NOW_S)
    if people.test is None or not len(people.test):
        raise DataError(f"{people.name}: nothing is held out to measure against; add interactions")
    egos = np.array(
        choose_egos(np.unique(people.test.user).tolist(), scenario.measures.egos, scenario.seed),
        np.int32,
    )
    stop = cancel or (lambda: False)
    if planted:
        return experiment(scenario, people, egos, progress, stop)
    return _Run(scenario, people, egos, progress, stop, started).result()


@dataclass(slots=True)
class _Run:
    """One run under way.

    Attributes:
        scenario, people, egos, progress, cancel: as of `run`.
        started: reading of the clock, for the result's `wall_s` alone.
        points: of the curve, so far.
        rows: tables of nodes, so far.
        stopped: whether `cancel` said so.
        looks: egos that looked at a graph, so far.
    """

    scenario: Scenario
    people: Community
    egos: npt.NDArray[np.int32]
    progress: Progress | None
    cancel: Cancel
    started: float
    points: list[CurvePoint] = field(default_factory=list)
    rows: list[Table] = field(default_factory=list)
    stopped: bool = False
    looks: int = 0

    def result(self) -> RunResult:
        """Measure peace and every size of the attack."""
        scenario, attackers = self.scenario, self.scenario.attackers
        ground = Ground(self.people)
        most = largest(attackers, self.people.n_users)
        peace = self._look(ground, None, "peace")
        oracle = ORACLE.of(
            {name: peace[name] for name in ("ndcg", "recall", "list_length")}
            | {"node": self.egos[: len(peace["ndcg"])]}
        )
        self._record(0, peace, None, kept=True)
        n_sybils = 0
        for n in sizes(most, all_decades=not scenario.measures.at_end_only)[1:]:
            if self.stopped:
                break
            invasion = invade(self.people, attackers, n, scenario.seed)
            seen = self._look(ground, invasion, f"{'+'.join(attackers.kinds)}, {n:,} identities")
            self._record(n, seen, invasion, kept=n == most)
            n_sybils = invasion.n_users
        return self._finished(oracle, n_sybils)

    def _look(self, ground: Ground, invasion: Invasion | None, stage: str) -> Columns:
        """Let all egos look at the graph, and tell of it."""
        options = EgoOptions.of(self.scenario)

        def step(done: int) -> bool:
            self.looks += 1
            if self.progress is not None:
                self.progress(stage, done, len(self.egos))
            self.stopped = self.stopped or self.cancel()
            return self.stopped

        view = ground.view(options.settings, invasion)
        seed = self.scenario.seed
        return look_around(view, self.people, self.egos, n=options.n, seed=seed, step=step)

    def _record(self, n: int, seen: Columns, invasion: Invasion | None, *, kept: bool) -> None:
        """Keep what was seen: as a point of the curve, and as rows of nodes where wanted.

        Whoever trusts an identity has let the attacker in: the point is about the others.
        """
        attackers = self.scenario.attackers
        egos = self.egos[: len(seen["ndcg"])]
        trusting = np.zeros(0, np.int32) if invasion is None else invasion.trusting
        fallen = np.isin(egos, trusting)
        if kept:
            columns = {
                "time_s": np.full(len(egos), self.scenario.length_s if n else 0.0),
                "node": egos,
                "role": np.full(len(egos), HONEST),
                "online": np.ones(len(egos), np.bool_),
                "attack_edge": fallen,
            }
            self.rows.append(NODES.of(columns | seen))
        others = ~fallen if not fallen.all() else fallen
        self.points.append(
            point(
                OURS,
                "+".join(attackers.kinds) or "peace",
                attackers.edges if attackers.kinds else 0,
                n,
                mass=seen["merit_mass_sybil"][others],
                target_hit=seen["target_hits"][others] > 0,
                ndcg=seen["ndcg"],
                false_flags=seen["honest_flagged"],
            )
        )

    def _finished(self, oracle: Table, n_sybils: int) -> RunResult:
        """Return the result of what was measured."""
        scenario = self.scenario
        nodes, curve = NODES.joined(self.rows), curve_table(self.points)
        figures = {"ndcg_peace": self.points[0].ndcg, "ndcg_attack": self.points[-1].ndcg}
        return RunResult(
            nodes=nodes,
            oracle=oracle,
            curve=curve,
            scenario=scenario,
            backend="graph",
            trace_hash=digest(nodes, curve),
            events=self.looks,
            virtual_s=scenario.length_s,
            wall_s=time.perf_counter() - self.started,
            n_honest=self.people.n_users,
            n_sybils=n_sybils,
            complete=not self.stopped,
            notes=_notes(self.people),
            figures={name: value for name, value in figures.items() if not np.isnan(value)},
        )


def _notes(people: Community) -> tuple[str, ...]:
    """Return what the reader has to know."""
    if people.trust is None:
        return ("Nobody trusts anybody here, so everybody counts alike and there is no merit.",)
    return ()
