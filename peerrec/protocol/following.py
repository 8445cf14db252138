"""Choose whose logs this node replicates: by merit within bytes, and a few strangers.

Authors are taken in the order of their merit for as long as there is room. What one of
them may hold grows with its share of all merit, so a region of invented identities gets
at most `SLACK` times the merit that leads into it, however many they are. Room is kept for
an author until it is known how much it has to say; what it does not need goes to the next
by merit. Everybody else
is a stranger: a fixed number of places, filled by a min-wise pool, shares
``exploration_share`` of the bytes, and one place is drawn anew each `RENEW_S`. Without
merit ten thousand identities cost a node that share and no more.

Example:
    >>> import numpy as np
    >>> following = Following(1 << 20, me=b"me", rng=np.random.default_rng(0), now=0.0)
    >>> following.plan({b"ann": 0.5}, held={}, now=0.0)
    []
    >>> following.wants(b"ann"), following.wants(b"stranger"), following.meet(b"stranger")
    (True, False, True)
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

import msgspec
import numpy as np

from peerrec.errors import ConfigError
from peerrec.limits import (
    DAY_S,
    EXPLORATION_PLACES,
    FOLLOWED_MAX,
    SEGMENT_BYTES_MAX,
    STATE_BYTES_MAX,
)
from peerrec.protocol.sampler import Pool

__all__ = ["Eviction", "Following"]

SLACK: Final = 8.0
"""How many times its share of merit an author may take of the bytes: most take less."""

AUTHOR_BYTES_MIN: Final = 4 << 10
"""An author whose share is below this is a stranger: a few segments tell nothing."""

SETTLE_S: Final = 30.0
"""Who said little that is new for so long has said what it had to say."""

GROWTH: Final = 1.25
"""By how much an author may have grown in that time: people go on saying things."""

RENEW_S: Final = DAY_S
"""How often one place for strangers is drawn anew."""

PLENTY: Final = 4
"""With at least one part in so many of the bytes free, nothing evicted is held back."""

FLOORS_MAX: Final = 8_192
"""Logs of which older segments were evicted: beyond, the oldest note is forgotten."""


class Eviction(NamedTuple):
    """What has to go.

    Attributes:
        author: whose segments, the oldest first.
        n_bytes: how many bytes of them at least.
        entirely: whether nothing of the author is to be left.
    """

    author: bytes
    n_bytes: int
    entirely: bool


class _Floor(NamedTuple):
    """What is stored of one log that was cut."""

    author: bytes
    epoch: int
    seq: int


Log = tuple[bytes, int]


class Following:
    """Whom this node replicates, and how much of each.

    Args:
        bytes_max: bytes of segments to hold altogether.
        me: this node's person: always wanted, never evicted.
        rng: draws the strangers.
        now: unix seconds.
        exploration_share: share of ``bytes_max`` for strangers, 0 to 1.
        blocked: whether a person wants nothing of an author; None for nobody.

    Raises:
        ConfigError: bytes or share out of range.
    """

    __slots__ = (
        "_blocked", "_caps", "_floors", "_needs", "_places", "_refill_at", "_refill_s",
        "_renew_at", "_rng", "_settled", "_sized_at", "_sizes", "bytes_max",
        "exploration_share", "me",
    )  # fmt: skip

    def __init__(
        self,
        bytes_max: int,
        *,
        me: bytes,
        rng: np.random.Generator,
        now: float,
        exploration_share: float = 0.1,
        blocked: Callable[[bytes], bool] | None = None,
    ) -> None:
        check_sizes(bytes_max, exploration_share)
        self.bytes_max = bytes_max
        self.exploration_share = exploration_share
        self.me = me
        self._rng = rng
        self._blocked = blocked or (lambda author: False)
        self._caps: dict[bytes, int] = {}
        self._needs: dict[bytes, int] = {}
        self._floors: dict[Log, int] = {}
        self._sizes: dict[bytes, int] = {}
        self._settled: frozenset[bytes] = frozenset()
        self._sized_at = -math.inf
        self._refill_s = SETTLE_S
        self._refill_at = math.inf
        self._places = Pool(rng.bytes(16), self._n_places)
        self._renew_at = now + RENEW_S

    # -- questions --------------------------------------------------------------------------

    def wants(self, author: bytes) -> bool:
        """Return whether an author's segments are wanted."""
        if author == self.me:
            return True
        if self._blocked(author):
            return False
        return author in self._caps or author in self._places

    def meet(self, author: bytes) -> bool:
        """Consider an author that a peer offers; returns whether it is wanted now.

        A stranger may take the place of another; how often it is offered does not matter.
        """
        if author == self.me:
            return True
        if self._blocked(author):
            return False
        return author in self._caps or self._places.offer(author)

    def room(self, author: bytes, held_bytes: int) -> int:
        """Return how many bytes more of an author are taken; 0 for who is not wanted."""
        return max(self.cap(author) - held_bytes, 0)

    def cap(self, author: bytes) -> int:
        """Return how many bytes of an author are held at most."""
        if author == self.me:
            return self.bytes_max
        if self._blocked(author):
            return 0
        cap = self._caps.get(author)
        if cap is not None:
            return cap
        return self._place_bytes if author in self._places else 0

    def floor(self, log: Log) -> int:
        """Return the lowest number still wanted of a log: what is below was evicted."""
        return self._floors.get(log, 0)

    def is_stranger(self, author: bytes) -> bool:
        """Return whether an author is replicated only for exploration, if at all."""
        return author != self.me and author not in self._caps

    @property
    def followed(self) -> list[bytes]:
        """The authors followed for their merit, most first."""
        return list(self._caps)

    @property
    def strangers(self) -> list[bytes]:
        """The authors that hold a place for strangers."""
        return [each for each in self._places if each not in self._caps]

    # -- decisions ----------------------------------------------------------------------------

    def resize(self, bytes_max: int, exploration_share: float) -> None:
        """Hold another number of bytes, or another share of strangers; ask for a `plan` then.

        Strangers keep their places as far as there are any.

        Raises:
            ConfigError: bytes or share out of range.
        """
        check_sizes(bytes_max, exploration_share)
        self.bytes_max, self.exploration_share = bytes_max, exploration_share
        if self._places.n != self._n_places:
            before, self._places = self._places, Pool(self._rng.bytes(16), self._n_places)
            for author in before:
                self._places.offer(author)

    def plan(
        self, merits: Mapping[bytes, float], held: Mapping[bytes, int], now: float
    ) -> list[Eviction]:
        """Choose anew whom to follow; returns what has to go so that bytes suffice.

        Call it when merits changed, when more than ``bytes_max`` is held, and daily.
        After the evictions, ``held`` sums to at most ``bytes_max`` (or to one's own
        segments, if those alone are more) and strangers hold at most their share.

        Args:
            merits: author → merit, ≥ 0; those with 0 or less are strangers.
            held: author → bytes of its segments here.
            now: unix seconds.
        """
        self._renew_place(now)
        self._size_up(held, now)
        before = set(self._caps)
        left_out = self._choose(merits, held)
        self._look_again(now, left_out, before != set(self._caps))
        gone: dict[bytes, int] = {}
        for author in sorted(held):
            over = held[author] - self.cap(author)
            if over > 0 and author != self.me:
                gone[author] = over
        self._fit_budget(held, gone)
        evictions = []
        for author, n_bytes in gone.items():
            if merits.get(author, 0.0) > 0.0:
                self._needs[author] = max(self._needs.get(author, 0), held[author])
            evictions.append(Eviction(author, n_bytes, entirely=not self.wants(author)))
        return evictions

    def evicted(self, log: Log, up_to_seq: int) -> None:
        """Note that segments of a log up to a number were evicted: not wanted again."""
        floor = max(self._floors.pop(log, 0), up_to_seq + 1)
        self._floors[log] = floor
        if len(self._floors) > FLOORS_MAX:
            del self._floors[next(iter(self._floors))]

    def is_over(self, total_bytes: int) -> bool:
        """Return whether so many bytes held ask for a new `plan`."""
        return total_bytes > self.bytes_max

    def next_deadline(self) -> float:
        """Return when a new `plan` is due in any case."""
        return min(self._renew_at, self._refill_at)

    # -- persistence --------------------------------------------------------------------------

    def encode(self) -> bytes:
        """Return what to store: which segments were evicted on purpose."""
        rows = [_Floor(author, epoch, seq) for (author, epoch), seq in self._floors.items()]
        return msgspec.msgpack.encode(rows)

    def restore(self, state: bytes) -> None:
        """Take up what `encode` returned; nothing where it is unreadable."""
        try:
            if state and len(state) <= STATE_BYTES_MAX:
                for row in msgspec.msgpack.decode(state, type=list[_Floor])[:FLOORS_MAX]:
                    self._floors[row.author, row.epoch] = row.seq
        except msgspec.MsgspecError:
            return

    # -- inside ---------------------------------------------------------------------------------

    @property
    def _pool_bytes(self) -> int:
        return int(self.bytes_max * self.exploration_share)

    @property
    def _n_places(self) -> int:
        pool = self._pool_bytes
        return min(EXPLORATION_PLACES, max(pool // SEGMENT_BYTES_MAX, 1 if pool else 0))

    @property
    def _place_bytes(self) -> int:
        return self._pool_bytes // self._places.n if self._places.n else 0

    def _renew_place(self, now: float) -> None:
        if now < self._renew_at:
            return
        self._renew_at = now + RENEW_S
        strangers = self.strangers
        if len(strangers) >= self._places.n > 0:
            self._places.retire(strangers[int(self._rng.integers(len(strangers)))])

    def _look_again(self, now: float, left_out: bool, changed: bool) -> None:
        """Set when to give away room that turns out not to be needed: rarer where none was."""
        if not left_out:
            self._refill_at = math.inf
        elif changed or math.isinf(self._refill_at):
            self._refill_s = SETTLE_S
            self._refill_at = now + self._refill_s
        elif now >= self._refill_at:
            self._refill_s = min(2.0 * self._refill_s, RENEW_S)
            self._refill_at = now + self._refill_s

    def _size_up(self, held: Mapping[bytes, int], now: float) -> None:
        """Find out who has said what it had to say."""
        if 0.0 <= now - self._sized_at < SETTLE_S:
            return
        self._settled = frozenset(
            author for author, n in held.items() if n <= GROWTH * self._sizes.get(author, 0)
        )
        self._sizes, self._sized_at = dict(held), now

    def _choose(self, merits: Mapping[bytes, float], held: Mapping[bytes, int]) -> bool:
        """Take authors by merit while what they hold, held once or may have to say fits.

        Returns:
            Whether somebody with merit was left out.
        """
        ranked = sorted(
            (-merit, author)
            for author, merit in merits.items()
            if merit > 0.0 and author != self.me and not self._blocked(author)
        )[:FOLLOWED_MAX]
        total = -math.fsum(merit for merit, _ in ranked)
        budget = max(self.bytes_max - self._pool_bytes - held.get(self.me, 0), 0)
        left = budget
        self._caps = {}
        for merit, author in ranked:
            cap = min(int(SLACK * budget * (-merit / total)), left)
            if cap < AUTHOR_BYTES_MIN:
                break
            need = max(held.get(author, 0), self._needs.get(author, 0))
            if author not in self._settled:
                need = max(need, AUTHOR_BYTES_MIN)
            self._caps[author] = cap
            left -= min(need, cap)
        for author in [each for each in self._places if each in self._caps]:
            self._places.drop(author)
        esteemed = {author for _, author in ranked}
        self._needs = {each: n for each, n in self._needs.items() if each in esteemed}
        self._regain(held, left)
        return len(self._caps) < len(ranked)

    def _regain(self, held: Mapping[bytes, int], left: int) -> None:
        """Want again what was evicted of those authors for whom there is room now."""
        lifted: set[bytes] = set()
        for author, need in list(self._needs.items()):
            lack = need - held.get(author, 0)
            if need <= self._caps.get(author, 0) and lack <= left:
                left -= max(lack, 0)
                del self._needs[author]
                lifted.add(author)
        if left * PLENTY >= self.bytes_max:
            lifted.update(each for each in self._caps if each not in self._needs)
        self._floors = {log: seq for log, seq in self._floors.items() if log[0] not in lifted}

    def _fit_budget(self, held: Mapping[bytes, int], gone: dict[bytes, int]) -> None:
        """Add what else must go: strangers first, then from the least merit upwards.

        Only one's own segments can make this necessary: they are not bounded by a cap.
        """
        over = sum(held.values()) - sum(gone.values()) - self.bytes_max
        for author in [*self.strangers, *reversed(self._caps)]:
            if over <= 0:
                return
            n_bytes = min(held.get(author, 0) - gone.get(author, 0), over)
            if n_bytes > 0:
                gone[author] = gone.get(author, 0) + n_bytes
                over -= n_bytes


def check_sizes(bytes_max: int, exploration_share: float) -> None:
    """Refuse a budget that is none.

    Raises:
        ConfigError: bytes or share out of range.
    """
    if bytes_max < 1:
        raise ConfigError("following.bytes_max", bytes_max, "at least 1")
    if not 0.0 <= exploration_share <= 1.0:
        raise ConfigError("following.exploration_share", exploration_share, "from 0 to 1")
