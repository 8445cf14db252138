"""Run the points of a sweep here, in processes, or on a Ray cluster: one seam.

A point goes to a worker as plain tables and comes back as the files of its folder, so a
worker needs nothing but the package, on whatever machine it is. A worker that dies takes
one point with it: `WorkerDied` names it, what was finished stays.

Example:
    >>> from peerrec_sim.experiments.workers import by_name
    >>> by_name("inline", 1).__name__
    'inline'
"""

from __future__ import annotations

import multiprocessing
import signal
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any, TypeAlias

from peerrec.errors import ConfigError, PeerrecError

__all__ = ["BACKENDS", "Files", "Finished", "Job", "WorkerDied", "by_name"]

BACKENDS = ("inline", "processes", "ray")

Files: TypeAlias = dict[str, bytes]
"""Content by path inside a folder."""

Job: TypeAlias = tuple[str, dict[str, Any]]
"""Name of a point and the tables of its scenario."""

Run: TypeAlias = Callable[[dict[str, Any]], Files]
"""Runs tables and returns the files of the result."""


class WorkerDied(PeerrecError):
    """A worker ended without an answer: names its point and how to go on."""


@dataclass(frozen=True, slots=True)
class Finished:
    """A point that has been run."""

    name: str
    files: Files


def by_name(backend: str, workers: int) -> Callable[[Sequence[Job], Run], Iterator[Finished]]:
    """Return what runs jobs, by name: yields each when it is finished, in any order.

    Raises:
        ConfigError: no backend is called so.
    """
    if backend == "inline":
        return inline
    if backend == "processes":
        return partial(processes, workers)
    if backend == "ray":
        return partial(on_ray, workers)
    raise ConfigError("--backend", backend, "one of " + ", ".join(BACKENDS))


def run_tables(tables: dict[str, Any]) -> Files:
    """Return the files that the run of a scenario writes."""
    from peerrec_sim.experiments import engine
    from peerrec_sim.scenario.loading import from_tables

    result = engine.execute(from_tables(tables))
    with tempfile.TemporaryDirectory(prefix="peerrec-sim-") as parent:
        folder = Path(parent) / "run"
        result.write(folder)
        return read_files(folder)


def read_files(folder: Path) -> Files:
    """Return the content of all files in a folder."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def write_files(files: Mapping[str, bytes], folder: Path) -> None:
    """Write files into a folder that is there."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def inline(jobs: Sequence[Job], run: Run) -> Iterator[Finished]:
    """Run one after the other in this process."""
    for name, tables in jobs:
        yield Finished(name, run(tables))


# -- processes ------------------------------------------------------------------------


@dataclass(slots=True)
class _Busy:
    """A process with a point."""

    name: str
    process: Any
    answer: Connection


def processes(workers: int, jobs: Sequence[Job], run: Run) -> Iterator[Finished]:
    """Run each in a fresh process, so many at a time; memory goes back after every point.

    Raises:
        WorkerDied: a process ended without an answer.
        PeerrecError: what a run raised.
    """
    context = multiprocessing.get_context("spawn")
    waiting = list(reversed(jobs))
    busy: list[_Busy] = []
    try:
        while waiting or busy:
            while waiting and len(busy) < workers:
                busy.append(_start(context, *waiting.pop(), run))
            ready = wait([each.answer for each in busy])
            for each in [each for each in busy if each.answer in ready]:
                busy.remove(each)
                yield Finished(each.name, _answer(each))
    finally:
        for each in busy:
            each.process.terminate()
            each.process.join()


def _start(context: Any, name: str, tables: dict[str, Any], run: Run) -> _Busy:
    """Start a process on a point."""
    here, there = context.Pipe(duplex=False)
    process = context.Process(target=_work, args=(there, tables, run), daemon=True)
    process.start()
    there.close()
    return _Busy(name, process, here)


def _work(answer: Connection, tables: dict[str, Any], run: Run) -> None:
    """Run a point in a process of its own; Ctrl-C is the parent's to handle."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        said: Files | PeerrecError = run(tables)
    except PeerrecError as error:
        said = error
    answer.send(said)
    answer.close()


def _answer(busy: _Busy) -> Files:
    """Return what a process found."""
    try:
        said: Files | PeerrecError = busy.answer.recv()
    except EOFError:
        busy.process.join()
        raise WorkerDied(_obituary(busy.name, _cause(busy.process.exitcode))) from None
    busy.process.join()
    if isinstance(said, PeerrecError):
        raise said
    return said


def _cause(exitcode: int) -> str:
    """Say how a process ended."""
    if exitcode == -signal.SIGKILL:
        return "killed; the machine may be out of memory"
    if exitcode < 0:
        return f"signal {-exitcode}"
    return f"exit code {exitcode}; its own message is above"


def _obituary(name: str, cause: str) -> str:
    return (
        f"the worker that ran {name} died ({cause}); what was finished is kept: "
        "the same command with --resume goes on"
    )


# -- Ray ------------------------------------------------------------------------------


def on_ray(workers: int, jobs: Sequence[Job], run: Run) -> Iterator[Finished]:
    """Run them on the Ray cluster this machine belongs to, or on a new one of its cores.

    Raises:
        ConfigError: Ray is not installed.
        WorkerDied: a worker or its machine is gone.
        PeerrecError: what a run raised.
    """
    from peerrec_sim.simulation.ray_backend import started_ray

    ray = started_ray(workers)
    remote = ray.remote(max_retries=0)(_safely)
    waiting, busy = list(reversed(jobs)), dict[Any, str]()
    while waiting or busy:
        while waiting and len(busy) < workers:
            name, tables = waiting.pop()
            busy[remote.remote(run, tables)] = name
        done, _ = ray.wait(list(busy))
        for reference in done:
            name = busy.pop(reference)
            try:
                said: Files | PeerrecError = ray.get(reference)
            except ray.exceptions.RayError as error:
                raise WorkerDied(_obituary(name, type(error).__name__)) from error
            if isinstance(said, PeerrecError):
                raise said
            yield Finished(name, said)


def _safely(run: Run, tables: dict[str, Any]) -> Files | PeerrecError:
    """Return what a run finds, or the error it was meant to raise."""
    try:
        return run(tables)
    except PeerrecError as error:
        return error
