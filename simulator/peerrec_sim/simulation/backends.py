"""Run the shards of a world somewhere: one seam, four methods.

`Inline` runs them here, one after the other; `Processes` each in a process of its own;
`peerrec_sim.simulation.ray_backend` on the machines of a Ray cluster. Results are the
same, byte for byte.
"""

from __future__ import annotations

import contextlib
import gc
import multiprocessing
import signal
import sys
from collections.abc import Sequence
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any, Protocol

from peerrec.errors import ConfigError, PeerrecError
from peerrec_sim.measures.snapshot import Snapshot
from peerrec_sim.scenario.schema import Scenario
from peerrec_sim.simulation.undisturbed import undisturbed
from peerrec_sim.simulation.worker import Ending, Report, Worker
from peerrec_sim.simulation.world import World

__all__ = ["BACKENDS", "Backend", "Inline", "Processes", "WorkerLost", "open_backend"]

BACKENDS = ("inline", "processes", "ray")


class WorkerLost(PeerrecError):
    """A worker died: says which, and how to go on."""

    def __init__(self, shard: int, shards: int, why: str) -> None:
        super().__init__(
            f"the worker of shard {shard} (of {shards}) is gone: {why}. A run is repeated by its "
            "scenario and seed: start it again to get the same results, with fewer nodes or more "
            "memory where that ran out"
        )
        self.shard = shard


class Backend(Protocol):
    """Where shards run; shard i is the i-th of every list."""

    def advance(self, end: float, mail: Sequence[list[bytes]]) -> list[Report]:
        """Hand every shard its mail, and let everything happen before a time."""
        ...

    def snapshot(self, now: float, lists: bool, last: bool) -> list[Snapshot]:
        """Measure all participants."""
        ...

    def ending(self) -> list[Ending]:
        """Return what the run leaves behind."""
        ...

    def close(self) -> None:
        """Let go of everything; calling twice is no error."""
        ...


class Inline:
    """All shards in this process, one after the other."""

    def __init__(self, scenario: Scenario, shards: int, world: World | None = None) -> None:
        world = world or World(scenario)
        self.workers = [Worker(scenario, number, shards, world) for number in range(shards)]

    def advance(self, end: float, mail: Sequence[list[bytes]]) -> list[Report]:
        """Hand every shard its mail, and let everything happen before a time."""
        pairs = zip(self.workers, mail, strict=True)
        # Several shards go on to the same time, or none; one may stop between two events.
        with undisturbed() if len(self.workers) > 1 else contextlib.nullcontext():
            return [worker.advance(end, blobs) for worker, blobs in pairs]

    def snapshot(self, now: float, lists: bool, last: bool) -> list[Snapshot]:
        """Measure all participants."""
        return [worker.snapshot(now, lists, last) for worker in self.workers]

    def ending(self) -> list[Ending]:
        """Return what the run leaves behind."""
        return [worker.ending() for worker in self.workers]

    def close(self) -> None:
        """Let go of the workers."""
        self.workers.clear()


class Processes:
    """Each shard in a process of this machine, which makes its part of the world itself."""

    def __init__(self, scenario: Scenario, shards: int, world: World | None = None) -> None:
        forks = sys.platform.startswith("linux")
        context: Any = multiprocessing.get_context("fork" if forks else "spawn")
        self._pipes: list[Connection] = []
        self._owed: list[int] = [0] * shards
        self._processes: list[BaseProcess] = []
        for number in range(shards):
            here, there = context.Pipe()
            made = (there, scenario, number, shards, world if forks else None)
            process = context.Process(target=_serve, args=made, daemon=True)
            process.start()
            there.close()
            self._pipes.append(here)
            self._processes.append(process)

    def advance(self, end: float, mail: Sequence[list[bytes]]) -> list[Report]:
        """Hand every shard its mail, and let everything happen before a time."""
        found: list[Report] = self._call("advance", [(end, blobs) for blobs in mail])
        return found

    def snapshot(self, now: float, lists: bool, last: bool) -> list[Snapshot]:
        """Measure all participants."""
        found: list[Snapshot] = self._call("snapshot", [(now, lists, last)] * len(self._pipes))
        return found

    def ending(self) -> list[Ending]:
        """Return what the run leaves behind."""
        found: list[Ending] = self._call("ending", [()] * len(self._pipes))
        return found

    def close(self) -> None:
        """End the processes."""
        for pipe in self._pipes:
            with contextlib.suppress(OSError):
                pipe.send(None)
            pipe.close()
        for process in self._processes:
            process.join(timeout=5.0)
            if process.is_alive():
                process.terminate()
                process.join()
        self._pipes, self._processes = [], []

    def _call(self, method: str, arguments: Sequence[tuple[Any, ...]]) -> list[Any]:
        """Call a method of all workers at once; return what each answers."""
        self._hear_out()
        with undisturbed():  # all shards go on to the same time, or none
            for shard, (pipe, each) in enumerate(zip(self._pipes, arguments, strict=True)):
                try:
                    pipe.send((method, each))
                except OSError:
                    raise self._lost(shard) from None
                self._owed[shard] += 1
        return [self._answer(shard) for shard in range(len(self._pipes))]

    def _hear_out(self) -> None:
        """Take answers that nobody waited for: Ctrl-C came before them."""
        for shard in range(len(self._pipes)):
            while self._owed[shard]:
                self._answer(shard)

    def _answer(self, shard: int) -> Any:
        pipe = self._pipes[shard]
        try:
            pipe.poll(None)
            with undisturbed():
                failed, answer = pipe.recv()
                self._owed[shard] -= 1
        except (EOFError, OSError):
            raise self._lost(shard) from None
        if failed:
            raise answer
        return answer

    def _lost(self, shard: int) -> WorkerLost:
        process = self._processes[shard]
        process.join(timeout=1.0)
        code = process.exitcode
        why = f"it was ended by signal {-code}" if code is not None and code < 0 else ""
        return WorkerLost(shard, len(self._processes), why or f"it ended with code {code}")


def _serve(pipe: Connection, scenario: Scenario, number: int, of: int, world: World | None) -> None:
    """Answer calls until there are none; Ctrl-C is the parent's to handle."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    gc.disable()  # see peerrec_sim.simulation.uncollected
    worker: Worker | None = None
    while True:
        try:
            call = pipe.recv()
        except EOFError:
            return
        if call is None:
            return
        method, arguments = call
        try:
            worker = worker or Worker(scenario, number, of, world)
            answer = (False, getattr(worker, method)(*arguments))
        except Exception as error:  # the caller raises it
            answer = (True, error)
        pipe.send(answer)


def open_backend(name: str, scenario: Scenario, shards: int, world: World | None = None) -> Backend:
    """Return a backend with its shards ready.

    Args:
        name: one of BACKENDS.
        scenario: what is run.
        shards: into how many parts.
        world: the scenario's, where it was made already.

    Raises:
        ConfigError: the name is unknown, there is less than one shard, or Ray is missing.
    """
    if shards < 1:
        raise ConfigError("shards", shards, "at least 1")
    if name == "inline":
        return Inline(scenario, shards, world)
    if name == "processes":
        return Processes(scenario, shards, world)
    if name == "ray":
        from peerrec_sim.simulation.ray_backend import Ray

        return Ray(scenario, shards)
    raise ConfigError("backend", name, "use one of " + ", ".join(BACKENDS))
