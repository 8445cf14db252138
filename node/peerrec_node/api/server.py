"""Serve the API and the dashboard of a daemon over HTTP.

Every request passes the same gate: a Host that is ours, an Origin that is, a token or a
session where one is needed, a scope that suffices, a query and a body of the documented
shape. Whatever goes wrong is answered as a problem; nothing else leaves.

Requests are served by a loop in a thread of their own: the node holds its loop for a tenth
of a second for each bundle of a first sync, and answers from memory must not wait for that.
What needs the node, its store or the recommender is done on the node's loop, one at a time.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import logging
import socket
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import msgspec
from aiohttp import web

from peerrec.errors import ConfigError, PeerrecError
from peerrec.limits import API_BACKLOG, API_BODY_BYTES_MAX, API_LET_IN_AT_ONCE, PORT_MAX
from peerrec.protocol.invite import Address
from peerrec_node.api import events as event_routes
from peerrec_node.api import listenbrainz, metrics, network, people, ranking, recording, stand
from peerrec_node.api.auth import Hosts, Scope, Sessions, Tokens
from peerrec_node.api.connections import Connections
from peerrec_node.api.context import Api
from peerrec_node.api.events import EventHub, Watcher
from peerrec_node.api.labels import Labels
from peerrec_node.api.lists import Lists
from peerrec_node.api.loop_thread import LoopThread
from peerrec_node.api.openapi import description
from peerrec_node.api.options import HttpOptions
from peerrec_node.api.problems import ApiProblem, Problem, answer_of, problem_of
from peerrec_node.api.routes import JSON, Call, Nothing, Route, read_call
from peerrec_node.api.saved_settings import SavedSettings
from peerrec_node.api.static import HEADERS, page_handler, pages
from peerrec_node.api.traffic import TrafficTotals
from peerrec_node.commands.common import Opened
from peerrec_node.http_logger import http_logger
from peerrec_node.listener import listening
from peerrec_node.responsive import responsive
from peerrec_node.settings.take_up import take_up

if TYPE_CHECKING:
    from peerrec_node.daemon import Daemon

__all__ = ["ROUTES", "ApiServer"]

PORTS_TRIED: Final = 20

CLOSE_S: Final = 1.0
"""How long requests may take to end when the daemon does, and again to end by force."""

SAFE: Final = ("GET", "HEAD")

log = logging.getLogger("peerrec.api")

Handled: TypeAlias = Callable[[web.Request], Awaitable[web.StreamResponse]]


async def openapi(api: Api, call: Call[Nothing, Nothing]) -> bytes:
    """Answer the description of all routes."""
    return msgspec.json.encode(description(ROUTES))


ROUTES: Final[Sequence[Route]] = (
    *stand.ROUTES,
    *ranking.ROUTES,
    *recording.ROUTES,
    *people.ROUTES,
    *network.ROUTES,
    *event_routes.ROUTES,
    *listenbrainz.ROUTES,
    *metrics.ROUTES,
    Route(
        method="GET",
        path="/api/openapi.json",
        handler=openapi,
        summary="This description.",
        scope=None,
        answer=dict[str, Any],
        aside=True,
    ),
)
"""Everything that can be asked."""


def bound(options: HttpOptions) -> socket.socket:
    """Return a socket at the address, or at the next free port where that will do.

    Raises:
        ConfigError: it cannot be listened at.
    """
    first = options.listen.port
    last = min(first + PORTS_TRIED - 1, PORT_MAX) if options.any_port and first else first
    for port in range(first, last):
        with contextlib.suppress(ConfigError):
            return listening(replace(options.listen, port=port))
    try:
        return listening(replace(options.listen, port=last))
    except ConfigError as error:
        raise ConfigError("http", options.listen.text(), f"{error.allowed}") from error


def is_loopback(host: str) -> bool:
    """Return whether an address can be reached from this machine alone."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


