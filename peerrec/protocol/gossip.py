"""Spread fresh segments: eagerly to a few links, announced to more, the rest to sessions.

Own segments go to every link that takes pushes. Those of others that are new here go to
`EAGER` links, at least `EAGER_DIALLED` of them dialled by us, and are announced by 8-byte
tags to `LAZY` more at the next heartbeat. It is the push-pull of Plumtree (Leitão et al.,
SRDS 2007) and gossipsub v1.1, with two deviations: links are drawn afresh for each
segment, so there is no mesh that could be occupied, and tags are keyed by the link, so
nobody can make an id that hides another's. Pushes may fail: anti-entropy finds what is
missing. A node on battery neither forwards nor is pushed to: it asks one link at a time.

Works on ids and link keys alone: who owns the messages verifies, stores and sends.

Example:
    >>> import numpy as np
    >>> gossip = Gossip(np.random.default_rng(0))
    >>> gossip.link_up(b"ann", key=bytes(16), dialled=True, battery=False)
    >>> gossip.accepted(Fresh(bytes(32), b"me", 1, 1), source=None, now=0.0).eager
    (b'ann',)
"""

from __future__ import annotations

import enum
import math
from collections.abc import Container
from typing import NamedTuple

import numpy as np

from peerrec.errors import RemoteProtocolError
from peerrec.limits import IHAVE_MAX, QUOTA_AUTHORS_MAX, TAGS_BYTES
from peerrec.protocol.alarm import Alarm
from peerrec.protocol.chance import uniform
from peerrec.protocol.gossip_link import PROMISE_S, Fresh, GossipLink, split_tags
from peerrec.protocol.messages import Ihave, Iwant
from peerrec.protocol.rates import Bucket
from peerrec.protocol.seen import TAGGED_BYTES, Seen
from peerrec.protocol.violations import Violation

__all__ = ["Answer", "Counters", "Fresh", "Gossip", "Spread", "Verdict"]

EAGER = 4
"""Links to which another's segment is pushed: 4 reach 98 % of any number of nodes."""

EAGER_DIALLED = 2
"""… of them dialled by us: attackers come in, they are not chosen."""

LAZY = 6
"""Links to which it is announced: they reach who was left out, 8 bytes each."""

HEARTBEAT_S = 1.0
"""How long announcements are gathered."""

GRACE_S = 0.3
"""How long to wait for one who promised a segment before another is asked for it too."""

PULL_S = (5.0, 15.0)
"""On battery: seconds between two questions for news, drawn between these."""

AUTHOR_RATE = (0.2, 32.0)
"""Segments of one author per second and at once that are taken live."""


class Verdict(enum.Enum):
    """What becomes of a segment that a peer pushed.

    ACCEPT: verify, store and spread it. IGNORE: no fault of the relay (known already,
    too many of this author, a wrong clock, nobody we follow). REJECT: what the bytes
    themselves prove wrong; the relay is scored for it.
    """

    ACCEPT = enum.auto()
    IGNORE = enum.auto()
    REJECT = enum.auto()


class Spread(NamedTuple):
    """Where a segment goes.

    Attributes:
        eager: peers to push it to now.
        n_lazy: how many will hear of it at the next heartbeat.
        spilled: whether some link got neither for lack of rate: let sessions hurry.
    """

    eager: tuple[bytes, ...] = ()
    n_lazy: int = 0
    spilled: bool = False


class Answer(NamedTuple):
    """What to answer to an IWANT.

    Attributes:
        segments: to push, as asked for.
        gone: tags to say GONE to, one after the other.
        announce: what to announce to a peer that asked for news.
    """

    segments: list[Fresh]
    gone: bytes = b""
    announce: Ihave | None = None


class Counters:
    """What happened so far, for statistics."""

    __slots__ = ("n_asked", "n_broken", "n_duplicate", "n_eager", "n_lazy", "n_over_quota")

    def __init__(self) -> None:
        self.n_eager = 0
        self.n_lazy = 0
        self.n_duplicate = 0
        self.n_over_quota = 0
        self.n_asked = 0
        self.n_broken = 0


