"""A driver turns what its node wants into sockets and timers, and survives everything."""

from __future__ import annotations

import asyncio
import socket
import time

import pytest
from loopback import LOCAL, Station, bounded, connected, stations

from peerrec.errors import ConfigError, StoreFull
from peerrec.protocol.effects import Dial, Hangup, Priority, Send
from peerrec.protocol.invite import Address
from peerrec.protocol.messages import Goaway, GoawayCode
from peerrec.protocol.wire import decode
from peerrec_node import driver
from peerrec_node.listener import listening


@bounded
async def test_the_node_is_woken_at_its_deadline_and_again_at_the_next():
    ann = Station(1)
    ann.node.deadline = begun = time.time() + 0.02
    async with stations(ann):
        await ann.node.next("timer")  # the start
        assert await ann.node.next("timer") >= begun - 0.002
        ann.node.deadline = again = time.time() + 0.02
        ann.driver.publish()
        while await ann.node.next("timer") < again - 0.002:
            pass  # the deadline before, which stays in the past until it is set anew


@bounded
async def test_an_earlier_deadline_takes_the_place_of_a_later_one():
    ann = Station(1)
    async with stations(ann):
        await ann.node.next("timer")
        ann.node.deadline = 0.0
        ann.driver.publish()
        await ann.node.next("timer")


@bounded
async def test_a_deadline_that_stays_in_the_past_does_not_take_the_loop():
    ann = Station(1)
    ann.node.deadline = 0.0
    async with stations(ann):
        begun = time.monotonic()
        for _ in range(10):
            await ann.node.next("timer")
        assert time.monotonic() - begun >= 8 * driver.WAIT_S_MIN


@bounded
async def test_a_clock_that_was_set_is_noticed(monkeypatch):
    monkeypatch.setattr(driver, "LOOK_AGAIN_S", 0.01)
    ann = Station(1)  # its deadline is ages away
    async with stations(ann):
        for _ in range(3):
            await ann.node.next("timer")


@pytest.mark.parametrize("fault", [RuntimeError("our own"), StoreFull("no room left")])
def test_an_error_over_one_peers_message_ends_that_link_alone(fault, caplog):
    @bounded
    async def check() -> None:
        ann, ben, eve = Station(1), Station(2), Station(3)

        def failing(data: bytes, sender: bytes) -> list:
            if sender == eve.peer:
                raise fault
            return []

        ben.node.on_message = failing
        async with stations(ann, ben, eve):
            await connected(ann, ben)
            await connected(eve, ben)
            eve.send(ben, b"poison")
            assert await ben.node.next("down") == "refused"
            assert await eve.node.next("down") in ("closed", "broken")
            ann.send(ben, b"fine")
            assert await ben.node.next("message") == b"fine"
            kind = "bug" if isinstance(fault, RuntimeError) else "refused"
            assert ben.driver.counts[kind] == 1
        assert str(fault) in caplog.text

    check()


@bounded
async def test_effects_for_peers_without_a_link_are_counted_and_do_no_harm():
    ann, ben = Station(1), Station(2)
    async with stations(ann):
        ann.want(Send(ben.peer, b"x"), Hangup(ben.peer, "rotation"))
        assert ann.driver.counts["no-link"] == 1


@bounded
async def test_an_answer_goes_out_in_the_same_turn():
    ann, ben = Station(1), Station(2)
    ben.node.on_message = lambda data, sender: [Send(sender, data[::-1], Priority.BULK)]
    async with stations(ann, ben):
        await connected(ann, ben)
        ann.send(ben, b"abc")
        assert await ann.node.next("message") == b"cba"


@bounded
async def test_every_dial_ends_in_a_link_or_a_failure_and_only_so_many_are_under_way(monkeypatch):
    monkeypatch.setattr(driver, "DIALS_MAX", 2)
    ann, ben = Station(1), Station(2)
    async with stations(ann, ben):
        mute = socket.create_server((LOCAL, 0))
        port = mute.getsockname()[1]
        dials = [Dial(None, Address(LOCAL, port, f"/{n}")) for n in range(5)]
        ann.want(*dials, dials[0])
        assert [await ann.node.next("failed") for _ in range(3)] == ["busy"] * 3
        mute.close()


@bounded
async def test_a_bootstrap_address_takes_whoever_is_there():
    ann, ben = Station(1), Station(2)
    async with stations(ann, ben):
        ann.want(Dial(None, ben.address))
        assert (await ann.node.next("up"))["peer"] == ben.peer


@bounded
async def test_stopping_says_goodbye_lets_what_waits_leave_and_ends_in_time():
    ann, ben = Station(1), Station(2)
    async with stations(ben):
        await ann.driver.start()
        await connected(ann, ben)
        farewell = driver.goaway(GoawayCode.SHUTDOWN, "shutdown")
        ann.node.goodbye = lambda now: [Send(ben.peer, farewell), Hangup(ben.peer, "shutdown")]
        ann.send(ben, b"last words")
        await ann.driver.stop()
        assert await ben.node.next("message") == b"last words"
        assert decode(await ben.node.next("message")) == Goaway(0, GoawayCode.SHUTDOWN, "shutdown")
        assert await ben.node.next("down") == "closed"
        assert await ann.node.next("down") == "shutdown"


@bounded
async def test_stopping_ends_in_time_though_a_peer_reads_nothing(monkeypatch):
    monkeypatch.setattr(driver, "GOODBYE_S", 0.1)
    ann, ben = Station(1), Station(2)
    async with stations(ben):
        await ann.driver.start()
        await connected(ann, ben)
        ben.node.on_message = lambda data, sender: (
            ben.driver.links[sender]._cpu.spend(0, 1e9) and []
        )
        for _ in range(30):
            ann.driver.links[ben.peer].send(bytes(60_000), Priority.BULK)
        async with asyncio.timeout(driver.GOODBYE_S * 2 + 3):
            await ann.driver.stop()
        assert not ann.driver.links
        ben.driver.links[ann.peer].cut("enough")


@bounded
async def test_nothing_is_dialled_or_accepted_any_more_while_stopping():
    ann, ben = Station(1), Station(2)
    async with stations(ben):
        await ann.driver.start()
        await ann.driver.stop()
        ann.driver._begin_dial(Dial(ben.peer, ben.address))
        assert not ann.driver._dials
    assert ann.driver._timer is None or ann.driver._timer.cancelled()


@bounded
async def test_an_address_that_is_taken_or_not_ones_own_is_said_so():
    ann = Station(1)
    async with stations(ann):
        for address in (ann.address, Address("192.0.2.1", 1), Address("no.such.host.invalid", 1)):
            with pytest.raises(ConfigError, match="choose another address"):
                listening(address)


@bounded
async def test_a_link_that_the_node_cannot_take_is_cut():
    ann, ben = Station(1), Station(2)

    def refuse(peer: bytes, *, now: float, **about: object) -> list:
        raise StoreFull("no room left")

    ben.node.link_up = refuse
    async with stations(ann, ben):
        ann.dial(ben)
        assert await ben.node.next("down") == "refused"
        assert await ann.node.next("down") in ("closed", "broken")
