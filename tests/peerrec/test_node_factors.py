"""What nodes exchange of tables, whatever becomes of the links between them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from known_people import know_people

from peerrec.errors import StoreFull
from peerrec.ids import item_hash
from peerrec.peering.factor_state import DIM
from peerrec.peering.factoring import Factoring
from peerrec.peering.settings import NodeSettings
from peerrec.protocol.messages import Feature, Hello, Profile, Table, TableStep, Type
from peerrec.protocol.wire import decode
from peerrec.ranking.factor_codec import decode_table, encode_table
from peerrec.ranking.factor_frame import item_keys
from peerrec.ranking.factor_local import EPOCH_EXCHANGES
from peerrec.store.served_table import SERVED
from peerrec.testing.node_pair import NodePair, Participant, make_participant

HOUR = 3_600.0
RESTLESS = NodeSettings(batch_delay_s=1.0, factor_rest_s=0.0)


def factoring(person: Participant) -> Factoring:
    found = person.node.factoring
    assert found is not None
    return found


def friends(seed: int = 1, settings: NodeSettings | None = None, **conditions: float) -> NodePair:
    """Return two who trust each other and published ten items each, five in common."""
    pair = NodePair(seed, settings=settings or RESTLESS)
    for n in range(10):
        pair.a.play(f"song:{n}")
        pair.b.play(f"song:{n + 5}")
    for each in (pair.a, pair.b):
        know_people(each.store, pair.now)
    pair.a.trust(pair.b)
    pair.b.trust(pair.a)
    pair.settle()
    for name, value in conditions.items():
        setattr(pair.network.conditions, name, value)
    return pair


def long_pair(seed: int = 1, latency_s: float = 1.0) -> NodePair:
    """Return a pair with long tables: several parts each."""
    pair = NodePair(seed, settings=RESTLESS)
    pair.b.play("item:1")
    pair.a.play("item:2")
    pair.a.trust(pair.b)
    pair.b.trust(pair.a)
    for each in (pair.a, pair.b):
        know_people(each.store, pair.now, n_items=4_000)
    pair.settle()
    pair.network.conditions.latency_s = latency_s
    return pair


def steps(pair: NodePair) -> list[tuple[float, bytes, Table]]:
    """Return a list into which all steps of exchanges are written."""
    heard: list[tuple[float, bytes, Table]] = []

    def note(time: float, sender: bytes, receiver: bytes, data: bytes) -> None:
        message = decode(data)
        if isinstance(message, Table):
            heard.append((time, sender, message))

    pair.network.watch = note
    return heard


def until(pair: NodePair, stop: Callable[[], bool], seconds: float = 4 * HOUR) -> None:
    pair.network.run_until(pair.now + seconds, stop)
    assert stop()


def exchanges(person: Participant) -> int:
    return factoring(person).state.exchanges


def bytes_of(person: Participant) -> bytes:
    """Return the bytes of the table that a node averages."""
    local = factoring(person).state.local
    assert local is not None
    table = local.table
    return b"".join(each.tobytes() for each in (table.keys, table.share, table.mean, table.moment))


# -- what is exchanged ---------------------------------------------------------------------


def test_two_who_trust_each_other_average_their_tables():
    pair = friends()
    pair.network.run_for(2 * HOUR)
    assert exchanges(pair.a) == exchanges(pair.b) >= 8
    for each in (pair.a, pair.b):
        status = each.node.status(pair.now)
        assert status.factors is not None
        assert status.factors.rows == 55
        ended = np.count_nonzero(np.cumsum(EPOCH_EXCHANGES) <= status.factors.exchanges)
        assert status.factors.version == ended
        assert not any(name.startswith("violation") for name in status.counters)
        served = decode_table(each.store.setting(SERVED) or b"", dim=DIM, rows_max=100)
        assert len(served) == 55


def test_what_a_node_with_nobody_to_exchange_with_holds_is_next_to_nothing():
    pair = NodePair(1, link=False, settings=RESTLESS)
    pair.a.play("song")
    pair.network.run_for(HOUR)
    found = factoring(pair.a)
    assert found.state.local is None
    assert found.next_deadline() == np.inf
    assert not found._able


def test_a_node_without_factors_says_so_and_hears_of_none():
    pair = friends(settings=NodeSettings(batch_delay_s=1.0, factor_rest_s=0.0, factors=False))
    heard = steps(pair)
    hello = decode(pair.a.node.hello(pair.now))
    assert isinstance(hello, Hello)
    assert hello.features == 0
    pair.network.run_for(2 * HOUR)
    assert heard == []
    assert pair.a.node.factoring is None
    assert pair.a.node.status(pair.now).factors is None


def test_one_who_has_factors_says_so_and_leaves_one_who_has_none_alone():
    pair = NodePair(1, link=False, settings=RESTLESS)
    other = make_participant(pair.network, 7, settings=NodeSettings(factors=False))
    pair.a.play("song")
    pair.a.trust(other)
    pair.network.connect(pair.a.peer, other.peer)
    heard = steps(pair)
    pair.network.run_for(4 * HOUR)
    assert heard == []
    assert factoring(pair.a).state.local is None
    hello = decode(pair.a.node.hello(pair.now))
    assert isinstance(hello, Hello)
    assert hello.features == Feature.FACTORS


def test_without_trust_tables_are_exchanged_seldom():
    pair = NodePair(1, settings=RESTLESS)
    for each in (pair.a, pair.b):
        each.play("song")
        know_people(each.store, pair.now)
    pair.settle()
    pair.network.run_for(24 * HOUR)
    assert exchanges(pair.a) <= 24 * 6 * 0.05 * 4
    trusting = friends()
    trusting.network.run_for(24 * HOUR)
    assert exchanges(trusting.a) > 10 * max(exchanges(pair.a), 1)


def test_a_node_on_battery_is_never_asked():
    pair = NodePair(1, link=False, settings=RESTLESS)
    saver = make_participant(
        pair.network,
        7,
        settings=NodeSettings(batch_delay_s=1.0, factor_rest_s=0.0, profile=Profile.BATTERY),
    )
    for each in (pair.a, saver):
        each.play("song")
        know_people(each.store, pair.now)
    pair.a.trust(saver)
    saver.trust(pair.a)
    pair.network.connect(pair.a.peer, saver.peer)
    heard = steps(pair)
    pair.network.run_for(12 * HOUR)
    first = [sender for _, sender, m in heard if m.step == TableStep.OFFER][::2]
    assert first
    assert set(first) == {saver.peer}


# -- what happens on the way ---------------------------------------------------------------


def moving(pair: NodePair, n_parts: int = 2) -> bool:
    exchange = factoring(pair.b).exchange
    return exchange is not None and exchange._n_held >= n_parts * (16 << 10)


def parted(pair: NodePair) -> None:
    pair.network.part([[pair.a.peer], [pair.b.peer]])


def test_half_a_table_changes_nothing():
    pair = long_pair()
    until(pair, lambda: moving(pair))
    before = [bytes_of(each) for each in (pair.a, pair.b)]
    parted(pair)
    pair.network.run_for(HOUR)
    assert [bytes_of(each) for each in (pair.a, pair.b)] == before
    assert factoring(pair.a).exchange is factoring(pair.b).exchange is None
    counters = pair.b.node.status(pair.now).counters
    assert counters["exchanges given up: lost"] == 1


def test_a_cut_link_that_comes_back_brings_the_rest():
    pair = long_pair()
    until(pair, lambda: moving(pair))
    parted(pair)
    pair.network.run_for(60.0)
    heard = steps(pair)
    pair.network.heal()
    pair.link()
    pair.network.run_for(30.0)
    assert (exchanges(pair.a), exchanges(pair.b)) == (1, 1)
    parts = [
        m.value for _, sender, m in heard if m.step == TableStep.PART and sender == pair.a.peer
    ]
    assert min(parts) >= 2 * (16 << 10)


def test_a_receipt_that_was_cut_off_is_had_when_the_link_comes_back():
    pair = long_pair()
    until(pair, lambda: exchanges(pair.a) + exchanges(pair.b) == 1)
    parted(pair)  # the last receipt is under way
    pair.network.run_for(60.0)
    assert exchanges(pair.a) + exchanges(pair.b) == 1
    pair.network.heal()
    pair.link()
    pair.network.run_for(30.0)
    assert (exchanges(pair.a), exchanges(pair.b)) == (1, 1)


@pytest.mark.parametrize("seed", range(4))
def test_on_a_lossy_line_nobody_completes_alone_and_nobody_is_blamed(seed: int):
    pair = friends(
        seed,
        settings=NodeSettings(batch_delay_s=1.0, factor_rest_s=0.0, factor_every_s=120.0),
        loss=0.05,
    )
    pair.network.run_for(4 * HOUR)
    assert exchanges(pair.a) > 30
    assert abs(exchanges(pair.a) - exchanges(pair.b)) <= 1
    for each in (pair.a, pair.b):
        grave = ("malformed", "forgery", "oversized", "unknown-critical")
        counters = each.node.status(pair.now).counters
        assert not any(f"violation: {name}" in counters for name in grave)


def test_two_offers_that_cross_become_one_exchange():
    pair = friends()
    pair.network.run_for(400.0)
    for each in (pair.a, pair.b):
        factoring(each)._next_at = pair.now
    before = exchanges(pair.a), exchanges(pair.b)
    heard = steps(pair)
    for each in (pair.a, pair.b):
        pair.network.act(each.peer, each.node.on_timer(pair.now))
    pair.network.run_for(5.0)
    offers = [m for _, _, m in heard if m.step == TableStep.OFFER]
    assert len(offers) >= 2
    assert (exchanges(pair.a), exchanges(pair.b)) == (before[0] + 1, before[1] + 1)
    assert "violation: state" not in pair.a.node.status(pair.now).counters


def test_a_node_that_starts_again_serves_what_it_had_and_takes_part():
    pair = friends()
    pair.network.run_for(3 * HOUR)
    served = pair.a.store.setting(SERVED)
    pair.network.crash(pair.a.peer)
    again = make_participant(pair.network, 1, store=pair.a.store, run=1)
    assert again.store.setting(SERVED) == served
    assert factoring(again).state.version >= 1
    pair.network.connect(pair.b.peer, again.peer)
    pair.network.run_for(3 * HOUR)
    assert exchanges(again) > 5


def test_a_store_that_fails_costs_an_exchange_and_nothing_else(monkeypatch):
    pair = friends()
    first, whole = EPOCH_EXCHANGES[0], sum(EPOCH_EXCHANGES)
    until(pair, lambda: exchanges(pair.a) == first - 1)

    def full(**_: object) -> None:
        raise StoreFull("no room")

    def broken() -> None:
        raise StoreFull("no room")

    monkeypatch.setattr(pair.a.store, "accept", full)
    until(pair, lambda: exchanges(pair.a) == first + 1)
    assert pair.a.node.status(pair.now).counters["store failures"] == 1
    assert factoring(pair.a).state.version == 0
    monkeypatch.undo()
    until(pair, lambda: exchanges(pair.a) == whole)
    assert factoring(pair.a).state.version == len(EPOCH_EXCHANGES) - 1
    with monkeypatch.context() as patch:
        patch.setattr(pair.a.store, "interactions", broken)
        pair.network.run_for(HOUR)
        assert exchanges(pair.a) == whole
        assert pair.a.node.status(pair.now).counters["store failures"] > 1
    until(pair, lambda: exchanges(pair.a) > whole)


def test_tables_take_turns_with_sessions_on_the_same_credit():
    pair = long_pair(latency_s=0.2)
    for n in range(300):
        pair.b.play(f"late:{n}")
    pair.network.run_for(2 * HOUR)
    for each in (pair.a, pair.b):
        link = each.node.link((pair.b if each is pair.a else pair.a).peer)
        assert link is not None
        assert link.sync.credit.left <= 1 << 18
        assert link.outbox.credit >= 0
        assert "violation: rate" not in each.node.status(pair.now).counters
    assert exchanges(pair.a) > 4
    assert len(pair.a.items_of(pair.b)) == 301


# -- who publishes nothing -----------------------------------------------------------------


def sent_keys(pair: NodePair, person: Participant, seconds: float) -> np.ndarray:
    """Return the keys of all rows that a person's node sends in a while; tables of one part."""
    heard = steps(pair)
    pair.network.run_for(seconds)
    bodies = [
        m.data for _, sender, m in heard if sender == person.peer and m.step == TableStep.PART
    ]
    assert bodies
    tables = [decode_table(body, dim=DIM, rows_max=1_000) for body in bodies]
    return np.unique(np.concatenate([table.keys for table in tables]))


