"""The evaluation measures the right users, reproducibly, in peace and under attack."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from peerrec.errors import ConfigError, DataError
from peerrec_sim import attacks, serving
from peerrec_sim.community import Community, Interactions
from peerrec_sim.evaluation import AttackPlan, evaluate
from peerrec_sim.generator import generate
from peerrec_sim.plots import draw_sybil_curve
from peerrec_sim.rankers import Parameters, Ranker, by_name
from peerrec_sim.rankers.base import Float32s, Float64s, Int32s
from peerrec_sim.splits import split
from peerrec_sim.tuning import tune


@pytest.fixture(scope="module")
def community() -> Community:
    return split(generate(seed=3, users=120, items=150, interactions=2400), "hash")


def plan(sybils=(0, 1, 50), edges=(1, 5), name="clone") -> AttackPlan:
    return AttackPlan(name, attacks.by_name(name), sybils, edges)


def measured(result) -> dict:
    """What must not depend on the machine."""
    fields = result.as_dict()
    return {k: v for k, v in fields.items() if k not in ("seconds", "fit_seconds", "peak_rss_mb")}


def test_number_of_workers_changes_nothing(community, monkeypatch):
    monkeypatch.setattr(serving, "BLOCK_USERS_MAX", 16)
    ranker = by_name("web3recommend").with_settings({"walks": 100})
    alone = evaluate(community, ranker, workers=1, attack=plan((0, 20), (2,)))
    shared = evaluate(community, ranker, workers=2, attack=plan((0, 20), (2,)))
    assert measured(alone) == measured(shared)


def test_same_seed_gives_the_same_figures_and_another_seed_other_users(community):
    ranker = by_name("p3alpha")
    first, second = (evaluate(community, ranker, users=30, seed=1, workers=1) for _ in range(2))
    assert measured(first) == measured(second)
    assert first.users == 30
    assert evaluate(community, ranker, users=30, seed=2, workers=1).ndcg != first.ndcg


def test_sample_larger_than_the_community_is_everybody_with_a_test_item(community):
    everybody = len(np.unique(community.test.user))
    assert evaluate(community, by_name("popularity"), users=10**6).users == everybody


def test_keys_carry_the_length_of_the_lists(community):
    fields = evaluate(community, by_name("popularity"), n=7, workers=1).as_dict()
    wanted = ["recall", "ndcg", "coverage", "gini", "novelty", "worst10_ndcg", "cold_ndcg", "ils"]
    assert {f"{key}@7" for key in wanted} <= set(fields)
    assert {"dataset", "ranker", "users", "seconds", "peak_rss_mb"} <= set(fields)
    assert "target_hit@7" not in fields


def test_lists_longer_than_the_catalogue_find_everything(community):
    result = evaluate(community, by_name("p3alpha"), n=1000, workers=1)
    assert result.recall == 1.0
    assert result.coverage == 1.0


def test_nobody_cold_is_null_and_not_zero():
    n_items = 60
    train = Interactions.of(np.repeat([0, 1], 25), np.tile(np.arange(25), 2))
    test = Interactions.of([0, 1], [30, 31])
    names = [str(item) for item in range(n_items)]
    result = evaluate(Community("warm", ("a", "b"), names, train, test=test), by_name("ease"))
    assert result.cold_ndcg is None


def test_oracle_scores_one_everywhere(community):
    result = evaluate(community, Oracle(community), n=150, workers=1)
    assert result.recall == 1.0
    assert result.ndcg == pytest.approx(1.0)
    assert result.worst10_ndcg == pytest.approx(1.0)


@pytest.mark.parametrize(("n", "users"), [(0, None), (-3, None), (20, 0), (20, -1)])
def test_lists_or_samples_of_nothing_are_refused(community, n, users):
    with pytest.raises(ConfigError, match="not allowed"):
        evaluate(community, by_name("popularity"), n=n, users=users)


def test_community_without_held_out_items_is_refused(community):
    for test in (None, Interactions.of([], [])):
        with pytest.raises(DataError, match="held out"):
            evaluate(dataclasses.replace(community, test=test), by_name("popularity"))


def test_clones_take_over_a_walk_without_trust_and_the_curve_shows_it(community):
    curve = evaluate(community, by_name("p3alpha"), attack=plan(), workers=1).curve
    by_size = {(point.attack_edges, point.sybils): point for point in curve}
    assert sorted(by_size) == [(k, n) for k in (1, 5) for n in (0, 1, 50)]
    assert by_size[1, 0].target_hit == 0.0
    assert by_size[1, 0].ndcg_loss == 0.0
    assert by_size[1, 50].target_hit > 0.5


def test_top_level_figures_under_attack_are_the_worst_of_the_curve(community):
    result = evaluate(community, by_name("p3alpha"), attack=plan(), workers=1)
    fields = result.as_dict()
    assert fields["target_hit@20"] == max(point.target_hit for point in result.curve)
    assert fields["ndcg_loss"] == max(point.ndcg_loss for point in result.curve)
    assert fields["sybil_merit"] is None
    assert fields["ndcg@20"] == evaluate(community, by_name("p3alpha"), workers=1).ndcg


def test_honest_users_who_trust_a_sybil_are_left_out_of_target_hits(community):
    asked = np.unique(community.test.user)
    result = evaluate(community, TargetsForTrusting(), attack=plan((10,), (7,)), workers=1)
    assert result.curve[0].target_hit == 0.0
    assert result.curve[0].sybil_merit == 0.0
    assert result.users == len(asked)


def test_trust_is_taken_away_before_the_ranker_sees_it(community):
    ranker = TargetsForTrusting()
    result = evaluate(community, ranker, use_trust=False, attack=plan((10,), (7,)), workers=1)
    assert result.trust == "none"
    assert not ranker.trusting.any()


def test_tuner_finds_the_better_value_without_the_test_part(community):
    ranker = by_name("rp3beta").with_settings({"popularity_exponent": 1.0})
    report = tune(community, ranker, budget_s=600, workers=1)
    assert report.complete
    assert report.score > report.before
    assert report.chosen["popularity_exponent"] < 1.0
    assert report.score == max(trial.score for trial in report.trials)
    assert "popularity_exponent 1.0 →" in report.why
    blind = dataclasses.replace(community, test=None)
    assert tune(blind, ranker, budget_s=600, workers=1).trials == report.trials


def test_tuner_keeps_to_its_budget(community):
    report = tune(community, by_name("rp3beta"), budget_s=1e-9, workers=1)
    assert not report.complete
    assert len(report.trials) == 1
    assert report.chosen == report.trials[0].settings


def test_tuner_refuses_a_ranker_without_parameters_and_no_time(community):
    with pytest.raises(ConfigError, match="no parameters to tune"):
        tune(community, by_name("popularity"))
    with pytest.raises(ConfigError, match="positive"):
        tune(community, by_name("rp3beta"), budget_s=0)


def test_plot_of_the_same_figures_is_the_same_file(community, tmp_path):
    result = evaluate(community, by_name("p3alpha"), attack=plan(), workers=1)
    files = [tmp_path / name for name in ("a.svg", "b.svg")]
    for file in files:
        draw_sybil_curve(result, file)
    assert files[0].read_bytes() == files[1].read_bytes()
    assert "5 attack edges" in files[0].read_text()


def test_plot_of_an_unknown_format_is_refused(community, tmp_path):
    result = evaluate(community, by_name("popularity"), attack=plan((1,), (1,)), workers=1)
    with pytest.raises(ConfigError, match=r"\.svg or \.png"):
        draw_sybil_curve(result, tmp_path / "curve.pdf")


class NoParameters(Parameters, frozen=True):
    pass


class Oracle(Ranker[NoParameters]):
    """Knows the test part."""

    name = "oracle"
    parameters_type = NoParameters

    def __init__(self, community: Community) -> None:
        super().__init__()
        self.answers = np.zeros((community.n_users, community.n_items), np.float32)
        self.answers[community.test.user, community.test.item] = 1.0

    def fit(self, community: Community, seed: int = 0) -> None:
        pass

    def score(self, users: Int32s) -> Float32s:
        return self.answers[users]


class TargetsForTrusting(Ranker[NoParameters]):
    """Gives the last item, and all merit, to users who trust the last 10 users."""

    name = "targets-for-trusting"
    uses_trust = True
    parameters_type = NoParameters

    def fit(self, community: Community, seed: int = 0) -> None:
        self.trusting = np.zeros(community.n_users, bool)
        if community.trust is not None and community.n_users == 130:
            self.trusting[community.trust.source[community.trust.target >= 120]] = True
        self.n_items = community.n_items

    def score(self, users: Int32s) -> Float32s:
        scores = np.full((len(users), self.n_items), -np.inf, np.float32)
        scores[self.trusting[users], -1] = 1.0
        return scores

    def region_merit(self, users: Int32s, region: Int32s) -> Float64s:
        return self.trusting[users].astype(np.float64)
