"""What tests on loopback share: a node that writes down what happens to it, and keys."""

from __future__ import annotations

import asyncio
import functools
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from peerrec.ids import network_id
from peerrec.protocol.effects import Dial, Effect, Hangup, Send
from peerrec.protocol.identity import Ed25519Signer, Ed25519Verifier
from peerrec.protocol.invite import Address
from peerrec_node.channel import ChannelKeys
from peerrec_node.driver import Driver
from peerrec_node.listener import listening

MUSIC = network_id("music")
PATIENCE_S = 20.0
LOCAL = "127.0.0.1"


def bounded(test: Callable[..., Awaitable[None]]) -> Callable[..., None]:
    """Run a coroutine as a test that ends."""

    @functools.wraps(test)
    def run(*args: Any, **more: Any) -> None:
        async def whole() -> None:
            async with asyncio.timeout(PATIENCE_S):
                await test(*args, **more)

        asyncio.run(whole())

    return run


def keys(n: int, network: bytes = MUSIC) -> ChannelKeys:
    return ChannelKeys(Ed25519Signer.from_seed(bytes([n]) * 32), Ed25519Verifier(), network)


class FakeNode:
    """Writes down what its driver tells it and wants what a test says."""

    def __init__(self, peer: bytes) -> None:
        self.peer = peer
        self.events: asyncio.Queue[tuple[str, Any]] = asyncio.Queue()
        self.seen: list[tuple[str, Any]] = []
        self.wanted: list[Effect] = []
        self.refusing: str | None = None
        self.on_message: Callable[[bytes, bytes], list[Effect]] = lambda data, sender: []
        self.deadline = 1e12

    def _note(self, what: str, detail: Any = None) -> list[Effect]:
        self.events.put_nowait((what, detail))
        return []

    def hello(self, now: float) -> bytes:
        return b"hello of " + self.peer[:2]

    def refuses(self, peer: bytes, host: str, now: float) -> str | None:
        return self.refusing

    def link_up(self, peer: bytes, *, now: float, **about: Any) -> list[Effect]:
        return self._note("up", {"peer": peer, **about})

    def link_down(self, peer: bytes, reason: str, now: float) -> list[Effect]:
        return self._note("down", reason)

    def dial_failed(self, peer: Any, address: Address, reason: str, now: float) -> list[Effect]:
        return self._note("failed", reason)

    def receive(self, data: bytes, sender: bytes, now: float) -> list[Effect]:
        effects = self.on_message(data, sender)
        self._note("message", data)
        return effects

    def on_timer(self, now: float) -> list[Effect]:
        self._note("timer", now)
        wanted, self.wanted = self.wanted, []
        return wanted

    def next_deadline(self) -> float:
        return self.deadline

    def publish(self, now: float) -> list[Effect]:
        return self._note("publish")

    def goodbye(self, now: float) -> list[Effect]:
        return self._note("goodbye")

    async def next(self, what: str) -> Any:
        """Return the detail of the next event of a kind; others on the way are kept."""
        while True:
            for at, (kind, detail) in enumerate(self.seen):
                if kind == what:
                    del self.seen[at]
                    return detail
            self.seen.append(await self.events.get())


class Station:
    """A fake node with a real driver."""

    def __init__(self, n: int, network: bytes = MUSIC, **more: Any) -> None:
        self.keys = keys(n, network)
        self.node = FakeNode(self.keys.signer.peer)
        self.peer = self.node.peer
        self.driver = Driver(self.node, self.keys, **more)

    @property
    def address(self) -> Address:
        return Address(LOCAL, self.driver.listener.port)

    def want(self, *effects: Effect) -> None:
        """Have the node want something at once."""
        self.node.wanted += effects
        self.driver.tick()

    def dial(self, other: Station, address: Address | None = None) -> None:
        self.want(Dial(other.peer, address or other.address))

    def send(self, other: Station, data: bytes) -> None:
        self.want(Send(other.peer, data))

    def hang_up(self, other: Station) -> None:
        self.want(Hangup(other.peer, "rotation"))


@asynccontextmanager
async def stations(*those: Station) -> AsyncIterator[None]:
    """Let stations listen until the block ends."""
    try:
        for each in those:
            await each.driver.start(listening(Address(LOCAL, 0)))
        yield
    finally:
        for each in those:
            await each.driver.stop()


async def connected(one: Station, other: Station) -> None:
    one.dial(other)
    await asyncio.gather(one.node.next("up"), other.node.next("up"))


def plain_socket(station: Station) -> socket.socket:
    """Return a connected socket that has said nothing yet."""
    return socket.create_connection((LOCAL, station.driver.listener.port), timeout=PATIENCE_S)
