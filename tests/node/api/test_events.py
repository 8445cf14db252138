"""A page hears what happens while it happens, and costs nothing when it is closed."""

from __future__ import annotations

import asyncio
import http.client
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from daemons import running

from peerrec_node.api import events, lists
from peerrec_node.api.events import KINDS, WAITING_MAX, Event, EventHub

PATIENCE_S = 20.0


@pytest.fixture(autouse=True, scope="module")
def often():
    """Looks at what happens more often than people need."""
    patched = pytest.MonkeyPatch()
    for name in ("LOOK_S", "TRAFFIC_S", "STATUS_S"):
        patched.setattr(events, name, 0.05)
    yield
    patched.undo()


@contextmanager
def stream(client) -> Iterator[Iterator[tuple[str, dict]]]:
    line = http.client.HTTPConnection("127.0.0.1", client.port, timeout=20)
    token = {"Authorization": f"Bearer {client.tokens['read']}"}
    line.request("GET", "/api/v1/events", headers=token)
    found = line.getresponse()
    assert found.getheader("Content-Type") == "text/event-stream"
    try:
        yield heard(found)
    finally:
        found.close()
        line.close()


def heard(found) -> Iterator[tuple[str, dict]]:
    kind, end = "", time.monotonic() + PATIENCE_S
    for raw in found:
        assert time.monotonic() < end, "what was waited for never came"
        word, _, text = raw.decode().rstrip("\n").partition(": ")
        if word == "event":
            kind = text
        elif word == "data":
            assert kind in KINDS
            yield kind, json.loads(text)


def first(stream_, kind: str, fits=lambda data: True) -> dict:
    return next(data for each, data in stream_ if each == kind and fits(data))


def test_status_comes_first_and_news_of_lists_at_once(served, client):
    with stream(client) as told:
        assert first(told, "status")["peer"] == client.get("/api/v1/status")["peer"]
        client.do("POST", "/api/v1/interactions", {"item": "heard of"})
        version = client.get("/api/v1/recommendations")["version"]
        assert first(told, "recommendations", lambda data: data["version"] == version)


def test_who_was_shown_an_outdated_list_is_told_of_the_next(served, client, monkeypatch):
    monkeypatch.setattr(lists, "SETTLE_S", 0.0)
    monkeypatch.setattr(events, "NEWS_S", 0.0)

    def heard_of(daemon) -> int:
        daemon._here.me.record("said by ann", author="ann")
        daemon.http.api.turned()
        return daemon.http.api.lists.version

    with stream(client) as told:
        before = client.get("/api/v1/recommendations")["version"]
        version = served.of.do(heard_of)
        assert version > before
        assert first(told, "recommendations", lambda data: data["version"] == version)
        assert client.get("/api/v1/recommendations")["cached"]
        assert first(told, "recommendations", lambda data: data["version"] == version)
        assert client.get("/api/v1/recommendations")["version"] == version


def test_links_sessions_and_traffic_are_told(served, client, tmp_path):
    with running(tmp_path / "ann.db") as ann, stream(client) as told:
        first(told, "status")
        peer = client.do("POST", "/api/v1/peers", {"invite": ann.invite})["peer"]
        seen: dict[str, dict] = {}
        while not {"link", "sync", "traffic"} <= set(seen):  # in whichever order
            kind, data = next(told)
            if kind != "traffic" or data["types"]:
                seen[kind] = data
        assert seen["link"] == {"peer": peer, "state": "up", "reason": None}
        assert seen["sync"]["peer"] == peer
        client.do("DELETE", f"/api/v1/peers/{peer}")
        down = first(told, "link", lambda data: data["state"] == "down")
        assert down == {"peer": peer, "state": "down", "reason": "asked"}


def test_a_closed_stream_is_forgotten(served, client):
    with stream(client) as told:
        first(told, "status")
        assert len(served.server.api.events) >= 1

    def gone() -> bool:
        # It is noticed when an event cannot be written.
        client.do("PATCH", "/api/v1/settings", {"explore": 0.0})
        return len(served.server.api.events) == 0

    client.until(gone)


def test_streams_end_with_the_daemon(tmp_path, serve):
    with serve(tmp_path / "me.db") as other, stream(other.client) as told:
        first(told, "status")
        other.of.loop.call_soon_threadsafe(other.of.daemon.stop)
        assert all(kind in KINDS for kind, _ in told)


def test_a_quiet_stream_is_kept_alive(monkeypatch):
    monkeypatch.setattr(events, "KEEP_ALIVE_S", 0.0)

    async def quiet() -> None:
        with EventHub().listening() as heard:
            assert await anext(heard) is None

    asyncio.run(quiet())


def test_who_does_not_keep_up_is_cut_off():
    async def slow() -> None:
        hub = EventHub()
        with hub.listening() as heard:
            waiting = asyncio.ensure_future(anext(heard))
            await asyncio.sleep(0)
            for number in range(WAITING_MAX + 2):
                hub.tell(Event("notice", {"level": "info", "text": str(number)}))
            await asyncio.sleep(0)
            assert len(hub) == 0
            with pytest.raises(StopAsyncIteration):
                await waiting

    asyncio.run(slow())


def test_nothing_is_looked_at_while_nobody_listens():
    class Never:
        def look(self, now):
            raise AssertionError("somebody looked")

    async def idle() -> None:
        hub = EventHub()
        task = asyncio.ensure_future(hub.run(Never()))
        await asyncio.sleep(0)
        hub.look_soon()
        await asyncio.sleep(0)
        hub.close()
        await task

    asyncio.run(idle())
