"""List the steps that bring a store file of any earlier version up to this one.

A step that was ever released is never edited: a change of the schema is a new
module with the next number, added to ``MIGRATIONS``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from peerrec.store.migrations import m0001_first, m0002_logs

__all__ = ["MIGRATIONS", "Migration"]


@dataclass(frozen=True, slots=True)
class Migration:
    """One numbered step: statements run in one transaction with their own record."""

    number: int
    name: str
    statements: tuple[str, ...]


MIGRATIONS: Final = (
    Migration(1, "first", m0001_first.STATEMENTS),
    Migration(2, "logs", m0002_logs.STATEMENTS),
)
