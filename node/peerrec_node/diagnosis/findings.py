"""Say what a check found: how bad it is, what it is, and what to do.

Example:
    >>> found = Finding("disk", Level.WARNING, "12 MB are free; make room")
    >>> found.line(), exit_code([found])
    ('warning  disk       12 MB are free; make room', 0)
"""

from __future__ import annotations

import enum
from collections.abc import Sequence
from typing import Any

import msgspec

from peerrec_node.exit_codes import EXIT_OTHER

__all__ = ["Finding", "Level", "exit_code"]


class Level(enum.Enum):
    """How bad something is."""

    OK = "ok"
    NOTE = "note"
    WARNING = "warning"
    ERROR = "error"


class Finding(msgspec.Struct, frozen=True):
    """What one check found.

    Attributes:
        check: what was looked at, in a word.
        level: how bad it is.
        text: what was found and, where it is not well, what to do.
        code: exit code where it is an error.
    """

    check: str
    level: Level
    text: str
    code: int = EXIT_OTHER

    def fields(self) -> dict[str, Any]:
        """Return it for JSON; the code stands only with an error."""
        said: dict[str, Any] = msgspec.to_builtins(self)
        return said if self.level is Level.ERROR else {**said, "code": 0}

    def line(self) -> str:
        """Return it as people read it."""
        return f"{self.level.value:<8} {self.check:<10} {' '.join(self.text.split())}"


def exit_code(findings: Sequence[Finding]) -> int:
    """Return the exit code of the gravest error; 0 where there is none."""
    return max((each.code for each in findings if each.level is Level.ERROR), default=0)
