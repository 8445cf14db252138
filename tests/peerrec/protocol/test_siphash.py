"""SipHash-2-4 of 16-byte blocks: the published values, and arrays like single values."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from peerrec.errors import LocalProtocolError
from peerrec.protocol.siphash import siphash, siphash_one, siphash_words

KEY = bytes(range(16))


def reference(key: bytes, message: bytes) -> int:
    """SipHash-2-4 of a message of any length, after the paper, step by step."""
    mask = (1 << 64) - 1

    def rotate(x: int, bits: int) -> int:
        return (x << bits | x >> (64 - bits)) & mask

    def sip_round(v: list[int]) -> None:
        v[0] = (v[0] + v[1]) & mask
        v[2] = (v[2] + v[3]) & mask
        v[1] = rotate(v[1], 13) ^ v[0]
        v[3] = rotate(v[3], 16) ^ v[2]
        v[0] = rotate(v[0], 32)
        v[2] = (v[2] + v[1]) & mask
        v[0] = (v[0] + v[3]) & mask
        v[1] = rotate(v[1], 17) ^ v[2]
        v[3] = rotate(v[3], 21) ^ v[0]
        v[2] = rotate(v[2], 32)

    k0, k1 = int.from_bytes(key[:8], "little"), int.from_bytes(key[8:], "little")
    magic = b"somepseudorandomlygeneratedbytes"
    words = [int.from_bytes(magic[i : i + 8], "big") for i in range(0, 32, 8)]
    v = [words[0] ^ k0, words[1] ^ k1, words[2] ^ k0, words[3] ^ k1]
    whole = len(message) // 8 * 8
    last = message[whole:].ljust(7, b"\0") + bytes([len(message) & 0xFF])
    for block in [*(message[i : i + 8] for i in range(0, whole, 8)), last]:
        word = int.from_bytes(block, "little")
        v[3] ^= word
        sip_round(v)
        sip_round(v)
        v[0] ^= word
    v[2] ^= 0xFF
    for _ in range(4):
        sip_round(v)
    return v[0] ^ v[1] ^ v[2] ^ v[3]


def rows(blocks: list[bytes]) -> np.ndarray:
    return np.frombuffer(b"".join(blocks), np.uint8).reshape(-1, 16)


def test_the_reference_gives_the_published_values():
    # the example of the paper's appendix, and of the authors' list of vectors 0, 8 and 16
    assert reference(KEY, bytes(range(15))) == 0xA129CA6149BE45E5
    assert reference(KEY, b"").to_bytes(8, "little").hex() == "310e0edd47db6f72"
    assert reference(KEY, bytes(range(8))).to_bytes(8, "little").hex() == "6224939a79f5f593"
    assert reference(KEY, bytes(range(16))).to_bytes(8, "little").hex() == "db9bc2577fcc2a3f"


@given(st.binary(min_size=16, max_size=16), st.binary(min_size=16, max_size=16))
def test_one_block_hashes_like_the_reference(key: bytes, block: bytes):
    assert siphash_one(key, block) == reference(key, block)


@given(st.binary(min_size=16, max_size=16), st.integers(0, 40), st.integers(0, 2**32))
def test_many_blocks_hash_like_one_by_one(key: bytes, n: int, seed: int):
    blocks = np.random.default_rng(seed).integers(0, 256, (n, 16), np.uint8)
    got = siphash(key, blocks)
    assert got.dtype == np.uint64
    assert got.tolist() == [reference(key, row.tobytes()) for row in blocks]


def test_blocks_beyond_one_portion_hash_the_same():
    blocks = np.random.default_rng(1).integers(0, 256, (20_000, 16), np.uint8)
    got = siphash(KEY, blocks)
    for i in (0, 8_191, 8_192, 16_383, 16_384, 19_999):
        assert int(got[i]) == reference(KEY, blocks[i].tobytes())


def test_words_are_the_halves_read_from_the_low_end():
    block = bytes(range(100, 116))
    first, second = (int.from_bytes(part, "little") for part in (block[:8], block[8:]))
    want = reference(KEY, block)
    for n in (1, 30):
        assert siphash_words(KEY, np.full(n, first, np.uint64), second).tolist() == [want] * n
        seconds = np.full(n, second, np.uint64)
        assert siphash_words(KEY, np.full(n, first, np.uint64), seconds).tolist() == [want] * n


def test_what_is_read_is_not_changed():
    blocks = rows([bytes(range(i, i + 16)) for i in range(30)])
    before = blocks.tobytes()
    siphash(KEY, blocks)
    assert blocks.tobytes() == before


@pytest.mark.parametrize("key", [b"", bytes(15), bytes(17)])
def test_a_key_of_another_length_is_a_bug(key: bytes):
    with pytest.raises(LocalProtocolError, match="16 bytes"):
        siphash(key, rows([bytes(16)]))
    with pytest.raises(LocalProtocolError, match="16 bytes"):
        siphash_one(key, bytes(16))


def test_blocks_of_another_shape_are_a_bug():
    with pytest.raises(LocalProtocolError, match="15"):
        siphash_one(KEY, bytes(15))
    for wrong in (np.zeros((3, 8), np.uint8), np.zeros(16, np.uint8), np.zeros((3, 16), np.int64)):
        with pytest.raises(LocalProtocolError, match="shape"):
            siphash(KEY, wrong)
