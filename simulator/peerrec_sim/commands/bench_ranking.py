"""``peerrec bench ranking``: speed and size of the ranking, as ratios to known yardsticks."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping

import click
import msgspec

from peerrec.errors import ConfigError
from peerrec_sim.progress import shown

__all__ = ["ranking"]

MEANING = {
    "ingest_over_scipy": "batch ingest ÷ scipy COO → CSR and CSC",
    "ingest_raw_over_scipy": "… with one raw id a row",
    "ingest_edges_per_s": "edges taken in per second",
    "bytes_per_edge": "bytes an edge, both directions, weights and times",
    "exact_over_matvec": "one exact recommendation ÷ CSR mat-vec + transposed",
    "exact_plain_over_matvec": "… of the plain walk (one round)",
    "sampled_over_exact": "sampled ÷ exact recommendation, overlap@20 ≥ .85",
    "merit_update_over_full": "merit update after one trust edge ÷ full",
    "merit_update_near_over_full": "… where walks pass its source",
    "merit_over_meritrank_python": "full merit ÷ meritrank-python",
}
"""The ratios that the table shows; the JSON has what they were made of, too."""


@click.command(context_settings={"show_default": True})
@click.option("--edges", default=1_000_000, help="Edges of the generated graph.")
@click.option("--sampled-edges", default=10_000_000, help="Edges of the graph for sampling.")
@click.option("--seed", default=0, help="Of the generated graphs.")
@click.option("--repeats", default=5, help="Measurements of each kind; medians are shown.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def ranking(edges: int, sampled_edges: int, seed: int, repeats: int, as_json: bool) -> None:
    """Measure ingest, memory, exact and sampled walks, and merit.

    Example: peerrec bench ranking --edges 1000000 --json
    """
    from peerrec_sim.benchmarks import merit as merit_benchmark
    from peerrec_sim.benchmarks import ranking as benchmark

    for key, value in (("edges", edges), ("sampled-edges", sampled_edges), ("repeats", repeats)):
        if value < 1:
            raise ConfigError(key, value, "give 1 or more")
    figures: dict[str, float | None] = {"edges": edges, "sampled_edges": sampled_edges}
    steps: tuple[tuple[str, Callable[[], Mapping[str, float | None]]], ...] = (
        ("ingest", lambda: benchmark.measure_ingest(edges, seed, repeats)),
        ("exact walk", lambda: benchmark.measure_exact(edges, seed, repeats)),
        ("sampled walk", lambda: benchmark.measure_sampled(sampled_edges, seed)),
        ("merit", lambda: merit_benchmark.measure_merit(seed, repeats)),
    )
    with shown(sys.stderr) as progress:
        for done, (name, measure) in enumerate(steps):
            progress(name, done, len(steps))
            figures.update(measure())
        progress("done", len(steps), len(steps))
    if as_json:
        click.echo(msgspec.json.encode(figures).decode())
        return
    for key, meaning in MEANING.items():
        figure = figures[key]
        text = "not measured" if figure is None else f"{figure:,.4g}"
        click.echo(f"{meaning:<55} {text:>12}   {key}")
