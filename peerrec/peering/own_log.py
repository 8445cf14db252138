"""Number and sign this node's own segments, so that no number is ever used twice.

Two segments with one number are a fork: the end of an identity's good name. So numbers
are reserved on the disk before any leaves, in blocks; after a crash the rest of a block
is skipped, which costs nothing: a gap never stops anyone. And a log that may have been
rolled back is never continued: a new epoch begins instead.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgpack
import numpy as np

from peerrec.protocol.identity import Signer
from peerrec.protocol.segment import Kind, Segment, make_segment
from peerrec.store import Store

__all__ = ["OwnLog"]

SETTING = "log.own"

RESERVE = 64
"""Numbers reserved by one flush: a disk syncs once for so many segments."""

FIRST_PREV = bytes(16)


class OwnLog:
    """The log that this node writes.

    Args:
        store: remembers the state.
        signer: signs.
        network: 16 bytes.
        rng: draws epochs.

    Attributes:
        epoch: of the log now written.
        fresh: whether the epoch began in this run: then nobody can know a later state.
    """

    def __init__(
        self, store: Store, signer: Signer, network: bytes, rng: np.random.Generator
    ) -> None:
        self._store = store
        self._signer = signer
        self._network = network
        self._rng = rng
        self.fresh = False
        self.epoch = self._next = self._reserved = 0
        self._prev = FIRST_PREV
        packed = store.setting(SETTING)
        if packed is None or store.was_restored:
            self.begin_epoch()
        else:
            self.epoch, self._reserved, self._prev = msgpack.unpackb(packed)
            # Whatever was signed before a crash lies below the reserved number.
            self._next = self._reserved

    def begin_epoch(self) -> None:
        """Start a log of its own, beside what may be out there of the old one."""
        self.epoch = int(self._rng.integers(1, 1 << 32))
        self._next = self._reserved = 0
        self._prev = FIRST_PREV
        self.fresh = True

    def sign(
        self, batches: Sequence[tuple[Kind, bytes, int]], ttl_days: int
    ) -> tuple[list[Segment], tuple[str, bytes]]:
        """Return segments with the next numbers, and the setting to store with them.

        Args:
            batches: (kind, payload, minute) of each.
            ttl_days: how long they count.

        Raises:
            StoreError: the numbers could not be reserved; nothing was signed.
        """
        self._reserve(len(batches))
        segments = []
        for kind, payload, minute in batches:
            segment = make_segment(
                self._signer,
                self._network,
                kind,
                epoch=self.epoch,
                seq=self._next,
                prev=self._prev,
                minute=minute,
                ttl_days=ttl_days,
                payload=payload,
            )
            self._next += 1
            self._prev = segment.id[:16]
            segments.append(segment)
        return segments, (SETTING, self._packed(self._reserved))

    def _reserve(self, n: int) -> None:
        if self._next + n > self._reserved:
            reserved = self._next + n + RESERVE
            self._store.set_setting(SETTING, self._packed(reserved))
            self._store.flush()
            self._reserved = reserved
            if self._store.was_restored:
                self._store.restore_handled()

    def _packed(self, reserved: int) -> bytes:
        packed: bytes = msgpack.packb([self.epoch, reserved, self._prev])
        return packed
