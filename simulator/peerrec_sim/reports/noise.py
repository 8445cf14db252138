"""Tell a change from noise: intervals of differences between two sets of runs.

* **By seeds**, where both sides have at least three: each run gives one number, and the
  interval is Student's t (Welch's, or that of paired differences where the seeds are the
  same). A bootstrap over three numbers would claim too much.
* **By people**, where there are fewer: a bootstrap that draws people, with all that
  belongs to each, and the same people on both sides where both have measured the same.
  That covers who was measured, not what else chance does in a run.

Example:
    >>> found = by_seeds({1: 0.1, 2: 0.2, 3: 0.3}, {1: 0.2, 2: 0.31, 3: 0.4})
    >>> found.low > 0, found.basis
    (True, 'seeds, paired')
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from peerrec_sim.measures.summary import Measure, Sample
from peerrec_sim.metrics import WORST_SHARE

__all__ = ["SEEDS_MIN", "Difference", "by_people", "by_seeds"]

Float64s: TypeAlias = npt.NDArray[np.float64]

SEEDS_MIN = 3
LEVEL = 0.95
RESAMPLES = 1_000
VALUES_MAX = 20_000
"""Values of one side that are drawn from; of more, a seeded sample."""

PEOPLE_MIN = 5
"""People below whom an interval would say nothing."""


@dataclass(frozen=True, slots=True)
class Difference:
    """How much one side differs from the other.

    Attributes:
        before, after: the numbers.
        low, high: 95 % interval of after − before; NaN where none can be told.
        basis: what the interval comes from, for a reader.
    """

    before: float
    after: float
    low: float
    high: float
    basis: str

    @property
    def change(self) -> float:
        """How much more it is after."""
        return self.after - self.before


def by_seeds(before: Mapping[int, float], after: Mapping[int, float]) -> Difference:
    """Return the difference of means over runs, each at least `SEEDS_MIN`, by their seeds."""
    from scipy import stats

    a = np.array([before[seed] for seed in sorted(before)])
    b = np.array([after[seed] for seed in sorted(after)])
    change = float(b.mean() - a.mean())
    if sorted(before) == sorted(after):
        error = float((b - a).std(ddof=1) / np.sqrt(len(a)))
        freedom, basis = float(len(a) - 1), "seeds, paired"
    else:
        parts = np.array([a.var(ddof=1) / len(a), b.var(ddof=1) / len(b)])
        error, basis = float(np.sqrt(parts.sum())), "seeds"
        each = parts**2 / np.array([len(a) - 1, len(b) - 1])
        freedom = float(parts.sum() ** 2 / each.sum()) if each.sum() else float(len(a) - 1)
    reach = float(stats.t.ppf((1 + LEVEL) / 2, freedom)) * error
    return Difference(float(a.mean()), float(b.mean()), change - reach, change + reach, basis)


def by_people(measure: Measure, before: Sample, after: Sample, seed: int = 0) -> Difference:
    """Return the difference of a statistic over people, with a bootstrap interval.

    Args:
        measure: whose statistic.
        before: its values, each with the person it belongs to; not empty.
        after: likewise.
        seed: of the bootstrap.
    """
    numbers = measure.of(before) or 0.0, measure.of(after) or 0.0  # never None: not empty
    people = np.unique(before.keys), np.unique(after.keys)
    too_few = min(map(len, people)) < PEOPLE_MIN
    # The largest value of a sample says nothing of the largest there could be.
    if too_few or measure.statistic == "max":
        return Difference(*numbers, np.nan, np.nan, "too little to tell")
    rng = np.random.default_rng(seed)
    sides = [_Side(sample, keys, rng) for sample, keys in zip((before, after), people, strict=True)]
    paired = np.array_equal(*people)
    changes = np.empty(RESAMPLES)
    for at in range(RESAMPLES):
        weights = sides[0].draw(rng)
        others = weights if paired else sides[1].draw(rng)
        changes[at] = sides[1].statistic(measure, others) - sides[0].statistic(measure, weights)
    low, high = np.quantile(changes, [(1 - LEVEL) / 2, (1 + LEVEL) / 2]).tolist()
    if not paired and low == high != 0.0:
        # All people of a run are alike: it is one value, as of a run, and no interval.
        return Difference(*numbers, np.nan, np.nan, "too little to tell")
    return Difference(*numbers, low, high, "people, paired" if paired else "people")


class _Side:
    """The values of one side in ascending order, to be weighted by person."""

    def __init__(
        self, sample: Sample, people: npt.NDArray[np.int64], rng: np.random.Generator
    ) -> None:
        keys, values = sample.keys, sample.values
        if len(values) > VALUES_MAX:
            kept = np.sort(rng.choice(len(values), VALUES_MAX, replace=False))
            keys, values = keys[kept], values[kept]
        order = np.argsort(values, kind="stable")
        self._values = values[order]
        self._person = np.searchsorted(people, keys[order])
        self._n = len(people)

    def draw(self, rng: np.random.Generator) -> Float64s:
        """Draw as many people as there are, with replacement: how often each came."""
        return np.bincount(rng.integers(0, self._n, self._n), minlength=self._n).astype(np.float64)

    def statistic(self, measure: Measure, weights: Float64s) -> float:
        """Return the statistic where each person counts so often."""
        weight = weights[self._person]
        total = float(weight.sum())
        if not total:
            return 0.0
        if measure.statistic == "mean":
            return float(weight @ self._values) / total
        below = np.cumsum(weight)
        if measure.statistic == "worst10":
            reach = WORST_SHARE * total
            part = np.diff(np.minimum(below, reach), prepend=0.0)
            return float(part @ self._values) / reach
        quantile = {"p50": 0.5, "p99": 0.99}[measure.statistic]
        return float(self._values[np.searchsorted(below, quantile * total)])
