"""Hold what a node knows of one link: its session, its queue, its rates."""

from __future__ import annotations

import hashlib
from array import array
from collections import Counter
from typing import Final

from peerrec.errors import RemoteProtocolError
from peerrec.protocol.anti_entropy import AntiEntropy
from peerrec.protocol.effects import Priority
from peerrec.protocol.invite import Address
from peerrec.protocol.messages import Feature, Hello, Message, Profile, Push, Table, TableStep, Type
from peerrec.protocol.outbox import Allowance, Outbox
from peerrec.protocol.rates import Bucket
from peerrec.protocol.sync import SyncLink
from peerrec.protocol.sync_memory import PeerMemory
from peerrec.protocol.violations import Violation
from peerrec.protocol.wire import encode, padded

__all__ = ["Link", "link_key"]

MESSAGES_IN = (50.0, 1_000.0)
"""Messages a second, and at once: a session of the largest size takes some hundred."""

USELESS_IN = (32_768.0, float(4 << 20))
"""Bytes a second, and at once, that may bring nothing new: parsing them is not free."""

_PLACES: Final = {kind: 4 * place for place, kind in enumerate(Type)}
"""Where a link's array holds the counts of a type: four of them."""


def link_key(binding: bytes, purpose: bytes) -> bytes:
    """Return 32 bytes that only the two ends of a link know.

    Args:
        binding: hash of the channel's handshake.
        purpose: what the key is for; each has its own.
    """
    return hashlib.blake2b(b"peerrec/1/" + purpose, key=binding, digest_size=32).digest()


def is_bulk(message: Message) -> bool:
    """Return whether a message is paid for with credit: what sessions and tables move."""
    if type(message) is Push:
        return message.request != 0
    return type(message) is Table and message.step == TableStep.PART


class Link:
    """One link of a node.

    Args:
        peer: whose.
        dialled: whether we dialled.
        host: where it came from or was dialled.
        address: where it was dialled; None if it came to us.
        hello: what it said of itself.
        sync: its sessions.
        memory: what is remembered of it between links.
        met_before: whether there was a link to it before.
        schedule: when to compare frontiers.
        now: unix seconds.

    Attributes:
        up_at, heard_at: unix seconds of its beginning and of the last message.
        kept: whether what is remembered of the peer was written down since the link began.
        latency_s: of the last ping; None before one came back.
        queued: peers whose queues changed; the switchboard's.
    """

    __slots__ = (
        "_traffic",
        "address",
        "allowance",
        "dialled",
        "heard_at",
        "hello",
        "host",
        "kept",
        "latency_s",
        "leaving",
        "memory",
        "met_before",
        "offences",
        "outbox",
        "peer",
        "pinged_at",
        "queued",
        "rate",
        "schedule",
        "sync",
        "up_at",
        "useless",
    )

    def __init__(
        self,
        peer: bytes,
        *,
        dialled: bool,
        host: str,
        address: Address | None,
        hello: Hello,
        sync: SyncLink,
        memory: PeerMemory,
        met_before: bool,
        schedule: AntiEntropy,
        now: float,
    ) -> None:
        self.peer = peer
        self.dialled = dialled
        self.host = host
        self.address = address
        self.hello = hello
        self.sync = sync
        self.memory = memory
        self.met_before = met_before
        self.schedule = schedule
        self.outbox = Outbox(credit=hello.credit)
        self.allowance = Allowance()
        self.up_at = self.heard_at = now
        self.latency_s: float | None = None
        self.pinged_at: float | None = None
        self.kept = False
        self.leaving = False
        self.offences = 0
        self.queued: dict[bytes, None] = {}
        self.rate = Bucket(*MESSAGES_IN)
        self.useless = Bucket(*USELESS_IN)
        self._traffic = array("Q", bytes(8 * 4 * len(Type)))

    @property
    def battery(self) -> bool:
        """Whether the peer saves power."""
        return self.hello.profile == Profile.BATTERY

    @property
    def has_factors(self) -> bool:
        """Whether the peer exchanges tables of factors."""
        return bool(self.hello.features & Feature.FACTORS)

    @property
    def messages_in(self) -> Counter[Type]:
        """Messages that came, by type."""
        return self._counts(0)

    @property
    def bytes_in(self) -> Counter[Type]:
        """Bytes of the messages that came, by type."""
        return self._counts(1)

    @property
    def messages_out(self) -> Counter[Type]:
        """Messages that were queued, by type."""
        return self._counts(2)

    @property
    def bytes_out(self) -> Counter[Type]:
        """Bytes of the messages that were queued, by type."""
        return self._counts(3)

    def _counts(self, column: int) -> Counter[Type]:
        found = ((kind, self._traffic[place + column]) for kind, place in _PLACES.items())
        return Counter({kind: n for kind, n in found if n})

    def heard(self, message: Message, n_bytes: int, now: float) -> None:
        """Count a message that came.

        Raises:
            RemoteProtocolError: they come faster than any honest peer would send.
        """
        self.heard_at = now
        place = _PLACES[message.TYPE]
        self._traffic[place] += 1
        self._traffic[place + 1] += n_bytes
        if not self.rate.take(now):
            raise RemoteProtocolError(Violation.RATE, "messages come too fast")
        if is_bulk(message):
            self.allowance.spend(n_bytes)

    def ignored(self, n_bytes: int, now: float) -> None:
        """Count a message of a type that is not known here.

        Raises:
            RemoteProtocolError: there is too much of it.
        """
        self.heard_at = now
        if not (self.rate.take(now) and self.useless.take(now, n_bytes)):
            raise RemoteProtocolError(Violation.RATE, "too much that is not understood here")

    def brought(self, n_bytes: int, n_new: int, now: float) -> None:
        """Judge bulk by what it was good for.

        Raises:
            RemoteProtocolError: too much of it brought nothing new.
        """
        if not n_new and not self.useless.take(now, n_bytes):
            raise RemoteProtocolError(Violation.RATE, "too much was sent that nobody here wants")

    def put(self, message: Message, priority: Priority) -> None:
        """Queue a message, padded to its class."""
        self.put_encoded(padded(encode(message)), message, priority)

    def put_encoded(self, data: bytes, message: Message, priority: Priority) -> None:
        """Queue a message whose padded bytes were made already, for several links."""
        place = _PLACES[message.TYPE]
        self._traffic[place + 2] += 1
        self._traffic[place + 3] += len(data)
        self.outbox.put(data, priority, cost=len(data) if is_bulk(message) else 0)
        self.queued[self.peer] = None

    def grant(self, n_bytes: int) -> None:
        """Let so many bytes of bulk more leave."""
        self.outbox.grant(n_bytes)
        self.queued[self.peer] = None
