"""Hash many short values under a key at once: SipHash-2-4, 64 bits.

Jean-Philippe Aumasson, Daniel J. Bernstein, *SipHash: a fast short-input PRF*
(INDOCRYPT 2012), over messages of exactly 16 bytes: two blocks and the length block.
Without the key nobody can tell which values collide, so tags made of it can be as short
as a link needs. Cost: 0.2 µs a value in bulk, some 15 µs for one alone.

Example:
    >>> import numpy as np
    >>> key, block = bytes(range(16)), bytes(range(16))
    >>> hex(siphash_one(key, block))
    '0x3f2acc7f57c29bdb'
    >>> hex(siphash(key, np.frombuffer(block, np.uint8).reshape(1, 16))[0])
    '0x3f2acc7f57c29bdb'
"""

from __future__ import annotations

from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from peerrec.errors import LocalProtocolError

__all__ = ["BLOCK_BYTES", "KEY_BYTES", "siphash", "siphash_one", "siphash_words"]

KEY_BYTES: Final = 16
BLOCK_BYTES: Final = 16

U64: TypeAlias = NDArray[np.uint64]

_MASK: Final = (1 << 64) - 1
_INIT: Final = (0x736F6D6570736575, 0x646F72616E646F6D, 0x6C7967656E657261, 0x7465646279746573)
_LENGTH: Final = BLOCK_BYTES << 56  # the last block: no bytes left over, and the length
_FEW: Final = 12  # up to here one by one is faster than arrays
_CHUNK: Final = 8_192  # values at once: state and scratch then stay in the processor's cache


def siphash(key: bytes, blocks: NDArray[np.uint8]) -> U64:
    """Return the 64-bit hash of each row of ``blocks``, shape (n, 16)."""
    if blocks.ndim != 2 or blocks.shape[1] != BLOCK_BYTES or blocks.dtype != np.uint8:
        raise LocalProtocolError(
            f"blocks are bytes of shape (n, 16), not {blocks.dtype} of shape {blocks.shape}"
        )
    words = np.ascontiguousarray(blocks).view("<u8").astype(np.uint64, copy=False)
    return siphash_words(key, words[:, 0], words[:, 1])


def siphash_words(key: bytes, first: U64, second: U64 | int) -> U64:
    """Return the hash of each (first, second), the halves read as little-endian words.

    Args:
        key: 16 bytes.
        first: shape (n,).
        second: shape (n,), or one word for all.
    """
    k0, k1 = _key_words(key)
    n = len(first)
    if n <= _FEW:
        seconds = [second] * n if isinstance(second, int) else second.tolist()
        pairs = zip(first.tolist(), seconds, strict=True)
        return np.array([_one(k0, k1, *pair) for pair in pairs], np.uint64)
    hashes = np.empty(n, np.uint64)
    for start in range(0, n, _CHUNK):
        part = slice(start, min(start + _CHUNK, n))
        other = np.uint64(second) if isinstance(second, int) else second[part]
        hashes[part] = _chunk(k0, k1, first[part], other)
    return hashes


def siphash_one(key: bytes, block: bytes) -> int:
    """Return the hash of one block of 16 bytes: cheaper than an array of one."""
    if len(block) != BLOCK_BYTES:
        raise LocalProtocolError(f"a block is 16 bytes, not {len(block)}")
    first, second = int.from_bytes(block[:8], "little"), int.from_bytes(block[8:], "little")
    return _one(*_key_words(key), first, second)


def _key_words(key: bytes) -> tuple[int, int]:
    """Return the key's two words."""
    if len(key) != KEY_BYTES:
        raise LocalProtocolError(f"a key is 16 bytes, not {len(key)}")
    return int.from_bytes(key[:8], "little"), int.from_bytes(key[8:], "little")


def _one(k0: int, k1: int, first: int, second: int) -> int:
    """Return the hash of one value, in Python's integers."""
    v0, v1, v2, v3 = _INIT[0] ^ k0, _INIT[1] ^ k1, _INIT[2] ^ k0, _INIT[3] ^ k1
    for word, rounds in ((first, 2), (second, 2), (_LENGTH, 2), (0, 4)):
        v3 ^= word
        if rounds == 4:
            v2 ^= 0xFF
        for _ in range(rounds):
            v0 = (v0 + v1) & _MASK
            v1 = ((v1 << 13) & _MASK | v1 >> 51) ^ v0
            v0 = (v0 << 32) & _MASK | v0 >> 32
            v2 = (v2 + v3) & _MASK
            v3 = ((v3 << 16) & _MASK | v3 >> 48) ^ v2
            v0 = (v0 + v3) & _MASK
            v3 = ((v3 << 21) & _MASK | v3 >> 43) ^ v0
            v2 = (v2 + v1) & _MASK
            v1 = ((v1 << 17) & _MASK | v1 >> 47) ^ v2
            v2 = (v2 << 32) & _MASK | v2 >> 32
        v0 ^= word
    return v0 ^ v1 ^ v2 ^ v3


def _chunk(k0: int, k1: int, first: U64, second: U64 | np.uint64) -> U64:
    """Return the hashes of a few thousand values."""
    n = len(first)
    v0 = np.full(n, _INIT[0] ^ k0, np.uint64)
    v1 = np.full(n, _INIT[1] ^ k1, np.uint64)
    v2 = np.full(n, _INIT[2] ^ k0, np.uint64)
    v3 = np.full(n, _INIT[3] ^ k1, np.uint64)
    scratch = np.empty(n, np.uint64)
    for word in (first, second, np.uint64(_LENGTH)):
        v3 ^= word
        _rounds(2, v0, v1, v2, v3, scratch)
        v0 ^= word
    v2 ^= np.uint64(0xFF)
    _rounds(4, v0, v1, v2, v3, scratch)
    v0 ^= v1
    v2 ^= v3
    v0 ^= v2
    return v0


def _rounds(n_rounds: int, v0: U64, v1: U64, v2: U64, v3: U64, scratch: U64) -> None:
    """Mix the four words of state in place."""
    for _ in range(n_rounds):
        v0 += v1
        _rotate(v1, 13, scratch)
        v1 ^= v0
        _rotate(v0, 32, scratch)
        v2 += v3
        _rotate(v3, 16, scratch)
        v3 ^= v2
        v0 += v3
        _rotate(v3, 21, scratch)
        v3 ^= v0
        v2 += v1
        _rotate(v1, 17, scratch)
        v1 ^= v2
        _rotate(v2, 32, scratch)


def _rotate(word: U64, bits: int, scratch: U64) -> None:
    """Rotate to the left in place."""
    np.right_shift(word, np.uint64(64 - bits), out=scratch)
    np.left_shift(word, np.uint64(bits), out=word)
    np.bitwise_or(word, scratch, out=word)
