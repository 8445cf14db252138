"""Say what went wrong over HTTP: RFC 9457 problems, one table of kinds.

Example:
    >>> from peerrec.errors import UnknownItem
    >>> problem = problem_of(UnknownItem("nobody here has 'track:x'"))
    >>> problem.status, problem.type
    (404, 'urn:peerrec:problem:unknown')
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

import msgspec
from aiohttp import web

from peerrec.errors import NotFoundError, PeerrecError, StoreError, StoreFull

__all__ = ["KINDS", "ApiProblem", "Problem", "answer_of", "problem_of"]

MEDIA: Final = "application/problem+json"


class Kind(NamedTuple):
    """A kind of problem."""

    status: int
    title: str


KINDS: Final[Mapping[str, Kind]] = {
    "bad-request": Kind(400, "The request is not of the documented shape"),
    "no-token": Kind(401, "A valid token is needed"),
    "scope": Kind(403, "The token may not do this"),
    "foreign-host": Kind(403, "The request names another host"),
    "foreign-origin": Kind(403, "The request comes from another site"),
    "no-such-resource": Kind(404, "There is nothing at this address"),
    "unknown": Kind(404, "This is not known here"),
    "method": Kind(405, "The resource does not take this method"),
    "conflict": Kind(409, "This cannot be done as things are"),
    "too-large": Kind(413, "The body is too large"),
    "media-type": Kind(415, "The body must be JSON"),
    "not-allowed": Kind(422, "A value is not allowed"),
    "too-many": Kind(429, "Too many at once"),
    "busy": Kind(503, "The node has too much to do"),
    "bug": Kind(500, "The daemon made a mistake"),
    "store": Kind(503, "The store cannot be used"),
    "not-ready": Kind(503, "The daemon is not ready"),
    "full": Kind(507, "There is no room to write"),
}
"""All kinds of problems; the documentation has the same table, and a test compares them."""


class Problem(msgspec.Struct, kw_only=True):
    """What went wrong, as RFC 9457 has it; ``detail`` is a sentence for people."""

    type: str
    title: str
    status: int
    detail: str


class ApiProblem(Exception):
    """A request that cannot be answered as it was meant.

    Args:
        kind: a key of `KINDS`.
        detail: what happened, with which value, what to do.
        headers: of the answer.
    """

    def __init__(self, kind: str, detail: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(detail)
        known = KINDS[kind]
        self.problem = Problem(
            type=f"urn:peerrec:problem:{kind}",
            title=known.title,
            status=known.status,
            detail=detail,
        )
        self.headers = dict(headers or {})


ERRORS: Final[tuple[tuple[type[PeerrecError], str], ...]] = (
    (NotFoundError, "unknown"),
    (StoreFull, "full"),
    (StoreError, "store"),
    (PeerrecError, "not-allowed"),
)
"""Kind of each class of errors; the first that fits decides."""


def problem_of(error: PeerrecError) -> Problem:
    """Return the problem that an error of the library is over HTTP."""
    kind = next(kind for known, kind in ERRORS if isinstance(error, known))
    said = error.args[0] if error.args and isinstance(error.args[0], str) else str(error)
    return ApiProblem(kind, said).problem


def answer_of(problem: Problem, headers: Mapping[str, str] | None = None) -> web.Response:
    """Return the answer that says a problem."""
    return web.Response(
        body=msgspec.json.encode(problem),
        status=problem.status,
        content_type=MEDIA,
        headers=headers,
    )
