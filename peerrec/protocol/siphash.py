"""Hash many short values under a key at once: SipHash-2-4, 64 bits.

Jean-Philippe Aumasson, Daniel J. Bernstein, *SipHash: a fast short-input PRF*
(INDOCRYPT 2012), over messages of exactly 16 bytes: two blocks and the length block.
Without the key nobody can tell which values collide, so tags made of it can be as short
as a link needs. Cost: 0.2 µs a value in bulk, some 8 µs for one alone.

Example:
    >>> import numpy as np
    >>> key, block = bytes(range(16)), bytes(range(16))
    >>> hex(siphash_one(key, block))
    '0x3f2acc7f57c29bdb'
    >>> hex(siphash(key, np.frombuffer(block, np.uint8).reshape(1, 16))[0])
    '0x3f2acc7f57c29bdb'
"""

from __future__ import annotations

from functools import lru_cache
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
_FEW: Final = 8  # up to here one by one is faster than arrays
_REMEMBERED: Final = 16_384  # hashes of single values: 2 MB at most
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


@lru_cache(maxsize=_REMEMBERED)
def _one(k0: int, k1: int, first: int, second: int) -> int:
    """Return the hash of one value, in Python's integers.

    Remembered, because a link's two questions about one id come shortly after another.
    """
    v0, v1, v2, v3 = _INIT[0] ^ k0, _INIT[1] ^ k1, _INIT[2] ^ k0, _INIT[3] ^ k1 ^ first
    v0, v1, v2, v3 = _round(*_round(v0, v1, v2, v3))
    v0, v1, v2, v3 = _round(*_round(v0 ^ first, v1, v2, v3 ^ second))
    v0, v1, v2, v3 = _round(*_round(v0 ^ second, v1, v2, v3 ^ _LENGTH))
    v0, v1, v2, v3 = _round(*_round(v0 ^ _LENGTH, v1, v2 ^ 0xFF, v3))
    v0, v1, v2, v3 = _round(*_round(v0, v1, v2, v3))
    return v0 ^ v1 ^ v2 ^ v3


def _round(v0: int, v1: int, v2: int, v3: int) -> tuple[int, int, int, int]:
    """Mix the four words of state."""
    v0 = (v0 + v1) & _MASK
    v2 = (v2 + v3) & _MASK
    v1 = ((v1 << 13) & _MASK | v1 >> 51) ^ v0
    v3 = ((v3 << 16) & _MASK | v3 >> 48) ^ v2
    v0 = ((v0 << 32) & _MASK | v0 >> 32) + v3 & _MASK
    v2 = v2 + v1 & _MASK
    v3 = ((v3 << 21) & _MASK | v3 >> 43) ^ v0
    v1 = ((v1 << 17) & _MASK | v1 >> 47) ^ v2
    return v0, v1, (v2 << 32) & _MASK | v2 >> 32, v3


def _chunk(k0: int, k1: int, first: U64, second: U64 | np.uint64) -> U64:
    """Return the hashes of a few thousand values.

    The two halves of a round do the same to (v0, v1) and to (v2, v3): rows of one array,
    which halves the number of calls, and those are what a few hundred values cost.
    """
    n = len(first)
    even, odd, scratch = np.empty((3, 2, n), np.uint64)  # v0, v2 and v1, v3
    even[0], even[1] = _INIT[0] ^ k0, _INIT[2] ^ k0
    odd[0], odd[1] = _INIT[1] ^ k1, _INIT[3] ^ k1
    for word in (first, second, np.uint64(_LENGTH)):
        odd[1] ^= word
        _rounds(2, even, odd, scratch)
        even[0] ^= word
    even[1] ^= np.uint64(0xFF)
    _rounds(4, even, odd, scratch)
    even ^= odd
    mixed: U64 = even[0] ^ even[1]
    return mixed


def _rounds(n_rounds: int, even: U64, odd: U64, scratch: U64) -> None:
    """Mix the four words of state in place."""
    crossed = odd[::-1]  # v3, v1: in its second half a round adds crosswise
    for _ in range(n_rounds):
        even += odd
        _rotate(odd, _FIRST_TURNS, scratch)
        odd ^= even
        _rotate(even[0], _HALF_TURN, scratch[0])
        even += crossed
        _rotate(crossed, _SECOND_TURNS, scratch)
        crossed ^= even
        _rotate(even[1], _HALF_TURN, scratch[1])


def _rotate(words: U64, turns: tuple[U64, U64], scratch: U64) -> None:
    """Rotate to the left in place, each row by its own number of bits."""
    left, right = turns
    np.right_shift(words, right, out=scratch)
    np.left_shift(words, left, out=words)
    np.bitwise_or(words, scratch, out=words)


def _turns(*bits: int) -> tuple[U64, U64]:
    """Return by how much to shift each row to the left and to the right."""
    left = np.array(bits, np.uint64).reshape(-1, 1)
    return left, np.uint64(64) - left


_FIRST_TURNS: Final = _turns(13, 16)
_SECOND_TURNS: Final = _turns(21, 17)
_HALF_TURN: Final = tuple(each[0] for each in _turns(32))
