"""Decide to whom a node is linked: whom to dial, keep, ask, and part with.

The dialled links are of three kinds, so that no single trick takes them all: anchors that
were there before a restart, ends of walks along trust, which cost an attacker trust, and
min-wise samples (Brahms), which cost him identities. The worst is replaced every
`ROTATE_S` while links differ in what they bring, and only once another is up in its
place. Incoming links: see `peerrec.protocol.inbound`.

Example:
    >>> import numpy as np
    >>> membership = Membership(b"me", np.random.default_rng(0), now=0.0)
    >>> membership.invite(b"ann", Address("ann.example", 7700), now=0.0)
    >>> membership.on_timer(now=0.0)
    [Dial(peer=b'ann', address=Address(host='ann.example', port=7700, path=''))]
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final, NamedTuple, TypeAlias

import msgspec
import numpy as np

from peerrec.errors import RemoteProtocolError
from peerrec.limits import ADDRESSES_MAX, ANCHORS_MAX, BOOTSTRAP_MAX, STATE_BYTES_MAX
from peerrec.protocol.addresses import LOCAL, AddressBook, netgroup
from peerrec.protocol.alarm import Alarm
from peerrec.protocol.chance import uniform
from peerrec.protocol.dialling import Dialling
from peerrec.protocol.effects import Dial, Hangup
from peerrec.protocol.inbound import Inbound, evicted
from peerrec.protocol.invite import Address
from peerrec.protocol.link_table import Link, LinkTable, Slot, gathered
from peerrec.protocol.membership_settings import MembershipSettings
from peerrec.protocol.rates import Bucket
from peerrec.protocol.scoring import Deed, Scores
from peerrec.protocol.violations import Violation

__all__ = ["AskPeers", "Membership", "PingPeer", "Step"]

ROTATE_S: Final = 30.0
"""How often the worst dialled link is looked at: 16 bad links are gone in minutes."""

ROTATE_GAP: Final = 4.0
"""Points below 0, or short of what the median would have by now, from which on a link is
replaced: some lost messages do not make it."""

ROTATE_SHARE: Final = 0.25
"""… and it must have less than this share of the median."""

KNOCK_S: Final = 60.0
"""How often somebody who used to answer is dialled in spite of its back-off: a network that
was parted for a day heals within seconds of the first such dial that is answered."""

ROTATE_IDLE_S: Final = 1_800.0
"""How often a link is replaced though all are alike: networks must mix, but cheaply."""

DIALS_MAX: Final = 3
"""Dials at once."""

IDLE_DIAL_S: Final = 1.0
"""Wait after there was nobody to dial; doubles."""

IDLE_DIAL_MAX_S: Final = 60.0
"""The longest such wait."""

LEFT_S: Final = 600.0
"""How long a peer that the person sent away is neither dialled nor let in."""

PING_S: Final = 1_800.0
"""Silence after which a peer is asked whether it is there."""

PING_EARLY_S: Final = 5.0
"""When a new incoming link's round trip is measured."""

PONG_S: Final = 60.0
"""How long an answer may take."""

ASK_S: Final = 60.0
"""Seconds between questions for addresses where few are known; doubles."""

ASK_MAX_S: Final = 1_800.0
"""The same at rest."""

ADDRESSES_FEW: Final = 32
"""Known peers below which more are asked for."""

LEARN_RATE: Final[tuple[float, ...]] = (0.1, 2.0 * ADDRESSES_MAX)
"""Addresses per second and at once that are taken from one link."""

TELL_RATE: Final[tuple[float, ...]] = (0.1, 3.0)
"""Questions for addresses per second and at once that one link may ask."""


@dataclass(frozen=True, slots=True)
class AskPeers:
    """Ask a peer for addresses."""

    peer: bytes


@dataclass(frozen=True, slots=True)
class PingPeer:
    """Ask a peer whether it is there."""

    peer: bytes


Step: TypeAlias = Dial | Hangup | AskPeers | PingPeer


class _State(NamedTuple):
    """What is stored."""

    anchors: list[bytes]
    book: bytes
    scores: bytes


