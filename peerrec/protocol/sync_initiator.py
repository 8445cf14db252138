"""Lead a session: compare, find the difference the cheapest way, fill it, compare again.

The initiator alone decides what happens next; the responder answers and asks back.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from peerrec.errors import RemoteProtocolError
from peerrec.limits import DAY_S, SESSION_ROUNDS_MAX
from peerrec.protocol.effects import Priority
from peerrec.protocol.frontier import Log
from peerrec.protocol.messages import (
    Gone,
    Message,
    Proof,
    Purpose,
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
from peerrec.protocol.riblt import Decoder, Encoder, parse_elements
from peerrec.protocol.sync_asking import PAGE, control
from peerrec.protocol.sync_estimate import cheaper_as_logs, difference, next_count
from peerrec.protocol.sync_exchange import Exchange
from peerrec.protocol.sync_memory import PeerMemory
from peerrec.protocol.sync_shelf import Means, Outgoing, Shelf, SyncResult
from peerrec.protocol.sync_states import State, check
from peerrec.protocol.sync_transfer import Credit
from peerrec.protocol.sync_view import LinkKeys, View, read_log_name
from peerrec.protocol.violations import Violation

__all__ = ["Initiator"]

_FEW: Final = 2
"""Segments that the first symbols find anyway: a cursor would save nothing."""

_OFFERED_MAX: Final = 64
"""Fresh segments offered unseen: of more, too many may have come from the peer itself."""

_KNOWS_LITTLE: Final = 8
"""With fewer than an eighth of the peer's logs, ask for their names at once."""


