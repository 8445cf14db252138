"""Choose whom to dial: anchors, ends of walks along trust, samples, and fillers.

Example:
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> dialling = Dialling(b"me", rng, AddressBook(rng), LinkTable(), Scores())
    >>> dialling.book.add(b"ann", Address("ann.example", 7700), source="", now=0.0)
    True
    >>> dialling.dial(now=0.0)
    Dial(peer=b'ann', address=Address(host='ann.example', port=7700, path=''))
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final

import numpy as np

from peerrec.protocol.addresses import LOCAL, AddressBook, Known, netgroup
from peerrec.protocol.effects import Dial
from peerrec.protocol.invite import Address
from peerrec.protocol.link_table import PER_GROUP, Link, LinkTable, Slot
from peerrec.protocol.membership_settings import MembershipSettings
from peerrec.protocol.sampler import Samplers
from peerrec.protocol.scoring import Scores

__all__ = ["Dialling"]

DIAL_S: Final = 30.0
"""After which a dial that nobody reported on has failed."""

FEW_LINKS: Final = 4
"""Dialled links below which netgroups do not matter: some link is better than none."""

WORD_S: Final = 30.0
"""Time for peers that we dialled to tell of others; then those who dialled us are believed."""

WALKS: Final = 4
"""Walks along trust tried for one dial."""


class Dialling:
    """Whom to dial next, and the dials on their way.

    Args:
        me: id of this node.
        rng: draws candidates and keys.
        book: known addresses.
        links: the links there are.
        scores: points of peers.
        settings: how many links.
        walk_ends: draws so many peers on whom walks along trust end; none where trust is unknown.
        blocked: whether a person wants nothing of a peer.

    Attributes:
        attempts: dials on their way: why, and until when.
        anchors: peers to dial first after a restart.
        invited: peers that a person named and that were not reached yet.
        samplers: min-wise samples of all peers heard of.
    """

    __slots__ = (
        "_blocked", "_me", "_rng", "_walk_ends", "anchors", "attempts", "book", "invited",
        "links", "samplers", "scores", "settings",
    )  # fmt: skip

    def __init__(
        self,
        me: bytes,
        rng: np.random.Generator,
        book: AddressBook,
        links: LinkTable,
        scores: Scores,
        settings: MembershipSettings | None = None,
        *,
        walk_ends: Callable[[np.random.Generator, int], list[bytes]] | None = None,
        blocked: Callable[[bytes], bool] | None = None,
    ) -> None:
        self._me = me
        self._rng = rng
        self._walk_ends = walk_ends or (lambda rng, n: [])
        self._blocked = blocked or (lambda peer: False)
        self.book = book
        self.links = links
        self.scores = scores
        self.settings = settings or MembershipSettings()
        self.attempts: dict[tuple[bytes | None, Address], tuple[Slot, float]] = {}
        self.anchors: list[bytes] = []
        self.invited: list[bytes] = []
        self.samplers = Samplers(rng, self.settings.samples)
        for peer in book.peers():
            self.samplers.offer(peer)

    @property
    def n_wanted(self) -> int:
        """How many dials are wanting."""
        n_under_way = len(self.attempts) if self.attempts else 0
        n = self.settings.dialled - self.links.n_dialled - n_under_way
        return max(n, len(self.invited) - n_under_way) if self.invited else n

    def dial(self, now: float) -> Dial | None:
        """Choose whom to dial now; None where nobody is known who may be dialled."""
        for slot in self._wanted_slots():
            known = self._candidate(slot, now)
            if known is not None:
                self.attempts[known.peer, known.address] = (slot, now + DIAL_S)
                return Dial(known.peer, known.address)
        return None

    def promote(self, now: float) -> Dial | None:
        """Choose the end of a walk to take a filler's place; None where walks lack nothing."""
        if self._lacks()[Slot.WALK] <= 0 or not self.fillers():
            return None
        known = self._candidate(Slot.WALK, now)
        if known is None:
            return None
        self.attempts[known.peer, known.address] = (Slot.WALK, now + DIAL_S)
        return Dial(known.peer, known.address)

    def fillers(self) -> list[Link]:
        """Return the dialled links that only an address spoke for, oldest first."""
        return [link for link in self.links.dialled() if link.slot is Slot.FILL]

    def knock(self, now: float) -> Dial | None:
        """Choose somebody who used to answer, whatever the back-off; None if nobody is lost."""
        lost = [each for each in self.book.lost(now) if self._is_free(each[0], now)]
        if not lost:
            return None
        peer, address = lost[int(self._rng.integers(len(lost)))]
        self.attempts[peer, address] = (Slot.FILL, now + DIAL_S)
        return Dial(peer, address)

    def ended(self, peer: bytes | None, address: Address) -> Slot | None:
        """Note that a dial ended, well or not; returns its slot, None if there was none."""
        return self.attempts.pop((peer, address), (None, 0.0))[0]

    def late(self, now: float) -> list[tuple[bytes | None, Address]]:
        """Return the dials on which nobody reported in time."""
        return [each for each, (_, until) in self.attempts.items() if until <= now]

    def next_deadline(self) -> float:
        """Return when the first dial is `late`."""
        if not self.attempts:
            return math.inf
        return min(until for _, until in self.attempts.values())

    def _wanted_slots(self) -> list[Slot]:
        """Return the kinds to try, those that lack most first."""
        lacks = self._lacks()
        ranked = sorted(lacks, key=lambda slot: -lacks[slot])
        return [Slot.INVITE, Slot.ANCHOR, *ranked, Slot.FILL]

    def _lacks(self) -> dict[Slot, int]:
        """Return how many links of a kind are wanting."""
        lacks = {Slot.WALK: self.settings.walks, Slot.SAMPLE: self.settings.samples}
        slots = [link.slot for link in self.links.dialled()]
        for slot in slots + [slot for slot, _ in self.attempts.values()]:
            if slot in lacks:
                lacks[slot] -= 1
        return lacks

    def _candidate(self, slot: Slot, now: float) -> Known | None:
        if slot is Slot.INVITE:
            return self._first_due(self.invited, now)
        if slot is Slot.ANCHOR:
            known = self._first_due(self.anchors, now)
            if known is not None:
                self.anchors = [peer for peer in self.anchors if peer != known.peer]
            return known
        if slot is Slot.WALK:
            return self._first_due(self._walk_ends(self._rng, WALKS), now)
        if slot is Slot.SAMPLE:
            known = self._first_due(self.samplers.values(), now)
            return known if known is not None and self._is_apart(known) else None
        return self._filler(now)

    def _first_due(self, peers: list[bytes], now: float) -> Known | None:
        for peer in peers:
            if self._is_free(peer, now):
                known = self.book.to_dial(peer, now)
                if known is not None:
                    return known
        return None

    def _filler(self, now: float) -> Known | None:
        def allowed(known: Known) -> bool:
            return known.peer is not None and self._is_free(known.peer, now)

        def fit(known: Known) -> bool:
            return allowed(known) and self._is_apart(known)

        def believed(known: Known) -> bool:
            return bool(known.answered or known.sought) and fit(known)

        known = self.book.draw(now, allowed=believed)
        if known is None and not self._waits_for_word(now):
            known = self.book.draw(now, allowed=fit)
            if known is None and self.links.n_dialled + len(self.attempts) < FEW_LINKS:
                known = self.book.draw(now, allowed=allowed)
        if known is None and not len(self.links) and not self.attempts:
            known = self.book.to_dial(None, now)
        return known

    def _waits_for_word(self, now: float) -> bool:
        """Return whether peers that we dialled still have time to tell us of others.

        Whoever dials us tells at once, and as much as it likes: without this wait all places
        were taken by its word before the first peer of our own choice had said anything.
        """
        if not self.links.n_dialled:
            return bool(self.attempts)
        return now < min(link.since for link in self.links.dialled()) + WORD_S

    def _is_free(self, peer: bytes, now: float) -> bool:
        return (
            peer != self._me
            and peer not in self.links
            and all(peer != dialling for dialling, _ in self.attempts)
            and not self.scores.is_banned(peer, now)
            and not self._blocked(peer)
        )

    def _is_apart(self, known: Known) -> bool:
        group = netgroup(known.host)
        n_dialling = sum(1 for _, address in self.attempts if netgroup(address.host) == group)
        return group == LOCAL or self.links.n_in_group(group) + n_dialling < PER_GROUP
