"""``peerrec bench factors``: what the factor exchange is worth, and what attackers get."""

from __future__ import annotations

import sys
from pathlib import Path

import click
import msgspec

from peerrec_sim.progress import shown

__all__ = ["factors"]


@click.command(context_settings={"show_default": True})
@click.option("--seed", default=0, help="Of everything that chance decides.")
@click.option(
    "--only",
    multiple=True,
    type=click.Choice(
        [
            "ml-100k",
            "lastfm-2k",
            "friends",
            "poison",
            "offline",
            "new-item",
            "row",
            "fit",
            "holdout",
        ]
    ),
    help="A part; repeat it.",
)
@click.option("--data", type=click.Path(path_type=Path), help="Folder of data sets.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def factors(seed: int, only: tuple[str, ...], data: Path | None, as_json: bool) -> None:
    """Measure quality for bytes, poison, absence, new items and cost of an exchange.

    Example: peerrec bench factors --only row --json
    """
    from peerrec_sim.benchmarks.factors import measure_factors

    with shown(sys.stderr) as progress:
        figures = measure_factors(data, seed, only, progress)
    if as_json:
        click.echo(msgspec.json.encode(figures).decode())
        return
    for key, value in figures.items():
        click.echo(f"{key:<48} {value:>10,.4g}")
