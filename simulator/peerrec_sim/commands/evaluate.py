"""``peerrec evaluate``: how well a ranker serves a community, in peace and under attack."""

from __future__ import annotations

import dataclasses
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import msgspec

from peerrec.errors import ConfigError
from peerrec_sim import attacks, datasets, rankers
from peerrec_sim.commands.evaluation_table import print_table
from peerrec_sim.community import Community
from peerrec_sim.evaluation import AttackPlan, Evaluation, check_sizes
from peerrec_sim.evaluation import evaluate as evaluate_ranker
from peerrec_sim.plots import draw_sybil_curve, plot_format
from peerrec_sim.progress import shown
from peerrec_sim.rankers import AnyRanker
from peerrec_sim.splits import Kind, split
from peerrec_sim.tuning import TuningReport, tune

__all__ = ["evaluate"]

EDGES = "--attack-edges"
DEFAULT_SYBILS = "0,1,10,100,1000"
DEFAULT_ATTACK_EDGES = "1"


@dataclass(frozen=True, slots=True)
class Options:
    """The command's options, as click parsed them."""

    dataset: str
    ranker: str
    trust: str | None
    n: int
    users: int | None
    seed: int
    tune: bool
    tune_seconds: float
    attack: str | None
    sybils: str | None
    attack_edges: str | None
    settings: tuple[str, ...]
    split: Kind
    data: Path | None
    workers: int | None
    json: bool
    plot: Path | None


@click.command(context_settings={"show_default": True})
@click.argument("dataset")
@click.option("--ranker", required=True, help=f"One of {', '.join(rankers.names())}.")
@click.option(
    "--trust",
    type=click.Choice(["friends", "none"]),
    help="Rank with the trust edges or without; by default with, where there are any.",
)
@click.option("--n", type=int, default=20, help="Length of the lists.")
@click.option("--users", type=int, help="Measure on a sample of this many users.")
@click.option("--seed", type=click.IntRange(min=0), default=0, help="Of everything random.")
@click.option("--tune", is_flag=True, help="Choose parameters on held-out training data first.")
@click.option("--tune-seconds", type=float, default=60.0, help="Time budget of --tune.")
@click.option("--attack", help=f"Measure under attack, too: {', '.join(attacks.names())}.")
@click.option("--sybils", help=f"Invented identities, N(,N…); {DEFAULT_SYBILS} by default.")
@click.option(
    EDGES,
    help=f"Honest users who trust one of them, K(,K…), also as 5%; {DEFAULT_ATTACK_EDGES} "
    "by default.",
)
@click.option(
    "--set", "settings", multiple=True, metavar="PARAM=VALUE", help="A parameter of the ranker."
)
@click.option(
    "--split",
    type=click.Choice(["auto", "shipped", "hash", "hash-8:1:1", "time"]),
    default="auto",
    help="What is held out; auto takes the shipped test part, else hash.",
)
@click.option("--data", type=click.Path(path_type=Path), help="Folder of data sets.")
@click.option("--workers", type=click.IntRange(min=1), help="Processes; one per core by default.")
@click.option("--json", is_flag=True, help="Print one JSON object instead of a table.")
@click.option("--plot", type=click.Path(path_type=Path), help="Draw the Sybil curve (.svg, .png).")
def evaluate(**options: Any) -> None:
    """Measure how well a ranker serves a community.

    DATASET is a name inside the data folder (lastfm-2k, gowalla, …) or the path of a
    folder or file. Under attack the figures without a curve are those in peace; of
    target hits, merit, loss and flags the worst over all sizes stands beside them.

    Example: peerrec evaluate lastfm-2k --ranker p3alpha --attack clone --sybils 0,10,1000
    """
    chosen = Options(**options)
    started = time.perf_counter()
    ranker = _ranker(chosen)
    plan = _attack_plan(chosen)
    check_sizes(chosen.n, chosen.users)
    community = _community(chosen)
    use_trust = _use_trust(chosen, community, ranker)
    if plan is not None:
        edges = _attack_edges(chosen.attack_edges or DEFAULT_ATTACK_EDGES, community.n_users)
        plan = dataclasses.replace(plan, attack_edges=edges)
    with shown(sys.stderr) as progress:
        tuning = None
        if chosen.tune:
            seen = community if use_trust else dataclasses.replace(community, trust=None)
            tuning = tune(
                seen,
                ranker,
                budget_s=chosen.tune_seconds,
                seed=chosen.seed,
                workers=chosen.workers,
                progress=progress,
            )
            ranker = ranker.with_settings(tuning.chosen)
        result = evaluate_ranker(
            community,
            ranker,
            n=chosen.n,
            users=chosen.users,
            seed=chosen.seed,
            use_trust=use_trust,
            attack=plan,
            workers=chosen.workers,
            progress=progress,
        )
    result = msgspec.structs.replace(result, seconds=time.perf_counter() - started)
    if chosen.plot is not None:
        draw_sybil_curve(result, chosen.plot)
    _print(result, tuning, as_json=chosen.json)


