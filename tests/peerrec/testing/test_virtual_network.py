from __future__ import annotations

import pytest

from peerrec.errors import LocalProtocolError
from peerrec.protocol.effects import Dial, Effect, Hangup, Send
from peerrec.protocol.invite import Address
from peerrec.testing.virtual_network import VirtualNetwork


class Probe:
    """An endpoint that writes down what happens to it."""

    def __init__(self, peer: bytes) -> None:
        self.peer = peer
        self.log: list[tuple] = []
        self.deadline = float("inf")
        self.refusal: str | None = None

    def hello(self, now: float) -> bytes:
        return b"hello " + self.peer

    def refuses(self, peer: bytes, host: str, now: float) -> str | None:
        return self.refusal

    def link_up(self, peer, *, dialled, address, host, hello, binding, now) -> list[Effect]:
        self.log.append(("up", peer, dialled, hello, binding, now))
        return []

    def link_down(self, peer: bytes, reason: str, now: float) -> list[Effect]:
        self.log.append(("down", peer, reason))
        return []

    def dial_failed(self, peer, address, reason, now) -> list[Effect]:
        self.log.append(("failed", peer, reason))
        return []

    def receive(self, data: bytes, sender: bytes, now: float) -> list[Effect]:
        self.log.append(("got", data, sender, now))
        return []

    def on_timer(self, now: float) -> list[Effect]:
        self.log.append(("timer", now))
        self.deadline = float("inf")
        return []

    def next_deadline(self) -> float:
        return self.deadline

    def got(self) -> list[bytes]:
        return [entry[1] for entry in self.log if entry[0] == "got"]


def pair(seed: int = 1, **conditions: float) -> tuple[VirtualNetwork, Probe, Probe]:
    network = VirtualNetwork(seed, **conditions)
    a, b = Probe(b"a"), Probe(b"b")
    for each in (a, b):
        network.add(each)
    assert network.connect(b"a", b"b")
    return network, a, b


def flood(network: VirtualNetwork, n: int = 1_000) -> list[bytes]:
    sent = [n.to_bytes(2, "big") for n in range(n)]
    network.act(b"a", [Send(b"b", data) for data in sent])
    network.run_for(60.0)
    return sent


def test_both_ends_get_the_same_binding_and_each_others_hello():
    _, a, b = pair()
    (_, _, dialled, hello, binding, _), (_, _, accepted, other, same, _) = a.log[0], b.log[0]
    assert (dialled, accepted) == (True, False)
    assert (hello, other) == (b"hello b", b"hello a")
    assert binding == same
    assert len(binding) == 32


def test_a_good_line_keeps_everything_in_order():
    network, _, b = pair()
    assert flood(network) == b.got()


def test_loss_and_duplication_come_in_the_share_that_was_asked_for():
    network, _, b = pair(loss=0.3)
    flood(network)
    assert 640 < len(b.got()) < 760
    network, _, b = pair(duplicate=0.2)
    flood(network)
    assert 1_150 < len(b.got()) < 1_250
    assert len(set(b.got())) == 1_000


def test_reordering_lets_messages_overtake_and_loses_none():
    network, _, b = pair(reorder=0.2)
    sent = flood(network)
    assert sorted(b.got()) == sent
    assert b.got() != sent


def test_what_is_under_way_on_a_cut_link_is_lost_also_when_it_is_linked_again():
    network, a, b = pair()
    network.act(b"a", [Send(b"b", b"late")])
    network.cut(b"a", b"b")
    network.connect(b"a", b"b")
    network.run_for(10.0)
    assert b.got() == []
    assert ("down", b"b", "cut") in a.log
    assert ("down", b"a", "cut") in b.log


def test_who_crashed_comes_back_under_its_address_and_the_new_link_stays():
    network, _, b = pair()
    third = Probe(b"c")
    network.add(third)
    where = network.address_of(b"a")
    network.crash(b"a")
    again = Probe(b"a")
    assert network.add(again) == where
    assert network.connect(b"a", b"b")
    network.run_for(10.0)
    assert [entry[0] for entry in b.log] == ["up", "down", "up"]
    assert len({network.address_of(peer).text() for peer in (b"a", b"b", b"c")}) == 3


def test_parted_groups_cannot_meet_until_they_are_healed():
    network, a, _ = pair()
    network.part([[b"a"], [b"b"]])
    assert network.links() == []
    assert not network.connect(b"a", b"b")
    network.heal()
    assert network.connect(b"a", b"b")
    assert [entry[0] for entry in a.log] == ["up", "down", "up"]


def test_a_skewed_clock_is_what_an_endpoint_sees():
    network = VirtualNetwork(1, start=1_000.0)
    late = Probe(b"late")
    late.deadline = 950.0
    network.add(late, skew_s=-100.0)
    network.run_for(100.0)
    assert late.log == [("timer", 950.0)]
    assert network.now == 1_100.0


def test_a_dial_is_answered_by_the_peer_it_insists_on_or_fails():
    network, a, b = pair()
    c = Probe(b"c")
    where = network.add(c)
    network.act(b"a", [Dial(b"c", where), Dial(b"x", where), Dial(None, Address("1.2.3.4", 1)),
                       Dial(b"b", network.address_of(b"b"))])  # fmt: skip
    network.run_for(10.0)
    assert (b"a", b"c") in network.links()
    assert [entry[1:] for entry in a.log if entry[0] == "failed"] == [
        (b"x", "unreachable"), (None, "unreachable"), (b"b", "duplicate")
    ]  # fmt: skip
    b.refusal = "full"
    network.act(b"c", [Dial(b"b", network.address_of(b"b"))])
    network.run_for(10.0)
    assert ("failed", b"b", "refused") in c.log


def test_a_hangup_lets_what_was_sent_before_arrive():
    network, a, b = pair()
    network.act(b"a", [Send(b"b", b"bye"), Hangup(b"b", "done")])
    network.run_for(10.0)
    assert b.got() == [b"bye"]
    assert ("down", b"a", "done") in b.log
    assert ("down", b"b", "done") in a.log


def test_what_is_no_effect_is_refused():
    network, _, _ = pair()
    with pytest.raises(LocalProtocolError):
        network.act(b"a", ["send it"])  # type: ignore[list-item]


def test_the_same_seed_gives_the_same_run():
    def run(seed: int) -> list[tuple]:
        network, _, b = pair(seed, loss=0.2, duplicate=0.2, reorder=0.2)
        flood(network, 200)
        return b.log

    assert run(1) == run(1)
    assert run(1) != run(2)
