"""Everyone counts once an item, by their gate, whatever they say and however often."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from peerrec.ranking import trusted_counts
from peerrec.ranking.interactions import InteractionGraph
from peerrec.ranking.trusted_counts import TrustedCounts

MONTH_S = 40 * 86_400.0
USERS, ITEMS = 5, 6

plays = st.lists(
    st.tuples(st.integers(0, USERS - 1), st.integers(0, ITEMS - 1), st.integers(0, 3)), max_size=30
)
gates = st.lists(st.sampled_from([0.0, 0.25, 1.0]), min_size=USERS, max_size=USERS)


def counted_by_hand(rows, gate):
    pairs = {(user, item) for user, item, _ in rows if user != 0}
    counts = np.zeros(ITEMS)
    for user, item in pairs:
        counts[item] += gate[user]
    return counts, sum(gate[user] for user in {user for user, _ in pairs})


@given(plays, plays, plays, gates)
def test_counts_are_those_of_distinct_pairs_while_the_graph_grows(sealed, head, more, gate):
    built, counts = InteractionGraph(), TrustedCounts()
    built.reserve(USERS, ITEMS)
    if sealed:
        users, items, months = zip(*sealed, strict=True)
        built.extend(users, items, 1.0, np.array(months) * MONTH_S)
    weight, rows = np.array(gate, np.float32), list(sealed)
    for newer in (head, more):
        for user, item, month in newer:
            built.add(user, item, 3.0, month * MONTH_S)
        rows += newer
        found = counts.of(built.snapshot(), 0, weight)
        items, people = counted_by_hand(rows, gate)
        np.testing.assert_allclose(found.items, items, atol=1e-5)
        assert np.isclose(found.people, people)


def test_without_a_gate_all_but_the_ego_count_alike():
    built = InteractionGraph()
    built.extend([0, 1, 2], [0, 0, 1], [1.0, 1e9, 1e-6], 0.0)
    found = TrustedCounts().of(built.snapshot(), 0, None)
    assert (found.items.tolist(), found.people) == ([1.0, 1.0], 2.0)


def test_own_records_count_nothing_anew(monkeypatch):
    built, counts = InteractionGraph(), TrustedCounts()
    built.extend([0, 1, 1], [0, 0, 1], 1.0, 0.0)
    gate = np.ones(2, np.float32)
    first = counts.of(built.snapshot(), 0, gate)
    monkeypatch.setattr(trusted_counts, "counted", None)
    built.add(0, 1, 1.0, 60.0)
    assert counts.of(built.snapshot(), 0, gate).items.tolist() == first.items.tolist()
