"""Measure what one attack on a large graph costs, from nothing to the finished result.

Example:
    >>> figures = measure_graph_level(users=200, plays=20, egos=5, sybils=20)
    >>> sorted(figures)
    ['graph_point_peak_gib', 'graph_point_s']
"""

from __future__ import annotations

import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from time import perf_counter
from typing import Any

from peerrec_sim.evaluation import peak_rss_mb
from peerrec_sim.graph_level import run
from peerrec_sim.scenario.schema import Attackers, Measures, Population, Scenario
from peerrec_sim.serving import Progress

__all__ = ["measure_graph_level", "measured_apart"]

USERS_PER_ITEM = 10
"""A catalogue of 100,000 items for a million people."""


def measure_graph_level(
    users: int = 1_000_000,
    plays: int = 20,
    egos: int = 100,
    *,
    kind: str = "clone",
    sybils: int = 10_000,
    edges: int = 10,
    seed: int = 0,
    progress: Progress | None = None,
) -> dict[str, float]:
    """Return seconds and peak memory of one attack on a generated community.

    Measured are peace, the attacker alone and all identities: three looks at the graph,
    and everything before them. The peak is the process's, so measure in a fresh one.

    Args:
        users: honest people.
        plays: mean length of a history.
        egos: people whose merit and lists are computed, three times.
        kind: the attack.
        sybils: its identities.
        edges: honest people who trust one of them.
        seed: of everything random.
        progress: told how far it is.
    """
    scenario = Scenario(
        name="graph-level",
        mode="graph",
        seed=seed,
        population=Population(
            nodes=users, items=max(100, users // USERS_PER_ITEM), plays_per_node=plays
        ),
        attackers=Attackers(kinds=(kind,), sybils=sybils, edges=edges),
        measures=Measures(egos=egos, at_end_only=True),
    )
    started = perf_counter()
    run(scenario, progress)
    return {
        "graph_point_s": perf_counter() - started,
        "graph_point_peak_gib": _peak_bytes() / 2**30,
    }


def measured_apart(**options: Any) -> dict[str, float]:
    """Return what `measure_graph_level` does, from a process of its own: the peak is its."""
    fresh = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=fresh) as pool:
        return pool.submit(measure_graph_level, **options).result()


def _peak_bytes() -> float:
    """Return the peak resident memory of this program.

    Linux says it in its own file; what all systems have counts what the program was
    started from, too.
    """
    status = Path("/proc/self/status")
    if status.exists():
        for line in status.read_text().splitlines():
            if line.startswith("VmHWM:"):
                return float(line.split()[1]) * 1024
    return peak_rss_mb() * 1e6
