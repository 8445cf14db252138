"""Keep the addresses of peers: bounded, hard to flood, with back-off.

A small form of Bitcoin Core's address manager: an address goes to one place among
`BUCKETS` × `BUCKET_SIZE`, chosen by a keyed hash of who told it and of its network, so one
source can fill no more than `BUCKETS_OF_SOURCE` buckets however much it tells (Heilman et
al., "Eclipse attacks on Bitcoin's peer-to-peer network", USENIX Security 2015).
Addresses that answered are kept apart and are not displaced by hearsay.

Example:
    >>> import numpy as np
    >>> book = AddressBook(np.random.default_rng(0))
    >>> book.add(b"ann", Address("198.51.100.7", 7700), source="203.0.113.9", now=0.0)
    True
    >>> [known.address.text() for known in book.of(b"ann")]
    ['198.51.100.7:7700']
"""

from __future__ import annotations

import hashlib
import ipaddress
from collections.abc import Callable
from functools import lru_cache
from typing import Final, TypeAlias, TypeVar

import msgspec
import numpy as np

from peerrec.errors import DataError
from peerrec.limits import ADDRESS_BOOK_MAX, ADDRESSES_OF_PEER_MAX, DAY_S, STATE_BYTES_MAX
from peerrec.protocol.chance import uniform
from peerrec.protocol.invite import Address, check_address

__all__ = ["LOCAL", "AddressBook", "Known", "netgroup"]

GROUPS_REMEMBERED: Final = 8_192
"""Hosts whose netgroup is not worked out again: 1.5 MB if ever so many are heard of."""

LOCAL: Final = "local"
"""The netgroup of addresses that are not routed: nobody occupies them from outside."""

BUCKET_SIZE: Final = 8
"""Addresses of one bucket."""

BUCKETS: Final = ADDRESS_BOOK_MAX // (2 * BUCKET_SIZE)
"""Buckets of hearsay, and as many places altogether for addresses that answered."""

ANSWERED: Final = -1
"""The bucket of addresses that answered."""

ANSWERED_MAX: Final = ADDRESS_BOOK_MAX // 2
"""How many of those are kept."""

BUCKETS_OF_SOURCE: Final = 6
"""Buckets that one source's netgroup can fill: an eighth of all."""

RETRY_S: Final = 10.0
"""The first wait after a failed dial; doubles."""

RETRY_MAX_S: Final = 6 * 3_600.0
"""The longest wait: four dials a day of somebody who may come back."""

LOST_S: Final = 3 * DAY_S
"""How long one who answered counts as lost, and not as gone: a weekend without a network."""

FAILURES_MAX: Final = 10
"""Failures after which hearsay is forgotten."""

FORGET_S: Final = 30 * DAY_S
"""An address that nobody confirmed for so long gives way first."""


@lru_cache(maxsize=GROUPS_REMEMBERED)
def netgroup(host: str) -> str:
    """Return what hosts under one hand have in common.

    /16 of IPv4, /32 of IPv6, the last two labels of a name; `LOCAL` for what is not
    routed.

    Example:
        >>> netgroup("198.51.100.7"), netgroup("a.b.example.org"), netgroup("127.0.0.1")
        ('198.51', 'example.org', 'local')
    """
    try:
        ip = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        labels = host.lower().rstrip(".").split(".")
        return LOCAL if labels == ["localhost"] or not host else ".".join(labels[-2:])
    if isinstance(ip, ipaddress.IPv6Address):
        if ip.ipv4_mapped is not None:
            return netgroup(str(ip.ipv4_mapped))
        if ip.is_loopback or ip.is_link_local or ip in _UNIQUE_LOCAL:
            return LOCAL
        return ip.exploded[:9]
    if ip.is_loopback or ip.is_link_local or any(ip in network for network in _PRIVATE):
        return LOCAL
    return ".".join(str(ip).split(".")[:2])


_UNIQUE_LOCAL: Final = ipaddress.IPv6Network("fc00::/7")
_PRIVATE: Final = tuple(
    ipaddress.IPv4Network(text) for text in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")
)


class Known(msgspec.Struct, array_like=True):
    """One address of one peer.

    Attributes:
        peer: whose; None for a bootstrap address.
        host, port, path: where.
        source: netgroup of who told it.
        learned: unix seconds.
        answered: unix seconds of the last link over it; 0 for never.
        n_failures: dials in a row that failed.
        next_try: not to be dialled before.
        sought: whether a peer that we dialled, or a person, told it: nobody can make us hear it
            by dialling us.
        refused: whether the last of those dials found it there, without a place for us.
    """

    peer: bytes | None
    host: str
    port: int
    path: str
    source: str
    learned: float
    answered: float = 0.0
    n_failures: int = 0
    next_try: float = 0.0
    sought: bool = False
    refused: bool = False

    @property
    def address(self) -> Address:
        """Where."""
        return Address(self.host, self.port, self.path)


