from __future__ import annotations

import dataclasses

import msgspec
import numpy as np
import pytest
from made_runs import made_curve, made_experiment, made_run, made_scenario

from peerrec.errors import ConfigError
from peerrec_sim.measures.columns import NODES
from peerrec_sim.measures.result import RunResult
from peerrec_sim.measures.summary import MEASURES, lists_at_end, summary
from peerrec_sim.scenario.schema import NodeOptions


def test_figures_of_lists_are_those_of_the_last_lists():
    run = made_run()
    last = run.nodes.take(run.nodes["time_s"] == 180.0)
    assert summary(run)["ndcg"] == pytest.approx(np.nanmean(last["ndcg"]))


def test_lists_that_were_measured_before_the_end_are_found():
    run = made_run()
    nodes = NODES.joined(
        [run.nodes, NODES.table(time_s=[200.0], node=[0], role=["honest"], segments=[1])]
    )
    longer = dataclasses.replace(run, nodes=nodes)
    assert set(lists_at_end(longer)["time_s"].tolist()) == {180.0}
    assert summary(longer)["segments"] == 1.0


def test_who_trusts_an_attacker_is_left_out_of_what_attackers_win():
    found = summary(made_run())
    assert found["target_hit"] == pytest.approx(1 / 19)  # node 4 of the 19 others
    assert found["merit_mass_sybil"] == pytest.approx(0.01)


def test_in_peace_nothing_is_said_of_attackers():
    found = summary(dataclasses.replace(made_run(), n_sybils=0))
    assert not {"target_hit", "merit_mass_sybil", "sybil_link_share"} & set(found)


def test_tables_are_weighed_only_where_nodes_exchange_them():
    nodes = NODES.table(
        time_s=[9.0] * 2, node=[0, 1], role=["honest"] * 2, factor_bytes=[1024, 3072],
        factor_version=[2, 4],
    )  # fmt: skip
    off = RunResult(made_scenario(), nodes=nodes)
    assert not {"factor_kb", "factor_versions"} & set(summary(off))
    node = NodeOptions(factors=True)
    on = summary(RunResult(msgspec.structs.replace(made_scenario(), node=node), nodes=nodes))
    assert (on["factor_kb"], on["factor_versions"]) == (2.0, 3.0)


def test_who_publishes_nothing_has_a_figure_of_their_own():
    nodes = NODES.table(
        time_s=[9.0] * 3, node=[0, 1, 2], role=["honest"] * 3, ndcg=[0.2, 0.4, 0.6],
        list_length=[20, 20, 20], private=[False, True, True],
    )  # fmt: skip
    assert summary(RunResult(made_scenario(), nodes=nodes))["private_ndcg"] == pytest.approx(0.5)
    assert "private_ndcg" not in summary(made_run())


def test_attackers_traffic_and_links_are_not_those_of_honest_nodes():
    assert summary(made_run())["links"] == 8.0


def test_relevance_is_compared_with_the_mean_that_all_data_gives():
    found = summary(made_run())
    assert found["ndcg_over_oracle"] == pytest.approx(found["ndcg"] / 0.4)


def test_what_was_not_measured_is_left_out():
    assert summary(RunResult(made_scenario())) == {}


def test_the_gain_of_a_ranker_is_its_largest():
    found = summary(made_curve())
    assert found["gain/web3recommend/serial"] == 9.1
    assert found["gain/meritsalsa/serial"] == 1.1


def test_a_runs_own_figures_stand_behind_the_others():
    found = summary(dataclasses.replace(made_run(), figures={"z": 1.0, "eclipsed": 0.5}))
    assert list(found)[-2:] == ["eclipsed", "z"]


def test_every_measure_says_what_it_means_and_has_a_name_of_its_own():
    names = [measure.name for measure in MEASURES]
    assert len(set(names)) == len(names)
    assert all(measure.meaning for measure in MEASURES)


def test_tables_are_known_by_name_and_others_refused():
    run = made_run()
    assert run.table("deliveries") is run.deliveries
    with pytest.raises(ConfigError, match="oracle"):
        run.table("nonsense")


def test_a_run_is_named_by_its_scenario_and_seed():
    assert made_run(1).run_id == made_run(1, ndcg=0.1).run_id != made_run(2).run_id


def test_gains_are_told_once_for_each_attack_and_by_edges_where_those_differ():
    one = [name for name in summary(made_curve()) if name.startswith("gain/")]
    assert one == ["gain/meritsalsa/serial", "gain/web3recommend/serial"]
    found = summary(made_experiment())
    several = [name for name in found if name.startswith("gain/")]
    assert len(several) == 3 * 3 * 2
    assert "gain/theirs .1/friend-serial/2" in several
    assert found["gain/ours/friend-serial/2"] == 1.0
