"""Let only so many connections in, and none that keeps the others out by saying nothing.

A connection is at rest until a request of it is there whole, and after its answer. Where
there are as many as may be, one more takes the place of the one that has rested longest;
who is being answered is never cut off for another.

Example:
    >>> places = Places(n_max=2)
    >>> [places.enter(name) for name in ("ann", "ben")]
    [None, None]
    >>> places.busy("ann")
    >>> places.enter("cleo"), places.enter("dan"), len(places)
    ('ben', 'cleo', 2)
"""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Hashable
from typing import Final, Generic, TypeVar

from aiohttp import web

from peerrec.limits import API_CONNECTIONS_MAX, API_HEAD_S

__all__ = ["Connections", "Places"]

COLLECT_EVERY: Final = 20_000
"""Connections after which all garbage is collected, 50 to 80 ms: the transport of each is a
cycle of 1 KB, and what is old when it dies would stay until the next full collection, which
`responsive` puts off."""

Guest = TypeVar("Guest", bound=Hashable)


class Places(Generic[Guest]):
    """Who is in, and who of them has rested longest.

    Args:
        n_max: how many may be in.
    """

    def __init__(self, n_max: int) -> None:
        self._n_max = n_max
        self._resting: dict[Guest, None] = {}
        self._busy: set[Guest] = set()

    def __len__(self) -> int:
        return len(self._resting) + len(self._busy)

    def enter(self, guest: Guest) -> Guest | None:
        """Let one in; return who has to go for it: itself, where nobody rests."""
        gone = None
        if len(self) >= self._n_max:
            gone = next(iter(self._resting), guest)
            self._resting.pop(gone, None)
        if gone != guest:
            self._resting[guest] = None
        return gone

    def busy(self, guest: Guest) -> None:
        """Take note that one is being answered."""
        if guest in self._resting:
            del self._resting[guest]
            self._busy.add(guest)

    def rests(self, guest: Guest) -> None:
        """Take note that one has been answered."""
        if guest in self._busy:
            self._busy.discard(guest)
            self._resting[guest] = None

    def leave(self, guest: Guest) -> None:
        """Take note that one is gone."""
        self._resting.pop(guest, None)
        self._busy.discard(guest)


class Connections:
    """Makes the protocol of each connection of a server.

    Args:
        server: of aiohttp.
        n_max: connections at once.
        head_s: how long the first request may take to say what it wants.

    Attributes:
        places: the connections.
    """

    def __init__(
        self, server: web.Server, n_max: int = API_CONNECTIONS_MAX, head_s: float = API_HEAD_S
    ) -> None:
        self.places: Places[asyncio.Protocol] = Places(n_max)
        self._server, self._head_s = server, head_s
        self._silent: dict[asyncio.Protocol, asyncio.TimerHandle] = {}
        self._n_gone = 0

    def __call__(self) -> asyncio.Protocol:
        """Return what deals with one more connection."""
        return _Entrance(self, self._server())

    def heard(self, handler: asyncio.Protocol) -> None:
        """Take note that a request says what it wants; its body may be still to come."""
        timer = self._silent.pop(handler, None)
        if timer is not None:
            timer.cancel()

    def begun(self, handler: asyncio.Protocol) -> None:
        """Take note that a request is there whole, and is being answered."""
        self.places.busy(handler)

    def answered(self, handler: asyncio.Protocol) -> None:
        """Take note that it has been."""
        self.places.rests(handler)

    def enter(self, handler: web.RequestHandler) -> bool:
        """Count a connection in; return whether it may stay."""
        gone = self.places.enter(handler)
        if gone is handler:
            return False
        if isinstance(gone, web.RequestHandler):
            gone.force_close()
        loop = asyncio.get_running_loop()
        self._silent[handler] = loop.call_later(self._head_s, handler.force_close)
        return True

    def leave(self, handler: asyncio.Protocol) -> None:
        """Count a connection out."""
        self.heard(handler)
        self.places.leave(handler)
        self._n_gone += 1
        if self._n_gone % COLLECT_EVERY == 0:
            gc.collect()


class _Entrance(asyncio.Protocol):
    """Stands before aiohttp's protocol of one connection."""

    def __init__(self, connections: Connections, handler: web.RequestHandler) -> None:
        self._connections, self._handler = connections, handler
        self._inside = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Count the connection; drop it where nobody makes room."""
        self._inside = self._connections.enter(self._handler)
        if self._inside:
            self._handler.connection_made(transport)
        elif isinstance(transport, asyncio.Transport):
            transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """Count the connection out."""
        if self._inside:
            self._connections.leave(self._handler)
            self._handler.connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Pass it on."""
        if self._inside:
            self._handler.data_received(data)

    def eof_received(self) -> bool | None:
        """Pass it on."""
        if self._inside:
            self._handler.eof_received()
        return None

    def pause_writing(self) -> None:
        """Pass it on."""
        self._handler.pause_writing()

    def resume_writing(self) -> None:
        """Pass it on."""
        self._handler.resume_writing()
