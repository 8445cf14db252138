"""Compare runs: which keys of the scenario differ, and which measures beyond noise.

Each folder holds one run, or runs of one scenario with several seeds in folders below it.
The first folder is what the others are compared with.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias

import msgspec
import numpy as np

from peerrec.errors import ConfigError, DataError
from peerrec_sim.measures.result import RunResult
from peerrec_sim.measures.summary import MEASURES, Measure, Sample
from peerrec_sim.reports.folder import RUN_FILE, read
from peerrec_sim.reports.noise import SEEDS_MIN, Difference, by_people, by_seeds
from peerrec_sim.reports.page import flat, number_text

__all__ = ["Change", "Comparison", "Group", "compare", "compare_groups"]

Verdict: TypeAlias = Literal["better", "worse", "changed", "within noise", "cannot tell"]

_RANGE = 1 << 32
"""People of different seeds are different people: their keys lie so far apart."""


@dataclass(frozen=True, slots=True, eq=False)
class Group:
    """Runs of one scenario, with one seed each.

    Attributes:
        name: the folder.
        runs: ascending by seed.
    """

    name: str
    runs: tuple[RunResult, ...]

    @property
    def seeds(self) -> tuple[int, ...]:
        """Their seeds."""
        return tuple(run.seed for run in self.runs)


@dataclass(frozen=True, slots=True)
class Change:
    """What became of one measure.

    Attributes:
        measure: its name.
        meaning: what it says.
        group: which group is compared with the first.
        difference: the numbers, with the interval of their difference.
        verdict: what follows.
    """

    measure: str
    meaning: str
    group: str
    difference: Difference
    verdict: Verdict


@dataclass(frozen=True, slots=True, eq=False)
class Comparison:
    """What a comparison found.

    Attributes:
        groups: what was compared; the first is the one to compare with.
        differs: keys of the scenario that differ, each with its value in every group.
        changes: every measure that both sides have.
        warnings: what makes the comparison less than fair.
    """

    groups: tuple[Group, ...]
    differs: dict[str, list[Any]]
    changes: tuple[Change, ...]
    warnings: tuple[str, ...]

    @property
    def beyond_noise(self) -> list[Change]:
        """The changes that are no noise."""
        return [each for each in self.changes if each.verdict in ("better", "worse", "changed")]

    def as_dict(self) -> dict[str, Any]:
        """Return everything as plain values; what is no number is null."""
        return {
            "groups": [{"name": each.name, "seeds": list(each.seeds)} for each in self.groups],
            "differs": self.differs,
            "warnings": list(self.warnings),
            "changes": [
                {
                    "measure": each.measure,
                    "group": each.group,
                    "before": _plain(each.difference.before),
                    "after": _plain(each.difference.after),
                    "change": _plain(each.difference.change),
                    "low": _plain(each.difference.low),
                    "high": _plain(each.difference.high),
                    "basis": each.difference.basis,
                    "verdict": each.verdict,
                }
                for each in self.changes
            ],
        }

    def text(self) -> str:
        """Return it for a person: what differs, what changed, what did not."""
        lines = [f"{each.name}: {_seeds_text(each)}" for each in self.groups]
        lines += [f"warning: {each}" for each in self.warnings]
        lines.append("")
        if self.differs:
            lines.append("The scenarios differ in:")
            lines += [
                f"  {key}: " + " | ".join(map(str, values)) for key, values in self.differs.items()
            ]
        else:
            lines.append("The scenarios are the same.")
        for group in self.groups[1:]:
            changes = [each for each in self.changes if each.group == group.name]
            lines += ["", f"{group.name} against {self.groups[0].name}:", *_told(changes)]
        lines += ["", "Intervals hold in 95 of 100 cases: of twenty unchanged measures, one may"]
        lines.append("look changed.")
        return "\n".join(lines)


def compare(folders: Sequence[Path | str]) -> Comparison:
    """Return what changed from the first folder to each of the others.

    Raises:
        ConfigError: fewer than two folders, or one holds runs of different scenarios.
        DataError: a folder holds no run, or a damaged one.
    """
    return compare_groups([_group(Path(folder)) for folder in folders])


def compare_groups(groups: Sequence[Group]) -> Comparison:
    """Return what changed from the first group to each of the others."""
    if len(groups) < 2:
        raise ConfigError("compare", len(groups), "name at least two folders")
    named = _distinct(groups)
    changes = [change for group in named[1:] for change in _changes(named[0], group)]
    return Comparison(tuple(named), _differs(named), tuple(changes), tuple(_warnings(named)))


# -- groups --------------------------------------------------------------------------------


def _group(folder: Path) -> Group:
    """Return the runs in a folder, or in the folders right below it."""
    if (folder / RUN_FILE).is_file():
        places = [folder]
    elif folder.is_dir():
        places = sorted(each.parent for each in folder.glob(f"*/{RUN_FILE}"))
    else:
        raise DataError(f"{folder} is no folder")
    if not places:
        raise DataError(f"{folder} holds no run: neither it nor a folder in it has a {RUN_FILE}")
    runs = sorted(map(read, places), key=lambda run: run.seed)
    _check_alike(folder, runs)
    return Group(str(folder), tuple(runs))


def _check_alike(folder: Path, runs: Sequence[RunResult]) -> None:
    first = _settings(runs[0])
    for run in runs[1:]:
        other = _settings(run)
        if keys := [key for key, value in first.items() if other.get(key) != value]:
            raise ConfigError(
                "compare",
                str(folder),
                f"its runs differ in {', '.join(keys)}; name the folders of one scenario each",
            )
    seeds = [run.seed for run in runs]
    if len(set(seeds)) < len(seeds):
        raise ConfigError("compare", str(folder), "it holds two runs with the same seed")


def _distinct(groups: Sequence[Group]) -> list[Group]:
    """Return the groups with names that tell them apart, also one compared with itself."""
    names = [group.name for group in groups]
    return [
        Group(name if names.count(name) == 1 else f"{name} ({at})", group.runs)
        for at, (name, group) in enumerate(zip(names, groups, strict=True), 1)
    ]


def _settings(run: RunResult) -> dict[str, Any]:
    """Return what shapes a run but its seed and its name."""
    found = flat(msgspec.to_builtins(run.scenario))
    return {key: found[key] for key in found if key not in ("seed", "name", "description")}


def _differs(groups: Sequence[Group]) -> dict[str, list[Any]]:
    settings = [_settings(group.runs[0]) for group in groups]
    return {
        key: [each[key] for each in settings]
        for key in settings[0]
        if any(each[key] != settings[0][key] for each in settings)
    }


def _warnings(groups: Sequence[Group]) -> Iterator[str]:
    for group in groups:
        partial = [run.seed for run in group.runs if not run.complete]
        if partial:
            yield f"{group.name}: partial, with seed {', '.join(map(str, partial))}"
        if len(group.runs) < SEEDS_MIN:
            yield (
                f"{group.name}: {_seeds_text(group)}; with fewer than {SEEDS_MIN}, intervals cover "
                "who was measured, not what else chance does in a run"
            )
    traces = {(run.run_id, run.seed): run.trace_hash for run in groups[0].runs}
    for group in groups[1:]:
        for run in group.runs:
            before = traces.get((run.run_id, run.seed), run.trace_hash)
            if before != run.trace_hash and run.complete:
                yield (
                    f"{group.name}: the same run, seed {run.seed}, went another way: the code "
                    "differs, or one of them ended early"
                )


# -- changes -------------------------------------------------------------------------------


def _changes(first: Group, group: Group) -> Iterator[Change]:
    for measure in MEASURES:
        samples = [_samples(measure, each) for each in (first, group)]
        if all(len(each) for each in samples):
            difference = _difference(measure, samples[0], samples[1])
            yield _judged(measure.name, measure.meaning, measure.better, group, difference)
    known = {measure.name for measure in MEASURES}
    sides = [[run.summary() for run in each.runs] for each in (first, group)]
    names = [name for name in sides[0][0] if name not in known]
    for name in names:
        values = [
            {
                run.seed: found[name]
                for run, found in zip(each.runs, side, strict=True)
                if name in found and np.isfinite(found[name])
            }
            for each, side in zip((first, group), sides, strict=True)
        ]
        if all(values):
            yield _judged(name, "", "", group, _of_numbers(values[0], values[1]))


def _samples(measure: Measure, group: Group) -> dict[int, Sample]:
    """Return the values of a measure by seed, for runs that have any."""
    found = {run.seed: measure.values(run) for run in group.runs}
    return {seed: sample for seed, sample in found.items() if len(sample.values)}


def _difference(
    measure: Measure, before: dict[int, Sample], after: dict[int, Sample]
) -> Difference:
    if min(len(before), len(after)) >= SEEDS_MIN:
        numbers = [
            {seed: measure.of(sample) or 0.0 for seed, sample in side.items()}
            for side in (before, after)
        ]
        return by_seeds(numbers[0], numbers[1])
    return by_people(measure, _pooled(before), _pooled(after))


def _pooled(samples: dict[int, Sample]) -> Sample:
    return Sample(
        np.concatenate([sample.keys + seed * _RANGE for seed, sample in samples.items()]),
        np.concatenate([sample.values for sample in samples.values()]),
    )


def _of_numbers(before: dict[int, float], after: dict[int, float]) -> Difference:
    """Return the difference of what is known as one number a run."""
    if min(len(before), len(after)) >= SEEDS_MIN:
        return by_seeds(before, after)
    means = [float(np.mean(list(side.values()))) for side in (before, after)]
    return Difference(means[0], means[1], np.nan, np.nan, "too little to tell")


def _judged(name: str, meaning: str, better: str, group: Group, difference: Difference) -> Change:
    verdict: Verdict
    if difference.change == 0 and not np.isnan(difference.low):
        verdict = "within noise"
    elif np.isnan(difference.low):
        verdict = "cannot tell"
    elif difference.low <= 0 <= difference.high:
        verdict = "within noise"
    elif not better:
        verdict = "changed"
    else:
        verdict = "better" if (difference.change > 0) == (better == "more") else "worse"
    return Change(name, meaning, group.name, difference, verdict)


# -- words ---------------------------------------------------------------------------------


def _told(changes: Sequence[Change]) -> Iterator[str]:
    """Yield lines: what changed first, then what did not."""
    order = {"worse": 0, "better": 1, "changed": 2, "cannot tell": 3, "within noise": 4}
    width = max((len(each.measure) for each in changes), default=0)
    for each in sorted(changes, key=lambda change: order[change.verdict]):
        found = each.difference
        interval = (
            ""
            if np.isnan(found.low)
            else f", change {number_text(found.change)} "
            f"[{number_text(found.low)}, {number_text(found.high)}]"
        )
        yield (
            f"  {each.verdict:12}  {each.measure:{width}}  {number_text(found.before)} → "
            f"{number_text(found.after)}{interval} ({found.basis})"
        )
    if not changes:
        yield "  no measure in common"


def _seeds_text(group: Group) -> str:
    return f"{len(group.runs)} run{'s' * (len(group.runs) != 1)}, seed " + ", ".join(
        map(str, group.seeds)
    )


def _plain(value: float) -> float | None:
    return value if np.isfinite(value) else None
