"""Nobody honest is blamed for a table: not where it is refused, lost, offered again or often."""

from __future__ import annotations

import numpy as np
import pytest
from known_people import know_people

from peerrec.peering.factoring import Factoring
from peerrec.peering.settings import NodeSettings
from peerrec.protocol.messages import Table, TableStep
from peerrec.protocol.wire import decode
from peerrec.testing.node_pair import NodePair, Participant, make_participant
from peerrec.testing.virtual_network import VirtualNetwork

HOUR = 3_600.0


def settings(**changes: object) -> NodeSettings:
    given: dict[str, object] = {
        "batch_delay_s": 1.0,
        "factor_rest_s": 0.0,
        "factor_every_s": 60.0,
    }
    return NodeSettings(**(given | changes))


def factoring(person: Participant) -> Factoring:
    found = person.node.factoring
    assert found is not None
    return found


def violations(*people: Participant) -> dict[str, int]:
    """Return what was counted against anybody."""
    found: dict[str, int] = {}
    for person in people:
        for name, n in person.node.status(person.network.now).counters.items():
            if name.startswith("violation"):
                found[name] = found.get(name, 0) + n
    return found


def friends(seed: int = 1, *, n_items: int = 40, **changes: object) -> NodePair:
    """Return two who trust each other and know the same eight people."""
    pair = NodePair(seed, settings=settings(**changes))
    for n in range(10):
        pair.a.play(f"song:{n}")
        pair.b.play(f"song:{n + 5}")
    for each in (pair.a, pair.b):
        know_people(each.store, pair.now, n_items=n_items)
    pair.a.trust(pair.b)
    pair.b.trust(pair.a)
    pair.settle()
    return pair


def counted(pair: NodePair) -> list[tuple[bytes, Table]]:
    """Return a list into which all steps of exchanges are written."""
    heard: list[tuple[bytes, Table]] = []

    def note(time: float, sender: bytes, receiver: bytes, data: bytes) -> None:
        message = decode(data)
        if isinstance(message, Table):
            heard.append((sender, message))

    pair.network.watch = note
    return heard


# -- the same table once more --------------------------------------------------------------


def test_who_refuses_a_table_and_offers_its_own_again_unchanged_is_served_and_not_blamed(
    monkeypatch,
):
    pair = friends()
    found = factoring(pair.a)
    monkeypatch.setattr(found.state, "take_in", lambda theirs: False)  # they disagree
    pair.network.run_for(HOUR)
    assert pair.a.node.counters["tables that disagree"] > 10
    assert factoring(pair.b).state.exchanges > 10
    assert violations(pair.a, pair.b) == {}


def test_who_starts_again_and_offers_the_same_first_table_is_served_and_not_blamed():
    pair = friends()
    other = pair.b
    until = pair.now + HOUR
    pair.network.run_until(until, lambda: factoring(pair.a).state.exchanges == 1)
    for run in range(1, 6):
        pair.network.crash(other.peer)
        other = make_participant(pair.network, 2, settings=settings(), store=other.store, run=run)
        pair.network.connect(other.peer, pair.a.peer)
        pair.network.run_until(
            pair.now + HOUR, lambda now=other: factoring(now).state.exchanges == 1
        )
        assert factoring(other).state.exchanges == 1
    assert violations(pair.a, other) == {}


@pytest.mark.parametrize("held", [0, 2])
def test_who_starts_again_in_the_midst_of_an_exchange_is_not_blamed(held: int):
    pair = friends(n_items=4_000)
    pair.network.conditions.latency_s = 1.0

    def moving() -> bool:
        exchange = factoring(pair.b).exchange
        return exchange is not None and exchange._n_held >= held * (16 << 10)

    pair.network.run_until(pair.now + HOUR, moving)
    assert moving()
    pair.network.crash(pair.a.peer)
    again = make_participant(pair.network, 1, settings=settings(), store=pair.a.store, run=1)
    pair.network.connect(again.peer, pair.b.peer)
    pair.network.run_for(HOUR / 2)
    assert factoring(again).state.exchanges > 5
    assert violations(again, pair.b) == {}


