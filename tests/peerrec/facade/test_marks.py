from __future__ import annotations

import pytest

from peerrec.errors import DataError
from peerrec.facade.marks import Marks
from peerrec.facade.transfer import Content, batches
from peerrec.recommender import Recommender
from peerrec.store import Interaction, Mark, Marked, TrustEdge
from peerrec.store.memory import MemoryStore

MARKED = [
    Marked(Mark.BLOCK, "eve", 60.0),
    Marked(Mark.FORKED, "eve", 120.0),
    Marked(Mark.FORKED, b"two-faced", 120.0),
]


def test_who_forked_is_blocked_but_not_by_the_person():
    marks = Marks.of(MARKED)
    assert marks.own_blocks == ("eve",)
    assert marks.forked == ("eve", b"two-faced")
    assert marks.blocked == ("eve", b"two-faced")


def test_who_forked_has_no_say_and_is_not_counted_as_a_decision():
    store = MemoryStore()
    store.record_many(
        Interaction(author, item, 1.0, 60.0)
        for author, item in (("me", "a"), ("ann", "a"), ("ann", "b"), ("bob", "a"), ("bob", "c"))
    )
    store.trust_many([TrustEdge("me", "ann", 1.0, 60.0), TrustEdge("me", "bob", 1.0, 60.0)])
    before = Recommender(store, me="me", clock=lambda: 120.0)
    assert {each.item for each in before.recommend(5)} == {"b", "c"}
    store.mark(Mark.FORKED, "bob", time=60.0)
    after = Recommender(store, me="me", clock=lambda: 120.0)
    assert [each.item for each in after.recommend(5)] == ["b"]
    assert after.stats().blocked == 0


def test_marks_of_forks_are_neither_exported_nor_imported():
    store = MemoryStore()
    for mark, subject, time in MARKED:
        store.mark(mark, subject, time=time)
    lines = list(Content.of(store).lines("me"))
    assert len(lines) == 2
    assert b"forked" not in b"".join(lines)
    forged = lines[1].replace(b'"block"', b'"forked"')
    with pytest.raises(DataError, match="mark 'forked' is unknown"):
        list(batches([lines[0], forged], "me"))
