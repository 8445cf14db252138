"""Attackers that speak the protocol win what the same words win on the whole graph."""

from __future__ import annotations

import pytest

from peerrec_sim.scenario import load
from peerrec_sim.simulation import Simulation

# The graph knows every play: a node can only agree with it where its budget holds them too.
SETTINGS = ["nodes=30", "length_s=150", "egos=30", "at_end_only=true", "start_s=20",
            "attackers.sybils=20", "attackers.edges=3",
            "node.follow_bytes_max=4194304"]  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["average", "cycle", "lean", "random", "slander", "starve"])
def test_the_network_and_the_graph_agree_on_what_an_attack_wins(kind):
    found = [
        Simulation(
            load("sybil-serial", [*SETTINGS, f"attackers.kinds={kind}", f"mode={mode}"], seed=1)
        ).run()
        for mode in ("network", "graph")
    ]
    network, graph = (result.summary() for result in found)
    # Chance falls differently: other people trust the attackers in each mode.
    assert network["target_hit"] == pytest.approx(graph["target_hit"], abs=0.25)
    assert 0.4 < network["merit_mass_sybil"] / graph["merit_mass_sybil"] < 2.5
    assert network["ndcg"] == pytest.approx(graph["ndcg"], abs=0.05)
    assert network["honest_flagged"] == pytest.approx(graph["honest_flagged"], abs=0.02)
