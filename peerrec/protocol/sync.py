"""Bring two stores together over one link: the session state machine, without any IO.

A session compares, finds the difference, fills it from both sides and compares again;
only equal summaries end it as converged. Nothing before that needs to be right: cursors
and floors are remembered hints, sketches may fail, segments may vanish or be refused,
and a cut at any point leaves two stores that the next session brings together. One
session at a time on a link; whoever dialled has odd requests and goes first where both
begin at once.

What may come when is a table, `peerrec.protocol.sync_states.LEGAL`; who leads is
`Initiator`, who answers `Responder`, and what both may ask of each other `Exchange`.

Example:
    >>> from peerrec.testing.sync_pair import MemoryShelf, SyncPair
    >>> pair = SyncPair(MemoryShelf(bytes(16)), MemoryShelf(bytes(16)))
    >>> pair.session(now=1.8e9).converged, pair.links[0].busy
    (True, False)
"""

from __future__ import annotations

import math
from typing import Final, TypeGuard

from peerrec.errors import LocalProtocolError, RemoteProtocolError
from peerrec.limits import (
    CREDIT_BYTES,
    SESSION_BURST,
    SESSION_EVERY_S,
    SESSION_REFUSALS_MAX,
    SESSION_SILENCE_S,
    SESSION_WORK_MAX,
    SESSION_WORK_RATE,
)
from peerrec.protocol.messages import Message, Purpose, Ranges, Status, StatusCode, Summary
from peerrec.protocol.rates import Bucket
from peerrec.protocol.sync_asking import control
from peerrec.protocol.sync_initiator import Initiator
from peerrec.protocol.sync_memory import PeerMemory
from peerrec.protocol.sync_responder import Responder
from peerrec.protocol.sync_shelf import Outgoing, Shelf, SyncResult
from peerrec.protocol.sync_states import State, kind_of
from peerrec.protocol.sync_transfer import Credit
from peerrec.protocol.sync_view import LOG_NAME_BYTES, LinkKeys, read_log_name
from peerrec.protocol.violations import Violation

__all__ = ["PeerMemory", "Shelf", "SyncLink", "SyncResult"]

_REQUEST_MAX: Final = 127
"""Largest request used: it stays one byte, and the previous session is long over."""

_CROSSED_S: Final = 2
"""Seconds after which to try again where both sides began at once."""


