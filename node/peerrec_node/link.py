"""Run one link: read, decrypt and hand over; queue, encrypt and write.

A link reads its next message when the last one has been dealt with, and pauses when
its peer costs more than `LINK_CPU_SHARE` of a core and brings nothing new: nothing is
read ahead of what this node can bear. What is to be written waits in a bounded queue;
which message goes first is its `Priority`. A message is encrypted when it leaves.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeAlias

import aiohttp

from peerrec.errors import RemoteProtocolError
from peerrec.ids import short
from peerrec.limits import (
    CONTROL_FRAMES_S,
    LINK_CPU_BURST_S,
    LINK_CPU_SHARE,
    LINK_QUEUE_BYTES_MAX,
    WRITE_STALL_S,
)
from peerrec.protocol.effects import Dial, Priority
from peerrec.protocol.invite import Address
from peerrec.protocol.rates import Bucket
from peerrec_node.channel import PLAIN_BYTES_MAX, Channel
from peerrec_node.pacing import exhaust
from peerrec_node.sockets import WebSocket, binary, closed

__all__ = ["Link", "LinkLimits", "Origin", "Traffic"]

CONTROL_FRAMES_BURST: Final = 10.0
"""WebSocket pings at once: a proxy that was suspended sends a few."""

LONG_S: Final = 0.005
"""What a message may cost before the others get several turns."""

TURNS: Final = 8
"""Turns of the event loop that a request takes from its bytes to its answer, at most."""

CONTROL_TYPES: Final = (aiohttp.WSMsgType.PING, aiohttp.WSMsgType.PONG)

log = logging.getLogger("peerrec.link")


Received: TypeAlias = "Callable[[Link, bytes], bool]"
"""Takes a message of a link; returns whether it brought something new."""


@dataclass(frozen=True, slots=True)
class LinkLimits:
    """What one link may take.

    Attributes:
        queue_bytes_max: bytes that may wait to be written.
        write_stall_s: how long one message may take to be written.
        cpu_share: share of a core that messages of one peer may cost in the long run which
            bring nothing new.
        cpu_burst_s: core seconds they may cost at once.
    """

    queue_bytes_max: int = LINK_QUEUE_BYTES_MAX
    write_stall_s: float = WRITE_STALL_S
    cpu_share: float = LINK_CPU_SHARE
    cpu_burst_s: float = LINK_CPU_BURST_S


@dataclass(frozen=True, slots=True)
class Origin:
    """How a link came about.

    Attributes:
        host: address of the other side, as far as the transport knows.
        dial: what this node asked for; None where the other side dialled.
        parsing: what reading its frames may cost; None where that is not counted apart.
    """

    host: str
    dial: Dial | None = None
    parsing: Bucket | None = None

    @property
    def dialled(self) -> bool:
        """Whether this node opened it."""
        return self.dial is not None

    @property
    def address(self) -> Address | None:
        """What was dialled; None where the other side dialled."""
        return None if self.dial is None else self.dial.address


@dataclass(slots=True)
class Traffic:
    """What went over a link so far; bytes are those of encrypted messages."""

    bytes_in: int = 0
    bytes_out: int = 0
    messages_in: int = 0
    messages_out: int = 0
    dropped: int = 0


class Link:
    """An encrypted connection to one peer.

    Args:
        websocket: below it.
        channel: the finished handshake.
        origin: how it came about.
        limits: what it may take.
        cpu: what its messages may cost that bring nothing new.

    Attributes:
        peer: whom the other side proved to be.
        since: when it was opened, seconds of `time.monotonic`.
        traffic: counted so far.
    """

    def __init__(
        self,
        websocket: WebSocket,
        channel: Channel,
        origin: Origin,
        limits: LinkLimits,
        cpu: Bucket,
    ) -> None:
        self.peer = channel.peer
        self.channel = channel
        self.origin = origin
        self.since = time.monotonic()
        self.traffic = Traffic()
        self._websocket = websocket
        self._limits = limits
        self._queue = _Queue(limits.queue_bytes_max)
        self._wake = asyncio.Event()
        self._end: str | None = None
        self._cut = asyncio.Event()
        self._cpu = cpu
        self._control = Bucket(CONTROL_FRAMES_S, CONTROL_FRAMES_BURST)

    @property
    def bytes_waiting(self) -> int:
        """Bytes that are queued."""
        return self._queue.n_bytes

    def send(self, data: bytes, priority: Priority = Priority.CONTROL) -> None:
        """Queue a message; a peer that reads too slowly loses gossip, then the link."""
        if self._end is not None:
            return
        if len(data) > PLAIN_BYTES_MAX and not any(data[PLAIN_BYTES_MAX:]):
            data = data[:PLAIN_BYTES_MAX]  # padding beyond what one message can hold
        self.traffic.dropped += self._queue.put(data, priority)
        if self._queue.n_bytes > self._limits.queue_bytes_max:
            self.cut("slow")
        self._wake.set()

    def hang_up(self, reason: str) -> None:
        """End the link when what is queued has left."""
        if self._end is None:
            self._end = reason
            self._wake.set()

    def cut(self, reason: str) -> None:
        """End the link now; what is queued is lost."""
        if self._end is None:
            self._end = reason
        self._cut.set()

    async def run(self, received: Received) -> str:
        """Move messages until the link ends; return in a word why it did."""
        tasks = [
            asyncio.create_task(self._read(received)),
            asyncio.create_task(self._write()),
            asyncio.create_task(self._cut.wait()),
        ]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            reasons = [task.result() for task in done]
            reason = next((each for each in reasons if isinstance(each, str)), "cut")
            return self._end or reason
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            exhaust(self.origin.parsing)
            await closed(self._websocket)

    async def _read(self, received: Received) -> str:
        while True:
            if self._end is not None:  # what still comes is nobody's business any more
                await asyncio.get_running_loop().create_future()
            try:
                message = await self._websocket.receive()
                if message.type in CONTROL_TYPES:
                    await self._control_frame(message)
                    continue
                sealed = binary(message)
                if sealed is None:
                    return "closed"
                begun = time.perf_counter()
                pause = self._handle(sealed, received)
            except RemoteProtocolError as error:
                log.info("%s: %s", short(self.peer), error)
                return str(error.violation)
            except (OSError, aiohttp.ClientError):
                return "broken"
            # Also without a pause: a peer at line rate must let the others have their turn.
            long = time.perf_counter() - begun > LONG_S
            for _ in range(TURNS if long else 0):
                await asyncio.sleep(0)
            await asyncio.sleep(pause)

    def _handle(self, sealed: bytes, received: Received) -> float:
        """Hand a message over; return how long to pause for what it cost."""
        begun = time.perf_counter()
        plain = self.channel.open(sealed)
        self.traffic.bytes_in += len(sealed)
        self.traffic.messages_in += 1
        if received(self, plain):
            return 0.0  # work that this node wanted done
        return self._cpu.spend(time.monotonic(), time.perf_counter() - begun)

    async def _control_frame(self, message: aiohttp.WSMessage) -> None:
        """Answer a proxy's ping, but no more of them than a proxy sends."""
        pause = self._control.spend(time.monotonic(), 1.0)
        if message.type is aiohttp.WSMsgType.PING:
            await self._websocket.pong(message.data)
        await asyncio.sleep(pause)

    async def _write(self) -> str:
        while True:
            data = self._queue.pop()
            if data is None:
                if self._end is not None:
                    return self._end
                self._wake.clear()
                await self._wake.wait()
                continue
            sealed = self.channel.seal(data)
            try:
                async with asyncio.timeout(self._limits.write_stall_s):
                    await self._websocket.send_bytes(sealed)
            except TimeoutError:
                return "slow"
            except (OSError, aiohttp.ClientError):
                return "broken"
            self.traffic.bytes_out += len(sealed)
            self.traffic.messages_out += 1


class _Queue:
    """Messages that wait, by priority, and within one in order."""

    def __init__(self, bytes_max: int) -> None:
        self.n_bytes = 0
        self._bytes_max = bytes_max
        self._waiting: tuple[deque[bytes], ...] = tuple(deque() for _ in Priority)

    def put(self, data: bytes, priority: Priority) -> int:
        """Queue a message; return how many of gossip were dropped to make room, oldest first."""
        self._waiting[priority].append(data)
        self.n_bytes += len(data)
        gossip, n_dropped = self._waiting[Priority.GOSSIP], 0
        while self.n_bytes > self._bytes_max and gossip:
            self.n_bytes -= len(gossip.popleft())
            n_dropped += 1
        return n_dropped

    def pop(self) -> bytes | None:
        """Return the next message to leave, None where there is none."""
        for waiting in self._waiting:
            if waiting:
                data = waiting.popleft()
                self.n_bytes -= len(data)
                return data
        return None
