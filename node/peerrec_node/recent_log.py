"""Remember the last lines of the log, for whoever looks for what went wrong.

What is remembered is less than what is logged: of an exception its kind and where it was
raised, not its words, which may hold what a person typed; of other people's packages the
pattern of the message, not what was filled in.

Example:
    >>> recent = RecentLog()
    >>> made = logging.LogRecord("peerrec.x", logging.INFO, "x.py", 1, "%d links", (2,), None)
    >>> recent.emit(made)
    >>> recent.lines(5)[0].split(" ", 1)[1]
    'INFO peerrec.x: 2 links'
"""

from __future__ import annotations

import logging
import traceback
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import PurePath
from typing import Final

__all__ = ["RecentLog"]

LINES_MAX: Final = 500
LINE_LENGTH_MAX: Final = 1_000
FRAMES: Final = 4
"""Innermost places of an exception: they say where, the rest says how one got there."""

OURS: Final = "peerrec"


class RecentLog(logging.Handler):
    """The last lines of one process."""

    def __init__(self) -> None:
        super().__init__()
        self._lines: deque[str] = deque(maxlen=LINES_MAX)

    def emit(self, record: logging.LogRecord) -> None:
        """Remember a line."""
        ours = record.name.partition(".")[0] == OURS
        try:
            said = record.getMessage() if ours else str(record.msg)
        except Exception:
            self.handleError(record)
            return
        when = datetime.fromtimestamp(record.created, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        where = "" if record.exc_info is None else raised(record.exc_info[1])
        line = f"{when} {record.levelname} {record.name}: {' '.join(said.split())}{where}"
        self._lines.append(line[:LINE_LENGTH_MAX])

    def lines(self, n: int) -> list[str]:
        """Return the last lines, oldest first."""
        return list(self._lines)[-n:] if n > 0 else []

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Remember all that is logged within the block."""
        root = logging.getLogger()
        root.addHandler(self)
        try:
            yield
        finally:
            root.removeHandler(self)


def raised(error: BaseException | None) -> str:
    """Return an exception's kind and where it was raised."""
    if error is None:
        return ""
    frames = traceback.extract_tb(error.__traceback__)[-FRAMES:]
    places = [f"{PurePath(each.filename).name}:{each.lineno} {each.name}" for each in frames]
    return f" [{type(error).__name__} at {' > '.join(places)}]"
