"""A run follows from scenario and seed alone, wherever and in however many parts it runs."""

from __future__ import annotations

import os
import subprocess
import sys

import msgspec
import numpy as np
import pytest

from peerrec.errors import ConfigError
from peerrec.node import Node
from peerrec.protocol.effects import Effect
from peerrec.ranking.merit import MeritParameters
from peerrec_sim.measures.egos import EgoOptions
from peerrec_sim.measures.result import RunResult
from peerrec_sim.scenario.schema import (
    Attackers,
    Churn,
    Links,
    Measures,
    MeritOptions,
    Population,
    Scenario,
    Workload,
)
from peerrec_sim.simulation import Simulation
from peerrec_sim.simulation.backends import Processes, WorkerLost
from peerrec_sim.simulation.loop import Shard
from peerrec_sim.simulation.replay import Replay
from peerrec_sim.simulation.worker import Ending
from peerrec_sim.simulation.world import START, World

TINY = Scenario(
    name="tiny",
    length_s=20.0,
    seed=3,
    population=Population(nodes=8, items=60, plays_per_node=8),
    links=Links(loss=0.05, duplicate=0.05, nat_share=0.25),
    churn=Churn(kind="exponential", share=0.5, online_s=8.0, offline_s=4.0),
    workload=Workload(skew_s=7.3, skew_share=0.25),
    measures=Measures(egos=2, every_s=10.0, at_end_only=True),
    attackers=Attackers(kinds=("serial",), sybils=2, start_s=5.0),
)

CODE = """
import msgspec, sys
from peerrec_sim.scenario.schema import Scenario
from peerrec_sim.simulation import Simulation
scenario = msgspec.json.decode(sys.argv[1], type=Scenario)
print(Simulation(scenario).run().trace_hash)
"""


@pytest.fixture(scope="module")
def inline() -> RunResult:
    return Simulation(TINY).run()


def test_the_same_scenario_and_seed_give_the_same_run(inline: RunResult) -> None:
    assert Simulation(TINY).run().trace_hash == inline.trace_hash


def test_another_seed_gives_another_run(inline: RunResult) -> None:
    other = Simulation(msgspec.structs.replace(TINY, seed=4)).run()
    assert other.trace_hash != inline.trace_hash


@pytest.mark.parametrize("hash_seed", ["1", "77"])
def test_the_hash_does_not_depend_on_the_seed_of_pythons_hashes(
    inline: RunResult, hash_seed: str
) -> None:
    text = msgspec.json.encode(TINY).decode()
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": ":".join(sys.path)}
    command = [sys.executable, "-c", CODE, text]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == inline.trace_hash


@pytest.mark.parametrize(("backend", "shards"), [("inline", 2), ("inline", 5), ("processes", 2)])
def test_neither_shards_nor_processes_change_anything(
    inline: RunResult, backend: str, shards: int
) -> None:
    result = Simulation(TINY, backend, shards).run()
    assert result.trace_hash == inline.trace_hash
    assert result.events == inline.events
    assert result.figures == inline.figures
    for name in ("nodes", "deliveries", "oracle"):
        ours, theirs = result.table(name), inline.table(name)
        for column in ours.columns:
            if column != "memory_bytes":  # what nodes of one process share is weighed apart
                np.testing.assert_array_equal(ours[column], theirs[column], err_msg=column)


def test_events_reach_people_and_people_hear_of_each_other(inline: RunResult) -> None:
    assert inline.complete
    assert inline.virtual_s == 20.0
    assert sorted(set(inline.table("nodes")["time_s"].tolist())) == [10.0, 20.0]
    assert len(inline.table("deliveries")) > 20


def test_a_run_that_is_cancelled_says_so_and_holds_what_was_measured() -> None:
    asked: list[int] = []

    def cancel() -> bool:
        asked.append(1)
        return len(asked) > 14

    result = Simulation(TINY).run(cancel=cancel)
    assert not result.complete
    assert result.virtual_s == 10.0
    assert set(result.table("nodes")["time_s"].tolist()) == {10.0}


def test_what_was_cancelled_has_the_hash_of_all_that_happened(inline: RunResult) -> None:
    asked = iter([False] * 12)
    result = Simulation(TINY, "inline", 2).run(cancel=lambda: next(asked, True))
    assert not result.complete
    assert 0 < result.events < inline.events
    assert result.trace_hash == Replay(TINY, n_events=result.events).finish()
    assert result.trace_hash != inline.trace_hash


