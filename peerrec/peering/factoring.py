"""Exchange tables of factors with partners, one exchange at a time.

Nothing is computed and nothing but a few numbers held before a peer with the feature is linked
and an exchange begins. What an exchange is, is in `peerrec.protocol.exchange`; with whom, in
`peerrec.peering.factor_partners`; what becomes of the tables, in `peerrec.peering.factor_state`.

Measured at 10,000 rows (``peerrec bench factors --only row``): a table of the length that nodes
use has 282 KB, and making, comparing and averaging it takes some 15 ms. A node that exchanged
nothing holds 0.6 KB for this. At 5 % loss of messages none of 1,297 exchanges of two nodes was
completed by one side alone.
"""

from __future__ import annotations

import logging
import math
from collections import Counter
from collections.abc import Callable
from typing import Final

import numpy as np

from peerrec.errors import RemoteProtocolError, StoreError
from peerrec.limits import CLOCK_SKEW_S, MINUTE_S
from peerrec.peering.factor_partners import Partners
from peerrec.peering.factor_receipts import Receipts
from peerrec.peering.factor_state import DIM, FRAME, FactorState, read_table
from peerrec.peering.link import Link
from peerrec.peering.settings import NodeSettings
from peerrec.peering.standing import Standing
from peerrec.peering.status import FactorStatus
from peerrec.peering.switchboard import Switchboard
from peerrec.protocol.chance import uniform
from peerrec.protocol.exchange import Exchange, TableLink, table_control
from peerrec.protocol.identity import Signer, Verifier
from peerrec.protocol.messages import Profile, Table, TableStep
from peerrec.protocol.sync_shelf import Outgoing
from peerrec.protocol.table_offer import (
    TableHeader,
    TableRules,
    open_offer,
    sign_table,
)
from peerrec.protocol.violations import Violation
from peerrec.ranking.factor_table import FactorTable
from peerrec.store import RawId, Store

__all__ = ["Factoring"]

JITTER: Final = (0.5, 1.5)
"""Range of a wait between two exchanges that a node begins, in means: nobody is in step."""

SOON: Final = (0.05, 0.15)
"""Range of the wait after a partner said no, or a link came late, in means."""

BATTERY_FACTOR: Final = 3.0
"""How much more seldom a node on battery begins an exchange; it is never asked for one."""

BUSY_S: Final = 30
"""Seconds after which a node that is in another exchange may be asked again."""

CLOCKS_S: Final = CLOCK_SKEW_S - MINUTE_S
"""How far clocks may differ, as HELLO shows them: else each would call the other's table old."""

log = logging.getLogger("peerrec")


