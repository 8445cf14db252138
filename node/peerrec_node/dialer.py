"""Open links: a WebSocket to an address, and proof that who was dialled answers."""

from __future__ import annotations

import asyncio
import functools
from types import SimpleNamespace
from typing import Any, Final, cast

import aiohttp
from aiohttp.client_proto import ResponseHandler

from peerrec.errors import PeerrecError, RemoteProtocolError
from peerrec.limits import FRAME_BYTES_MAX, HANDSHAKE_S, PARSE_CPU_BURST_S, PARSE_CPU_SHARE
from peerrec.protocol.invite import Address
from peerrec.protocol.rates import Bucket
from peerrec_node.channel import Channel, ChannelKeys
from peerrec_node.listener import ENDPOINT
from peerrec_node.pacing import metered
from peerrec_node.sockets import WebSocket, closed, dialled

__all__ = ["DialError", "Dialer", "url"]

TLS_PORT: Final = 443
"""Where a reverse proxy with a certificate listens; what peers need of secrecy is inside."""

HEADERS_BYTES_MAX: Final = 4_096
"""Longest line of an answer: what is there may be no peer at all."""


class DialError(PeerrecError):
    """A link could not be opened; says in a word why (``reason``) and then in more.

    Attributes:
        reason: ``unreachable``, ``late``, ``no-peer`` or a `Violation`.
    """

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class Dialer:
    """A client for links.

    Args:
        keys: one's own.
        handshake_s: from connecting to the end of the handshake.
    """

    def __init__(self, keys: ChannelKeys, *, handshake_s: float = HANDSHAKE_S) -> None:
        self._keys = keys
        self._handshake_s = handshake_s
        self._session: aiohttp.ClientSession | None = None

    async def dial(
        self, address: Address, expected: bytes | None, hello: bytes
    ) -> tuple[WebSocket, Channel]:
        """Return the WebSocket and the channel of a finished handshake.

        Args:
            address: where.
            expected: the only id that may answer; None takes any.
            hello: what to say of oneself to who proves to be there.

        Raises:
            DialError: nobody, or somebody else, answered in time.
        """
        try:
            async with asyncio.timeout(self._handshake_s):
                return await self._dial(address, expected, hello)
        except TimeoutError:
            raise DialError("late", f"{address.text()}: no answer in time") from None
        except RemoteProtocolError as error:
            raise DialError(str(error.violation), f"{address.text()}: {error}") from error
        except aiohttp.WSServerHandshakeError as error:
            raise DialError("no-peer", f"{address.text()}: answers {error.status}") from error
        except (OSError, aiohttp.ClientError, ValueError) as error:
            raise DialError("unreachable", f"{address.text()}: {error}") from error

    async def _dial(
        self, address: Address, expected: bytes | None, hello: bytes
    ) -> tuple[WebSocket, Channel]:
        if self._session is None:
            self._session = session()
        connected: Any = await self._session.ws_connect(
            url(address), compress=0, autoping=False, autoclose=False, max_msg_size=FRAME_BYTES_MAX
        )
        # Both ends of aiohttp have what `WebSocket` asks for, in wider types.
        websocket = cast(WebSocket, connected)
        try:
            return websocket, await dialled(websocket, self._keys, expected, hello)
        except BaseException:
            await closed(websocket)
            raise

    async def close(self) -> None:
        """Close what is below all links that were dialled."""
        if self._session is not None:
            await self._session.close()
            self._session = None


def url(address: Address) -> str:
    """Return where a peer's endpoint is.

    Example:
        >>> url(Address("peer.example", 443, "/music")), url(Address("::1", 7700))
        ('https://peer.example:443/music/prp/1', 'http://[::1]:7700/prp/1')
    """
    scheme = "https" if address.port == TLS_PORT else "http"
    host = f"[{address.host}]" if ":" in address.host else address.host
    return f"{scheme}://{host}:{address.port}{address.path.rstrip('/')}{ENDPOINT}"


def session() -> aiohttp.ClientSession:
    """Return an HTTP client that keeps nothing and goes nowhere it was not sent to."""
    trace = aiohttp.TraceConfig()
    trace.on_request_redirect.append(refuse_redirect)
    return aiohttp.ClientSession(
        connector=connector(),
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=aiohttp.ClientTimeout(total=None),
        trace_configs=[trace],
        trust_env=False,
        max_line_size=HEADERS_BYTES_MAX,
        max_field_size=HEADERS_BYTES_MAX,
    )


def connector() -> aiohttp.TCPConnector:
    """Return what opens connections, each read only as fast as it is worth."""
    made = aiohttp.TCPConnector(limit=0, force_close=True)
    # There is no public way to choose the protocol of a connection.
    loop = asyncio.get_running_loop()
    made._factory = functools.partial(Metered, loop=loop)  # type: ignore[assignment]
    return made


class Metered(ResponseHandler):
    """A connection of aiohttp's client that pauses where reading it costs too much."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(loop=loop)
        self._cpu = Bucket(PARSE_CPU_SHARE, PARSE_CPU_BURST_S)

    def data_received(self, data: bytes) -> None:
        """Read what came."""
        if isinstance(self.transport, asyncio.Transport):
            metered(super().data_received, data, self._cpu, self.transport)


async def refuse_redirect(
    session: aiohttp.ClientSession,
    context: SimpleNamespace,
    params: aiohttp.TraceRequestRedirectParams,
) -> None:
    """Refuse to be sent elsewhere: a peer could point us at others, or inside our network."""
    raise aiohttp.ClientError("it redirects, as no peer does")
