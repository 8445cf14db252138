"""Score peers by what they did on our links, and ban those who broke the rules.

Good deeds and violations are counted apart and both are halved every `HALF_LIFE_S`. Only
violations ban: no amount of service buys the right to send one forgery. There is no term
for "delivered less than expected": in Ethereum's beacon chain it made nodes cut off
honest peers in quiet times. Violations that a lossy line can cause (`HONEST`) cost a
place in the ranking but never a ban.

Example:
    >>> scores = Scores()
    >>> scores.reward(b"ann", Deed.FIRST_DELIVERY, now=0.0)
    >>> scores.penalise(b"bob", Violation.FORGERY, now=0.0)
    True
    >>> scores.of(b"ann", now=HALF_LIFE_S), scores.is_banned(b"bob", now=60.0)
    (0.5, True)
"""

from __future__ import annotations

import enum
from typing import Final, NamedTuple

import msgspec

from peerrec.limits import DAY_S, SCORED_PEERS_MAX, STATE_BYTES_MAX
from peerrec.protocol.violations import PENALTY, Violation

__all__ = ["BANNED", "HALF_LIFE_S", "Deed", "Scores"]

HALF_LIFE_S: Final = 3_600.0
"""In an hour half of it is forgotten: long against a rotation, short against a mistake."""

BANNED: Final = -100.0
"""Points of violations from which on a peer is banned."""

BAN_S: Final = 3_600.0
"""How long the first ban lasts; each further one twice as long as the one before."""

BAN_MAX_S: Final = 7 * DAY_S
"""The longest ban: after a week a repaired program gets its chance."""

CREDIT_MAX: Final = 50.0
"""Most points of one kind of good deed: nobody becomes irreplaceable."""

HONEST: Final = frozenset({Violation.SILENCE, Violation.RATE})
"""Violations that loss and delay can cause."""

HONEST_MAX: Final = 60.0
"""Most points that such violations cost: the bottom of the ranking, not a ban."""

FORGET_BELOW: Final = 0.05
"""Points below which an entry says nothing."""


class Deed(enum.Enum):
    """What a peer is rewarded for; the value is the number of points."""

    FIRST_DELIVERY = 1.0  # a segment we wanted and had from nobody else before
    CONVERGED = 0.5  # a session whose summaries were equal in the end
    UPTIME = 0.05  # a minute of its link


class _Record:
    """Points of one peer, as of one time."""

    __slots__ = ("accidents", "at", "ban_until", "deeds", "n_bans", "violations")

    def __init__(self, at: float) -> None:
        self.at = at
        self.deeds = [0.0] * len(Deed)
        self.violations = 0.0
        self.accidents = 0.0
        self.ban_until = 0.0
        self.n_bans = 0

    def decay(self, now: float) -> None:
        if now > self.at:
            kept = 0.5 ** ((now - self.at) / HALF_LIFE_S)
            self.deeds = [points * kept for points in self.deeds]
            self.violations *= kept
            self.accidents *= kept
        self.at = now

    def points(self, gathered: float = 1.0) -> float:
        return sum(self.deeds) / gathered - self.violations - self.accidents

    def weight(self, now: float) -> tuple[bool, float, float]:
        """Order records by how much would be lost without them."""
        return (self.ban_until > now, self.ban_until - now, abs(self.points()))


_PLACE: Final = {deed: place for place, deed in enumerate(Deed)}


class _Kept(NamedTuple):
    """What is stored of a ban."""

    peer: bytes
    ban_until: float
    n_bans: int


