"""Join two stores in memory by one link and let them hold sessions, byte for byte.

`MemoryShelf` is a node's side without a node; `SyncPair` carries encoded, padded
messages between two of them and counts what they would take on a real link. What a
scheduler does to messages on the way (cut, repeat, reorder) is a function.

Example:
    >>> network = bytes(16)
    >>> a, b = MemoryShelf(network), MemoryShelf(network)
    >>> result = SyncPair(a, b).session(now=1.8e9)
    >>> result.converged, result.rounds
    (True, 1)
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final

from peerrec.errors import RemoteProtocolError, VerificationError
from peerrec.limits import CREDIT_BYTES
from peerrec.protocol import wire
from peerrec.protocol.effects import Priority
from peerrec.protocol.fork import decode_proof, make_proof, verify_proof
from peerrec.protocol.frontier import Frontier, Log
from peerrec.protocol.identity import KeyedHashVerifier, Verifier
from peerrec.protocol.messages import Push
from peerrec.protocol.segment import Segment, Timing, timing_of, verify_segment
from peerrec.protocol.sync import PeerMemory, SyncLink, SyncResult
from peerrec.protocol.sync_shelf import Outgoing
from peerrec.protocol.violations import Violation

__all__ = ["MemoryShelf", "SyncPair", "Traffic", "link_bytes"]

NOISE_TAG_BYTES: Final = 16


def link_bytes(data: bytes, *, masked: bool) -> int:
    """Return what a padded message takes on a link: Noise's tag and WebSocket's header.

    Args:
        data: the message.
        masked: whether the side that dialled sends it.
    """
    n = len(data) + NOISE_TAG_BYTES
    return n + (2 if n < 126 else 4 if n < 1 << 16 else 10) + 4 * masked


class MemoryShelf:
    """Segments in a dictionary, with the questions that sessions ask.

    Args:
        network: id of the network, 16 bytes.
        wanted: authors that are replicated; None for all.
        verifier: of signatures; by default the simulations' keyed hash.

    Attributes:
        segments: what is held.
        proofs: evidence of forks, by log.
        floors: lowest numbers wanted, by log.
        merits: by author; 0 for others.
        n_verified: signatures looked at.
    """

    def __init__(
        self,
        network: bytes,
        wanted: Iterable[bytes] | None = None,
        verifier: Verifier | None = None,
    ) -> None:
        self.network = network
        self.frontier = Frontier()
        self.segments: dict[tuple[Log, int], Segment] = {}
        self.proofs: dict[Log, bytes] = {}
        self.floors: dict[Log, int] = {}
        self.merits: dict[bytes, float] = {}
        self.wanted = None if wanted is None else set(wanted)
        self.n_verified = 0
        self._verifier = verifier or KeyedHashVerifier()
        self._last_arrival = 0

    @property
    def last_arrival(self) -> int:
        """Number of the last segment stored."""
        return self._last_arrival

    def segment(self, log: Log, seq: int) -> Segment | None:
        """Return a segment; None if it is not held."""
        return self.segments.get((log, seq))

    def wants(self, author: bytes) -> bool:
        """Return whether an author is replicated."""
        return self.wanted is None or author in self.wanted

    def floor(self, log: Log) -> int:
        """Return the lowest number wanted."""
        return self.floors.get(log, 0)

    def merit(self, author: bytes) -> float:
        """Return an author's merit."""
        return self.merits.get(author, 0.0)

    def proof(self, log: Log) -> bytes | None:
        """Return the evidence that a log forked."""
        return self.proofs.get(log)

    def deliver(self, segments: list[Segment], now: float) -> int:
        """Verify and store segments; return how many were new."""
        try:
            for segment in segments:
                self.n_verified += 1
                verify_segment(segment, self.network, self._verifier)
        except VerificationError as error:
            raise RemoteProtocolError(Violation.FORGERY, str(error)) from error
        return sum(self._put(segment) for segment in segments if self._takes(segment, now))

    def put(self, segments: Iterable[Segment]) -> None:
        """Store segments as if they had always been here."""
        for segment in segments:
            self._put(segment)

    def deliver_proof(self, evidence: bytes, now: float) -> None:
        """Verify and keep a proof, and drop what it condemns."""
        try:
            proof = decode_proof(evidence, self.network)
            verify_proof(proof, self.network, self._verifier)
        except VerificationError as error:
            raise RemoteProtocolError(Violation.FORGERY, str(error)) from error
        if self.wants(proof.log[0]):
            self._fork(proof.log, proof.seq, proof.minute, evidence)

    def _takes(self, segment: Segment, now: float) -> bool:
        wanted = self.wants(segment.header.author)
        fine = timing_of(segment, now) is Timing.FINE
        return wanted and fine and segment.header.seq >= self.floor(segment.log)

    def _put(self, segment: Segment) -> bool:
        header = segment.header
        other = self.segments.get((segment.log, header.seq))
        if other is not None and other.id != segment.id:
            proof = make_proof(other, segment)
            self._fork(proof.log, proof.seq, proof.minute, proof.evidence)
            return False
        new = self.frontier.add(
            header.author,
            header.epoch,
            header.seq,
            segment.id,
            header.minute,
            len(segment.frame),
            self._last_arrival + 1,
            header.ttl_days,
        )
        if new:
            self._last_arrival += 1
            self.segments[(segment.log, header.seq)] = segment
        return new

    def _fork(self, log: Log, seq: int, minute: int, evidence: bytes) -> None:
        if seq < self.frontier.forked.get(log, seq + 1):
            self.proofs[log] = evidence
            for gone in self.frontier.mark_fork(*log, seq, minute):
                del self.segments[(log, gone)]


