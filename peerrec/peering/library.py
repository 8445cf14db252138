"""Keep the logs that this node replicates: take segments in, hand them out, let them go.

Every segment from outside passes here, whichever way it came: it is new and wanted, of
this network, on time, not beyond a fork, and its signature verifies. What it says goes
to the store in the same transaction as itself.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from peerrec.errors import RemoteProtocolError, StoreCorrupt, StoreError, VerificationError
from peerrec.limits import CLOCK_SKEW_S, DAY_S, EPOCHS_MAX, MINUTE_S, TIME_MAX_S
from peerrec.peering.intake import Intake, Rows
from peerrec.peering.item_names import ItemNames
from peerrec.protocol.following import Eviction, Following
from peerrec.protocol.fork import ForkProof, decode_proof, make_proof, verify_proof
from peerrec.protocol.frontier import Frontier
from peerrec.protocol.identity import Verifier
from peerrec.protocol.segment import (
    Kind,
    Segment,
    Timing,
    decode_segment,
    timing_of,
    verify_segment,
)
from peerrec.protocol.statements import decode_statements
from peerrec.protocol.violations import Violation
from peerrec.store import Mark, Marked, ProofRow, RawId, SegmentRow, Store

__all__ = ["Library", "Taken"]

Log = tuple[bytes, int]
Key = tuple[bytes, int, int]

EVER = TIME_MAX_S - MINUTE_S
"""After everything that anybody can have said."""

STATEFUL = (Kind.TRUST, Kind.RETRACT, Kind.DIRECTORY)
"""Kinds of which a later arrival must not undo the newest."""

MINUTES_PER_DAY = int(DAY_S // MINUTE_S)

HEADER_BYTES = 200
"""What a frame is longer than its payload, at most."""

log = logging.getLogger("peerrec")


@dataclass(slots=True)
class Taken:
    """What became of some segments.

    Attributes:
        new: stored now, in order.
        proofs: forks that came to light.
        own: segments of this node's own log that it did not know: it was rolled back.
        addresses: whereabouts that the new ones state: (author, where, minute).
    """

    new: list[Segment] = field(default_factory=list)
    proofs: list[ForkProof] = field(default_factory=list)
    own: list[Segment] = field(default_factory=list)
    rows: Rows = field(default_factory=Rows)


class Library:
    """The logs of one node.

    Args:
        store: where they are kept.
        peer: this node's id.
        me: raw id of its person in the store.
        network: 16 bytes.
        verifier: of signatures.
        following: decides whose logs are wanted.
        window_s: age beyond which nothing is kept.

    Attributes:
        frontier: index of what is held.
        counters: what was ignored, and why; store failures.
    """

    def __init__(
        self,
        store: Store,
        peer: bytes,
        me: RawId,
        network: bytes,
        verifier: Verifier,
        following: Following,
        window_s: float,
    ) -> None:
        self.store = store
        self.peer = peer
        self.network = network
        self.following = following
        self.names = ItemNames(store)
        self.frontier = Frontier(window_s)
        self.counters: Counter[str] = Counter()
        self._verifier = verifier
        self._window_s = window_s
        self._intake = Intake(peer, me, self.names)
        self._proofs: dict[Log, ForkProof] = {}
        self._forked: set[bytes] = set()
        self._load()

    def _load(self) -> None:
        """Build the index from the store, and remember what must not be undone."""
        self._removals = self.store.segments.removals
        self.frontier.clear()
        self._proofs.clear()
        self._forked.clear()
        for proof in self.store.segments.proofs():
            self._hold(decode_proof(proof.evidence, self.network))
        columns = self.store.segments.index()
        said: list[Key] = []
        for row, ttl_days in zip(columns.rows(), columns.ttl_days.tolist(), strict=True):
            author, epoch, seq, identity, kind, minute, n_bytes, arrival = row
            self.frontier.add(author, epoch, seq, identity, minute, n_bytes, arrival, ttl_days)
            if kind in STATEFUL and author not in self._forked:
                said.append((author, epoch, seq))
        found = (segment for segment in map(self.segment_at, said) if segment is not None)
        self._intake.remember(found)

    # -- handing out --------------------------------------------------------------------

    def segment(self, log: Log, seq: int) -> Segment | None:
        """Return a held segment; None where it is not (any more)."""
        return self.segment_at((*log, seq))

    def segment_at(self, key: Key) -> Segment | None:
        """Return a held segment by author, epoch and seq; one that is damaged is let go."""
        try:
            frame = self.store.segments.frame(*key)
        except StoreCorrupt as error:
            self.counters["damaged segments"] += 1
            log.warning("%s; it will be asked for again", error)
            self._remove([key])
            return None
        return None if frame is None else decode_segment(frame, self.network)

    def proof(self, log: Log) -> bytes | None:
        """Return the evidence of a log's fork, if it forked."""
        held = self._proofs.get(log)
        return None if held is None else held.evidence

    def wants(self, author: bytes) -> bool:
        """Return whether an author's log is replicated here."""
        return author == self.peer or self.following.meet(author)

    def floor(self, log: Log) -> int:
        """Return the lowest number wanted of a log: what is below was evicted."""
        return self.following.floor(log)

    @property
    def last_arrival(self) -> int:
        """Number of the last segment that arrived."""
        return self.store.segments.last_arrival

    @property
    def forked_authors(self) -> frozenset[bytes]:
        """Authors of forked logs."""
        return frozenset(self._forked)

    def held_bytes(self) -> dict[bytes, int]:
        """Return how many bytes of segments are held of every author."""
        frontier = self.frontier
        return {author: frontier.bytes_of(author) for author in frontier.authors()}

    def refresh_if_changed(self) -> None:
        """Build the index anew where somebody else removed segments from the store."""
        if self.store.segments.removals != self._removals:
            self._load()

    # -- taking in ----------------------------------------------------------------------

    def take(self, segments: Sequence[Segment], now: float) -> Taken:
        """Verify and store what is new and wanted; all of it, or nothing.

        Raises:
            RemoteProtocolError: a signature does not verify, or a payload is not what its
                kind promises; nothing was stored.
        """
        taken = Taken()
        seen: dict[Key, Segment] = {}
        for segment in segments:
            header = segment.header
            key = header.author, header.epoch, header.seq
            twin = seen.get(key)
            if self._is_wanted(segment, twin, now):
                self._check(segment)
                held = self.segment_at(key) if self.frontier.has(*key) else twin
                if held is not None:
                    taken.proofs.append(make_proof(held, segment))
                else:
                    seen[key] = segment
                    taken.new.append(segment)
        if taken.new and not self._store_all(taken):
            taken.new.clear()
            taken.rows = Rows()
        for proof in taken.proofs:
            self.hold_proof(proof)
        taken.own = [segment for segment in taken.new if segment.header.author == self.peer]
        return taken

    def _is_wanted(self, segment: Segment, twin: Segment | None, now: float) -> bool:
        """Return whether to look at the signature at all; count why not."""
        header = segment.header
        author, log = header.author, (header.author, header.epoch)
        held = self.frontier.id_of(author, header.epoch, header.seq)
        known = held if twin is None else twin.id
        if known == segment.id:
            reason = "duplicate"
        elif self.frontier.forked.get(log, header.seq + 1) <= header.seq:
            reason = "beyond a fork"
        elif (timing := timing_of(segment, now)) is not Timing.FINE:
            reason = timing.name.lower()
        elif header.minute * MINUTE_S < now - self._window_s:
            reason = "expired"
        elif not self.wants(author):
            reason = "not followed"
        elif known is None and not self._has_room(segment):
            reason = "over quota"
        else:
            return True
        self.counters[f"ignored: {reason}"] += 1
        return False

    def _has_room(self, segment: Segment) -> bool:
        author = segment.header.author
        if author == self.peer:
            return True
        logs = self.frontier.logs_of(author)
        if segment.log not in logs and len(logs) >= EPOCHS_MAX:
            return False
        room = self.following.room(author, self.frontier.bytes_of(author))
        return room >= len(segment.payload) + HEADER_BYTES

    def _check(self, segment: Segment) -> None:
        try:
            verify_segment(segment, self.network, self._verifier)
        except VerificationError as error:
            raise RemoteProtocolError(Violation.FORGERY, str(error)) from None

    def _store_all(self, taken: Taken) -> bool:
        """Store segments with what they say, in one transaction; say whether it went well."""
        # Names first: what is named in this very batch is stored under its name at once.
        for segment in sorted(taken.new, key=lambda each: each.header.kind != Kind.DIRECTORY):
            header = segment.header
            # A forked author has no say, though others may want its log; and one's own
            # log is compared with the store by the publisher. Both are passed on: so check.
            unheard = header.author in self._forked or header.author == self.peer
            try:
                if unheard:
                    decode_statements(header.kind, segment.payload, header.minute)
                else:
                    self._intake.read(segment, taken.rows)
            except VerificationError as error:
                raise RemoteProtocolError(Violation.MALFORMED, str(error)) from None
        try:
            self.names.settle()
            self._accept(taken.new, taken.rows)
        except StoreError as error:
            # Nothing of it is held, so it will be offered again when there is room.
            self.counters["store failures"] += 1
            log.warning("segments of a peer could not be stored: %s", error)
            return False
        return True

    def _accept(self, segments: Sequence[Segment], rows: Rows) -> None:
        arrival = self.last_arrival
        self.store.accept(
            segments=[row_of(segment) for segment in segments],
            interactions=rows.interactions,
            edges=rows.edges,
            descriptions=rows.descriptions,
            retractions=rows.retractions,
        )
        self.names.stored(row.item for row in rows.interactions)
        for number, segment in enumerate(segments, arrival + 1):
            self._index(segment, number)

    def _index(self, segment: Segment, arrival: int) -> None:
        header = segment.header
        self.frontier.add(
            header.author,
            header.epoch,
            header.seq,
            segment.id,
            header.minute,
            len(segment.frame),
            arrival,
            header.ttl_days,
        )

    def add_own(self, segments: Sequence[Segment], settings: Sequence[tuple[str, bytes]]) -> None:
        """Store segments that this node signed, with the state of its log.

        Raises:
            StoreError: they could not be stored, and must not leave.
        """
        arrival = self.last_arrival
        self.store.accept(segments=[row_of(segment) for segment in segments], settings=settings)
        for number, segment in enumerate(segments, arrival + 1):
            self._index(segment, number)

    # -- forks --------------------------------------------------------------------------

    def take_proof(self, evidence: bytes, now: float) -> ForkProof | None:
        """Check a proof from a peer; return it where it is news.

        One from the future is left for later, as segments are: else it would never end.

        Raises:
            RemoteProtocolError: it proves nothing.
        """
        try:
            proof = decode_proof(evidence, self.network)
            if self.frontier.forked.get(proof.log, proof.seq + 1) <= proof.seq:
                return None
            if proof.minute * MINUTE_S > now + CLOCK_SKEW_S:
                self.counters["ignored: early proof"] += 1
                return None
            verify_proof(proof, self.network, self._verifier)
        except VerificationError as error:
            raise RemoteProtocolError(Violation.FORGERY, str(error)) from None
        return proof if self.hold_proof(proof) else None

    def hold_proof(self, proof: ForkProof) -> bool:
        """Draw the conclusions from a fork, the same in whatever order things arrive.

        The log ends before the forked number, and its author has no say at all.
        """
        if self.frontier.forked.get(proof.log, proof.seq + 1) <= proof.seq:
            return False
        author, epoch = proof.log
        gone = [seq for seq in self.frontier.seqs(proof.log) if seq >= proof.seq]
        evidence = ProofRow(author, epoch, proof.seq, proof.minute, proof.evidence)
        keys = [(author, epoch, seq) for seq in gone]
        try:
            if author == self.peer:  # our own words stay: only others stop believing them
                self.store.accept(proofs=[evidence], dropped=keys)
            else:
                self.store.accept(
                    proofs=[evidence],
                    dropped=keys,
                    edges=self._intake.unsaid(author),
                    marks=[Marked(Mark.FORKED, author, proof.minute * MINUTE_S)],
                    retractions=[(author, None, EVER)],
                )
            self._removals = self.store.segments.removals
        except StoreError as error:
            self.counters["store failures"] += 1
            log.warning("the proof of a fork could not be stored: %s", error)
        self._hold(proof)
        return True

    def _hold(self, proof: ForkProof) -> None:
        self._proofs[proof.log] = proof
        if proof.log[0] != self.peer:
            self._forked.add(proof.log[0])
        self.frontier.mark_fork(*proof.log, proof.seq, proof.minute)

    # -- letting go ---------------------------------------------------------------------

    def _remove(self, keys: Iterable[Key]) -> int:
        doomed = list(keys)
        if doomed:
            self.store.segments.remove(doomed)
            self._removals = self.store.segments.removals
            for key in doomed:
                self.frontier.remove(*key)
        return len(doomed)

    def expire(self, now: float) -> int:
        """Remove what is older than the window, proofs too; return how many segments."""
        day = int(now // DAY_S)
        keys = [(*log, seq) for log, seq in self.frontier.expired(day)]
        removed = self._remove(keys)
        # What a segment said goes with it: both by the day.
        minute = (day - self.frontier.window_days + 1) * MINUTES_PER_DAY
        for author in sorted({key[0] for key in keys} - {self.peer}):
            self.store.retract(author=author, before=minute * MINUTE_S)
        self._intake.forget_before(minute)
        self._release(day)
        return removed

    def _release(self, day: int) -> None:
        """Forget forks older than the window: their logs are gone, too."""
        old = self.frontier.expired_forks(day)
        for each in old:
            self.frontier.forget_fork(*each)
            proof = self._proofs.pop(each)
            self.store.segments.remove_proofs(proof.minute + 1)
        for author in sorted({author for author, _ in old}):
            if not any(author == other for other, _ in self._proofs):
                self._forked.discard(author)
                self.store.unmark(Mark.FORKED, author)

    def evict(self, evictions: Iterable[Eviction]) -> int:
        """Remove what following says has to go, the oldest first; return how many segments.

        What an author said goes once nothing of it is held any more.
        """
        doomed: list[Key] = []
        silenced: list[bytes] = []
        floors: dict[Log, int] = {}
        for author, n_bytes, entirely in evictions:
            held = self._oldest(author, self.frontier.bytes_of(author))
            gone = held if entirely else self._oldest(author, n_bytes)
            doomed += gone
            if gone and len(gone) == len(held):
                silenced.append(author)
            if not entirely:
                for _, epoch, seq in gone:
                    floors[author, epoch] = max(seq, floors.get((author, epoch), 0))
        if not doomed:
            return 0
        # In one transaction: what was said must not outlive the segments that said it.
        self.store.accept(dropped=doomed, retractions=[(author, None, EVER) for author in silenced])
        self._removals = self.store.segments.removals
        for key in doomed:
            self.frontier.remove(*key)
        for each, seq in floors.items():
            self.following.evicted(each, seq)
        return len(doomed)

    def _oldest(self, author: bytes, n_bytes: int) -> list[Key]:
        """Return the oldest segments of an author that have so many bytes together."""
        doomed: list[Key] = []
        for arrived in self.frontier.by_age(author):
            if n_bytes <= 0:
                break
            log, seq, size = arrived
            doomed.append((*log, seq))
            n_bytes -= size
        return doomed


def row_of(segment: Segment) -> SegmentRow:
    """Return a segment as the store keeps it."""
    header = segment.header
    return SegmentRow(
        header.author,
        header.epoch,
        header.seq,
        segment.id,
        int(header.kind),
        header.minute,
        header.ttl_days,
        segment.frame,
    )
