"""Show progress of long work on stderr: a bar for people, plain lines for files.

Example:
    >>> import io
    >>> lines = io.StringIO()
    >>> with shown(lines) as progress:
    ...     progress("peace", 0, 4)
    ...     progress("peace", 4, 4)
    >>> lines.getvalue().splitlines()
    ['peace: 0 of 4', 'peace: 4 of 4']
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bars

from peerrec_sim.serving import Progress

__all__ = ["shown"]

LINES_PER_STAGE = 2
"""Plain lines of one stage after its first: enough to see that it moves."""


@contextmanager
def shown(stream: TextIO) -> Iterator[Progress]:
    """Yield a progress callback that writes to the stream until the block ends."""
    if not stream.isatty():
        yield _Lines(stream)
        return
    # Refreshed by hand: a refreshing thread and forked workers do not go together.
    with Bars(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=Console(file=stream),
        auto_refresh=False,
        transient=True,
    ) as bars:
        yield _Bars(bars)


class _Bars:
    """One bar per stage."""

    def __init__(self, bars: Bars) -> None:
        self._bars = bars
        self._tasks: dict[str, TaskID] = {}

    def __call__(self, stage: str, done: int, total: int) -> None:
        """Move the stage's bar."""
        if stage not in self._tasks:
            self._tasks[stage] = self._bars.add_task(stage, total=total)
        self._bars.update(self._tasks[stage], completed=done, total=total, refresh=True)


class _Lines:
    """A line at the start of a stage and whenever another part of it is done."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._last: dict[str, int] = {}

    def __call__(self, stage: str, done: int, total: int) -> None:
        """Write a line where enough has happened since the last one."""
        part = done * LINES_PER_STAGE // max(1, total)
        if self._last.get(stage) != part:
            self._last[stage] = part
            print(f"{stage}: {done} of {total}", file=self._stream, flush=True)
