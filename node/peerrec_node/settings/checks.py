"""Check what a type cannot say: that an address is one, an invite too.

Example:
    >>> complaint("node.listen", "127.0.0.1:7700") is None
    True
    >>> complaint("node.proxies", ["proxy"])
    "'proxy' is no IP address"
"""

from __future__ import annotations

import ipaddress
import math
from collections.abc import Callable, Mapping
from typing import Any, Final

from peerrec.errors import DataError
from peerrec.limits import BOOTSTRAP_MAX, NETWORK_NAME_BYTES_MAX
from peerrec.protocol.invite import parse_address, parse_invite
from peerrec_node.identity import parse_listen

__all__ = ["OFF", "complaint"]

OFF: Final = "off"
"""Says that something is served nowhere."""


def check_network(name: str) -> None:
    """Refuse a network's name that is empty or too long."""
    if not 0 < len(name.encode()) <= NETWORK_NAME_BYTES_MAX:
        raise DataError(f"the name has 1 to {NETWORK_NAME_BYTES_MAX} bytes")


def check_http(text: str) -> None:
    """Refuse what is neither HOST:PORT nor ``off``."""
    if text != OFF:
        parse_listen(text)


def check_ip(text: str) -> None:
    """Refuse what is no IP address: names are not looked up for whom to believe."""
    try:
        ipaddress.ip_address(text)
    except ValueError:
        raise DataError(f"{text!r} is no IP address") from None


def check_bootstrap(texts: list[str]) -> None:
    """Refuse what are no addresses, or too many."""
    if len(texts) > BOOTSTRAP_MAX:
        raise DataError(f"at most {BOOTSTRAP_MAX} addresses")
    for text in texts:
        parse_address(text)


def check_file(text: str) -> None:
    """Refuse a file without a name."""
    if not text:
        raise DataError("name a file, or leave the key out")


def each(check: Callable[[str], Any]) -> Callable[[list[str]], None]:
    """Return a check of all of a list."""

    def check_all(texts: list[str]) -> None:
        for text in texts:
            check(text)

    return check_all


CHECKS: Final[Mapping[str, Callable[[Any], Any]]] = {
    "node.network": check_network,
    "node.listen": parse_listen,
    "node.public": parse_address,
    "node.invites": each(parse_invite),
    "node.bootstrap": check_bootstrap,
    "node.proxies": each(check_ip),
    "node.passphrase_file": check_file,
    "http.listen": check_http,
    "log.file": check_file,
}


def complaint(path: str, value: Any) -> str | None:
    """Return what is wrong with a value of the right type; None where nothing is."""
    if isinstance(value, float) and not math.isfinite(value):
        return "give a finite number"
    check = CHECKS.get(path)
    try:
        if check is not None and value is not None:
            check(value)
    except DataError as error:
        return str(error)
    return None
