r"""Show a command's examples as manual pages do: in a block of their own, at the end.

A docstring ends with ``Example: peerrec …``, or with ``Examples:`` and a line for each.

Example:
    >>> command = with_examples(click.Command("sing", help="Sing.\n\nExample: peerrec sing"))
    >>> command.help, command.epilog
    ('Sing.', '\x08\nExamples:\n  peerrec sing')
"""

from __future__ import annotations

import inspect
import re

import click

__all__ = ["examples_of", "with_examples"]

BLOCK = re.compile(r"(?:^|\n\n)Examples?:\s*(.+?)\s*\Z", re.S)

AS_IT_IS = "\b"
"""Before a paragraph, tells click to leave its lines as they are."""


def with_examples(command: click.Command) -> click.Command:
    """Return the command, its examples and those of its subcommands moved to the end."""
    text = inspect.cleandoc(command.help or "")
    found = BLOCK.search(text)
    if found is not None:
        command.help = text[: found.start()]
        block = "\n".join([AS_IT_IS, "Examples:", *(f"  {line}" for line in lines(found[1]))])
        command.epilog = block if command.epilog is None else f"{block}\n\n{command.epilog}"
    if isinstance(command, click.Group):
        for each in command.commands.values():
            with_examples(each)
    return command


def lines(block: str) -> list[str]:
    """Return the example lines."""
    return [line.strip() for line in block.splitlines() if line.strip()]


def examples_of(command: click.Command) -> list[str]:
    """Return the example lines of a command that went through `with_examples`."""
    _, _, block = (command.epilog or "").partition("Examples:\n")
    return [line.strip() for line in block.split("\n\n")[0].splitlines()]
