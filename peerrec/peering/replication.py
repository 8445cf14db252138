"""Look after what is replicated: whom to follow, what to let go, what to remember."""

from __future__ import annotations

import logging
from collections import Counter

from peerrec.errors import DataError, StoreError
from peerrec.facade.bootstrap_list import bootstrap_of, remember_bootstrap
from peerrec.peering.library import Library
from peerrec.peering.link import Link
from peerrec.peering.standing import Standing
from peerrec.peering.switchboard import Switchboard
from peerrec.protocol.following import Following
from peerrec.protocol.membership import Membership
from peerrec.protocol.sync_memory import LogPool, PeerMemory
from peerrec.store import Store

__all__ = ["FOLLOWING", "MEMBERSHIP", "Replication"]

MEMBERSHIP = "membership"
FOLLOWING = "following"
PEER = "peer."

EXPIRE_EVERY_S = 3_600.0
"""How often expired segments are looked for: they expire by the day."""

KEEP_EVERY_S = 600.0
"""How often what is known of peers is written: lost minutes of it cost a few dials."""

HOLDERS_ASKED = 4
"""Peers that are asked at once for the log of somebody followed anew: one may lose it, two lie."""

log = logging.getLogger("peerrec")


class Replication:
    """The slow work of a node.

    Args:
        store: of the node.
        library: its logs.
        standing: merit of peers.
        following: whose logs to replicate.
        membership: whom to be linked with.
        switchboard: the links.
        counters: of the node.
        now: unix seconds.
    """

    def __init__(
        self,
        store: Store,
        library: Library,
        standing: Standing,
        following: Following,
        membership: Membership,
        switchboard: Switchboard,
        counters: Counter[str],
        now: float,
    ) -> None:
        self._store = store
        self._library = library
        self._standing = standing
        self._following = following
        self._membership = membership
        self._switchboard = switchboard
        self._counters = counters
        self._expired_at = self._kept_at = now
        self._reviewed = False
        self._pool = LogPool()

    def keep_house(self, now: float) -> None:
        """Do what is due of everything below; what fails is counted and tried again."""
        try:
            self._library.refresh_if_changed()
            self.review(now)
            if now - self._expired_at >= EXPIRE_EVERY_S:
                self._counters["segments expired"] += self._library.expire(now)
                self._expired_at = now
        except StoreError as error:
            self._failed(error)
        if now - self._kept_at >= KEEP_EVERY_S:
            self.keep(now)

    def review(self, now: float) -> None:
        """Measure merit where trust changed, and choose anew whose logs to replicate."""
        known = bootstrap_of(self._store)
        self._standing.bootstrap = tuple(peer for peer in known if peer != self._library.peer)
        held_bytes = self._library.held_bytes()
        over = self._following.is_over(sum(held_bytes.values()))
        due = over or now >= self._following.next_deadline()
        if not self._standing.refresh(now) and not due:
            return
        if not self._reviewed:
            # Strangers whose logs were worth a place before the restart keep it.
            self._reviewed = True
            for author in held_bytes:
                if author not in self._standing.merit:
                    self._following.meet(author)
        before = frozenset(self._following.followed)
        evictions = self._following.plan(self._standing.merit, held_bytes, now)
        try:
            self._counters["segments evicted"] += self._library.evict(evictions)
        except StoreError as error:  # the next plan asks for the same again
            self._failed(error)
        self._look_for(set(self._following.followed) - before, now)

    def _look_for(self, authors: set[bytes], now: float) -> None:
        """Compare within seconds with some who hold logs of authors that are followed anew.

        They are the authors themselves and those to whom it was said that such a log is not
        wanted: one says so of logs that a peer speaks of. All others of them hear of the
        change within the minute.
        """
        asked: Counter[bytes] = Counter()
        if not authors:
            return
        for link in sorted(self._switchboard, key=lambda link: not link.dialled):
            held = {link.peer, *(author for author, _ in link.memory.told)} & authors
            if any(asked[author] < HOLDERS_ASKED for author in held):
                link.schedule.hurry(now)
            elif held:
                link.schedule.news(now)
            asked.update(held)

    def keep(self, now: float) -> None:
        """Write down what is known of peers."""
        self._kept_at = now
        self._write(MEMBERSHIP, self._membership.encode(now))
        self._write(FOLLOWING, self._following.encode())

    def remembered(self, peer: bytes) -> PeerMemory:
        """Return what is remembered of a peer's store."""
        packed = self._store.setting(PEER + peer.hex())
        try:
            if packed is not None:
                return PeerMemory.decode(packed, self._pool)
        except DataError:  # of another version: it only saves bytes
            pass
        return PeerMemory(pool=self._pool)

    def has_met(self, peer: bytes) -> bool:
        """Return whether there was a link to a peer before."""
        return self._store.setting(PEER + peer.hex()) is not None

    def remember(self, link: Link) -> None:
        """Write down what makes the next session with a peer cheap."""
        self._write(PEER + link.peer.hex(), link.memory.encode())

    def invited(self, peer: bytes) -> None:
        """Remember whose invite was accepted."""
        try:
            remember_bootstrap(self._store, peer)
        except StoreError as error:
            self._failed(error)

    def _write(self, key: str, value: bytes) -> None:
        try:
            self._store.set_setting(key, value)
        except StoreError as error:
            self._failed(error)

    def _failed(self, error: StoreError) -> None:
        self._counters["store failures"] += 1
        log.warning("the store could not be looked after: %s", error)
