"""Make results of runs that never ran: small, with every table, the same for a seed."""

from __future__ import annotations

import numpy as np

from peerrec_sim.measures.columns import CURVE, DELIVERIES, NODES, ORACLE, message_types
from peerrec_sim.measures.result import RunResult
from peerrec_sim.measures.table import Table
from peerrec_sim.scenario.schema import Attackers, Measures, Population, Scenario

TIMES = (60.0, 120.0, 180.0)


def made_scenario(seed: int = 0, **values: object) -> Scenario:
    return Scenario(
        name="made-up",
        description="Nobody ran this.",
        seed=seed,
        length_s=180.0,
        population=Population(nodes=30, items=100),
        attackers=Attackers(kinds=("serial",), sybils=5),
        measures=Measures(egos=20),
        **values,  # type: ignore[arg-type]
    )


def made_run(seed: int = 0, *, ndcg: float = 0.3, complete: bool = True) -> RunResult:
    """Return a run of 30 honest nodes, 20 of them egos, and 5 sybils."""
    rng = np.random.default_rng([seed, 7])
    nodes = NODES.joined([_moment(time_s, rng, ndcg) for time_s in TIMES])
    published = rng.uniform(0.0, 100.0, 500)
    return RunResult(
        made_scenario(seed),
        trace_hash=f"{seed:032x}",
        events=12_345,
        virtual_s=180.0,
        wall_s=1.5,
        n_honest=30,
        n_sybils=5,
        complete=complete,
        nodes=nodes,
        deliveries=DELIVERIES.table(
            published_at_s=published,
            delivered_at_s=published + rng.exponential(2.0, 500),
            author=rng.integers(0, 30, 500),
            receiver=rng.integers(0, 30, 500),
            kind=np.ones(500),
        ),
        oracle=ORACLE.table(
            node=np.arange(20), ndcg=np.full(20, 0.4), recall=np.full(20, 0.5),
            list_length=np.full(20, 20.0),
        ),
    )  # fmt: skip


def _moment(time_s: float, rng: np.random.Generator, ndcg: float) -> Table:
    node = np.arange(35)
    is_ego, is_honest = node < 20, node < 30

    def of_egos(values: object) -> np.ndarray:
        return np.where(is_ego, values, np.nan)

    traffic = {
        f"bytes_{way}_{kind}": (time_s * rng.uniform(0, 99, 35)).astype(np.int64)
        for way in ("in", "out")
        for kind in message_types()[:6]
    }
    return NODES.table(
        time_s=np.full(35, time_s),
        node=node,
        role=np.where(is_honest, "honest", "serial"),
        online=np.ones(35),
        attack_edge=node == 3,
        ndcg=of_egos(np.clip(rng.normal(ndcg * time_s / 180.0, 0.05, 35), 0, 1)),
        recall=of_egos(rng.uniform(0.2, 0.4, 35)),
        list_length=of_egos(20.0),
        target_hits=of_egos((node == 3) * 2.0 + (node == 4)),
        merit_mass_sybil=of_egos(np.where(node == 3, 0.2, 0.01)),
        merit_peers=of_egos(12.0),
        honest_flagged=of_egos(0.01),
        sybil_flagged=of_egos(0.8),
        segments=np.where(is_honest, time_s / 3, 0),
        own_segments=is_honest * 4,
        missing_segments=of_egos(5.0 * (180.0 - time_s) / 60.0),
        memory_bytes=np.where((time_s == TIMES[-1]) & (node < 8), 300_000.0 + node, np.nan),
        links=is_honest * 8,
        sybil_links=is_honest * (node % 3),
        **traffic,
    )


def made_curve(seed: int = 0) -> RunResult:
    """Return a run in graph mode: two rankers, one attack, four sizes."""
    sybils = np.tile([0, 10, 100, 1000], 2)
    gain = np.concatenate([[1.0, 6.0, 8.5, 9.1], [1.0, 1.0, 1.05, 1.1]])
    mass = 0.02 * gain
    return RunResult(
        made_scenario(seed, mode="graph"),
        complete=True,
        virtual_s=0.0,
        n_honest=30,
        n_sybils=1000,
        curve=CURVE.table(
            ranker=np.repeat(["web3recommend", "meritsalsa"], 4),
            attack=["serial"] * 8,
            edges=np.ones(8),
            sybils=sybils,
            mass=mass,
            mass_low=mass * 0.9,
            mass_high=mass * 1.1,
            gain=gain,
            target_hit=np.minimum(mass, 1.0),
            ndcg=np.full(8, 0.25),
            false_flags=np.zeros(8),
        ),
    )


def made_experiment() -> RunResult:
    """Return a run in graph mode with more lines than one picture can tell apart."""
    rows = [
        (ranker, attack, edges, sybils, 0.01 * edges * (1 + sybils / 50 * nth))
        for nth, ranker in enumerate(("ours", "theirs .1", "theirs .3"))
        for attack in ("friend-serial", "friend-cycle", "friend-parallel")
        for edges in (1, 2)
        for sybils in (0, 1, 10, 50)
    ]
    ranker, attack, edges, sybils, mass = zip(*rows, strict=True)
    return RunResult(
        made_scenario(mode="graph"),
        complete=True,
        n_honest=30,
        n_sybils=1000,
        curve=CURVE.table(
            ranker=ranker, attack=attack, edges=edges, sybils=sybils, mass=mass,
            mass_low=np.array(mass) * 0.9, mass_high=np.array(mass) * 1.1,
            gain=np.array(mass) / 0.01 / np.array(edges), target_hit=np.full(len(mass), 0.5),
        ),
    )  # fmt: skip
