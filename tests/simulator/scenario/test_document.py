"""The document on scenarios is what the schema and the shipped files say."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import msgspec
import pytest

from peerrec.errors import DataError
from peerrec_sim.scenario.document import refreshed, results_table, tables
from peerrec_sim.scenario.keys import by_path
from peerrec_sim.scenario.loading import from_tables, names

DOCUMENT = Path(__file__).resolve().parents[3] / "docs" / "scenarios.md"


def test_the_tables_of_the_document_are_current():
    text = DOCUMENT.read_text(encoding="utf-8")
    assert refreshed(text, tables()) == text, (
        "run python -m peerrec_sim.scenario.document docs/scenarios.md"
    )


def test_every_key_and_every_scenario_stands_in_the_document():
    text = DOCUMENT.read_text(encoding="utf-8")
    for key in by_path().values():
        assert f"| `{key.name}` |" in text
    for name in names():
        assert f"| `{name}` |" in text


def test_the_example_files_of_the_document_are_scenarios():
    examples = re.findall(r"```toml\n(.*?)```", DOCUMENT.read_text(encoding="utf-8"), re.DOTALL)
    assert examples
    for example in examples:
        from_tables({"name": "example", **tomllib.loads(example)})


def test_the_table_of_results_is_made_of_complete_runs(tmp_path):
    gains = {"gain/peerrec/x": 1.5, "gain/peerrec/y": 2.0, "gain/other/x": 9.0}
    for name, complete in (("quiet", True), ("churn", False)):
        (tmp_path / name).mkdir()
        said = {
            "complete": complete, "wall_s": 61.4, "trace_hash": "0123456789ab",
            "summary": {"ndcg": 0.25, "target_hit": None} | gains, "more": 1,
        }  # fmt: skip
        (tmp_path / name / "run.json").write_bytes(msgspec.json.encode(said))
    rows = results_table(tmp_path).splitlines()[2:]
    assert rows == ["| `quiet` | 0.25 | – | – | – | – | – | – | 2 | 61 s | `01234567` |"]


def test_a_document_without_markers_is_refused():
    with pytest.raises(DataError, match="begin: keys"):
        refreshed("nothing here", {"keys": ""})
