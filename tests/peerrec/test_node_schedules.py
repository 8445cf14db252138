"""Whatever a network does to a few nodes: once it is healed, nothing is lost or made up."""

from __future__ import annotations

import pytest
from schedules import Schedule, held_by

CHUNKS, EACH = 100, 50


def check(seed: int) -> None:
    schedule = Schedule(seed)
    schedule.run()
    assert schedule.signed
    assert not schedule.faults(), (seed, schedule.faults()[:4], schedule.happened)


@pytest.mark.parametrize("seed", range(36))
def test_a_healed_network_has_lost_nothing_and_made_nothing_up(seed: int):
    check(seed)


@pytest.mark.slow
@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_five_thousand_healed_networks_have_lost_nothing(chunk: int):
    for seed in range(1_000 + chunk * EACH, 1_000 + (chunk + 1) * EACH):
        check(seed)


def test_the_claim_notices_a_lost_and_a_phantom_segment():
    schedule = Schedule(3)
    schedule.run()
    person = schedule.everybody[0]
    log = person.node.library.frontier.logs_of(schedule.peer(1))[0]
    seq = person.node.library.frontier.seqs(log)[0]
    person.node.library.frontier.remove(*log, seq)
    assert any("lost" in fault for fault in schedule.faults())
    person.node.library.frontier.add(*log, seq, bytes(32), 28_333_333, 100, 10_000)
    assert any("phantom" in fault for fault in schedule.faults())


def test_the_claim_notices_a_statement_that_a_store_lost():
    schedule = Schedule(4)
    schedule.run()
    authors = [p for p in schedule.everybody if any(r.public for r in p.interactions())]
    reader = next(p for p in schedule.everybody if p is not authors[0])
    reader.store.retract(author=authors[0].peer)
    assert any("plays" in fault for fault in schedule.faults())


def test_a_schedule_is_the_same_each_time():
    first, second = Schedule(5), Schedule(5)
    for each in (first, second):
        each.run()
    assert first.happened == second.happened
    assert first.network.counters == second.network.counters
    assert list(map(held_by, first.everybody)) == list(map(held_by, second.everybody))
