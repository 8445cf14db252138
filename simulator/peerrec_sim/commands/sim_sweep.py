"""``peerrec sim sweep``: one scenario with other values and seeds, many runs at a time."""

from __future__ import annotations

import itertools
import statistics
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
import msgspec
from rich.console import Console
from rich.table import Table

from peerrec.errors import ConfigError
from peerrec_sim.experiments import engine
from peerrec_sim.experiments.folder import RUN_FILE, refuse_taken, reserved
from peerrec_sim.experiments.sweep import Point, missing, plan
from peerrec_sim.experiments.workers import BACKENDS, Job, by_name, run_tables, write_files
from peerrec_sim.pace import duration, paced
from peerrec_sim.reports.writing import check_extras
from peerrec_sim.scenario import machine, to_tables
from peerrec_sim.scenario.estimate import in_gib
from peerrec_sim.scenario.overrides import variants

__all__ = ["sweep"]

TABLE_FILE = "sweep.json"
"""What the points of a sweep found, in single numbers."""

SHOWN = (
    "ndcg",
    "ndcg_over_oracle",
    "target_hit",
    "merit_mass_sybil",
    "delivery_p99_s",
    "newcomers_linked",
)
"""Figures that the table shows, where they are known; the file has all."""


@click.command(context_settings={"show_default": True})
@click.argument("scenario")
@click.option(
    "--over",
    "over",
    multiple=True,
    metavar="KEY=V,V…",
    help="Values of a key; with several keys, all combinations; without any, seeds alone.",
)
@click.option(
    "--set", "settings", multiple=True, metavar="KEY=VALUE", help="Instead of the file's."
)
@click.option("--seeds", default="0,1,2", help="Runs of each combination: numbers, or 0-9.")
@click.option("--out", type=click.Path(path_type=Path), help="Folder; runs/NAME-sweep by default.")
@click.option("--backend", type=click.Choice(BACKENDS), default="processes", help="Where.")
@click.option("--workers", type=click.IntRange(1, 4096), help="Runs at a time; one a core.")
@click.option("--resume", is_flag=True, help="Go on with a sweep in the folder.")
@click.option("--force", is_flag=True, help="Start though memory may not be enough.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
def sweep(
    scenario: str,
    over: tuple[str, ...],
    settings: tuple[str, ...],
    seeds: str,
    out: Path | None,
    backend: str,
    workers: int | None,
    resume: bool,
    force: bool,
    as_json: bool,
) -> None:
    """Run a scenario with every combination of values, several seeds each.

    Every run has a folder of its own, so that a sweep that was interrupted, or lost a
    worker, goes on with --resume.

    Example: peerrec sim sweep sybil-flood --over attackers.sybils=0,10,100 --seeds 0-4
    """
    points = plan(scenario, settings, [variants(text) for text in over], seeds=_seeds(seeds))
    place = out or Path("runs") / f"{points[0].scenario.name}-sweep"
    if not resume:
        refuse_taken(place)
    check_extras()
    todo = missing(place, points)
    at_once = workers or (1 if backend == "inline" else machine.cores())
    _announce(points, todo, min(at_once, len(points)), remote=backend == "ray", force=force)
    run_points(place, todo, backend, at_once)
    rows = _rows(place, points)
    (place / TABLE_FILE).write_bytes(msgspec.json.format(msgspec.json.encode(rows), indent=1))
    _print(rows, as_json=as_json)
    click.echo(f"runs: {place}", err=True)


def run_points(place: Path, todo: Sequence[Point], backend: str, at_once: int) -> None:
    """Run points, each into its folder below the place."""
    jobs: list[Job] = [(point.name, to_tables(point.scenario)) for point in todo]
    done = 0
    with paced(sys.stderr) as progress:
        progress("runs", 0, len(jobs))
        try:
            for finished in by_name(backend, at_once)(jobs, run_tables):
                with reserved(place / finished.name) as folder:
                    write_files(finished.files, folder)
                done += 1
                progress("runs", done, len(jobs))
        except KeyboardInterrupt:
            click.echo(
                f"interrupted; {done} of {len(jobs)} runs were finished and are kept: "
                "the same command with --resume goes on",
                err=True,
            )
            raise


def _seeds(text: str) -> list[int]:
    """Return seeds from ``0,1,2`` or ``0-9``."""
    seeds: list[int] = []
    for part in text.split(","):
        low, dash, high = part.strip().partition("-")
        try:
            seeds.extend(range(int(low), int(high if dash else low) + 1))
        except ValueError:
            raise ConfigError("--seeds", text, "write numbers: 0,1,2 or 0-9") from None
    if not seeds or len(seeds) > 1_000:
        raise ConfigError("--seeds", text, "give 1 to 1,000 of them, the smaller one first")
    return seeds


def _announce(
    points: Sequence[Point], todo: Sequence[Point], at_once: int, *, remote: bool, force: bool
) -> None:
    """Say what the sweep will take; refuse what does not fit at once.

    Raises:
        ConfigError: data or attacks are missing, or the runs at one time need more memory
            than there is. What other machines have is not known here.
    """
    seconds, largest = 0.0, 0
    for point in todo:
        expected = engine.prepare(point.scenario, force=True)
        seconds += expected.seconds
        largest = max(largest, expected.memory_bytes)
    free = machine.free_memory_bytes()
    if largest * at_once > free and not (force or remote):
        raise ConfigError(
            "--workers",
            at_once,
            f"a run takes about {in_gib(largest)} and the machine has {in_gib(free)} free; use "
            "fewer, a smaller network, or --force",
        )
    kept = f", {len(points) - len(todo)} done already" if len(todo) < len(points) else ""
    click.echo(
        f"{len(points)} runs{kept}, {at_once} at a time, about {in_gib(largest)} each, "
        f"{duration(seconds / at_once)}",
        err=True,
    )


def _rows(place: Path, points: Sequence[Point]) -> list[dict[str, Any]]:
    """Return what each point found: its values, its seed, its figures."""
    rows = []
    for point in points:
        said = msgspec.json.decode((place / point.name / RUN_FILE).read_bytes())
        rows.append(
            {
                "values": {each.path: each.value for each in point.values},
                "seed": point.scenario.seed,
                "folder": point.name,
                "trace_hash": said["trace_hash"],
                "summary": said["summary"],
            }
        )
    return rows


def _print(rows: Sequence[dict[str, Any]], *, as_json: bool) -> None:
    """Print the mean over seeds of each combination."""
    if as_json:
        click.echo(msgspec.json.encode(rows).decode())
        return
    columns = [name for name in SHOWN if any(name in row["summary"] for row in rows)]
    columns += sorted({n for row in rows for n in row["summary"] if n.startswith("gain/")})
    paths = list(rows[0]["values"])
    table = Table(*paths, "seeds", *columns, box=None, pad_edge=False)
    for values, group in itertools.groupby(rows, key=lambda row: row["values"]):
        same = list(group)
        means = [_mean([row["summary"].get(name) for row in same]) for name in columns]
        table.add_row(*(str(value) for value in values.values()), str(len(same)), *means)
    Console(highlight=False, markup=False).print(table)


def _mean(figures: Sequence[float | None]) -> str:
    """Return the mean of those that are known."""
    known = [figure for figure in figures if figure is not None]
    return f"{statistics.fmean(known):.4g}" if known else ""
