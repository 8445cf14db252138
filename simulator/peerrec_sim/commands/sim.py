"""``peerrec sim``: networks of real nodes, attackers and all, on virtual time."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import click
import msgspec
from rich.console import Console
from rich.table import Table

from peerrec_sim import scenario as scenarios
from peerrec_sim.commands.sim_replay import replay
from peerrec_sim.commands.sim_run import run
from peerrec_sim.commands.sim_sweep import sweep
from peerrec_sim.experiments import engine
from peerrec_sim.pace import duration
from peerrec_sim.scenario.estimate import Estimate, in_gib, sybils
from peerrec_sim.scenario.keys import by_path, shown
from peerrec_sim.scenario.schema import Scenario

__all__ = ["sim"]


@click.group()
def sim() -> None:
    """Run networks of nodes, attackers and all, on virtual time.

    Example: peerrec sim run sybil-flood --set nodes=200 --seed 7 --out runs/flood
    """


sim.add_command(run)
sim.add_command(replay)
sim.add_command(sweep)


@sim.command("list")
@click.option("--keys", is_flag=True, help="List the keys of scenarios instead.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
def list_(keys: bool, as_json: bool) -> None:
    """List the scenarios that come with the package, or what a scenario can say.

    Example: peerrec sim list --keys
    """
    rows = _keys() if keys else [_about(scenarios.load(name)) for name in scenarios.names()]
    if as_json:
        click.echo(msgspec.json.encode(rows).decode())
        return
    table = Table(*rows[0], box=None, pad_edge=False)
    for row in rows:
        table.add_row(*(str(value) for value in row.values()))
    Console(highlight=False, markup=False).print(table)


def _about(scenario: Scenario) -> dict[str, Any]:
    """Return a scenario in one row."""
    return {
        "name": scenario.name,
        "mode": scenario.mode,
        "nodes": scenario.population.nodes,
        "sybils": sybils(scenario),
        "length_s": round(scenario.length_s) if scenario.mode == "network" else 0,
        "shows": scenario.description,
    }


def _keys() -> list[dict[str, Any]]:
    """Return every key in one row."""
    return [
        {
            "key": key.path,
            "default": shown(key.default),
            "allowed": key.allowed,
            "meaning": key.meaning,
        }
        for key in by_path().values()
    ]


@sim.command(context_settings={"show_default": True})
@click.argument("scenario")
@click.option(
    "--set", "settings", multiple=True, metavar="KEY=VALUE", help="Instead of the file's."
)
@click.option("--shards", type=click.IntRange(min=1), default=1, help="Processes of the run.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def estimate(scenario: str, settings: tuple[str, ...], shards: int, as_json: bool) -> None:
    """Tell how much memory and time a run would take.

    SCENARIO is a name of `peerrec sim list` or the path of a TOML file.

    Example: peerrec sim estimate sybil-flood --set nodes=1000 --set attackers.sybils=4000
    """
    expected = engine.prepare(scenarios.load(scenario, settings), shards, force=True)
    if as_json:
        said = {**dataclasses.asdict(expected), "fits": expected.fits}
        click.echo(msgspec.json.encode(said).decode())
        return
    for key, text in _in_words(expected).items():
        click.echo(f"{key:<10} {text}")


def _in_words(expected: Estimate) -> dict[str, str]:
    """Return an estimate as a person reads it."""
    fits = "" if expected.fits else ": too little, the run would be refused without --force"
    events = {"events": f"about {expected.events:,}"} if expected.events else {}
    memory, free = in_gib(expected.memory_bytes), in_gib(expected.free_bytes)
    return {
        "nodes": f"{expected.nodes:,}",
        **events,
        "memory": f"about {memory}, {free} free{fits}",
        "time": f"about {duration(expected.seconds)}",
    }


@sim.command(context_settings={"show_default": True})
@click.argument("first", type=click.Path(path_type=Path))
@click.argument("others", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def compare(first: Path, others: tuple[Path, ...], as_json: bool) -> None:
    """Say what changed between runs beyond noise.

    Each folder is one run, or holds runs of several seeds (as a sweep writes them).

    Example: peerrec sim compare runs/before runs/after
    """
    from peerrec_sim.reports.comparing import compare as compare_folders

    found = compare_folders([first, *others])
    click.echo(msgspec.json.encode(found.as_dict()).decode() if as_json else found.text())