def test_what_was_cancelled_before_the_first_measurement_is_a_result() -> None:
    result = Simulation(TINY).run(cancel=lambda: True)
    assert not result.complete
    assert result.virtual_s == 0.0
    assert len(result.tables()) == 0
    assert result.trace_hash == Replay(TINY, n_events=result.events).finish()
    assert result.summary() is not None


def interrupted_in_an_event(monkeypatch: pytest.MonkeyPatch, after: int) -> None:
    """Let Ctrl-C come while some node handles a message."""
    receive, calls = Node.receive, iter(range(1_000_000))

    def receiving(self: Node, data: bytes, sender: bytes, now: float) -> list[Effect]:
        effects = receive(self, data, sender, now)
        if next(calls) == after:
            raise KeyboardInterrupt
        return effects

    monkeypatch.setattr(Node, "receive", receiving)


def test_an_interrupt_within_an_event_leaves_the_hash_of_those_before_it(
    monkeypatch: pytest.MonkeyPatch, inline: RunResult
) -> None:
    with monkeypatch.context() as patch:
        interrupted_in_an_event(patch, 700)
        result = Simulation(TINY).run()
    assert not result.complete
    assert 700 < result.events < inline.events
    assert result.trace_hash == Replay(TINY, n_events=result.events).finish()


def test_an_interrupt_while_processes_work_leaves_them_at_one_time() -> None:
    def progress(stage: str, done: int, total: int) -> None:
        if stage == "virtual seconds" and done == 13:
            raise KeyboardInterrupt

    result = Simulation(TINY, "processes", 2).run(progress=progress)
    assert not result.complete
    assert result.virtual_s == 10.0
    assert set(result.table("nodes")["time_s"].tolist()) == {10.0}
    assert result.trace_hash == Replay(TINY, n_events=result.events).finish()


def test_answers_that_nobody_waited_for_are_not_taken_for_others() -> None:
    backend = Processes(TINY, 2)
    try:
        backend._call("advance", [(START + 0.5, []), (START + 0.5, [])])
        for pipe in backend._pipes:  # as Ctrl-C between question and answer leaves it
            pipe.send(("advance", (START + 1.0, [])))
        backend._owed = [1, 1]
        endings = backend.ending()
        assert all(isinstance(ending, Ending) for ending in endings)
    finally:
        backend.close()


def test_an_interrupt_while_the_oracle_works_leaves_what_was_measured(inline: RunResult) -> None:
    def progress(stage: str, done: int, total: int) -> None:
        if stage == "lists with all data":
            raise KeyboardInterrupt

    result = Simulation(TINY).run(progress=progress)
    assert not result.complete
    assert result.trace_hash == inline.trace_hash
    assert len(result.oracle) == 0
    assert any("all data" in note for note in result.notes)


def test_a_worker_that_dies_is_named() -> None:
    backend = Processes(TINY, 2)
    try:
        backend.advance(0.0, [[], []])
        backend._processes[1].kill()
        with pytest.raises(WorkerLost, match=r"shard 1 \(of 2\).*signal 9"):
            backend.advance(START + 0.1, [[], []])
    finally:
        backend.close()


@pytest.mark.parametrize(("backend", "shards"), [("cloud", 1), ("inline", 0)])
def test_an_impossible_backend_is_refused(backend: str, shards: int) -> None:
    with pytest.raises(ConfigError):
        Simulation(TINY, backend, shards).run()


def test_the_scenarios_merit_reaches_the_node_and_the_ranking_alike() -> None:
    merit = MeritOptions(transitivity_decay=0.7, connectivity_decay=0.2, walks=900)
    scenario = msgspec.structs.replace(TINY, merit=merit)
    wanted = MeritParameters(walks=900, transitivity_decay=0.7, connectivity_decay=0.2)
    assert World(scenario).settings_of(0).merit == wanted
    assert EgoOptions.of(scenario).settings.merit == wanted


def test_whom_a_node_follows_depends_on_the_scenarios_merit() -> None:
    def merit_of_first(decay: float) -> dict[bytes, float]:
        merit = MeritOptions(transitivity_decay=decay, connectivity_decay=0.0)
        calm = Scenario(
            name="calm", length_s=8.0, population=Population(nodes=8, items=60), merit=merit
        )
        world = World(calm)
        person, *others = world.populate(range(world.n))
        shard = Shard(world, [person, *others])
        shard.run_until(START + 8.0)
        assert person.node is not None
        return person.node._standing.merit

    far, near = merit_of_first(0.1), merit_of_first(0.95)
    assert sum(far.values()) > 2 * sum(near.values()) > 0
