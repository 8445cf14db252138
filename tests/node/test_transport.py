"""Links over real loopback sockets: who gets one, what ends one, and what it may cost."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import aiohttp
import pytest
from aiohttp import web
from loopback import (
    LOCAL,
    MUSIC,
    Station,
    bounded,
    connected,
    keys,
    plain_socket,
    stations,
)

from peerrec.ids import network_id
from peerrec.limits import FRAME_BYTES_MAX
from peerrec.protocol.effects import Dial, Priority, Send
from peerrec.protocol.invite import Address
from peerrec.protocol.messages import Goaway, GoawayCode
from peerrec.protocol.wire import decode
from peerrec_node import pacing
from peerrec_node.channel import PLAIN_BYTES_MAX, Dialling
from peerrec_node.dialer import Dialer, url
from peerrec_node.link import LinkLimits
from peerrec_node.listener import Reception
from peerrec_node.pacing import Admission, household
from peerrec_node.sockets import closed


@asynccontextmanager
async def websocket_to(station: Station) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
    """A WebSocket on which nothing was said yet."""
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(url(station.address), compress=0, max_msg_size=0) as ws,
    ):
        yield ws


@asynccontextmanager
async def dialled(one: Station, other: Station):
    """A WebSocket and the channel of a finished handshake, driven by the test."""
    dialer = Dialer(one.keys)
    websocket, channel = await dialer.dial(other.address, other.peer, b"hello")
    try:
        yield websocket, channel
    finally:
        await closed(websocket)
        await dialer.close()


async def ended(ws: aiohttp.ClientWebSocketResponse) -> bool:
    """Wait until the other side has ended a WebSocket."""
    while (message := await ws.receive()).type is aiohttp.WSMsgType.BINARY:
        pass
    return message.type in (aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSED)


async def drained(reader: asyncio.StreamReader) -> bytes:
    """Read until the other side ends the connection, however it does."""
    try:
        return await reader.read()
    except ConnectionError:
        return b""


async def until(condition: Callable[[], object]) -> None:
    """Wait for what nobody is told of."""
    while not condition():
        await asyncio.sleep(0)


# -- links --------------------------------------------------------------------------------


@bounded
async def test_a_link_carries_messages_both_ways_and_both_know_about_it():
    ann, ben = Station(1), Station(2)
    async with stations(ann, ben):
        ann.dial(ben)
        out, into = await asyncio.gather(ann.node.next("up"), ben.node.next("up"))
        assert (out["dialled"], out["address"], out["peer"]) == (True, ben.address, ben.peer)
        assert (into["dialled"], into["address"], into["host"]) == (False, None, LOCAL)
        assert out["binding"] == into["binding"]
        for hello, whose in ((out["hello"], ben), (into["hello"], ann)):
            assert hello == whose.node.hello(0).ljust(16, b"\0")
        ann.send(ben, b"there")
        assert await ben.node.next("message") == b"there"
        ben.send(ann, b"back")
        assert await ann.node.next("message") == b"back"
        ann.send(ben, bytes(FRAME_BYTES_MAX))  # padding is cut to what a message can hold
        assert await ben.node.next("message") == bytes(PLAIN_BYTES_MAX)


@bounded
async def test_what_goes_over_the_wire_is_no_plain_text():
    ann, ben = Station(1), Station(2)
    async with stations(ann, ben), tapped(ben) as (address, heard):
        ann.dial(ben, address)
        await ben.node.next("up")
        ann.send(ben, b"a secret that must not be seen")
        await ben.node.next("message")
        traffic = b"".join(heard)
        assert len(traffic) > 500
        assert b"secret" not in traffic
        assert ann.node.hello(0) not in traffic
        assert ann.peer not in traffic


@asynccontextmanager
async def tapped(station: Station) -> AsyncIterator[tuple[Address, list[bytes]]]:
    """A relay that passes bytes on and keeps them."""
    heard: list[bytes] = []

    async def pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(1 << 16):
            heard.append(data)
            writer.write(data)
        writer.close()

    async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        onward = await asyncio.open_connection(LOCAL, station.address.port)
        await asyncio.gather(pipe(reader, onward[1]), pipe(onward[0], writer))

    server = await asyncio.start_server(relay, LOCAL, 0)
    try:
        yield Address(LOCAL, server.sockets[0].getsockname()[1]), heard
    finally:
        server.close()


@bounded
async def test_urgent_messages_overtake_bulk_and_none_of_a_kind_overtakes_another():
    ann, ben = Station(1), Station(2)
    async with stations(ann, ben):
        await connected(ann, ben)
        bulk = [Send(ben.peer, b"bulk%d" % n, Priority.BULK) for n in range(3)]
        ann.want(*bulk, Send(ben.peer, b"own", Priority.OWN), Send(ben.peer, b"now"))
        got = [await ben.node.next("message") for _ in range(5)]
    assert got == [b"now", b"own", b"bulk0", b"bulk1", b"bulk2"]


@bounded
async def test_a_hangup_leaves_after_what_was_sent_before():
    ann, ben = Station(1), Station(2)
    async with stations(ann, ben):
        await connected(ann, ben)
        ann.send(ben, bytes(1 << 15))
        ann.send(ben, b"last")
        ann.hang_up(ben)
        assert await ann.node.next("down") == "rotation"
        assert await ben.node.next("message") == bytes(1 << 15)
        assert await ben.node.next("message") == b"last"
        assert await ben.node.next("down") == "closed"
        assert not ann.driver.links
        assert not ben.driver.links


@bounded
async def test_peers_meet_again_after_one_of_them_has_vanished():
    ann, ben = Station(1), Station(2)
    async with stations(ann, ben):
        await connected(ann, ben)
        ann.driver.links[ben.peer].cut("power cut")
        assert await ben.node.next("down") in ("closed", "broken")
        assert await ann.node.next("down") == "power cut"
        await connected(ben, ann)
        ben.send(ann, b"again")
        assert await ann.node.next("message") == b"again"


@bounded
async def test_who_stops_says_goodbye_and_is_gone_from_the_other_side():
    ann, ben = Station(1), Station(2)
    async with stations(ben):
        await ann.driver.start()
        await connected(ann, ben)
        await ann.driver.stop()
        await ann.node.next("goodbye")
        assert await ben.node.next("down") == "closed"
        assert asyncio.all_tasks() - {asyncio.current_task()} != set()  # ben still runs


# -- one link a pair ----------------------------------------------------------------------


@bounded
async def test_of_two_links_that_crossed_both_sides_keep_the_one_of_the_smaller_id():
    ann, ben = Station(1), Station(2)
    small, large = sorted((ann, ben), key=lambda each: each.peer)
    async with stations(ann, ben):
        ann.dial(ben)
        ben.dial(ann)

        def agreed() -> bool:
            ours, theirs = small.driver.links.get(large.peer), large.driver.links.get(small.peer)
            if not ours or not theirs or not ours.origin.dialled:
                return False
            return ours.channel.binding == theirs.channel.binding

        await until(agreed)
        small.send(large, b"through")
        assert await large.node.next("message") == b"through"


@bounded
async def test_who_dials_again_has_lost_the_old_link_and_gets_a_new_one():
    ann, ben = Station(1), Station(2)
    async with stations(ann, ben):
        await connected(ann, ben)
        again = Station(1)  # Ann's program was killed and started again
        await again.driver.start()
        again.dial(ben)
        assert await ben.node.next("down") == "duplicate"
        assert (await ben.node.next("up"))["peer"] == ann.peer
        again.send(ben, b"me again")
        assert await ben.node.next("message") == b"me again"
        await again.driver.stop()


@bounded
async def test_a_dial_to_who_is_linked_already_is_not_made():
    ann, ben = Station(1), Station(2)
    async with stations(ann, ben):
        await connected(ann, ben)
        ann.dial(ben)
        assert await ann.node.next("failed") == "duplicate"


# -- who is refused -----------------------------------------------------------------------


@bounded
async def test_whoever_answers_for_somebody_else_is_refused_and_told_nothing():
    ann, ben, eve = Station(1), Station(2), Station(3)
    async with stations(ann, ben, eve):
        ann.dial(ben, eve.address)
        assert await ann.node.next("failed") == "forgery"
        await until(lambda: eve.driver.listener.refused["silence"])
        assert not eve.driver.links


@bounded
async def test_another_network_is_refused():
    ann, ben = Station(1), Station(2, network_id("books"))
    async with stations(ann, ben):
        ann.dial(ben)
        assert await ann.node.next("failed") == "forgery"
        assert not ben.driver.links


@bounded
async def test_a_man_in_the_middle_who_changes_a_byte_gets_no_link():
    ann, ben = Station(1), Station(2)
    keys_of_eve = keys(3)

    async def meddle(request: web.Request) -> web.WebSocketResponse:
        """Pass the handshake on, with one bit changed in the second message."""
        inward = web.WebSocketResponse()
        await inward.prepare(request)
        async with aiohttp.ClientSession() as session:
            onward = await session.ws_connect(url(ben.address))
            await onward.send_bytes((await inward.receive()).data)
            second = bytearray((await onward.receive()).data)
            second[-1] ^= 1
            await inward.send_bytes(bytes(second))
            await inward.receive()
            await onward.close()
        return inward

    async with stations(ann, ben), serving(meddle) as address:
        ann.dial(ben, address)
        assert await ann.node.next("failed") == "forgery"
        assert not ben.driver.links
    assert keys_of_eve.signer.peer not in ann.driver.links


@asynccontextmanager
async def serving(handler, path: str = "/{any:.*}") -> AsyncIterator[Address]:
    """An HTTP server of the test's own."""
    app = web.Application()
    app.router.add_get(path, handler)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, LOCAL, 0)
    await site.start()
    try:
        yield Address(LOCAL, runner.addresses[0][1])
    finally:
        await runner.cleanup()


