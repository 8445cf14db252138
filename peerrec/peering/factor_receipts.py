"""Remember how exchanges of tables ended, for a peer that has not heard of it.

The last thing said in an exchange is a receipt; one that was lost, or cut off with its link, is
had again from here, without the tables. What is kept of an exchange is some 400 bytes, for
`RESUME_S`.
"""

from __future__ import annotations

from dataclasses import dataclass

from peerrec.protocol.exchange import RESUME_S, RETRIES_MAX, table_control
from peerrec.protocol.messages import Table, TableStep
from peerrec.protocol.sync_shelf import Outgoing
from peerrec.protocol.table_offer import SignedTable, TableHeader

__all__ = ["Receipts"]

OTHER_LINK = -1


@dataclass(slots=True)
class _Receipt:
    """The end of one exchange.

    Attributes:
        request: number of the exchange on the present link; `OTHER_LINK` where it was on another.
        mine: the own offer.
        mine_bytes: length of the body that it offers.
        theirs: header of the table that was taken in.
        at: unix seconds.
        again: whether the peer offered the same table again after the exchange.
        left: how often it is still said: two that are both done must not go on confirming.
    """

    request: int
    mine: bytes
    mine_bytes: int
    theirs: TableHeader
    at: float
    again: bool = False
    left: int = RETRIES_MAX + 1


class Receipts:
    """The last exchange with each peer, where that was a short while ago."""

    def __init__(self) -> None:
        self._of: dict[bytes, _Receipt] = {}

    def note(
        self, peer: bytes, request: int, mine: SignedTable, theirs: TableHeader, now: float
    ) -> None:
        """Remember an exchange that was completed here, and forget old ones."""
        self._of = {each: old for each, old in self._of.items() if now - old.at <= RESUME_S}
        self._of[peer] = _Receipt(request, mine.offer, len(mine.body), theirs, now)

    def link_up(self, peer: bytes) -> None:
        """Take note that numbers begin anew."""
        if peer in self._of:
            self._of[peer].request = OTHER_LINK

    def on_offer(self, peer: bytes, header: TableHeader, request: int) -> Outgoing | None:
        """Answer an offer of a table that was taken in; None where it was not.

        How the exchange ended was not heard. Or it was: who took nothing in, or forgot, offers
        the same table to begin anew, and then asks for what is no more (see `on_have`).
        """
        receipt = self._of.get(peer)
        if receipt is None or receipt.theirs != header:
            return None
        receipt.again = receipt.again or request != receipt.request
        receipt.request = request
        out = table_control(request, TableStep.OFFER, data=receipt.mine)
        return out + table_control(request, TableStep.HAVE, header.body_bytes)

    def on_have(self, peer: bytes, message: Table) -> Outgoing | None:
        """Answer a question in an exchange that is over; None where nothing is known of it."""
        receipt = self._of.get(peer)
        if receipt is None or receipt.request != message.request:
            return None
        if receipt.again and message.value < receipt.mine_bytes:
            del self._of[peer]  # it wants another exchange, not the end of one
            return table_control(message.request, TableStep.NO, 1)
        if receipt.left <= 0:
            return None
        receipt.left -= 1
        return table_control(message.request, TableStep.HAVE, receipt.theirs.body_bytes)
