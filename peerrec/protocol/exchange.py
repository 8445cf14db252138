"""Exchange tables with a peer so that both take the other's in, or neither does.

Push-pull averaging keeps the mean of all nodes only where both sides of an exchange complete
it. So each side freezes its table, signs it, sends it, and takes the other's in when that is
whole and verified **and** the peer confirmed that it has ours: the last thing said is a receipt
of 16 bytes, not a table. A receipt that is lost is asked for again; after a cut link both go on
where they were, while both still hold their tables, and whoever is done answers from memory. One
side completes alone only where the receipt is lost and the link does not come back for
`RESUME_S`, or where a peer lies::

    A                                   B
    OFFER signed header    →
                           ←    OFFER signed header, HAVE 0
    HAVE 0                 →
    PART 0, PART 16384, …  →  ←  PART 0, PART 16384, …        bulk, on credit
    HAVE all               →  ←  HAVE all                     a receipt; then each averages

A node is in one exchange at a time: its table must not change between offer and average.

Measured with 32 nodes that exchange with each other for 8 rounds, all rows sent, in standard
deviations of what they began with (`tests/peerrec/protocol/test_exchange.py`): both sides
completing, the mean of all moves by .013 to .015, the codec's rounding; with 5 % of the exchanges
completed by one side alone by .017 to .039, with 20 % by .05 to .065. That is √(f / 2n), f the
share and n the nodes: each such exchange moves the sum by half a difference, to either side
alike, and differences halve every round. A node's own sampling error is 1/√n. Rows that are not
sent for lack of users (`FactorSettings.coverage`) are outside of this: both sides take their share
to be small.
Averaging begins again from records after some epochs, and ends the drift with it. Eight real
nodes, seven minutes of an exchange a minute each: .11 by rounding to four bits alone, .10 at 5 %
loss, .10 where a link is cut every half minute as well.

Cost: the signature, 0.1 ms each way, and the codec's; nothing grows beyond one body.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Generic, TypeVar

from peerrec.errors import RemoteProtocolError, VerificationError
from peerrec.limits import (
    TABLE_BYTES_MAX,
    TABLE_IN_BURST,
    TABLE_IN_RATE,
    TABLE_OFFERS_BURST,
    TABLE_OFFERS_RATE,
    TABLE_PART_BYTES,
)
from peerrec.protocol.effects import Priority
from peerrec.protocol.messages import Table, TableStep
from peerrec.protocol.rates import Bucket
from peerrec.protocol.sync_shelf import Outgoing
from peerrec.protocol.sync_transfer import Credit
from peerrec.protocol.table_offer import SignedTable, TableHeader, body_hash
from peerrec.protocol.violations import Violation
from peerrec.protocol.wire import padded_length

__all__ = ["RESUME_S", "RETRIES_MAX", "Exchange", "TableLink", "table_control"]

T = TypeVar("T")

RETRY_S: Final = 30.0
"""Silence after which what the peer may have missed is said again."""

RETRIES_MAX: Final = 3
"""How often before the exchange is given up: two minutes without a sign."""

EXCHANGE_MAX_S: Final = 600.0
"""Longest exchange: the largest table in it needs 2 KB a second; others wait meanwhile."""

RESUME_S: Final = 120.0
"""How long after a cut link an exchange may go on, and a receipt be had again."""

HAVE_EVERY: Final = 8
"""Parts after which the sender is told that they arrive."""

SENT_AGAIN: Final = 3
"""How many times a body may be sent in one exchange: each cut link may cost all of it."""

OWN_PART: Final = 0.5
"""Part of what a peer allows that is used: what is said again, or comes doubled, has the rest."""

_REQUEST_MAX: Final = 127  # one byte, and the exchange before is long over
_OVERHEAD_BYTES: Final = 12  # of a message around a part, at most


def table_control(request: int, step: TableStep, value: int = 0, data: bytes = b"") -> Outgoing:
    """Return one small message of an exchange, ready to be queued."""
    return [(Priority.CONTROL, Table(request, int(step), value, data))]


class TableLink:
    """What one link may cost in tables, either way, and the numbers of its exchanges.

    Who begins and answers only as `may_begin` and `room_s` say is never refused for its rate,
    however often it would like to: an interval is a wish, the rates are the same for all.

    Args:
        dialled: whether we opened the link: then our requests are odd.

    Attributes:
        ended: requests whose late messages are no offence.
    """

    __slots__ = ("_answers", "_begins", "_bytes", "_dialled", "_made", "_next", "_offers", "ended")

    def __init__(self, dialled: bool) -> None:
        self._dialled = dialled
        self._next = 1 if dialled else 2
        self._offers = Bucket(TABLE_OFFERS_RATE, TABLE_OFFERS_BURST)
        self._answers = Bucket(TABLE_OFFERS_RATE, TABLE_OFFERS_BURST)
        self._bytes = Bucket(TABLE_IN_RATE, TABLE_IN_BURST)
        self._begins = Bucket(OWN_PART * TABLE_OFFERS_RATE, OWN_PART * TABLE_OFFERS_BURST)
        self._made = Bucket(OWN_PART * TABLE_IN_RATE, OWN_PART * TABLE_IN_BURST)
        self.ended: set[int] = set()

    def next_request(self) -> int:
        """Return the number of an exchange that we begin."""
        request = self._next
        self._next = request + 2 if request + 2 <= _REQUEST_MAX else 2 - self._dialled
        self.ended.discard(request)
        return request

    def is_ours(self, request: int) -> bool:
        """Return whether a number is one of those that we begin with."""
        return request % 2 == self._dialled

    def may_begin(self, now: float) -> bool:
        """Return whether the peer hears of an exchange now without finding it too often."""
        return self._begins.available(now) >= 1.0 and self.room_s(now) <= 0.0

    def room_s(self, now: float) -> float:
        """Return after how many seconds there is room for a table of any length."""
        missing = TABLE_BYTES_MAX - self._made.available(now)
        return max(missing / self._made.rate, 0.0)

    def begins(self, now: float) -> None:
        """Count an offer that begins an exchange."""
        self._begins.take(now)

    def gives(self, n_bytes: int, now: float) -> None:
        """Count an own table that the peer will have."""
        self._made.take(now, n_bytes)

    def heard(self, message: Table, now: float) -> None:
        """Count what came.

        Raises:
            RemoteProtocolError: RATE: more offers or bytes than anybody needs to send.
        """
        if message.step == TableStep.OFFER:
            offers = self._answers if self.is_ours(message.request) else self._offers
            if not offers.take(now):
                raise RemoteProtocolError(Violation.RATE, "tables are offered too often")
        if message.step == TableStep.PART and not self._bytes.take(now, len(message.data)):
            raise RemoteProtocolError(Violation.RATE, "more bytes of tables than anybody needs")


class Exchange(Generic[T]):
    """One exchange with one peer, over one link or several after each other.

    Args:
        peer: with whom.
        mine: the own table, frozen until this is over.
        read: checks a whole body against its header and returns what it is; raises
            VerificationError.
        request: its number on the present link.
        now: unix seconds.

    Attributes:
        theirs: header of the peer's table; None before it came.
        table: what ``read`` made of the peer's body; None before it is whole.
        suspended: whether the link is gone; it may come back.
        met: whether the peer's offer came over the present link.
    """

    def __init__(
        self,
        peer: bytes,
        mine: SignedTable,
        read: Callable[[TableHeader, bytes], T],
        *,
        request: int,
        now: float,
    ) -> None:
        self.peer = peer
        self.mine = mine
        self.request = request
        self.theirs: TableHeader | None = None
        self.table: T | None = None
        self.suspended = False
        self._read = read
        self._body = bytearray()  # what came of it; empty again once it is read
        self._n_held = 0
        self.met = False
        self._confirmed = -1  # bytes of mine that the peer said it has; -1: has not asked yet
        self._sent = 0
        self._made_bytes = 0
        self._begun_at = self._moved_at = self._asked_at = now
        self._n_retries = 0

    @property
    def done(self) -> bool:
        """Whether both sides hold the other's table: take it in."""
        return self.table is not None and self._confirmed == len(self.mine.body)

    def offer(self) -> Outgoing:
        """Return the own offer."""
        return table_control(self.request, TableStep.OFFER, data=self.mine.offer)

    def receipt(self) -> Outgoing:
        """Say how much of the peer's body is here; all of it: that it is whole and verified."""
        return table_control(self.request, TableStep.HAVE, self._n_held)

    def over(self, request: int, now: float) -> None:
        """Go on under another number: the link is new, or the peer asks again."""
        self.request = request
        self.suspended = self.met = False
        self._confirmed, self._sent = -1, 0
        self._moved(now)

    def cut(self, now: float) -> None:
        """Wait for the link to come back."""
        self.suspended = True
        self._moved_at = now

    def is_other(self, header: TableHeader) -> bool:
        """Return whether the peer offered another table over this link before."""
        known = self.theirs if self.met else None
        return known is not None and known.body_hash != header.body_hash

    def meet(self, header: TableHeader, now: float) -> Outgoing:
        """Take the peer's offer, verified already, and say how much of it is here.

        Raises:
            RemoteProtocolError: STATE: it offered another one before.
        """
        if self.is_other(header):
            raise RemoteProtocolError(Violation.STATE, "two tables in one exchange")
        if self.theirs is not None and header.body_hash != self.theirs.body_hash:
            self._body.clear()  # it holds the one from before the cut no more
            self._n_held, self.table = 0, None
        self.theirs = header
        self.met = True
        self._moved(now)
        return self.receipt()

    def receive(self, message: Table, credit: Credit, now: float) -> Outgoing:
        """Take HAVE or PART and return what to send; nothing counts before the offer.

        Raises:
            RemoteProtocolError: the exchange is over; nothing of it may be taken in.
        """
        if not self.met:
            return []  # its offer got lost; ours, said again, brings another
        if message.step == TableStep.HAVE:
            return self._on_have(message.value, credit, now)
        return self._on_part(message.value, message.data, now)

    def flow(self, credit: Credit) -> Outgoing:
        """Return the parts that may be sent now."""
        out: Outgoing = []
        body = self.mine.body
        if self._confirmed < 0:
            return out
        while self._sent < len(body) and credit.left > 0:
            data = body[self._sent : self._sent + TABLE_PART_BYTES]
            part = Table(self.request, int(TableStep.PART), self._sent, data)
            out.append((Priority.BULK, part))
            credit.left -= padded_length(len(data) + _OVERHEAD_BYTES)
            self._sent += len(data)
            self._made_bytes += len(data)
        return out

    # -- time ---------------------------------------------------------------------------

    def next_deadline(self) -> float:
        """Return when `on_timer` wants to be called, unix seconds."""
        patience_s = RESUME_S if self.suspended else RETRY_S
        return min(self._moved_at + patience_s, self._begun_at + EXCHANGE_MAX_S)

    def on_timer(self, now: float) -> Outgoing:
        """Say again what the peer may have missed.

        Raises:
            RemoteProtocolError: SILENCE: it was said often enough, or it takes too long.
        """
        if now < self.next_deadline() or self.suspended:
            return []
        if self._n_retries >= RETRIES_MAX or now >= self._begun_at + EXCHANGE_MAX_S:
            raise RemoteProtocolError(Violation.SILENCE, "an exchange of tables was not finished")
        self._n_retries += 1
        self._moved_at = now
        return self.receipt() if self.met else self.offer()

    def _moved(self, now: float) -> None:
        self._moved_at = now
        self._n_retries = 0

    # -- what comes ---------------------------------------------------------------------

    def _on_have(self, n: int, credit: Credit, now: float) -> Outgoing:
        # More than was sent in this exchange is no lie: a table that did not change may have
        # come in an earlier one, which one side forgot. To claim it gains a peer nothing: it
        # need not take in what it has.
        size = len(self.mine.body)
        if n > size or (n % TABLE_PART_BYTES and n != size):
            raise RemoteProtocolError(
                Violation.STATE, f"{n} bytes of a table of {size}, which ends no part"
            )
        if n < self._confirmed:
            return []  # overtaken by a later one
        if n == self._confirmed and now - self._asked_at < RETRY_S / 2:
            return []  # it came twice: nobody asks again so soon
        if n == self._confirmed or self._confirmed < 0:  # asked again: send from there again
            self._sent = n
        self._asked_at = now
        if n != self._confirmed:
            self._moved(now)
        self._confirmed = n
        if self._made_bytes > SENT_AGAIN * size:
            raise RemoteProtocolError(Violation.RATE, "a table is asked for again and again")
        return self.flow(credit)

    def _on_part(self, offset: int, data: bytes, now: float) -> Outgoing:
        header = self.theirs
        assert header is not None  # it was met
        size = len(data)
        if offset + size <= self._n_held or offset > self._n_held:
            return []  # sent again because our receipt was late, or one before it was lost
        if offset != self._n_held:
            raise RemoteProtocolError(
                Violation.STATE, f"a part from byte {offset} where {self._n_held} is next"
            )
        if size != min(TABLE_PART_BYTES, header.body_bytes - offset):
            raise RemoteProtocolError(
                Violation.STATE, f"a part of {size} bytes: only the last may be short, none long"
            )
        self._body += data
        self._n_held += size
        self._moved(now)
        if self._n_held == header.body_bytes:
            self._finish(header)
            return self.receipt()
        n_parts = self._n_held // TABLE_PART_BYTES
        return self.receipt() if n_parts % HAVE_EVERY == 0 else []

    def _finish(self, header: TableHeader) -> None:
        """Verify and read the whole body; keep only what it says."""
        body = bytes(self._body)
        self._body = bytearray()
        if body_hash(body) != header.body_hash:
            raise RemoteProtocolError(Violation.FORGERY, "a table is not the one that was signed")
        try:
            self.table = self._read(header, body)
        except VerificationError as error:
            raise RemoteProtocolError(Violation.MALFORMED, str(error)) from None