@bounded
async def test_a_replayed_handshake_gets_no_link():
    ann, ben = Station(1), Station(2)
    dialling = Dialling(ann.keys, ben.peer)
    first = dialling.first()
    async with stations(ben):
        async with websocket_to(ben) as ws:
            await ws.send_bytes(first)
            third, _ = dialling.third((await ws.receive()).data, b"hello")
            await ws.send_bytes(third)
            await ben.node.next("up")
        await ben.node.next("down")
        async with websocket_to(ben) as ws:
            await ws.send_bytes(first)
            await ws.receive()
            await ws.send_bytes(third)
            assert await ended(ws)
        assert ben.driver.listener.refused["forgery"] == 1
        assert not ben.driver.links


@bounded
async def test_a_repeated_message_of_a_link_ends_it():
    ann, ben = Station(1), Station(2)
    async with stations(ben), dialled(ann, ben) as (websocket, channel):
        sealed = channel.seal(b"once")
        await websocket.send_bytes(sealed)
        await websocket.send_bytes(sealed)
        assert await ben.node.next("message") == b"once"
        assert await ben.node.next("down") == "forgery"


@bounded
async def test_whom_the_node_refuses_is_told_so_and_gets_no_link():
    ann, ben = Station(1), Station(2)
    ben.node.refusing = "banned"
    async with stations(ann, ben):
        ann.dial(ben)
        await ann.node.next("up")  # Ann is through the handshake before she is turned away
        goaway = decode(await ann.node.next("message"))
        assert goaway == Goaway(0, GoawayCode.FULL, "")  # why is not theirs to know
        assert await ann.node.next("down") == "closed"
        assert not ben.driver.links
        assert ben.driver.counts["turned-away-banned"] == 1
        ann.node.refusing = "no more guests"  # whom she dials is none
        ben.node.refusing = None
        await connected(ann, ben)


