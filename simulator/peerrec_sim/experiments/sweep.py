"""Plan a sweep: one scenario, other values, several seeds; go on where it stopped.

Every point has its own folder, named by its values, which appears when the point is
complete. So a sweep that was interrupted, or lost a worker, goes on with what is missing.

Example:
    >>> from peerrec_sim.scenario.overrides import variants
    >>> from peerrec_sim.scenario import load
    >>> over = [variants("attackers.sybils=0,10"), variants("merit.walks=500,1000")]
    >>> points = plan("sybil-serial", ["nodes=20"], over[1:], seeds=[0, 1])
    >>> [point.name for point in points]
    ['walks=500,seed=0', 'walks=500,seed=1', 'walks=1000,seed=0', 'walks=1000,seed=1']
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from peerrec.errors import ConfigError, DataError
from peerrec_sim.experiments.folder import RUN_FILE
from peerrec_sim.scenario.loading import from_tables, load
from peerrec_sim.scenario.overrides import Variant
from peerrec_sim.scenario.schema import Scenario

__all__ = ["Point", "finished", "missing", "plan"]

POINTS_MAX = 10_000
"""Runs of one sweep: more is a typing error."""


@dataclass(frozen=True, slots=True)
class Point:
    """One run of a sweep.

    Attributes:
        values: what differs from the scenario, as written, by path.
        scenario: what to run.
    """

    values: tuple[Variant, ...]
    scenario: Scenario

    @property
    def name(self) -> str:
        """Name of its folder: its values and its seed."""
        said = [f"{each.path.rpartition('.')[2]}={each.text}" for each in self.values]
        text = ",".join([*said, f"seed={self.scenario.seed}"])
        return re.sub(r"[^A-Za-z0-9=,.+-]+", "_", text)


def plan(
    name_or_path: str | Path,
    overrides: Iterable[str],
    over: Sequence[Sequence[Variant]],
    *,
    seeds: Sequence[int],
) -> list[Point]:
    """Return all runs of a sweep: every combination of values, with every seed.

    Args:
        name_or_path: of the scenario.
        overrides: ``key=value`` each, for all runs alike.
        over: values of each key that differs.
        seeds: of the runs of each combination.

    Raises:
        ConfigError: a value is not allowed, a key is swept twice, or there are too many.
    """
    paths = [values[0].path for values in over]
    if len(set(paths)) < len(paths):
        raise ConfigError("--over", ", ".join(paths), "name each key once")
    if "seed" in paths:
        raise ConfigError("--over", "seed", "give seeds with --seeds")
    if len(set(seeds)) < len(seeds):
        raise ConfigError("--seeds", list(seeds), "give different seeds")
    count = len(seeds)
    for values in over:
        count *= len(values)
    if count > POINTS_MAX:
        raise ConfigError("--over", f"{count:,} runs", f"at most {POINTS_MAX:,}")
    common = list(overrides)
    points = [
        Point(
            values,
            load(name_or_path, [*common, *(each.override for each in values)], seed=seed),
        )
        for values in itertools.product(*over)
        for seed in seeds
    ]
    if len({point.name for point in points}) < len(points):
        raise ConfigError("--over", ", ".join(paths), "these values make equal names of folders")
    return points


def finished(folder: Path, point: Point) -> bool:
    """Return whether a point's run is complete in the folder of its sweep.

    Raises:
        ConfigError: a run of another scenario, or a part of one, is in its place.
        DataError: the file of the run there cannot be read.
    """
    file = folder / point.name / RUN_FILE
    if not file.exists():
        return False
    try:
        said = msgspec.json.decode(file.read_bytes())
        ran, complete = from_tables(said["scenario"]), said["complete"] is True
    except (OSError, msgspec.DecodeError, KeyError, TypeError) as error:
        raise DataError(f"{file}: this is not the file of a run: {error}") from error
    if ran != point.scenario:
        raise ConfigError(
            "--resume", str(file.parent), "it holds a run of another scenario; take a new folder"
        )
    if not complete:
        raise ConfigError(
            "--resume", str(file.parent), "the run in it was ended early; remove it to run it anew"
        )
    return True


def missing(folder: Path, points: Sequence[Point]) -> list[Point]:
    """Return the points that are still to be run in a folder.

    Raises:
        ConfigError: a run of another scenario is in a point's place.
    """
    return [point for point in points if not finished(folder, point)]
