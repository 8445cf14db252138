"""Find peers in the local network, and be found: multicast DNS, where a person wants it.

What is announced is an id, an address and a network's id, to everybody in the same
local network. Needs the package ``zeroconf`` (extra ``lan``).

Example:
    >>> found = service(bytes(32), "music", Address("192.0.2.7", 7700), ["192.0.2.7"])
    >>> found.type, found.port, found.properties[b"net"] == network_id("music").hex().encode()
    ('_peerrec._tcp.local.', 7700, True)
"""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import socket
from collections.abc import Callable, Sequence
from typing import Final

from zeroconf import IPVersion, ServiceInfo, ServiceStateChange, Zeroconf
from zeroconf.asyncio import AsyncServiceBrowser, AsyncServiceInfo, AsyncZeroconf

from peerrec.errors import DataError
from peerrec.ids import network_id, parse_peer, peer_text
from peerrec.protocol.invite import Address

__all__ = ["Discovery", "announced", "service"]

TYPE: Final = "_peerrec._tcp.local."

ANSWER_MS: Final = 3_000
"""How long a peer may take to say where it is."""

QUESTIONS_MAX: Final = 32
"""Peers asked at once: in a room full of them, or of somebody pretending so."""

Found = Callable[[bytes, Address], None]

log = logging.getLogger("peerrec.discovery")


def service(peer: bytes, network: str, listens: Address, hosts: Sequence[str]) -> AsyncServiceInfo:
    """Return what is announced of a node.

    Args:
        peer: its id.
        network: name of its network.
        listens: where it listens; only the port is told.
        hosts: addresses of this machine.
    """
    return AsyncServiceInfo(
        TYPE,
        f"{peer_text(peer)}.{TYPE}",
        port=listens.port,
        addresses=[ipaddress.ip_address(host).packed for host in hosts],
        properties={"net": network_id(network).hex()},
    )


def announced(info: ServiceInfo, network: bytes) -> tuple[bytes, Address] | None:
    """Return who announces itself, and where; None where it is nobody of the network.

    Args:
        info: what was received: anybody in the local network may have made it up.
        network: id of one's own.
    """
    if info.properties.get(b"net") != network.hex().encode() or not info.port:
        return None
    hosts = info.parsed_addresses(IPVersion.All)
    try:
        peer = parse_peer(info.name.removesuffix(f".{TYPE}"))
    except DataError:
        return None
    return (peer, Address(hosts[0], info.port)) if hosts else None


class Discovery:
    """Announces one node and reports others.

    Args:
        peer: own id.
        network: name of the network.
        listens: where others connect.
        found: told of each other node, again whenever it appears.
    """

    def __init__(self, peer: bytes, network: str, listens: Address, found: Found) -> None:
        self._peer, self._network, self._listens = peer, network, listens
        self._found = found
        self._questions: set[asyncio.Task[None]] = set()
        self._zeroconf: AsyncZeroconf | None = None
        self._browser: AsyncServiceBrowser | None = None

    async def start(self) -> None:
        """Announce and look around; where there is no network, say so and do without."""
        try:
            self._zeroconf = AsyncZeroconf()
            await self._zeroconf.async_register_service(
                service(self._peer, self._network, self._listens, own_hosts(self._listens))
            )
        except OSError as error:
            log.warning("nothing can be found in the local network: %s", error)
            return
        self._browser = AsyncServiceBrowser(
            self._zeroconf.zeroconf, TYPE, handlers=[self._on_change]
        )

    async def close(self) -> None:
        """Take the announcement back."""
        for question in self._questions:
            question.cancel()
        if self._browser is not None:
            await self._browser.async_cancel()
        if self._zeroconf is not None:
            await self._zeroconf.async_close()

    def _on_change(
        self, zeroconf: Zeroconf, service_type: str, name: str, state_change: ServiceStateChange
    ) -> None:
        """Ask whoever appears where it is."""
        if state_change is ServiceStateChange.Removed or len(self._questions) >= QUESTIONS_MAX:
            return
        question = asyncio.ensure_future(self._ask(zeroconf, name))
        self._questions.add(question)
        question.add_done_callback(self._questions.discard)

    async def _ask(self, zeroconf: Zeroconf, name: str) -> None:
        info = AsyncServiceInfo(TYPE, name)
        if await info.async_request(zeroconf, ANSWER_MS):
            met = announced(info, network_id(self._network))
            if met is not None and met[0] != self._peer:
                self._found(*met)


def own_hosts(listens: Address) -> list[str]:
    """Return the addresses of this machine at which a node listens."""
    try:
        host = ipaddress.ip_address(listens.host)
    except ValueError:
        return [socket.gethostbyname(listens.host)]
    if not host.is_unspecified:
        return [str(host)]
    found = socket.getaddrinfo(socket.gethostname(), None, type=socket.SOCK_STREAM)
    return sorted({str(each[4][0]) for each in found})
