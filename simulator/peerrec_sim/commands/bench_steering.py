"""``peerrec bench steering``: what exploration and descriptions do to lists."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from peerrec.errors import ConfigError
from peerrec_sim.benchmarks.steering import measure_steering
from peerrec_sim.progress import shown

__all__ = ["steering"]

FIGURES = {
    "explore_ils_ratio": "exploring .3, lastfm-2k: intra-list similarity ÷ plain",
    "explore_ndcg_ratio": "exploring .3, lastfm-2k: NDCG@20 ÷ plain",
    "plain_unfamiliar": "places in unfamiliar neighbourhoods, plain",
    "explore_unfamiliar": "places in unfamiliar neighbourhoods, exploring",
    "cold_ndcg_ratio": "descriptions, ml-100k: NDCG@20 ÷ without",
    "cold_share": "places of items nobody has met (without: 0)",
    "cold_precision": "share of these places that are relevant",
    "cold_precision_by_chance": "the same if drawn at random",
    "cold_recall": "share of relevant unmet items listed (without: 0)",
}
"""What the table shows; ``--json`` has everything."""


@click.command(context_settings={"show_default": True})
@click.option("--seed", type=click.IntRange(min=0), default=0, help="Of everything random.")
@click.option(
    "--users", type=click.IntRange(min=1), help="Measure exploration on a sample of users."
)
@click.option("--data", type=click.Path(path_type=Path), help="Folder of data sets.")
@click.option("--workers", type=click.IntRange(min=1), help="Processes; one per core by default.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of a table.")
def steering(
    seed: int, users: int | None, data: Path | None, workers: int | None, as_json: bool
) -> None:
    """Measure what exploration and descriptions do to lists.

    Needs the data sets lastfm-2k and ml-100k. All users take a few minutes.

    Example: peerrec bench steering --users 300 --json
    """
    if data is not None and not data.is_dir():
        raise ConfigError("--data", str(data), "give a folder that exists")
    with shown(sys.stderr) as progress:
        found = measure_steering(data, seed, users=users, workers=workers, progress=progress)
    if as_json:
        click.echo(json.dumps(found))
        return
    table = Table("figure", "value", title="steering")
    table.columns[1].justify = "right"
    for key, meaning in FIGURES.items():
        table.add_row(meaning, f"{found[key]:.3f}")
    Console().print(table)
