"""Start vectors are the same everywhere and as good as random."""

from __future__ import annotations

import numpy as np
import pytest

from peerrec.errors import ConfigError
from peerrec.ranking.factor_frame import KEY_BITS, item_keys, start_vectors


def test_a_key_is_the_first_24_bits_of_the_hash():
    keys = item_keys([b"\x01\x02\x03" + bytes(13), b"\xff" * 16])
    assert keys.tolist() == [0x010203, (1 << KEY_BITS) - 1]
    assert keys.dtype == np.uint32


def test_no_items_have_no_keys():
    assert start_vectors(item_keys([]), 8).shape == (0, 8)


def test_a_vector_depends_on_its_key_alone():
    keys = np.arange(100, dtype=np.uint32)
    whole = start_vectors(keys, 16)
    assert np.array_equal(start_vectors(keys[::-1].copy(), 16), whole[::-1])
    assert np.array_equal(start_vectors(keys, 8), whole[:, :8])


def test_the_vectors_never_change_between_versions():
    signs = start_vectors(np.array([0, 1], np.uint32), 8)
    assert (signs > 0).astype(int).tolist() == [
        [1, 1, 1, 1, 0, 1, 0, 1],
        [1, 0, 0, 0, 0, 0, 1, 1],
    ]


def test_coordinates_are_balanced_and_independent():
    signs = start_vectors(np.arange(20_000, dtype=np.uint32), 16)
    assert np.abs(signs.mean(axis=0)).max() < 0.03
    assert np.abs(signs.T @ signs / len(signs) - np.eye(16)).max() < 0.03


@pytest.mark.parametrize("dim", [0, 65])
def test_a_length_without_signs_is_refused(dim):
    with pytest.raises(ConfigError, match="dim"):
        start_vectors(np.array([1], np.uint32), dim)
