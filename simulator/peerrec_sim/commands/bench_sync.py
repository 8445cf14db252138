"""``peerrec bench sync``: what the protocol costs, and how fast it is."""

from __future__ import annotations

import sys

import click
import msgspec

from peerrec_sim.progress import shown

__all__ = ["sync"]

MEANING = {
    "equal_bytes": "two equal stores: bytes both ways",
    "equal_round_trips": "… round trips",
    "hour_bytes": "an hour behind: bytes over payload",
    "day_overhead": "a day behind: overhead ÷ payload",
    "week_overhead": "a week behind: overhead ÷ payload",
    "one_missing_bytes": "one segment missing: bytes over payload",
    "scattered_bytes": "scattered differences: bytes over payload",
    "cold_overhead": "cold start: overhead ÷ payload",
    "bytes_per_interaction": "… bytes on the line an interaction",
    "ingest_over_verify": "… ingest ÷ bare Ed25519 verifies",
    "gossip_p50_s": "gossip: half of the nodes have it, s",
    "gossip_p99_s": "… 99 %, s",
    "gossip_all_s": "… all, s",
    "partition_heal_s": "parted halves agree again, s",
    "fork_spread_periods": "a fork is known to all, anti-entropy periods",
    "fork_final_states": "… distinct ends over orders of arrival",
    "restored_forks": "restored backup: proofs of forks",
    "hostile_cpu_share": "a hostile peer: share of a core",
    "hostile_memory_mb": "… memory held for it, MiB",
    "hostile_p99_ratio": "… other peers' p99 ÷ theirs without it",
    "idle_cpu_share": "idle daemon, eight links: share of a core",
    "idle_rss_mb": "… resident memory, MiB",
    "idle_bytes_per_hour": "… bytes an hour and link",
}
"""The figures that the table shows; the JSON has what they were made of, too."""

PARTS = ("bytes", "ingest", "gossip", "partition", "forks", "hostile", "idle")


@click.command(context_settings={"show_default": True})
@click.option("--seed", default=0, help="Of everything that chance decides.")
@click.option("--only", multiple=True, type=click.Choice(PARTS), help="A part; repeat it.")
@click.option("--quick", is_flag=True, help="Small sizes: does it run?")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def sync(seed: int, only: tuple[str, ...], quick: bool, as_json: bool) -> None:
    """Measure bytes of sessions, ingest, gossip, healing, forks, an attacker and idling.

    Takes about ten minutes at full size.

    Example: peerrec bench sync --only bytes --only gossip --json
    """
    from peerrec_sim.benchmarks.sync import FULL, QUICK, measure_sync

    with shown(sys.stderr) as progress:
        figures = measure_sync(seed, QUICK if quick else FULL, only, progress)
    if as_json:
        click.echo(msgspec.json.encode(figures).decode())
        return
    for key, meaning in MEANING.items():
        if key in figures:
            click.echo(f"{meaning:<48} {figures[key]:>10,.4g}   {key}")