@pytest.mark.parametrize("mix_min", [9, 10])
def test_a_private_person_receives_and_is_in_a_table_only_among_enough(mix_min: int):
    pair = NodePair(
        1,
        settings=NodeSettings(
            batch_delay_s=1.0, factor_rest_s=0.0, factor_mix_min=mix_min, factor_private_kept=1.0
        ),
    )
    for n in range(5):
        pair.a.play(f"secret:{n}", public=False)
        pair.b.play(f"song:{n}")
    pair.a.trust(pair.b)
    pair.b.trust(pair.a)
    for each in (pair.a, pair.b):
        know_people(each.store, pair.now)
    pair.settle()
    secret = item_keys([item_hash(f"secret:{n}") for n in range(5)])
    keys = sent_keys(pair, pair.a, 3 * HOUR)
    assert np.isin(secret, keys).all() == (mix_min == 9)
    assert np.isin(secret, keys).any() == (mix_min == 9)
    assert exchanges(pair.a) > 3
    assert factoring(pair.a).state.version >= 1


def test_who_may_say_nothing_does_not_take_part():
    pair = NodePair(1, settings=RESTLESS)
    pair.a.play("secret", public=False)
    pair.a.trust(pair.b)
    pair.b.trust(pair.a)
    pair.b.play("private too", public=False)
    pair.settle()
    heard = steps(pair)
    pair.network.run_for(3 * HOUR)
    assert heard == []


