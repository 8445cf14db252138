"""Answer whoever connects: a WebSocket at ``<any path>/prp/1`` of a bare HTTP server.

Before a byte is parsed a connection is counted, against all others and against those of
its address, and gets a deadline by which its handshake must be finished: whoever sends
nothing, or a byte a second, is cut off by it wherever they are.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final, TypeAlias, cast

import aiohttp
from aiohttp import web

from peerrec.errors import ConfigError, RemoteProtocolError
from peerrec.limits import (
    ACCEPTS_BURST,
    ACCEPTS_S,
    FRAME_BYTES_MAX,
    HALF_OPEN_MAX,
    HANDSHAKE_S,
    PARSE_CPU_BURST_S,
    PARSE_CPU_SHARE,
)
from peerrec.protocol.invite import Address
from peerrec.protocol.rates import Bucket
from peerrec_node.channel import Channel, ChannelKeys
from peerrec_node.http_logger import http_logger
from peerrec_node.link import Origin
from peerrec_node.pacing import Admission, exhaust, metered
from peerrec_node.sockets import WebSocket, answered, closed

__all__ = ["ENDPOINT", "Arrived", "Listener", "Reception", "listening"]

ENDPOINT: Final = "/prp/1"
"""End of the path of every endpoint; before it stands what a reverse proxy needs."""

HEADERS_BYTES_MAX: Final = 4_096
"""Longest line of a request: ours need a tenth."""

HEADERS_MAX: Final = 64
"""Most headers of a request: ours has ten, and proxies add some."""

FORWARDED: Final = "X-Forwarded-For"

log = logging.getLogger("peerrec.listener")


@dataclass(frozen=True, slots=True)
class Reception:
    """How connections are received.

    Attributes:
        handshake_s: from connecting to the end of the handshake.
        proxies: addresses of reverse proxies that are believed to say who connects.
        accepts_s, accepts_burst: connections looked at, a second and at once.
    """

    handshake_s: float = HANDSHAKE_S
    proxies: frozenset[str] = frozenset()
    accepts_s: float = ACCEPTS_S
    accepts_burst: float = ACCEPTS_BURST


Arrived: TypeAlias = Callable[[WebSocket, Channel, Origin], Awaitable[None]]
"""Takes a connection over; returns when it has ended."""


class Listener:
    """A server for links.

    Args:
        keys: one's own.
        hello: returns what to say of oneself.
        arrived: takes over who is through the handshake.
        admission: who may connect.
        reception: how they are received.

    Attributes:
        refused: connections that did not become links, by why.
        port: where it listens; 0 before `start`.
    """

    def __init__(
        self,
        keys: ChannelKeys,
        hello: Callable[[], bytes],
        arrived: Arrived,
        *,
        admission: Admission | None = None,
        reception: Reception = Reception(),
    ) -> None:
        self.refused: Counter[str] = Counter()
        self.port = 0
        self.admission = admission or Admission()
        self._keys = keys
        self._hello = hello
        self._arrived = arrived
        self._reception = reception
        self._gates: dict[web.RequestHandler, _Gate] = {}
        self._http: web.Server | None = None
        self._line: socket.socket | None = None
        self._accepting: asyncio.Task[None] | None = None
        self._accepts = Bucket(reception.accepts_s, reception.accepts_burst)

    async def start(self, line: socket.socket) -> None:
        """Begin to accept at a socket from `listening`; it is closed with this."""
        self._http = web.Server(
            self._handle,
            access_log=None,
            logger=http_logger("peerrec.listener.http"),
            max_line_size=HEADERS_BYTES_MAX,
            max_field_size=HEADERS_BYTES_MAX,
            max_headers=HEADERS_MAX,
            lingering_time=0.0,
        )
        line.setblocking(False)
        self._line = line
        self.port = line.getsockname()[1]
        self._accepting = asyncio.create_task(self._accept(line))

    async def _accept(self, line: socket.socket) -> None:
        """Let connections in one by one, at a pace that leaves time for those that are."""
        loop = asyncio.get_running_loop()
        while True:
            try:
                connection, _ = await loop.sock_accept(line)
                await loop.connect_accepted_socket(lambda: _Gate(self), connection)
            except OSError as error:  # it is gone again, or there are no more files to open
                log.info("a connection could not be accepted: %s", error)
                self.refused["accept"] += 1
            # What waits meanwhile waits in the kernel, and there is little room.
            await asyncio.sleep(self._accepts.spend(time.monotonic(), 1.0))

    async def close(self) -> None:
        """Stop to listen and drop who is still within the handshake."""
        if self._accepting is not None:
            self._accepting.cancel()
            await asyncio.wait([self._accepting])
        if self._line is not None:
            self._line.close()
        for gate in list(self._gates.values()):
            gate.refuse_if_closed()
        if self._http is not None:
            await self._http.shutdown(0.0)

    def entered(self, gate: _Gate, host: str) -> web.RequestHandler | None:
        """Count a connection in and return what deals with it; None where it is refused."""
        # The visitors of a proxy are counted when they have said who they are.
        if host not in self._reception.proxies and not self._admitted(gate, host):
            return None
        assert self._http is not None
        handler = self._http()
        self._gates[handler] = gate
        return handler

    def _admitted(self, gate: _Gate, host: str) -> bool:
        refusal = self.admission.enter(host, time.monotonic())
        if refusal is not None:
            self.refused[refusal] += 1
            return False
        gate.counted = host
        return True

    def left(self, gate: _Gate) -> None:
        """Count a connection out once: at the end of its handshake or its own."""
        if gate.counted is not None:
            self.admission.leave(gate.counted)
            gate.counted = None

    def gone(self, handler: web.RequestHandler) -> None:
        """Forget a connection."""
        self._gates.pop(handler, None)

    @property
    def handshake_s(self) -> float:
        """Seconds from connecting to the end of the handshake."""
        return self._reception.handshake_s

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request of HTTP."""
        gate = self._gates.get(request.protocol)
        if gate is None:
            return turned_away(400)  # it is gone already
        host = self._host(request, gate)
        if host is None:
            return turned_away(429)
        if not request.path.endswith(ENDPOINT):
            self.refused["path"] += 1
            return turned_away(404)
        websocket: web.WebSocketResponse[Any] = web.WebSocketResponse(
            compress=False, autoping=False, autoclose=False, max_msg_size=FRAME_BYTES_MAX
        )
        if not websocket.can_prepare(request).ok:
            self.refused["no-websocket"] += 1
            return turned_away(426)
        try:
            await websocket.prepare(request)
        except (OSError, aiohttp.ClientError):
            return turned_away(400)  # it is gone already
        # Both ends of aiohttp have what `WebSocket` asks for, in wider types.
        await self._meet(cast(WebSocket, websocket), gate, host)
        return websocket

    def _host(self, request: web.BaseRequest, gate: _Gate) -> str | None:
        """Return the address of who connects, None where it may not."""
        if gate.host not in self._reception.proxies:
            return gate.host
        forwarded = request.headers.getall(FORWARDED, [gate.host])
        # What a proxy has added is last; what stands before it anybody may have written.
        host = forwarded[-1].rpartition(",")[2].strip()
        return host if gate.counted is not None or self._admitted(gate, host) else None

    async def _meet(self, websocket: WebSocket, gate: _Gate, host: str) -> None:
        """Shake hands and have the link taken over."""
        try:
            channel = await answered(websocket, self._keys, self._hello())
        except RemoteProtocolError as error:
            self.refused[str(error.violation)] += 1
            log.info("%s: %s", host, error)
            exhaust(gate.cpu)
            await closed(websocket, aiohttp.WSCloseCode.POLICY_VIOLATION)
            return
        except (OSError, aiohttp.ClientError):
            self.refused["broken"] += 1
            return
        if gate.passed():
            await self._arrived(websocket, channel, Origin(host, parsing=gate.cpu))


