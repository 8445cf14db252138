"""Codes are dense, stable and reversible."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from peerrec.ranking.interning import Coded, Interner

raw_ids = st.one_of(st.text(min_size=1, max_size=4), st.binary(min_size=1, max_size=4))


@given(st.lists(raw_ids), st.lists(raw_ids))
def test_codes_come_in_order_of_first_sight_and_never_change(first, second):
    names = Interner()
    codes = names.codes(first)
    assert list(names) == list(dict.fromkeys(first))
    names.codes(second)
    assert names.codes(first).tolist() == codes.tolist()
    assert names.raw(codes) == first


@given(st.lists(raw_ids, min_size=1, unique=True), st.data())
def test_a_coded_column_equals_the_plain_one(ids, data):
    rows = data.draw(st.lists(st.integers(0, len(ids) - 1)))
    one, other = Interner(), Interner(ids)
    coded = one.codes(Coded(ids, np.array(rows, np.int32)))
    assert coded.tolist() == other.codes([ids[r] for r in rows]).tolist()


def test_text_and_bytes_are_different_ids():
    names = Interner(["a", b"a"])
    assert len(names) == 2
    assert names.find("a") != names.find(b"a")
