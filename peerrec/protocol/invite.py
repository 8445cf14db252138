"""Write and read addresses and invite links: how people find each other's nodes.

Example:
    >>> parse_address("[2001:db8::7]:7700/behind/proxy")
    Address(host='2001:db8::7', port=7700, path='/behind/proxy')
    >>> Address("music.example", 7700).text()
    'music.example:7700'
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote, unquote

from peerrec.errors import DataError
from peerrec.ids import parse_peer, peer_text
from peerrec.limits import HOST_BYTES_MAX, NETWORK_NAME_BYTES_MAX, PATH_BYTES_MAX, PORT_MAX

__all__ = ["Address", "Invite", "check_address", "parse_address", "parse_invite"]

SCHEME: Final = "peerrec://"

_NAME: Final = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?", re.ASCII)
_LABEL_MAX: Final = 63  # RFC 1035
_PATH: Final = re.compile(r"(/[A-Za-z0-9._~!$&'()*+,;=:@%-]+)+", re.ASCII)
_ADDRESS: Final = re.compile(
    r"(\[(?P<six>[^\]]*)\]|(?P<name>[^:/\[\]]*)):(?P<port>[0-9]*)(?P<path>/.*)?", re.ASCII
)


@dataclass(frozen=True, slots=True, order=True)
class Address:
    """Where a node listens.

    Attributes:
        host: name, IPv4 or IPv6 address (without brackets).
        port: 1 to 65535.
        path: what a reverse proxy puts before ``/prp/1``: empty or ``/like/this``.
    """

    host: str
    port: int
    path: str = ""

    def text(self) -> str:
        """Return ``host:port/path``, IPv6 in brackets."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}{self.path}"


def check_address(address: Address) -> None:
    """Refuse an address that nobody could dial or that is longer than the limits.

    Raises:
        DataError: says which part is wrong.
    """
    host, path = address.host, address.path
    if len(host) > HOST_BYTES_MAX:
        raise DataError(f"host of {len(host)} characters: at most {HOST_BYTES_MAX} are allowed")
    if not (_is_ipv6(host) if ":" in host else _is_name(host)):
        raise DataError(f"host {host!r:.80} is neither a name nor an address")
    if not 1 <= address.port <= PORT_MAX:
        raise DataError(f"port {address.port} is not in 1 to {PORT_MAX}")
    if len(path) > PATH_BYTES_MAX:
        raise DataError(f"path of {len(path)} characters: at most {PATH_BYTES_MAX} are allowed")
    if path and not _PATH.fullmatch(path):
        raise DataError(f"path {path!r:.80} is not of the form /like/this (no slash at its end)")


def parse_address(text: str) -> Address:
    """Return the address written as ``host:port/path``, IPv6 in brackets.

    Raises:
        DataError: says which part is missing or wrong.
    """
    found = _ADDRESS.fullmatch(text)
    if found is None:
        raise DataError(
            f"address {text!r:.120} is not host:port or host:port/path "
            "(IPv6 in brackets: [::1]:7700)"
        )
    port = found["port"]
    if not port or len(port) > len(str(PORT_MAX)):
        raise DataError(f"address {text!r:.120} has no port in 1 to {PORT_MAX}")
    host = found["six"] if found["six"] is not None else found["name"]
    if found["six"] is not None and ":" not in host:
        raise DataError(f"address {text!r:.120} has brackets around what is no IPv6 address")
    address = Address(host, int(port), (found["path"] or "").rstrip("/"))
    check_address(address)
    return address


@dataclass(frozen=True, slots=True)
class Invite:
    """What somebody needs to become one's peer.

    Attributes:
        peer: id of who invites; whoever else answers at the address is refused.
        address: where.
        network: name of the network both will be in.
    """

    peer: bytes
    address: Address
    network: str

    def text(self) -> str:
        """Return the link ``peerrec://<id>@host:port/path#network``."""
        network = quote(self.network, safe="")
        return f"{SCHEME}{peer_text(self.peer)}@{self.address.text()}#{network}"


def parse_invite(text: str) -> Invite:
    """Return what an invite link says.

    Raises:
        DataError: says which part is missing or wrong.
    """
    text = text.strip()
    if not text.lower().startswith(SCHEME):
        raise DataError(f"invite {text!r:.120} does not begin with {SCHEME}")
    rest, has_network, fragment = text[len(SCHEME) :].partition("#")
    peer, has_address, address = rest.partition("@")
    if not has_address:
        raise DataError(f"invite {text!r:.120} has no address: {SCHEME}<id>@host:port#network")
    if not has_network or not fragment:
        raise DataError(f"invite {text!r:.120} names no network: {SCHEME}<id>@host:port#network")
    return Invite(parse_peer(peer), parse_address(address), _network_name(fragment))


def _network_name(fragment: str) -> str:
    try:
        name = unquote(fragment, errors="strict")
        size = len(name.encode())
    except UnicodeError:
        raise DataError(f"network {fragment!r:.80} of the invite is no valid UTF-8") from None
    if size > NETWORK_NAME_BYTES_MAX:
        raise DataError(
            f"network name of {size} bytes: at most {NETWORK_NAME_BYTES_MAX} are allowed"
        )
    if not name.isprintable():
        raise DataError(f"network {fragment!r:.80} of the invite has unprintable characters")
    return name


def _is_name(host: str) -> bool:
    labels = host.removesuffix(".").split(".")
    return all(len(label) <= _LABEL_MAX and _NAME.fullmatch(label) for label in labels)


def _is_ipv6(host: str) -> bool:
    try:
        ipaddress.IPv6Address(host)
    except ValueError:
        return False
    return host.isascii()