class Initiator:
    """One session that this side began.

    Attributes:
        request: its number.
        state: see `peerrec.protocol.sync_states`.
        result: filled in as it goes; final once the state is OVER.
    """

    def __init__(
        self,
        shelf: Shelf,
        memory: PeerMemory,
        keys: LinkKeys,
        request: int,
        credit: Credit,
        work: Bucket,
        now: float,
    ) -> None:
        self.request = request
        self.state = State.OPENING
        self.result = SyncResult()
        self.view = View(shelf, memory, keys, int(now // DAY_S), initiator=True)
        self.exchange = Exchange(self.view, request, credit, work)
        self._began = now
        self._facts: SketchFacts | None = None
        self._decoder: Decoder | None = None
        self._encoder: Encoder | None = None
        self._counts = bytearray()
        self._list: list[int] = []
        self._named: set[Log] | None = None
        self._n_named = 0
        self._n_sketches = 0
        self._since_tried = False
        self._agreed = 0
        self._outstanding = 0
        self._before: tuple[tuple[Means, int, SketchFacts | tuple[int, ...]], int] | None = None

    def close(self, now: float) -> None:
        """Break the session off where it stands."""
        self._finish(now, outstanding=self._outstanding)

    # -- opening and closing -----------------------------------------------------------

    def start(self) -> Outgoing:
        """Return the first messages."""
        out = self.exchange.tell_floors(self.view.retractions())
        self.result.rounds = 1
        return out + self._summary()

    def _summary(self) -> Outgoing:
        self.state = State.OPENING
        self.view.refresh()
        # Not before the bulk that it sums up.
        sent = self.exchange.transfer.n_sent
        priority = Priority.BULK if sent else Priority.CONTROL
        return [(priority, Summary(self.request, self.view.day, self.view.root()))]

    def _finish(self, now: float, *, converged: bool = False, outstanding: int = 0) -> Outgoing:
        self.state = State.OVER
        result = self.result
        result.converged = converged
        result.outstanding = outstanding
        result.segments_in = self.exchange.n_new
        result.segments_out = self.exchange.transfer.n_sent
        result.seconds = now - self._began
        return []

    def _give_up(self, now: float, outstanding: int) -> Outgoing:
        self._finish(now, outstanding=outstanding)
        return control(Status(self.request, StatusCode.OUTSTANDING, outstanding))

    # -- what comes --------------------------------------------------------------------

    def receive(self, message: Message, now: float) -> Outgoing:
        """Return what to send after a message of this session."""
        check(self.state, message)
        out = self._handle(message, now)
        if self.state is State.FILLING:
            out += self.flow()
            if self.exchange.quiet:
                out += self._summary()
        if out:
            self.result.rounds += 1
        return out

    def flow(self) -> Outgoing:
        """Return the segments that credit allows to send now."""
        return self.exchange.transfer.flow()

    def granted(self) -> Outgoing:
        """Return what to send after credit was granted."""
        out = self.flow()
        if self.state is State.FILLING and out and self.exchange.quiet:
            out += self._summary()
        return out

    def _handle(self, message: Message, now: float) -> Outgoing:
        exchange = self.exchange
        if isinstance(message, Status):
            return self._on_status(message, now)
        if isinstance(message, Sketch):
            return self._on_list(message, now) if message.level else self._on_sketch(message, now)
        if isinstance(message, Ranges):
            out = exchange.on_ranges(message, now)
            return out + self._after_names(message) if message.purpose == Purpose.NAMED else out
        if isinstance(message, Want):
            return exchange.on_want(message, now)
        if isinstance(message, Push):
            return exchange.on_push(message, now)
        if isinstance(message, Proof):
            return exchange.on_proof(message, now)
        assert isinstance(message, Gone), "the table of states let it through"
        return []

    def _on_status(self, message: Status, now: float) -> Outgoing:
        if message.code == StatusCode.DONE:
            return self.exchange.on_done(message)
        if message.code == StatusCode.CONVERGED:
            # All that had arrived there by then, and is wanted, is here.
            self.view.memory.cursor = message.value
            return self._finish(now, converged=True)
        if message.code == StatusCode.BUSY:
            self.result.retry_s = message.value
        return self._finish(now, outstanding=self._outstanding)

    # -- finding the difference --------------------------------------------------------

    def _on_sketch(self, message: Sketch, now: float) -> Outgoing:
        if self.state is State.OPENING:
            if message.facts is None or message.start:
                raise RemoteProtocolError(Violation.STATE, "a sketch must begin with its facts")
            self._facts = message.facts
            self._decoder = None
            self._counts.clear()
            if self._has_compared_enough():
                return self._give_up(now, self._outstanding)
            if (cursor := self._useful_cursor(message.facts)) is not None:
                return self._ask_since(cursor, message.facts)
            if self._knows_little(message.facts):
                return self._ask_names()
        elif message.facts is not None or message.start != len(self._counts):
            raise RemoteProtocolError(Violation.STATE, "symbols other than those asked for")
        return self._decode(message.data, now)

    def _has_compared_enough(self) -> bool:
        self._n_sketches += 1
        return self._n_sketches > SESSION_ROUNDS_MAX

    def _useful_cursor(self, facts: SketchFacts) -> int | None:
        """Return the cursor if nearly all that arrived there since is missing here."""
        cursor = self.view.memory.cursor
        if cursor is None or self._since_tried or facts.arrival < cursor:
            return None
        n_arrived = facts.arrival - cursor
        net = facts.n_segments - len(self.view.elements.values)
        return cursor if n_arrived > _FEW and n_arrived <= 1.25 * net + 8 else None

    def _ask_since(self, cursor: int, facts: SketchFacts) -> Outgoing:
        """Ask for what arrived there since; offer what arrived here since the peer's cursor."""
        self._since_tried = True
        self._by(Means.SINCE)
        self.state = State.FILLING
        out = self.exchange.ask_since(cursor)
        if facts.since is not None:
            frontier = self.view.shelf.frontier
            fresh = frontier.arrivals_since(facts.since, self.view.day)
            if 0 < len(fresh) <= _OFFERED_MAX:
                out += self.exchange.offer_elements([self.view.element(*ref) for ref in fresh])
        return out

    def _knows_little(self, facts: SketchFacts) -> bool:
        n_logs = len(self.view.shelf.frontier.logs())
        return facts.n_logs > _KNOWS_LITTLE * n_logs and self._n_sketches == 1

    def _decode(self, data: bytes, now: float) -> Outgoing:
        if self._decoder is None:
            self._encoder = Encoder(self.view.elements.values, self.view.keys.sketch)
            self._decoder = Decoder(self._encoder, self.view.keys.sketch)
        self._counts += data[12::13]
        if self._decoder.add(data):
            self._by(Means.SYMBOLS)
            return self._fill(self._decoder, now)
        return self._more_symbols()

    def _more_symbols(self) -> Outgoing:
        assert self._encoder is not None, "only after a sketch"
        assert self._facts is not None, "only after a sketch"
        n = len(self._counts)
        theirs = np.frombuffer(bytes(self._counts), np.uint8)
        net = self._facts.n_segments - len(self.view.elements.values)
        estimate = difference(self._encoder.cells.counts[:n], theirs, net)
        count = next_count(estimate, n, net)
        if not count or cheaper_as_logs(estimate, n, net, self._facts.n_logs):
            self.state = State.LISTING
            self._list.clear()
            return control(Want(self.request, WantKind.LOGS))
        self.state = State.DECODING
        return control(Want(self.request, WantKind.SYMBOLS, n, count))

    def _by(self, means: Means) -> None:
        self.result.levels = (*self.result.levels, means)

    # -- filling it --------------------------------------------------------------------

    def _fill(self, decoder: Decoder, now: float) -> Outgoing:
        theirs, ours = decoder.remote_only.tolist(), decoder.local_only.tolist()
        if (end := self._hopeless(len(theirs) + len(ours), now)) is not None:
            return end
        self.state = State.FILLING
        todo = self.exchange.sort_out(theirs)
        return (
            todo.first
            + self.exchange.ask_elements(todo.ask)
            + self.exchange.ask_names(todo.unknown)
            + self.exchange.offer_elements(ours)
        )

    def _hopeless(self, outstanding: int, now: float) -> Outgoing | None:
        """Return how to go on where there is nothing to fill, or no use; None otherwise."""
        if not outstanding:
            return self._agree(now)
        # Stuck: compared in the same way as before, nothing has changed on either side.
        theirs = self._facts or tuple(self._list)
        versions = (self.result.levels[-1], self.view.shelf.frontier.version, theirs)
        before = self._before
        stuck = before is not None and before[0] == versions and outstanding >= before[1]
        self._before = (versions, outstanding)
        self._outstanding = outstanding
        return self._give_up(now, outstanding) if stuck else None

    def _agree(self, now: float) -> Outgoing:
        """Go on where the roots differ and the frontiers do not.

        Either something arrived in between, or the sides remember different floors:
        then both forget theirs.
        """
        self._agreed += 1
        if self._agreed > 2:
            return self._give_up(now, 0)
        out = self.exchange.forget_floors() if self._agreed == 2 else []
        return out + self._summary()

    def _on_list(self, message: Sketch, now: float) -> Outgoing:
        if self.state is State.OPENING:  # the peer has few logs and lists them unasked
            self._facts = None
            self._list.clear()
            if self._has_compared_enough():
                return self._give_up(now, self._outstanding)
        if message.start != len(self._list) or message.facts is not None:
            raise RemoteProtocolError(Violation.STATE, "another part of the list than asked for")
        page = parse_elements(message.data).tolist()
        self._list += page
        more = self._facts is not None and len(self._list) < self._facts.n_logs
        if more and len(page) >= PAGE:
            return control(Want(self.request, WantKind.LOGS, len(self._list)))
        self._by(Means.LOGS)
        return self._fill_logs(now)

    def _fill_logs(self, now: float) -> Outgoing:
        theirs = {element >> 32: element for element in self._list}
        ours = self.view.log_elements()
        different = [
            tag for tag, element in theirs.items() if tag in ours and ours[tag][1] != element
        ]
        foreign = [tag for tag in theirs if tag not in ours]
        alone = [log for tag, (log, _) in ours.items() if tag not in theirs]
        count = len(different) + len(foreign) + len(alone)
        if (end := self._hopeless(count, now)) is not None:
            return end
        self.state = State.FILLING
        logs = [ours[tag][0] for tag in different]
        logs += [log for tag in foreign for log in self.view.behind(tag)]
        logs.sort(key=lambda log: -self.view.shelf.merit(log[0]))
        stale = any(self.view.hides_fork(log) for log in logs)
        floors = [run for log in logs if (run := self.view.tell_floor(log)) is not None]
        unknown = [tag for tag in foreign if not self.view.behind(tag)]
        return (
            (self.exchange.forget_floors() if stale else [])
            + self.exchange.tell_floors(floors)
            + self.exchange.tell_held(logs)
            + self.exchange.ask_names(unknown)
            + self.exchange.offer_logs(alone)
        )

    def _ask_names(self) -> Outgoing:
        self._by(Means.NAMES)
        self.state = State.FILLING
        self._named = set()
        self._n_named = 0
        return self.exchange.ask_all_names(0)

    def _after_names(self, message: Ranges) -> Outgoing:
        """Return the question for the next page of names; after the last, what only we have."""
        if self._named is None:
            return []
        assert self._facts is not None, "only after a sketch"
        self._named |= {read_log_name(run.log) for run in message.entries}
        self._n_named += len(message.entries)
        if message.entries and self._n_named < self._facts.n_logs:
            return self.exchange.ask_all_names(self._n_named)
        named, self._named = self._named, None
        alone = [log for log, _ in self.view.log_elements().values() if log not in named]
        return self.exchange.offer_logs(alone)
