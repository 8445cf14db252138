"""The embedding benchmark measures what it says, on a store small enough for a test."""

from __future__ import annotations

import numpy as np
from click.testing import CliRunner

from peerrec.facade import live_graph
from peerrec_sim.benchmarks import embed
from peerrec_sim.commands import bench_embed


def test_all_figures_of_the_table_are_measured(monkeypatch):
    small = {"INTERACTIONS": 30_000, "TRUST_EDGES": 20_000, "LIVE_ROUNDS": 10}
    for name, value in {**small, "ROUNDS": 1, "RECORDS": 200}.items():
        monkeypatch.setattr(embed, name, value)
    monkeypatch.setattr(embed, "recorded", lambda *_: {"record_over_sqlite": 1.0, "record_us": 9.0})
    stages = []
    figures = embed.measure_embed(0, 1, lambda stage, done, total: stages.append((done, total)))
    assert set(bench_embed.MEANING) <= set(figures)
    assert all(np.isfinite(figure) and figure > 0 for figure in figures.values())
    assert stages == [(done, 5) for done in range(5)]


def test_the_graph_file_is_what_spares_reading_the_store(tmp_path, monkeypatch):
    plays = embed.random_plays(live_graph.SAVED_MIN * 2, np.random.default_rng(0))
    monkeypatch.setattr(embed, "TRUST_EDGES", 20_000)
    figures = embed.filled(tmp_path / "me.db", plays, np.random.default_rng(0))
    assert (tmp_path / "me.db.graph").exists()
    assert figures["bytes_per_interaction"] > figures["store_bytes_per_interaction"]


def test_the_command_refuses_no_repeats():
    result = CliRunner().invoke(bench_embed.embed, ["--repeats", "0"])
    assert result.exit_code != 0
    assert "repeats" in str(result.exception)
