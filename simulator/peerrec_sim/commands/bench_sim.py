"""``peerrec bench sim``: how fast the simulator is, and how much fits into it."""

from __future__ import annotations

import sys

import click
import msgspec

from peerrec_sim.progress import shown

__all__ = ["sim"]

MEANING = {
    "events_per_s": "1,000 nodes, events a second of one core",
    "empty_events_per_s": "… of the same loop with empty handlers",
    "events_over_empty": "… ÷ that",
    "node_idle_kb": "memory of an idle node with links, KiB",
    "node_1000_kb": "… of a node with 1,000 segments, KiB",
    "two_shard_speedup": "two shards in processes ÷ one, real time",
    "two_shard_same_hash": "… and the same trace hash, 1 for yes",
    "events_growth": "events a second at 5,000 nodes ÷ at 500",
    "graph_point_s": "one attack on a graph of 1 M users, seconds",
    "graph_point_peak_gib": "… and peak memory, GiB",
}
"""The figures that the table shows."""


@click.command(context_settings={"show_default": True})
@click.option("--seed", default=0, help="Of everything that chance decides.")
@click.option(
    "--only",
    multiple=True,
    type=click.Choice(["rate", "memory", "shards", "growth", "graph-level"]),
    help="A part; repeat it.",
)
@click.option("--quick", is_flag=True, help="Small sizes: does it run?")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def sim(seed: int, only: tuple[str, ...], quick: bool, as_json: bool) -> None:
    """Measure the simulator's rate, memory, shards, growth and graph mode.

    Example: peerrec bench sim --only rate --json
    """
    from peerrec_sim.benchmarks.simulation import FULL, QUICK, measure_simulation

    with shown(sys.stderr) as progress:
        figures = measure_simulation(seed, QUICK if quick else FULL, only, progress)
    if as_json:
        click.echo(msgspec.json.encode(figures).decode())
        return
    for key, meaning in MEANING.items():
        if key in figures:
            click.echo(f"{meaning:<48} {figures[key]:>10,.4g}   {key}")
