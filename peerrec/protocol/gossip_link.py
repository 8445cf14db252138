"""Keep what gossip must remember of one link: announced, asked, promised, and rates.

Example:
    >>> link = GossipLink(key=bytes(16), dialled=True, battery=False)
    >>> link.pend(Fresh(bytes(32), b"author", 1, 7))
    >>> len(link.announcement(now=0.0)) == 8 and link.pending == {}
    True
"""

from __future__ import annotations

from typing import NamedTuple

from peerrec.limits import ANNOUNCED_MAX, PENDING_MAX, PROMISES_MAX, TAGS_BYTES
from peerrec.protocol.rates import Bucket
from peerrec.protocol.seen import TAGGED_BYTES, tag_of

__all__ = ["PROMISE_S", "Fresh", "GossipLink", "split_tags"]

PROMISE_S = 5.0
"""Seconds in which an announced segment must come once asked for: many round trips."""

SERVED_MAX = 2
"""Times one link may ask for the same segment: once, and once more after a loss."""

PUSHES_OUT = (25.0, 100.0)
"""Unasked pushes per second and at once that we send on a link."""

PUSHES_IN = (50.0, 400.0)
"""… that we take: twice and four times ours, so that delays do not make a culprit."""

IHAVES_IN = (4.0, 16.0)
"""Announcements: four times the heartbeat; each costs up to a millisecond to look up."""

TAGS_IN = (128.0, 2_048.0)
"""Segments a link may ask for."""


class Fresh(NamedTuple):
    """A segment that is worth telling of, and where it is found.

    Attributes:
        id: 32 bytes, or the first 16 of them.
        author: who signed it.
        epoch: which log of the author.
        seq: its number in the log.
    """

    id: bytes
    author: bytes
    epoch: int
    seq: int


def split_tags(tags: bytes) -> list[bytes]:
    """Return the 8-byte tags that were sent one after the other, without repetitions."""
    return list(dict.fromkeys(tags[i : i + TAGS_BYTES] for i in range(0, len(tags), TAGS_BYTES)))


class GossipLink:
    """One link as gossip sees it; every table in it is bounded.

    Attributes:
        key: 16 bytes for the link's tags.
        dialled: whether we chose the peer: such links are harder to occupy.
        battery: whether the peer pulls and is never pushed to.
        pending: what to announce next.
        announced: tag → what it stands for and how often it was asked for.
        promises: tag → until when a segment we asked for must come.
        waiting: tags to ask for if nobody sends the segment by ``waiting_until``.
    """

    __slots__ = (
        "_asks",
        "_ihaves",
        "_in",
        "_out",
        "announced",
        "battery",
        "dialled",
        "key",
        "pending",
        "promises",
        "waiting",
        "waiting_until",
    )

    def __init__(self, *, key: bytes, dialled: bool, battery: bool) -> None:
        self.key = key
        self.dialled = dialled
        self.battery = battery
        self.pending: dict[bytes, Fresh] = {}
        self.announced: dict[bytes, tuple[Fresh, int]] = {}
        self.promises: dict[bytes, float] = {}
        self.waiting: dict[bytes, None] = {}
        self.waiting_until = 0.0
        self._out = Bucket(*PUSHES_OUT)
        self._in = Bucket(*PUSHES_IN)
        self._ihaves = Bucket(*IHAVES_IN)
        self._asks = Bucket(*TAGS_IN)

    @property
    def expects(self) -> bool:
        """Whether the peer announced something that is not here yet."""
        return bool(self.promises or self.waiting)

    def may_push(self, now: float) -> bool:
        """Return whether one more unasked push is within our own rate, and count it."""
        return self._out.take(now)

    def may_receive(self, now: float) -> bool:
        """Return whether one more unasked push of the peer is within the rate."""
        return self._in.take(now)

    def may_announce(self, now: float) -> bool:
        """Return whether one more announcement of the peer is within the rate."""
        return self._ihaves.take(now)

    def may_ask(self, n: int, now: float) -> bool:
        """Return whether the peer may ask for ``n`` segments more."""
        return self._asks.take(now, max(n, 1))

    def pend(self, fresh: Fresh) -> None:
        """Announce a segment next time; the oldest gives way to it where there are many."""
        self.pending[fresh.id[:TAGGED_BYTES]] = fresh
        if len(self.pending) > PENDING_MAX:
            del self.pending[next(iter(self.pending))]

    def announcement(self, now: float) -> bytes:
        """Return the tags of what is pending, which from now on may be asked for."""
        tags = []
        for fresh in self.pending.values():
            tag = tag_of(self.key, fresh.id)
            self.announced.pop(tag, None)
            self.announced[tag] = (fresh, 0)
            tags.append(tag)
        self.pending.clear()
        while len(self.announced) > ANNOUNCED_MAX:
            del self.announced[next(iter(self.announced))]
        return b"".join(tags)

    def serve(self, tag: bytes) -> Fresh | None:
        """Return what an asked-for tag stands for; None if unknown or asked too often."""
        fresh, n_served = self.announced.get(tag, (None, 0))
        if fresh is None or n_served >= SERVED_MAX:
            return None
        self.announced[tag] = (fresh, n_served + 1)
        return fresh

    def ask(self, tags: list[bytes], now: float) -> bytes:
        """Return the tags to ask for, each of which is a promise from now on."""
        asked = [tag for tag in tags if tag not in self.promises]
        del asked[max(PROMISES_MAX - len(self.promises), 0) :]
        for tag in asked:
            self.promises[tag] = now + PROMISE_S
        return b"".join(asked)

    def settle(self, segment_id: bytes) -> bool:
        """Note that a segment is here; returns whether the peer had announced it."""
        if not (self.promises or self.waiting):
            return False
        tag = tag_of(self.key, segment_id)
        promised = self.promises.pop(tag, None) is not None
        waited = tag in self.waiting
        self.waiting.pop(tag, None)
        return promised or waited

    def break_promises(self, now: float) -> int:
        """Forget the promises whose time is over and return how many there were."""
        late = [tag for tag, until in self.promises.items() if until <= now]
        for tag in late:
            del self.promises[tag]
        return len(late)
