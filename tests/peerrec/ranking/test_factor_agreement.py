"""Tables of people agree, noise does not, and halves of one's own people say how much."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse

from peerrec.ranking.factor_agreement import (
    agreement,
    agrees,
    least_agreement,
    noise_ratio,
)
from peerrec.ranking.factor_local import LocalFactors
from peerrec.ranking.factor_merge import average
from peerrec.ranking.factor_solve import FactorSettings, start_users
from peerrec.ranking.factor_table import FactorTable

SETTINGS = FactorSettings(dim=8)
KEYS = np.arange(60, dtype=np.uint32) * 5


def node(seed, people=30):
    """People of two scenes: each likes one half of the items."""
    rng = np.random.default_rng(seed)
    likes = np.where(np.arange(60) % 2 == (np.arange(people) % 2)[:, None], 0.4, 0.05)
    history = sparse.csr_array((rng.random((people, 60)) < likes).astype(np.float32))
    return LocalFactors(KEYS, history, SETTINGS)


def noise_like(table, seed):
    """Return random directions of the lengths that honest rows have."""
    wild = np.random.default_rng(seed).standard_normal(table.mean.shape).astype(np.float32)
    wild *= (np.linalg.norm(table.mean, axis=1) / np.linalg.norm(wild, axis=1))[:, None]
    return dataclasses.replace(table, mean=wild)


@given(st.integers(0, 10**6), st.floats(0.1, 10))
def test_agreement_is_symmetric_and_does_not_depend_on_scale(seed, scale):
    first, second = node(seed).table, node(seed + 1).table
    found = agreement(first, second)
    larger = dataclasses.replace(second, mean=second.mean * np.float32(scale))
    assert agreement(second, first) == pytest.approx(found, abs=1e-5)
    assert agreement(first, larger) == pytest.approx(found, abs=1e-4)
    assert -1 <= found <= 1


def test_people_agree_more_than_is_asked_for_and_noise_does_not():
    mine = node(1)
    asked = least_agreement(noise_ratio(KEYS, mine.history, mine.users), 0)
    honest = [agreement(mine.table, node(seed).table) for seed in range(2, 22)]
    noise = [agreement(mine.table, noise_like(node(2).table, seed)) for seed in range(20)]
    assert min(honest) > asked
    assert np.mean(np.array(noise) < asked) >= 0.9


def test_noise_is_refused_and_changes_nothing():
    mine = node(1)
    before = mine.table
    assert mine.receive(node(2).offer())
    averaged = mine.table
    assert averaged is not before
    assert not mine.receive(noise_like(averaged, 3))
    assert mine.table is averaged


def test_more_is_asked_for_after_more_exchanges():
    asked = [least_agreement(4.0, exchanges) for exchanges in range(8)]
    assert (np.diff(asked) > 0).all()
    assert asked[-1] < 1


def test_larger_groups_agree_better_and_have_less_noise():
    small, large = (noise_ratio(KEYS, n.history, n.users) for n in (node(1, 10), node(1, 300)))
    assert large < small
    mixed = [average(node(k).table, node(k + 50).table) for k in (1, 2)]
    assert agreement(*mixed) > agreement(node(1).table, node(2).table)


def test_tables_without_common_items_say_nothing_about_each_other():
    first = node(1).table
    other = dataclasses.replace(first, keys=first.keys + np.uint32(1))
    assert agreement(first, other) == 0
    assert agrees(first, other, 4.0)


def test_one_person_cannot_be_halved():
    history = sparse.csr_array(np.ones((1, 60), np.float32))
    users = start_users(KEYS, history, 8)
    assert noise_ratio(KEYS, history, users) == 100
    assert isinstance(FactorTable.from_users(KEYS, history, users), FactorTable)
