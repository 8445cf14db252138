"""A keyed hash of 16-byte blocks: AES as published, and arrays like single values."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from peerrec.errors import LocalProtocolError
from peerrec.protocol.keyed_hash import keyed_hash, keyed_hash_one, keyed_hash_words

KEY = bytes(range(16))


def rows(blocks: list[bytes]) -> np.ndarray:
    return np.frombuffer(b"".join(blocks), np.uint8).reshape(-1, 16)


def test_it_is_the_first_half_of_aes_as_in_the_standards_example():
    block = bytes.fromhex("00112233445566778899aabbccddeeff")  # FIPS 197, appendix C.1
    expected = bytes.fromhex("69c4e0d86a7b0430d8cdb78070b4c55a")
    assert keyed_hash_one(KEY, block).to_bytes(8, "little") == expected[:8]


@given(st.binary(min_size=16, max_size=16), st.integers(0, 40), st.integers(0, 2**32))
def test_many_blocks_hash_like_one_by_one(key: bytes, n: int, seed: int):
    blocks = np.random.default_rng(seed).integers(0, 256, (n, 16), np.uint8)
    got = keyed_hash(key, blocks)
    assert got.dtype == np.uint64
    assert got.tolist() == [keyed_hash_one(key, row.tobytes()) for row in blocks]


def test_what_was_hashed_before_under_a_key_does_not_matter():
    first = keyed_hash_one(KEY, bytes(16))
    keyed_hash(KEY, rows([KEY, bytes(16), KEY]))
    assert keyed_hash_one(KEY, bytes(16)) == first


def test_another_key_gives_another_hash():
    assert keyed_hash_one(KEY, bytes(16)) != keyed_hash_one(bytes(16), bytes(16))


def test_words_are_the_halves_read_from_the_low_end():
    block = bytes(range(100, 116))
    first, second = (int.from_bytes(part, "little") for part in (block[:8], block[8:]))
    want = keyed_hash_one(KEY, block)
    for n in (0, 1, 30):
        assert keyed_hash_words(KEY, np.full(n, first, np.uint64), second).tolist() == [want] * n


def test_rows_may_lie_apart_in_memory():
    table = np.random.default_rng(1).integers(0, 256, (30, 32), np.uint8)
    got = keyed_hash(KEY, table[:, :16])
    assert got.tolist() == [keyed_hash_one(KEY, row[:16].tobytes()) for row in table]


def test_what_is_read_is_not_changed():
    blocks = rows([bytes(range(i, i + 16)) for i in range(30)])
    before = blocks.tobytes()
    keyed_hash(KEY, blocks)
    assert blocks.tobytes() == before


@pytest.mark.parametrize("key", [b"", bytes(15), bytes(17)])
def test_a_key_of_another_length_is_a_bug(key: bytes):
    with pytest.raises(LocalProtocolError, match="16 bytes"):
        keyed_hash(key, rows([bytes(16)]))
    with pytest.raises(LocalProtocolError, match="16 bytes"):
        keyed_hash_one(key, bytes(16))


def test_blocks_of_another_shape_are_a_bug():
    with pytest.raises(LocalProtocolError, match="15"):
        keyed_hash_one(KEY, bytes(15))
    for wrong in (np.zeros((3, 8), np.uint8), np.zeros(16, np.uint8), np.zeros((3, 16), np.int64)):
        with pytest.raises(LocalProtocolError, match="shape"):
            keyed_hash(KEY, wrong)
