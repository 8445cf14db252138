"""Exchange whole binary messages over a WebSocket, and shake hands over it.

What aiohttp's server and client have in common is all that links need of them.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Coroutine
from typing import Any, Final, Protocol

import aiohttp
from aiohttp import WSMsgType

from peerrec.errors import RemoteProtocolError
from peerrec.limits import FRAME_BYTES_MAX
from peerrec.protocol.violations import Violation
from peerrec_node.channel import Answering, Channel, ChannelKeys, Dialling

__all__ = ["WebSocket", "answered", "binary", "closed", "dialled"]

CLOSE_S: Final = 0.25
"""How long the other side may take to agree that a connection ends; what it sends instead
is read for so long, and thrown away."""

ENDS: Final = (WSMsgType.CLOSE, WSMsgType.CLOSING, WSMsgType.CLOSED)


class WebSocket(Protocol):
    """What a link needs of a WebSocket."""

    async def receive(self) -> aiohttp.WSMessage:
        """Return the next message, of any type."""
        ...

    async def send_bytes(self, data: bytes) -> None:
        """Send a binary message; wait while too much is waiting already."""
        ...

    async def pong(self, message: bytes = b"") -> None:
        """Answer a ping."""
        ...

    def close(self, *, code: int = 1000, message: bytes = b"") -> Coroutine[Any, Any, bool]:
        """Say goodbye and wait for the other side's."""
        ...

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """Return something of the transport below."""
        ...


def binary(message: aiohttp.WSMessage) -> bytes | None:
    """Return the bytes of a binary message, None where the connection has ended.

    Raises:
        RemoteProtocolError: the message is too long, or of a type that is not ours.
    """
    if message.type is WSMsgType.BINARY:
        data: bytes = message.data
        return data
    if message.type in ENDS:
        return None
    if message.type is WSMsgType.ERROR:
        if getattr(message.data, "code", None) == aiohttp.WSCloseCode.MESSAGE_TOO_BIG:
            raise RemoteProtocolError(
                Violation.OVERSIZED, f"a message of {FRAME_BYTES_MAX:,} bytes or more"
            )
        raise RemoteProtocolError(Violation.MALFORMED, f"no WebSocket message: {message.data}")
    raise RemoteProtocolError(
        Violation.MALFORMED, f"a {message.type.name} message, not a binary one"
    )


async def dialled(
    websocket: WebSocket, keys: ChannelKeys, expected: bytes | None, hello: bytes
) -> Channel:
    """Shake hands as the side that connected and return the channel.

    Raises:
        RemoteProtocolError: who answered is not who was dialled, or breaks the rules.
    """
    side = Dialling(keys, expected)
    await websocket.send_bytes(side.first())
    third, channel = side.third(await _next(websocket), hello)
    await websocket.send_bytes(third)
    return channel


async def answered(websocket: WebSocket, keys: ChannelKeys, hello: bytes) -> Channel:
    """Shake hands as the side that was connected to and return the channel.

    Raises:
        RemoteProtocolError: who connected breaks the rules or proves no identity.
    """
    side = Answering(keys)
    await websocket.send_bytes(side.second(await _next(websocket), hello))
    return side.finished(await _next(websocket))


async def _next(websocket: WebSocket) -> bytes:
    """Return the next message of a handshake."""
    data = binary(await websocket.receive())
    if data is None:
        raise RemoteProtocolError(Violation.SILENCE, "the connection ended within the handshake")
    return data


async def closed(websocket: WebSocket, code: int = aiohttp.WSCloseCode.OK) -> None:
    """Close a WebSocket, within `CLOSE_S` whatever the other side does."""
    # In a task of its own: where a cancelled writer left its mark, aiohttp raises
    # CancelledError here though nobody cancelled us.
    goodbye = asyncio.ensure_future(websocket.close(code=code))
    try:
        await asyncio.wait([goodbye], timeout=CLOSE_S)
    finally:
        if goodbye.done() and not goodbye.cancelled():
            goodbye.exception()  # whatever it was: the connection is over
        goodbye.cancel()
        # What a peer left unread must not keep the connection: only this drops it at once.
        below = websocket.get_extra_info("socket")
        if below is not None:
            with contextlib.suppress(OSError):
                below.shutdown(socket.SHUT_RDWR)