class ApiServer:
    """The HTTP side of one daemon.

    Args:
        here: the open store.
        daemon: what runs on it.
        options: where to listen.
        clock: returns unix seconds.

    Attributes:
        address: where it listens.
        api: what the handlers see.

    Raises:
        ConfigError: the address cannot be listened at.
    """

    def __init__(
        self,
        here: Opened,
        daemon: Daemon,
        options: HttpOptions,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._line = bound(options)
        self.address = Address(options.listen.host, self._line.getsockname()[1])
        self._local = is_loopback(options.listen.host)
        self._hosts = Hosts(frozenset(name.lower() for name in options.names))
        self._clock = clock
        self._runner: web.AppRunner | None = None
        self._thread: LoopThread | None = None
        self._connections: Connections | None = None
        self._listener: asyncio.Server | None = None
        self._open = contextlib.ExitStack()
        self._looking: asyncio.Task[None] | None = None
        self.api = Api(
            here=here,
            daemon=daemon,
            clock=clock,
            lists=Lists(here.me, here.store, ranking.answers_of(here)),
            events=EventHub(),
            tokens=Tokens(here.store),
            sessions=Sessions(clock),
            settings=SavedSettings(daemon.live, lambda changed: take_up(daemon, changed)),
            labels=Labels(here.store),
            traffic=TrafficTotals(time.monotonic),
            started_at=clock(),
        )

    def dashboard_url(self) -> str:
        """Return an address of the dashboard that opens it once."""
        return f"http://{self.address.text()}/#token={self.api.sessions.one_time_token()}"

    async def start(self) -> None:
        """Begin to answer."""
        if not self._local:
            log.warning(
                "the HTTP API listens at %s, beyond this machine, and is not encrypted: "
                "put a proxy with TLS before it; every request needs a token",
                self.address.text(),
            )
        self._open.enter_context(responsive())
        self.api.calls.begin(asyncio.get_running_loop())
        self._looking = asyncio.create_task(self.api.events.run(Watcher(self.api)))
        self._thread = LoopThread("peerrec-http")
        self._runner = await self._thread.run(self._serving())
        self.api.ready = True

    async def _serving(self) -> web.AppRunner:
        """Return what serves requests, on this loop."""
        runner = web.AppRunner(
            self._application(),
            access_log=None,
            logger=http_logger("peerrec.api.http"),
            handle_signals=False,
            shutdown_timeout=CLOSE_S,
        )
        await runner.setup()
        assert runner.server is not None
        self._connections = Connections(runner.server)
        loop = asyncio.get_running_loop()
        self._listener = await loop.create_server(
            self._connections, sock=self._line, backlog=API_LET_IN_AT_ONCE
        )
        # asyncio takes one figure for how many it accepts at once and how many may wait.
        self._line.listen(API_BACKLOG)
        return runner

    async def _closing(self, runner: web.AppRunner) -> None:
        """Let nobody in any more and end what is being answered, on this loop."""
        if self._listener is not None:
            self._listener.close()
        await runner.cleanup()

    async def close(self) -> None:
        """End streams and requests, and stop to listen."""
        self.api.ready = False
        self.api.calls.end()
        self.api.events.close()
        if self._looking is not None:
            self._looking.cancel()
            await asyncio.gather(self._looking, return_exceptions=True)
        if self._thread is not None:
            # The node's loop turns meanwhile: what waits for it comes to its end.
            if self._runner is not None:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(3 * CLOSE_S):
                        await self._thread.run(self._closing(self._runner))
            await self._thread.end()
        await self.api.lists.close()
        self._open.close()
        self._line.close()

    # -- one request --------------------------------------------------------------------

    def _application(self) -> web.Application:
        """Return all resources behind the gate."""

        @web.middleware
        async def gate(request: web.Request, handler: Handled) -> web.StreamResponse:
            return await self._gate(request, handler)

        application = web.Application(middlewares=[gate], client_max_size=API_BODY_BYTES_MAX)
        for route in ROUTES:
            application.router.add_route(route.method, route.path, partial(self._serve, route))
        for page in pages():
            application.router.add_get(page.path, page_handler(page))
        application.on_response_prepare.append(prepared)
        return application

    async def _gate(self, request: web.Request, handler: Handled) -> web.StreamResponse:
        """Stand before every resource, also before those that are not there."""
        assert self._connections is not None
        self._connections.heard(request.protocol)
        try:
            self._check_origin(request)
            return await handler(request)
        except ApiProblem as error:
            meant = request.match_info.handler
            if isinstance(meant, partial) and isinstance(meant.args[0], Route):
                return problem_answer(meant.args[0], error.problem, error.headers)
            return answer_of(error.problem, error.headers)
        except web.HTTPException as error:
            return refusal(error)
        finally:
            self._connections.answered(request.protocol)

    def _check_origin(self, request: web.Request) -> None:
        transport = request.transport
        here = None if transport is None else transport.get_extra_info("sockname")
        self._hosts.check(
            request.headers.get("Host", ""),
            request.headers.get("Origin"),
            str(here[0]) if here else "",
        )

    async def _serve(self, route: Route, request: web.Request) -> web.StreamResponse:
        """Answer a request of one route."""
        begun = time.perf_counter()
        response = await self._answer(route, request)
        took_s = time.perf_counter() - begun
        lasting = not isinstance(response, web.Response)  # a stream lasts as long as its page
        self.api.tally.add(route.method, route.path, response.status, None if lasting else took_s)
        return response

    async def _answer(self, route: Route, request: web.Request) -> web.StreamResponse:
        try:
            self._check_scope(route, request)
            call = await read_call(route, request)
            if self._connections is not None:
                self._connections.begun(request.protocol)
            if route.aside:
                found = await route.handler(self.api, call)
            else:
                found = await self.api.calls.do(self._of_node, route, call)
        except ApiProblem as error:
            return problem_answer(route, error.problem, error.headers)
        except web.HTTPException as error:
            return problem_answer(route, http_problem(error).problem)
        except PeerrecError as error:
            return problem_answer(route, problem_of(error))
        except ConnectionError:
            raise
        except Exception:
            log.exception("%s %s failed", route.method, route.path)
            said = "The request failed; the daemon's log says where"
            return problem_answer(route, ApiProblem("bug", said).problem)
        if isinstance(found, web.StreamResponse):
            return found
        body = found if isinstance(found, bytes) else msgspec.json.encode(found)
        return web.Response(body=body, status=route.status, content_type=JSON)

    async def _of_node(self, route: Route, call: Call[Any, Any]) -> object:
        """Return what a handler answers on the node's loop."""
        # Once more: a command that took the token back may have been before this in line.
        self._check_scope(route, call.request)
        if route.method not in SAFE:  # what went to a store that was moved away would be lost
            self.api.daemon.place.check()
        return await route.handler(self.api, call)

    def _check_scope(self, route: Route, request: web.Request) -> None:
        """Refuse who may not do this.

        Raises:
            ApiProblem: there is no valid token, or its scope does not suffice.
        """
        if route.scope is None or (route.local and self._local):
            return
        scope = self._scope_of(route, request)
        if scope is None:
            raise ApiProblem(
                "no-token",
                "Send `Authorization: Bearer` and a token from `peerrec token create`, or open "
                "the dashboard's address",
                {"WWW-Authenticate": 'Bearer realm="peerrec"'},
            )
        if not scope.allows(route.scope):
            raise ApiProblem(
                "scope", f"The scope {scope.value!r} does not suffice: {route.scope.value!r} does"
            )

    def _scope_of(self, route: Route, request: web.Request) -> Scope | None:
        """Return what who asks may do; None where nobody knows them."""
        said = request.headers.get("Authorization")
        if said is not None:
            word, _, secret = said.partition(" ")
            known = ("token", "bearer") if route.old_style else ("bearer",)
            return self.api.tokens.scope_of(secret.strip()) if word.lower() in known else None
        secret = request.cookies.get(stand.cookie_name(request), "")
        if not secret or not self.api.sessions.is_open(secret):
            return None
        if request.method not in SAFE and request.headers.get("X-Peerrec") != "1":
            raise ApiProblem("scope", "A change with a cookie needs the header `X-Peerrec: 1`")
        return Scope.ADMIN


async def prepared(request: web.Request, response: web.StreamResponse) -> None:
    """Put on every answer what keeps browsers from harm."""
    response.headers.update(HEADERS)
    response.headers.setdefault("Cache-Control", "no-store")
    response.headers["Server"] = "peerrec"


def problem_answer(
    route: Route, problem: Problem, headers: dict[str, str] | None = None
) -> web.Response:
    """Return a problem as the route's clients know them."""
    if not route.old_style:
        return answer_of(problem, headers)
    said = {"code": problem.status, "error": problem.detail}
    return web.Response(
        body=msgspec.json.encode(said), status=problem.status, content_type=JSON, headers=headers
    )


def http_problem(error: web.HTTPException) -> ApiProblem:
    """Return the problem for what aiohttp refuses."""
    if isinstance(error, web.HTTPRequestEntityTooLarge):
        return ApiProblem("too-large", f"At most {API_BODY_BYTES_MAX:,} bytes are taken")
    if isinstance(error, web.HTTPMethodNotAllowed):
        allowed = ", ".join(sorted(error.allowed_methods))
        return ApiProblem("method", f"This takes {allowed}", {"Allow": allowed})
    if isinstance(error, web.HTTPNotFound):
        return ApiProblem("no-such-resource", "See /api/openapi.json for what there is")
    return ApiProblem("bad-request", error.reason)


def refusal(error: web.HTTPException) -> web.Response:
    """Return the answer to a request that reached no route."""
    problem = http_problem(error)
    return answer_of(problem.problem, problem.headers)
