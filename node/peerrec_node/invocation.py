"""Tell a command how it was called: by whom its store is held, with which words.

Example:
    >>> Invocation(("stats", "--json")).here is None
    True
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from peerrec_node.commands.common import Opened

__all__ = ["Invocation", "invocation"]


@dataclass(frozen=True, slots=True)
class Invocation:
    """One call of the command line.

    Attributes:
        argv: its words, without the program's name.
        here: the store that is open already, where a running daemon executes the command
            for somebody who called it elsewhere; None in one's own process.
    """

    argv: tuple[str, ...]
    here: Opened | None = None


def invocation() -> Invocation:
    """Return how the present command was called."""
    context = click.get_current_context(silent=True)
    found = None if context is None else context.find_root().obj
    return found if isinstance(found, Invocation) else Invocation(())
