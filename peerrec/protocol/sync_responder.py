"""Serve a session that the peer leads: summaries, sketches, lists; the rest is `Exchange`."""

from __future__ import annotations

from typing import Final

import numpy as np

from peerrec.errors import RemoteProtocolError
from peerrec.limits import COUNT_MAX, DAY_S, SESSION_EVERY_S
from peerrec.protocol.messages import (
    Gone,
    Ihave,
    Level,
    Message,
    Proof,
    Push,
    Ranges,
    Sketch,
    SketchFacts,
    Status,
    StatusCode,
    Summary,
    Want,
    WantKind,
)
from peerrec.protocol.rates import Bucket
from peerrec.protocol.riblt import ELEMENT_BYTES, Encoder, element_bytes
from peerrec.protocol.sync_asking import PAGE, control
from peerrec.protocol.sync_estimate import STEP_MAX
from peerrec.protocol.sync_exchange import Exchange
from peerrec.protocol.sync_memory import PeerMemory
from peerrec.protocol.sync_shelf import Outgoing, Shelf, SyncResult
from peerrec.protocol.sync_states import State, check
from peerrec.protocol.sync_transfer import Credit
from peerrec.protocol.sync_view import LinkKeys, View
from peerrec.protocol.violations import Violation

__all__ = ["Responder"]

FIRST_SYMBOLS: Final = 3
"""Symbols with the facts: one or two differences, in a message of the class of 64 bytes."""

LISTED_LOGS: Final = 32
"""With at most so many logs their list answers a summary at once: 256 bytes save a round trip."""

KNOWN_LOGS: Final = 4 * LISTED_LOGS
"""With more logs, even those that the peer left out, it is not tried: that costs time."""

ROOT_UNITS: Final = 8
"""Work of a root, where much is kept from the last time."""

_BUSY_S: Final = int(SESSION_EVERY_S)


