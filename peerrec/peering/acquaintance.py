"""Carry out what membership decides, and answer what peers ask about peers."""

from __future__ import annotations

from collections.abc import Sequence

from peerrec.errors import RemoteProtocolError, VerificationError
from peerrec.peering.address_cards import AddressCards
from peerrec.peering.link import Link
from peerrec.peering.switchboard import Switchboard
from peerrec.protocol.effects import Dial, Priority
from peerrec.protocol.identity import Verifier
from peerrec.protocol.invite import Address
from peerrec.protocol.membership import AskPeers, Membership, PingPeer, Step
from peerrec.protocol.messages import GoawayCode, Peers, Ping, Pong
from peerrec.protocol.segment import Kind, Timing, decode_segment, timing_of, verify_segment
from peerrec.protocol.statements import decode_statements
from peerrec.protocol.violations import Violation

__all__ = ["Acquaintance"]


PARTING = {
    "silent": GoawayCode.IDLE,
    "banned": GoawayCode.VIOLATION,
    "full": GoawayCode.FULL,
}
"""What a peer is told by the reason for parting; that a person blocked it is not its business."""


class Acquaintance:
    """How one node gets to know others.

    Args:
        peer: id of this node.
        network: 16 bytes.
        verifier: of signed addresses.
        membership: decides.
        switchboard: the links.

    Attributes:
        cards: signed addresses to pass on.
    """

    def __init__(
        self,
        peer: bytes,
        network: bytes,
        verifier: Verifier,
        membership: Membership,
        switchboard: Switchboard,
    ) -> None:
        self.cards = AddressCards()
        self._peer = peer
        self._network = network
        self._verifier = verifier
        self._membership = membership
        self._switchboard = switchboard

    def carry_out(self, steps: Sequence[Step], now: float) -> None:
        """Do what membership wants done."""
        for step in steps:
            if isinstance(step, Dial):
                self._switchboard.act(step)
                continue
            link = self._switchboard.get(step.peer)
            if link is None:
                continue
            if isinstance(step, AskPeers):
                link.put(Peers(1), Priority.CONTROL)
            elif isinstance(step, PingPeer):
                link.pinged_at = now
                link.put(Ping(1), Priority.CONTROL)
            else:
                code = PARTING.get(step.reason, GoawayCode.ROTATION)
                self._switchboard.part(link, code, step.reason)

    def on_peers(self, link: Link, message: Peers, now: float) -> None:
        """Answer a question for addresses, or take the answer to ours."""
        if message.frames is None:
            told = [self._peer, *self._membership.share(link.peer, now)]
            link.put(Peers(message.request, self.cards.frames(told)), Priority.CONTROL)
            return
        self._membership.answered(link.peer)
        for frame in message.frames:
            self._learn(link, frame, now)

    def _learn(self, link: Link, frame: bytes, now: float) -> None:
        """Take an address that its owner signed, passed on by a peer."""
        try:
            segment = decode_segment(frame, self._network)
            if segment.header.kind != Kind.ADDRESS or timing_of(segment, now) is not Timing.FINE:
                return
            verify_segment(segment, self._network, self._verifier)
            said = decode_statements(Kind.ADDRESS, segment.payload, segment.header.minute)
        except VerificationError as error:
            raise RemoteProtocolError(Violation.FORGERY, str(error)) from None
        for each in said:
            where = Address(each.host, each.port, each.path)
            if self._membership.learned(segment.header.author, where, link.peer, now):
                self.cards.keep(segment)

    def on_ping(self, link: Link, message: Ping, now: float) -> None:
        """Say that we are here."""
        link.put(Pong(message.request), Priority.CONTROL)

    def on_pong(self, link: Link, message: Pong, now: float) -> None:
        """Note how long the answer took."""
        if link.pinged_at is not None:
            link.latency_s = max(now - link.pinged_at, 0.0)
            self._membership.round_trip(link.peer, link.latency_s)
            link.pinged_at = None