class Gossip:
    """Decides over which links a fresh segment goes, and which to ask for.

    Args:
        rng: draws links.
        battery: whether this node saves power: it forwards nothing and pulls news.
    """

    __slots__ = (
        "_alarm", "_authors", "_broken", "_expecting", "_heartbeat", "_links", "_pull", "_rng",
        "battery", "counters", "seen",
    )  # fmt: skip

    def __init__(self, rng: np.random.Generator, *, battery: bool = False) -> None:
        self.battery = battery
        self.seen = Seen()
        self.counters = Counters()
        self._rng = rng
        self._links: dict[bytes, GossipLink] = {}
        self._expecting: dict[bytes, GossipLink] = {}  # those over which something is to come
        self._authors: dict[bytes, Bucket] = {}
        self._broken: dict[bytes, int] = {}
        self._alarm = Alarm()
        self._heartbeat = math.inf
        self._pull = math.inf

    def link_up(self, peer: bytes, *, key: bytes, dialled: bool, battery: bool) -> None:
        """Begin to use a link.

        Args:
            peer: whose; a link to it that was there is replaced.
            key: at least 16 bytes known to both ends alone; the first 16 count.
            dialled: whether we dialled.
            battery: whether the peer's profile is BATTERY.
        """
        key = key[:TAGGED_BYTES]
        self._links[peer] = GossipLink(key=key, dialled=dialled, battery=battery)
        self._expecting.pop(peer, None)

    def link_down(self, peer: bytes) -> None:
        """Forget a link; what it had promised is nobody's fault."""
        self._links.pop(peer, None)
        self._expecting.pop(peer, None)
        self._broken.pop(peer, None)

    # -- segments -----------------------------------------------------------------------

    def judge(self, peer: bytes, segment_id: bytes, author: bytes, now: float) -> Verdict:
        """Return whether a pushed segment is worth verifying: ACCEPT or IGNORE.

        Ask `Following` before: authors nobody follows should not get here.

        Raises:
            RemoteProtocolError: the peer pushes more than the rate, unasked.
        """
        link = self._links.get(peer)
        if link is not None and not link.settle(segment_id) and not link.may_receive(now):
            raise RemoteProtocolError(Violation.RATE, "more segments pushed than the rate allows")
        if segment_id in self.seen:
            self.counters.n_duplicate += 1
            if link is not None:
                link.pending.pop(segment_id[:TAGGED_BYTES], None)
            return Verdict.IGNORE
        if not self._quota(author, now).take(now):
            self.counters.n_over_quota += 1
            return Verdict.IGNORE
        return Verdict.ACCEPT

    def ignored(self, segment_id: bytes, now: float) -> None:
        """Note a segment that is not wanted whatever its signature: ask for it no more."""
        self._settle(segment_id)
        self.seen.add(segment_id, now)

    def accepted(
        self,
        fresh: Fresh,
        source: bytes | None,
        now: float,
        *,
        own: bool = False,
        among: Container[bytes] | None = None,
    ) -> Spread:
        """Return where a segment goes that was verified and stored.

        Args:
            fresh: the segment.
            source: the peer it came from; None where it was made here.
            now: unix seconds.
            own: whether this node's person signed it.
            among: peers that may want this author; None for a guess that all do.
        """
        holders = self._settle(fresh.id)
        if not self.seen.add(fresh.id, now):
            return Spread()
        if self.battery and not own:
            return Spread()
        links = [
            (peer, link)
            for peer, link in self._links.items()
            if peer != source and peer != fresh.author and peer not in holders
        ]
        if among is not None:
            links = [pair for pair in links if pair[0] in among]
        return self._spread(fresh, self._shuffled(links), now, own=own)

    def pushed_to(self, peer: bytes, segment_id: bytes) -> None:
        """Note that a peer has a segment: it need not be announced to it any more."""
        link = self._links.get(peer)
        if link is not None:
            link.pending.pop(segment_id[:TAGGED_BYTES], None)

    # -- announcements ------------------------------------------------------------------

    def announced(self, peer: bytes, tags: bytes, now: float) -> Iwant | None:
        """Return what to ask of a peer that announced segments; None for nothing now.

        While somebody's promise is younger than GRACE_S the question waits: keyed tags
        do not tell whether two peers announce the same.

        Raises:
            RemoteProtocolError: too many tags, or announcements too often.
        """
        link = self._links.get(peer)
        if link is None:
            return None
        if len(tags) % TAGS_BYTES or len(tags) > IHAVE_MAX * TAGS_BYTES:
            raise RemoteProtocolError(
                Violation.OVERSIZED, f"{len(tags)} bytes are no list of up to {IHAVE_MAX} tags"
            )
        if not link.may_announce(now):
            raise RemoteProtocolError(Violation.RATE, "announcements come too often")
        unknown = self._unknown(link, split_tags(tags))
        if not unknown:
            return None
        self._expecting[peer] = link
        if self._is_promised(now):
            if not link.waiting:
                link.waiting_until = now + GRACE_S
                self._alarm.set(link.waiting_until)
            room = IHAVE_MAX - len(link.waiting)
            link.waiting.update(dict.fromkeys(unknown[: max(room, 0)]))
            return None
        return self._ask(link, unknown, now)

    def requested(self, peer: bytes, tags: bytes, now: float) -> Answer:
        """Return the answer to an IWANT; one without tags asks what is new.

        Raises:
            RemoteProtocolError: more was asked for than the rate allows.
        """
        link = self._links.get(peer)
        if link is None:
            return Answer([])
        wanted = split_tags(tags)
        if len(tags) % TAGS_BYTES or len(wanted) > IHAVE_MAX:
            raise RemoteProtocolError(
                Violation.OVERSIZED, f"{len(tags)} bytes are no list of up to {IHAVE_MAX} tags"
            )
        if not link.may_ask(len(wanted), now):
            raise RemoteProtocolError(Violation.RATE, "more segments asked for than allowed")
        if not wanted:
            news = link.announcement(now)
            return Answer([], b"", Ihave(0, news) if news else None)
        found = {tag: link.serve(tag) for tag in wanted}
        segments = [fresh for fresh in found.values() if fresh is not None]
        return Answer(segments, b"".join(tag for tag, fresh in found.items() if fresh is None))

    def gone(self, peer: bytes, tags: bytes) -> None:
        """Note that a peer does not hold any more what it announced: no promise broken."""
        link = self._links.get(peer)
        if link is not None:
            for tag in split_tags(tags):
                link.promises.pop(tag, None)

    # -- time ---------------------------------------------------------------------------

    def on_timer(self, now: float) -> list[tuple[bytes, Ihave | Iwant]]:
        """Return the messages that are due: announcements, questions, pulls."""
        messages: list[tuple[bytes, Ihave | Iwant]] = []
        if now >= self._heartbeat:
            self._heartbeat = math.inf
            for peer, link in self._links.items():
                if link.pending and not link.battery:
                    messages.append((peer, Ihave(0, link.announcement(now))))
        if now >= self._alarm.at:
            messages += self._overdue(now)
        messages += self._pulls(now)
        return messages

    def _overdue(self, now: float) -> list[tuple[bytes, Ihave | Iwant]]:
        """Give up promises, and ask for what others promised and did not bring."""
        messages: list[tuple[bytes, Ihave | Iwant]] = []
        for peer, link in self._links.items():
            if link.promises and (n_late := link.break_promises(now)):
                self._broken[peer] = self._broken.get(peer, 0) + n_late
                self.counters.n_broken += n_late
            if link.waiting and link.waiting_until <= now:
                waiting = self._unknown(link, list(link.waiting))
                link.waiting.clear()
                question = self._ask(link, waiting, now) if waiting else None
                if question is not None:
                    messages.append((peer, question))
        self._alarm.at = math.inf
        for link in self._expecting.values():
            if link.promises:
                self._alarm.set(next(iter(link.promises.values())))
            if link.waiting:
                self._alarm.set(link.waiting_until)
        return messages

    def next_deadline(self) -> float:
        """Return when to call `on_timer`, never late: inf where nothing is going on."""
        if self.battery and self._links and self._pull == math.inf:
            return 0.0
        deadline, alarm_at = self._heartbeat, self._alarm.at
        if alarm_at < deadline:
            deadline = alarm_at
        return min(deadline, self._pull) if self.battery and self._links else deadline

    def take_broken(self) -> dict[bytes, int]:
        """Return how many promises each peer broke since the last call: SILENCE."""
        broken, self._broken = self._broken, {}
        return broken

    # -- inside -------------------------------------------------------------------------

    def _spread(
        self, fresh: Fresh, links: list[tuple[bytes, GossipLink]], now: float, *, own: bool
    ) -> Spread:
        n_eager = EAGER if self.battery or not own else len(links)
        n_lazy = 0 if self.battery else n_eager + LAZY
        eager: list[bytes] = []
        announced = 0
        spilled = False
        for place, (peer, link) in enumerate(self._eager_first(links)):
            if place < n_eager and not link.battery:
                if link.may_push(now):
                    eager.append(peer)
                    continue
                spilled = True
            if place < n_lazy or link.battery:
                link.pend(fresh)
                announced += 1
        if announced:
            self._heartbeat = min(self._heartbeat, now + HEARTBEAT_S)
        self.counters.n_eager += len(eager)
        self.counters.n_lazy += announced
        return Spread(tuple(eager), announced, spilled)

    @staticmethod
    def _eager_first(links: list[tuple[bytes, GossipLink]]) -> list[tuple[bytes, GossipLink]]:
        """Put the first dialled ones to the front, those on battery to the end."""
        awake = [pair for pair in links if not pair[1].battery]
        dialled = [pair for pair in awake if pair[1].dialled][:EAGER_DIALLED]
        peers = {peer for peer, _ in dialled}
        rest = [pair for pair in awake if pair[0] not in peers]
        return dialled + rest + [pair for pair in links if pair[1].battery]

    def _shuffled(self, links: list[tuple[bytes, GossipLink]]) -> list[tuple[bytes, GossipLink]]:
        if len(links) < 2:
            return links
        return [links[place] for place in self._rng.permutation(len(links)).tolist()]

    def _settle(self, segment_id: bytes) -> list[bytes]:
        """Note a segment's arrival on all links; returns who had announced it."""
        for peer in [each for each, link in self._expecting.items() if not link.expects]:
            del self._expecting[peer]
        return [peer for peer, link in self._expecting.items() if link.settle(segment_id)]

    def _unknown(self, link: GossipLink, tags: list[bytes]) -> list[bytes]:
        known = self.seen.behind(tags, link.key)
        for short in known.values():
            link.pending.pop(short, None)
        return [tag for tag in tags if tag not in known and tag not in link.promises]

    def _is_promised(self, now: float) -> bool:
        """Return whether somebody was asked within the last GRACE_S."""
        for link in self._expecting.values():
            if link.promises:
                until = next(reversed(link.promises.values()))
                if until - PROMISE_S + GRACE_S > now:
                    return True
        return False

    def _ask(self, link: GossipLink, tags: list[bytes], now: float) -> Iwant | None:
        asked = link.ask(tags, now)
        if asked:
            self._alarm.set(now + PROMISE_S)
        self.counters.n_asked += len(asked) // TAGS_BYTES
        return Iwant(0, asked) if asked else None

    def _pulls(self, now: float) -> list[tuple[bytes, Ihave | Iwant]]:
        if not self.battery or not self._links:
            return []
        due = self._pull <= now
        if due or self._pull == math.inf:
            self._pull = now + uniform(self._rng, *PULL_S)
        if not due:
            return []
        peers = list(self._links)
        return [(peers[int(self._rng.integers(len(peers)))], Iwant(0, b""))]

    def _quota(self, author: bytes, now: float) -> Bucket:
        bucket = self._authors.pop(author, None) or Bucket(*AUTHOR_RATE)
        self._authors[author] = bucket
        if len(self._authors) > QUOTA_AUTHORS_MAX:
            del self._authors[next(iter(self._authors))]
        return bucket
