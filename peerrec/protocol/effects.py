"""Name what a node wants done: the driver turns effects into sockets and timers.

Example:
    >>> Send(b"peer", b"data").priority is Priority.CONTROL
    True
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TypeAlias

from peerrec.protocol.invite import Address

__all__ = ["Dial", "Effect", "Hangup", "Priority", "Send"]


class Priority(enum.IntEnum):
    """Which message goes first where several wait for one link; lower goes first."""

    CONTROL = 0  # sessions, pings, goodbyes: small, and others wait for them
    OWN = 1  # one's own segments: never dropped by pressure
    GOSSIP = 2  # others' fresh segments
    BULK = 3  # what sessions move


@dataclass(frozen=True, slots=True)
class Send:
    """Send one message over the link to a peer; dropped when there is none any more."""

    peer: bytes
    data: bytes
    priority: Priority = Priority.CONTROL


@dataclass(frozen=True, slots=True)
class Dial:
    """Open a link to an address; refuse whoever answers with another id than ``peer``.

    Attributes:
        peer: id to insist on; None takes whoever is there (bootstrap addresses).
        address: where.
    """

    peer: bytes | None
    address: Address


@dataclass(frozen=True, slots=True)
class Hangup:
    """Close the link to a peer after what was sent before has left.

    Attributes:
        peer: whose link.
        reason: a short word for logs and statistics, such as ``rotation``.
    """

    peer: bytes
    reason: str


Effect: TypeAlias = Send | Dial | Hangup