class Membership:
    """Who this node is linked to, and should be.

    Args:
        me: id of this node.
        rng: draws candidates, keys and waits.
        now: unix seconds.
        settings: how many links.
        state: what `encode` returned in an earlier life; empty for none.
        walk_ends: draws so many peers on whom walks along trust end, for the WALK slots; none
            where trust is unknown.
        merit: of a peer, ≥ 0; protects incoming links.
        blocked: whether a person wants nothing of a peer.

    Attributes:
        scores: points of peers; what other modules reward and penalise.
        book: known addresses.
        links: the links there are.
        dialling: whom to dial.
    """

    __slots__ = (
        "_ask_at", "_ask_wait_s", "_asked_at", "_blocked", "_dial_at", "_dial_wait_s", "_due",
        "_knock_at", "_left", "_me", "_merit", "_ping_alarm", "_rng", "_rotate_at", "_rotated_at",
        "_settings", "book", "dialling", "links", "scores",
    )  # fmt: skip

    def __init__(
        self,
        me: bytes,
        rng: np.random.Generator,
        now: float,
        settings: MembershipSettings | None = None,
        *,
        state: bytes = b"",
        walk_ends: Callable[[np.random.Generator, int], list[bytes]] | None = None,
        merit: Callable[[bytes], float] | None = None,
        blocked: Callable[[bytes], bool] | None = None,
    ) -> None:
        self._me = me
        self._rng = rng
        self._settings = settings or MembershipSettings()
        self._merit = merit or (lambda peer: 0.0)
        self._blocked = blocked or (lambda peer: False)
        self._left: dict[bytes, float] = {}
        kept = _decoded(state)
        self.book = AddressBook.decode(kept.book, rng, now)
        self.scores = Scores.decode(kept.scores, now)
        self.links = LinkTable()
        self.dialling = Dialling(
            me, rng, self.book, self.links, self.scores, self._settings,
            walk_ends=walk_ends, blocked=self._unwanted,
        )  # fmt: skip
        self.dialling.anchors = kept.anchors[:ANCHORS_MAX]
        for address in self._settings.bootstrap[:BOOTSTRAP_MAX]:
            self.book.add(None, address, source="", now=now)
        self._dial_at = now
        self._dial_wait_s = IDLE_DIAL_S
        self._ping_alarm = Alarm()
        self._rotate_at = now + ROTATE_S
        self._rotated_at = now
        self._knock_at = now + KNOCK_S
        self._ask_at = now
        self._ask_wait_s = ASK_S
        self._asked_at: dict[bytes, float] = {}
        self._due: float | None = None  # the deadline, until something changes it

    # -- what is known ----------------------------------------------------------------------

    def invite(self, peer: bytes, address: Address, now: float) -> None:
        """Dial a peer that a person named, before all others."""
        self._due = None
        if peer in self.links or peer == self._me:
            return
        self._left.pop(peer, None)
        self.book.forget(peer)
        self.book.add(peer, address, source="", now=now)
        if peer not in self.dialling.invited:
            self.dialling.invited = [*self.dialling.invited, peer][-BOOTSTRAP_MAX:]
        self._hurry(now)

    def learned(self, peer: bytes, address: Address, source: bytes | None, now: float) -> bool:
        """Note an address that its owner signed; returns whether it is kept.

        Args:
            peer: its owner.
            address: where.
            source: the linked peer that told it, whose rate counts; None for ourselves.
            now: unix seconds.
        """
        if peer == self._me or self.scores.is_banned(peer, now):
            return False
        host = ""
        link = self.links.get(source) if source is not None else None
        if link is not None:
            if link.learn is None:
                link.learn = Bucket(*LEARN_RATE)
            if not link.learn.take(now):
                return False
            host = link.host
        # Only a neighbour may tell of addresses that are not routed: who told them from
        # afar would have us knock on doors inside our own network.
        if netgroup(host) != LOCAL and netgroup(address.host) == LOCAL:
            return False
        n_before = len(self.book)
        sought = link is None or link.dialled
        kept = self.book.add(peer, address, source=host, now=now, sought=sought)
        if kept:
            if sought:
                self.dialling.samplers.offer(peer)
            if len(self.book) > n_before:
                self._hurry(now)
        return kept

    def heard(self, peer: bytes, now: float) -> None:
        """Note that a message came from a peer."""
        link = self.links.get(peer)
        if link is not None:
            link.heard_at = now
            link.pinged_at = None

    def round_trip(self, peer: bytes, seconds: float) -> None:
        """Note how long an answer of a peer took."""
        link = self.links.get(peer)
        if link is not None and seconds >= 0.0:
            link.round_trip_s = seconds

    # -- links --------------------------------------------------------------------------------

    def bound(self, dialled: int, incoming: int, now: float) -> list[Step]:
        """Keep another number of links from now on; returns which are too many, the worst."""
        self._due = None
        self._settings = replace(self._settings, dialled=dialled, incoming=incoming)
        self.dialling.settings = self._settings
        self._reward_all(now)
        steps: list[Step] = []
        for links, n_kept in ((self.links.dialled(), dialled), (self.links.incoming(), incoming)):
            points = {link.peer: self.scores.of(link.peer, now) for link in links}
            best = sorted(links, key=lambda link: (-points[link.peer], link.since, link.peer))
            steps += [Hangup(link.peer, "full") for link in best[n_kept:]]
        return steps

    def refuses(self, peer: bytes, host: str, now: float) -> str | None:
        """Return why an incoming link is not taken; None if it is."""
        if peer == self._me:
            return "self"
        if self.scores.is_banned(peer, now):
            return "banned"
        if self._blocked(peer):
            return "blocked"
        if now < self._left.get(peer, now):
            return "sent away"
        return None if self._has_place(peer, host, now) else "full"

    def link_up(
        self, peer: bytes, *, dialled: bool, address: Address | None, host: str, now: float
    ) -> list[Step]:
        """Note a link; returns the hanging up that it causes."""
        self._due = None
        slot = Slot.FILL
        if dialled and address is not None:
            slot = (
                self.dialling.ended(peer, address)
                or self.dialling.ended(None, address)
                or Slot.FILL
            )
            self.book.answered(peer, address, now)
            self.dialling.samplers.offer(peer)
        link = Link(peer, dialled=dialled, host=host, address=address, now=now, slot=slot)
        self.links.add(link)
        self._ping_alarm.set(_ping_at(link))
        self.dialling.invited = [each for each in self.dialling.invited if each != peer]
        self._dial_wait_s = IDLE_DIAL_S
        self._dial_at = min(self._dial_at, now + IDLE_DIAL_S)
        if dialled and len(self.book.peers()) < ADDRESSES_FEW:
            self._ask_at = min(self._ask_at, now + 1.0)
        return self._relieved(peer, now) if dialled else self._admitted(peer, now)

    def link_down(self, peer: bytes, now: float) -> None:
        """Note that a link ended."""
        self._due = None
        link = self.links.pop(peer)
        self._asked_at.pop(peer, None)
        if link is not None:
            self._reward_uptime(link, now)
            if link.dialled:
                self._hurry(now)

    def dial_failed(
        self, peer: bytes | None, address: Address, now: float, *, refused: bool = False
    ) -> None:
        """Note that a dial failed; the address rests for a while.

        Args:
            peer: who was dialled.
            address: where.
            now: unix seconds.
            refused: whether it was there and has no place for us.
        """
        self._due = None
        if self.dialling.ended(peer, address) is not None:
            self._rest(peer, address, now, refused=refused)
            self._dial_at = min(self._dial_at, now + IDLE_DIAL_S)

    def leave(self, peer: bytes, now: float) -> None:
        """Note that the person sent a peer away: for a while there is no link to it."""
        self._due = None
        self._left[peer] = now + LEFT_S
        self.dialling.invited = [each for each in self.dialling.invited if each != peer]

    def _unwanted(self, peer: bytes) -> bool:
        return peer in self._left or self._blocked(peer)

    def turned_away(self, peer: bytes, now: float) -> None:
        """Note that a peer we dialled needs the place for another: its address rests, too.

        Else who finds no place anywhere goes round and round, and displaces others who do.
        """
        link = self.links.get(peer)
        if link is not None and link.dialled and link.address is not None:
            self._rest(peer, link.address, now, refused=True)

    def _rest(self, peer: bytes | None, address: Address, now: float, *, refused: bool) -> None:
        self.book.failed(peer, address, now, refused=refused)
        if peer is not None and self.book.next_try(peer) > now:
            self.dialling.samplers.drop(peer)

    # -- peer exchange --------------------------------------------------------------------------

    def share(self, peer: bytes, now: float) -> list[bytes]:
        """Return peers whose addresses to tell, best first; take the first that have one.

        Raises:
            RemoteProtocolError: the peer asks too often.
        """
        link = self.links.get(peer)
        if link is None:
            return []
        if link.tell is None:
            link.tell = Bucket(*TELL_RATE)
        if not link.tell.take(now):
            raise RemoteProtocolError(Violation.RATE, "asks for addresses too often")
        known = [each for each in self.book.peers() if each != peer]
        known += [each.peer for each in self.links.all() if each.peer not in known]
        known = [each for each in known if each != peer and not self.scores.is_banned(each, now)]
        order = self._rng.permutation(len(known)).tolist()[: 4 * ADDRESSES_MAX]
        return [known[place] for place in order]

    def answered(self, peer: bytes) -> None:
        """Note an answer with addresses.

        Raises:
            RemoteProtocolError: nobody had asked for it.
        """
        link = self.links.get(peer)
        if link is None:
            return
        if not link.asked:
            raise RemoteProtocolError(Violation.STATE, "addresses that nobody asked for")
        link.asked = False

    # -- time -------------------------------------------------------------------------------------

    def on_timer(self, now: float) -> list[Step]:
        """Return what is due."""
        self._due = None
        for over in [each for each, until in self._left.items() if until <= now]:
            del self._left[over]
        for peer, address in self.dialling.late(now):
            self.dial_failed(peer, address, now)
        steps = self._unwelcome(now)
        steps += self._dials(now)
        steps += self._rotation(now)
        steps += self._knocking(now)
        steps += self._questions(now)
        steps += self._pings(now)
        return steps

    def next_deadline(self) -> float:
        """Return when to call `on_timer`: never late."""
        if self._due is None:  # every message asks, and few change it
            self._due = self._next_due()
        return self._due

    def _next_due(self) -> float:
        dialling, linked = self.dialling, self.links.n_dialled or self.links.n_incoming
        deadline = dialling.next_deadline() if dialling.attempts else math.inf
        if dialling.n_wanted > 0:
            deadline = min(deadline, self._dial_at)
        elif linked:
            deadline = min(deadline, self._rotate_at)
        if linked:
            deadline = min(deadline, self._ask_at, self._knock_at, self._ping_alarm.at)
        return deadline

    def encode(self, now: float) -> bytes:
        """Return what to store: anchors, addresses and bans."""
        anchors = self.links.anchors(lambda peer: self.scores.of(peer, now), now)
        anchors += [peer for peer in self.dialling.anchors if peer not in anchors]
        state = _State(anchors[:ANCHORS_MAX], self.book.encode(), self.scores.encode(now))
        return msgspec.msgpack.encode(state)

    # -- inside: dialling -----------------------------------------------------------------------

    def _hurry(self, now: float) -> None:
        """Look for somebody to dial soon, for something changed."""
        self._due = None
        self._dial_wait_s = IDLE_DIAL_S
        self._dial_at = min(self._dial_at, now)

    def _dials(self, now: float) -> list[Step]:
        steps: list[Step] = []
        if now < self._dial_at:
            return steps
        while self.dialling.n_wanted > 0 and len(self.dialling.attempts) < DIALS_MAX:
            dial = self.dialling.dial(now)
            if dial is None:
                self._dial_wait_s = min(self._dial_wait_s * 2.0, IDLE_DIAL_MAX_S)
                break
            steps.append(dial)
        wait_s = IDLE_DIAL_S if steps else self._dial_wait_s
        self._dial_at = now + wait_s * uniform(self._rng, 0.8, 1.2)
        return steps

    # -- inside: parting ------------------------------------------------------------------------

    def _unwelcome(self, now: float) -> list[Step]:
        is_banned, blocked = self.scores.is_banned, self._blocked
        any_ban = now < self.scores.bans_until
        return [
            Hangup(link.peer, "banned" if is_banned(link.peer, now) else "blocked")
            for link in self.links.all()
            if blocked(link.peer) or (any_ban and is_banned(link.peer, now))
        ]

    def _ranked(self, now: float) -> list[tuple[float, Link]]:
        """Return the dialled links that may be parted with, worst first, with points."""
        self._reward_all(now)
        return self.links.ranked(self.scores, now)

    def _reward_all(self, now: float) -> None:
        for link in self.links.all():
            self._reward_uptime(link, now)

    def _reward_uptime(self, link: Link, now: float) -> None:
        minutes = (now - link.credited_at) / 60.0
        if minutes > 0.0:
            self.scores.reward(link.peer, Deed.UPTIME, now, minutes)
            link.credited_at = now

    def _rotation(self, now: float) -> list[Step]:
        """Dial somebody in place of the worst link, which goes once the other is up.

        Ends of walks come first, in place of what filled their places while trust was not
        known: a newcomer is told of addresses before it hears who trusts whom.
        """
        if now < self._rotate_at:
            return []
        self._rotate_at = now + ROTATE_S
        if len(self.links.dialled()) < self._settings.dialled or self.dialling.attempts:
            return []
        dial = self.dialling.promote(now)
        if dial is not None:
            return [dial]
        ranked = self._ranked(now)
        if not ranked:
            return []
        (worst, link), median = ranked[0], ranked[len(ranked) // 2][0]
        idle = now - self._rotated_at >= ROTATE_IDLE_S
        lacks = (median - worst) * gathered(link, now) > ROTATE_GAP
        poor = lacks and worst < median * ROTATE_SHARE
        if not (worst < -ROTATE_GAP or poor or idle):
            return []
        dial = self.dialling.dial(now)
        if dial is None:
            return []
        self._rotated_at = now
        return [dial]

    def _knocking(self, now: float) -> list[Step]:
        """Dial somebody who was lost: the other half of a parted network is found this way."""
        if now < self._knock_at:
            return []
        self._knock_at = now + KNOCK_S * uniform(self._rng, 0.8, 1.2)
        dial = None if self.dialling.attempts else self.dialling.knock(now)
        return [] if dial is None else [dial]

    def _relieved(self, newcomer: bytes, now: float) -> list[Step]:
        """Part with the worst dialled link where there is one too many."""
        if len(self.links.dialled()) <= self._settings.dialled:
            return []
        link, fillers = self.links.get(newcomer), self.dialling.fillers()
        if link is not None and link.slot is Slot.WALK and fillers:
            return [Hangup(fillers[-1].peer, "rotation")]
        ranked = [each for _, each in self._ranked(now)]
        others = [each.peer for each in ranked if each.peer != newcomer]
        return [Hangup(others[0] if others else newcomer, "rotation")]

    def _admitted(self, newcomer: bytes, now: float) -> list[Step]:
        """Part with an incoming link where there is one too many."""
        incoming = self.links.incoming()
        if len(incoming) <= self._settings.incoming:
            return []
        rows = self._weighed(incoming, now)
        places = [row.peer for row in rows]
        asking = rows.pop(places.index(newcomer))
        return [Hangup(evicted(rows, now, asking) or newcomer, "full")]

    def _has_place(self, peer: bytes, host: str, now: float) -> bool:
        """Return whether an incoming link of a peer is taken, in the place of another maybe."""
        incoming = self.links.incoming()
        if len(incoming) < self._settings.incoming:
            return True
        link = Link(peer, dialled=False, host=host, address=None, now=now)
        *rows, asking = self._weighed([*incoming, link], now)
        return evicted(rows, now, asking) not in (None, peer)

    def _weighed(self, links: list[Link], now: float) -> list[Inbound]:
        """Return links with all that the choice between them depends on."""
        return [
            Inbound(
                link.peer,
                link.group,
                link.since,
                link.round_trip_s,
                self.scores.deeds(link.peer, Deed.FIRST_DELIVERY, now),
                self._merit(link.peer),
                self.scores.of(link.peer, now),
            )
            for link in links
        ]

    # -- inside: questions ----------------------------------------------------------------------

    def _questions(self, now: float) -> list[Step]:
        if now < self._ask_at or not len(self.links):
            return []
        # Who wants to be all that we hear of dials us. So only peers of our own choice are
        # asked, in turn, the first of them first.
        links = self.links.dialled() or self.links.all()
        link = min(links, key=lambda each: self._asked_at.get(each.peer, -math.inf))
        again_at = self._asked_at.get(link.peer, -math.inf) + 1.0 / TELL_RATE[0]
        if now < again_at:
            self._ask_at = again_at
            return []
        few = len(self.book.peers()) < ADDRESSES_FEW or self.dialling.n_wanted > 0
        self._ask_wait_s = min(self._ask_wait_s * 2.0, ASK_MAX_S) if few else ASK_MAX_S
        self._ask_at = now + self._ask_wait_s * uniform(self._rng, 0.8, 1.2)
        link.asked = True
        self._asked_at[link.peer] = now
        return [AskPeers(link.peer)]

    def _pings(self, now: float) -> list[Step]:
        steps: list[Step] = []
        if now < self._ping_alarm.at:
            return steps
        self._ping_alarm.at = math.inf
        for link in self.links.all():
            if _ping_at(link) > now:
                self._ping_alarm.set(_ping_at(link))
                continue
            if link.pinged_at is not None:
                steps.append(Hangup(link.peer, "silent"))
                link.pinged_at = now
            else:
                steps.append(PingPeer(link.peer))
                link.pinged_at = now
                link.was_pinged = True
            self._ping_alarm.set(_ping_at(link))
        return steps


def _ping_at(link: Link) -> float:
    """Return when a link is to be pinged, or given up."""
    if link.pinged_at is not None:
        return link.pinged_at + PONG_S
    if not link.was_pinged and not link.dialled:
        return link.since + PING_EARLY_S
    return link.heard_at + PING_S


def _decoded(state: bytes) -> _State:
    """Return a stored state; an empty one where it is unreadable."""
    try:
        if state and len(state) <= STATE_BYTES_MAX:
            return msgspec.msgpack.decode(state, type=_State)
    except msgspec.MsgspecError:
        pass
    return _State([], b"", b"")
