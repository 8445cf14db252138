"""``peerrec sim run``: one scenario, from the estimate to the report."""

from __future__ import annotations

import itertools
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from peerrec_sim import scenario as scenarios
from peerrec_sim.experiments import engine
from peerrec_sim.experiments.folder import refuse_taken, reserved
from peerrec_sim.pace import duration, paced
from peerrec_sim.reports.writing import check_extras
from peerrec_sim.scenario.estimate import in_gib
from peerrec_sim.scenario.schema import Scenario

if TYPE_CHECKING:
    from peerrec_sim.measures.result import RunResult

__all__ = ["run"]

RUNS = Path("runs")
"""Where results go unless --out says otherwise."""

EXIT_INTERRUPTED = 130
"""128 + SIGINT, as shells report Ctrl-C."""


@click.command(context_settings={"show_default": True})
@click.argument("scenario")
@click.option(
    "--set", "settings", multiple=True, metavar="KEY=VALUE", help="Instead of the file's."
)
@click.option("--seed", type=click.IntRange(0, 2**32 - 1), help="Of everything random.")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="Folder of the results, new or empty.  [default: runs/NAME-seedN]",
)
@click.option(
    "--backend",
    type=click.Choice(["inline", "processes", "ray"]),
    help="Where shards run.  [default: processes where there are several, else inline]",
)
@click.option("--shards", type=click.IntRange(1, 1024), default=1, help="Parts of the network.")
@click.option("--force", is_flag=True, help="Start though memory may not be enough.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def run(
    scenario: str,
    settings: tuple[str, ...],
    seed: int | None,
    out: Path | None,
    backend: str | None,
    shards: int,
    force: bool,
    as_json: bool,
) -> None:
    """Run a scenario and write tables, pictures and a report.

    SCENARIO is a name of `peerrec sim list` or the path of a TOML file. Ctrl-C ends the
    run early, with a valid result of what happened until then.

    Example: peerrec sim run sybil-flood --set attackers.sybils=400 --seed 7 --out runs/flood
    """
    chosen = scenarios.load(scenario, settings, seed=seed)
    place = out or default_place(chosen)
    refuse_taken(place)
    check_extras()
    expected = engine.prepare(chosen, shards, force=force)
    click.echo(
        f"{chosen.name}: {expected.nodes:,} nodes, about {in_gib(expected.memory_bytes)}, "
        f"{duration(expected.seconds)}",
        err=True,
    )
    with reserved(place) as folder:
        with engine.interruptible() as cancel, paced(sys.stderr) as progress:
            result = engine.execute(
                chosen,
                backend=backend or ("processes" if shards > 1 else "inline"),
                shards=shards,
                progress=progress,
                cancel=cancel,
            )
        with engine.interruptible():  # what was found is written, unless Ctrl-C insists
            result.write(folder)
    _print(result, place, as_json=as_json)
    if not result.complete:
        when = ""
        if chosen.mode == "network":
            when = f" after {result.virtual_s:,.0f} of {chosen.length_s:,.0f} virtual seconds"
        click.echo(
            f"interrupted{when}; what was measured until then is in {place}",
            err=True,
        )
        raise click.exceptions.Exit(EXIT_INTERRUPTED)


def default_place(scenario: Scenario) -> Path:
    """Return the first free folder for a run, below `RUNS`."""
    name = f"{scenario.name}-seed{scenario.seed}"
    places = itertools.chain([RUNS / name], (RUNS / f"{name}-{i}" for i in itertools.count(2)))
    return next(
        place
        for place in places
        if not place.exists() and not place.with_name(f"{place.name}.partial").exists()
    )


def _print(result: RunResult, place: Path, *, as_json: bool) -> None:
    """Print what the run found, in single numbers, and where the rest is."""
    figures = result.summary()
    if as_json:
        said = {
            "folder": str(place),
            "complete": result.complete,
            "trace_hash": result.trace_hash,
            "seed": result.seed,
            "wall_s": result.wall_s,
            **figures,
        }
        click.echo(msgspec.json.encode(said).decode())
        return
    for key, value in figures.items():
        click.echo(f"{key:<32} {value:>14,.4g}")
    for note in result.notes:
        click.echo(f"note: {note}")
    counted = "events" if result.scenario.mode == "network" else "lists"
    rate = result.events / result.wall_s if result.wall_s > 0 else 0.0
    click.echo(
        f"{result.events:,} {counted} in {duration(result.wall_s)} ({rate:,.0f}/s), "
        f"trace {result.trace_hash[:16]}"
    )
    click.echo(f"report: {place / 'report.html'}")
