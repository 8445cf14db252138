"""Give every participant an address of its own, as spread out as homes on the Internet.

Neighbouring numbers lie in different netgroups, or the rules that keep one network from
taking all links and places in the address book would hit honest people.

Example:
    >>> address_of(0).text(), address_of(1).text()
    ('20.0.1.1:7700', '20.1.1.1:7700')
"""

from __future__ import annotations

from typing import Final

from peerrec.errors import ConfigError
from peerrec.protocol.invite import Address

__all__ = ["PORT", "address_of"]

PORT: Final = 7700

FIRST: Final = 20
"""First octet of the first network; up to 99 all are routed."""

GROUPS: Final = 80 * 256
"""Networks of 16 bits over which addresses are spread."""

HOSTS: Final = 254
"""Hosts used of each network of 24 bits."""


def address_of(index: int) -> Address:
    """Return where a participant listens, by its number in the world."""
    nth, group = divmod(index, GROUPS)
    third, fourth = divmod(nth, HOSTS)
    if not 0 <= third < HOSTS:
        raise ConfigError("index", index, f"0 … {GROUPS * HOSTS * HOSTS - 1} participants")
    return Address(f"{FIRST + group // 256}.{group % 256}.{third + 1}.{fourth + 1}", PORT)