class SyncLink:
    """The sessions of one link, one after the other.

    Args:
        shelf: what is held here.
        dialled: whether we opened the link.
        key: 32 bytes that both ends of the channel, and nobody else, know.
        peer_store_tag: from the peer's HELLO.
        memory: of the peer; changed in place, to be kept by the caller.
        credit: bytes of bulk from the peer's HELLO.

    Attributes:
        memory: as given.
        last_result: of the last session that ended; None before the first.
    """

    def __init__(
        self,
        shelf: Shelf,
        *,
        dialled: bool,
        key: bytes,
        peer_store_tag: bytes,
        memory: PeerMemory,
        credit: int = CREDIT_BYTES,
    ) -> None:
        memory.meet(peer_store_tag)
        self.memory = memory
        self.last_result: SyncResult | None = None
        self._shelf = shelf
        self._dialled = dialled
        self._keys = LinkKeys.derive(key)
        self._credit = Credit(credit)
        self._session: Initiator | Responder | None = None
        self._next_request = 1 if dialled else 2
        self._ended: set[int] = set()
        self._sketches = Bucket(1.0 / SESSION_EVERY_S, SESSION_BURST)
        self._work = Bucket(SESSION_WORK_RATE, SESSION_WORK_MAX)
        self._n_refused = 0
        self._moved_at = 0.0

    @property
    def credit(self) -> Credit:
        """What the peer takes in bulk, shared by all that sends it over this link."""
        return self._credit

    @property
    def busy(self) -> bool:
        """Whether a session is going on."""
        return self._session is not None

    def start(self, now: float) -> Outgoing:
        """Begin a session and return its first messages.

        Raises:
            LocalProtocolError: one is going on; see `busy`.
        """
        if self._session is not None:
            raise LocalProtocolError("a session is going on; wait until the link is not busy")
        request = self._next_request
        self._next_request = request + 2 if request + 2 <= _REQUEST_MAX else 2 - self._dialled
        self._ended.discard(request)
        session = Initiator(
            self._shelf, self.memory, self._keys, request, self._credit, self._work, now
        )
        self._session = session
        self._moved_at = now
        return session.start()

    def receive(self, message: Message, now: float) -> Outgoing:
        """Take a message with a request other than 0 and return what to send.

        Raises:
            RemoteProtocolError: the peer broke a rule; the session is over, and nothing
                of the message has been kept.
        """
        try:
            return self._receive(message, now)
        except RemoteProtocolError:
            self._end(now)
            raise

    def grant(self, n_bytes: int, now: float) -> Outgoing:
        """Note credit that the peer granted and return the segments it sets free."""
        self._credit.grant(n_bytes)
        if self._session is None:
            return []
        self._moved_at = now
        return self._session.granted()

    def next_deadline(self) -> float:
        """Return when `on_timer` wants to be called, unix seconds; infinity for never."""
        return self._moved_at + SESSION_SILENCE_S if self._session is not None else math.inf

    def on_timer(self, now: float) -> Outgoing:
        """End a session in which nothing has moved for too long.

        Raises:
            RemoteProtocolError: SILENCE: the peer owes an answer.
        """
        session = self._session
        if session is None or now < self.next_deadline():
            return []
        owed = isinstance(session, Initiator) or session.exchange.waits
        self._end(now)
        if owed:
            raise RemoteProtocolError(
                Violation.SILENCE, f"no answer in a session for {SESSION_SILENCE_S:.0f} s"
            )
        return []

    # -- which session a message belongs to ----------------------------------------------

    def _receive(self, message: Message, now: float) -> Outgoing:
        session = self._session
        ours = message.request % 2 == self._dialled
        if session is not None and session.request == message.request:
            out = session.receive(message, now)
        elif isinstance(message, Summary) and message.request and not ours:
            return self._open(message, now)
        elif is_floor_note(message) and message.request and not ours:
            self._hear_floors(message)  # comes before the SUMMARY that opens the session
            return []
        elif message.request in self._ended:
            return []  # the rest of a session that ended early
        else:
            raise RemoteProtocolError(
                Violation.STATE, f"{kind_of(message)} of session {message.request}, which is not on"
            )
        self._moved_at = now
        self._settle(session)
        return out

    def _open(self, summary: Summary, now: float) -> Outgoing:
        if isinstance(self._session, Initiator):
            fresh = self._session.state is State.OPENING and self._session.result.rounds == 1
            if self._dialled or not fresh:
                return control(Status(summary.request, StatusCode.BUSY, _CROSSED_S))
        self._end(now)
        self._ended.discard(summary.request)
        responder = Responder(
            self._shelf,
            self.memory,
            self._keys,
            summary,
            self._credit,
            self._work,
            self._sketches,
            now,
        )
        self._session = responder
        self._moved_at = now
        out = responder.receive(summary, now)
        self._n_refused = self._n_refused + 1 if responder.refused else 0
        if self._n_refused > SESSION_REFUSALS_MAX:
            raise RemoteProtocolError(Violation.RATE, "sessions in spite of BUSY, again and again")
        self._settle(responder)
        return out

    def _hear_floors(self, message: Ranges) -> None:
        """Note what the peer wants again before it begins a session."""
        if not message.entries:
            self.memory.forget_floors()
        for run in message.entries:
            if len(run.log) == LOG_NAME_BYTES:
                self.memory.hear(read_log_name(run.log), run.floor)

    def _settle(self, session: Initiator | Responder) -> None:
        """Take note if a session is over."""
        if session.state is State.OVER:
            self.last_result = session.result
            self._ended.add(session.request)
            self._session = None

    def _end(self, now: float) -> None:
        """Break the session off."""
        if self._session is not None:
            self._session.close(now)
            self._settle(self._session)


def is_floor_note(message: Message) -> TypeGuard[Ranges]:
    """Return whether a message only tells floors."""
    return isinstance(message, Ranges) and message.purpose == Purpose.UNWANTED
