"""Attack a daemon from a process of its own, over real sockets, for so many seconds.

``python -m hostile_load KIND PORT SECONDS``: prints how much it sent.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
import time

import aiohttp

from peerrec.ids import network_id
from peerrec.protocol.identity import Ed25519Signer, Ed25519Verifier
from peerrec.protocol.invite import Address
from peerrec.protocol.messages import Summary
from peerrec.protocol.wire import encode, padded
from peerrec_node.channel import Channel, ChannelKeys
from peerrec_node.dialer import Dialer

HOST = "127.0.0.1"
CONNECTIONS = 300
MANY = 2_000
HEAD = b"GET /health/live HTTP/1.1\r\nHost: localhost\r\nX-Slow: "
FRAGMENT = b"\x00\x80\x00\x00\x00\x00"
"""A continuation frame with nothing in it, masked, and not the last."""


def over(end: float) -> bool:
    return time.monotonic() >= end


async def opened(port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter] | None:
    try:
        return await asyncio.open_connection(HOST, port)
    except OSError:
        return None


async def drip(port: int, end: float, first: bytes) -> int:
    """Send a request a byte at a time, again whenever it is cut off; return the connections."""
    n = 0
    while not over(end):
        line = await opened(port)
        if line is None:
            await asyncio.sleep(0.1)
            continue
        n += 1
        with contextlib.suppress(OSError):
            line[1].write(first)
            while not over(end) and not line[0].at_eof() and not line[1].is_closing():
                line[1].write(b"x")
                await line[1].drain()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(0.5):
                        if not await line[0].read(1 << 12):
                            break
        line[1].close()
    return n


async def slow(port: int, end: float) -> int:
    """Hold many connections with requests that never end."""
    return sum(await asyncio.gather(*(drip(port, end, HEAD) for _ in range(CONNECTIONS))))


async def slow_body(port: int, end: float) -> int:
    """Hold many connections with bodies that never end."""
    head = (
        b"POST /api/v1/session HTTP/1.1\r\nHost: localhost\r\n"
        b"Content-Type: application/json\r\nContent-Length: 1000000\r\n\r\n"
    )
    return sum(await asyncio.gather(*(drip(port, end, head) for _ in range(CONNECTIONS))))


async def half_open(port: int, end: float) -> int:
    """Connect and say nothing, as many as the system lets in."""
    lines, n = [], 0
    while not over(end):
        line = await opened(port)
        if line is None or len(lines) >= MANY:
            await asyncio.sleep(0.05)
        if line is not None:
            lines.append(line)
            n += 1
    return n


async def linked(port: int) -> tuple[Dialer, aiohttp.ClientWebSocketResponse, Channel]:
    signer = Ed25519Signer.from_seed(os.urandom(32))
    keys = ChannelKeys(signer, Ed25519Verifier(), network_id("music"))
    from peerrec.protocol.messages import Hello

    hello = padded(encode(Hello(0, 0, int(time.time() // 60), bytes(8), 1 << 18, 0, "hostile")))
    dialer = Dialer(keys)
    websocket, channel = await dialer.dial(Address(HOST, port), None, hello)
    return dialer, websocket, channel  # type: ignore[return-value]


async def summaries(port: int, end: float) -> int:
    """Begin sessions, one after the other, as fast as the line takes them."""
    n = 0
    while not over(end):
        try:
            dialer, websocket, channel = await linked(port)
        except Exception:
            await asyncio.sleep(0.2)
            continue
        with contextlib.suppress(Exception):
            while not over(end) and not websocket.closed:
                said = Summary(2 * n + 2, int(time.time() // 86_400), os.urandom(8))
                await websocket.send_bytes(channel.seal(padded(encode(said))))
                n += 1
        await dialer.close()
    return n


async def fragments(port: int, end: float) -> int:
    """Send a message of endless parts with nothing in them."""
    n = 0
    while not over(end):
        try:
            dialer, websocket, _ = await linked(port)
        except Exception:
            await asyncio.sleep(0.2)
            continue
        transport = websocket._response.connection.transport  # type: ignore[union-attr]
        with contextlib.suppress(Exception):
            transport.write(b"\x02\x80\x00\x00\x00\x00")
            while not over(end) and not transport.is_closing():
                transport.write(FRAGMENT * 10_000)
                n += 10_000
                while transport.get_write_buffer_size() > 1 << 20 and not over(end):
                    await asyncio.sleep(0.005)
                await asyncio.sleep(0)
        await dialer.close()
    return n


KINDS = {
    "slow": slow,
    "slow-body": slow_body,
    "half-open": half_open,
    "summaries": summaries,
    "fragments": fragments,
}


def main() -> None:
    kind, port, seconds = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
    signal.alarm(int(seconds) + 20)
    print(asyncio.run(KINDS[kind](port, time.monotonic() + seconds)))


if __name__ == "__main__":
    main()
