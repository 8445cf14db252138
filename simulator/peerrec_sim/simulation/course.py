"""Take a run through its virtual time: from measurement to measurement, to its end."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import numpy as np

from peerrec_sim.measures.snapshot import Snapshot
from peerrec_sim.serving import Progress
from peerrec_sim.simulation.backends import Backend
from peerrec_sim.simulation.line import lookahead_s
from peerrec_sim.simulation.windows import Windows
from peerrec_sim.simulation.worker import Ending
from peerrec_sim.simulation.world import START, World

__all__ = ["STAGE", "Course"]

STAGE = "virtual seconds"

SLICE_S = 1.0
"""Virtual time after which progress is told and a wish to stop is heard."""


class Course:
    """The course of one run.

    Args:
        world: who takes part.
        backend: runs it.
        shards: of the backend.
        progress: told the virtual seconds that have passed.
        cancel: asked every virtual second; True ends the run.

    Attributes:
        windows: its time.
        snapshots: what was measured so far.
        endings: what shards left behind, also where the run was interrupted.
        virtual_s: virtual seconds up to the last measurement.
        complete: whether it went to its end.
    """

    def __init__(
        self,
        world: World,
        backend: Backend,
        shards: int,
        progress: Progress | None,
        cancel: Callable[[], bool] | None,
    ) -> None:
        self.windows = Windows(backend, shards, lookahead_s(world.scenario.links))
        self.snapshots: list[Snapshot] = []
        self.endings: list[Ending] = []
        self.virtual_s = 0.0
        self.complete = False
        self._scenario = world.scenario
        self._backend = backend
        self._progress = progress
        self._cancel = cancel

    def take(self) -> None:
        """Run to the end, or until somebody wants to stop."""
        try:
            for at_s in self._moments():
                if not self._run_to(at_s):
                    break
                self._measure(at_s)
            self.complete = self.virtual_s == self._scenario.length_s
        except KeyboardInterrupt:
            # In the middle of an event, which has not happened then: what was measured
            # before holds, and the hash is of all events up to that one.
            self.complete = False
        self.endings = self._backend.ending()

    @property
    def n_events(self) -> int:
        """Events that the hashes of the endings are of."""
        return sum(ending.n_events for ending in self.endings)

    def _moments(self) -> Iterator[float]:
        """Yield when to measure, seconds after the start; the last is the end."""
        length_s, every_s = self._scenario.length_s, self._scenario.measures.every_s
        yield from np.arange(every_s, length_s, every_s).tolist()
        yield length_s

    def _run_to(self, at_s: float) -> bool:
        """Let time pass; return whether nobody wanted to stop."""
        passed_s = self.virtual_s
        while passed_s < at_s:
            passed_s = min(math.floor(passed_s + SLICE_S), at_s)
            self.windows.run_until(START + passed_s)
            if self._progress is not None:
                self._progress(STAGE, int(passed_s), math.ceil(self._scenario.length_s))
            if self._cancel is not None and self._cancel():
                return False
        return True

    def _measure(self, at_s: float) -> None:
        last = at_s == self._scenario.length_s
        lists = last or not self._scenario.measures.at_end_only
        self.snapshots += self._backend.snapshot(START + at_s, lists, last)
        self.virtual_s = at_s
