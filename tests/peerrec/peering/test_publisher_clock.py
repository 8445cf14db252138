"""What was recorded under a clock that was ahead holds up nothing that was recorded later."""

from __future__ import annotations

from peerrec.peering.settings import NodeSettings
from peerrec.store import Interaction
from peerrec.testing.node_pair import NodePair

HOUR_S = 3_600.0


def test_plays_from_the_future_wait_and_the_others_do_not():
    pair = NodePair(seed=4, settings=NodeSettings(batch_delay_s=0.0, batch_count=10))
    pair.b.trust(pair.a)
    pair.a.store.record(Interaction("me", "song:ahead", 1.0, pair.now + HOUR_S, True))
    pair.a.store.record(Interaction("me", "song:now", 1.0, pair.now, True))
    pair.a.publish()
    pair.settle(120.0)
    assert pair.b.items_of(pair.a) == {"song:now"}
    pair.network.run_for(HOUR_S)
    pair.settle(1_800.0)
    assert pair.b.items_of(pair.a) == {"song:ahead", "song:now"}
