"""Give every participant an address of its own, on networks that are routed.

Honest people are as spread out as homes on the Internet: neighbouring numbers lie in
different netgroups, or the rules that keep one network from taking all links and places
in the address book would hit them. Attackers rent hosts in networks of their own.

Example:
    >>> address_of(0).text(), address_of(1).text()
    ('20.0.1.1:7700', '20.1.1.1:7700')
    >>> rented_address(0, 0).text(), rented_address(0, 1).text()
    ('193.0.1.1:7700', '193.0.1.2:7700')
"""

from __future__ import annotations

from typing import Final

from peerrec.errors import ConfigError
from peerrec.protocol.invite import Address

__all__ = ["PORT", "RENTED", "address_of", "rented_address"]

PORT: Final = 7700

FIRST: Final = 20
"""First octet of the first network; up to 99 all are routed."""

GROUPS: Final = 80 * 256
"""Networks of 16 bits over which addresses are spread."""

RENTED_FIRST: Final = 193
"""First octet of the networks that attackers rent; up to 223 all are routed."""

RENTED: Final = 31 * 256
"""Networks of 16 bits that can be rented."""

HOSTS: Final = 254
"""Hosts used of each network of 24 bits."""


def address_of(index: int) -> Address:
    """Return where an honest participant listens, by its number in the world."""
    nth, group = divmod(index, GROUPS)
    if not 0 <= nth < HOSTS * HOSTS:
        raise ConfigError("index", index, f"0 … {GROUPS * HOSTS * HOSTS - 1} participants")
    return _host(FIRST * 256 + group, nth, PORT)


def rented_address(network: int, nth: int) -> Address:
    """Return the n-th place to listen in one of the networks that attackers rent.

    Args:
        network: 0 … RENTED − 1.
        nth: ≥ 0; beyond 64,515 the port tells places apart.
    """
    if not 0 <= network < RENTED:
        raise ConfigError("network", network, f"0 … {RENTED - 1}")
    block, host = divmod(nth, HOSTS * HOSTS)
    return _host(RENTED_FIRST * 256 + network, host, PORT + block)


def _host(network: int, nth: int, port: int) -> Address:
    """Return the n-th host of a network of 16 bits: 254 of each network of 24 bits."""
    third, fourth = divmod(nth, HOSTS)
    return Address(f"{network // 256}.{network % 256}.{third + 1}.{fourth + 1}", port)
