"""Run a scenario and return what it found.

Example:
    >>> from peerrec_sim.scenario.schema import Measures, Population
    >>> scenario = Scenario(name="tiny", length_s=20.0, measures=Measures(egos=1),
    ...     population=Population(nodes=4, items=40))
    >>> result = Simulation(scenario).run()
    >>> result.complete, result.n_honest, result.virtual_s
    (True, 4, 20.0)
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import closing

from peerrec_sim.community import Interactions
from peerrec_sim.measures.columns import ORACLE
from peerrec_sim.measures.oracle import Knowledge, oracle
from peerrec_sim.measures.result import RunResult
from peerrec_sim.measures.snapshot import assembled
from peerrec_sim.measures.table import Table
from peerrec_sim.scenario.schema import Scenario
from peerrec_sim.serving import Progress
from peerrec_sim.simulation.backends import open_backend
from peerrec_sim.simulation.course import Course
from peerrec_sim.simulation.replay import Extract, Logged, Replay
from peerrec_sim.simulation.trace import trace_hash
from peerrec_sim.simulation.uncollected import uncollected
from peerrec_sim.simulation.worker import Ending, observation_of
from peerrec_sim.simulation.world import START, World

__all__ = ["Simulation", "trace_hash"]

ORACLE_STAGE = "lists with all data"

ENDED_EARLY = "The run was ended before its time."
NO_ORACLE = "Lists with all data were not computed: the run was ended before that."


class Simulation:
    """A scenario that can be run.

    Args:
        scenario: what to run; its seed decides everything.
        backend: ``inline``, ``processes`` or ``ray``.
        shards: into how many parts the participants are dealt; the result is the same.
    """

    def __init__(self, scenario: Scenario, backend: str = "inline", shards: int = 1) -> None:
        self.scenario = scenario
        self.backend = backend
        self.shards = shards

    def run(
        self,
        progress: Progress | None = None,
        cancel: Callable[[], bool] | None = None,
    ) -> RunResult:
        """Run to the end, or as far as it comes; return what was found.

        Ctrl-C and ``cancel`` leave a valid result: what was measured until then, and the
        hash of all events until then.

        Args:
            progress: told the virtual seconds that have passed.
            cancel: asked every virtual second; True ends the run.

        Raises:
            ConfigError: the scenario, the backend or its extra is not possible.
            DataError: the data set is missing or cannot be split.
            WorkerLost: a worker died.
        """
        if self.scenario.mode == "graph":
            from peerrec_sim.graph_level import run

            return run(self.scenario, progress, cancel)
        began = time.monotonic()
        world = World(self.scenario)
        with closing(open_backend(self.backend, self.scenario, self.shards, world)) as backend:
            course = Course(world, backend, self.shards, progress, cancel)
            with uncollected():
                course.take()
        nodes, deliveries = assembled(course.snapshots, START)
        notes = [] if course.complete else [ENDED_EARLY]
        known = ORACLE.table()
        try:
            if course.snapshots:
                known = _oracle(world, progress)
        except KeyboardInterrupt:
            notes.append(NO_ORACLE)
        return RunResult(
            nodes=nodes,
            deliveries=deliveries,
            oracle=known,
            scenario=self.scenario,
            backend=self.backend,
            shards=self.shards,
            trace_hash=trace_hash(each for end in course.endings for each in end.traces),
            events=course.n_events,
            virtual_s=course.virtual_s,
            wall_s=time.monotonic() - began,
            n_honest=world.n_honest,
            n_sybils=len(world.sybils),
            complete=not notes,
            notes=tuple(notes),
            figures=_figures(course.endings),
        )

    def replay(self, first: int, last: int) -> Iterator[Logged]:
        """Run again, and yield the events from number ``first`` up to before ``last``.

        Events are numbered from 0 in their one order. The run stops after the last of them.
        For other extracts, and to check a run, see `peerrec_sim.simulation.replay`.
        """
        return Replay(self.scenario).events(Extract(first=first, last=last))


def _oracle(world: World, progress: Progress | None) -> Table:
    """Return how good lists would be with all that was public up to the end."""
    observation, plays = observation_of(world), world.plays
    knowledge = Knowledge(
        plays=Interactions(plays.user, plays.item, plays.weight, plays.time),
        trust=world.community.trust,
        n_users=world.n_honest,
        items=world.community.items,
        public=plays.public,
    )

    def told(done: int, total: int) -> None:
        if progress is not None:
            progress(ORACLE_STAGE, done, total)

    now = START + world.scenario.length_s
    return oracle(knowledge, observation.egos, observation.options, now, told)


def _figures(endings: list[Ending]) -> dict[str, float]:
    """Return what happened in all shards together, by name."""
    figures: dict[str, float] = {}
    for ending in endings:
        for what, n in ending.counters.items():
            figures[what] = figures.get(what, 0.0) + n
    return figures
