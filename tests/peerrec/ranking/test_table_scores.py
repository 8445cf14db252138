"""A table's word counts item by item, as far as it is borne out, and where enough is known."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from served_community import crowd, table_of

from peerrec.ids import item_hash
from peerrec.ranking.factor_frame import item_keys
from peerrec.ranking.factor_serving import Evidence, scores
from peerrec.ranking.factor_solve import FactorSettings
from peerrec.ranking.table_scores import TableScores, rows_of
from peerrec.ranking.trusted_counts import Counts

PEOPLE = crowd(users=120, items=240, tastes=4)
TABLE = table_of(PEOPLE.have, PEOPLE.names())
ROWS = rows_of(TABLE, item_keys([item_hash(name) for name in PEOPLE.names()]))
OWN = np.flatnonzero(PEOPLE.have[0])
HEARD = Counts(PEOPLE.have.sum(axis=0).astype(np.float32), 120.0)


def test_scores_are_those_of_serving_where_items_are_rows():
    placed = TableScores(TABLE, ROWS)
    known = placed.known
    rows = scores(
        TABLE,
        np.sort(ROWS[OWN]),
        FactorSettings(),
        np.bincount(ROWS, weights=HEARD.items, minlength=len(TABLE)).astype(np.float32),
        HEARD.people,
        Evidence(),
    )
    assert known.any()
    found = placed.scores(OWN, HEARD)
    np.testing.assert_allclose(found[known], rows[ROWS[known]], rtol=1e-3, atol=1e-5)
    assert not found[~known].any()


def test_people_of_one_taste_are_told_of_their_taste():
    found = TableScores(TABLE, ROWS).scores(OWN, HEARD)
    found[OWN] = -np.inf
    best = np.argsort(-found)[:5]
    assert (best % PEOPLE.tastes == 0).all()


def test_an_item_that_borrows_a_popular_ones_row_needs_evidence_of_its_own():
    both = np.append(ROWS, ROWS[0])
    heard = Counts(np.append(HEARD.items, np.float32(0.5)), HEARD.people)
    found = TableScores(TABLE, both).scores(OWN, heard)
    assert abs(found[-1]) < abs(found[0]) / 3


def test_a_table_does_not_speak_for_items_that_few_people_stand_behind():
    early = TableScores(dataclasses.replace(TABLE, exchanges=0), ROWS)
    assert (TABLE.share[ROWS[early.known]] >= 10 / 50).all()
    assert early.known.sum() < TableScores(TABLE, ROWS).known.sum()
    assert not TableScores(TABLE, np.full(3, -1, np.int32)).known.any()


def test_a_table_that_lags_far_behind_what_is_heard_does_not_speak():
    placed = TableScores(TABLE, ROWS)
    item = int(np.flatnonzero(placed.known)[np.argmin(TABLE.share[ROWS[placed.known]])])
    assert placed.speaks(HEARD)[item]
    loud = HEARD.items.copy()
    loud[item] = 120
    assert not placed.speaks(Counts(loud, 120.0))[item]


def test_who_has_nothing_in_the_table_is_told_nothing():
    placed = TableScores(TABLE, np.append(ROWS, -1))
    heard = Counts(np.append(HEARD.items, np.float32(1)), HEARD.people)
    assert not placed.scores(np.array([len(ROWS)]), heard).any()
    assert placed.nearest(0, np.array([len(ROWS)])) is None


def test_a_person_taken_out_leaves_the_table_of_the_others():
    """What one person of a small table hides is told less of, and only that changes."""
    few = PEOPLE.have[:20]
    table = table_of(few, PEOPLE.names(), exchanges=3)
    rows = rows_of(table, item_keys([item_hash(name) for name in PEOPLE.names()]))
    placed = TableScores(table, rows)
    hidden = OWN[:6]
    less = placed.without(OWN, hidden, 1 / 20)
    others = np.where(np.isin(np.arange(240), hidden), (few.sum(axis=0) - few[0]) / 20, 0)
    np.testing.assert_allclose(less.table.share[rows[hidden]], others[hidden], atol=1e-6)
    rest = np.setdiff1d(np.arange(240), hidden)
    assert np.array_equal(less.table.mean[rows[rest]], table.mean[rows[rest]])
    user = placed.user_vector(OWN)
    before, after = (each.mean[rows[hidden]] @ user for each in (table, less.table))
    assert (after < before).all()
    assert placed.rarest(OWN) == pytest.approx(table.share[rows[OWN]].min())