@dataclass(slots=True)
class Traffic:
    """What went over the link, both ways.

    Attributes:
        n_bytes: of messages, padded, encrypted and framed.
        bulk_bytes: of those that carry segments.
        n_messages: how many messages.
        names: each message's type and bytes, in order.
    """

    n_bytes: int = 0
    bulk_bytes: int = 0
    n_messages: int = 0
    names: list[tuple[str, int]] = field(default_factory=list)


Carried = tuple[Priority, int, bytes]
"""A message on its way: how urgent, to which side, its bytes."""

Mangle = Callable[[list[Carried]], list[Carried]]
"""Takes what is on its way and returns what arrives; raises `ConnectionError` to cut."""


class SyncPair:
    """Two shelves, what each remembers of the other, and a link between them.

    Args:
        a: the side that dialled.
        b: the other one.
        key: what the channel would bind.
        tags: of the two stores.

    Attributes:
        memories: what each side remembers; they outlive links.
        traffic: of the last session.
    """

    def __init__(
        self,
        a: MemoryShelf,
        b: MemoryShelf,
        key: bytes = bytes(32),
        tags: tuple[bytes, bytes] = (b"store-a-", b"store-b-"),
    ) -> None:
        self.shelves = (a, b)
        self.memories = (PeerMemory(), PeerMemory())
        self.tags = tags
        self.traffic = Traffic()
        self.reconnect(key)

    def reconnect(self, key: bytes) -> None:
        """Put a new link in the place of the old one."""
        self.links = tuple(
            SyncLink(
                shelf,
                dialled=side == 0,
                key=key,
                peer_store_tag=self.tags[1 - side],
                memory=self.memories[side],
            )
            for side, shelf in enumerate(self.shelves)
        )
        self._received = [0, 0]

    def session(self, now: float, starter: int = 0, mangle: Mangle | None = None) -> SyncResult:
        """Hold a session and return the starter's result.

        Raises:
            RemoteProtocolError: from either side; both links stay as they are then.
            ConnectionError: what ``mangle`` raised.
        """
        self.traffic = Traffic()
        waiting = self.carried(starter, self.links[starter].start(now))
        while waiting:
            if mangle is not None:
                waiting = mangle(waiting)
                if not waiting:
                    break
            _, receiver, data = waiting.pop(0)
            waiting += self._deliver(receiver, data, now)
            # The more urgent first, as in a link's queue.
            waiting.sort(key=lambda carried: carried[0])
        return self.links[starter].last_result or SyncResult()

    def _deliver(self, receiver: int, data: bytes, now: float) -> list[Carried]:
        message = wire.decode(data)
        assert not isinstance(message, wire.Ignored), "sessions send what everybody knows"
        out = self.carried(receiver, self.links[receiver].receive(message, now))
        if isinstance(message, Push):
            self._received[receiver] += len(data)
            if 2 * self._received[receiver] >= CREDIT_BYTES:
                granted, self._received[receiver] = self._received[receiver], 0
                self._count("CREDIT", bytes(16), receiver)
                sender = 1 - receiver
                out += self.carried(sender, self.links[sender].grant(granted, now))
        return out

    def carried(self, sender: int, out: Outgoing) -> list[Carried]:
        """Return messages as they go over the link, counted."""
        carried: list[Carried] = []
        for priority, message in sorted(out, key=lambda entry: entry[0]):
            data = wire.padded(wire.encode(message))
            self._count(message.TYPE.name, data, sender, bulk=isinstance(message, Push))
            assert priority in (Priority.CONTROL, Priority.BULK), "sessions have no other"
            carried.append((priority, 1 - sender, data))
        return carried

    def _count(self, name: str, data: bytes, sender: int, *, bulk: bool = False) -> None:
        n = link_bytes(data, masked=sender == 0)
        self.traffic.n_bytes += n
        self.traffic.bulk_bytes += n * bulk
        self.traffic.n_messages += 1
        self.traffic.names.append((name, n))
