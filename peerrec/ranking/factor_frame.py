"""Give every node the same first item vectors without anybody sending one.

Averages of user vectors mean something only where all nodes use one coordinate frame. It
comes from the item itself: the key of an item is the first 24 bits of the hash by which it
is known on the wire, and its start vector is d signs from a mixed copy of that key. A user
starts as the scaled sum of the signs of their items, a random projection of their history
(Johnson & Lindenstrauss; signs after Achlioptas 2003).

Deviation from the design's N(0, I): signs need no logarithm, so that all machines agree to
the last bit, and project as well. Cost: one 64-bit mix an item.

Example:
    >>> keys = item_keys([bytes(15) + b"a", b"x" * 16])
    >>> keys.tolist()
    [0, 7895160]
    >>> start_vectors(keys, 4).tolist()
    [[1.0, 1.0, 1.0, 1.0], [1.0, -1.0, -1.0, -1.0]]
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

from peerrec.errors import ConfigError

__all__ = ["DIM_MAX", "KEY_BITS", "Keys", "item_keys", "start_vectors"]

Keys: TypeAlias = npt.NDArray[np.uint32]
Float32s: TypeAlias = npt.NDArray[np.float32]

KEY_BITS: Final = 24
"""Bits of an item's key: of 10,000 items some three pairs share a row;
32 bits would cost one more byte a row."""

DIM_MAX: Final = 64
"""Largest d: one sign a bit of the mixed key."""


def item_keys(hashes: Sequence[bytes]) -> Keys:
    """Return the key of each item, in the order given, shape (n,).

    Args:
        hashes: 16 bytes each, see `peerrec.ids.item_hash`.
    """
    leading = b"".join([b"\0" + item[:3] for item in hashes])
    return np.frombuffer(leading, ">u4").astype(np.uint32)


def start_vectors(keys: Keys, dim: int) -> Float32s:
    """Return d signs for each key, float32 of −1 or 1, shape (n, dim).

    Raises:
        ConfigError: dim is not 1 … DIM_MAX.
    """
    if not 1 <= dim <= DIM_MAX:
        raise ConfigError("dim", dim, f"use 1 … {DIM_MAX}")
    mixed = _mix(keys.astype(np.uint64))
    bits = (mixed[:, None] >> np.arange(dim, dtype=np.uint64)) & np.uint64(1)
    return bits.astype(np.float32) * 2 - 1


def _mix(values: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """Return well-mixed 64 bits of each value (SplitMix64, Steele et al. 2014)."""
    mixed = values + np.uint64(0x9E3779B97F4A7C15)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return mixed ^ (mixed >> np.uint64(31))
