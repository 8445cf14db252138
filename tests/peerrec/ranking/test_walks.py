"""Walk rows: hops ∝ weight, also under edits and blocks; walks in lock-step."""

from __future__ import annotations

from collections import Counter
from itertools import chain, repeat

import numpy as np
import pytest
from scipy.stats import chisquare

from peerrec.ranking import walks
from peerrec.ranking.trust_snapshot import TrustSnapshot
from peerrec.ranking.walks import WalkRows, geometric_hops, walk_from

DRAWS = 20_000


def stream(rng):
    return chain.from_iterable(rng.random(1000).tolist() for _ in repeat(None))


def fits(hops, wanted: dict[int, float]) -> bool:
    """Whether hops are distributed as the weights; a false alarm once in 10,000."""
    counted = Counter(np.asarray(hops).tolist())
    assert set(counted) <= set(wanted), "a hop went where no edge leads"
    weight = np.array(list(wanted.values()))
    return bool(
        chisquare([counted[t] for t in wanted], weight / weight.sum() * len(hops)).pvalue > 1e-4
    )


@pytest.fixture
def weighted() -> TrustSnapshot:
    # row 0: weights 1 … 64, row 1: equal weights, row 3: nobody, row 4: only 5
    source = [0] * 7 + [1] * 3 + [4]
    target = [1, 2, 3, 4, 5, 6, 7, 0, 2, 3, 5]
    return TrustSnapshot.from_edges(source, target, [2.0**k for k in range(7)] + [1.0] * 4)


@pytest.mark.parametrize("many", [False, True])
def test_hops_follow_the_weights_of_the_edited_row_without_the_blocked(weighted, many):
    rng = np.random.default_rng(1)
    rows = WalkRows(weighted, blocked=[6])

    def draws(source):
        if many:
            return rows.draw_many(np.full(DRAWS, source), rng)
        uniforms = stream(rng)
        return [rows.draw(source, uniforms) for _ in range(DRAWS)]

    row = {k + 1: 2.0**k for k in range(7) if k != 5}
    assert fits(draws(0), row)
    rows.edit(0, 7, 0.0)
    rows.edit(0, 1, 20.0)
    rows.edit(0, 0, 0.0)
    rows.grow(10)
    rows.edit(0, 9, 10.0)
    row |= {1: 20.0, 9: 10.0}
    del row[7]
    assert fits(draws(0), row)
    rows.unblock(6)
    assert fits(draws(0), row | {6: 32.0})
    assert fits(draws(1), {0: 1.0, 2: 1.0, 3: 1.0})
    assert set(np.asarray(draws(9)).tolist()) == {-1}


def test_walkers_at_many_nodes_are_not_mixed_up(weighted):
    rng = np.random.default_rng(2)
    rows = WalkRows(weighted, blocked=[5])
    rows.edit(3, 2, 1.0)
    at = rng.integers(0, 8, 4 * DRAWS)
    hops = rows.draw_many(at, rng)
    assert set(hops[at == 4].tolist()) == {-1}, "its only target is blocked"
    assert set(hops[at == 3].tolist()) == {2}
    assert set(hops[at == 7].tolist()) == {-1}
    assert fits(hops[at == 0], {k + 1: 2.0**k for k in range(7) if k != 4})
    assert fits(hops[at == 1], {0: 1.0, 2: 1.0, 3: 1.0})


def test_folding_edits_into_the_snapshot_changes_no_row(weighted, monkeypatch):
    rng = np.random.default_rng(3)
    monkeypatch.setattr(walks, "EDITS_MIN", 5)
    folded = WalkRows(weighted, blocked=[2])
    monkeypatch.setattr(walks, "EDITS_MIN", 10**9)
    edited = WalkRows(weighted, blocked=[2])
    for _ in range(200):
        source, target = rng.choice(12, 2, replace=False).tolist()
        weight = float(rng.choice([0.0, 0.25, 0.5]))
        for rows, limit in ((folded, 5), (edited, 10**9)):
            monkeypatch.setattr(walks, "EDITS_MIN", limit)
            rows.grow(12)
            rows.edit(source, target, weight)
    for node in range(12):
        one, other = folded.row(node), edited.row(node)
        assert one.total == pytest.approx(other.total)
        assert sorted(one.targets.tolist()) == sorted(other.targets.tolist())


@pytest.mark.parametrize("decay", [0.01, 0.3, 0.9])
def test_walks_stop_with_the_decay_before_each_hop(decay):
    hops = geometric_hops(50_000, decay, 10_000, np.random.default_rng(4))
    for at_least in (1, 2, 5):
        wanted = (1 - decay) ** at_least
        error = (wanted * (1 - wanted) / 50_000) ** 0.5
        assert abs((hops >= at_least).mean() - wanted) < 4.5 * error + 1e-12


def test_decay_one_never_hops_and_decay_zero_always_does():
    rng = np.random.default_rng(5)
    assert set(geometric_hops(10, 1.0, 50, rng).tolist()) == {0}
    assert set(geometric_hops(10, 0.0, 50, rng).tolist()) == {50}


def test_each_walk_makes_the_hops_it_may_and_ends_where_nobody_is_trusted():
    view = TrustSnapshot.from_edges([0, 1, 2, 5], [1, 2, 0, 6], [1.0, 0.5, 1.0, 1.0])
    found = walk_from(WalkRows(view), np.array([0, 5, 1]), [4, 3, 0], np.random.default_rng(0))
    assert found.T.tolist() == [[0, 1, 2, 0, 1], [5, 6, -1, -1, -1], [1, -1, -1, -1, -1]]
