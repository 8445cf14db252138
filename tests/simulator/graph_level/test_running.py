"""A scenario in graph mode, from its keys to its tables."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest

from peerrec.errors import ConfigError
from peerrec_sim.graph_level import run
from peerrec_sim.scenario.schema import (
    Attackers,
    Measures,
    MeritOptions,
    Population,
    Scenario,
)


def small(**changes):
    keys = {
        "name": "small",
        "mode": "graph",
        "population": Population(nodes=120, items=300, plays_per_node=30),
        "merit": MeritOptions(walks=500),
        "attackers": Attackers(kinds=("clone",), sybils=40, edges=24),
        "measures": Measures(egos=30),
    }
    return Scenario(**(keys | changes))


@pytest.fixture(scope="module")
def result():
    return run(small())


def test_the_curve_has_peace_one_identity_and_powers_of_ten(result):
    curve = result.table("curve")
    assert curve["sybils"].tolist() == [0, 1, 10, 40]
    assert set(curve["attack"].tolist()) == {"clone"}
    assert curve["mass"][0] == 0
    assert (curve["mass"][1:] > 0).all()
    assert curve["gain"][1] == 1


def test_nodes_stand_in_the_table_in_peace_and_under_the_whole_attack(result):
    nodes = result.table("nodes")
    assert sorted(set(nodes["time_s"].tolist())) == [0.0, 600.0]
    assert len(nodes) == 60
    peace = nodes["time_s"] == 0
    assert (nodes["merit_mass_sybil"][peace] == 0).all()
    assert not nodes["attack_edge"][peace].any()
    assert nodes["attack_edge"][~peace].any()
    assert nodes["node"][peace].tolist() == nodes["node"][~peace].tolist()
    assert result.table("oracle")["ndcg"].tolist() == nodes["ndcg"][peace].tolist()


def test_relevance_is_far_above_chance(result):
    # A list of 20 of 300 items holds a fifteenth of what was held out by chance.
    assert np.nanmean(result.table("oracle")["recall"]) > 2 / 15


def test_the_same_seed_gives_the_same_trace_and_another_another(result):
    assert run(small()).trace_hash == result.trace_hash
    assert run(small(seed=1)).trace_hash != result.trace_hash


def test_the_trace_does_not_depend_on_the_hash_seed():
    code = (
        "from peerrec_sim.graph_level import run\n"
        "from peerrec_sim.scenario.schema import *\n"
        "print(run(Scenario(name='s', mode='graph', population=Population(nodes=60), "
        "attackers=Attackers(kinds=('starve', 'slander'), sybils=10, edges=3), "
        "measures=Measures(egos=5))).trace_hash)"
    )
    hashes = {
        subprocess.run(
            [sys.executable, "-c", code],
            env=os.environ | {"PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(sys.path)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(hashes) == 1


def test_at_end_only_leaves_out_the_sizes_between():
    curve = run(small(measures=Measures(egos=5, at_end_only=True))).table("curve")
    assert curve["sybils"].tolist() == [0, 1, 40]


def test_peace_is_one_point():
    result = run(small(attackers=Attackers()))
    assert result.table("curve")["attack"].tolist() == ["peace"]
    assert result.n_sybils == 0
    assert set(result.table("nodes")["time_s"].tolist()) == {0.0}


def test_a_stopped_run_holds_what_it_found():
    asked = []

    def cancel():
        asked.append(None)
        return len(asked) > 35

    result = run(small(), cancel=cancel)
    assert not result.complete
    assert result.table("curve")["sybils"].tolist() == [0, 1]
    assert len(result.table("nodes")) == 30
    assert result.events == 36


def test_progress_counts_egos_of_each_stage():
    told = []
    run(small(measures=Measures(egos=3)), progress=lambda *args: told.append(args))
    assert [done for _, done, _ in told] == [1, 2, 3] * 4
    assert {total for _, _, total in told} == {3}
    assert told[0][0] == "peace"


def test_without_trust_the_reader_is_told():
    result = run(small(population=Population(nodes=60, trust="none")))
    assert "counts alike" in result.notes[0]
    assert (result.table("nodes")["merit_mass_sybil"] == 0).all()


def test_an_attack_on_packets_is_refused_before_anything_is_made():
    with pytest.raises(ConfigError, match=r"attackers\.kinds: 'eclipse'"):
        run(small(attackers=Attackers(kinds=("eclipse",), sybils=5)))


def test_more_identities_win_no_more_lists_through_the_same_edges():
    curve = run(small(attackers=Attackers(kinds=("parallel",), sybils=400, edges=2))).table("curve")
    # What crosses two edges is bounded: the mean number of hops behind them is 1 / decay.
    assert curve["gain"][-1] <= 1 / 0.3
