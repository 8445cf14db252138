"""Every command has a page with examples that it understands, and exit codes are told."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Iterator

import click
import pytest
from click.testing import CliRunner

from peerrec_node.cli import peerrec
from peerrec_node.exit_codes import EXIT_CODES
from peerrec_node.help_pages import examples_of, with_examples


def commands(
    group: click.Group, name: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Yield all commands with their words, those of groups too."""
    yield name, group
    context = click.Context(group)
    for each in group.list_commands(context):
        command = group.get_command(context, each)
        assert command is not None
        if isinstance(command, click.Group):
            yield from commands(command, (*name, each))
        else:
            yield (*name, each), command


ALL = dict(commands(peerrec))


def words_of(example: str) -> list[str]:
    """Return the words that peerrec is given in an example for a shell."""
    words = shlex.split(example.split(" > ")[0].removeprefix("sudo "))
    assert words[0] == "peerrec", example
    return words[1:]


@pytest.mark.parametrize("name", ALL, ids=lambda name: " ".join(name) or "peerrec")
def test_every_command_shows_examples_of_itself(name):
    command = ALL[name]
    examples = examples_of(command)
    assert examples, f"peerrec {' '.join(name)}: end its docstring with Example: peerrec …"
    if not isinstance(command, click.Group):
        assert all(tuple(words_of(each)[: len(name)]) == name for each in examples), examples
    shown = CliRunner().invoke(peerrec, [*name, "--help"]).output
    assert "\n  Examples:\n    " in shown
    assert all(" ".join(each.split()) in " ".join(shown.split()) for each in examples)
    assert "Example: peerrec" not in shown


@pytest.mark.parametrize("name", ALL, ids=lambda name: " ".join(name) or "peerrec")
def test_every_example_is_understood(name, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    for example in examples_of(ALL[name]):
        words = words_of(example)
        context = click.Context(peerrec)
        command: click.Command = peerrec
        while isinstance(command, click.Group) and words and not words[0].startswith("-"):
            found = command.get_command(context, words.pop(0))
            assert found is not None, example
            command = found
        # What only has to be there when the command runs is not looked for.
        for param in command.params:
            if isinstance(param.type, click.Path):
                monkeypatch.setattr(param.type, "exists", False)
        command.make_context(command.name, words, resilient_parsing=False)


def test_the_help_tells_the_exit_codes():
    shown = CliRunner().invoke(peerrec, ["--help"]).output
    for code, meaning in EXIT_CODES:
        assert re.search(rf"^ +{code}  {re.escape(meaning)}$", shown, re.M), (code, shown)


def test_examples_move_to_the_end_once_only():
    command = click.Command(
        "sing", help="Sing.\n\n    Examples:\n        peerrec sing\n        a b\n"
    )
    assert with_examples(with_examples(command)).help == "Sing."
    assert examples_of(command) == ["peerrec sing", "a b"]
    plain = click.Command("hum", help="Hum.")
    assert (with_examples(plain).help, plain.epilog, examples_of(plain)) == ("Hum.", None, [])


def test_no_line_of_the_main_page_is_cut(monkeypatch):
    monkeypatch.setitem(os.environ, "COLUMNS", "80")
    assert "..." not in CliRunner().invoke(peerrec, ["--help"]).output.replace("[ARGS]...", "")
