"""The tables and examples of docs/protocol.md are those of the code."""

from __future__ import annotations

import re

import protocol_tables as tables
import pytest
from protocol_tables import BLOCKS, DOCUMENT, renewed

from peerrec.protocol.messages import Type
from peerrec.protocol.violations import Violation

TEXT = DOCUMENT.read_text(encoding="utf-8")


def test_the_document_is_up_to_date():
    assert renewed(TEXT) == TEXT, "run: python tests/conformance/protocol_tables.py"


def test_every_block_is_in_the_document_once():
    assert sorted(re.findall(r"<!-- generated: ([\w-]+) -->", TEXT)) == sorted(BLOCKS)
    assert TEXT.count("<!-- end -->") == len(BLOCKS)


@pytest.mark.parametrize("name", [*(each.name for each in Type), *Violation])
def test_every_message_and_violation_is_explained(name):
    assert re.search(rf"\b{name}\b", tables.BLOCK.sub("", TEXT)), f"{name} is only in a table"


def test_a_change_of_the_code_makes_the_document_out_of_date(monkeypatch):
    monkeypatch.setitem(tables.PENALTY, Violation.RATE, 7.0)
    assert renewed(TEXT) != TEXT


def headings() -> set[str]:
    found = re.findall(r"^#+ (.*)$", TEXT, re.MULTILINE)
    return {re.sub(r"[^\w -]", "", each.lower()).replace(" ", "-") for each in found}


def test_links_within_the_document_lead_somewhere():
    assert set(re.findall(r"\]\(#([\w-]+)\)", TEXT)) <= headings()


def test_no_module_of_this_implementation_is_needed_to_understand_it():
    assert not re.findall(r"peerrec\.[a-z]", TEXT)
