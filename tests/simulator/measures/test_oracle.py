from __future__ import annotations

import numpy as np

from peerrec.store import Interaction, TrustEdge
from peerrec.store.memory import MemoryStore
from peerrec_sim.community import Interactions, TrustEdges
from peerrec_sim.measures.egos import Ego, EgoOptions
from peerrec_sim.measures.oracle import Knowledge, oracle

NOW = 1_700_000_000.0
ITEMS = tuple(f"song:{letter}" for letter in "abcdef")


def knowledge(public=None) -> Knowledge:
    """Return three people: 0 trusts 1 and not 2; all like a and b."""
    user = [0, 0, 1, 1, 1, 1, 2, 2, 2]
    item = [0, 1, 0, 1, 2, 3, 0, 1, 4]
    plays = Interactions.of(user, item, time=[NOW - 60.0 * at for at in range(9)])
    trust = TrustEdges(
        np.array([0], np.int32), np.array([1], np.int32), np.ones(1, np.float32), None
    )
    return Knowledge(plays, trust, 3, ITEMS, public)


def test_it_ranks_as_the_device_of_somebody_who_got_everything():
    known = knowledge()
    store = MemoryStore()
    name = {0: "me", 1: bytes([1]) * 32, 2: bytes([2]) * 32}
    columns = known.plays.user.tolist(), known.plays.item.tolist(), known.plays.time.tolist()
    for user, item, time in zip(*columns, strict=True):
        store.record(Interaction(name[user], ITEMS[item], time=time))
    store.trust(TrustEdge("me", name[1], time=NOW))
    for wanted in (["song:c"], ["song:d"], ["song:e"]):
        seen = Ego(wanted, [], EgoOptions()).look(store, NOW, {name[1]: 1, name[2]: 2})
        table = oracle(known, {0: wanted}, EgoOptions(), NOW)
        for column in ("ndcg", "recall", "list_length"):
            assert table[column][0] == seen[column], (wanted, column)


def test_what_nobody_publishes_is_not_known_to_others():
    public = np.ones(9, np.bool_)
    public[4] = False  # person 1 keeps c to themselves
    assert oracle(knowledge(), {0: ["song:c"]}, EgoOptions(), NOW)["recall"][0] == 1.0
    assert oracle(knowledge(public), {0: ["song:c"]}, EgoOptions(), NOW)["recall"][0] == 0.0


def test_ones_own_secrets_count_for_oneself():
    public = np.ones(9, np.bool_)
    public[:2] = False  # person 0 publishes nothing, and is still served by what they like
    found = oracle(knowledge(public), {0: ["song:c"]}, EgoOptions(), NOW)
    assert found["ndcg"][0] == oracle(knowledge(), {0: ["song:c"]}, EgoOptions(), NOW)["ndcg"][0]


def test_trust_decides_who_is_heard_unless_it_is_not_used():
    trusted = oracle(knowledge(), {0: ["song:e"]}, EgoOptions(), NOW)
    everybody = oracle(knowledge(), {0: ["song:e"]}, EgoOptions(use_trust=False), NOW)
    assert (trusted["recall"][0], everybody["recall"][0]) == (0.0, 1.0)


def test_egos_stand_in_order_and_progress_is_told():
    told: list[tuple[int, int]] = []
    table = oracle(
        knowledge(), {2: ["song:c"], 0: ["song:c"]}, EgoOptions(), NOW,
        lambda done, total: told.append((done, total)),
    )  # fmt: skip
    assert table["node"].tolist() == [0, 2]
    assert told == [(1, 2), (2, 2)]


def test_nobody_to_measure_is_an_empty_table():
    assert len(oracle(knowledge(), {}, EgoOptions(), NOW)) == 0
