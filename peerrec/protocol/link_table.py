"""Keep the links of a node and rank them: anchors, the worst, and by netgroup.

Example:
    >>> table = LinkTable()
    >>> table.add(Link(b"ann", dialled=True, host="198.51.100.7", address=None, now=5.0))
    >>> [link.peer for link in table.dialled()], table.n_in_group("198.51")
    ([b'ann'], 1)
"""

from __future__ import annotations

import enum
import math
from collections.abc import Callable

from peerrec.limits import ANCHORS_MAX
from peerrec.protocol.addresses import LOCAL, netgroup
from peerrec.protocol.invite import Address
from peerrec.protocol.rates import Bucket
from peerrec.protocol.scoring import HALF_LIFE_S, Scores

__all__ = ["PER_GROUP", "Link", "LinkTable", "Slot", "crowding", "gathered"]

ANCHOR_AGE_S = 600.0
"""A link younger than this is no anchor: what lasted ten minutes lasts longer."""

GRACE_S = 120.0
"""A link younger than this is not judged: it had no time to deliver."""

SLACK_S = 300.0
"""Age added to every link's when points are compared: a short time says little."""

PER_GROUP = 2
"""Dialled links into one netgroup, unless trust or a person chose them."""

CROWD_POINTS = 4.0
"""Points lost for each dialled link beyond those in one netgroup."""


class Slot(enum.Enum):
    """Why a peer was dialled."""

    ANCHOR = "anchor"  # it was there before the restart
    WALK = "walk"  # a walk along trust ended at it
    SAMPLE = "sample"  # a min-wise sampler holds it
    FILL = "fill"  # there was an address, and nobody better
    INVITE = "invite"  # a person asked for it


class Link:
    """One link.

    Attributes:
        peer: whose.
        dialled: whether we dialled.
        host: where it is or came from.
        group: netgroup of that.
        address: what was dialled; None for an incoming link.
        slot: why it was dialled; FILL for incoming ones.
        since: unix seconds at which it came about.
        heard_at: unix seconds of the last message.
        pinged_at: unix seconds of a ping that is not answered; None for none.
        was_pinged: whether it was pinged at all.
        round_trip_s: last measured; None if never.
        asked: whether a question for addresses is not answered yet.
        credited_at: up to when its uptime was rewarded.
        learn: rate of the addresses we take from it.
        tell: rate at which it may ask for addresses.
    """

    __slots__ = (
        "address", "asked", "credited_at", "dialled", "group", "heard_at", "host", "learn",
        "peer", "pinged_at", "round_trip_s", "since", "slot", "tell", "was_pinged",
    )  # fmt: skip

    def __init__(
        self,
        peer: bytes,
        *,
        dialled: bool,
        host: str,
        address: Address | None,
        now: float,
        slot: Slot = Slot.FILL,
    ) -> None:
        self.peer = peer
        self.dialled = dialled
        self.host = host
        self.group = netgroup(host)
        self.address = address
        self.slot = slot
        self.since = self.heard_at = self.credited_at = now
        self.asked = False
        self.pinged_at: float | None = None
        self.was_pinged = False
        self.round_trip_s: float | None = None
        self.learn: Bucket | None = None
        self.tell: Bucket | None = None


def crowding(n_in_group: int, group: str) -> float:
    """Return the points a dialled link loses for others in its netgroup."""
    return 0.0 if group == LOCAL else CROWD_POINTS * max(n_in_group - PER_GROUP, 0)


def gathered(link: Link, now: float) -> float:
    """Return the share of the good deeds of the long run that a link had time for."""
    return 1.0 - math.exp2(-(now - link.since + SLACK_S) / HALF_LIFE_S)


class LinkTable:
    """All links, by peer, in the order in which they came about.

    Attributes:
        get: returns the link to a peer; None where there is none.
        n_dialled, n_incoming: how many of them we dialled, and others did.
    """

    __slots__ = ("_links", "get", "n_dialled", "n_incoming")

    def __init__(self) -> None:
        self._links: dict[bytes, Link] = {}
        self.get: Callable[[bytes], Link | None] = self._links.get  # every message asks
        self.n_dialled = self.n_incoming = 0

    def __len__(self) -> int:
        return len(self._links)

    def __contains__(self, peer: bytes) -> bool:
        return peer in self._links

    def add(self, link: Link) -> None:
        """Add a link, in place of one to the same peer."""
        self.pop(link.peer)
        self._links[link.peer] = link
        self.n_dialled += link.dialled
        self.n_incoming += not link.dialled

    def pop(self, peer: bytes) -> Link | None:
        """Remove and return the link to a peer, if there is one."""
        link = self._links.pop(peer, None)
        if link is not None:
            self.n_dialled -= link.dialled
            self.n_incoming -= not link.dialled
        return link

    def all(self) -> list[Link]:
        """Return all links."""
        return list(self._links.values())

    def dialled(self) -> list[Link]:
        """Return the links that we dialled."""
        return [link for link in self._links.values() if link.dialled]

    def incoming(self) -> list[Link]:
        """Return the links that others dialled."""
        return [link for link in self._links.values() if not link.dialled]

    def n_in_group(self, group: str) -> int:
        """Return how many dialled links lead into a netgroup."""
        return sum(1 for link in self._links.values() if link.dialled and link.group == group)

    def anchors(self, score: Callable[[bytes], float], now: float) -> list[bytes]:
        """Return the peers of the oldest dialled links that are in good standing."""
        old = [
            link
            for link in self.dialled()
            if now - link.since >= ANCHOR_AGE_S and score(link.peer) >= 0.0
        ]
        old.sort(key=lambda link: (link.since, link.peer))
        return [link.peer for link in old[:ANCHORS_MAX]]

    def ranked(self, scores: Scores, now: float) -> list[tuple[float, Link]]:
        """Return the dialled links that may be parted with, worst first, with points.

        Anchors and links that just came about are left out; of equals the youngest is
        the worst. Good deeds are divided by the share that a link of this age could have
        gathered of what it will have in the long run: else the youngest were the worst.
        Faults count as they are: one lost message early on does not make a link bad.
        """
        kept = set(self.anchors(lambda peer: scores.of(peer, now), now))

        def points(link: Link) -> float:
            crowd = crowding(self.n_in_group(link.group), link.group)
            return scores.of(link.peer, now, gathered(link, now)) - crowd

        ranked = [
            (points(link), link)
            for link in self.dialled()
            if link.peer not in kept and now - link.since >= GRACE_S
        ]
        return sorted(ranked, key=lambda pair: (pair[0], -pair[1].since, pair[1].peer))
