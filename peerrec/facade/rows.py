"""Read the short forms in which an app may give its interactions.

Example:
    >>> as_interaction(("track:1", 2.0), 0, "me", 60.0)
    Interaction(author='me', item='track:1', weight=2.0, time=60.0, public=False)
"""

from __future__ import annotations

from typing import Any, TypeAlias

from peerrec.errors import DataError
from peerrec.store.rows import Interaction, RawId

__all__ = ["Row", "as_interaction"]

Row: TypeAlias = Interaction | RawId | tuple[Any, ...]


def as_interaction(row: Row, number: int, me: RawId, now: float) -> Interaction:
    """Return a row as an interaction; what it leaves out is one's own, once, and now.

    A time of 0, the default of an Interaction, is left out, too: nobody played in 1970.
    """
    if isinstance(row, Interaction):
        return row if row.time else row._replace(time=now)
    if isinstance(row, str | bytes):
        return Interaction(me, row, 1.0, now)
    if isinstance(row, tuple) and 1 <= len(row) <= 4:
        given = (*row, *(1.0, now, False)[len(row) - 1 :])
        return Interaction(me, *given)
    raise DataError(
        f"row {number}: {row!r:.80} is no interaction; give an item, a tuple "
        "(item, weight, time, public) or an Interaction"
    )
