"""Incremental merit: after any script of edits, walks are as fresh ones would be."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from scipy.stats import chi2_contingency

from peerrec.errors import DataError, UnknownPeer
from peerrec.ranking import merit_incremental
from peerrec.ranking import walks as walks_module
from peerrec.ranking.merit_incremental import IncrementalMerit
from peerrec.ranking.meritrank import MeritParameters, draw_walks, exact_merit, sampled_merit
from peerrec.ranking.trust_snapshot import TrustSnapshot
from peerrec.ranking.walks import WalkRows

N = 8
PARAMETERS = MeritParameters(walks=5_000, transitivity_decay=0.25)
Edges = dict[tuple[int, int], float]


def snapshot(edges: Edges, n: int = N) -> TrustSnapshot:
    if not edges:
        return TrustSnapshot.from_edges([], [], [], n)
    source, target = zip(*edges, strict=True)
    return TrustSnapshot.from_edges(source, target, list(edges.values()), n)


def random_edges(rng: np.random.Generator, n_edges: int) -> Edges:
    pairs = [(s, t) for s in range(N) for t in range(N) if s != t]
    chosen = rng.choice(len(pairs), n_edges, replace=False)
    return {pairs[at]: float(rng.choice([0.25, 0.5, 1.0])) for at in chosen}


def random_edit(rng: np.random.Generator, edges: Edges, signed: bool) -> tuple[int, int, float]:
    """New, re-weighted and removed edges; emptying a row, so that dead ends come and go."""
    source, target = rng.choice(N, 2, replace=False).tolist()
    if edges and rng.random() < 0.6:
        source, target = list(edges)[rng.integers(len(edges))]
    choices = [0.0, 0.0, 0.05, 0.25, 1.0] + [-0.5] * signed
    return source, target, float(rng.choice(choices))


def apply(edges: Edges, edit: tuple[int, int, float]) -> None:
    source, target, weight = edit
    edges.pop((source, target), None)
    if weight:
        edges[source, target] = weight


def path_counts(path: np.ndarray) -> Counter[tuple[int, ...]]:
    """How many walks begin with each path of up to four hops, ends included."""
    width = max(0, 5 - path.shape[1])
    padded = np.pad(path, ((0, 0), (0, width)), constant_values=-1)[:, :5]
    return Counter(map(tuple, padded.tolist()))


def p_value(one: Counter[tuple[int, ...]], other: Counter[tuple[int, ...]]) -> float:
    """Chi-square that both samples of walks are of one distribution; rare paths pooled."""
    common = [path for path in sorted(one | other) if one[path] + other[path] >= 20]
    table = np.array([[counts[path] for path in common] for counts in (one, other)])
    pooled = np.array([[one.total()], [other.total()]]) - table.sum(axis=1, keepdims=True)
    if pooled.sum():
        table = np.hstack([table, pooled])
    return float(chi2_contingency(table).pvalue) if table.shape[1] > 1 else 1.0


def assert_consistent(merit: IncrementalMerit) -> None:
    """Index and hit counts say what the walks say."""
    store = merit._store
    hits = np.zeros(len(store.hits), int)
    for walk in range(len(store.path)):
        nodes = store.nodes_of(walk)
        assert min(nodes) >= 0
        assert set(store.path[walk, len(nodes) :].tolist()) <= {-1}
        for node in set(nodes) - {merit.ego}:
            hits[node] += 1
            assert walk in store._index[node]
    np.testing.assert_array_equal(store.hits, hits)
    assert sum(map(len, store._index.values())) == hits.sum()


@pytest.mark.parametrize("few", [0, 24, 10**9], ids=["vectorised", "mixed", "scalar"])
@pytest.mark.parametrize("seed", range(8))
def test_walks_after_a_random_edit_script_are_as_fresh_ones(few, seed, monkeypatch):
    monkeypatch.setattr(merit_incremental, "FEW_WALKS", few)
    rng = np.random.default_rng(seed)
    edges = random_edges(rng, int(rng.integers(3, 20)))
    merit = IncrementalMerit(snapshot(edges), 0, PARAMETERS, rng=rng)
    for _ in range(30):
        edit = random_edit(rng, edges, signed=seed % 2 == 1)
        merit.set_edge(*edit)
        apply(edges, edit)
    view = snapshot(edges)
    rows = WalkRows(view, view.blocked(0))
    fresh = draw_walks(rows, 0, MeritParameters(walks=20_000, transitivity_decay=0.25), rng).T
    assert p_value(path_counts(merit._store.path), path_counts(fresh)) > 1e-4
    exact = exact_merit(view, 0, MeritParameters(transitivity_decay=0.25, distrust=0.0)).dense(N)
    error = np.sqrt(exact * (1 - exact) / PARAMETERS.walks)
    assert (np.abs(merit.hits / PARAMETERS.walks - exact) <= 4.5 * error + 1e-9).all()
    assert_consistent(merit)


@pytest.mark.parametrize("few", [0, 10**9], ids=["vectorised", "scalar"])
def test_one_edge_weighed_again_and_again_stays_unbiased(few, monkeypatch):
    """The published mistake: re-weighting without removing drifts to the new edge."""
    monkeypatch.setattr(merit_incremental, "FEW_WALKS", few)
    edges = {(0, 1): 1.0, (0, 2): 1.0, (1, 0): 0.5, (2, 0): 0.5}
    merit = IncrementalMerit(snapshot(edges), 0, PARAMETERS, rng=np.random.default_rng(0))
    for weight in (0.5, 1.0, 0.25, 1.0, 0.1, 0.9, 0.2, 1.0) * 5:
        merit.set_edge(0, 1, weight)
    exact = exact_merit(snapshot(edges), 0, PARAMETERS)
    error = (exact.of(1) * (1 - exact.of(1)) / PARAMETERS.walks) ** 0.5
    assert abs(merit.hits[1] / PARAMETERS.walks - exact.of(1)) < 4.5 * error


@pytest.mark.parametrize("few", [0, 10**9], ids=["vectorised", "scalar"])
def test_a_dead_end_that_comes_and_goes_leaves_no_trace(few, monkeypatch):
    monkeypatch.setattr(merit_incremental, "FEW_WALKS", few)
    edges = {(0, 1): 1.0, (1, 2): 1.0}
    merit = IncrementalMerit(snapshot(edges), 0, PARAMETERS, rng=np.random.default_rng(1))
    for _ in range(20):
        merit.remove_edge(1, 2)
        assert merit.hits[2] == 0
        merit.set_edge(1, 2, 0.5)
    wanted = 0.75**2
    assert abs(merit.hits[2] / 5_000 - wanted) < 4.5 * (wanted * (1 - wanted) / 5_000) ** 0.5


@pytest.mark.parametrize("few", [0, 10**9], ids=["vectorised", "scalar"])
def test_no_walk_outgrows_max_steps_under_edits(few, monkeypatch):
    monkeypatch.setattr(merit_incremental, "FEW_WALKS", few)
    parameters = MeritParameters(walks=500, transitivity_decay=0.01, max_steps=6)
    rng = np.random.default_rng(2)
    edges = random_edges(rng, 20)
    merit = IncrementalMerit(snapshot(edges), 0, parameters, rng=rng)
    for _ in range(40):
        edit = random_edit(rng, edges, signed=False)
        merit.set_edge(*edit)
        apply(edges, edit)
        assert merit._store.length.max() <= 7
    exact = draw_walks(WalkRows(snapshot(edges)), 0, parameters, rng).T
    assert p_value(path_counts(merit._store.path), path_counts(exact)) > 1e-4


@pytest.mark.parametrize("few", [0, 10**9], ids=["vectorised", "scalar"])
def test_blocked_peers_are_on_no_walk_and_come_back_when_trusted_again(few, monkeypatch):
    monkeypatch.setattr(merit_incremental, "FEW_WALKS", few)
    rng = np.random.default_rng(3)
    edges = random_edges(rng, 30) | {(0, 3): 1.0}
    merit = IncrementalMerit(snapshot(edges), 0, PARAMETERS, rng=rng)
    merit.set_edge(0, 3, -1.0)
    merit.block(5)
    merit.set_edge(2, 5, 1.0)
    edges[0, 3], edges[2, 5] = -1.0, 1.0
    assert merit.hits[[3, 5]].tolist() == [0, 0]
    fresh = draw_walks(WalkRows(snapshot(edges), [3, 5]), 0, PARAMETERS, rng).T
    assert p_value(path_counts(merit._store.path), path_counts(fresh)) > 1e-4
    assert merit.set_edge(0, 3, 0.5) == PARAMETERS.walks, "everything is drawn again"
    merit.unblock(5)
    edges[0, 3] = 0.5
    fresh = draw_walks(WalkRows(snapshot(edges)), 0, PARAMETERS, rng).T
    assert p_value(path_counts(merit._store.path), path_counts(fresh)) > 1e-4
    assert_consistent(merit)


def test_folding_edits_in_the_middle_of_a_script_changes_nothing(monkeypatch):
    monkeypatch.setattr(walks_module, "EDITS_MIN", 7)
    rng = np.random.default_rng(4)
    edges = random_edges(rng, 15)
    merit = IncrementalMerit(snapshot(edges), 0, PARAMETERS, rng=rng)
    for _ in range(60):
        edit = random_edit(rng, edges, signed=True)
        merit.set_edge(*edit)
        apply(edges, edit)
    view = snapshot(edges)
    fresh = draw_walks(WalkRows(view, view.blocked(0)), 0, PARAMETERS, rng).T
    assert p_value(path_counts(merit._store.path), path_counts(fresh)) > 1e-4


def test_merit_after_edits_is_the_sampled_merit_of_the_edited_graph():
    """With distrust and flags on; the same up to sampling error."""
    rng = np.random.default_rng(5)
    parameters = MeritParameters(walks=40_000, connectivity_decay=0.5)
    edges = random_edges(rng, 25)
    merit = IncrementalMerit(snapshot(edges), 0, parameters, rng=rng)
    for edit in [(2, 4, -0.5), (6, 1, -1.0), (6, 1, 0.5), (3, 4, -1.0), (0, 7, 0.3)]:
        merit.set_edge(*edit)
        apply(edges, edit)
    kept = merit.merit()
    fresh = sampled_merit(snapshot(edges), 0, parameters, rng)
    np.testing.assert_allclose(kept.dense(N), fresh.dense(N), atol=0.015)
    assert kept.flagged.tolist() == fresh.flagged.tolist()


def test_an_edit_near_no_walk_redraws_nothing():
    merit = IncrementalMerit(
        snapshot({(0, 1): 1.0, (5, 6): 1.0}), 0, PARAMETERS, rng=np.random.default_rng(0)
    )
    before = merit._store.path.copy()
    assert merit.set_edge(5, 7, 1.0) == 0
    assert merit.remove_edge(5, 6) == 0
    assert merit.set_edge(3, 3, 1.0) == 0
    np.testing.assert_array_equal(before, merit._store.path)


def test_raising_an_edge_redraws_only_the_part_that_it_gains():
    edges = {(0, target): 1.0 for target in range(1, 6)}
    merit = IncrementalMerit(snapshot(edges), 0, PARAMETERS, rng=np.random.default_rng(0))
    moved = merit.set_edge(0, 6, 1.0)
    leaving = 0.75 * PARAMETERS.walks
    assert abs(moved - leaving / 6) < 4.5 * (leaving / 6) ** 0.5


def test_new_nodes_are_taken_in_as_they_appear():
    merit = IncrementalMerit(
        snapshot({(0, 1): 1.0}, 2), 0, PARAMETERS, rng=np.random.default_rng(0)
    )
    merit.set_edge(1, 50, 1.0)
    merit.set_edge(50, 51, 1.0)
    merit.set_edge(70, 51, -1.0)
    assert merit.n_nodes == len(merit.hits) == 71
    assert merit.hits[51] > 0
    assert merit.merit().of(51) == merit.hits[51] / PARAMETERS.walks
    assert_consistent(merit)


def test_a_graph_without_trust_starts_empty_and_grows():
    merit = IncrementalMerit(snapshot({}), 0, PARAMETERS, rng=np.random.default_rng(0))
    assert len(merit.merit().nodes) == 0
    merit.set_edge(0, 1, 1.0)
    assert abs(merit.hits[1] / 5_000 - 0.75) < 0.03


def test_the_same_seed_gives_the_same_walks():
    paths = []
    for _ in range(2):
        rng = np.random.default_rng(6)
        edges = random_edges(rng, 20)
        merit = IncrementalMerit(snapshot(edges), 0, PARAMETERS, rng=rng)
        for _ in range(20):
            merit.set_edge(*random_edit(rng, edges, signed=True))
        paths.append(merit._store.path.tobytes())
    assert paths[0] == paths[1]


def test_hits_are_a_view_that_nobody_can_write():
    merit = IncrementalMerit(snapshot({(0, 1): 1.0}), 0, PARAMETERS, rng=np.random.default_rng(0))
    with pytest.raises(ValueError, match="read-only"):
        merit.hits[1] = 7


def test_bad_edits_and_an_unknown_ego_are_refused():
    rng = np.random.default_rng(0)
    merit = IncrementalMerit(snapshot({(0, 1): 1.0}), 0, PARAMETERS, rng=rng)
    for edit in [(0, 1, 1.5), (0, 1, float("nan")), (-1, 0, 1.0)]:
        with pytest.raises(DataError, match="trust"):
            merit.set_edge(*edit)
    with pytest.raises(DataError, match="itself"):
        merit.block(0)
    with pytest.raises(UnknownPeer, match="99"):
        IncrementalMerit(snapshot({}), 99, PARAMETERS, rng=rng)
