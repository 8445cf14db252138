"""Draw ids so that repetition does not help: Brahms' min-wise samplers, and a pool.

Each sampler keeps the id whose keyed hash is smallest among all it was ever offered
(Bortnikov et al., "Brahms: Byzantine resilient random membership sampling", PODC 2008):
uniform over distinct ids, however often each was offered. A pool keeps the n smallest
under one key: n different ids, drawn without replacement. Cost: a hash per offer.

Example:
    >>> import numpy as np
    >>> samplers = Samplers(np.random.default_rng(0), n=2)
    >>> for peer in [b"ann", b"bob", b"bob", b"bob"]:
    ...     _ = samplers.offer(peer)
    >>> set(samplers.values()) <= {b"ann", b"bob"}
    True
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Final

import numpy as np

__all__ = ["Pool", "Sampler", "Samplers"]

LATELY: Final = 256
"""Ids that samplers remember having considered."""

REFUSED: Final = 128
"""Ids that a pool refused and remembers: sessions ask for the same strangers again and again."""

RETIRED: Final = 4
"""How many retired ids a pool remembers, in multiples of its places."""


class Sampler:
    """Keeps one id, uniform over the distinct ids offered since it was keyed.

    Args:
        key: 16 secret random bytes: who knows them could make an id that wins.
    """

    __slots__ = ("_key", "_least", "value")

    def __init__(self, key: bytes) -> None:
        self.value: bytes | None = None
        self._key = key
        self._least = b""

    def offer(self, peer: bytes) -> bool:
        """Consider an id; returns whether it took the place."""
        rank = hashlib.blake2b(peer, digest_size=16, key=self._key).digest()
        if self.value is not None and rank >= self._least:
            return False
        self._least = rank
        self.value = peer
        return True


class Samplers:
    """Independent samplers over one stream of ids.

    Args:
        rng: draws the keys.
        n: how many.
    """

    __slots__ = ("_lately", "_rng", "_samplers")

    def __init__(self, rng: np.random.Generator, n: int) -> None:
        self._rng = rng
        self._samplers = [Sampler(rng.bytes(16)) for _ in range(n)]
        self._lately: dict[bytes, None] = {}

    def __len__(self) -> int:
        return len(self._samplers)

    def offer(self, peer: bytes) -> list[int]:
        """Consider an id in all of them; returns the numbers of those that took it.

        One that was considered lately changes nothing: who sends it again costs no hashes.
        """
        if peer in self._lately:
            return []
        self._lately[peer] = None
        if len(self._lately) > LATELY:
            del self._lately[next(iter(self._lately))]
        return [place for place, each in enumerate(self._samplers) if each.offer(peer)]

    def values(self) -> list[bytes]:
        """Return what they hold, in their order, each id once."""
        return list(dict.fromkeys(each.value for each in self._samplers if each.value))

    def at(self, place: int) -> bytes | None:
        """Return what one of them holds."""
        return self._samplers[place].value

    def holds(self, peer: bytes) -> bool:
        """Return whether one of them holds the id."""
        return any(each.value == peer for each in self._samplers)

    def renew(self, place: int) -> bytes | None:
        """Let one begin anew under a new key; returns what it held."""
        held = self._samplers[place].value
        self._samplers[place] = Sampler(self._rng.bytes(16))
        self._lately.clear()
        return held

    def drop(self, peer: bytes) -> None:
        """Let those anew that hold an id: it is dead, banned or blocked."""
        for place, each in enumerate(self._samplers):
            if each.value == peer:
                self.renew(place)


class Pool:
    """Up to ``n`` different ids, uniform without replacement over all that were offered.

    Args:
        key: 16 secret random bytes.
        n: places.
    """

    __slots__ = ("_key", "_ranks", "_refused", "_retired", "_worst", "n")

    def __init__(self, key: bytes, n: int) -> None:
        self.n = n
        self._key = key
        self._ranks: dict[bytes, bytes] = {}
        self._retired: dict[bytes, None] = {}
        self._refused: dict[bytes, None] = {}  # lately, and still while no place is freed
        self._worst: bytes | None = None

    def __len__(self) -> int:
        return len(self._ranks)

    def __contains__(self, peer: bytes) -> bool:
        return peer in self._ranks

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._ranks)

    def offer(self, peer: bytes) -> bool:
        """Consider an id; returns whether it has a place now."""
        if peer in self._ranks:
            return True
        if self.n < 1 or peer in self._refused or peer in self._retired:
            return False
        rank = hashlib.blake2b(peer, digest_size=16, key=self._key).digest()
        if len(self._ranks) >= self.n:
            if self._worst is None:
                self._worst = max(self._ranks, key=self._ranks.__getitem__)
            if rank >= self._ranks[self._worst]:
                self._refused[peer] = None
                if len(self._refused) > REFUSED:
                    del self._refused[next(iter(self._refused))]
                return False
            del self._ranks[self._worst]
        self._ranks[peer] = rank
        self._worst = None
        return True

    def drop(self, peer: bytes) -> None:
        """Free an id's place; it may come back."""
        self._ranks.pop(peer, None)
        self._refused.clear()
        self._worst = None

    def retire(self, peer: bytes) -> None:
        """Free an id's place for others; it may come back once RETIRED × n others did."""
        self.drop(peer)
        self._retired[peer] = None
        if len(self._retired) > RETIRED * self.n:
            del self._retired[next(iter(self._retired))]