class Factoring:
    """A node's part in the exchange of tables.

    Args:
        store: records, and what is served.
        me: raw id of its person.
        signer: signs the own tables.
        verifier: of others'.
        network: 16 bytes.
        standing: merit of peers.
        switchboard: the links.
        settings: how often, how much.
        counters: of the node.
        rng: where chance comes from.
        offended: told of a link whose silence ended an exchange.

    Attributes:
        state: the table.
        exchange: the one that goes on; None between two.
    """

    def __init__(
        self,
        store: Store,
        me: RawId,
        signer: Signer,
        verifier: Verifier,
        network: bytes,
        standing: Standing,
        switchboard: Switchboard,
        settings: NodeSettings,
        counters: Counter[str],
        rng: np.random.Generator,
        offended: Callable[[Link, RemoteProtocolError, float], None],
    ) -> None:
        # What only this key can sign is as good as a secret of its own, and needs no keeping.
        self.state = FactorState(store, me, settings, signer.sign(b"peerrec/1/disguise")[:64])
        self.exchange: Exchange[FactorTable] | None = None
        self._signer = signer
        self._rules = TableRules(network, verifier, FRAME, DIM)
        self._standing = standing
        self._switchboard = switchboard
        self._counters = counters
        self._rng = rng
        self._offended = offended
        battery = settings.profile is Profile.BATTERY
        self._every_s = settings.factor_every_s * (BATTERY_FACTOR if battery else 1.0)
        self._rest_s = settings.factor_rest_s
        self._partners = Partners(settings.factor_every_s)
        self._able: dict[bytes, TableLink] = {}
        self._receipts = Receipts()
        self._begun = False
        self._next_at = -math.inf
        self._rests_until = -math.inf

    def figures(self) -> FactorStatus:
        """Return how it stands."""
        state = self.state
        return FactorStatus(state.exchanges, state.epoch, state.rows, state.version)

    def rest(self, rest_s: float) -> None:
        """Rest so long after averaging to the end, from the next time on."""
        self._rest_s = rest_s

    # -- links --------------------------------------------------------------------------

    def link_up(self, link: Link, now: float) -> None:
        """Take note of a link, and go on with an exchange that was cut."""
        if not link.has_factors:
            return
        if self._next_at == -math.inf:
            self._rng = self._rng.spawn(1)[0]  # the node's own chance is left as it was
            self._wait(JITTER, now)
        elif self._next_at < now:
            self._wait(SOON, now)
        self._able[link.peer] = TableLink(link.dialled)
        self._receipts.link_up(link.peer)
        self._partners.linked(link.peer, now)
        exchange = self.exchange
        if exchange is not None and exchange.peer == link.peer:
            if not exchange.suspended:  # the link before it was replaced without a word
                exchange.cut(now)
            self._begun = True  # whoever began it: the peer may be done, and remembers
            exchange.over(self._able[link.peer].next_request(), now)
            self._switchboard.send_all(link, exchange.offer())

    def link_down(self, peer: bytes, now: float) -> None:
        """Take note that a link ended; an exchange waits a while for the next one."""
        self._able.pop(peer, None)
        if self.exchange is not None and self.exchange.peer == peer:
            self.exchange.cut(now)

    def granted(self, link: Link) -> None:
        """Send what new credit allows."""
        exchange = self._on(link)
        if exchange is not None:
            self._switchboard.send_all(link, exchange.flow(link.sync.credit))

    def _on(self, link: Link) -> Exchange[FactorTable] | None:
        """Return the exchange that goes on over a link."""
        exchange = self.exchange
        if exchange is None or exchange.peer != link.peer or exchange.suspended:
            return None
        return exchange

    # -- time ---------------------------------------------------------------------------

    def next_deadline(self) -> float:
        """Return when to call `on_timer`; infinity where nobody is there to exchange with."""
        begins_at = self._next_at if self._able else math.inf
        return begins_at if self.exchange is None else min(begins_at, self.exchange.next_deadline())

    def on_timer(self, now: float) -> None:
        """Do what is due."""
        self._look_after(now)
        if self._able and now >= self._next_at:
            self._wait(JITTER, now)
            if self.exchange is None and now >= self._rests_until:
                self._begin(now)

    def _look_after(self, now: float) -> None:
        """Go on with an exchange in which nothing moves, or give it up."""
        exchange = self.exchange
        if exchange is None or now < exchange.next_deadline():
            return
        link = self._switchboard.get(exchange.peer)
        if exchange.suspended or link is None:
            self._give_up("lost", now)
            return
        try:
            self._switchboard.send_all(link, exchange.on_timer(now))
        except RemoteProtocolError as error:
            self._give_up("silent", now)
            self._offended(link, error, now)

    def _wait(self, part: tuple[float, float], now: float) -> None:
        self._next_at = now + self._every_s * uniform(self._rng, *part)

    # -- beginning and ending -------------------------------------------------------------

    def _begin(self, now: float) -> None:
        able = [
            link.peer
            for link in self._switchboard
            if link.peer in self._able and not (link.leaving or link.battery) and in_time(link)
        ]
        peer = self._partners.draw(able, self._standing.merit, self._rng)
        link = None if peer is None else self._switchboard.get(peer)
        if link is None:
            return
        traffic = self._able[link.peer]
        if self._partners.is_put_off(link.peer, now):
            self._wait(SOON, now)
            return
        if not traffic.may_begin(now):
            return
        exchange = self._new(link.peer, traffic, traffic.next_request(), now)
        if exchange is not None:
            self._begun = True
            traffic.begins(now)
            self._switchboard.send_all(link, exchange.offer())

    def _new(
        self, peer: bytes, traffic: TableLink, request: int, now: float
    ) -> Exchange[FactorTable] | None:
        """Freeze the own table for an exchange; None where there is nothing to say."""
        try:
            made = self.state.body(self._standing.merit)
        except StoreError as error:
            self._counters["store failures"] += 1
            log.warning("no table could be made: %s", error)
            return None
        if made is None:
            return None
        body, rows = made
        minute = int(now // MINUTE_S)
        mine = sign_table(
            self._signer, self._rules.network, body, frame=FRAME, dim=DIM, rows=rows, minute=minute
        )
        traffic.gives(len(body), now)
        self.exchange = Exchange(peer, mine, read_table, request=request, now=now)
        return self.exchange

    def _give_up(self, why: str, now: float) -> None:
        """End the exchange; the own table is as it was."""
        exchange = self.exchange
        assert exchange is not None
        self.exchange = None
        self._counters[f"exchanges given up: {why}"] += 1
        traffic, link = self._able.get(exchange.peer), self._switchboard.get(exchange.peer)
        if traffic is None or link is None or exchange.suspended:
            return
        traffic.ended.add(exchange.request)
        if why != "declined":
            self._switchboard.send_all(link, table_control(exchange.request, TableStep.NO, BUSY_S))

    def _complete(self, exchange: Exchange[FactorTable], now: float) -> None:
        """Take in the peer's table: both sides have the other's."""
        assert exchange.table is not None  # it is done
        assert exchange.theirs is not None
        self.exchange = None
        self._able[exchange.peer].ended.add(exchange.request)
        self._receipts.note(exchange.peer, exchange.request, exchange.mine, exchange.theirs, now)
        taken = self.state.take_in(exchange.table)
        self._counters["exchanges completed" if taken else "tables that disagree"] += 1
        if self.state.local is None:
            self._rests_until = now + self._rest_s

    # -- messages -----------------------------------------------------------------------

    def on_table(self, link: Link, message: Table, now: float) -> None:
        """Take a step of an exchange.

        Raises:
            RemoteProtocolError: it breaks a rule; an exchange with the peer is over, and
                nothing was taken in.
        """
        try:
            out = self._take(link, message, now)
        except RemoteProtocolError:
            if self._on(link) is not None:
                self._give_up("refused", now)
            raise
        self._switchboard.send_all(link, out)
        exchange = self._on(link)
        if exchange is not None and exchange.done:
            self._complete(exchange, now)

    def _take(self, link: Link, message: Table, now: float) -> Outgoing:
        traffic = self._able.get(link.peer)
        if traffic is None:
            raise RemoteProtocolError(Violation.STATE, "a table without the feature for it")
        traffic.heard(message, now)
        if message.step == TableStep.OFFER:
            return self._on_offer(link, traffic, message, now)
        exchange = self._on(link)
        if exchange is not None and exchange.request == message.request:
            if message.step == TableStep.NO:
                self._partners.put_off(link.peer, message.value, now)
                self._give_up("declined", now)
                self._wait(SOON, now)
                return []
            return exchange.receive(message, link.sync.credit, now)
        return self._late(link, traffic, message, now)

    def _late(self, link: Link, traffic: TableLink, message: Table, now: float) -> Outgoing:
        """Take a step of an exchange that is over, and none of one that never was."""
        ended = message.request in traffic.ended
        if not ended and message.step != TableStep.NO:  # its offer, too, may have been lost
            raise RemoteProtocolError(Violation.STATE, "a step of an exchange that is not on")
        if ended and message.step == TableStep.HAVE:
            out = self._receipts.on_have(link.peer, message)
            if out is not None:
                return out
        link.brought(len(message.data), 0, now)
        return []

    def _on_offer(self, link: Link, traffic: TableLink, message: Table, now: float) -> Outgoing:
        header = open_offer(message.data, self._rules, peer=link.peer, now=now)
        exchange = self.exchange if self._is_with(link.peer) else None
        request = message.request
        if traffic.is_ours(request):
            if exchange is not None and exchange.request == request and self._begun:
                return exchange.meet(header, now)
            if request in traffic.ended:
                return []
            raise RemoteProtocolError(Violation.STATE, "an answer to an offer that is not out")
        out = None if exchange else self._receipts.on_offer(link.peer, header, request)
        if out is not None:
            traffic.ended.add(request)
            return out
        if exchange is not None and exchange.table is not None and exchange.is_other(header):
            # Whoever gives up says no; whoever offers the next table is done with this one.
            self._complete(exchange, now)
        elif exchange is not None:
            return self._on_crossing(link, traffic, exchange, header, request, now)
        traffic.ended.discard(request)
        wait_s = self._wait_s(link, traffic, now)
        answer = None if wait_s else self._new(link.peer, traffic, request, now)
        if answer is None:
            traffic.ended.add(request)
            return table_control(request, TableStep.NO, math.ceil(wait_s) or BUSY_S)
        self._begun = False
        self._partners.answered(link.peer, self._standing.merit.get(link.peer, 0.0) > 0.0, now)
        return answer.offer() + answer.meet(header, now)

    def _on_crossing(
        self,
        link: Link,
        traffic: TableLink,
        exchange: Exchange[FactorTable],
        header: TableHeader,
        request: int,
        now: float,
    ) -> Outgoing:
        """Take an offer where an exchange with the peer is on: whoever dialled goes first."""
        if exchange.request == request and exchange.met:  # it came twice
            return exchange.offer() + exchange.meet(header, now)
        crossed = self._begun and not (exchange.suspended or exchange.met)
        if crossed and link.dialled:
            traffic.ended.add(request)
            return table_control(request, TableStep.NO, BUSY_S)
        if not exchange.suspended:
            traffic.ended.add(exchange.request)
        traffic.ended.discard(request)
        self._begun = False
        exchange.over(request, now)
        return exchange.offer() + exchange.meet(header, now)

    def _is_with(self, peer: bytes) -> bool:
        return self.exchange is not None and self.exchange.peer == peer

    def _wait_s(self, link: Link, traffic: TableLink, now: float) -> float:
        """Return in how many seconds the offer of a peer may be answered; 0 for now."""
        if self.exchange is not None:
            return float(BUSY_S)
        if not in_time(link):
            return self._every_s
        merit = {peer: self._standing.merit.get(peer, 0.0) for peer in self._able}
        return max(self._partners.wait_s(link.peer, merit, now), traffic.room_s(now))


def in_time(link: Link) -> bool:
    """Return whether a peer's clock was about ours when the link began."""
    return abs(link.hello.minute * MINUTE_S - link.up_at) <= CLOCKS_S