@pytest.mark.parametrize("port", [9, 1], ids=["nobody listens", "nobody listens either"])
def test_a_dial_to_nobody_fails(port):
    @bounded
    async def check() -> None:
        ann = Station(1)
        async with stations(ann):
            ann.want(Dial(None, Address(LOCAL, port)))
            assert await ann.node.next("failed") == "unreachable"

    check()


@bounded
async def test_a_server_that_is_no_peer_or_sends_us_elsewhere_is_no_link():
    async def elsewhere(request: web.Request) -> web.Response:
        visited.append(request.path)
        raise web.HTTPFound("/inside/the/network")

    async def page(request: web.Request) -> web.Response:
        return web.Response(text="welcome")

    visited: list[str] = []
    ann = Station(1)
    async with stations(ann), serving(elsewhere) as redirecting, serving(page) as other:
        ann.want(Dial(None, redirecting))
        assert await ann.node.next("failed") == "unreachable"
        assert visited == ["/prp/1"]
        ann.want(Dial(None, other))
        assert await ann.node.next("failed") == "no-peer"


@bounded
async def test_a_server_that_never_answers_is_given_up():
    ann = Station(1, reception=Reception(handshake_s=0.05))
    with socket.create_server((LOCAL, 0)) as mute:
        async with stations(ann):
            ann.want(Dial(None, Address(LOCAL, mute.getsockname()[1])))
            assert await ann.node.next("failed") == "late"


