"""Rankers are tuned on training data alone, on what each user did last where that is known."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from peerrec_sim.community import Community, Interactions
from peerrec_sim.generator import generate
from peerrec_sim.lateness import hide_latest, lateness, lateness_of
from peerrec_sim.parallel import map_forked
from peerrec_sim.rankers import by_name
from peerrec_sim.splits import split
from peerrec_sim.tuning import tune


@pytest.fixture(scope="module")
def community():
    return split(generate(seed=2, users=120, items=150), "hash")


def tiny(items, weights=None, times=None):
    plays = Interactions.of([0] * len(items), items, weights, times)
    return Community("tiny", ("ann",), tuple(map(str, range(10))), plays)


@pytest.mark.parametrize("name", ["salsa", "meritsalsa"])
def test_walks_tune_themselves_without_the_test_part(community, name):
    poor = {"user_exponent": 0.0, "popularity_discount": -1.0}
    few = {"walks": 200} if name == "meritsalsa" else {}
    ranker = by_name(name).with_settings(poor | few)
    report = tune(community, ranker, budget_s=600, workers=1)
    assert report.complete
    assert report.score > report.before
    assert "user_exponent 0.0 →" in report.why
    blind = dataclasses.replace(community, test=None)
    assert tune(blind, ranker, budget_s=600, workers=2).trials == report.trials
    ranker.with_settings(report.chosen)


def test_settings_stay_where_nothing_is_better():
    community = tiny([1, 2])
    report = tune(community, by_name("salsa"), budget_s=60, workers=1)
    assert "the settings stay as they were" in report.why
    assert report.users == 0


def test_time_says_what_was_last():
    community = tiny([0, 1, 2, 3, 4], times=[3.0, 9.0, 1.0, 2.0, 4.0])
    assert hide_latest(community, np.array([0], np.int32)).test.item.tolist() == [1]


def test_order_of_rows_says_what_was_last():
    community = tiny([3, 1, 4, 0, 2])
    assert hide_latest(community, np.array([0], np.int32)).test.item.tolist() == [2]
    order = lateness_of(community)(0, np.arange(5, dtype=np.int32))
    assert order.argsort().tolist() == [3, 1, 4, 0, 2]


@pytest.mark.parametrize(
    ("items", "weights"),
    [([0, 1, 2, 3, 4], None), ([4, 3, 2, 1, 0], None), ([3, 1, 4, 0, 2], [9, 7, 4, 3, 1])],
    ids=["by item", "by item, falling", "by weight"],
)
def test_rows_sorted_by_something_else_say_nothing(items, weights):
    assert lateness(tiny(items, weights).interactions) is None


def test_users_with_little_keep_it():
    community = tiny([3, 1])
    assert not len(hide_latest(community, np.array([0], np.int32)).test)


def test_forked_workers_give_the_same_in_the_same_order():
    blocks = [slice(at, at + 1) for at in range(9)]
    offset = np.arange(20)
    for workers in (1, 3):
        mapped = map_forked(workers)(lambda block: offset[block][0] * 2, blocks)
        assert list(mapped) == list(range(0, 18, 2))