def listening(address: Address) -> socket.socket:
    """Return a socket that listens at an address; port 0 takes a free one.

    Raises:
        ConfigError: the address cannot be listened at.
    """
    try:
        family = socket.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM)[0][0]
        both = family == socket.AF_INET6 and address.host == "::" and socket.has_dualstack_ipv6()
        return socket.create_server(
            (address.host, address.port), family=family, backlog=HALF_OPEN_MAX, dualstack_ipv6=both
        )
    except (OSError, OverflowError, UnicodeError) as error:
        raise ConfigError(
            "listen", f"{address.host}:{address.port}", f"choose another address or port: {error}"
        ) from error


def turned_away(status: int) -> web.Response:
    """Return an answer to who gets no link; it is the last of its connection."""
    response = web.Response(status=status)
    response.force_close()
    return response


class _Gate(asyncio.Protocol):
    """Stands before aiohttp's protocol of one connection until its handshake is finished.

    Attributes:
        host: address of the other side.
        counted: address under which it is counted as half-open; None when it is not.
        cpu: what reading its frames may cost.
    """

    def __init__(self, listener: Listener) -> None:
        self.host = ""
        self.counted: str | None = None
        self._handler: web.RequestHandler | None = None
        self._listener = listener
        self.cpu = Bucket(PARSE_CPU_SHARE, PARSE_CPU_BURST_S)
        self._transport: asyncio.Transport | None = None
        self._deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Count the connection; drop it where too many are there already."""
        self._transport = cast(asyncio.Transport, transport)
        peer = transport.get_extra_info("peername")
        self.host = str(peer[0]) if peer else ""
        self._handler = self._listener.entered(self, self.host)
        if self._handler is None:
            self._transport.abort()
            return
        loop = asyncio.get_running_loop()
        self._deadline = loop.call_later(self._listener.handshake_s, self._late)
        self._handler.connection_made(transport)

    def passed(self) -> bool:
        """Say that the handshake is finished; False where that is too late."""
        if self._deadline is not None:
            self._deadline.cancel()
        self._listener.left(self)
        return self._transport is not None and not self._transport.is_closing()

    def refuse_if_closed(self) -> None:
        """Drop the connection if its handshake is not finished."""
        if self.counted is not None and self._transport is not None:
            self._transport.abort()

    def _late(self) -> None:
        self._listener.refused["late"] += 1
        if self._transport is not None:
            self._transport.abort()

    def data_received(self, data: bytes) -> None:
        """Pass it on; pause where what comes costs too much to read."""
        if self._handler is not None and self._transport is not None:
            metered(self._handler.data_received, data, self.cpu, self._transport)

    def eof_received(self) -> bool | None:
        """Pass it on."""
        if self._handler is not None:
            self._handler.eof_received()
        return None

    def pause_writing(self) -> None:
        """Pass it on."""
        if self._handler is not None:
            self._handler.pause_writing()

    def resume_writing(self) -> None:
        """Pass it on."""
        if self._handler is not None:
            self._handler.resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        """Count the connection out and pass it on."""
        if self._deadline is not None:
            self._deadline.cancel()
        self._listener.left(self)
        if self._handler is not None:
            self._listener.gone(self._handler)
            self._handler.connection_lost(exc)
