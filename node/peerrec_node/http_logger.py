"""Keep strangers from filling the log: what is no HTTP is their mistake, not one of ours.

aiohttp logs each request that it cannot read as an error with a traceback. Whoever can
connect could write as much into the log as they like.

Example:
    >>> http_logger("peerrec.example").filters == http_logger("peerrec.example").filters
    True
"""

from __future__ import annotations

import logging

from aiohttp.http_exceptions import HttpProcessingError

__all__ = ["http_logger"]


def http_logger(name: str) -> logging.Logger:
    """Return a logger for a server of aiohttp, which passes our own mistakes on alone."""
    logger = logging.getLogger(name)
    logger.addFilter(is_ours)  # once, however often
    return logger


def is_ours(record: logging.LogRecord) -> bool:
    """Return whether a record tells of anything but a request that did not come to its end."""
    error = record.exc_info[1] if record.exc_info else None
    return not isinstance(error, HttpProcessingError | ConnectionError)