class _State(msgspec.Struct, array_like=True):
    """What is stored."""

    secret: bytes
    rows: list[Known]


_Key: TypeAlias = tuple[bytes | None, Address]
K = TypeVar("K")
V = TypeVar("V")


class AddressBook:
    """Addresses by peer; at most ADDRESS_BOOK_MAX, whatever anybody tells.

    Args:
        rng: draws the secret, candidates and jitter.
    """

    __slots__ = ("_buckets", "_by_peer", "_rng", "_rows", "_secret")

    def __init__(self, rng: np.random.Generator) -> None:
        self._rng = rng
        self._secret = rng.bytes(16)
        self._rows: dict[_Key, Known] = {}
        self._by_peer: dict[bytes | None, list[Address]] = {}
        self._buckets: dict[int, list[_Key]] = {}

    def __len__(self) -> int:
        return len(self._rows)

    def add(
        self,
        peer: bytes | None,
        address: Address,
        *,
        source: str,
        now: float,
        sought: bool = True,
    ) -> bool:
        """Keep an address if there is a place for it; returns whether it is kept.

        Args:
            peer: whose address it is said to be; None where whoever is there will do.
            address: where; refused if nobody could dial it.
            source: host of who told it.
            now: unix seconds.
            sought: whether that is a peer of our own choice.
        """
        known = self._rows.get((peer, address))
        if known is not None:
            known.sought = known.sought or sought
            return True
        try:
            check_address(address)
        except DataError:
            return False
        group = netgroup(source)
        known = Known(peer, address.host, address.port, address.path, group, now, sought=sought)
        bucket = self._bucket(known)
        if not self._make_room_of_peer(peer) or not self._make_room(bucket, now):
            return False
        self._insert(known, bucket)
        return True

    def answered(self, peer: bytes, address: Address, now: float) -> None:
        """Note that a link to the peer came about over the address."""
        known = self._rows.get((peer, address))
        if known is None:
            if not self.add(peer, address, source=address.host, now=now):
                return
            known = self._rows[peer, address]
        if not known.answered:
            self._to_answered(known)
        known.answered = max(now, 1.0)  # 0 stands for never
        known.n_failures = 0
        known.next_try = now

    def failed(
        self, peer: bytes | None, address: Address, now: float, *, refused: bool = False
    ) -> None:
        """Note that a dial failed: not to be tried again before a jittered wait.

        Args:
            peer: who was dialled.
            address: where.
            now: unix seconds.
            refused: whether it was there and has no place for us.
        """
        known = self._rows.get((peer, address))
        if known is None:
            return
        known.n_failures += 1
        known.refused = refused
        wait_s = min(RETRY_S * 2.0 ** min(known.n_failures - 1, 16), RETRY_MAX_S)
        known.next_try = now + wait_s * uniform(self._rng, 0.5, 1.5)
        if known.n_failures >= FAILURES_MAX and not known.answered and peer is not None:
            self._remove(known)

    def of(self, peer: bytes | None) -> list[Known]:
        """Return a peer's addresses, last answered first."""
        rows = [self._rows[peer, address] for address in self._by_peer.get(peer, ())]
        return sorted(rows, key=lambda known: (-known.answered, known.n_failures, -known.learned))

    def to_dial(self, peer: bytes | None, now: float) -> Known | None:
        """Return the peer's address to dial now; None if unknown or to be waited for."""
        due = [known for known in self.of(peer) if known.next_try <= now]
        return due[0] if due else None

    def draw(
        self, now: float, *, allowed: Callable[[Known], bool], n_tries: int = 16
    ) -> Known | None:
        """Return a random address that may be dialled now, or None.

        Draws from those that answered and from hearsay with equal chance, so that a
        flood of hearsay does not take over. Where that fails n_tries times, all are looked
        through: among hundreds of one network the few of others are found.
        """
        rows = list(self._rows.values())
        if not rows:
            return None
        answered = [known for known in rows if known.answered]
        hearsay = [known for known in rows if not known.answered]
        for _ in range(n_tries):
            of_answered = bool(answered) and (not hearsay or self._rng.random() < 0.5)
            pool = answered if of_answered else hearsay
            known = pool[int(self._rng.integers(len(pool)))]
            if known.next_try <= now and known.peer is not None and allowed(known):
                return known
        left = [k for k in rows if k.next_try <= now and k.peer is not None and allowed(k)]
        return left[int(self._rng.integers(len(left)))] if left else None

    def peers(self) -> list[bytes]:
        """Return all peers with an address, last answered first."""
        found: dict[bytes, float] = {}
        for known in self._rows.values():
            if known.peer is not None:
                found[known.peer] = max(found.get(known.peer, 0.0), known.answered)
        return sorted(found, key=lambda peer: (-found[peer], peer))

    def lost(self, now: float) -> list[tuple[bytes, Address]]:
        """Return the addresses that answered within LOST_S, and where nobody is any more."""
        return [
            (known.peer, known.address)
            for known in self._rows.values()
            if known.peer is not None
            and known.n_failures
            and not known.refused
            and known.answered
            and now - known.answered < LOST_S
        ]

    def forget(self, peer: bytes) -> None:
        """Forget all addresses of a peer."""
        for known in self.of(peer):
            self._remove(known)

    def next_try(self, peer: bytes | None) -> float:
        """Return from when on the peer may be dialled; inf without an address."""
        return min((known.next_try for known in self.of(peer)), default=float("inf"))

    # -- persistence ----------------------------------------------------------------------

    def encode(self) -> bytes:
        """Return everything known, to be stored."""
        return msgspec.msgpack.encode(_State(self._secret, list(self._rows.values())))

    @classmethod
    def decode(cls, state: bytes, rng: np.random.Generator, now: float) -> AddressBook:
        """Return what `encode` kept; an empty book where it is unreadable."""
        book = cls(rng)
        if not state or len(state) > STATE_BYTES_MAX:
            return book
        try:
            kept = msgspec.msgpack.decode(state, type=_State)
        except msgspec.MsgspecError:
            return book
        if len(kept.secret) == len(book._secret):
            book._secret = kept.secret
        for known in kept.rows[:ADDRESS_BOOK_MAX]:
            # What lies ahead was written under a clock that was set back since.
            known.next_try = min(known.next_try, now + RETRY_MAX_S if known.n_failures else now)
            known.n_failures = min(max(known.n_failures, 0), FAILURES_MAX)
            book._restore(known)
        return book

    # -- inside ---------------------------------------------------------------------------

    def _bucket(self, known: Known) -> int:
        """Return the bucket of hearsay for an address: ANSWERED for one that did."""
        if known.answered:
            return ANSWERED
        row = self._hash("row", known.source, netgroup(known.host)) % BUCKETS_OF_SOURCE
        return self._hash("bucket", known.source, str(row)) % BUCKETS

    def _hash(self, *words: str) -> int:
        data = "\0".join(words).encode()
        digest = hashlib.blake2b(data, digest_size=8, key=self._secret).digest()
        return int.from_bytes(digest, "little")

    def _insert(self, known: Known, bucket: int) -> None:
        key = (known.peer, known.address)
        self._rows[key] = known
        self._by_peer.setdefault(known.peer, []).append(known.address)
        self._buckets.setdefault(bucket, []).append(key)

    def _restore(self, known: Known) -> None:
        try:
            check_address(known.address)
        except DataError:
            return
        bucket = self._bucket(known)
        size = ANSWERED_MAX if bucket == ANSWERED else BUCKET_SIZE
        if (known.peer, known.address) not in self._rows and self._n_in(bucket) < size:
            self._insert(known, bucket)

    def _n_in(self, bucket: int) -> int:
        return len(self._buckets.get(bucket, ()))

    def _remove(self, known: Known) -> None:
        key = (known.peer, known.address)
        bucket = self._bucket(known)
        del self._rows[key]
        _take_out(self._by_peer, known.peer, known.address)
        _take_out(self._buckets, bucket, key)

    def _to_answered(self, known: Known) -> None:
        self._remove(known)
        if self._n_in(ANSWERED) >= ANSWERED_MAX:
            rows = [self._rows[key] for key in self._buckets[ANSWERED]]
            self._remove(min(rows, key=lambda each: (each.answered, each.address)))
        known.answered = max(known.learned, 1.0)
        self._insert(known, ANSWERED)

    def _make_room_of_peer(self, peer: bytes | None) -> bool:
        """Drop a peer's least useful address where it has many; False if all answer."""
        rows = self.of(peer)
        if peer is None or len(rows) < ADDRESSES_OF_PEER_MAX:
            return True
        if rows[-1].answered and not rows[-1].n_failures:
            return False
        self._remove(rows[-1])
        return True

    def _make_room(self, bucket: int, now: float) -> bool:
        """Drop one that failed or is old from a full bucket; False if all are good."""
        if self._n_in(bucket) < BUCKET_SIZE:
            return True
        rows = [self._rows[key] for key in self._buckets[bucket]]
        worst = max(rows, key=lambda each: (each.n_failures, -each.learned))
        if not worst.n_failures and now - worst.learned < FORGET_S:
            return False
        self._remove(worst)
        return True


def _take_out(table: dict[K, list[V]], key: K, value: V) -> None:
    """Remove a value from the list of a key, and the key with its last value."""
    table[key].remove(value)
    if not table[key]:
        del table[key]
