"""Take part in the network: one object that turns messages and time into effects.

A `Node` is sans-IO: bytes and ``now`` go in, effects come out (`Send`, `Dial`,
`Hangup`), and everything it knows is in its store. The daemon drives it with sockets,
the simulator with a heap of events; under the same calls and the same generator it does
the same, byte for byte.

Example:
    >>> from peerrec.protocol.identity import Ed25519Signer
    >>> from peerrec.store.memory import MemoryStore
    >>> node = Node(MemoryStore(), Ed25519Signer.from_seed(bytes(32)), network="music",
    ...             rng=np.random.default_rng(1), now=60.0)
    >>> node.status(60.0).links, node.next_deadline() >= 60.0
    ((), True)
"""

from __future__ import annotations

import logging
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from peerrec.errors import RemoteProtocolError, StoreError
from peerrec.ids import network_id, peer_text
from peerrec.limits import CREDIT_BYTES, MINUTE_S
from peerrec.peering.acquaintance import Acquaintance
from peerrec.peering.circulation import Circulation
from peerrec.peering.factoring import Factoring
from peerrec.peering.library import Library
from peerrec.peering.link import Link, link_key
from peerrec.peering.own_log import OwnLog
from peerrec.peering.publisher import Publisher
from peerrec.peering.reception import Reception
from peerrec.peering.replication import FOLLOWING, MEMBERSHIP, Replication
from peerrec.peering.sessions import Sessions
from peerrec.peering.settings import NodeSettings
from peerrec.peering.shelf import LinkShelf
from peerrec.peering.standing import Standing
from peerrec.peering.status import NodeStatus, link_status
from peerrec.peering.switchboard import Switchboard
from peerrec.protocol.anti_entropy import AntiEntropy
from peerrec.protocol.chance import uniform
from peerrec.protocol.effects import Effect, Hangup, Priority
from peerrec.protocol.following import Following
from peerrec.protocol.gossip import Gossip
from peerrec.protocol.identity import Ed25519Verifier, Signer, Verifier
from peerrec.protocol.invite import Address
from peerrec.protocol.membership import Membership
from peerrec.protocol.membership_settings import MembershipSettings
from peerrec.protocol.messages import (
    Feature,
    GoawayCode,
    Hello,
    Profile,
)
from peerrec.protocol.scoring import Deed
from peerrec.protocol.sync import SyncLink
from peerrec.protocol.violations import Violation
from peerrec.protocol.wire import Ignored, decode, encode
from peerrec.store import RawId, Store

__all__ = ["Node"]

HOUSEKEEPING_S = 60.0
"""How often the node looks after its store: what to publish, whom to follow, what expired."""

SETTLE_S = 6.0
"""How soon whom to follow is looked at after trust changed: a flood of it costs one look."""

PATIENCE_S = 600.0
"""After so long without a peer that shows otherwise, a log from before may be continued."""

VOUCHERS = 2
"""Strangers in step with us after which it may, too; one with merit, or met before, suffices."""

OFFENCES_MAX = 16
"""Violations of one link, however small, after which it ends."""

LOW_SCORE = -40.0
"""Points below which nobody is let in: reached by repeated accidents, gone in an hour."""

REFUSALS = frozenset({"full", "refused"})
"""Reasons for which a dial failed that say the other is there: it is not lost."""

CHANGEABLE = (
    "follow_bytes_max",
    "exploration_share",
    "batch_count",
    "batch_delay_s",
    "publish_trust",
    "factor_rest_s",
)
"""Settings that a running node takes up; see `Node.change`."""

log = logging.getLogger("peerrec")


