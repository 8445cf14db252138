"""Tutorials hold: their commands are typed, their code is run, and both say what the page says."""

from __future__ import annotations

from pathlib import Path

import pytest
from tutorial import Reader, blocks, fits

DOCS = Path(__file__).resolve().parent.parent / "docs"
TUTORIALS = sorted((DOCS / "tutorials").glob("*.md"))
GUIDES = [
    path for path in sorted((DOCS / "how-to").glob("*.md")) if "```console" in path.read_text()
]
"""Of a guide, blocks of `console` are typed; what needs another machine is `sh`."""

SLOW = {
    "back-up-and-move",
    "find-what-is-wrong",
    "simulate-an-attack",
    "two-peers",
    "write-your-own",
}
"""Those that take more than some seconds."""

TYPED = {"console", "python"}

SHOWN = {"sh"}
"""What takes too long to be typed in a test."""


def pages():
    for path in [*TUTORIALS, *GUIDES]:
        marks = [pytest.mark.slow] if path.stem in SLOW else []
        yield pytest.param(path, id=path.stem, marks=marks)


@pytest.mark.parametrize("path", list(pages()))
def test_a_tutorial_can_be_followed(path, tmp_path_factory):
    with Reader(tmp_path_factory.mktemp("t") / "home") as reader:
        reader.follow(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("path", TUTORIALS, ids=lambda path: path.stem)
def test_every_block_of_a_tutorial_is_typed_run_or_saved(path):
    page = path.read_text(encoding="utf-8")
    fences = page.count("\n```") // 2
    found = blocks(page)
    assert found
    assert fences == len(found) + sum(bool(block.beneath) for block in found)
    for block in found:
        assert block.language in TYPED | SHOWN or "file" in block.marks


@pytest.mark.parametrize(
    ("stated", "printed", "as_stated"),
    [
        ("a …\n", "a 1\n", True),
        ("a …\n", "b 1\n", False),
        ("a\n…\nz\n", "a\nb\nc\nz\n", True),
        ("a\n…\nz\n", "a\nb\nc\n", False),
        ("a\n", "a\nb\n", False),
        ("", "", True),
        ("", "a\n", False),
    ],
)
def test_an_output_is_compared_but_for_what_differs(stated, printed, as_stated):
    assert fits(stated, printed) is as_stated


def test_a_command_that_says_something_else_fails_its_tutorial(tmp_path):
    with (
        Reader(tmp_path / "home") as reader,
        pytest.raises(AssertionError, match=r"stated:\n2"),
    ):
        reader.follow("```console\n$ echo 1\n2\n```\n")


def test_a_gap_is_filled_with_what_was_printed_there(tmp_path):
    with Reader(tmp_path / "home") as reader:
        reader.follow("```console\n$ echo key-17\nkey-…\n$ echo 'key-…' is it\nkey-17 is it\n```\n")


def test_a_file_of_a_tutorial_is_saved_and_a_code_of_failure_is_noticed(tmp_path):
    with Reader(tmp_path / "home") as reader:
        reader.follow(
            "<!-- file: x.txt -->\n```text\nsaved\n```\n\n```console\n$ cat x.txt\nsaved\n```\n"
        )
        with pytest.raises(AssertionError, match="ended with 1"):
            reader.follow("```console\n$ false\n```\n")
