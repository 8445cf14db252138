"""Connections that say nothing keep nobody out, and what is no HTTP fills no log."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import socket
from collections.abc import AsyncIterator

from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st
from loopback import LOCAL, bounded

import peerrec_node.api.connections as connections_module
from peerrec_node.api.connections import Connections, Places
from peerrec_node.http_logger import http_logger

CUT_SHORT = (
    b"POST /api/v1/session HTTP/1.1\r\nHost: localhost\r\n"
    b"Content-Type: application/json\r\nContent-Length: 1000000\r\n\r\nx"
)
ASK = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"


@contextlib.asynccontextmanager
async def entrance(n_max: int, head_s: float) -> AsyncIterator[tuple[Connections, int]]:
    """A server that answers everybody, and its port."""

    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        connections.heard(request.protocol)
        connections.begun(request.protocol)
        connections.answered(request.protocol)
        return web.Response(text="here")

    inner = web.Server(answer, logger=http_logger("peerrec.test.http"))
    connections = Connections(inner, n_max, head_s)
    server = await asyncio.get_running_loop().create_server(connections, LOCAL, 0)
    try:
        yield connections, server.sockets[0].getsockname()[1]
    finally:
        server.close()
        await inner.shutdown(0.0)


async def asked(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
    writer.write(ASK)
    return (await reader.readline()) + await reader.readuntil(b"here")


@bounded
async def test_who_has_rested_longest_makes_room():
    async with entrance(n_max=2, head_s=60.0) as (connections, port):
        first, second = [await asyncio.open_connection(LOCAL, port) for _ in range(2)]
        assert (await asked(*first)).startswith(b"HTTP/1.1 200")
        third = await asyncio.open_connection(LOCAL, port)
        assert await second[0].read() == b""  # it said nothing while the first was answered
        assert (await asked(*third)).startswith(b"HTTP/1.1 200")
        assert (await asked(*first)).startswith(b"HTTP/1.1 200")
        assert len(connections.places) == 2
        for line in (first, second, third):
            line[1].close()


@bounded
async def test_a_connection_that_never_asks_is_ended():
    async with entrance(n_max=8, head_s=0.01) as (connections, port):
        reader, writer = await asyncio.open_connection(LOCAL, port)
        assert await reader.read() == b""
        writer.close()
        while len(connections.places):
            await asyncio.sleep(0)


@bounded
async def test_what_is_no_http_is_answered_and_not_logged(caplog):
    caplog.set_level(logging.DEBUG)
    async with entrance(n_max=8, head_s=60.0) as (_, port):
        reader, writer = await asyncio.open_connection(LOCAL, port)
        writer.write(b"\x16\x03\x01 hello\r\n\r\n")
        assert b" 400 " in await reader.readline()
        writer.close()
    assert not [each for each in caplog.records if each.levelno >= logging.WARNING]


@bounded
async def test_the_garbage_of_connections_is_collected_every_so_many(monkeypatch):
    monkeypatch.setattr(connections_module, "COLLECT_EVERY", 4)
    collected = []
    monkeypatch.setattr(gc, "collect", lambda: collected.append(1))
    async with entrance(n_max=8, head_s=60.0) as (connections, port):
        for _ in range(9):
            line = await asyncio.open_connection(LOCAL, port)
            await asked(*line)
            line[1].close()
            while len(connections.places):
                await asyncio.sleep(0)
    assert len(collected) == 2


def test_a_request_that_is_cut_short_leaves_nothing_in_memory(client):
    def n_requests() -> int:
        return sum(isinstance(each, web.Request) for each in gc.get_objects())

    gc.collect()
    before = n_requests()
    gc.disable()
    try:
        lines = [socket.create_connection((LOCAL, client.port)) for _ in range(20)]
        for line in lines:
            line.sendall(CUT_SHORT)
        client.until(lambda: n_requests() >= before + len(lines))
        for line in lines:
            line.close()
        client.until(lambda: n_requests() <= before)
    finally:
        gc.enable()


@given(
    st.integers(1, 4),
    st.lists(st.tuples(st.sampled_from(["enter", "busy", "rests", "leave"]), st.integers(0, 6))),
)
def test_there_are_never_more_than_may_be_and_nobody_busy_has_to_go(n_max, steps):
    places: Places[int] = Places(n_max)
    inside: set[int] = set()
    busy: set[int] = set()
    for what, guest in steps:
        if what == "enter":
            if guest in inside:
                continue
            gone = places.enter(guest)
            inside.add(guest)
            if gone is not None:
                assert gone not in busy
                assert gone != guest or busy == inside - {guest}
                inside.discard(gone)
        else:
            getattr(places, what)(guest)
            if what == "busy" and guest in inside:
                busy.add(guest)
            elif what != "busy":
                busy.discard(guest)
            if what == "leave":
                inside.discard(guest)
        assert len(places) == len(inside) <= n_max
