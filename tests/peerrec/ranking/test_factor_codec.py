"""Tables survive being written and read; whatever else comes is refused."""

from __future__ import annotations

import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from peerrec.errors import ConfigError, VerificationError
from peerrec.ranking.factor_codec import decode_table, encode_table
from peerrec.ranking.factor_table import FactorTable

HEADER = 16


def table_of(seed=0, n=50, dim=8):
    rng = np.random.default_rng(seed)
    keys = np.sort(rng.choice(1 << 24, n, replace=False)).astype(np.uint32)
    users = rng.standard_normal((40, dim)).astype(np.float32)
    share = (rng.random(n) ** 4).astype(np.float32) * 0.9 + np.float32(1e-4)
    mean = rng.standard_normal((n, dim)).astype(np.float32) * share[:, None]
    return FactorTable(keys, share, mean, users.T @ users / 40, 7)


def decoded(data, dim=8, rows_max=1000):
    return decode_table(data, dim=dim, rows_max=rows_max)


@given(
    seed=st.integers(0, 2**32 - 1),
    n=st.integers(0, 200),
    dim=st.sampled_from([4, 8, 16, 24]),
)
def test_what_is_read_is_what_was_written_within_the_rounding(seed, n, dim):
    table = table_of(seed, n, dim)
    back = decoded(encode_table(table), dim)
    assert np.array_equal(back.keys, table.keys)
    assert back.exchanges == 7
    assert np.allclose(back.share, table.share, rtol=0.024)
    scale = np.abs(table.moment).max()
    assert np.abs(back.moment - table.moment).max() <= scale / 32767
    if n:
        largest = np.abs(table.mean).max(axis=1)
        # Half of one of 7 steps, a magnitude rounded up by 4.4 %, the unit of a rounded C.
        assert (np.abs(back.mean - table.mean).max(axis=1) <= 0.076 * largest + 1e-6).all()


@given(seed=st.integers(0, 1000))
def test_writing_what_was_read_changes_no_key_and_no_share(seed):
    once = decoded(encode_table(table_of(seed)))
    twice = decoded(encode_table(once))
    assert np.array_equal(once.keys, twice.keys)
    assert np.array_equal(once.share, twice.share)


@given(st.binary(max_size=400))
def test_any_bytes_are_a_table_or_refused(data):
    try:
        table = decoded(data)
    except VerificationError:
        return
    assert np.isfinite(table.mean).all()


@given(at=st.integers(0, 10_000), bit=st.integers(0, 7), seed=st.integers(0, 5))
def test_a_flipped_bit_gives_a_finite_table_or_is_refused(at, bit, seed):
    data = bytearray(encode_table(table_of(seed)))
    data[at % len(data)] ^= 1 << bit
    try:
        table = decoded(bytes(data))
    except VerificationError:
        return
    assert np.isfinite(table.mean).all()
    assert np.isfinite(table.moment).all()
    assert (np.diff(table.keys.astype(np.int64)) > 0).all()
    assert ((table.share > 0) & (table.share <= 1)).all()


@pytest.mark.parametrize("share", [0.0, 0.3, 0.5, 0.99])
def test_half_a_table_is_refused(share):
    data = encode_table(table_of())
    with pytest.raises(VerificationError, match="bytes"):
        decoded(data[: int(len(data) * share)])


def test_more_bytes_than_promised_are_refused():
    with pytest.raises(VerificationError, match="promises"):
        decoded(encode_table(table_of()) + b"x")


def test_another_d_version_or_too_many_rows_are_refused():
    data = encode_table(table_of())
    with pytest.raises(VerificationError, match="d = 8"):
        decoded(data, dim=16)
    with pytest.raises(VerificationError, match="version"):
        decoded(b"\x09" + data[1:])
    with pytest.raises(VerificationError, match="at most 49"):
        decoded(data, rows_max=49)


@pytest.mark.parametrize("scale", [float("nan"), float("inf"), -1.0, 1e30])
def test_a_moment_that_is_no_number_or_huge_is_refused(scale):
    data = encode_table(table_of())
    with pytest.raises(VerificationError, match="moment"):
        decoded(data[: HEADER - 4] + struct.pack("<f", scale) + data[HEADER:])


def test_a_moment_that_no_users_have_is_refused():
    table = table_of()
    moment = np.diag([1, 1, 1, 1, 1, 1, 1, -0.1]).astype(np.float32)
    data = encode_table(FactorTable(table.keys, table.share, table.mean, moment))
    with pytest.raises(VerificationError, match="negative"):
        decoded(data)


def test_keys_out_of_range_overlong_or_too_few_are_refused():
    table = table_of(n=1, dim=4)
    triangle = 10 * 2
    start = HEADER + triangle

    def with_keys(keys):
        data = encode_table(table)
        old = len(data) - start - 4  # share, magnitude, directions
        header = data[: HEADER - 8] + struct.pack("<I", len(keys)) + data[HEADER - 4 : HEADER]
        return header + data[HEADER:start] + keys + data[start + old :]

    for keys, why in [
        (b"\xff\xff\xff\x7f", "24 bits"),
        (b"\x80\x00", "shortest"),
        (b"\x80\x80\x80\x80\x01", "longer"),
        (b"\x01\x02", "do not hold"),
        (b"\x81", "do not hold"),
    ]:
        with pytest.raises(VerificationError, match=why):
            decoded(with_keys(keys), dim=4)
    assert decoded(with_keys(b"\x05"), dim=4).keys.tolist() == [5]


def test_keys_cannot_be_unsorted_or_twice_as_gaps_only_grow():
    table = decoded(encode_table(table_of(n=200)))
    assert (np.diff(table.keys.astype(np.int64)) > 0).all()


def test_a_row_of_16_numbers_takes_at_most_14_bytes():
    assert len(encode_table(table_of(n=1500, dim=16))) <= 14 * 1500


def test_a_length_that_does_not_pack_is_refused():
    with pytest.raises(ConfigError, match="even"):
        encode_table(table_of(dim=7))
