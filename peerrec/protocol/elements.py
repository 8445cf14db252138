"""Shorten segments and logs to 8 keyed bytes that only one link understands.

An element is 4 bytes of the log's keyed tag, then 4 bytes of a keyed check of the
segment's id (or of its fork, or of the log's digest). Keyed by the link: elements mined
to collide for one victim are worthless on every other link (riblt issue 3, the XOR
attack on massa).

Example:
    >>> tag = tag_logs(bytes(16), [log_block(b"author and epoch")])
    >>> int(tag[0]) < 2**32
    True
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from peerrec.protocol.keyed_hash import keyed_hash, keyed_hash_one

__all__ = [
    "FORK",
    "Elements",
    "fork_check",
    "log_block",
    "segment_checks",
    "tag_logs",
]

FORK: Final = -1
"""In place of a number: not a segment, but the proof that the log forked."""

_LOW: Final = np.uint64(0xFFFF_FFFF)
Ref = tuple[tuple[bytes, int], int]


def log_block(name: bytes) -> bytes:
    """Return 16 bytes for a log's name (author, big-endian epoch), to be tagged with a key."""
    return hashlib.blake2b(b"peerrec/1/log" + name, digest_size=16).digest()


def tag_logs(key: bytes, blocks: Sequence[bytes]) -> NDArray[np.uint64]:
    """Return the 4-byte tags of logs under a 16-byte key, as integers.

    Args:
        key: of the link.
        blocks: see `log_block`.
    """
    table = np.frombuffer(b"".join(blocks), np.uint8).reshape(-1, 16)
    return keyed_hash(key, table) >> np.uint64(32)


def segment_checks(key: bytes, blocks: NDArray[np.uint8]) -> NDArray[np.uint64]:
    """Return the 4-byte checks of ids or digests, shape (n, 16), as integers."""
    return keyed_hash(key, np.ascontiguousarray(blocks)) & _LOW


def fork_check(key: bytes, seq: int) -> int:
    """Return the check that stands for the fork of a log at a number."""
    return int(keyed_hash_one(key, b"forked\0\0" + seq.to_bytes(8, "big"))) & 0xFFFF_FFFF


class Elements(NamedTuple):
    """The elements of a frontier at one moment, ascending, and what is behind each.

    Attributes:
        values: uint64, no two alike.
        codes: places in ``logs``; a fork is ``-1 - place``.
        seqs: numbers of the segments, or of the fork.
        logs: the logs by place; None where a place is free.
    """

    values: NDArray[np.uint64]
    codes: NDArray[np.int32]
    seqs: NDArray[np.uint64]
    logs: list[tuple[bytes, int] | None]

    @classmethod
    def sorted(
        cls,
        values: NDArray[np.uint64],
        codes: NDArray[np.int32],
        seqs: NDArray[np.uint64],
        logs: list[tuple[bytes, int] | None],
    ) -> Elements:
        """Return them in order; of two alike (2^-64 by chance) one is left out."""
        order = np.argsort(values)
        ordered = values[order]
        again = ordered[1:] == ordered[:-1]
        if again.any():
            kept = np.flatnonzero(np.append(True, ~again))
            order, ordered = order[kept], ordered[kept]
        return cls(ordered, codes[order], seqs[order], logs)

    def find(self, value: int) -> Ref | None:
        """Return log and number behind an element, `FORK` for a fork; None if unknown."""
        place = int(np.searchsorted(self.values, np.uint64(value)))
        if place == len(self.values) or int(self.values[place]) != value:
            return None
        code = int(self.codes[place])
        log = self.logs[code if code >= 0 else -1 - code]
        assert log is not None, "an element outlived its log"
        return log, (int(self.seqs[place]) if code >= 0 else FORK)
