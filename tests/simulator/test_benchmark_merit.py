"""The merit benchmark reports every key, on a graph of the stated shape."""

from __future__ import annotations

import importlib

import numpy as np
import pytest

from peerrec_sim.benchmarks import merit
from peerrec_sim.benchmarks.merit import measure_merit, random_trust


def test_all_ratios_are_reported(monkeypatch):
    monkeypatch.setattr(merit, "USERS", 300)
    monkeypatch.setattr(merit, "UPDATES", 20)
    found = measure_merit(seed=0, repeats=1)
    assert all(value is not None and value > 0 for value in found.values())
    assert {"merit_update_over_full", "merit_over_meritrank_python"} <= set(found)


def test_without_the_other_library_its_ratio_is_none(monkeypatch):
    def missing(name):
        raise ImportError(name)

    monkeypatch.setattr(merit, "USERS", 300)
    monkeypatch.setattr(merit, "UPDATES", 20)
    monkeypatch.setattr(importlib, "import_module", missing)
    found = measure_merit(seed=0, repeats=1)
    assert found["merit_over_meritrank_python"] is None


@pytest.mark.parametrize("side", ["sources", "targets"])
def test_the_graph_is_heavy_tailed_on_both_sides(side):
    view = random_trust(5_000, 10.0, np.random.default_rng(0))
    assert 7 < view.n_edges / view.n_nodes < 13
    degree = np.sort(np.bincount(getattr(view, side), minlength=5_000))
    assert degree[-250:].sum() > 0.25 * view.n_edges, "5 % of the users hold a quarter"
