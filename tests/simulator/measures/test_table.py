from __future__ import annotations

import numpy as np
import pytest

from peerrec.errors import DataError
from peerrec_sim.measures.columns import NODES, SCHEMAS, message_types
from peerrec_sim.measures.table import Column, Schema

PATHS = Schema(
    "paths",
    "One row per path.",
    (
        Column("path", "<U8", "its name"),
        Column("metres", "f8", "its length"),
        Column("steps", "i4", "its steps"),
        Column("paved", "?", "whether it is paved"),
    ),
)


def test_a_column_that_is_not_given_is_blank():
    table = PATHS.table(path=["a"])
    assert np.isnan(table["metres"][0])
    assert (table["steps"][0], table["paved"][0]) == (0, False)


def test_an_unknown_column_is_refused_by_name():
    with pytest.raises(DataError, match="colour"):
        PATHS.table(colour=["red"])


def test_columns_of_different_lengths_are_refused():
    with pytest.raises(DataError, match="differ in length"):
        PATHS.table(path=["a"], metres=[1.0, 2.0])


def test_asking_for_an_unknown_column_names_those_there_are():
    with pytest.raises(DataError, match="metres"):
        PATHS.table()["colour"]


def test_joined_tables_keep_the_order_of_rows():
    parts = [PATHS.table(path=["a", "b"]), PATHS.table(), PATHS.table(path=["c"])]
    assert PATHS.joined(parts)["path"].tolist() == ["a", "b", "c"]
    assert len(PATHS.joined([])) == 0


def test_rows_are_sorted_by_the_first_name_first():
    table = PATHS.table(path=["b", "a", "a"], steps=[1, 2, 1]).sorted_by("path", "steps")
    assert list(zip(table["path"], table["steps"], strict=True)) == [("a", 1), ("a", 2), ("b", 1)]


def test_a_notebook_shows_the_first_rows_with_what_columns_mean():
    shown = PATHS.table(path=["<a>"] * 30)._repr_html_()
    assert "30 rows" in shown
    assert 'title="its length"' in shown
    assert shown.count("&lt;a&gt;") == 10


def test_every_column_of_every_table_says_what_it_means():
    for schema in SCHEMAS:
        names = [column.name for column in schema.columns]
        assert len(set(names)) == len(names)
        assert all(column.meaning for column in schema.columns)


def test_bytes_of_every_type_of_message_have_columns_both_ways():
    names = {column.name for column in NODES.columns}
    for kind in message_types():
        assert {f"bytes_in_{kind}", f"bytes_out_{kind}"} <= names
