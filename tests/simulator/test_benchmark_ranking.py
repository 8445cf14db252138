"""The benchmark of the ranking measures what its command prints, at any size."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from peerrec.errors import ConfigError
from peerrec_sim.benchmarks import merit
from peerrec_sim.benchmarks import ranking as benchmark
from peerrec_sim.commands.bench_ranking import MEANING, ranking


@pytest.fixture(autouse=True)
def small(monkeypatch):
    monkeypatch.setattr(benchmark, "USERS", 300)
    monkeypatch.setattr(benchmark, "ITEMS", 200)
    monkeypatch.setattr(merit, "USERS", 300)
    monkeypatch.setattr(merit, "UPDATES", 30)


def run(*arguments: str) -> str:
    size = ("--edges", "4000", "--sampled-edges", "6000", "--repeats", "1")
    result = CliRunner().invoke(ranking, [*size, *arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


def test_json_holds_every_figure_of_the_table():
    figures = json.loads(run("--json"))
    assert set(MEANING) <= set(figures)
    assert figures["sampled_overlap"] >= 0.85
    assert 0 < figures["bytes_per_edge"] < 100


def test_the_table_names_the_keys_of_the_json():
    table = run()
    assert all(key in table for key in MEANING)


def test_an_empty_graph_is_refused():
    with pytest.raises(ConfigError, match="edges"):
        CliRunner().invoke(ranking, ["--edges", "0"], catch_exceptions=False)