class Responder:
    """One session that the peer began.

    Args:
        work: units of it that this peer may still cause.
        sketches: how many sketches this peer may still have made.

    Attributes:
        request: its number.
        state: SERVING, then OVER.
        refused: whether it ended because the peer asks for too many sketches.
        result: filled in as it goes; final once the state is OVER.
    """

    def __init__(
        self,
        shelf: Shelf,
        memory: PeerMemory,
        keys: LinkKeys,
        summary: Summary,
        credit: Credit,
        work: Bucket,
        sketches: Bucket,
        now: float,
    ) -> None:
        self.request = summary.request
        self.state = State.SERVING
        self.refused = False
        self.result = SyncResult()
        self.view = View(shelf, memory, keys, summary.day, initiator=False)
        self.exchange = Exchange(self.view, summary.request, credit, work)
        self._began = now
        self._sketches = sketches
        self._encoder: Encoder | None = None
        self._n_symbols = 0
        self._list: bytes | None = None

    def receive(self, message: Message, now: float) -> Outgoing:
        """Return what to send after a message of this session."""
        check(self.state, message)
        out = self._handle(message, now)
        if out:
            self.result.rounds += 1
        return out + (self.flow() if self.state is State.SERVING else [])

    def flow(self) -> Outgoing:
        """Return the segments that credit allows to send now."""
        return self.exchange.transfer.flow()

    def granted(self) -> Outgoing:
        """Return what to send after credit was granted."""
        return self.flow()

    def _handle(self, message: Message, now: float) -> Outgoing:
        exchange = self.exchange
        if isinstance(message, Summary):
            return self._on_summary(message, now)
        if isinstance(message, Want):
            if message.kind == WantKind.SYMBOLS:
                return self._symbols(message, now)
            return (
                self._logs(message, now)
                if message.kind == WantKind.LOGS
                else exchange.on_want(message, now)
            )
        if isinstance(message, Ranges):
            return exchange.on_ranges(message, now)
        if isinstance(message, Ihave):
            return exchange.on_ihave(message, now)
        if isinstance(message, Push):
            return exchange.on_push(message, now)
        if isinstance(message, Proof):
            return exchange.on_proof(message, now)
        if isinstance(message, Status):
            return self._on_status(message, now)
        assert isinstance(message, Gone), "the table of states let it through"
        return []

    def close(self, now: float) -> None:
        """Break the session off where it stands."""
        self._finish(now)

    # -- summaries ---------------------------------------------------------------------

    def _on_summary(self, message: Summary, now: float) -> Outgoing:
        self.exchange.charge(now, ROOT_UNITS)
        today = int(now // DAY_S)
        if abs(message.day - today) > 1 or message.day != self.view.day:
            self._finish(now)
            return control(Status(self.request, StatusCode.CLOCK, today))
        floors = self.exchange.tell_floors(self.view.retractions())
        if message.root == self.view.root():
            self._finish(now, converged=True)
            arrival = min(self.view.shelf.last_arrival, COUNT_MAX)
            return floors + control(Status(self.request, StatusCode.CONVERGED, arrival))
        if not self._sketches.take(now):
            self.refused = True
            self._finish(now)
            return control(Status(self.request, StatusCode.BUSY, _BUSY_S))
        return floors + (self._whole_list() or self._sketch())

    def _whole_list(self) -> Outgoing:
        """Return the list of all logs where they are few; nothing where they are not."""
        if len(self.view.shelf.frontier.logs()) > KNOWN_LOGS:
            return []
        elements = self._listed()
        if len(elements) > LISTED_LOGS * ELEMENT_BYTES:
            return []
        self.view.refresh()
        self._encoder = self._list = None
        return control(Sketch(self.request, Level.LOGS, 0, elements))

    def _listed(self) -> bytes:
        elements = sorted(element for _, element in self.view.log_elements().values())
        return element_bytes(np.array(elements, np.uint64))

    def _sketch(self) -> Outgoing:
        self.view.refresh()
        elements = self.view.elements
        self._encoder = Encoder(elements.values, self.view.keys.sketch)
        self._n_symbols = FIRST_SYMBOLS
        self._list = None
        codes = elements.codes
        facts = SketchFacts(
            n_segments=len(elements.values),
            n_logs=int(np.count_nonzero(np.bincount(np.where(codes < 0, -1 - codes, codes)))),
            arrival=self.view.shelf.last_arrival,
            since=self.view.memory.cursor,
        )
        data = self._encoder.symbols(0, FIRST_SYMBOLS)
        return control(Sketch(self.request, Level.SYMBOLS, 0, data, facts))

    def _on_status(self, message: Status, now: float) -> Outgoing:
        if message.code == StatusCode.DONE:
            return self.exchange.on_done(message)
        self._finish(now, outstanding=message.value)
        return []

    def _finish(self, now: float, *, converged: bool = False, outstanding: int = 0) -> None:
        self.state = State.OVER
        result = self.result
        result.converged = converged
        result.outstanding = outstanding
        result.segments_in = self.exchange.n_new
        result.segments_out = self.exchange.transfer.n_sent
        result.seconds = now - self._began

    # -- sketches and lists ------------------------------------------------------------

    def _symbols(self, message: Want, now: float) -> Outgoing:
        self.exchange.charge(now, message.count // 4)
        if self._encoder is None or message.start != self._n_symbols:
            raise RemoteProtocolError(Violation.STATE, "symbols are asked for one after the other")
        count = min(message.count, STEP_MAX)
        self._n_symbols += count
        data = self._encoder.symbols(message.start, count)
        return control(Sketch(self.request, Level.SYMBOLS, message.start, data))

    def _logs(self, message: Want, now: float) -> Outgoing:
        self.exchange.charge(now, PAGE // 8)
        if self._list is None:
            self._list = self._listed()
        page = self._list[message.start * 8 : (message.start + PAGE) * 8]
        return control(Sketch(self.request, Level.LOGS, message.start, page))
