"""Hold what the loop knows of one participant: its links, its clock, its trace."""

from __future__ import annotations

import hashlib
import math
import struct
from typing import Final

from peerrec.peering.endpoint import Endpoint
from peerrec.protocol.effects import Dial
from peerrec_sim.simulation.line import Line
from peerrec_sim.simulation.participant import Participant

__all__ = ["EVENT", "LinkEnd", "Seat"]

EVENT: Final = struct.Struct("<dqB")
"""What the trace says of every event before its content: time, sender, kind."""


class LinkEnd:
    """One end of a link.

    Args:
        number: of the link, unique in a run.
        other: index of the participant at the other end.
        peer: its id.
        floor: before which nothing arrives there any more: a link keeps order.
    """

    __slots__ = ("floor", "number", "other", "peer")

    def __init__(self, number: int, other: int, peer: bytes, floor: float) -> None:
        self.number = number
        self.other = other
        self.peer = peer
        self.floor = floor


class Seat:
    """A participant's place in the loop.

    Args:
        participant: whose.
        line: its way out.
        skew_s: how far its clock is ahead.

    Attributes:
        endpoint: what speaks for the participant; None while offline.
        by_peer, by_index: its links, by the other's id and index.
        dials: on their way, by number of the link that would be.
        wakes_at: when the loop wakes it next.
        due: the deadline for which it does, on its own clock.
        n_sent: packets sent: its part of the order of events.
        trace: hash of all events that reached it.
    """

    __slots__ = (
        "by_index", "by_peer", "dials", "due", "endpoint", "index", "line", "n_dials", "n_sent",
        "participant", "skew_s", "trace", "wakes_at",
    )  # fmt: skip

    def __init__(self, participant: Participant, line: Line, skew_s: float) -> None:
        self.participant = participant
        self.index = participant.index
        self.endpoint: Endpoint | None = None
        self.line = line
        self.skew_s = skew_s
        self.by_peer: dict[bytes, LinkEnd] = {}
        self.by_index: dict[int, LinkEnd] = {}
        self.dials: dict[int, Dial] = {}
        self.wakes_at = math.inf
        self.due = math.inf
        self.n_sent = 0
        self.n_dials = 0
        self.trace = hashlib.blake2b(digest_size=16)

    def add(self, end: LinkEnd) -> None:
        """Take a link into use."""
        self.by_peer[end.peer] = end
        self.by_index[end.other] = end

    def remove(self, end: LinkEnd) -> None:
        """Forget a link."""
        del self.by_peer[end.peer], self.by_index[end.other]

    def end_of(self, other: int, number: int) -> LinkEnd | None:
        """Return the end of this very link; None where it is gone or another's."""
        end = self.by_index.get(other)
        return end if end is not None and end.number == number else None
