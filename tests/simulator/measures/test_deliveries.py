from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from peerrec_sim.measures.deliveries import Arrivals, is_news, joined


def arrivals(*rows: tuple[int, int, int, int, float]) -> Arrivals:
    """Rows of author, epoch, seq, holder, time."""
    author, epoch, seq, holder, at = (
        np.array([row[place] for row in rows], dtype)
        for place, dtype in enumerate(("i4", "u4", "i8", "i4", "f8"))
    )
    return Arrivals(author, epoch, seq, np.ones(len(rows), np.uint8), holder, at)


def rows_of(table):
    columns = ("author", "receiver", "published_at_s", "delivered_at_s")
    return list(zip(*(table[name].tolist() for name in columns), strict=True))


def test_a_delivery_is_timed_from_the_authors_signing_to_the_receivers_store():
    table = joined([arrivals((0, 7, 0, 0, 10.0)), arrivals((0, 7, 0, 1, 12.5))], start=10.0)
    assert rows_of(table) == [(0, 1, 0.0, 2.5)]


def test_logs_and_numbers_of_one_author_are_told_apart():
    table = joined(
        [
            arrivals((0, 7, 0, 0, 1.0), (0, 7, 1, 0, 2.0), (0, 8, 0, 0, 3.0)),
            arrivals((0, 8, 0, 1, 9.0), (0, 7, 1, 1, 9.0), (0, 7, 0, 1, 9.0)),
        ]
    )
    assert sorted(table["published_at_s"].tolist()) == [1.0, 2.0, 3.0]


def test_a_segment_whose_signing_nobody_saw_is_left_out():
    assert len(joined([arrivals((0, 7, 0, 1, 9.0))])) == 0


def test_who_lost_its_store_and_got_its_words_back_signed_them_the_first_time():
    table = joined([arrivals((0, 7, 0, 0, 1.0), (0, 7, 0, 0, 8.0), (0, 7, 0, 1, 9.0))])
    assert rows_of(table) == [(0, 1, 1.0, 9.0)]


def test_nothing_noted_is_no_delivery():
    assert len(joined([])) == 0
    assert is_news(joined([])).tolist() == []


def test_what_was_said_before_the_receiver_had_anything_of_the_author_is_no_news():
    table = joined(
        [
            arrivals((0, 7, 0, 0, 1.0), (0, 7, 1, 0, 3.0), (0, 7, 2, 0, 6.0)),
            arrivals((0, 7, 0, 1, 4.0), (0, 7, 1, 1, 5.0), (0, 7, 2, 1, 8.0)),
            arrivals((0, 7, 2, 2, 9.0)),
        ]
    )
    assert [row for row, news in zip(rows_of(table), is_news(table), strict=True) if news] == [
        (0, 1, 6.0, 8.0)
    ]


@given(
    st.lists(
        st.tuples(
            st.integers(0, 3), st.just(1), st.integers(0, 2), st.integers(0, 3),
            st.integers(0, 9).map(float),
        ),
        max_size=30,
        unique_by=lambda row: row[:4],
    ),
    st.randoms(use_true_random=False),
)  # fmt: skip
def test_how_nodes_are_dealt_out_to_shards_changes_nothing(rows, chance):
    parts: list[list] = [[], [], []]
    shuffled = list(rows)
    chance.shuffle(shuffled)
    for row in shuffled:
        parts[chance.randrange(3)].append(row)
    table, other = joined([arrivals(*rows)]), joined([arrivals(*part) for part in parts])
    assert rows_of(table) == rows_of(other)