def test_the_same_seed_gives_the_same_exchanges():
    seen = []
    for _ in range(2):
        pair = friends(seed=3, loss=0.02)
        heard = steps(pair)
        pair.network.run_for(2 * HOUR)
        seen.append((heard, bytes_of(pair.a)))
    assert seen[0] == seen[1]


def test_who_averaged_to_the_end_begins_no_exchange_for_a_day():
    pair = friends(settings=NodeSettings(batch_delay_s=1.0, factor_every_s=60.0))
    in_a_round = sum(EPOCH_EXCHANGES)
    until(pair, lambda: factoring(pair.a).state.exchanges >= in_a_round, 12 * HOUR)
    before = factoring(pair.a).state.exchanges
    pair.network.run_for(12 * HOUR)
    assert factoring(pair.a).state.exchanges == before
    until(pair, lambda: factoring(pair.a).state.exchanges > before, 24 * HOUR)


def test_a_table_is_sent_as_bulk_and_counted_so():
    pair = friends()
    pair.network.run_for(HOUR)
    link = pair.a.node.link(pair.b.peer)
    assert link is not None
    n = exchanges(pair.a)
    local = factoring(pair.a).state.local
    assert local is not None
    size = len(encode_table(local.table))
    assert n * size <= link.bytes_out[Type.TABLE] <= n * (size + 256 + 160 + 3 * 16)
