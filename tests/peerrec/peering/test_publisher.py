"""What the log says is what the person says, whatever was removed, repeated or failed."""

from __future__ import annotations

from collections import Counter
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from peerrec.errors import StoreError
from peerrec.limits import MINUTE_S
from peerrec.peering.settings import NodeSettings
from peerrec.protocol.invite import Address
from peerrec.protocol.segment import Kind
from peerrec.store.memory import MemoryStore
from peerrec.testing.node_pair import NodePair, Participant, make_participant

SETTINGS = NodeSettings(batch_delay_s=0.0, batch_count=3)


def said_by(author: Participant) -> Counter[tuple[Any, float]]:
    return Counter((r.item, r.weight) for r in author.interactions() if r.public)


def heard_of(reader: Participant, author: Participant) -> Counter[tuple[Any, float]]:
    return Counter((r.item, r.weight) for r in reader.interactions() if r.author == author.peer)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["play", "play", "private", "remove", "remove-old", "wait", "publish"]),
            st.integers(0, 2),
        ),
        max_size=25,
    )
)
def test_others_know_exactly_what_stays_public(deeds: list[tuple[str, int]]):
    pair = NodePair(seed=1, settings=SETTINGS)
    pair.b.trust(pair.a)
    for weight, (deed, n) in enumerate(deeds, 1):
        item = f"song:{n}"
        if deed in ("play", "private"):
            pair.a.play(item, public=deed == "play", weight=float(weight))
        elif deed == "remove":
            pair.a.store.retract(author="me", item=item)
        elif deed == "remove-old":
            pair.a.store.retract(author="me", item=item, before=pair.now - MINUTE_S)
        elif deed == "wait":
            pair.network.run_for(45.0 * (n + 1))
        else:
            pair.a.publish()
    for _ in range(2):
        pair.settle(120.0)
        assert heard_of(pair.b, pair.a) == said_by(pair.a)


def test_a_failed_write_is_made_good_at_the_next_look():
    class Full(MemoryStore):
        full = False

        def accept(self, **what: Any) -> None:
            if self.full:
                raise StoreError("no room")
            super().accept(**what)

    pair = NodePair(seed=2, link=False)
    pair.network.crash(pair.a.peer)
    store = Full()
    with_address = NodeSettings(batch_delay_s=0.0, address=Address("10.0.0.1", 7700))
    pair.a = make_participant(pair.network, 1, store=store, settings=with_address)
    pair.link()
    pair.b.trust(pair.a)
    pair.network.run_for(10.0)
    store.full = True
    pair.a.play("song:a")
    pair.a.publish()
    pair.network.run_for(10.0)
    store.full = False
    pair.a.publish()
    pair.network.run_for(10.0)
    pair.a.publish()
    pair.settle()
    assert heard_of(pair.b, pair.a) == said_by(pair.a)
    kinds = Counter(row[4] for row in store.segments.index().rows() if row[0] == pair.a.peer)
    assert kinds[Kind.ADDRESS] == 1
    assert kinds[Kind.INTERACTIONS] == 1
