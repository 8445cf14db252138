"""Name what travels between participants: what makes, uses and ends links.

A packet is a plain tuple, for a heap compares and a pipe carries many of them. Its first
four entries are the total order of all events of a run: no two packets share them.

Example:
    >>> packet = (5.0, 1, 0, 17, Kind.DATA, 4, b"hello")
    >>> packet[:4] < (5.0, 1, 0, 18)
    True
"""

from __future__ import annotations

import enum
from typing import Final, TypeAlias

__all__ = ["ITSELF", "Kind", "Packet"]

Packet: TypeAlias = tuple[float, int, int, int, int, int, bytes]
"""(arrives at, receiver, sender, sender's count, kind, number of the link, content)."""

ITSELF: Final = -1
"""In the place of the sender: the receiver's own clock."""


class Kind(enum.IntEnum):
    """What a packet does."""

    WAKE = 0  # the receiver's own deadline
    SWITCH = 1  # the receiver goes offline, or comes back
    PART = 2  # the network falls into parts
    FAIL = 3  # a dial of the receiver reached nobody; content: why
    DIAL = 4  # asks for a link; content: HELLO
    ACCEPT = 5  # … which is there now; content: HELLO
    REFUSE = 6  # … which is not; content: why
    DATA = 7  # a message
    HANGUP = 8  # the link ended; content: why