def _ranker(options: Options) -> AnyRanker:
    """Return the ranker with the settings of ``--set``."""
    settings = {}
    for text in options.settings:
        key, equals, value = text.partition("=")
        if not equals:
            raise ConfigError("--set", text, "write parameter=value")
        settings[key.strip()] = value.strip()
    ranker = rankers.by_name(options.ranker).with_settings(settings)
    if options.tune and not options.tune_seconds > 0:
        raise ConfigError("--tune-seconds", options.tune_seconds, "give a positive number")
    if options.tune and not ranker.grid():
        raise ConfigError("--tune", options.ranker, "this ranker has no parameters to tune")
    return ranker


def _attack_plan(options: Options) -> AttackPlan | None:
    """Return the attack and its numbers of identities, None in peace."""
    if options.plot is not None:
        plot_format(options.plot)
    if options.attack is None:
        for key, value in (
            ("--sybils", options.sybils),
            (EDGES, options.attack_edges),
            ("--plot", options.plot),
        ):
            if value is not None:
                raise ConfigError(key, str(value), "say which attack with --attack")
        return None
    sybils = [_count("--sybils", part, 0) for part in _parts(options.sybils or DEFAULT_SYBILS)]
    return AttackPlan(options.attack, attacks.by_name(options.attack), sybils, ())


def _community(options: Options) -> Community:
    """Return the data set with a test part."""
    if options.data is not None and not options.data.is_dir():
        raise ConfigError("--data", str(options.data), "give a folder that exists")
    whole = datasets.load(options.dataset, options.data, now=time.time())
    return split(whole, options.split)


def _use_trust(options: Options, community: Community, ranker: AnyRanker) -> bool:
    """Return whether the ranker may see trust; say so where it makes no difference."""
    if options.trust == "friends" and community.trust is None:
        raise ConfigError(
            "--trust", "friends", f"{community.name} has no trust edges, use --trust none"
        )
    if options.trust == "friends" and not ranker.uses_trust:
        click.echo(f"note: {ranker.name} does not use trust", err=True)
    return options.trust != "none"


def _attack_edges(text: str, n_users: int) -> list[int]:
    """Return numbers of attack edges; a percentage is one of the users, at least 1."""
    counts = []
    for part in _parts(text):
        count = _percentage(part, n_users) if part.endswith("%") else _count(EDGES, part, 1)
        if count > n_users:
            raise ConfigError(EDGES, part, f"there are only {n_users:,} users")
        counts.append(count)
    return counts


def _percentage(text: str, n_users: int) -> int:
    """Return a percentage of the users, at least one of them."""
    try:
        share = float(text[:-1]) / 100.0
    except ValueError:
        share = -1.0
    if not 0 < share <= 1:
        raise ConfigError(EDGES, text, "give more than 0% and at most 100%")
    return max(1, round(share * n_users))


def _parts(text: str) -> Sequence[str]:
    """Return what stands between commas."""
    return [part.strip() for part in text.split(",")]


def _count(key: str, text: str, least: int) -> int:
    """Return a whole number that is large enough."""
    try:
        count = int(text)
    except ValueError:
        count = least - 1
    if count < least:
        raise ConfigError(key, text, f"give whole numbers ≥ {least}, separated by commas")
    return count


def _print(result: Evaluation, tuning: TuningReport | None, *, as_json: bool) -> None:
    """Print the result on stdout, and on stderr what was tuned and why."""
    fields = result.as_dict()
    if tuning is not None:
        click.echo(f"tuned {result.ranker}: {tuning.why}", err=True)
        fields["tuning"] = msgspec.structs.asdict(tuning)
    if as_json:
        click.echo(msgspec.json.encode(fields).decode())
    else:
        print_table(result)
