"""Answer what a side may ask in a session: both sides answer alike, whoever began.

`Exchange.quiet` says when nothing is open in either direction; see
`peerrec.protocol.sync_asking` for what ends a question.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

import numpy as np

from peerrec.errors import RemoteProtocolError, VerificationError
from peerrec.protocol.bundle import unpack
from peerrec.protocol.elements import FORK
from peerrec.protocol.frontier import EVERYTHING, Log
from peerrec.protocol.messages import (
    Gone,
    Ihave,
    Proof,
    Purpose,
    Push,
    Ranges,
    Run,
    Status,
    Want,
    WantKind,
)
from peerrec.protocol.rates import Bucket
from peerrec.protocol.riblt import element_bytes, parse_elements
from peerrec.protocol.segment import Segment
from peerrec.protocol.sync_asking import PAGE, Asking, control, pages
from peerrec.protocol.sync_ranges import expand, n_missing, not_in, runs_of
from peerrec.protocol.sync_shelf import Outgoing
from peerrec.protocol.sync_transfer import Credit, newest_first
from peerrec.protocol.sync_view import View, log_name, read_log_name
from peerrec.protocol.violations import Violation

__all__ = ["Exchange", "Sorted"]

IDS_MAX: Final = 8_000
"""Segments of one log whose ids are told at once: 32 KB; older ones another time."""

QUESTION_UNITS: Final = 8
"""Work of any message, before what is in it."""

PROOF_UNITS: Final = 16
"""Work of a proof: two signatures."""

USELESS_UNITS: Final = 4
"""Work of a segment that was sent and is held already, or not wanted."""

_LOG_NAME_BYTES: Final = 36
_CHOICES: Final = 4


class Sorted(NamedTuple):
    """The peer's elements by what is to be done about them.

    Attributes:
        ask: those to ask for, most merit first.
        unknown: tags of logs that nothing is known of.
        first: what to tell before asking: proofs, and what is not wanted.
    """

    ask: list[int]
    unknown: list[int]
    first: Outgoing


class Exchange(Asking):
    """The questions and answers of one session, from one side.

    Attributes:
        n_new: segments that came and were new.
    """

    def __init__(self, view: View, request: int, credit: Credit, work: Bucket) -> None:
        """Take in also ``work``: units of it that the peer may still cause."""
        super().__init__(view, request, credit)
        self.n_new = 0
        self._work = work
        self._n_queued = 0
        self._n_offers_seen = 0
        self._since_asked = False

    def sort_out(self, elements: Sequence[int]) -> Sorted:
        """Return what to do about elements that only the peer has.

        Elements of wanted authors come first by merit, else in the order given.
        """
        ask: list[tuple[float, int]] = []
        unknown: dict[int, None] = {}
        floors: list[Run] = []
        seen: dict[Log, bool] = {}
        for element in elements:
            logs = self.view.behind(element >> 32)
            if not logs:
                unknown[element >> 32] = None
                continue
            for log in logs:
                if log not in seen:
                    seen[log] = self.shelf.wants(log[0])
                    run = self.view.tell_floor(log)
                    floors += [run] if run else []
            if any(seen[log] for log in logs):
                ask.append((max(self.shelf.merit(log[0]) for log in logs), element))
        ask.sort(key=lambda entry: (-entry[0], entry[1] >> 32))
        stale = self.forget_floors() if self.view.excludes_any(elements) else []
        return Sorted(
            [element for _, element in ask],
            list(unknown),
            stale + self.prove(seen) + self.tell_floors(floors),
        )

    # -- answering ---------------------------------------------------------------------

    def charge(self, now: float, units: int) -> None:
        """Count what a message makes us do; RATE if the peer causes more than its share."""
        if not self._work.take(now, QUESTION_UNITS + units):
            raise RemoteProtocolError(Violation.RATE, "more work asked for than a peer may cause")

    def on_want(self, message: Want, now: float) -> Outgoing:
        """Answer a question for segments or names."""
        self.charge(now, len(message.data) // 8)
        if message.kind == WantKind.ELEMENTS:
            return self._send_elements(message.data)
        if message.kind == WantKind.CHOSEN:
            return self._send_chosen(message)
        if message.kind == WantKind.NAMES:
            return self._send_names(message)
        return self._send_since(message.start)

    def _send_elements(self, data: bytes) -> Outgoing:
        found, gone, forks = [], [], []
        for element in dict.fromkeys(parse_elements(data).tolist()):
            ref = self.view.elements.find(element)
            if ref is None:
                gone.append(element)
            elif ref[1] == FORK:
                forks.append(ref[0])
            else:
                found.append(ref)
        return self._send(found, forks, gone)

    def _send(
        self, refs: Iterable[tuple[Log, int]], forks: Iterable[Log], gone: Sequence[int] = ()
    ) -> Outgoing:
        heard = self.view.memory.heard
        wanted = newest_first(ref for ref in refs if ref[1] >= heard.get(ref[0], 0))
        self._n_queued += len(wanted)
        if self._n_queued > 2 * len(self.shelf.frontier) + PAGE:
            raise RemoteProtocolError(Violation.RATE, "the same segments asked for again and again")
        self.transfer.answer(wanted)
        tags = element_bytes(np.array(gone, np.uint64))
        return self.prove(forks) + control(Gone(self.request, tags) if gone else None)

    def _send_chosen(self, message: Want) -> Outgoing:
        if not self._choices_due:
            raise RemoteProtocolError(Violation.STATE, "a choice where nothing is on offer")
        if not message.count:
            self._choices_due -= 1
        bits = np.unpackbits(np.frombuffer(message.data, np.uint8))
        places = (np.flatnonzero(bits) + message.start).tolist()
        if not places:
            return []
        if places[-1] >= len(self._offers):
            raise RemoteProtocolError(Violation.STATE, "a choice of what was never on offer")
        refs: list[tuple[Log, int]] = []
        forks: list[Log] = []
        for log, seq in (self._offers[place] for place in places):
            if seq is None:
                refs += [(log, number) for number in self.view.held(log)]
            elif seq == FORK:
                forks.append(log)
            else:
                refs.append((log, seq))
        return self._send(refs, forks)

    def _send_names(self, message: Want) -> Outgoing:
        """Answer with exactly one NAMED: what does not fit in it is asked for again."""
        heard = self.view.memory.heard
        if message.data:
            tags = dict.fromkeys(np.frombuffer(message.data, ">u4").tolist())
            logs = [log for tag in tags for log in self.view.behind(tag)]
        else:
            logs = [log for log in self.shelf.frontier.logs() if heard.get(log, 0) != EVERYTHING]
            logs = logs[message.start :]
        page = next(pages(Run(log_name(log)) for log in logs), [])
        return self.prove(read_log_name(run.log) for run in page) + self._offer_page(page)

    def _send_since(self, arrival: int) -> Outgoing:
        if self._since_asked:
            raise RemoteProtocolError(Violation.STATE, "asked twice for what arrived")
        self._since_asked = True
        return self._send(self.shelf.frontier.arrivals_since(arrival, self.view.day), ())

    def on_ihave(self, message: Ihave, now: float) -> Outgoing:
        """Choose from the segments the peer offers."""
        self.charge(now, len(message.tags) // 8)
        start = self._n_offers_seen
        elements = parse_elements(message.tags).tolist()
        self._n_offers_seen += len(elements)
        places = {element: place for place, element in enumerate(elements)}
        missing = [element for element in places if self.view.elements.find(element) is None]
        todo = self.sort_out(missing)
        out = todo.first + self.ask_names(todo.unknown)
        return out + self._choose(start, [[places[element] for element in todo.ask]])

    def _choose(self, start: int, groups: Sequence[Sequence[int]]) -> Outgoing:
        """Return the choice from an offer, the most wanted first; it may be of nothing."""
        groups = [group for group in groups if group] or [[]]
        out: Outgoing = []
        for left, group in zip(range(len(groups) - 1, -1, -1), groups, strict=True):
            bits = bytearray(max(group, default=-1) // 8 + 1)
            for place in group:
                bits[place // 8] |= 0x80 >> place % 8
            self._answers_due += bool(group)
            out += control(Want(self.request, WantKind.CHOSEN, start, left, bytes(bits)))
        return out

    def on_ranges(self, message: Ranges, now: float) -> Outgoing:
        """Answer what the peer tells of logs."""
        self.charge(now, sum(2 + len(run.runs) + len(run.checks) // 8 for run in message.entries))
        if message.purpose == Purpose.HELD:
            return self._on_held(message.entries)
        if message.purpose == Purpose.NAMED:
            return self._on_named(message.entries)
        if message.purpose == Purpose.IDS:
            return self._on_ids(message.entries)
        return self._on_unwanted(message.entries)

    def _on_held(self, entries: Sequence[Run]) -> Outgoing:
        refs: list[tuple[Log, int]] = []
        counter: list[Log] = []
        alike: list[Run] = []
        logs = [(log, run) for run in entries for log in self.view.named(run.log)]
        for log, run in logs:
            held = self.view.held(log, run.floor)
            rest = not_in(held, run.runs)
            refs += [(log, seq) for seq in rest]
            floor = self.view.floor(log)
            lacking = n_missing(self.view.held(log), run.runs, floor)
            if lacking and not self.view.initiator:
                counter.append(log)
            elif not rest and not lacking and held and not self.view.initiator:
                alike.append(self._ids(log))
        floors = [entry for log in counter if (entry := self.view.tell_floor(log))]
        stale = any(self.view.contradicts(log, run.runs) for log, run in logs)
        out = self.forget_floors() if stale else []
        out += self.prove(log for log, _ in logs) + self.tell_floors(floors)
        out += self.tell_held(counter)
        for page in pages(alike):
            out += control(Ranges(self.request, Purpose.IDS, tuple(page)))
        return out + self._send(refs, ())

    def _ids(self, log: Log) -> Run:
        seqs = self.view.held(log)[-IDS_MAX:]
        checks = np.array(self.view.checks(log, seqs), ">u4").tobytes()
        return Run(self.view.tag(log).to_bytes(4, "big"), runs_of(seqs), 0, checks)

    def _on_named(self, entries: Sequence[Run]) -> Outgoing:
        start = self._n_offers_seen
        self._n_offers_seen += len(entries)
        self._names_due = max(0, self._names_due - 1)
        wanted: list[tuple[float, int]] = []
        known: list[Log] = []
        floors: list[Run] = []
        for place, run in enumerate(entries):
            if len(run.log) != _LOG_NAME_BYTES:
                raise RemoteProtocolError(Violation.MALFORMED, "a log is named by its tag")
            log = read_log_name(run.log)
            entry = self.view.tell_floor(log)
            floors += [entry] if entry else []
            if self.view.held(log):
                known.append(log)
            elif self.shelf.wants(log[0]):
                wanted.append((self.shelf.merit(log[0]), place))
        heard = self.view.memory.heard
        stale = any(heard.get(read_log_name(run.log)) == EVERYTHING for run in entries)
        out = self.forget_floors() if stale else []
        out += self.tell_floors(floors) + self.tell_held(known)
        return out + self._choose(start, _by_merit(wanted))

    def _on_ids(self, entries: Sequence[Run]) -> Outgoing:
        ask: list[int] = []
        for run in entries:
            theirs = np.frombuffer(run.checks, ">u4").tolist()
            seqs = expand(run.runs)
            for log in self.view.named(run.log):
                held = self.view.held(log)
                mine = dict(zip(held, self.view.checks(log, held), strict=True))
                floor, tag = self.view.floor(log), self.view.tag(log) << 32
                ask += [
                    tag | check
                    for seq, check in zip(seqs, theirs, strict=True)
                    if seq >= floor and mine.get(seq) != check
                ]
        return self.ask_elements(ask)

    def _on_unwanted(self, entries: Sequence[Run]) -> Outgoing:
        memory = self.view.memory
        if not entries:
            memory.forget_floors()
        for run in entries:
            for log in self.view.named(run.log):
                memory.hear(log, run.floor)
        return []

    # -- receiving ---------------------------------------------------------------------

    def on_push(self, message: Push, now: float) -> Outgoing:
        """Take segments in that were asked for."""
        if not self._answers_due:
            raise RemoteProtocolError(Violation.STATE, "segments that nobody asked for")
        try:
            segments = unpack(message.bundle, self.shelf.network)
        except VerificationError as error:
            raise RemoteProtocolError(Violation.MALFORMED, f"PUSH: {error}") from error
        forks = dict(self.shelf.frontier.forked)
        wanted = [segment for segment in segments if self._takes(segment)]
        n_new = self.shelf.deliver(wanted, now) if wanted else 0
        self.n_new += n_new
        self.charge(now, USELESS_UNITS * (len(segments) - n_new))
        if message.last:
            self._answers_due -= 1
        # The peer said to hold nothing below its floors, or we remember others than it told.
        heard = self.view.memory.heard
        stale = any(segment.header.seq < heard.get(segment.log, 0) for segment in segments)
        out = self.forget_floors() if stale else []
        logs = dict.fromkeys(segment.log for segment in wanted)
        now_forked = self.shelf.frontier.forked
        return out + self.prove(log for log in logs if now_forked.get(log) != forks.get(log))

    def _takes(self, segment: Segment) -> bool:
        log, seq = segment.log, segment.header.seq
        frontier = self.shelf.frontier
        return (
            self.shelf.wants(log[0])
            and seq >= self.shelf.floor(log)
            and seq < frontier.forked.get(log, EVERYTHING + 1)
            and frontier.id_of(*log, seq) != segment.id
        )

    def on_proof(self, message: Proof, now: float) -> Outgoing:
        """Take the proof of a fork in."""
        self.charge(now, PROOF_UNITS)
        self.shelf.deliver_proof(message.evidence, now)
        return []

    def on_done(self, message: Status) -> Outgoing:
        """Note that an answer is complete."""
        if not self._answers_due:
            raise RemoteProtocolError(Violation.STATE, "the end of an answer nobody asked for")
        self._answers_due -= 1
        return []


def _by_merit(wanted: list[tuple[float, int]]) -> list[list[int]]:
    """Return places in up to four groups of falling merit; one where all have the same."""
    wanted.sort(key=lambda entry: (-entry[0], entry[1]))
    if not wanted or wanted[0][0] == wanted[-1][0]:
        return [[place for _, place in wanted]]
    size = -(-len(wanted) // _CHOICES)
    return [
        [place for _, place in wanted[start : start + size]]
        for start in range(0, len(wanted), size)
    ]