class Node:
    """One peer of one network.

    Args:
        store: everything it knows; the caller closes it.
        signer: its key.
        network: name of the network; nodes of others are never met.
        me: raw id of its person in the store.
        verifier: of signatures; None for Ed25519.
        settings: how it takes part.
        membership: how many links of which kind.
        rng: where all its chance comes from.
        now: unix seconds.

    Attributes:
        peer: its id.
        counters: what was ignored, refused and dropped, by reason.
        factoring: its part in the exchange of tables; None where that is switched off.
    """

    def __init__(
        self,
        store: Store,
        signer: Signer,
        *,
        network: str,
        me: RawId = "me",
        verifier: Verifier | None = None,
        settings: NodeSettings | None = None,
        membership: MembershipSettings | None = None,
        rng: np.random.Generator,
        now: float,
    ) -> None:
        self.peer = signer.peer
        self.settings = settings or NodeSettings()
        self.network = network_id(network)
        self.counters: Counter[str] = Counter()
        self._store = store
        self._verifier = verifier or Ed25519Verifier()
        self._rng = rng
        self._standing = Standing(
            store,
            me,
            self.settings.merit,
            half_life_s=self.settings.half_life_s,
            seed=int(rng.integers(1 << 32)),
        )
        self._following = Following(
            self.settings.follow_bytes_max,
            me=self.peer,
            rng=rng,
            now=now,
            exploration_share=self.settings.exploration_share,
            blocked=self._standing.blocked.__contains__,
        )
        self._following.restore(store.setting(FOLLOWING) or b"")
        self._library = Library(
            store, self.peer, me, self.network, self._verifier, self._following,
            self.settings.window_s,
        )  # fmt: skip
        own_log = OwnLog(store, signer, self.network, rng)
        self._publisher = Publisher(self._library, own_log, me, self.settings)
        self._gossip = Gossip(rng, battery=self.settings.profile is Profile.BATTERY)
        self._membership = Membership(
            self.peer,
            rng,
            now,
            membership,
            state=store.setting(MEMBERSHIP) or b"",
            walk_ends=self._standing.walk_ends,
            merit=lambda peer: self._standing.merit.get(peer, 0.0),
            blocked=self._standing.blocked.__contains__,
        )
        self._switchboard = Switchboard()
        self._sessions = Sessions(self._switchboard, self.counters, self._agreed, self._offended)
        self._acquaintance = Acquaintance(
            self.peer, self.network, self._verifier, self._membership, self._switchboard
        )
        self._circulation = Circulation(
            self._library,
            own_log,
            self._publisher,
            self._gossip,
            self._membership,
            self._switchboard,
            self._acquaintance.cards,
            self.counters,
        )
        self._replication = Replication(
            store,
            self._library,
            self._standing,
            self._following,
            self._membership,
            self._switchboard,
            self.counters,
            now,
        )
        self.factoring: Factoring | None = None
        if self.settings.factors:
            self.factoring = Factoring(
                store, me, signer, self._verifier, self.network, self._standing,
                self._switchboard, self.settings, self.counters, rng, self._offended,
            )  # fmt: skip
        self._reception = Reception(
            self.network, self._library, self._gossip, self._circulation, self._membership,
            self._switchboard, self._sessions, self._acquaintance, self.factoring, self.counters,
        )  # fmt: skip
        self._started_at = now
        self._vouchers: set[bytes] = set()
        self._housekeeping_at = now
        self._replication.review(now)

    # -- what a driver calls ------------------------------------------------------------

    def hello(self, now: float) -> bytes:
        """Return what to say of oneself in a handshake."""
        where = self.settings.address
        return encode(
            Hello(
                request=0,
                features=0 if self.factoring is None else Feature.FACTORS.value,
                minute=int(now // MINUTE_S),
                store_tag=self._store.store_tag(),
                credit=CREDIT_BYTES,
                profile=int(self.settings.profile),
                agent=self.settings.agent,
                host="" if where is None else where.host,
                port=0 if where is None else where.port,
                path="" if where is None else where.path,
            )
        )

    def refuses(self, peer: bytes, host: str, now: float) -> str | None:
        """Return why there may be no link to a peer that came; None where there may."""
        if self._membership.scores.of(peer, now) < LOW_SCORE:
            return "low score"
        return self._membership.refuses(peer, host, now)

    def link_up(
        self,
        peer: bytes,
        *,
        dialled: bool,
        address: Address | None,
        host: str,
        hello: bytes,
        binding: bytes,
        now: float,
    ) -> list[Effect]:
        """Take note of a new link; see `peerrec.peering.endpoint.Endpoint.link_up`."""
        try:
            said = decode(hello)
            if not isinstance(said, Hello):
                raise RemoteProtocolError(Violation.STATE, "the handshake brought no HELLO")
        except RemoteProtocolError as error:
            self.counters[f"violation: {error.violation}"] += 1
            self._membership.scores.penalise(peer, error.violation, now)
            return [Hangup(peer, "violation")]
        memory = self._replication.remembered(peer)
        shelf = LinkShelf(
            self._library,
            self._standing,
            lambda segments, at: self._circulation.take(peer, segments, at),
            lambda evidence, at: self._circulation.take_proof(peer, evidence, at),
        )
        battery = Profile.BATTERY in (said.profile, self.settings.profile)
        link = Link(
            peer,
            dialled=dialled,
            host=host,
            address=address,
            hello=said,
            sync=SyncLink(
                shelf,
                dialled=dialled,
                key=link_key(binding, b"sync"),
                peer_store_tag=said.store_tag,
                memory=memory,
                credit=said.credit,
            ),
            memory=memory,
            met_before=self._replication.has_met(peer),
            schedule=AntiEntropy(
                self._rng, dialled=dialled, now=now, battery=battery, alarm=self._sessions.alarm
            ),
            now=now,
        )
        self._switchboard.add(link)
        self._gossip.link_up(
            peer,
            key=link_key(binding, b"gossip"),
            dialled=dialled,
            battery=said.profile == Profile.BATTERY,
        )
        if self.factoring is not None:
            self.factoring.link_up(link, now)
        steps = self._membership.link_up(peer, dialled=dialled, address=address, host=host, now=now)
        if said.port:
            where = Address(said.host or host, said.port, said.path)
            self._membership.learned(peer, where, peer, now)
        self._acquaintance.carry_out(steps, now)
        self._sessions.on_timer(now)
        return self._switchboard.flush()

    def link_down(self, peer: bytes, reason: str, now: float) -> list[Effect]:
        """Take note that a link ended."""
        link = self._switchboard.pop(peer)
        if link is not None:
            self.counters[f"link ended: {reason}"] += 1
            self._replication.remember(link)
            self._gossip.link_down(peer)
            self._membership.link_down(peer, now)
            if self.factoring is not None:
                self.factoring.link_down(peer, now)
        return self._switchboard.flush()

    def dial_failed(
        self, peer: bytes | None, address: Address, reason: str, now: float
    ) -> list[Effect]:
        """Take note that a dial came to nothing."""
        self.counters[f"dial failed: {reason}"] += 1
        self._membership.dial_failed(peer, address, now, refused=reason in REFUSALS)
        return self._switchboard.flush()

    def receive(self, data: bytes, sender: bytes, now: float) -> list[Effect]:
        """Deal with a message; what breaks the rules costs the sender, never this node."""
        link = self._switchboard.get(sender)
        if link is None or link.leaving:
            return []
        try:
            message = decode(data)
            if isinstance(message, Ignored):
                link.ignored(len(data), now)
            else:
                link.heard(message, len(data), now)
                self._membership.heard(sender, now)
                self._reception.take(link, message, now)
                if self._circulation.trust_changed:
                    self._circulation.trust_changed = False
                    self._housekeeping_at = min(self._housekeeping_at, now + SETTLE_S)
        except RemoteProtocolError as error:
            self._offended(link, error, now)
        except StoreError as error:
            self.counters["store failures"] += 1
            log.warning("%s", error)
        return self._switchboard.flush()

    def on_timer(self, now: float) -> list[Effect]:
        """Do what is due."""
        for peer, message in self._gossip.on_timer(now):
            self._switchboard.put(peer, message, Priority.GOSSIP)
        for peer, n in self._gossip.take_broken().items():
            self._membership.scores.penalise(peer, Violation.SILENCE, now, n)
            link = self._switchboard.get(peer)
            if link is not None:
                link.schedule.news(now)
        self._acquaintance.carry_out(self._membership.on_timer(now), now)
        self._sessions.on_timer(now)
        if self.factoring is not None and now >= self.factoring.next_deadline():
            self.factoring.on_timer(now)
        if now >= self._housekeeping_at:
            self._housekeeping_at = now + HOUSEKEEPING_S * uniform(self._rng, 0.9, 1.1)
            self._keep_house(now)
        elif now >= self._publisher.next_deadline():
            self._circulation.publish(now)
        return self._switchboard.flush()

    def next_deadline(self) -> float:
        """Return when to call `on_timer`, unix seconds: never late, now and then for nothing."""
        return min(
            self._housekeeping_at,
            self._sessions.alarm.at,
            self._gossip.next_deadline(),
            self._membership.next_deadline(),
            self._publisher.next_deadline(),
            math.inf if self.factoring is None else self.factoring.next_deadline(),
        )

    def publish(self, now: float) -> list[Effect]:
        """Notice what is new in the store, and send what is due; call it after a record."""
        self._circulation.publish(now)
        self._replication.review(now)
        if self._standing.is_due:  # stated right after the last look: do not wait a minute for it
            self._housekeeping_at = min(self._housekeeping_at, now + SETTLE_S)
        return self._switchboard.flush()

    def goodbye(self, now: float) -> list[Effect]:
        """End all links, and keep what is known of peers for the next start."""
        self._replication.keep(now)
        for link in self._switchboard:
            self._replication.remember(link)
            self._switchboard.part(link, GoawayCode.SHUTDOWN, "shutdown")
        return self._switchboard.flush()

    def succeeds(self, former: Node) -> None:
        """Go on with the own log as a node of this process did: nobody else knows more of it."""
        self._publisher.may_sign = self._publisher.may_sign or former._publisher.may_sign

    # -- what a person calls ------------------------------------------------------------

    def invite(self, peer: bytes, address: Address, now: float) -> list[Effect]:
        """Meet the peer of an invite: dial it, and look through its eyes while friends are few."""
        self._replication.invited(peer)
        self._membership.invite(peer, address, now)
        self._replication.review(now)
        self._acquaintance.carry_out(self._membership.on_timer(now), now)
        return self._switchboard.flush()

    def leave(self, peer: bytes, now: float) -> list[Effect]:
        """End the link to a peer, and take none to it for ten minutes, or until it is invited."""
        link = self._switchboard.get(peer)
        if link is not None:
            self._membership.leave(peer, now)
            self._switchboard.part(link, GoawayCode.FULL, "asked")
        return self._switchboard.flush()

    def change(self, settings: NodeSettings, now: float) -> list[Effect]:
        """Go on with other budgets and waits.

        Of the settings, those in `CHANGEABLE` count from now on: what a handshake tells, what
        the ranking measures with and what all of a network must share stay as they were.
        """
        given = {name: getattr(settings, name) for name in CHANGEABLE}
        self.settings = replace(self.settings, **given)
        self._publisher.change(self.settings)
        self._following.resize(self.settings.follow_bytes_max, self.settings.exploration_share)
        if self.factoring is not None:
            self.factoring.rest(self.settings.factor_rest_s)
        self._replication.review(now)
        return self._switchboard.flush()

    def bound_links(self, dialled: int, incoming: int, now: float) -> list[Effect]:
        """Keep another number of links from now on."""
        self._acquaintance.carry_out(self._membership.bound(dialled, incoming, now), now)
        return self._switchboard.flush()

    def learn_address(self, peer: bytes, address: Address, now: float) -> None:
        """Note where a peer may be dialled, as found on the local network."""
        self._membership.learned(peer, address, None, now)

    def sync_now(self, peer: bytes, now: float) -> list[Effect]:
        """Begin a session with a linked peer unless one is going on."""
        link = self._switchboard.get(peer)
        if link is not None and not link.sync.busy:
            self._sessions.begin(link, now)
        return self._switchboard.flush()

    def status(self, now: float) -> NodeStatus:
        """Return how the node stands."""
        frontier, scores = self._library.frontier, self._membership.scores
        merit = self._standing.merit
        counters = self.counters + self._library.counters
        return NodeStatus(
            peer=peer_text(self.peer),
            links=tuple(
                link_status(link, merit.get(link.peer, 0.0), scores.of(link.peer, now), now)
                for link in self._switchboard
            ),
            followed=len(self._following.followed),
            strangers=len(self._following.strangers),
            logs=len(frontier.logs()),
            segments=len(frontier),
            segment_bytes=self._store.segments.size_bytes(),
            forks=len(frontier.forked),
            known_addresses=len(self._membership.book),
            counters=dict(sorted(counters.items())),
            factors=None if self.factoring is None else self.factoring.figures(),
        )

    @property
    def links(self) -> Sequence[bytes]:
        """The peers it is linked with, oldest link first."""
        return self._switchboard.peers

    @property
    def library(self) -> Library:
        """The logs it replicates."""
        return self._library

    def link(self, peer: bytes) -> Link | None:
        """Return what is known of a link; None where there is none."""
        return self._switchboard.get(peer)

    # -- what comes of it ----------------------------------------------------------------

    def _offended(self, link: Link, error: RemoteProtocolError, now: float) -> None:
        """Score a broken rule; end the link where it was grave or one of many."""
        self.counters[f"violation: {error.violation}"] += 1
        log.info("%s: %s", peer_text(link.peer), error)
        link.offences += 1
        banned = self._membership.scores.penalise(link.peer, error.violation, now)
        if error.violation == Violation.UNKNOWN_CRITICAL:
            self._switchboard.part(link, GoawayCode.UNKNOWN, "violation", str(error))
        elif banned or link.offences >= OFFENCES_MAX:
            self._switchboard.part(link, GoawayCode.VIOLATION, "violation", error.violation)
        else:
            link.schedule.ended(now, converged=False, n_new=0)

    # -- sessions -----------------------------------------------------------------------

    def _agreed(self, link: Link, n_moved: int, now: float) -> None:
        """Draw the lessons of a session after which both sides hold the same."""
        self._membership.scores.reward(link.peer, Deed.CONVERGED, now)
        if n_moved or not link.kept:
            link.kept = True
            self._replication.remember(link)
        self._allow_signing(link, now)

    def _allow_signing(self, link: Link, now: float) -> None:
        """Go on with a log from before once those had a say who might know more of it."""
        if not self._publisher.may_sign:
            self._vouchers.add(link.peer)
            known = link.met_before or link.peer in self._standing.merit
            if known or len(self._vouchers) >= VOUCHERS:
                self._publisher.may_sign = True
                self._circulation.publish(now)

    # -- housekeeping -------------------------------------------------------------------

    def _keep_house(self, now: float) -> None:
        if now - self._started_at >= PATIENCE_S:
            self._publisher.may_sign = True
        self._circulation.publish(now)
        self._replication.keep_house(now)