# -- lines that lose -----------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("n_items", [40, 4_000])  # one part, and five
@pytest.mark.parametrize("trouble", [{"loss": 0.05}, {"duplicate": 0.1}])
def test_loss_and_doubling_are_no_offence(seed: int, n_items: int, trouble: dict[str, float]):
    pair = friends(seed, n_items=n_items)
    for name, share in trouble.items():
        setattr(pair.network.conditions, name, share)
    pair.network.run_for(HOUR)
    assert factoring(pair.a).state.exchanges > 10
    for each in (pair.a, pair.b):
        counters = each.node.counters
        assert counters["exchanges given up: refused"] == 0
        assert counters["violation: rate"] == 0
        if "loss" in trouble:
            assert counters["violation: state"] == 0


def test_a_refusal_of_an_offer_that_never_came_is_nobody_s_fault():
    pair = friends()
    pair.network.conditions.loss = 1.0
    pair.network.run_until(pair.now + HOUR, lambda: factoring(pair.b).exchange is not None)
    assert factoring(pair.b).exchange is not None
    begun_at = pair.now
    pair.network.run_until(pair.now + 130.0, lambda: factoring(pair.b).exchange is None)
    assert 60.0 < pair.now - begun_at < 130.0
    pair.network.conditions.loss = 0.0
    pair.network.run_for(30.0)
    assert "violation: state" not in violations(pair.a, pair.b)


# -- short intervals -----------------------------------------------------------------------


@pytest.mark.parametrize("every_s", [1.0, 20.0])
def test_however_short_the_interval_offers_stay_below_what_peers_allow(every_s: float):
    pair = friends(factor_every_s=every_s)
    heard = counted(pair)
    pair.network.run_for(HOUR)
    assert violations(pair.a, pair.b) == {}
    assert factoring(pair.a).state.exchanges > 100
    assert len([m for _, m in heard if m.step == TableStep.OFFER]) < HOUR * 0.25


def test_long_tables_at_short_intervals_stay_below_the_bytes_that_peers_allow():
    pair = friends(n_items=16_000, factor_every_s=5.0)
    heard = counted(pair)
    pair.network.run_for(HOUR / 2)
    assert violations(pair.a, pair.b) == {}
    sent = sum(len(m.data) for who, m in heard if who == pair.a.peer and m.step == TableStep.PART)
    assert sent > 3 << 20


def test_whoever_was_put_off_is_not_asked_before_the_time():
    pair = friends(factor_every_s=600.0)
    factoring(pair.a)._partners._every_s = 6_000.0  # answers seldom
    heard = counted(pair)
    pair.network.run_for(6 * HOUR)
    begun = [m.request for who, m in heard if who == pair.b.peer and m.step == TableStep.OFFER]
    refused = [m for who, m in heard if who == pair.a.peer and m.step == TableStep.NO]
    assert len(begun) > len(refused)
    assert len(refused) <= 10
    assert violations(pair.a, pair.b) == {}


# -- newcomers -----------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("n_own", [1, 5, 30])
def test_a_lone_newcomer_s_table_costs_it_nothing(seed: int, n_own: int):
    network = VirtualNetwork(seed, latency_s=0.01, start=1_700_000_000.0)
    given = settings(factor_every_s=20.0)
    old = [make_participant(network, n + 1, settings=given) for n in range(3)]
    newcomer = make_participant(network, 9, settings=given)
    rng = np.random.default_rng(seed)
    for each in old:
        know_people(each.store, network.now, n_items=200)
        for item in rng.permutation(200)[:20].tolist():
            each.play(f"item:{item}")
        for other in old:
            if other is not each:
                each.trust(other)
    for item in rng.permutation(400)[:n_own].tolist():  # half of them nobody knows
        newcomer.play(f"item:{item}")
    for each in old:
        network.connect(newcomer.peer, each.peer)
        each.trust(newcomer, 0.1)
    network.run_for(6.0)
    for each in (*old, newcomer):
        each.publish()
    network.run_for(3 * HOUR)
    assert violations(*old, newcomer) == {}
    for each in old:
        score = {link.peer: link.score for link in each.node.status(network.now).links}
        assert min(score.values()) > 0.0
    assert factoring(newcomer).state.exchanges > 20
    assert factoring(newcomer).state.version >= 3  # it is served what the others know
    assert sum(each.node.counters["exchanges completed"] for each in old) > 30
