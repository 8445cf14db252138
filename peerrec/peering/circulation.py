"""Move segments between the library and the links: take in, pass on, publish."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Sequence

from peerrec.errors import StoreError
from peerrec.peering.address_cards import AddressCards
from peerrec.peering.library import Library, Taken
from peerrec.peering.link import Link
from peerrec.peering.own_log import OwnLog
from peerrec.peering.publisher import Publisher
from peerrec.peering.switchboard import Switchboard
from peerrec.protocol.bundle import pack
from peerrec.protocol.effects import Priority
from peerrec.protocol.gossip import Fresh, Gossip
from peerrec.protocol.invite import Address
from peerrec.protocol.membership import Membership
from peerrec.protocol.messages import Proof, Push
from peerrec.protocol.scoring import Deed
from peerrec.protocol.segment import Kind, Segment

__all__ = ["Circulation"]

LIVE_MAX = 16
"""Segments taken at once up to which they are passed on; more spread by sessions."""

log = logging.getLogger("peerrec")


class Circulation:
    """What happens to segments between arriving and leaving.

    Args:
        library: keeps them.
        own_log: this node's own.
        publisher: makes new ones of what the person stated.
        gossip: decides over which links they go.
        membership: learns addresses, rewards deliveries.
        switchboard: the links.
        cards: addresses to pass on.
        counters: of the node.

    Attributes:
        trust_changed: whether merit should be measured again soon; the reader resets it.
    """

    def __init__(
        self,
        library: Library,
        own_log: OwnLog,
        publisher: Publisher,
        gossip: Gossip,
        membership: Membership,
        switchboard: Switchboard,
        cards: AddressCards,
        counters: Counter[str],
    ) -> None:
        self._library = library
        self._own_log = own_log
        self._publisher = publisher
        self._gossip = gossip
        self._membership = membership
        self._switchboard = switchboard
        self._cards = cards
        self._counters = counters
        self.trust_changed = False

    def take(self, peer: bytes, segments: Sequence[Segment], now: float) -> int:
        """Take in segments that a peer sent; return how many were new.

        Raises:
            RemoteProtocolError: they prove that the peer broke a rule; none was kept.
        """
        taken = self._library.take(segments, now)
        for proof in taken.proofs:
            self._spread_proof(proof.evidence, None)
        if taken.own:
            self._rolled_back(taken.own, now)
        for author, said, _ in taken.rows.addresses:
            where = Address(said.host, said.port, said.path)
            self._membership.learned(author, where, peer, now)
        for segment in taken.new:
            if segment.header.kind == Kind.ADDRESS:
                self._cards.keep(segment)
        if taken.new:
            self._membership.scores.reward(peer, Deed.FIRST_DELIVERY, now, len(taken.new))
            self._spread(taken, peer, now)
        return len(taken.new)

    def take_proof(self, peer: bytes, evidence: bytes, now: float) -> None:
        """Take in evidence of a fork that a peer sent.

        Raises:
            RemoteProtocolError: it proves nothing.
        """
        if self._library.take_proof(evidence, now) is not None:
            self._membership.scores.reward(peer, Deed.FIRST_DELIVERY, now)
            self._spread_proof(evidence, peer)

    def publish(self, now: float) -> None:
        """Sign what is due and send it; what cannot be stored does not leave."""
        try:
            minted = self._publisher.mint(now)
        except StoreError as error:
            self._counters["store failures"] += 1
            log.warning("nothing could be published: %s", error)
            return
        for segment in minted:
            self._tell(segment, None, now)
            if segment.header.kind == Kind.ADDRESS:
                self._cards.keep(segment)

    def _spread(self, taken: Taken, source: bytes, now: float) -> None:
        """Pass on what is new: a few at once, many by the sessions that follow."""
        if len(taken.new) > LIVE_MAX:
            for link in self._switchboard.others(source):
                if not all(_refuses(link, segment) for segment in taken.new):
                    link.schedule.hurry(now)
        else:
            for segment in taken.new:
                self._tell(segment, source, now)
        self.trust_changed = self.trust_changed or bool(taken.rows.edges)

    def _tell(self, segment: Segment, source: bytes | None, now: float) -> None:
        header, own = segment.header, source is None
        fresh = Fresh(segment.id, header.author, header.epoch, header.seq)
        # Who said to want nothing of this log is not offered it: where people follow few of
        # many authors, pushing at random would miss those who do. Nor is it news to them.
        log, seq = segment.log, header.seq
        concerned = {
            link.peer: link
            for link in self._switchboard
            if link.peer != source and link.memory.heard.get(log, 0) <= seq
        }
        spread = self._gossip.accepted(fresh, source, now, own=own, among=concerned)
        if spread.eager:
            message = Push(0, True, pack([segment])[0])
            priority = Priority.OWN if own else Priority.GOSSIP
            self._switchboard.put_all(spread.eager, message, priority)
        for link in concerned.values():
            if spread.spilled:
                link.schedule.hurry(now)
            else:
                link.schedule.news(now)

    def _spread_proof(self, evidence: bytes, source: bytes | None) -> None:
        """Tell everybody of a fork at once: it is small, and rare."""
        self._counters["forks seen"] += 1
        self.trust_changed = True
        for link in self._switchboard.others(source):
            self._switchboard.put(link.peer, Proof(0, evidence), Priority.OWN)

    def _rolled_back(self, own: Sequence[Segment], now: float) -> None:
        """Begin a new log where a peer knows more of ours than we: it was rolled back."""
        if any(segment.header.epoch == self._own_log.epoch for segment in own):
            self._counters["own log restarted"] += 1
            self._own_log.begin_epoch()
        self._counters["own interactions recovered"] += self._publisher.recover(now)


def _refuses(link: Link, segment: Segment) -> bool:
    """Return whether a peer told that it wants nothing as old of a log."""
    return link.memory.heard.get(segment.log, 0) > segment.header.seq
