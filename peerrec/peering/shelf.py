"""Let one link's sessions reach into the node's library."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from peerrec.peering.library import Library
from peerrec.peering.standing import Standing
from peerrec.protocol.frontier import Frontier, Log
from peerrec.protocol.segment import Segment

__all__ = ["LinkShelf"]


class LinkShelf:
    """A library as the sessions of one link see it: `peerrec.protocol.sync.Shelf`.

    Args:
        library: of the node.
        standing: merit of authors.
        take: what to do with segments that came over this link; returns how many were new.

    Attributes:
        on_proof: what to do with evidence of a fork that came over this link.
    """

    __slots__ = ("_library", "_standing", "_take", "frontier", "network", "on_proof")

    def __init__(
        self,
        library: Library,
        standing: Standing,
        take: Callable[[Sequence[Segment], float], int],
        on_proof: Callable[[bytes, float], None],
    ) -> None:
        self._library = library
        self._standing = standing
        self._take = take
        self.on_proof = on_proof
        self.network = library.network
        self.frontier: Frontier = library.frontier

    @property
    def last_arrival(self) -> int:
        """Number of the last segment that was stored."""
        return self._library.last_arrival

    def segment(self, log: Log, seq: int) -> Segment | None:
        """Return a segment; None where it is not held any more."""
        return self._library.segment(log, seq)

    def wants(self, author: bytes) -> bool:
        """Return whether an author is replicated here."""
        return self._library.wants(author)

    def floor(self, log: Log) -> int:
        """Return the lowest number wanted of a wanted author's log."""
        return self._library.floor(log)

    def merit(self, author: bytes) -> float:
        """Return an author's merit; one's own log comes first."""
        return 1.0 if author == self._library.peer else self._standing.merit.get(author, 0.0)

    def proof(self, log: Log) -> bytes | None:
        """Return the evidence that a log forked; None if none is known."""
        return self._library.proof(log)

    def deliver(self, segments: list[Segment], now: float) -> int:
        """Verify and store segments; return how many were new."""
        return self._take(segments, now)

    def deliver_proof(self, evidence: bytes, now: float) -> None:
        """Verify and keep a proof of a fork."""
        self.on_proof(evidence, now)
