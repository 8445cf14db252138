"""Crowds gossip factors: better than alone, counted right, and reproducibly."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest
from click.testing import CliRunner

from peerrec.errors import ConfigError
from peerrec.ranking.factor_codec import decode_table, encode_table
from peerrec.ranking.factor_serving import Evidence
from peerrec.ranking.factor_solve import FactorSettings
from peerrec_sim.benchmarks import factors as bench
from peerrec_sim.commands import bench_factors
from peerrec_sim.factor_gossip.attackers import ATTACKS
from peerrec_sim.factor_gossip.measure import lists_of, mean_ndcg, share_listing
from peerrec_sim.factor_gossip.people import Options, gather, merit_of
from peerrec_sim.factor_gossip.rounds import Course, run_epochs
from peerrec_sim.generator import generate
from peerrec_sim.splits import split

WORLD = split(generate(3, users=80, items=150, interactions=2400), "hash")
ALIKE = dataclasses.replace(WORLD, trust=None)
SMALL = FactorSettings(dim=16)


def gossip(community, options, course):
    crowd = gather(community, options)
    sent = list(run_epochs(crowd, course))[-1]
    return crowd, sent


def test_gossip_beats_the_own_records_alone():
    alone = gather(ALIKE, Options(known=8, settings=SMALL))
    crowd, _ = gossip(ALIKE, Options(known=8, settings=SMALL), Course())
    assert mean_ndcg(crowd, lists_of(crowd, None)) > 1.05 * mean_ndcg(alone, lists_of(alone, None))


def test_the_same_seed_gives_the_same_lists_and_bytes():
    runs = [
        gossip(WORLD, Options(known=8, settings=SMALL, seed=5), Course(epochs=1)) for _ in range(2)
    ]
    lists = [lists_of(crowd, Evidence()) for crowd, _ in runs]
    assert np.array_equal(*lists)
    assert np.array_equal(runs[0][1].bytes, runs[1][1].bytes)


def test_most_nodes_end_every_epoch_even_when_some_are_away():
    crowd, sent = gossip(ALIKE, Options(known=8, settings=SMALL), Course(epochs=2, offline=0.3))
    assert np.mean([node.epochs >= 2 for node in crowd.nodes]) >= 0.9
    assert sent.exchanges.min() > 0


def test_known_peers_are_those_with_most_merit():
    merit = merit_of(WORLD)
    assert np.allclose(merit.sum(axis=1), 1, atol=1e-4)
    assert not merit.diagonal().any()
    assert merit_of(ALIKE) is None


@pytest.mark.parametrize("name", sorted(ATTACKS))
def test_every_attacker_sends_bytes_that_decode(name):
    crowd = gather(ALIKE, Options(known=8, settings=SMALL, targets=(3, 5)))
    hostile = ATTACKS[name](crowd.nodes[0].table, crowd.keys[[3, 5]], 9, np.random.default_rng(0))
    table = decode_table(encode_table(hostile), dim=crowd.options.settings.dim, rows_max=1000)
    assert len(table)


def test_the_bounds_keep_a_promoted_item_out_of_lists_that_it_takes_without_them():
    column = int(np.argmin(np.bincount(gather(ALIKE, Options(known=1)).train.indices)))
    course = Course(epochs=2, sybil_contacts=0.2)
    taken = []
    for robust, evidence in ((False, None), (True, Evidence())):
        options = Options(known=20, robust=robust, targets=(column,))
        crowd, _ = gossip(ALIKE, options, course)
        taken.append(share_listing(lists_of(crowd, evidence), column))
    assert taken[0] > 0.5
    assert taken[1] < 0.1


def test_lists_hold_nothing_that_the_user_has():
    crowd = gather(WORLD, Options(known=8, settings=SMALL))
    lists = lists_of(crowd, Evidence())
    train = crowd.train.toarray()
    for user, row in enumerate(lists):
        assert not train[user, row[row >= 0]].any()


def test_a_part_that_is_not_known_is_refused():
    with pytest.raises(ConfigError, match="only"):
        bench.measure_factors(None, only=["nothing"])


def test_an_exchange_of_ten_thousand_rows_costs_few_bytes_a_row():
    found = bench.measure_row(0, repeats=1)
    assert found["row_bytes"] <= 14
    assert found["exchange_ms"] > 0


@pytest.mark.slow
def test_a_new_item_that_five_trusted_people_have_is_not_suppressed():
    found = bench.measure_new_item(ALIKE, 0)
    assert found["new_item_exposure"] > 0
    assert found["new_item_ratio"] > 0.5


def test_the_command_prints_a_table_or_one_json_object(monkeypatch):
    monkeypatch.setattr(bench, "measure_factors", lambda *_: {"row_bytes": 16.0})
    table = CliRunner().invoke(bench_factors.factors, ["--only", "row"])
    assert table.exit_code == 0
    assert "row_bytes" in table.output
    printed = CliRunner().invoke(bench_factors.factors, ["--json"])
    assert json.loads(printed.stdout) == {"row_bytes": 16.0}


@pytest.mark.data
@pytest.mark.slow
def test_gossip_on_films_comes_near_central_factors(data_folder):
    found = bench.measure_quality("ml-100k", data_folder, 0)
    assert found["ml-100k_over_central"] >= 0.91
    assert found["ml-100k_sent_kb"] <= 450
    assert found["ml-100k_defence_loss"] <= 0.05