class Scores:
    """Points of up to ``n_max`` peers; those that say least are forgotten first.

    Args:
        n_max: peers remembered.

    Attributes:
        bans_until: when the last ban ends that there ever was; nobody is banned after it.
    """

    __slots__ = ("_records", "bans_until", "n_max")

    def __init__(self, n_max: int = SCORED_PEERS_MAX) -> None:
        self.n_max = n_max
        self.bans_until = 0.0
        self._records: dict[bytes, _Record] = {}

    def __len__(self) -> int:
        return len(self._records)

    def reward(self, peer: bytes, deed: Deed, now: float, n: float = 1.0) -> None:
        """Count ``n`` good deeds of one kind."""
        record = self._record(peer, now)
        place = _PLACE[deed]
        record.deeds[place] = min(record.deeds[place] + n * deed.value, CREDIT_MAX)

    def penalise(self, peer: bytes, violation: str, now: float, n: int = 1) -> bool:
        """Count ``n`` violations; returns whether the peer is banned: hang up on it."""
        record = self._record(peer, now)
        kind = Violation(violation)
        if kind in HONEST:
            record.accidents = min(record.accidents + n * PENALTY[kind], HONEST_MAX)
        else:
            record.violations += n * PENALTY[kind]
        if record.violations >= -BANNED and record.ban_until <= now:
            record.ban_until = now + min(BAN_S * 2.0**record.n_bans, BAN_MAX_S)
            self.bans_until = max(self.bans_until, record.ban_until)
            record.n_bans = min(record.n_bans + 1, 16)
            record.violations = 0.0  # the ban is the price: what comes after counts anew
        return record.ban_until > now

    def of(self, peer: bytes, now: float, gathered: float = 1.0) -> float:
        """Return a peer's points as of now; 0 for who is not known.

        Args:
            peer: whose.
            now: unix seconds.
            gathered: share of the good deeds it will have in the long run that it had time
                for: they count as if it had had all. A fault is none the worse for being early.
        """
        record = self._records.get(peer)
        if record is None:
            return 0.0
        record.decay(now)
        return record.points(gathered) + (BANNED if record.ban_until > now else 0.0)

    def is_banned(self, peer: bytes, now: float) -> bool:
        """Return whether a peer is banned."""
        record = self._records.get(peer)
        return record is not None and record.ban_until > now

    def deeds(self, peer: bytes, deed: Deed, now: float) -> float:
        """Return a peer's points for one kind of good deed as of now."""
        record = self._records.get(peer)
        if record is None:
            return 0.0
        record.decay(now)
        return record.deeds[_PLACE[deed]]

    def encode(self, now: float) -> bytes:
        """Return the bans in force and who was banned before; points are not kept."""
        kept = [
            _Kept(peer, record.ban_until, record.n_bans)
            for peer, record in self._records.items()
            if record.n_bans and record.ban_until + BAN_MAX_S > now
        ]
        return msgspec.msgpack.encode(kept)

    @classmethod
    def decode(cls, state: bytes, now: float, n_max: int = SCORED_PEERS_MAX) -> Scores:
        """Return what `encode` kept; nothing where it is unreadable or empty."""
        scores = cls(n_max)
        if not state or len(state) > STATE_BYTES_MAX:
            return scores
        try:
            kept = msgspec.msgpack.decode(state, type=list[_Kept])
        except msgspec.MsgspecError:
            return scores
        for row in kept[:n_max]:
            record = scores._record(row.peer, now)
            record.ban_until = min(row.ban_until, now + BAN_MAX_S)
            scores.bans_until = max(scores.bans_until, record.ban_until)
            record.n_bans = min(max(row.n_bans, 0), 16)
        return scores

    def _record(self, peer: bytes, now: float) -> _Record:
        record = self._records.get(peer)
        if record is None:
            if len(self._records) >= self.n_max:
                self._make_room(now)
            record = self._records[peer] = _Record(now)
        record.decay(now)
        return record

    def _make_room(self, now: float) -> None:
        """Forget what says nothing any more, and at least an eighth of all."""
        for record in self._records.values():
            record.decay(now)
        ranked = sorted(self._records.items(), key=lambda pair: (pair[1].weight(now), pair[0]))
        least = max(self.n_max // 8, 1)
        for place, (peer, record) in enumerate(ranked):
            banned, _, points = record.weight(now)
            if place < least or (not banned and points < FORGET_BELOW and not record.n_bans):
                del self._records[peer]
