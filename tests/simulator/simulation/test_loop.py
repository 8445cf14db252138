"""Links, loss, partitions and clocks, with endpoints that only write down what they see."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

import pytest

from peerrec.protocol.effects import Dial, Effect, Hangup, Send
from peerrec.protocol.invite import Address
from peerrec_sim.scenario.schema import Churn, Links, Scenario
from peerrec_sim.simulation.loop import Shard
from peerrec_sim.simulation.participant import HONEST, Participant
from peerrec_sim.simulation.traits import part_of
from peerrec_sim.simulation.world import START
from peerrec_sim.where import address_of


@dataclass
class Notes:
    """An endpoint that writes down what happens to it."""

    peer: bytes
    seen: list[Any] = field(default_factory=list)
    lets_in: bool = True
    wakes: list[float] = field(default_factory=list)

    def hello(self, now: float) -> bytes:
        return b"hello of " + self.peer[:1]

    def refuses(self, peer: bytes, host: str, now: float) -> str | None:
        return None if self.lets_in else "full"

    def link_up(
        self,
        peer: bytes,
        *,
        dialled: bool,
        address: Address | None,
        host: str,
        hello: bytes,
        binding: bytes,
        now: float,
    ) -> list[Effect]:
        self.seen.append(("up", peer[0], dialled, hello, binding))
        return []

    def link_down(self, peer: bytes, reason: str, now: float) -> list[Effect]:
        self.seen.append(("down", peer[0], reason, now - START))
        return []

    def dial_failed(
        self, peer: bytes | None, address: Address, reason: str, now: float
    ) -> list[Effect]:
        self.seen.append(("failed", reason))
        return []

    def receive(self, data: bytes, sender: bytes, now: float) -> list[Effect]:
        self.seen.append(("got", sender[0], data, now - START))
        return []

    def on_timer(self, now: float) -> list[Effect]:
        self.seen.append(("timer", now))
        self.wakes.pop(0)
        return []

    def next_deadline(self) -> float:
        return self.wakes[0] if self.wakes else float("inf")

    def got(self) -> list[bytes]:
        return [each[2] for each in self.seen if each[0] == "got"]


class Few:
    """A world of a few endpoints that write notes."""

    def __init__(
        self, n: int = 3, skew_s: float = 0.0, hidden: tuple[int, ...] = (), **options: Any
    ) -> None:
        self.scenario = Scenario(name="few", length_s=100.0, seed=1, **options)
        self.keys = [bytes([index]) * 32 for index in range(n)]
        self.addresses = [address_of(index) for index in range(n)]
        self.notes = [Notes(key) for key in self.keys]
        self.people = [
            Participant(index, HONEST, key, start=lambda each, now: self.notes[each.index])
            for index, key in enumerate(self.keys)
        ]
        self.hidden = hidden
        self._skew_s = skew_s

    def index_at(self, address: Address) -> int | None:
        return self.addresses.index(address) if address in self.addresses else None

    def is_dialable(self, index: int) -> bool:
        return index not in self.hidden

    def skew_s(self, index: int) -> float:
        return self._skew_s

    def plan(self, index: int, at_s: float, *effects: Effect) -> None:
        self.people[index].plan(START + at_s + self._skew_s, lambda each, now: list(effects))

    def dial(self, a: int, b: int, at_s: float = 0.0) -> None:
        self.plan(a, at_s, Dial(self.keys[b], self.addresses[b]))

    def run(self, until_s: float) -> Shard:
        shard = Shard(self, self.people)
        shard.run_until(START + until_s)
        return shard


def test_a_dial_makes_one_link_that_both_ends_know_by_the_same_secret() -> None:
    few = Few()
    few.dial(0, 1)
    few.run(5.0)
    (a,), (b,) = few.notes[0].seen, few.notes[1].seen
    assert a[:4] == ("up", 1, True, b"hello of \x01")
    assert b[:4] == ("up", 0, False, b"hello of \x00")
    assert a[4] == b[4]
    assert len(a[4]) == 32


@pytest.mark.parametrize(
    ("peer", "address", "reason"),
    [
        (None, Address("99.9.9.9", 7700), "unreachable"),
        (bytes([2]) * 32, address_of(1), "another peer"),
        (None, address_of(0), "duplicate"),
        (None, address_of(2), "unreachable"),
    ],
)
def test_a_dial_that_comes_to_nothing_says_why(
    peer: bytes | None, address: Address, reason: str
) -> None:
    few = Few(hidden=(2,))
    few.plan(0, 0.0, Dial(peer, address))
    few.run(5.0)
    assert few.notes[0].seen == [("failed", reason)]
    assert few.notes[1].seen == few.notes[2].seen == []


def test_who_does_not_let_in_is_told_to_the_dialler_alone() -> None:
    few = Few()
    few.notes[1].lets_in = False
    few.dial(0, 1)
    few.run(5.0)
    assert few.notes[0].seen == [("failed", "full")]
    assert few.notes[1].seen == []


def test_of_two_dials_that_cross_one_makes_the_link() -> None:
    few = Few()
    few.dial(0, 1)
    few.dial(1, 0)
    few.run(5.0)
    ups = [each for notes in few.notes for each in notes.seen if each[0] == "up"]
    assert sorted(each[2] for each in ups) == [False, True]
    assert ups[0][4] == ups[1][4]
    assert sum(each == ("failed", "duplicate") for each in few.notes[1].seen) == 1


def test_messages_keep_their_order_unless_they_are_to_be_overtaken() -> None:
    sent = [bytes([number]) for number in range(100)]
    for reorder, in_order in ((0.0, True), (0.5, False)):
        few = Few(links=Links(reorder=reorder))
        few.dial(0, 1)
        few.plan(0, 2.0, *(Send(few.keys[1], data) for data in sent))
        few.run(5.0)
        assert sorted(few.notes[1].got()) == sent
        assert (few.notes[1].got() == sent) is in_order


@pytest.mark.parametrize("loss", [0.0, 0.3])
def test_the_share_of_messages_that_is_to_be_lost_is_lost(loss: float) -> None:
    few = Few(links=Links(loss=loss))
    few.dial(0, 1)
    few.plan(0, 2.0, *(Send(few.keys[1], bytes(1)) for _ in range(1_000)))
    few.run(5.0)
    assert abs(len(few.notes[1].got()) - 1_000 * (1 - loss)) < 60


def test_a_narrow_line_delays_what_does_not_fit() -> None:
    few = Few(links=Links(latency="constant", latency_s=0.1, bandwidth_bytes_s=1_000.0))
    few.dial(0, 1)
    few.plan(0, 2.0, *(Send(few.keys[1], bytes(500)) for _ in range(4)))
    few.run(10.0)
    times = [each[3] for each in few.notes[1].seen if each[0] == "got"]
    assert times == pytest.approx([2.6, 3.1, 3.6, 4.1])


@pytest.mark.parametrize("latency", ["exponential", "lognormal", "constant"])
def test_nothing_arrives_before_half_of_the_latency(
    latency: Literal["exponential", "lognormal", "constant"],
) -> None:
    few = Few(links=Links(latency=latency, latency_s=0.2))
    few.dial(0, 1)
    for number in range(200):
        few.plan(0, 2.0 + number, Send(few.keys[1], bytes([number])))
    few.run(210.0)
    took = [each[3] - 2.0 - each[2][0] for each in few.notes[1].seen if each[0] == "got"]
    assert len(took) == 200
    assert min(took) >= 0.1
    assert 0.15 < sum(took) / 200 < 0.3


def test_hanging_up_lets_what_was_sent_arrive_first_and_ends_the_link_at_both_ends() -> None:
    few = Few()
    few.dial(0, 1)
    few.plan(0, 2.0, Send(few.keys[1], b"last"), Hangup(few.keys[1], "bored"))
    few.plan(1, 4.0, Send(few.keys[0], b"too late"))
    few.run(6.0)
    assert [each[0] for each in few.notes[1].seen] == ["up", "got", "down"]
    assert [each[:3] for each in few.notes[0].seen[1:]] == [("down", 1, "bored")]
    assert few.people[1].counters["dropped"] == 1


def test_a_parted_network_has_no_links_across_until_it_heals() -> None:
    n = 6
    few = Few(n, links=Links(partition_at_s=10.0, heal_at_s=20.0))
    parts = [part_of(few.scenario, index) for index in range(n)]
    other = next(index for index in range(n) if parts[index] != parts[0])
    few.dial(0, other)
    few.dial(0, other, 12.0)
    few.dial(0, other, 22.0)
    few.run(30.0)
    kinds = [(each[0], each[2]) if each[0] == "down" else each[0] for each in few.notes[0].seen]
    assert kinds == ["up", ("down", "parted"), "failed", "up"]
    assert ("down", 0, "parted", 10.0) in few.notes[other].seen


def test_who_is_offline_cannot_be_dialled_and_its_links_are_gone() -> None:
    few = Few(churn=Churn(kind="daily", share=1.0, online_s=10.0, offline_s=5.0))
    few.people[1].comes_and_goes = True
    few.dial(0, 1)
    few.dial(0, 1, 11.0)
    shard = Shard(few, few.people)
    off = next(p[0] for p in sorted(shard._heap) if p[6] == b"off") - START
    few.people[0].plan(START + off + 1.0, lambda e, now: [Dial(few.keys[1], few.addresses[1])])
    shard.run_until(START + off + 2.0)
    assert few.people[1].endpoint is None
    assert ("failed", "unreachable") in few.notes[0].seen
    assert any(each[:3] == ("down", 1, "shutdown") for each in few.notes[0].seen)
    shard.run_until(START + off + 6.0)
    assert few.people[1].endpoint is few.notes[1]
    assert few.people[1].n_starts == 2


@pytest.mark.parametrize("skew_s", [0.0, 1234.567891, -0.1])
def test_everybody_is_woken_when_its_own_clock_says_so(skew_s: float) -> None:
    few = Few(skew_s=skew_s)
    due = [START + skew_s + number / 3.0 for number in range(1, 50)]
    few.notes[0].wakes = list(due)
    few.run(20.0)
    woken = [each[1] for each in few.notes[0].seen]
    assert len(woken) == 49
    assert all(0.0 <= at - by < 1e-5 for at, by in zip(woken, due, strict=True))


def test_an_endpoint_that_is_always_due_does_not_stop_time() -> None:
    few = Few()
    few.notes[0].wakes = [START] * 10_000
    shard = few.run(1.0)
    assert shard.now == START + 1.0
    assert 900 < len(few.notes[0].seen) < 1_100


def test_addresses_of_neighbouring_numbers_lie_in_different_networks() -> None:
    hosts = [address_of(index).host for index in range(30_000)]
    assert len(set(hosts)) == len(hosts)
    assert len({host.rsplit(".", 2)[0] for host in hosts[:20_000]}) == 20_000
