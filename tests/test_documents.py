"""What the documents say is true: their code runs, their links and commands exist."""

from __future__ import annotations

import contextlib
import doctest
import importlib
import io
import pkgutil
import re
from pathlib import Path

import click
import pytest

import peerrec
import peerrec_node
import peerrec_sim
from peerrec_node.cli import peerrec as command_line

REPOSITORY = Path(__file__).resolve().parent.parent
DOCUMENTS = [*REPOSITORY.glob("*.md"), *(REPOSITORY / "docs").glob("*.md")]


def test_the_example_of_the_readme_prints_what_it_says():
    readme = (REPOSITORY / "README.md").read_text(encoding="utf-8")
    code, expected = re.search(
        r"```python\n(.*?)```\s+prints\s+```\n(.*?)```", readme, re.DOTALL
    ).groups()
    assert len([line for line in code.splitlines() if line.strip()]) <= 10
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(code, "README.md", "exec"), {})
    assert printed.getvalue() == expected


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_between_documents_lead_somewhere(document):
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", document.read_text(encoding="utf-8")):
        assert (document.parent / target).exists(), f"{document.name} links to {target}"


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_the_commands_that_documents_name_exist(document):
    text = document.read_text(encoding="utf-8")
    context = click.Context(command_line)
    for name, following in re.findall(r"(?:bin/|`)peerrec ([a-z]+)(?: ([a-z]+))?", text):
        command = command_line.get_command(context, name)
        assert command is not None, f"{document.name} names `peerrec {name}`"
        if isinstance(command, click.Group) and following:
            assert command.get_command(context, following) is not None


def modules() -> list[str]:
    packages = (peerrec, peerrec_node, peerrec_sim)
    return [
        module.name
        for package in packages
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}.")
        if not module.name.endswith("__main__")
    ]


@pytest.mark.parametrize("name", modules())
def test_the_examples_in_docstrings_run(name):
    failures, _ = doctest.testmod(importlib.import_module(name))
    assert failures == 0
