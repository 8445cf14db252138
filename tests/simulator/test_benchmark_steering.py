"""The steering benchmark reports what exploration and descriptions do, reproducibly."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest
from click.testing import CliRunner

from peerrec.errors import ConfigError, DataError
from peerrec_sim import datasets
from peerrec_sim.benchmarks import steering as bench
from peerrec_sim.benchmarks.genres import genres_of, read_genres
from peerrec_sim.benchmarks.steering import (
    measure_cold_items,
    measure_exploration,
    measure_steering,
    share_of_places,
)
from peerrec_sim.commands import bench_steering
from peerrec_sim.community import Community, Interactions, TrustEdges
from peerrec_sim.splits import split


def community(seed=0, n_users=60, n_items=120, trust=True):
    """Two scenes with times and friendships inside them."""
    rng = np.random.default_rng(seed)
    user = np.repeat(np.arange(n_users), 25)
    scene = user % 2 * (n_items // 2)
    item = scene + (rng.random(len(user)) ** 2 * (n_items // 2)).astype(int)
    item = np.where(rng.random(len(user)) < 0.15, rng.integers(0, n_items, len(user)), item)
    keys = np.unique(user * n_items + item)
    user, item = keys // n_items, keys % n_items
    source = np.repeat(np.arange(n_users), 4)
    target = (source + 2 * rng.integers(1, 20, len(source))) % n_users
    pairs = np.unique(source * n_users + target)
    edges = TrustEdges(
        (pairs // n_users).astype(np.int32),
        (pairs % n_users).astype(np.int32),
        np.ones(len(pairs), np.float32),
    )
    return Community(
        "scenes",
        tuple(f"u{k}" for k in range(n_users)),
        tuple(f"i{k}" for k in range(n_items)),
        Interactions.of(user, item, time=rng.random(len(user)) * 1e6),
        edges if trust else None,
    )


@pytest.mark.parametrize("trust", [True, False])
def test_exploring_lowers_similarity_and_leads_into_the_unfamiliar(trust):
    found = measure_exploration(split(community(trust=trust), "hash"), 0, explore=1.0, workers=1)
    assert found["explore_ils_ratio"] < 1
    assert found["explore_unfamiliar"] > found["plain_unfamiliar"]
    assert found["plain_ndcg"] > found["explore_ndcg"] > 0


def test_the_number_of_workers_changes_nothing():
    whole = split(community(), "hash")
    one, two = (measure_exploration(whole, 3, workers=workers) for workers in (1, 2))
    assert one == two


def test_a_sample_of_users_is_measured_when_asked_for():
    whole = split(community(), "hash")
    assert measure_exploration(whole, 0, users=7, workers=1)["users"] == 7


def test_a_community_without_a_test_part_is_refused():
    with pytest.raises(ConfigError, match="test part"):
        measure_exploration(community(), 0)


def test_good_words_let_hidden_items_in_and_name_the_right_ones(monkeypatch):
    monkeypatch.setattr(bench, "COLD_SHARE", 0.2)
    whole = community()
    tags = {name: ["first" if k < 60 else "second"] for k, name in enumerate(whole.items)}
    found = measure_cold_items(whole, tags, 0)
    assert found["cold_share"] > 0
    assert found["cold_precision"] > found["cold_precision_by_chance"]


def test_without_words_hidden_items_get_nothing():
    found = measure_cold_items(community(), {}, 0)
    assert found["cold_share"] == found["cold_recall"] == 0
    assert found["cold_ndcg_ratio"] == 1


def test_padded_places_are_no_places():
    lists = np.array([[0, -1], [1, 0]], np.int32)
    assert share_of_places(lists, np.array([True, False])) == pytest.approx(2 / 3)
    assert share_of_places(np.full((1, 2), -1, np.int32), np.array([True])) == 0


def test_genres_are_the_flags_at_the_end_of_a_line():
    assert genres_of("7|A | B|1995|1|0|1", ["x", "y", "z"]) == ("7", ["x", "z"])
    with pytest.raises(DataError, match="genre flags"):
        genres_of("7|A", ["x", "y", "z"])


def test_a_missing_file_of_genres_is_named(tmp_path):
    (tmp_path / "ml-100k").mkdir()
    with pytest.raises(DataError, match=r"u\.genre"):
        read_genres(tmp_path)


FOUND = dict.fromkeys(bench_steering.FIGURES, 0.5)


def test_the_command_prints_a_table_or_one_json_object(monkeypatch):
    monkeypatch.setattr(bench_steering, "measure_steering", lambda *_, **__: FOUND)
    table = CliRunner().invoke(bench_steering.steering, [])
    assert table.exit_code == 0
    assert "0.500" in table.output
    printed = CliRunner().invoke(bench_steering.steering, ["--json"])
    assert json.loads(printed.stdout) == FOUND


def test_a_data_folder_that_does_not_exist_is_refused():
    result = CliRunner().invoke(bench_steering.steering, ["--data", "/nowhere/at/all"])
    assert isinstance(result.exception, ConfigError)


def test_the_table_names_only_figures_that_are_measured(monkeypatch):
    whole = community()
    cold = measure_cold_items(whole, {}, 0)
    explored = measure_exploration(split(whole, "hash"), 0, users=5, workers=1)
    assert set(bench_steering.FIGURES) <= set(cold | explored)


@pytest.mark.data
@pytest.mark.slow
def test_exploring_a_third_is_worth_its_price_on_music_and_words_on_films(data_folder):
    found = measure_steering(data_folder, 0)
    assert found["explore_ils_ratio"] <= 0.85
    assert found["explore_ndcg_ratio"] >= 0.95
    assert found["explore_unfamiliar"] > 1.5 * found["plain_unfamiliar"]
    assert found["cold_share"] > 0
    assert found["cold_ndcg_ratio"] >= 0.985
    assert found["cold_precision"] > found["cold_precision_by_chance"]


@pytest.mark.data
def test_exploring_a_third_keeps_its_price_on_a_sample_of_music(data_folder):
    music = split(datasets.load("lastfm-2k", data_folder), "hash")
    found = measure_exploration(dataclasses.replace(music, trust=None), 0, users=60)
    assert found["explore_ils_ratio"] <= 0.85
    assert found["explore_ndcg_ratio"] >= 0.90
