"""Declare a route once: its types are what is checked, answered and documented."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import msgspec
from aiohttp import web

from peerrec.limits import API_BODY_S
from peerrec_node.api.auth import Scope
from peerrec_node.api.problems import KINDS, ApiProblem

if TYPE_CHECKING:
    from peerrec_node.api.context import Api

__all__ = ["Call", "Nothing", "Route", "read_call"]

Query = TypeVar("Query")
Body = TypeVar("Body")

JSON = "application/json"


class Nothing(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """No parameters."""


NOTHING = Nothing()


@dataclass(frozen=True, slots=True)
class Call(Generic[Query, Body]):
    """One request, checked.

    Attributes:
        query: its parameters.
        body: its document.
        path: the parts of its path that have a name.
        request: the request itself.
    """

    query: Query
    body: Body
    path: dict[str, str]
    request: web.Request


Handler = Callable[["Api", Any], Awaitable[object]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One method of one resource.

    Attributes:
        method, path: as in OpenAPI; names of the path in braces.
        handler: returns the answer: a struct, its bytes, or a whole response.
        summary: one line.
        scope: what a token must allow; None for everybody.
        query, body: what is taken; `Nothing` takes nothing.
        answer: type of a good answer; None where it is no JSON.
        status: of a good answer.
        media: of a good answer.
        problems: kinds of problems that only this route has.
        old_style: whether errors and tokens are as ListenBrainz has them.
        local: whether nobody needs a token where only this machine can ask.
        aside: whether the handler runs where requests are served, and not on the node's loop:
            it touches neither the node nor its store.
    """

    method: str
    path: str
    handler: Handler
    summary: str
    scope: Scope | None
    query: type[Any] = Nothing
    body: type[Any] = Nothing
    answer: type[Any] | None = None
    status: int = 200
    media: str = JSON
    problems: Sequence[str] = ()
    old_style: bool = False
    local: bool = False
    aside: bool = False

    @property
    def takes_body(self) -> bool:
        """Whether there is a document to read."""
        return self.body is not Nothing

    @property
    def names(self) -> list[str]:
        """Names of the path's parts."""
        return [part[1:-1] for part in self.path.split("/") if part.startswith("{")]

    def statuses(self) -> dict[int, list[str]]:
        """Return the kinds of problems that the route may answer, by status."""
        kinds = ["bad-request", "foreign-host", "foreign-origin", "bug"]
        if self.scope is not None:
            kinds += ["no-token", "scope"]
        if self.takes_body:
            kinds += ["too-large", "not-allowed"]
            kinds += [] if self.old_style else ["media-type"]
        if self.path.startswith(("/api/v1", "/1/")):
            kinds += ["store", "busy", "not-ready"]
        if self.method != "GET":
            kinds.append("full")
        found: dict[int, list[str]] = {}
        for kind in [*kinds, *self.problems]:
            found.setdefault(KINDS[kind].status, []).append(kind)
        return found


async def read_call(route: Route, request: web.Request) -> Call[Any, Any]:
    """Return what a request says.

    Raises:
        ApiProblem: it is not of the route's shape.
        HTTPRequestEntityTooLarge: its body is too large.
    """
    return Call(
        read_query(route, request),
        await read_body(route, request) if route.takes_body else NOTHING,
        dict(request.match_info),
        request,
    )


def read_query(route: Route, request: web.Request) -> Any:
    """Return the parameters of a request."""
    query = request.query
    if not query and route.query is Nothing:
        return NOTHING
    if len(query) != len(set(query)):
        raise ApiProblem("bad-request", "A parameter of the query is given twice; give it once")
    try:
        return msgspec.convert(dict(query), route.query, strict=False)
    except (msgspec.ValidationError, UnicodeError) as error:
        raise ApiProblem("bad-request", f"Query: {error}") from None


async def read_body(route: Route, request: web.Request) -> Any:
    """Return the document of a request."""
    if request.content_type != JSON and not route.old_style:
        raise ApiProblem("media-type", f"Content-Type is {request.content_type}; send {JSON}")
    try:
        async with asyncio.timeout(API_BODY_S):
            data = await request.read()
    except TimeoutError:
        raise ApiProblem("bad-request", f"The body did not come within {API_BODY_S:g} s") from None
    except (ConnectionError, RuntimeError) as error:  # aiohttp has both for who left meanwhile
        if isinstance(error, RuntimeError) and request.transport is not None:
            raise
        # The reader keeps the error and the error its frames, which hold the reader: without
        # this thousands of requests cut short stay in memory until a full collection.
        error.__traceback__ = None
        raise ConnectionResetError("it left before its request was there") from None
    try:
        return msgspec.json.decode(data, type=route.body)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise ApiProblem("bad-request", f"Body: {error}") from None
