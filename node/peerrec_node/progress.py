"""Show progress of long work on stderr: a bar for people, plain lines for files.

Example:
    >>> import io
    >>> lines = io.StringIO()
    >>> with shown(lines) as progress:
    ...     progress("recording", 10_000, 20_000)
    ...     progress("recording", 12_000, 20_000)
    ...     progress("recording", 20_000, 20_000)
    >>> lines.getvalue().splitlines()
    ['recording: 10,000 of 20,000', 'recording: 20,000 of 20,000']
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO, TypeAlias

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bars

__all__ = ["Progress", "shown", "stage"]

Progress: TypeAlias = Callable[[str, int, int | None], None]
"""Called with a stage, how much of it is done, and of how much; None where unknown."""

LONG = 10_000
"""What has no more steps than this is done before anybody looks."""

LINES_PER_STAGE = 2
"""Plain lines of one stage after its first: enough to see that it moves."""


@contextmanager
def shown(stream: TextIO) -> Iterator[Progress]:
    """Yield a progress callback that writes to the stream until the block ends."""
    if not stream.isatty():
        yield _Lines(stream)
        return
    with Bars(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=Console(file=stream),
        transient=True,
    ) as bars:
        yield _Bars(bars)


def stage(progress: Progress, name: str) -> Callable[[int, int], None]:
    """Return a callback for one stage, silent where the whole is not long."""

    def step(done: int, total: int) -> None:
        if total > LONG:
            progress(name, done, total)

    return step


class _Bars:
    """One bar per stage."""

    def __init__(self, bars: Bars) -> None:
        self._bars = bars
        self._tasks: dict[str, TaskID] = {}

    def __call__(self, stage: str, done: int, total: int | None) -> None:
        """Move the stage's bar."""
        if stage not in self._tasks:
            self._tasks[stage] = self._bars.add_task(stage, total=total)
        self._bars.update(self._tasks[stage], completed=done, total=total)


class _Lines:
    """A line at the start of a stage and whenever another part of it is done."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._last: dict[str, int] = {}

    def __call__(self, stage: str, done: int, total: int | None) -> None:
        """Write a line where enough has happened since the last one."""
        # Of unknown length: a line whenever twice as much is done.
        part = done.bit_length() if total is None else done * LINES_PER_STAGE // max(1, total)
        if self._last.get(stage) != part:
            self._last[stage] = part
            whole = "" if total is None else f" of {total:,}"
            print(f"{stage}: {done:,}{whole}", file=self._stream, flush=True)
