from __future__ import annotations

from contextlib import suppress

from hypothesis import given
from hypothesis import strategies as st

from peerrec.errors import StoreCorrupt
from peerrec.store.packing import Block, pack, unpack

ROWS = st.lists(
    st.tuples(
        st.integers(1, 2**31 - 1),
        st.integers(1, 2**31 - 1),
        st.one_of(st.integers(1, 300).map(float), st.floats(0.0078125, 1e9, width=32)),
        st.integers(0, 2**32),
        st.booleans(),
    ),
    min_size=1,
    max_size=50,
)


@given(ROWS)
def test_packed_rows_come_back(rows: list[tuple[int, int, float, int, bool]]):
    assert unpack(pack(Block.of(rows)), len(rows)).rows() == rows


@given(st.binary(max_size=200), st.integers(1, 50))
def test_any_bytes_are_rows_or_refused(packed: bytes, n_rows: int):
    with suppress(StoreCorrupt):
        assert len(unpack(packed, n_rows)) == n_rows


def test_an_ordinary_block_costs_nine_bytes_a_row():
    rows = [
        (k * 7 % 20_000, k * 11 % 100_000, 1.0 + k % 3, 28_000_000 + k, False) for k in range(4096)
    ]
    assert len(pack(Block.of(rows))) < 9.1 * len(rows)
