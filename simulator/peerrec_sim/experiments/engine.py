"""Run one scenario the way it asks for, with Ctrl-C as a request to end early.

Example:
    >>> from peerrec_sim.scenario import load
    >>> prepare(load("quiet")).fits
    True
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING

from peerrec.errors import ConfigError
from peerrec_sim import datasets
from peerrec_sim.scenario.estimate import Estimate, estimate, refuse_what_does_not_fit
from peerrec_sim.scenario.keys import hint
from peerrec_sim.scenario.schema import Scenario
from peerrec_sim.serving import Progress

if TYPE_CHECKING:
    from peerrec_sim.measures.result import RunResult

__all__ = ["Cancel", "execute", "interruptible", "prepare"]

Cancel = Callable[[], bool]
"""Asked now and then whether to end early."""


def prepare(scenario: Scenario, shards: int = 1, *, force: bool = False) -> Estimate:
    """Return what a run will take, once it is known that it can begin.

    Args:
        scenario: what is to be run.
        shards: processes that share the nodes.
        force: begin though the machine has too little memory.

    Raises:
        ConfigError: the data set or an attack is not there, or memory is short.
    """
    _refuse_missing_dataset(scenario)
    _refuse_unknown_attack(scenario)
    expected = estimate(scenario, shards)
    if not force:
        refuse_what_does_not_fit(scenario, expected)
    return expected


def execute(
    scenario: Scenario,
    *,
    backend: str = "inline",
    shards: int = 1,
    progress: Progress | None = None,
    cancel: Cancel | None = None,
) -> RunResult:
    """Run a scenario to its end, or to where it was asked to end.

    Args:
        scenario: what to run.
        backend: where shards run; the graph mode has no shards.
        shards: parts that the network is cut into.
        progress: told how far it is.
        cancel: asked whether to end early; the result then says that it is incomplete.
    """
    if scenario.mode == "graph":
        from peerrec_sim.graph_level import run

        return run(scenario, progress=progress, cancel=cancel)
    from peerrec_sim.simulation.simulation import Simulation

    return Simulation(scenario, backend=backend, shards=shards).run(
        progress=progress, cancel=cancel
    )


@contextmanager
def interruptible() -> Iterator[Cancel]:
    """Yield what turns true at the first Ctrl-C; the second one ends the process as usual.

    Outside the main thread, where signals cannot be caught, it stays false.
    """
    asked = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield asked.is_set
        return
    before = signal.getsignal(signal.SIGINT)

    def ask(number: int, frame: FrameType | None) -> None:
        asked.set()
        signal.signal(signal.SIGINT, signal.default_int_handler)

    signal.signal(signal.SIGINT, ask)
    try:
        yield asked.is_set
    finally:
        signal.signal(signal.SIGINT, before)


def _refuse_missing_dataset(scenario: Scenario) -> None:
    """Refuse a data set that is nowhere, before anything is made."""
    if scenario.population.source != "dataset":
        return
    try:
        datasets.locate(scenario.population.dataset)
    except ConfigError as error:
        raise ConfigError("population.dataset", error.value, error.allowed) from None


def _refuse_unknown_attack(scenario: Scenario) -> None:
    """Refuse attacks that nobody has written, or that the mode cannot run."""
    if not scenario.attackers.kinds:
        return
    known = _known_attacks(scenario)
    for kind in scenario.attackers.kinds:
        if kind not in known:
            raise ConfigError("attackers.kinds", kind, hint(kind, known))


def _known_attacks(scenario: Scenario) -> list[str]:
    """Return the attacks of a mode."""
    if scenario.mode == "graph":
        from peerrec_sim import attacks
        from peerrec_sim.graph_level.planted import SHAPES

        return sorted({*attacks.names(), *SHAPES})
    from peerrec_sim import attackers

    return attackers.names()