# -- bad bytes ----------------------------------------------------------------------------


@bounded
async def test_an_oversized_message_ends_the_link_before_it_is_read():
    ann, ben = Station(1), Station(2)
    async with stations(ben), dialled(ann, ben) as (websocket, _):
        await websocket.send_bytes(bytes(FRAME_BYTES_MAX))
        assert await ben.node.next("down") == "oversized"
        async with websocket_to(ben) as ws:
            await ws.send_bytes(bytes(FRAME_BYTES_MAX * 2))
            assert await ended(ws)
        assert ben.driver.listener.refused["oversized"] == 1


@pytest.mark.parametrize("kind", ["text", "junk", "empty", "cut"])
def test_what_is_no_handshake_is_refused_and_counted(kind):
    @bounded
    async def check() -> None:
        ben = Station(2)
        async with stations(ben):
            async with websocket_to(ben) as ws:
                if kind == "text":
                    await ws.send_str("hello")
                elif kind == "junk":
                    await ws.send_bytes(b"x" * 33)
                elif kind == "empty":
                    await ws.send_bytes(b"")
                else:
                    await ws.send_bytes(Dialling(keys(1), None).first())
                    await ws.receive()
                    await ws.send_bytes(b"x" * 200)
                assert await ended(ws)
            refused = ben.driver.listener.refused
            assert refused["forgery" if kind == "cut" else "malformed"] == 1
            await until(lambda: not ben.driver.listener.admission.n_half_open)

    check()


@bounded
async def test_other_requests_than_for_a_link_are_turned_away():
    ben = Station(2)
    async with stations(ben), aiohttp.ClientSession() as session:
        base = f"http://{LOCAL}:{ben.address.port}"
        for path, status in (("/", 404), ("/prp/2", 404), ("/prp/1", 426)):
            async with session.get(base + path) as answer:
                assert answer.status == status
        async with session.post(base + "/prp/1", data=bytes(1 << 20)) as answer:
            assert answer.status == 426


@bounded
async def test_a_text_message_or_a_flood_of_pings_does_not_hurt_the_others():
    ann, ben, eve = Station(1), Station(2), Station(3)
    async with stations(ann, ben):
        await connected(ann, ben)
        async with dialled(eve, ben) as (websocket, _):
            assert (await ben.node.next("up"))["peer"] == eve.peer
            for _ in range(50):
                await websocket.ping()
            ann.send(ben, b"still here")
            assert await ben.node.next("message") == b"still here"


# -- floods -------------------------------------------------------------------------------


@bounded
async def test_half_open_connections_are_bounded_and_cut_off_in_time():
    admission = Admission(half_open_max=5, half_open_per_host_max=5)
    ben = Station(2, admission=admission, reception=Reception(handshake_s=0.3))
    async with stations(ben):
        crowd = [await asyncio.open_connection(LOCAL, ben.address.port) for _ in range(12)]
        assert await asyncio.gather(*(drained(reader) for reader, _ in crowd)) == [b""] * 12
        refused = ben.driver.listener.refused
        assert (refused["half-open"], refused["late"]) == (7, 5)
        assert admission.n_half_open == 0
        ann = Station(1)
        async with stations(ann):
            await connected(ann, ben)
        for _, writer in crowd:
            writer.close()


