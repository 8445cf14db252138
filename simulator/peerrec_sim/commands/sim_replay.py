"""``peerrec sim replay``: look closely at some events of a run, and check the run."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import click
import msgspec

from peerrec.errors import ConfigError, DataError
from peerrec_sim import scenario as scenarios
from peerrec_sim.experiments import engine
from peerrec_sim.experiments.folder import RUN_FILE
from peerrec_sim.pace import paced
from peerrec_sim.reports.folder import facts_in, versions
from peerrec_sim.scenario.schema import Scenario
from peerrec_sim.simulation.replay import Extract, Replay

__all__ = ["replay"]

DOTS = ".."


@dataclass(frozen=True, slots=True)
class Source:
    """What is run again.

    Attributes:
        scenario: with its seed.
        n_events: after which the run ended; None for the scenario's end.
        trace_hash: what the run says of itself; empty where there was none.
        versions: with which it ran.
    """

    scenario: Scenario
    n_events: int | None = None
    trace_hash: str = ""
    versions: dict[str, str] | None = None


@click.command(context_settings={"show_default": True})
@click.argument("run")
@click.option("--events", metavar="FROM..TO", help="By number, from 0 on, up to before TO.")
@click.option("--time", metavar="FROM..TO", help="By virtual seconds, up to before TO.")
@click.option("--node", "nodes", type=int, multiple=True, help="Only what concerns it; repeat it.")
@click.option(
    "--set", "settings", multiple=True, metavar="KEY=VALUE", help="Instead of the file's."
)
@click.option("--seed", type=click.IntRange(0, 2**32 - 1), help="Of everything random.")
@click.option(
    "--check/--no-check",
    default=True,
    help="Go on to the end of the run and compare its trace hash, where RUN is a folder.",
)
@click.option("--force", is_flag=True, help="Start though memory may not be enough.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line.")
def replay(
    run: str,
    events: str | None,
    time: str | None,
    nodes: tuple[int, ...],
    settings: tuple[str, ...],
    seed: int | None,
    check: bool,
    force: bool,
    as_json: bool,
) -> None:
    """Run again, and show every event of a range: message, fields, effects.

    RUN is the folder of a run, a name of `peerrec sim list`, or the path of a TOML file.
    Either end of a range may be left out. Of a folder the trace hash is compared with the
    one in its run.json, which takes as long as the run did.

    Example: peerrec sim replay runs/flood --time 60..60.5 --node 3
    """
    wanted = extract(events, time, nodes)
    source = source_of(run, settings, seed)
    engine.prepare(source.scenario, force=force)
    with paced(sys.stderr) as progress:
        again = Replay(source.scenario, n_events=source.n_events, progress=progress)
        shown = False
        for event in again.events(wanted):
            shown = True
            said = msgspec.json.encode(event.as_dict()).decode() if as_json else str(event)
            click.echo(said)
        if not shown:
            click.echo(f"none of the first {again.n_events:,} events is in this range", err=True)
        if source.trace_hash and check:
            compare(source, again.finish())


def extract(events: str | None, time: str | None, nodes: tuple[int, ...]) -> Extract:
    """Return what the options name.

    Raises:
        ConfigError: nothing is named, or a range is none.
    """
    if events is None and time is None:
        raise ConfigError("--events", None, "say which: --events FROM..TO or --time FROM..TO")
    first, last = ends("--events", events, int)
    from_s, to_s = ends("--time", time, float)
    return Extract(first=int(first), last=last, from_s=from_s, to_s=to_s, nodes=nodes)


def ends(option: str, text: str | None, number: Callable[[str], float]) -> tuple[float, float]:
    """Return both ends of a range; those left out are 0 and infinity.

    Raises:
        ConfigError: it is no range.
    """
    low, dots, high = (text or DOTS).partition(DOTS)
    try:
        if not dots:
            raise ValueError(text)
        return number(low) if low else 0, number(high) if high else math.inf
    except ValueError:
        raise ConfigError(option, text, f"write FROM{DOTS}TO, as 100{DOTS}200") from None


def source_of(run: str, settings: tuple[str, ...], seed: int | None) -> Source:
    """Return what a folder, a name or a file stands for.

    Raises:
        ConfigError: there is no such scenario, or a folder's own is to be changed.
        DataError: the folder holds no run.
    """
    folder = Path(run)
    if len(folder.parts) > 1 and folder.suffix != ".toml" and not folder.exists():
        raise ConfigError("RUN", run, "there is no such folder")
    if not folder.is_dir() or run in scenarios.names():
        return Source(scenarios.load(run, settings, seed=seed))
    if settings or seed is not None:
        raise ConfigError("--set", run, "the folder says what was run; replay its scenario instead")
    facts = facts_in(folder)
    try:
        scenario = scenarios.from_tables(facts["scenario"])
        complete, n_events = facts["complete"] is True, int(facts["events"])
        return Source(
            scenario, None if complete else n_events, str(facts["trace_hash"]), facts["versions"]
        )
    except (KeyError, TypeError, ValueError) as error:
        raise DataError(f"{folder / RUN_FILE} is no run of this version: {error}") from None


def compare(source: Source, found: str) -> None:
    """Say that a run was repeated event by event.

    Raises:
        DataError: it was not; names the versions that differ.
    """
    if found == source.trace_hash:
        click.echo(f"trace {found}: the same as in {RUN_FILE}", err=True)
        return
    now, then = versions(), source.versions or {}
    others = [
        f"{name} {then.get(name)} → {now[name]}" for name in now if now[name] != then.get(name)
    ]
    why = "other versions: " + ", ".join(others) if others else "the code or the data changed since"
    raise DataError(
        f"the run went another way: {RUN_FILE} has trace {source.trace_hash}, "
        f"this one {found}; {why}"
    )
