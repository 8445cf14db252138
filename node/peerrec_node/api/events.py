"""Tell pages what happens, as server-sent events.

Nothing is looked at while nobody listens. A listener that does not keep up is cut off;
browsers come again by themselves.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec
from aiohttp import web

from peerrec.limits import API_STREAMS_MAX
from peerrec.protocol.sync_shelf import SyncResult
from peerrec_node.api.auth import Scope
from peerrec_node.api.problems import ApiProblem
from peerrec_node.api.routes import Call, Nothing, Route

if TYPE_CHECKING:
    from peerrec_node.api.context import Api

__all__ = ["KINDS", "ROUTES", "Event", "EventHub", "Watcher"]

KINDS: Final = ("status", "recommendations", "link", "sync", "traffic", "notice")

LOOK_S: Final = 1.0
"""How often is looked at what cannot tell that it changed."""

STATUS_S: Final = 5.0
TRAFFIC_S: Final = 2.0

NEWS_S: Final = 2.0
"""Least time between two notes that peers changed what lists are made of."""

KEEP_ALIVE_S: Final = 15.0

WAITING_MAX: Final = 64
"""Events that may wait for one listener."""


class Event(NamedTuple):
    """What happened: one of `KINDS`, and its document."""

    kind: str
    data: Any

    def encoded(self) -> bytes:
        """Return the event as it is streamed."""
        return b"event: %s\ndata: %s\n\n" % (self.kind.encode(), msgspec.json.encode(self.data))


class EventHub:
    """Passes events from one loop, the node's, to listeners on another.

    `listening` belongs to the listeners' loop, all else to the node's.
    """

    def __init__(self) -> None:
        self._queues: dict[asyncio.Queue[Event | None], asyncio.AbstractEventLoop] = {}
        self._home: asyncio.AbstractEventLoop | None = None
        self._wake = asyncio.Event()
        self._closed = False

    def __len__(self) -> int:
        return len(self._queues)

    @property
    def is_full(self) -> bool:
        """Whether nobody else may listen."""
        return len(self._queues) >= API_STREAMS_MAX

    def look_soon(self) -> None:
        """Wake who looks for events, where anybody listens."""
        if self._queues:
            self._wake.set()

    def tell(self, event: Event) -> None:
        """Pass an event on; who has too many waiting is cut off."""
        for queue, loop in list(self._queues.items()):
            loop.call_soon_threadsafe(self._put, queue, event)

    def close(self) -> None:
        """End all streams."""
        self._closed = True
        self._wake.set()
        for queue, loop in list(self._queues.items()):
            loop.call_soon_threadsafe(self._end, queue)

    def _put(self, queue: asyncio.Queue[Event | None], event: Event) -> None:
        if queue not in self._queues:
            return
        try:
            queue.put_nowait(event)
        except asyncio.QueueFull:
            self._end(queue)

    def _end(self, queue: asyncio.Queue[Event | None]) -> None:
        self._queues.pop(queue, None)
        while not queue.empty():
            queue.get_nowait()
        queue.put_nowait(None)

    @contextmanager
    def listening(self) -> Iterator[AsyncIterator[Event | None]]:
        """Listen until the block ends: to events, and None where nothing was for `KEEP_ALIVE_S`."""
        queue: asyncio.Queue[Event | None] = asyncio.Queue(WAITING_MAX)
        self._queues[queue] = asyncio.get_running_loop()
        if self._home is not None and not self._closed:
            self._home.call_soon_threadsafe(self._wake.set)
        try:
            yield self._heard(queue)
        finally:
            self._queues.pop(queue, None)

    async def _heard(self, queue: asyncio.Queue[Event | None]) -> AsyncIterator[Event | None]:
        while not self._closed:
            try:
                async with asyncio.timeout(KEEP_ALIVE_S):
                    event = await queue.get()
            except TimeoutError:
                yield None
                continue
            if event is None:
                return
            yield event

    async def run(self, watcher: Watcher) -> None:
        """Look for events while anybody listens; nothing runs while nobody does."""
        self._home = asyncio.get_running_loop()
        while not self._closed:
            self._wake.clear()
            if self._queues:
                for event in watcher.look(time.monotonic()):
                    self.tell(event)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LOOK_S if self._queues else None):
                    await self._wake.wait()


class Watcher:
    """Finds out what happened since it last looked.

    Args:
        api: what to look at.
    """

    def __init__(self, api: Api) -> None:
        self._api = api
        self._syncs: dict[str, SyncResult | None] = {}
        self._version = api.lists.look()
        self._own, self._renewed = api.lists.own, api.lists.renewed
        self._news_at = self._status_at = self._traffic_at = -1e9
        self._status: Any = None
        self._bytes = 0
        self._failures = self._forks = 0

    def look(self, now: float) -> Iterable[Event]:
        """Yield what happened; ``now`` is of `time.monotonic`."""
        status = self._api.daemon.status()
        yield from self._links({link.peer: link.last_sync for link in status.links})
        yield from self._lists(now)
        yield from self._notices(status.counters.get("store failures", 0), status.forks)
        if now - self._status_at >= STATUS_S:
            self._status_at = now
            yield from self._stand()
        if now - self._traffic_at >= TRAFFIC_S:
            self._traffic_at = now
            yield from self._traffic()

    def _links(self, syncs: dict[str, SyncResult | None]) -> Iterable[Event]:
        before, self._syncs = self._syncs, syncs
        for peer in before.keys() - syncs.keys():
            reason = next((each.reason for each in self._api.ended if each.peer == peer), None)
            yield Event("link", {"peer": peer, "state": "down", "reason": reason})
        for peer, result in syncs.items():
            if peer not in before:
                yield Event("link", {"peer": peer, "state": "up", "reason": None})
            if result is not None and result is not before.get(peer):
                yield Event("sync", {"peer": peer, **asdict(result)})

    def _lists(self, now: float) -> Iterable[Event]:
        lists = self._api.lists
        version, own, renewed = lists.look(), lists.own, lists.renewed
        soon = own != self._own or now - self._news_at >= NEWS_S
        # Who came for news may have been shown the last list: the new one is told of, too.
        if (version != self._version or renewed != self._renewed) and soon:
            self._version, self._own, self._news_at = version, own, now
            self._renewed = renewed
            yield Event("recommendations", {"version": version})

    def _notices(self, failures: int, forks: int) -> Iterable[Event]:
        if failures > self._failures:
            text = "The store could not be written: is the disk full? See the daemon's log."
            yield Event("notice", {"level": "error", "text": text})
        if forks > self._forks:
            text = "A peer told two stories under one name; it has no say any more."
            yield Event("notice", {"level": "warning", "text": text})
        self._failures, self._forks = failures, forks

    def _stand(self) -> Iterable[Event]:
        status = current_status(self._api)
        known = msgspec.structs.replace(status, uptime_s=0.0)
        if known != self._status:
            self._status = known
            yield Event("status", status)

    def _traffic(self) -> Iterable[Event]:
        from peerrec_node.api.network import traffic_of

        traffic = traffic_of(self._api)
        n_bytes = sum(each.bytes_in + each.bytes_out for each in traffic.types)
        if n_bytes != self._bytes or traffic.rate.in_bytes_s or traffic.rate.out_bytes_s:
            self._bytes = n_bytes
            yield Event("traffic", traffic)


async def first_event(api: Api) -> bytes:
    """Return what every stream begins with."""
    return Event("status", current_status(api)).encoded()


def current_status(api: Api) -> Any:
    """Return the status, with which every stream begins."""
    # Imported here: what answers the status also needs to know of events.
    from peerrec_node.api.stand import status_of

    return status_of(api)


async def stream(api: Api, call: Call[Nothing, Nothing]) -> web.StreamResponse:
    """Stream events until either side ends it."""
    if api.events.is_full:
        raise ApiProblem("too-many", f"{API_STREAMS_MAX} streams of events are open; close one")
    response = web.StreamResponse(
        headers={"Content-Type": "text/event-stream", "X-Accel-Buffering": "no"}
    )
    with api.events.listening() as events:
        first = await api.calls.do(first_event, api)
        await response.prepare(call.request)
        with contextlib.suppress(ConnectionError):
            await response.write(b"retry: 2000\n\n" + first)
            async for event in events:
                await response.write(b": still here\n\n" if event is None else event.encoded())
    return response


ROUTES: Final = (
    Route(
        method="GET",
        path="/api/v1/events",
        handler=stream,
        summary="Hear what happens: " + ", ".join(KINDS) + "; a comment each 15 s.",
        scope=Scope.READ,
        media="text/event-stream",
        problems=("too-many",),
        aside=True,
    ),
)
