"""A table is linear in its users, and rows can be looked up, dropped and added."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse

from peerrec.ranking.factor_merge import average
from peerrec.ranking.factor_table import FactorTable, row_positions

KEYS = np.array([3, 5, 8, 13], np.uint32)


def people(seed, n=6, dim=4):
    rng = np.random.default_rng(seed)
    history = sparse.csr_array((rng.random((n, 4)) < 0.5).astype(np.float32))
    return history, rng.standard_normal((n, dim)).astype(np.float32)


def test_the_table_of_two_groups_is_the_average_of_their_tables():
    (first, x), (second, y) = people(1), people(2)
    both = FactorTable.from_users(
        KEYS, sparse.csr_array(sparse.vstack([first, second])), np.concatenate([x, y])
    )
    mixed = average(FactorTable.from_users(KEYS, first, x), FactorTable.from_users(KEYS, second, y))
    for name in ("share", "mean", "moment"):
        assert np.allclose(getattr(both, name), getattr(mixed, name), atol=1e-6)


def test_a_missing_row_is_zero():
    table = FactorTable.from_users(KEYS, *people(3))
    wider = table.at(np.array([4, 5, 20], np.uint32))
    assert wider.share.tolist() == [0.0, float(table.share[1]), 0.0]
    assert not wider.mean[[0, 2]].any()


def test_the_same_rows_are_the_same_table():
    table = FactorTable.from_users(KEYS, *people(3))
    assert table.at(KEYS.copy()) is table


def test_the_largest_rows_stay_in_order_and_ties_go_to_the_lower_key():
    share = np.array([0.2, 0.5, 0.2, 0.2], np.float32)
    table = FactorTable(KEYS, share, np.zeros((4, 1), np.float32), np.eye(1, dtype=np.float32))
    assert table.largest(2).keys.tolist() == [3, 5]
    assert table.largest(4) is table


def test_the_rows_that_make_up_a_part_of_all_shares_are_kept_with_ties():
    share = np.array([0.1, 0.4, 0.1, 0.4], np.float32)
    table = FactorTable(KEYS, share, np.zeros((4, 1), np.float32), np.eye(1, dtype=np.float32))
    large, everything = KEYS[share > 0.2].tolist(), KEYS.tolist()
    assert table.covering(0.79, 0.0).keys.tolist() == large
    assert table.covering(0.85, 0.0).keys.tolist() == everything  # one of two alike is both
    assert table.covering(0.85, 0.2).keys.tolist() == large
    assert table.covering(1.0, 0.0).keys.tolist() == everything
    assert len(table.covering(1.0, 0.9)) == 0
    nothing = table.without(np.arange(4))
    assert nothing.covering(0.9, 0.0) is nothing


@pytest.mark.parametrize("keys", [[], [1], [9]])
def test_positions_are_found_only_where_a_key_is(keys):
    _, found = row_positions(np.array(keys, np.uint32), np.array([1, 2], np.uint32))
    assert found.tolist() == [1 in keys, False]
