from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from peerrec.protocol.seen import Seen, _places, tag_of

KEY = bytes(range(16))


@given(st.lists(st.binary(min_size=32, max_size=32), max_size=80), st.integers(1, 20))
def test_it_never_holds_more_than_its_bound(ids, n_max):
    seen = Seen(n_max)
    for number, segment_id in enumerate(ids):
        seen.add(segment_id, float(number))
        assert len(seen) <= n_max
        assert segment_id in seen


def test_ids_are_forgotten_after_their_time():
    seen = Seen(for_s=10.0)
    assert seen.add(b"a" * 32, 0.0)
    assert not seen.add(b"a" * 32, 9.0)
    assert seen.add(b"a" * 32, 10.0)


@pytest.mark.parametrize("n", [1, 5, 9, 300])
def test_tags_lead_back_to_the_ids_behind_them_and_to_no_others(n):
    rng = np.random.default_rng(n)
    ids = [rng.bytes(32) for _ in range(n)]
    seen = Seen()
    for segment_id in ids:
        seen.add(segment_id, 0.0)
    strangers = [rng.bytes(8) for _ in range(20)]
    found = seen.behind([tag_of(KEY, each) for each in ids[::2]] + strangers, KEY)
    assert found == {tag_of(KEY, each): each[:16] for each in ids[::2]}


@given(st.lists(st.integers(0, 12), max_size=60), st.integers(1, 6))
def test_no_tag_leads_to_an_id_that_was_forgotten(numbers, n_max):
    seen = Seen(n_max, for_s=9.0)
    ids = [bytes([number]) * 32 for number in range(13)]
    for now, number in enumerate(numbers):
        seen.add(ids[number], float(now))
        found = seen.behind([tag_of(KEY, each) for each in ids], KEY)
        assert found == {tag_of(KEY, each): each[:16] for each in ids if each in seen}


def test_tags_of_one_segment_differ_from_link_to_link():
    assert tag_of(KEY, bytes(32)) != tag_of(bytes(16), bytes(32))


def test_a_tag_that_lies_across_two_hashes_is_none_of_them():
    hashes = bytes(range(32))
    tags = [hashes[4:12], hashes[16:24], bytes(8)]
    assert list(_places(hashes, tags)) == [(1, 2)]
    assert list(_places(hashes + hashes[4:12], tags)) == [(0, 4), (1, 2)]
