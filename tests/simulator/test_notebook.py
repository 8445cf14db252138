"""What the documents show of the Python API runs as it is written there."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from peerrec_sim.measures.columns import NODES
from peerrec_sim.reports.folder import read

REPOSITORY = Path(__file__).resolve().parents[2]


def examples(document: str) -> list[str]:
    """Return the pieces of Python of a document that run a simulation."""
    text = (REPOSITORY / document).read_text(encoding="utf-8")
    found = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    return [each for each in found if "Simulation(" in each]


def smaller(code: str) -> str:
    """Return the same code with a network that takes a moment."""
    return re.sub(r"nodes=\d+", "nodes=10", re.sub(r"length_s=\d+", "length_s=60", code))


@pytest.mark.parametrize(
    "document",
    [
        "docs/scenarios.md",
        pytest.param("README.md", marks=pytest.mark.slow),
        pytest.param("docs/measures.md", marks=pytest.mark.slow),
    ],
)
def test_the_example_of_a_document_runs(document, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (code,) = examples(document)
    space: dict[str, object] = {}
    exec(compile(smaller(code), document, "exec"), space)
    result = space["result"]
    assert result.complete
    figure = result.plot_relevance()
    assert figure.axes
    if (tmp_path / "runs" / "mine").exists():
        again = read(tmp_path / "runs" / "mine")
        assert again.trace_hash == result.trace_hash
        np.testing.assert_array_equal(again.nodes["segments"], result.nodes["segments"])


def test_a_notebook_shows_a_table_as_one():
    shown = NODES.table(time_s=[1.0], node=[7], role=["<b>"])._repr_html_()
    assert "<caption>nodes: 1 rows</caption>" in shown
    assert "<td>7</td>" in shown
    assert "&lt;b&gt;" in shown