@bounded
async def test_a_slow_loris_is_cut_off_wherever_it_dawdles():
    ben = Station(2, reception=Reception(handshake_s=0.2))
    upgrade = (
        b"GET /prp/1 HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
    )
    async with stations(ben):
        for opening in (b"", b"GET /prp/1 HT", upgrade, upgrade + b"\r\n", upgrade + b"\r\n\x82"):
            reader, writer = await asyncio.open_connection(LOCAL, ben.address.port)
            writer.write(opening)
            await drained(reader)
            writer.close()
        assert ben.driver.listener.refused["late"] == 5
        assert ben.driver.listener.admission.n_half_open == 0


@bounded
async def test_one_address_may_not_try_without_end():
    ben = Station(2, admission=Admission(attempts_per_host=3, attempts_per_host_s=0.001))
    async with stations(ben):
        for _ in range(5):
            plain_socket(ben).close()
        await until(lambda: ben.driver.listener.refused["attempts"] == 2)


@bounded
async def test_a_flood_of_connections_is_looked_at_only_so_fast_and_does_not_delay_the_end():
    ben = Station(2, reception=Reception(accepts_s=1e-6, accepts_burst=2))
    async with stations(ben):
        crowd = [plain_socket(ben) for _ in range(10)]  # the kernel takes them
        await until(lambda: ben.driver.listener.admission.n_half_open)
        for _ in range(100):
            await asyncio.sleep(0)
        assert ben.driver.listener.admission.n_half_open <= 3
    for each in crowd:
        each.close()


@pytest.mark.parametrize("way", ["who connects", "who is dialled"])
def test_frames_that_never_become_a_message_are_read_only_so_fast(way, monkeypatch):
    monkeypatch.setattr("peerrec_node.listener.PARSE_CPU_BURST_S", 1e-9)
    monkeypatch.setattr("peerrec_node.dialer.PARSE_CPU_BURST_S", 1e-9)
    paused: list[asyncio.Transport] = []
    resumed = pacing.resumed
    monkeypatch.setattr(pacing, "resumed", lambda each: (paused.append(each), resumed(each)))
    monkeypatch.setattr("peerrec_node.pacing.PAUSE_S_MIN", 0.0)

    @bounded
    async def check() -> None:
        ann, ben = Station(1), Station(2)
        async with stations(ann, ben):
            if way == "who connects":
                async with websocket_to(ben) as ws:
                    await ws.send_bytes(b"x" * 32)
                    await until(lambda: paused)
            else:
                ann.dial(ben)
                await until(lambda: len(paused) > 1)

    check()


def test_addresses_of_one_household_count_as_one_and_the_table_is_bounded(monkeypatch):
    assert household("2001:db8::1") == household("2001:db8::ffff")
    assert household("2001:db8::1") != household("2001:db8:0:1::1")
    assert household("::ffff:192.0.2.1") == "192.0.2.1"
    assert household("fe80::1%eth0") == household("fe80::2")
    monkeypatch.setattr("peerrec_node.pacing.HOSTS_REMEMBERED", 10)
    admission = Admission(attempts_per_host=1)
    for n in range(100):
        assert admission.enter(f"192.0.2.{n}", 0.0) is None
        admission.leave(f"192.0.2.{n}")
    assert len(admission._attempts._known) == 10
    assert admission.enter("192.0.2.99", 0.0) == "attempts"
    assert admission.n_half_open == 0


@bounded
async def test_who_does_not_read_loses_gossip_first_and_then_the_link():
    ann = Station(1, limits=LinkLimits(queue_bytes_max=1 << 20))
    ben = Station(2)
    async with stations(ann), dialled(ben, ann) as _unread:
        await ann.node.next("up")
        link = ann.driver.links[ben.peer]
        big = bytes(60_000)
        while not link.traffic.dropped:  # what the kernel takes is soon full
            link.send(big, Priority.GOSSIP)
            await asyncio.sleep(0)
        assert link.bytes_waiting <= 1 << 20
        for _ in range(40):
            link.send(big, Priority.OWN)
        assert await ann.node.next("down") == "slow"


