"""The library's factors and blend, served to many people, keep what every ranker keeps."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from peerrec_sim.benchmarks import factor_fit
from peerrec_sim.evaluation import evaluate
from peerrec_sim.generator import generate
from peerrec_sim.rankers import by_name
from peerrec_sim.rankers.contract import RankerContract
from peerrec_sim.splits import split
from peerrec_sim.tuning import tune

SMALL = {"factors": 8, "iterations": 4}


class TestFactors(RankerContract):
    def make(self):
        return by_name("factors").with_settings(SMALL)


class TestBlend(RankerContract):
    def make(self):
        return by_name("blend").with_settings(SMALL)


@pytest.fixture(scope="module")
def community():
    return split(generate(seed=2, users=150, items=200, interactions=3000), "hash")


@pytest.mark.parametrize("name", ["factors", "blend"])
def test_generated_tastes_are_found(community, name):
    floor = evaluate(community, by_name("popularity"), workers=1).ndcg
    assert evaluate(community, by_name(name).with_settings(SMALL), workers=1).ndcg > floor


@pytest.mark.parametrize("name", ["factors", "blend"])
def test_tunes_itself_without_the_test_part(community, name):
    ranker = by_name(name).with_settings(SMALL)
    report = tune(community, ranker, budget_s=600, workers=1)
    assert report.complete
    assert report.score >= report.before
    blind = dataclasses.replace(community, test=None)
    assert tune(blind, ranker, budget_s=600, workers=2).trials == report.trials
    chosen = ranker.with_settings(report.chosen)
    assert chosen.parameters.factors == 8
    assert set(report.chosen) <= set(ranker.grid())


def test_a_share_of_nothing_is_the_walk_alone(community):
    users = np.arange(20, dtype=np.int32)
    walk, blend = by_name("salsa"), by_name("blend").with_settings({**SMALL, "share": 0.0})
    walk.fit(community)
    blend.fit(community)
    for one, other in zip(walk.score(users), blend.score(users), strict=True):
        best = np.argsort(-one, kind="stable")[:20]
        assert set(best) == set(np.argsort(-other, kind="stable")[:20])


def test_fit_benchmark_says_what_it_measured(monkeypatch):
    for name, value in {"USERS": 200, "ITEMS": 150, "INTERACTIONS": 3000, "REPEATS": 1}.items():
        monkeypatch.setattr(factor_fit, name, value)
    said = []
    figures = factor_fit.measure_fit(0, lambda *step: said.append(step))
    assert {"fit_over_implicit", "fit_quality_ratio"} <= set(figures)
    assert figures["fit_s"] > 0
    assert 0 < figures["fit_ndcg"] < 1
    assert said == [("fitting factors", 1, 1)]
