"""Say what a session asks of the node behind it, and what it tells when it is over.

Example:
    >>> result = SyncResult(converged=True, rounds=1)
    >>> result.converged, result.segments_in
    (True, 0)
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from peerrec.protocol.effects import Priority
from peerrec.protocol.frontier import Frontier, Log
from peerrec.protocol.messages import Message
from peerrec.protocol.segment import Segment

__all__ = ["Means", "Outgoing", "Shelf", "SyncResult"]

Outgoing: TypeAlias = list[tuple[Priority, Message]]
"""Messages to send, in this order within one priority."""


class Shelf(Protocol):
    """What a session needs of the node: what is held, what is wanted, where to put things.

    Attributes:
        network: id of the network, 16 bytes.
        frontier: index of what is held.
        last_arrival: number of the last segment that was stored.
    """

    network: bytes
    frontier: Frontier

    @property
    def last_arrival(self) -> int:
        """Number of the last segment that was stored; 0 before the first."""
        ...

    def segment(self, log: Log, seq: int) -> Segment | None:
        """Return a segment; None where it is not held any more."""
        ...

    def wants(self, author: bytes) -> bool:
        """Return whether an author is replicated here."""
        ...

    def floor(self, log: Log) -> int:
        """Return the lowest number wanted of a wanted author's log."""
        ...

    def merit(self, author: bytes) -> float:
        """Return an author's merit: more merit is asked for first."""
        ...

    def proof(self, log: Log) -> bytes | None:
        """Return the evidence that a log forked; None if none is known."""
        ...

    def deliver(self, segments: list[Segment], now: float) -> int:
        """Verify and store segments of wanted authors, and put them into the frontier.

        Returns:
            How many were new. What is early, over a quota or unwanted is left out.

        Raises:
            RemoteProtocolError: a signature is not the author's; nothing was stored.
        """
        ...

    def deliver_proof(self, evidence: bytes, now: float) -> None:
        """Verify and keep a proof of a fork, and note it in the frontier.

        Raises:
            RemoteProtocolError: it proves nothing.
        """
        ...


class Means(enum.StrEnum):
    """How a difference was found."""

    SYMBOLS = "symbols"  # coded symbols of the segments
    LOGS = "logs"  # the list of logs
    NAMES = "names"  # the list of logs with their names: little is known here
    SINCE = "since"  # a cursor from last time


@dataclass(slots=True)
class SyncResult:
    """How a session went, for statistics, scores and people.

    Attributes:
        converged: whether both sides hold the same of what both want.
        outstanding: segments (or logs, where only logs were compared) that differ still.
        rounds: round trips: how often the initiator waited.
        segments_in, segments_out: new ones stored here, and pushed to the peer.
        levels: how the differences were found, in order.
        seconds: from the first message to the end.
        retry_s: seconds after which to try again, where the peer was busy; 0 otherwise.
        bytes_in, bytes_out: set by the caller, who sees bytes.
    """

    converged: bool = False
    outstanding: int = 0
    rounds: int = 0
    segments_in: int = 0
    segments_out: int = 0
    levels: tuple[Means, ...] = ()
    seconds: float = 0.0
    retry_s: int = 0
    bytes_in: int = 0
    bytes_out: int = 0
