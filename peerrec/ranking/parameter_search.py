"""Search a grid of settings, one at a time, for what an objective rates best.

Coordinate descent with momentum: from the best of some starting points, each parameter
(or a pair that balances each other) in turn walks along its rising values while the
objective gains; until a whole pass changes nothing, or the caller says that time is over.
Every point is rated once, the order is fixed, there is no clock and no chance in here.

An objective may know better than the search about some of the settings: it returns the
settings it really rated, with those filled in.

Example:
    >>> found = search({"x": [0, 1, 2, 3]}, [{"x": 0}], lambda s: (-(s["x"] - 2) ** 2, s))
    >>> found.best.settings, len(found.trials), found.complete
    ({'x': 2}, 4, True)
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import msgspec

__all__ = ["Found", "Move", "Objective", "Setting", "Trial", "never", "search"]

Setting: TypeAlias = dict[str, Any]
"""Parameter → value."""

Objective: TypeAlias = Callable[[Setting], tuple[float, Setting]]
"""Rates settings: a score, higher is better, and the settings that it belongs to."""

Move: TypeAlias = Mapping[str, int]
"""Parameters to change together, each to its next value up (1) or down (−1), or the reverse."""

GAIN_MIN = 0.0005
"""A value replaces another only if it is better by this share: no change for noise."""


class Trial(msgspec.Struct, frozen=True):
    """One point that was tried.

    Attributes:
        settings: parameter → value.
        score: what the objective gave.
    """

    settings: Setting
    score: float


@dataclass(frozen=True, slots=True)
class Found:
    """What a search came to.

    Attributes:
        best: the best trial.
        trials: all of them, in the order they were tried.
        complete: False where time ended the search.
    """

    best: Trial
    trials: list[Trial]
    complete: bool


def never() -> bool:
    """Say that there is time: the default of whoever has no deadline."""
    return False


def search(
    grid: Mapping[str, Sequence[Any]],
    starts: Sequence[Setting],
    objective: Objective,
    out_of_time: Callable[[], bool] = never,
    moves: Sequence[Move] | None = None,
) -> Found:
    """Return the best settings found on a grid.

    Args:
        grid: values worth trying of each parameter, rising, in the order of the search.
        starts: settings to choose the starting point from, at least one; parameters
            outside the grid keep their value, values off the grid are allowed.
        objective: rates settings.
        out_of_time: asked before each trial but the first.
        moves: what to change together; each parameter alone by default.
    """
    one_each = [{name: 1} for name in grid]
    return _Descent(grid, objective, out_of_time, one_each if moves is None else moves).run(starts)


@dataclass(slots=True)
class _Descent:
    """A search under way."""

    grid: Mapping[str, Sequence[Any]]
    objective: Objective
    out_of_time: Callable[[], bool]
    moves: Sequence[Move]
    trials: list[Trial] = field(default_factory=list)
    rated: list[tuple[Setting, Trial]] = field(default_factory=list)
    complete: bool = True

    def run(self, starts: Sequence[Setting]) -> Found:
        """Return the best trial reached from the best start."""
        tried = [trial for start in starts if (trial := self.rate(start)) is not None]
        best = max(tried, key=lambda trial: trial.score)
        while True:
            before = best
            for move in self.moves:
                best = self.climb(move, best)
            if best is before or not self.complete:
                return Found(best, self.trials, self.complete)

    def climb(self, move: Move, best: Trial) -> Trial:
        """Return the best trial reached by moves one way, else the other way."""
        for direction in (+1, -1):
            moved = False
            while (step := self.neighbour(move, best, direction)) is not None:
                trial = self.rate(step)
                if trial is None or trial.score <= best.score + abs(best.score) * GAIN_MIN:
                    break
                best, moved = trial, True
            if moved:
                break
        return best

    def neighbour(self, move: Move, trial: Trial, direction: int) -> Setting | None:
        """Return the settings after a move; None where the grid ends."""
        changed = dict(trial.settings)
        for name, sign in move.items():
            here, up = changed[name], sign * direction > 0
            values = [v for v in self.grid[name] if (v > here if up else v < here)]
            if not values:
                return None
            changed[name] = min(values) if up else max(values)
        return changed

    def rate(self, settings: Setting) -> Trial | None:
        """Return the trial of these settings; None where time is over."""
        point = {name: settings[name] for name in self.grid}
        for other, trial in self.rated:
            if other == point:
                return trial
        if self.trials and self.out_of_time():
            self.complete = False
            return None
        score, completed = self.objective(settings)
        trial = Trial(completed, score)
        self.trials.append(trial)
        self.rated.append((point, trial))
        return trial
