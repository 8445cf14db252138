"""``peerrec bench embed``: what an app pays for the recommender it embeds."""

from __future__ import annotations

import sys

import click
import msgspec

from peerrec.errors import ConfigError
from peerrec_sim.progress import shown

__all__ = ["embed"]

MEANING = {
    "import_over_numpy": "from peerrec import Recommender ÷ import numpy",
    "open_first_s": "open a million interactions, first list out, s",
    "open_rebuilt_s": "… without the graph file beside it",
    "live_over_exact": "record and list ÷ list alone, p95 ÷ p95",
    "peak_rss_mb": "peak memory of that process, MiB",
    "bytes_per_interaction": "store and graph file, bytes an interaction",
    "record_over_sqlite": "record ÷ bare sqlite3 insert + commit",
}
"""The figures that the table shows; the JSON has what they were made of, too."""


@click.command(context_settings={"show_default": True})
@click.option("--seed", default=0, help="Of the generated store.")
@click.option("--repeats", default=5, help="Fresh processes of each kind; medians are shown.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def embed(seed: int, repeats: int, as_json: bool) -> None:
    """Measure imports, opening, memory, recording and live lists.

    Example: peerrec bench embed --repeats 5 --json
    """
    from peerrec_sim.benchmarks.embed import measure_embed

    if repeats < 1:
        raise ConfigError("repeats", repeats, "give 1 or more")
    with shown(sys.stderr) as progress:
        figures = measure_embed(seed, repeats, progress)
    if as_json:
        click.echo(msgspec.json.encode(figures).decode())
        return
    for key, meaning in MEANING.items():
        click.echo(f"{meaning:<48} {figures[key]:>10,.4g}   {key}")
