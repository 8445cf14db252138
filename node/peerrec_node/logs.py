"""Write the daemon's log: lines for people, or one JSON object a line.

Standard `logging` with a formatter of our own, not structlog: importing structlog took
120–155 ms beside what a daemon imports anyway, this takes none, and the first answer
over HTTP is to be there in 0.7 s. Fields go into ``extra`` and become keys of the object.

What must not be told is kept out twice: nothing logs it, and `discreet` blots out what
looks like a one-time token or a bearer token in whatever line it stands.

Example:
    >>> discreet("open http://127.0.0.1:7780/#token=abcdef0123")
    'open http://127.0.0.1:7780/#token=…'
"""

from __future__ import annotations

import logging
import re
import sys
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import msgspec

from peerrec.errors import ConfigError
from peerrec_node.settings.schema import LogSection

__all__ = ["JsonLines", "TextLines", "begin", "discreet", "end"]

TEXT: Final = "%(asctime)s %(levelname)s %(name)s: %(message)s"

SECRET: Final = re.compile(r"(?i)(\btoken=|\b(?:bearer|token)\s+)[\w\-.~+/]{8,}=*")
"""A token in an address, or after the name of its scheme in a header."""

OWN: Final = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
"""Attributes that every record has: all others came as ``extra``."""


def discreet(text: str) -> str:
    """Return a text without tokens."""
    return SECRET.sub(r"\1…", text)


class TextLines(logging.Formatter):
    """Lines for people."""

    def __init__(self) -> None:
        super().__init__(TEXT)

    def format(self, record: logging.LogRecord) -> str:
        """Return a record as a line, and the lines of what went wrong."""
        return discreet(super().format(record))


class JsonLines(logging.Formatter):
    """One JSON object a line: time, level, logger, event, what went wrong, and all extra."""

    def format(self, record: logging.LogRecord) -> str:
        """Return a record as a line."""
        moment = datetime.fromtimestamp(record.created).astimezone()
        row: dict[str, Any] = {
            "time": moment.isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": record.getMessage(),
        }
        if record.exc_info:
            row["error"] = self.formatException(record.exc_info)
        row |= {key: value for key, value in vars(record).items() if key not in OWN}
        return discreet(msgspec.json.encode(row, enc_hook=str).decode())


def begin(settings: LogSection) -> None:
    """Log as the settings say, from now on; a file is opened anew, so that it can be rotated.

    Raises:
        ConfigError: the file cannot be written; everything stays as it was.
    """
    handler = handler_for(settings.file)
    handler.setFormatter(JsonLines() if settings.format == "json" else TextLines())
    end()
    root = logging.getLogger()
    root.addHandler(handler)
    root.setLevel(settings.level.upper())


def end() -> None:
    """Log no more; whoever called this program from another may go on with theirs."""
    root = logging.getLogger()
    for old in [each for each in root.handlers if isinstance(each, _Ours)]:
        root.removeHandler(old)
        old.close()
    root.setLevel(logging.WARNING)


class _Ours:
    """Marks the handlers that were added here."""


class _ToStderr(logging.StreamHandler[Any], _Ours):
    """Writes to stderr."""


class _ToFile(logging.FileHandler, _Ours):
    """Appends to a file."""


def handler_for(file: str | None) -> logging.Handler:
    """Return what writes to a file, or to stderr.

    Raises:
        ConfigError: the file cannot be written.
    """
    if file is None:
        return _ToStderr(sys.stderr)
    try:
        return _ToFile(Path(file).expanduser(), encoding="utf-8")
    except OSError as error:
        raise ConfigError("log.file", file, f"it cannot be written: {error.strerror}") from error