@bounded
async def test_a_message_that_nobody_takes_ends_the_link():
    ann = Station(1, limits=LinkLimits(write_stall_s=0.05, queue_bytes_max=1 << 30))
    ben = Station(2)
    async with stations(ann), dialled(ben, ann) as _unread:
        await ann.node.next("up")
        for _ in range(400):
            ann.driver.links[ben.peer].send(bytes(60_000), Priority.BULK)
        assert await ann.node.next("down") == "slow"


@bounded
async def test_a_link_that_costs_too_much_is_read_more_slowly_and_the_others_are_not():
    limits = LinkLimits(cpu_share=1e-6, cpu_burst_s=1e-9)
    ann, ben, eve = Station(1), Station(2, limits=limits), Station(3)
    async with stations(ann, ben, eve):
        await connected(ann, ben)
        await connected(eve, ben)
        for n in range(5):
            eve.send(ben, b"eve%d" % n)
        assert await ben.node.next("message") == b"eve0"
        ann.send(ben, b"ann")
        assert await ben.node.next("message") == b"ann"  # before the other four of Eve
        for link in ben.driver.links.values():
            link.cut("enough")


# -- reverse proxies ----------------------------------------------------------------------


@asynccontextmanager
async def proxy(station: Station, *, visitor: str = "") -> AsyncIterator[Address]:
    """A small reverse proxy for WebSockets below ``/music``."""

    async def copy(source, target) -> None:
        async for message in source:
            if message.type is aiohttp.WSMsgType.BINARY:
                await target.send_bytes(message.data)
        await target.close()

    async def handle(request: web.Request) -> web.WebSocketResponse:
        inward = web.WebSocketResponse()
        await inward.prepare(request)
        headers = {"X-Forwarded-For": f"203.0.113.9, {visitor}"} if visitor else {}
        async with (
            aiohttp.ClientSession(headers=headers) as session,
            session.ws_connect(f"http://{LOCAL}:{station.address.port}{request.path}") as onward,
        ):
            both = [asyncio.create_task(copy(inward, onward))]
            both.append(asyncio.create_task(copy(onward, inward)))
            await asyncio.wait(both)
        return inward

    async with serving(handle, "/music/{rest:.*}") as address:
        yield Address(address.host, address.port, "/music")


@bounded
async def test_links_work_behind_the_path_of_a_reverse_proxy():
    ann, ben = Station(1), Station(2)
    async with stations(ann, ben), proxy(ben) as address:
        ann.dial(ben, address)
        await ben.node.next("up")
        ann.send(ben, bytes(range(256)) * 200)
        assert await ben.node.next("message") == bytes(range(256)) * 200
        ben.send(ann, b"back")
        assert await ann.node.next("message") == b"back"


@bounded
async def test_only_a_known_proxy_is_believed_who_connects():
    ann = Station(1)
    trusting = Station(2, reception=Reception(proxies=frozenset([LOCAL])))
    doubting = Station(3)
    async with stations(ann, trusting, doubting):
        for station, host in ((trusting, "192.0.2.7"), (doubting, LOCAL)):
            async with proxy(station, visitor="192.0.2.7") as address:
                ann.dial(station, address)
                assert (await station.node.next("up"))["host"] == host
                ann.hang_up(station)
                await station.node.next("down")


@bounded
async def test_visitors_of_a_proxy_are_bounded_one_by_one():
    admission = Admission(attempts_per_host=1, attempts_per_host_s=0.001)
    ben = Station(2, admission=admission, reception=Reception(proxies=frozenset([LOCAL])))
    ann, carl = Station(1), Station(4)
    async with stations(ann, carl, ben), proxy(ben, visitor="192.0.2.7") as address:
        ann.dial(ben, address)
        await ben.node.next("up")
        carl.dial(ben, address)
        await carl.node.next("failed")
        assert ben.driver.listener.refused["attempts"] == 1


def test_the_network_is_in_the_handshake():
    assert keys(1).network == MUSIC
