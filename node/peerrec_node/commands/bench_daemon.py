"""``peerrec bench daemon``: how soon the daemon answers, how fast, and what it takes."""

from __future__ import annotations

import sys

import click
import msgspec

__all__ = ["daemon"]

MEANING = {
    "page_kb": "the dashboard's files, KiB",
    "installed_mb": "installed with [node], MiB",
    "installed_own_mb": "… its own files, MiB",
    "import_rss_mb": "memory with all imported, MiB",
    "cold_start_s": "`peerrec run` to its first HTTP answer, s",
    "cold_start_worst_s": "… the slowest of these runs, s",
    "cold_start_cpu_s": "… processor time of it, s",
    "recommend_per_s": "lists a second at 100,000 edges, syncing",
    "recommend_p50_ms": "… half are answered within, ms",
    "recommend_p99_ms": "… 99 % are, ms",
    "recommend_failed": "… answers that were no success",
    "recommend_segments_in": "… segments that arrived meanwhile",
    "idle_cpu_pct": "idle with eight links, no dashboard: % of a core",
    "idle_rss_mb": "… resident memory, MiB",
}
"""The figures that the table shows; the JSON has what they were made of, too."""

PARTS = ("page", "size", "import", "start", "recommend", "idle")


@click.command(context_settings={"show_default": True})
@click.option("--seed", default=0, help="Of the made-up graph.")
@click.option("--only", multiple=True, type=click.Choice(PARTS), help="A part; repeat it.")
@click.option("--quick", is_flag=True, help="Small sizes: does it run?")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def daemon(seed: int, only: tuple[str, ...], quick: bool, as_json: bool) -> None:
    """Measure the daemon's start, size, idling, and lists under load.

    Runs daemons of its own on free ports of the loopback; Linux only. `wrk` asks for lists
    where it is installed. Takes about four minutes at full size.

    Examples:
        peerrec bench daemon --json
        peerrec bench daemon --only recommend
    """
    from peerrec_node.benchmarks.daemon import FULL, QUICK, measure_daemon
    from peerrec_node.progress import shown

    with shown(sys.stderr) as progress:
        figures = measure_daemon(seed, QUICK if quick else FULL, only, progress)
    if as_json:
        click.echo(msgspec.json.encode(figures).decode())
        return
    for key, meaning in MEANING.items():
        if key in figures:
            click.echo(f"{meaning:<50} {figures[key]:>10,.4g}   {key}")
