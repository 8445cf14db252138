"""The page of documents says of every column, number and picture what the code says."""

from __future__ import annotations

from pathlib import Path

from peerrec_sim.measures.columns import SCHEMAS, message_types
from peerrec_sim.measures.summary import MEASURES
from peerrec_sim.reports.folder import file_of
from peerrec_sim.reports.pictures import PICTURES

PAGE = (Path(__file__).parents[3] / "docs" / "measures.md").read_text(encoding="utf-8")


def test_every_table_and_column_is_documented_as_the_code_has_it():
    for schema in SCHEMAS:
        assert f"### `{file_of(schema)}`: {schema.name}\n\n{schema.meaning}\n" in PAGE
        for column in schema.columns:
            if not column.name.startswith("bytes_"):
                assert f"| `{column.name}` | `{column.dtype}` | {column.meaning} |" in PAGE
    for kind in message_types():
        assert f"`{kind}`" in PAGE


def test_every_number_of_the_summary_is_documented():
    for each in MEASURES:
        assert f"| `{each.name}` | {each.meaning} | {each.statistic} | {each.better} |" in PAGE


def test_every_picture_is_documented():
    for picture in PICTURES:
        assert f"* **{picture.title}** (`{picture.name}`): {picture.shows}" in PAGE
