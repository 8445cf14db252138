"""Averaging keeps the mean; one stranger moves a row only so far."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from peerrec.ranking.factor_merge import MergeLimits, average, merge, radius_of
from peerrec.ranking.factor_table import FactorTable

LIMITS = MergeLimits(people=50, radius=3.0)


def table_of(seed, n=30, dim=4, spread=60):
    rng = np.random.default_rng(seed)
    keys = np.sort(rng.choice(spread, n, replace=False)).astype(np.uint32)
    share = rng.random(n).astype(np.float32) * np.float32(0.5)
    mean = rng.standard_normal((n, dim)).astype(np.float32)
    mean *= (share / np.maximum(np.linalg.norm(mean, axis=1), 1))[:, None]
    users = rng.standard_normal((40, dim)).astype(np.float32)
    return FactorTable(keys, share, mean, users.T @ users / 40)


ALL = np.arange(60, dtype=np.uint32)


@given(st.integers(0, 10**6))
def test_push_pull_averaging_conserves_the_mean(seed):
    tables = [table_of(seed + k) for k in range(4)]
    before = [sum(getattr(t.at(ALL), name) for t in tables) for name in ("share", "mean", "moment")]
    for first, second in ((0, 1), (2, 3), (0, 2), (1, 3), (0, 3)):
        mixed = average(tables[first], tables[second]), average(tables[second], tables[first])
        tables[first], tables[second] = mixed
    after = [sum(getattr(t.at(ALL), name) for t in tables) for name in ("share", "mean", "moment")]
    for old, new in zip(before, after, strict=True):
        assert np.allclose(old, new, atol=1e-5)


@given(st.integers(0, 10**6), st.floats(0.5, 5))
def test_no_row_moves_by_more_than_its_bound(seed, z):
    limits = dataclasses.replace(LIMITS, z=z)
    mine, theirs = table_of(seed), table_of(seed + 1)
    wild = dataclasses.replace(theirs, share=theirs.share * 0 + 1, mean=theirs.mean * 1000)
    merged = merge(mine, wild, limits).at(ALL)
    old = mine.at(ALL)
    bound = 0.5 * z * np.sqrt((old.share + 1 / 50) / 50)
    assert (np.abs(merged.share - old.share) <= bound + 1e-6).all()
    moved = np.linalg.norm(merged.mean - old.mean, axis=1)
    assert (moved <= 3 * bound + 1e-5).all()
    assert (np.linalg.norm(merged.mean, axis=1) <= 3 * merged.share + 1e-5).all()


@given(st.integers(0, 10**6))
def test_merging_equal_tables_is_identity(seed):
    mine = table_of(seed)
    merged = merge(mine, mine, LIMITS)
    assert merged.share.tobytes() == mine.share.tobytes()
    assert merged.mean.tobytes() == mine.mean.tobytes()
    assert merged.moment.tobytes() == mine.moment.tobytes()
    assert merged.exchanges == mine.exchanges + 1


@given(st.integers(0, 10**6))
def test_without_clipping_a_merge_is_the_average(seed):
    mine, theirs = table_of(seed), table_of(seed + 1)
    loose = MergeLimits(people=50, radius=1e6, z=1e6, stretch=1e6, activity=1e6)
    merged, mean = merge(mine, theirs, loose), average(mine, theirs)
    assert np.allclose(merged.share, mean.share, atol=1e-6)
    assert np.allclose(merged.mean, mean.mean, atol=1e-6)
    assert np.array_equal(merged.moment, mean.moment)


@pytest.mark.parametrize("factor", [1e-9, 1e-2, 1e6])
def test_a_wrong_moment_changes_no_direction_by_more_than_the_stretch(factor):
    mine = table_of(1)
    merged = merge(mine, dataclasses.replace(mine, moment=mine.moment * np.float32(factor)), LIMITS)
    least = np.eye(4, dtype=np.float32) * np.trace(mine.moment) / 4
    values = np.linalg.eigvals(np.linalg.solve(mine.moment + least, merged.moment + least)).real
    assert values.min() >= (1 + 1 / 4) / 2 - 1e-3
    assert values.max() <= (1 + 4) / 2 + 1e-3


def test_a_clipped_moment_is_still_one_that_users_have():
    mine = table_of(1)
    wide = np.diag(np.float32([50.0, 1e-6, 1e-6, 1e-6]))
    said = np.diag(np.float32([0.0, 1e6, 0.0, 0.0]))
    merged = merge(
        dataclasses.replace(mine, moment=wide), dataclasses.replace(mine, moment=said), LIMITS
    )
    assert np.linalg.eigvalsh(merged.moment)[0] >= -1e-4


def test_claiming_that_nobody_has_anything_makes_rows_only_so_much_smaller():
    mine = table_of(1)
    nothing = dataclasses.replace(
        mine, share=mine.share * np.float32(1e-3), mean=mine.mean * np.float32(1e-3)
    )
    merged = merge(mine, nothing, LIMITS)
    assert (merged.share >= mine.share * (1 + 1 / 1.5) / 2 - 1e-6).all()


def test_merging_changes_neither_table():
    mine, theirs = table_of(1), table_of(2)
    before = [t.share.tobytes() + t.mean.tobytes() + t.moment.tobytes() for t in (mine, theirs)]
    merge(mine, theirs, LIMITS)
    after = [t.share.tobytes() + t.mean.tobytes() + t.moment.tobytes() for t in (mine, theirs)]
    assert before == after


def test_what_a_stranger_counts_does_not_matter():
    mine, theirs = table_of(1), table_of(2)
    old = merge(mine, dataclasses.replace(theirs, exchanges=65_535), LIMITS)
    assert old.mean.tobytes() == merge(mine, theirs, LIMITS).mean.tobytes()


def test_the_radius_is_the_largest_length_and_of_nobody_nothing():
    lengths = np.arange(1, 101, dtype=np.float32)
    assert radius_of(lengths[:, None]) == pytest.approx(100)
    assert radius_of(np.zeros((0, 3), np.float32)) == 0.0


@pytest.mark.parametrize("how", ["average", "merge"])
def test_a_row_that_was_not_sent_has_a_small_share_but_the_same_direction(how):
    mine = table_of(1)
    share = np.where(mine.keys % 2 == 0, np.float32(0.004), np.float32(0.02))
    mine = dataclasses.replace(mine, share=share, mean=mine.mean * share[:, None])
    silent = dataclasses.replace(mine, keys=mine.keys[:0], share=share[:0], mean=mine.mean[:0])
    if how == "average":
        merged = average(mine, silent, 0.01)
    else:
        merged = merge(mine, silent, MergeLimits(people=50, radius=1e6, z=1e6, floor=0.01))
    small = mine.share < 0.01
    assert np.allclose(merged.share[small], (0.004 + 0.0025) / 2)
    assert np.allclose(merged.share[~small], (0.02 + 0.0025) / 2)
    shrunk = (merged.share / mine.share)[:, None]
    assert np.allclose(merged.mean, mine.mean * shrunk, atol=1e-7)


def test_rows_far_below_what_is_sent_are_left_as_they_are():
    mine = table_of(1)
    mine = dataclasses.replace(mine, share=np.full(len(mine), 0.002, np.float32))
    silent = mine.without(np.arange(len(mine)))
    merged = average(mine, silent, 0.01)
    assert np.array_equal(merged.share, mine.share)
    assert np.allclose(merged.mean, mine.mean)
