"""Remember of a peer what makes the next session cheap; none of it needs to be true.

A cursor says up to which of the peer's arrival numbers everything is here. Floors say
what a side does not want, so that the difference is not paid for at each session. What
was lost or is wrong costs bytes and never data: the roots that close a session are
keyed with the floors of both sides, so sides that remember differently notice.

Example:
    >>> memory = PeerMemory(store_tag=b"12345678")
    >>> memory.hear((b"a" * 32, 1), 5)
    True
    >>> PeerMemory.decode(memory.encode()) == memory
    True
"""

from __future__ import annotations

import hashlib
import struct
from dataclasses import dataclass, field
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from peerrec.errors import DataError
from peerrec.limits import FLOORS_MAX, NUMBER_MAX
from peerrec.protocol.frontier import EVERYTHING, Log

__all__ = ["LogPool", "PeerMemory"]

_VERSION: Final = 1
_NO_TAG: Final = bytes(8)
_NUMBERS: Final = struct.Struct(">IQ")  # epoch, floor
Number = Annotated[int, Meta(ge=0, le=NUMBER_MAX)]


class _Floor(msgspec.Struct, array_like=True, forbid_unknown_fields=True):
    author: Annotated[bytes, Meta(min_length=32, max_length=32)]
    epoch: Annotated[int, Meta(ge=0, lt=1 << 32)]
    floor: Number


_Floors = Annotated[list[_Floor], Meta(max_length=FLOORS_MAX)]


class _Saved(msgspec.Struct, array_like=True, forbid_unknown_fields=True, tag=_VERSION):
    store_tag: Annotated[bytes, Meta(min_length=8, max_length=8)]
    cursor: Number | None
    told: _Floors
    heard: _Floors


class LogPool:
    """One object for each log, whatever the number of peers that speak of it.

    Peers tell floors of much the same logs, each in its own bytes; without this the floors
    of sixteen links are a tenth of an idle node.
    """

    __slots__ = ("_logs",)

    def __init__(self) -> None:
        self._logs: dict[Log, Log] = {}

    def one(self, log: Log) -> Log:
        """Return the object that stands for all equal logs."""
        if len(self._logs) >= FLOORS_MAX:
            self._logs.clear()
        return self._logs.setdefault(log, log)


@dataclass(slots=True)
class PeerMemory:
    """What is known of a peer's store from earlier sessions.

    Args:
        pool: shared by the memories of a node.

    Attributes:
        store_tag: which of its stores this is about, 8 bytes.
        cursor: everything wanted that arrived there up to this number is here; None if
            no session has converged yet.
        told: by log, below which number we said to want nothing (and hold nothing).
        heard: the same, said by the peer.
    """

    store_tag: bytes = _NO_TAG
    cursor: int | None = None
    told: dict[Log, int] = field(default_factory=dict)
    heard: dict[Log, int] = field(default_factory=dict)
    pool: LogPool = field(default_factory=LogPool, compare=False, repr=False)
    _salt: tuple[bytes, bytes] | None = None

    def meet(self, store_tag: bytes) -> None:
        """Forget everything if the peer has another store than last time."""
        if store_tag != self.store_tag:
            self.store_tag = store_tag
            self.cursor = None
            self.forget_floors()

    def forget_floors(self) -> None:
        """Forget both sides' floors."""
        self.told.clear()
        self.heard.clear()
        self._salt = None

    def tell(self, log: Log, floor: int) -> bool:
        """Note a floor that is being told; False if there is no room and it must not be."""
        self._salt = None
        return _note(self.told, log, floor, self.pool)

    def hear(self, log: Log, floor: int) -> bool:
        """Note a floor the peer told; False if there is no room for it."""
        self._salt = None
        return _note(self.heard, log, floor, self.pool)

    def salt(self, *, told_first: bool) -> bytes:
        """Return bytes that are equal on both sides if both remember the same floors."""
        if not self.told and not self.heard:
            return b""
        if self._salt is None:
            self._salt = _digest(self.told), _digest(self.heard)
        told, heard = self._salt
        return told + heard if told_first else heard + told

    def encode(self) -> bytes:
        """Return it as bytes to keep, at most some 200 KB."""
        told, heard = (
            [_Floor(*log, floor) for log, floor in sorted(floors.items())]
            for floors in (self.told, self.heard)
        )
        return msgspec.msgpack.encode(_Saved(self.store_tag, self.cursor, told, heard))

    @classmethod
    def decode(cls, data: bytes, pool: LogPool | None = None) -> PeerMemory:
        """Return what `encode` wrote.

        Args:
            data: what it wrote.
            pool: of the node; None for one of its own.

        Raises:
            DataError: it is something else; a new memory does no harm.
        """
        try:
            saved = msgspec.msgpack.decode(data, type=_Saved)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise DataError(f"what was remembered of a peer cannot be read: {error}") from error
        memory = cls(saved.store_tag, saved.cursor, pool=pool or LogPool())
        for floors, entries in ((memory.told, saved.told), (memory.heard, saved.heard)):
            for entry in entries:
                _note(floors, (entry.author, entry.epoch), entry.floor, memory.pool)
        return memory


def _note(floors: dict[Log, int], log: Log, floor: int, pool: LogPool) -> bool:
    if not floor:
        floors.pop(log, None)
        return True
    if log not in floors and len(floors) >= FLOORS_MAX:
        return False
    floors[pool.one(log)] = EVERYTHING if floor == EVERYTHING else floor  # one object as well
    return True


def _digest(floors: dict[Log, int]) -> bytes:
    """Return 16 bytes that stand for floors."""
    joined = b"".join(
        [author + _NUMBERS.pack(epoch, floor) for (author, epoch), floor in sorted(floors.items())]
    )
    return hashlib.blake2b(joined, digest_size=16).digest()
