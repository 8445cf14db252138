"""A replay shows what happened, in full, and tells whether it is the same run."""

from __future__ import annotations

import json

import msgspec
import pytest

from peerrec.errors import ConfigError
from peerrec.protocol.bundle import pack
from peerrec.protocol.identity import KeyedHashSigner
from peerrec.protocol.messages import Push
from peerrec.protocol.segment import NO_SEGMENT, Kind, make_segment
from peerrec.protocol.statements import TrustIn, encode_statements
from peerrec.protocol.wire import encode
from peerrec_sim.scenario.schema import Churn, Measures, NodeOptions, Population, Scenario
from peerrec_sim.simulation import Simulation
from peerrec_sim.simulation.replay import Extract, Logged, Replay
from peerrec_sim.simulation.telling import told

TINY = Scenario(
    name="tiny",
    length_s=4.0,
    seed=5,
    population=Population(nodes=5, items=40, plays_per_node=8),
    churn=Churn(kind="exponential", share=0.4, online_s=1.0, offline_s=1.0),
    node=NodeOptions(batch_delay_s=0.5),
    measures=Measures(egos=1, every_s=4.0, at_end_only=True),
)


@pytest.fixture(scope="module")
def whole() -> list[Logged]:
    return list(Replay(TINY).events(Extract()))


def of_type(whole: list[Logged], kind: str) -> list[Logged]:
    return [event for event in whole if event.message.get("type") == kind]


def test_a_replayed_range_is_what_happened_then(whole):
    part = list(Simulation(TINY).replay(20, 30))
    assert [event.number for event in part] == list(range(20, 30))
    assert part == whole[20:30]
    assert Simulation(TINY).run().events == len(whole)


def test_a_range_of_time_holds_the_events_of_that_time(whole):
    part = list(Replay(TINY).events(Extract(from_s=0.5, to_s=1.25)))
    assert part == [event for event in whole if 0.5 <= event.time_s < 1.25]
    assert part


def test_only_what_concerns_a_node_can_be_asked_for(whole):
    part = list(Replay(TINY).events(Extract(first=10, nodes=(3,))))
    assert part == [event for event in whole[10:] if 3 in (event.receiver, event.sender)]


def test_statements_of_pushed_segments_are_told_with_their_authors(whole):
    segments = [each for event in of_type(whole, "PUSH") for each in event.message["segments"]]
    trust = [each for each in segments if each["kind"] == "TRUST"]
    plays = [each for each in segments if each["kind"] == "INTERACTIONS"]
    assert trust
    assert plays
    assert all(0 <= each["author"] < 5 for each in segments)
    assert all(0 <= said["peer"] < 5 for each in trust for said in each["statements"])
    assert all(len(said["item"]) == 32 for each in plays for said in each["statements"])


def test_numbers_that_stand_for_a_choice_are_told_by_name(whole):
    assert {event.message["code"] for event in of_type(whole, "STATUS")} >= {"CONVERGED"}
    assert {event.message["profile"] for event in of_type(whole, "HELLO")} == {"DESKTOP"}


def test_effects_say_to_whom_and_what(whole):
    effects = [each for event in whole for each in event.effects]
    assert {each["does"] for each in effects} >= {"send", "dial"}
    for each in effects:
        assert 0 <= each["to"] < 5
    assert any(each["message"]["type"] == "PUSH" for each in effects if each["does"] == "send")


def test_who_goes_offline_is_seen_to_say_goodbye(whole):
    off = [event for event in whole if event.kind == "switch" and event.message["why"] == "off"]
    said = [each["does"] for event in off for each in event.effects]
    assert "hang up" in said


def test_events_can_be_read_by_people_and_by_programs(whole):
    for event in whole[:200]:
        assert json.loads(json.dumps(event.as_dict()))["number"] == event.number
        assert "→" in str(event)
        assert len(str(event).splitlines()) == 1 + len(event.effects)


def test_a_message_that_is_none_is_told_by_its_bytes_and_why():
    said = told(b"\xff\x00", bytes(16), lambda peer: None)
    assert said["type"] == "none"
    assert said["data"] == "ff00"
    assert said["error"]


def test_a_bundle_that_cannot_be_read_is_told_by_its_bytes_and_why():
    said = told(encode(Push(0, True, b"nonsense")), bytes(16), lambda peer: None)
    assert said["segments"]["data"] == b"nonsense".hex()
    assert "bundle" in said["segments"]["error"]


def test_a_peer_that_nobody_knows_is_told_by_its_id(whole):
    stranger = KeyedHashSigner(b"stranger").peer
    payload = encode_statements(Kind.TRUST, [TrustIn(stranger, 1.0, 5)], 5)
    segment = make_segment(
        KeyedHashSigner(b"ann"), bytes(16), Kind.TRUST, epoch=1, seq=0, prev=NO_SEGMENT,
        minute=5, ttl_days=1, payload=payload,
    )  # fmt: skip
    said = told(encode(Push(0, True, pack([segment])[0])), bytes(16), lambda peer: None)
    assert said["segments"][0]["statements"][0]["peer"] == stranger.hex()


@pytest.mark.parametrize("looked_at", [Extract(last=1), Extract(first=30, last=60)])
def test_looking_changes_nothing(looked_at):
    replay = Replay(TINY)
    list(replay.events(looked_at))
    assert replay.finish() == Simulation(TINY).run().trace_hash


def test_a_replay_ends_after_so_many_events(whole):
    replay = Replay(TINY, n_events=33)
    assert [event.number for event in replay.events(Extract(first=30))] == [30, 31, 32]
    first = replay.finish()
    assert replay.n_events == 33
    assert first == Replay(TINY, n_events=33).finish()
    assert first != Replay(TINY, n_events=34).finish()


def test_progress_is_told_in_virtual_seconds():
    told_s = []
    Replay(TINY, progress=lambda stage, done, total: told_s.append((done, total))).finish()
    assert told_s == sorted(told_s)
    assert {total for _, total in told_s} == {4}


@pytest.mark.parametrize(
    "wrong", [{"first": 5, "last": 5}, {"first": -1}, {"from_s": 2.0, "to_s": 1.0}]
)
def test_an_empty_range_is_refused(wrong):
    with pytest.raises(ConfigError, match="range"):
        Extract(**wrong)


def test_a_graph_has_no_events_to_replay():
    with pytest.raises(ConfigError, match="only networks"):
        Replay(msgspec.structs.replace(TINY, mode="graph"))
