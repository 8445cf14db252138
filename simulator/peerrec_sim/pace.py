"""Show how fast long work goes and when it will be done: a bar for people, lines for files.

Beside `peerrec_sim.progress`, for work that takes minutes to hours: each stage tells its
rate and the time left, both from the recent past, since a network that has met and
settled is faster than one that meets.

Example:
    >>> import io
    >>> clock, lines = iter([0.0, 10.0, 40.0]), io.StringIO()
    >>> with paced(lines, clock=lambda: next(clock)) as progress:
    ...     progress("virtual seconds", 0, 600)
    ...     progress("virtual seconds", 150, 600)
    ...     progress("virtual seconds", 600, 600)
    >>> print(lines.getvalue(), end="")
    virtual seconds: 0 of 600
    virtual seconds: 150 of 600, 15/s, 30 s left
    virtual seconds: 600 of 600, 15/s, done
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TaskID, TextColumn
from rich.progress import Progress as Bars

from peerrec_sim.serving import Progress

__all__ = ["Pace", "duration", "paced"]

LINE_EVERY_S = 5.0
"""Seconds between two lines of a stage: an hour's log stays readable."""

REFRESH_EVERY_S = 0.2
"""Seconds between two pictures of a bar: what eyes follow, at no cost."""

RECENT = 30
"""Reports that make the rate: at five a second, the last six seconds or more."""

Clock = Callable[[], float]


class Pace:
    """The rate of one stage and what it leaves to do, from its most recent reports.

    Args:
        now: seconds of any clock that never goes back.
        done: what is done already.
    """

    __slots__ = ("_recent",)

    def __init__(self, now: float, done: int) -> None:
        self._recent: deque[tuple[float, int]] = deque([(now, done)], maxlen=RECENT)

    def report(self, now: float, done: int) -> None:
        """Take note of what is done now."""
        self._recent.append((now, done))

    @property
    def rate(self) -> float:
        """Done a second; 0 while unknown."""
        (began, before), (now, done) = self._recent[0], self._recent[-1]
        return (done - before) / (now - began) if now > began else 0.0

    def text(self, done: int, total: int) -> str:
        """Return rate and time left in words; nothing while unknown."""
        rate = self.rate
        if rate <= 0.0:
            return ""
        shown = f"{rate:,.0f}/s" if rate >= 10 else f"{rate:.2g}/s"
        return f"{shown}, {duration((total - done) / rate) + ' left' if done < total else 'done'}"


@contextmanager
def paced(stream: TextIO, clock: Clock = time.monotonic) -> Iterator[Progress]:
    """Yield a progress callback that writes to the stream until the block ends."""
    if not stream.isatty():
        yield _PacedLines(stream, clock)
        return
    with Bars(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[pace]}"),
        console=Console(file=stream),
        auto_refresh=False,
        transient=True,
    ) as bars:
        yield _PacedBars(bars, clock)


def duration(seconds: float) -> str:
    """Return a time span in words, two units at most.

    Example:
        >>> duration(42.4), duration(190), duration(7_500)
        ('42 s', '3 min 10 s', '2 h 05 min')
    """
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3_600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3_600} h {whole % 3_600 // 60:02d} min"


class _Stages(ABC):
    """One pace per stage, shown at most every so many seconds, and at both ends."""

    every_s: float

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._paces: dict[str, Pace] = {}
        self._shown_at: dict[str, float] = {}

    def __call__(self, stage: str, done: int, total: int) -> None:
        """Take note, and show it where it is time."""
        now = self._clock()
        first = stage not in self._paces
        if first:
            self._paces[stage] = Pace(now, done)
        elif done < total and now - self._shown_at[stage] < self.every_s:
            return
        else:
            self._paces[stage].report(now, done)
        self._shown_at[stage] = now
        self.show(stage, done, total, self._paces[stage].text(done, total), first=first)

    @abstractmethod
    def show(self, stage: str, done: int, total: int, pace: str, *, first: bool) -> None:
        """Write one stage."""


class _PacedLines(_Stages):
    """A line every few seconds."""

    every_s = LINE_EVERY_S

    def __init__(self, stream: TextIO, clock: Clock) -> None:
        super().__init__(clock)
        self._stream = stream

    def show(self, stage: str, done: int, total: int, pace: str, *, first: bool) -> None:
        """Write a line."""
        text = f"{stage}: {done:,} of {total:,}" + (f", {pace}" if pace else "")
        print(text, file=self._stream, flush=True)


class _PacedBars(_Stages):
    """A bar per stage."""

    every_s = REFRESH_EVERY_S

    def __init__(self, bars: Bars, clock: Clock) -> None:
        super().__init__(clock)
        self._bars = bars
        self._tasks: dict[str, TaskID] = {}

    def show(self, stage: str, done: int, total: int, pace: str, *, first: bool) -> None:
        """Move the bar."""
        if first:
            self._tasks[stage] = self._bars.add_task(stage, total=total, pace="")
        self._bars.update(self._tasks[stage], completed=done, total=total, pace=pace, refresh=True)
