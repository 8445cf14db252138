"""Baselines keep the contract and compute what their papers say."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from peerrec.errors import ConfigError
from peerrec_sim import datasets
from peerrec_sim.community import Community, Interactions, TrustEdges
from peerrec_sim.evaluation import evaluate
from peerrec_sim.generator import generate
from peerrec_sim.rankers import by_name, names
from peerrec_sim.rankers.contract import RankerContract
from peerrec_sim.splits import split


class TestPopularity(RankerContract):
    def make(self):
        return by_name("popularity")

    def test_repeated_rows_count_one_user_once(self):
        plays = Interactions.of([0, 0, 0, 1], [0, 0, 1, 1])
        ranker = self.fitted(tiny(plays))
        assert ranker.score(codes(0)).tolist() == [[1.0, 2.0, 0.0]]


class TestP3Alpha(RankerContract):
    def make(self):
        return by_name("p3alpha")

    @pytest.mark.parametrize("folded_bytes_max", [0, 10**6])
    def test_is_the_sum_over_all_paths(self, monkeypatch, folded_bytes_max):
        monkeypatch.setattr("peerrec_sim.rankers.p3alpha.FOLDED_BYTES_MAX", folded_bytes_max)
        exponent = 1.3
        community = self.community()
        ranker = self.make().with_settings({"transition_exponent": exponent})
        ranker.fit(community)
        met = dense(community)
        user_step = divided(met, met.sum(axis=1, keepdims=True)) ** exponent
        item_step = divided(met, met.sum(axis=0, keepdims=True)).T ** exponent
        expected = user_step @ item_step @ user_step
        np.testing.assert_allclose(ranker.score(codes(*range(60))), expected, rtol=1e-4)


class TestRp3Beta(RankerContract):
    def make(self):
        return by_name("rp3beta")

    def test_without_discount_is_p3alpha(self):
        community = self.community()
        ranker = self.make().with_settings({"popularity_exponent": "0"})
        ranker.fit(community)
        walk = by_name("p3alpha")
        walk.fit(community)
        users = codes(*range(60))
        assert np.array_equal(ranker.score(users), walk.score(users))


class TestItemKnn(RankerContract):
    def make(self):
        return by_name("itemknn").with_settings({"neighbours": 10})

    @pytest.mark.parametrize("block", [1, 90 * 7, 10**6])
    def test_neighbours_are_those_of_a_dense_cosine(self, monkeypatch, block):
        monkeypatch.setattr("peerrec_sim.rankers.itemknn._BLOCK_ENTRIES", block)
        community = self.community()
        met = dense(community)
        common = met.T @ met
        owners = met.sum(axis=0)
        similar = common / (np.sqrt(np.outer(owners, owners)) + 10.0)
        np.fill_diagonal(similar, 0.0)
        order = np.argsort(-similar, axis=1, kind="stable")
        for item in range(len(similar)):
            similar[item, order[item, 10:]] = 0.0
        ranker = self.fitted(community)
        expected = met @ similar.T
        np.testing.assert_allclose(ranker.score(codes(*range(60))), expected, atol=1e-5)


class TestEase(RankerContract):
    def make(self):
        return by_name("ease")

    def test_is_the_closed_form(self):
        community = self.community()
        met = dense(community)
        inverse = np.linalg.inv(met.T @ met + 200.0 * np.eye(90))
        weights = np.eye(90) - inverse / np.diag(inverse)
        ranker = self.fitted(community)
        np.testing.assert_allclose(
            ranker.score(codes(*range(60))), met @ weights, rtol=1e-3, atol=1e-5
        )

    def test_catalogue_beyond_the_memory_limit_is_refused_before_allocating(self):
        plays = Interactions.of([0], [0])
        huge = Community("huge", ("ann",), range(10**6), plays)  # type: ignore[arg-type]
        with pytest.raises(ConfigError, match=r"ease\.memory_limit_mb.*1,000,000 items of huge"):
            self.make().fit(huge)


class TestWeb3Recommend(RankerContract):
    def make(self):
        return by_name("web3recommend").with_settings({"walks": 200})


class TestWeb3RecommendWithoutTrust(TestWeb3Recommend):
    def community(self):
        return dataclasses.replace(super().community(), trust=None)

    def test_trust_changes_scores_only_where_it_is_said_to(self):
        ranker = self.fitted()
        assert ranker.uses_trust


def test_unknown_ranker_is_refused_with_the_names_there_are():
    with pytest.raises(ConfigError, match=r"'nonsense'.*popularity.*web3recommend"):
        by_name("nonsense")


def test_every_registered_name_is_the_rankers_own():
    assert [by_name(name).name for name in names()] == names()


@pytest.mark.parametrize("value", ["nan", "inf", "-1", "many", "", "5"])
def test_impossible_value_is_refused_with_what_is_allowed(value):
    with pytest.raises(ConfigError, match=r"rp3beta\.popularity_exponent.*expected"):
        by_name("rp3beta").with_settings({"popularity_exponent": value})


def test_trusted_walk_reaches_only_whom_somebody_trusts():
    # 0 trusts 1; 2 shares item 0 with both but nobody trusts 2, so its item 2 stays away.
    plays = Interactions.of([0, 1, 1, 2, 2], [0, 0, 1, 0, 2])
    trust = TrustEdges(codes(0), codes(1), np.ones(1, np.float32))
    ranker = by_name("web3recommend").with_settings({"walks": 2000})
    ranker.fit(tiny(plays, trust))
    scores = ranker.score(codes(0))[0]
    assert scores[1] > 0
    assert scores[2] == 0
    ranker.fit(tiny(plays))
    assert ranker.score(codes(0))[0][2] > 0


def test_distrusted_user_is_never_walked_to():
    plays = Interactions.of([0, 1, 1], [0, 0, 1])
    trust = TrustEdges(codes(0), codes(1), np.full(1, -1, np.float32))
    ranker = by_name("web3recommend").with_settings({"walks": 500})
    ranker.fit(tiny(plays, trust))
    assert ranker.score(codes(0))[0][1] == 0


def test_item_behind_one_friend_is_flagged_and_own_item_is_not():
    plays = Interactions.of([0, 1, 1], [0, 0, 1])
    trust = TrustEdges(codes(0), codes(1), np.ones(1, np.float32))
    ranker = by_name("web3recommend").with_settings({"walks": 500, "connectivity_decay": 1})
    ranker.fit(tiny(plays, trust))
    assert ranker.score(codes(0))[0][0] > 0
    assert ranker.score(codes(0))[0][1] == 0
    assert ranker.false_flags(codes(0), codes(), codes()).tolist() == [0.5]
    assert ranker.false_flags(codes(0), codes(1), codes(1)).tolist() == [0.0]


def test_user_without_items_starts_where_its_trust_leads():
    plays = Interactions.of([1, 1], [0, 1])
    trust = TrustEdges(codes(0), codes(1), np.ones(1, np.float32))
    ranker = by_name("web3recommend").with_settings({"walks": 500})
    ranker.fit(tiny(plays, trust))
    assert (ranker.score(codes(0))[0][:2] > 0).all()
    assert not ranker.score(codes(2)).any()


@pytest.mark.data
def test_popularity_reproduces_the_reference_on_ml_1m(data_folder):
    assert_reference(data_folder, "ml-1m", "popularity", {}, 0.1160, 0.1176)


@pytest.mark.data
def test_walks_reproduce_the_reference_on_lastfm(data_folder):
    name = "lastfm-2k/split_lightgcn"
    assert_reference(data_folder, name, "p3alpha", {}, 0.2478, 0.1958)
    assert_reference(data_folder, name, "rp3beta", {}, 0.2646, 0.2072)


@pytest.mark.slow
@pytest.mark.data
@pytest.mark.parametrize(
    ("dataset", "ranker", "settings", "recall", "ndcg"),
    [
        ("gowalla", "popularity", {}, 0.0416, 0.0317),
        ("gowalla", "p3alpha", {}, 0.1860, 0.1562),
    ],
)
def test_reference_on_large_sets(data_folder, dataset, ranker, settings, recall, ndcg):
    assert_reference(data_folder, dataset, ranker, settings, recall, ndcg)


def assert_reference(data_folder, dataset, ranker, settings, recall, ndcg):
    community = datasets.load(dataset, data_folder)
    result = evaluate(community, by_name(ranker).with_settings(settings))
    assert result.recall == pytest.approx(recall, abs=0.001)
    assert result.ndcg == pytest.approx(ndcg, abs=0.001)


def test_generated_tastes_are_found_by_every_personal_ranker():
    community = split(generate(seed=2, users=150, items=200, interactions=3000), "hash")
    floor = evaluate(community, by_name("popularity"), workers=1).ndcg
    for name in ("p3alpha", "rp3beta", "itemknn", "ease"):
        assert evaluate(community, by_name(name), workers=1).ndcg > floor


def codes(*values: int) -> np.ndarray:
    return np.array(values, np.int32)


def tiny(plays: Interactions, trust: TrustEdges | None = None) -> Community:
    return Community("tiny", ("ann", "bob", "cem"), ("x", "y", "z"), plays, trust)


def dense(community: Community) -> np.ndarray:
    met = np.zeros((community.n_users, community.n_items))
    met[community.interactions.user, community.interactions.item] = 1.0
    return met


def divided(numerator: np.ndarray, denominator: np.ndarray) -> np.ndarray:
    return numerator / np.maximum(denominator, 1.0)
