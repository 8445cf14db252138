"""Answers from memory wait for nobody; what needs the node waits its turn, and not for ever."""

from __future__ import annotations

import asyncio
import http.client
import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress

import pytest
from daemons import said

from peerrec_node.api import network, node_calls, ranking
from peerrec_node.api.loop_thread import LoopThread

PATIENCE_S = 20.0
LIST = "/api/v1/recommendations?n=3"


@contextmanager
def held(of) -> Iterator[threading.Event]:
    """Hold a daemon's node loop until the block ends, or the event is set."""
    begun, go = threading.Event(), threading.Event()

    def hold() -> None:
        begun.set()
        assert go.wait(PATIENCE_S)

    of.loop.call_soon_threadsafe(hold)
    assert begun.wait(PATIENCE_S)
    try:
        yield go
    finally:
        go.set()


@pytest.fixture
def apart() -> Iterator[ThreadPoolExecutor]:
    """Asks in other threads."""
    with ThreadPoolExecutor(8) as threads:
        yield threads


def waiting(served, n: int = 1) -> None:
    served.client.until(lambda: served.server.api.calls.waiting >= n)


def test_a_remembered_list_is_answered_while_the_node_is_busy(friends, client):
    before = client.get(LIST)
    with held(friends.of):
        for _ in range(5):
            found = client.get(LIST)
            assert found["cached"]
            assert found["items"] == before["items"]
        assert client.ask("GET", "/").status == 200
        assert client.ask("GET", "/api/openapi.json").status == 200
        assert client.ask("GET", LIST, scope=None).status == 401
        assert client.ask("GET", LIST, headers={"Host": "evil.example"}).status == 403


def test_what_is_done_while_the_node_is_busy_counts_in_the_next_list(friends, client, apart):
    client.get(LIST)
    with held(friends.of):
        taken = apart.submit(client.do, "POST", "/api/v1/feedback", {"item": "b", "action": "mute"})
        waiting(friends)
        assert "b" in [each["item"] for each in client.get(LIST)["items"]]
    assert taken.result(PATIENCE_S)["action"] == "mute"
    assert "b" not in [each["item"] for each in client.get(LIST)["items"]]
    client.do("POST", "/api/v1/feedback", {"item": "b", "action": "unmute"})
    assert "b" in [each["item"] for each in client.get(LIST)["items"]]


def test_who_asks_for_the_same_list_at_once_waits_in_one_place(friends, client, apart):
    with held(friends.of):
        asked = [apart.submit(client.get, f"{LIST}&explore=0.7") for _ in range(5)]
        waiting(friends)
        assert friends.server.api.calls.waiting == 1
    assert len({str(each.result(PATIENCE_S)["items"]) for each in asked}) == 1


def test_an_old_list_is_better_than_none_while_the_node_is_busy(friends, client, monkeypatch):
    before = client.get(LIST)
    lists = friends.server.api.lists
    monkeypatch.setattr(ranking, "FRESH_S", 0.01)
    monkeypatch.setattr(lists, "at_once", lambda question: None)
    with held(friends.of):
        assert client.get(LIST)["items"] == before["items"]


def test_a_request_waits_for_the_node_so_long_and_is_told_when_to_come_again(
    friends, client, monkeypatch
):
    monkeypatch.setattr(node_calls, "PATIENCE_S", 0.05)
    with held(friends.of):
        answered = client.ask("GET", "/api/v1/status")
        assert (answered.status, answered.problem) == (503, "busy")
        assert answered.headers["retry-after"] == "1"
        lost = client.ask("POST", "/api/v1/interactions", {"item": "given up"})
        assert lost.problem == "busy"
    monkeypatch.undo()
    assert client.ask("GET", "/api/v1/explain?item=given+up").problem == "unknown"


def test_so_many_requests_wait_for_the_node_and_no_more(friends, client, monkeypatch, apart):
    monkeypatch.setattr(node_calls, "API_WAITING_MAX", 2)
    with held(friends.of):
        asked = [apart.submit(client.get, "/api/v1/status") for _ in range(2)]
        waiting(friends, 2)
        assert client.ask("GET", "/api/v1/status").problem == "busy"
    assert all(each.result(PATIENCE_S)["peer"] for each in asked)
    assert friends.server.api.calls.waiting == 0


def test_a_token_that_is_taken_back_counts_no_more_for_who_waits(friends, client, apart):
    made = said("token", "create", "short", "--scope", "read", "--store", friends.store)
    client.tokens["short"] = made["token"]

    def revoke() -> None:
        friends.of.daemon.execute(["token", "revoke", made["id"], "--store", str(friends.store)])

    with held(friends.of):
        friends.of.loop.call_soon_threadsafe(revoke)
        asked = apart.submit(client.ask, "GET", "/api/v1/status", scope="short")
        waiting(friends)
    assert asked.result(PATIENCE_S).status == 401
    assert client.ask("GET", LIST, scope="short").status == 401


def test_a_failure_on_the_nodes_loop_is_answered_as_one(friends, client, monkeypatch):
    def broken(api):
        raise ZeroDivisionError

    monkeypatch.setattr(network, "traffic_of", broken)
    assert client.ask("GET", "/api/v1/traffic").problem == "bug"
    monkeypatch.undo()
    assert client.ask("GET", "/api/v1/traffic").status == 200


def test_the_daemon_ends_while_requests_wait_for_its_node(tmp_path, serve, apart):
    with serve(tmp_path / "me.db") as other, held(other.of) as go:
        asked: list[Future] = [apart.submit(other.client.ask, "GET", "/metrics") for _ in range(4)]
        waiting(other, 4)
        other.of.loop.call_soon_threadsafe(other.of.daemon.stop)
        go.set()
        for each in asked:
            with suppress(http.client.HTTPException, OSError):  # its connection was closed
                assert each.result(PATIENCE_S).status in (200, 503)


def test_the_daemon_ends_while_a_list_is_computed(tmp_path, serve, apart):
    go = threading.Event()
    with serve(tmp_path / "me.db") as other:
        thread = other.server.api.lists._thread
        thread.submit(go.wait, PATIENCE_S)
        asked = apart.submit(other.client.ask, "GET", LIST)
        waiting(other)
        other.of.loop.call_soon_threadsafe(other.of.daemon.stop)
        with pytest.raises((http.client.HTTPException, OSError)):
            asked.result(PATIENCE_S)
        go.set()


def test_a_loop_that_hangs_is_left_behind(monkeypatch):
    monkeypatch.setattr("peerrec_node.api.loop_thread.END_S", 0.05)
    go = threading.Event()

    async def scenario() -> None:
        other = LoopThread("hangs")
        other.loop.call_soon_threadsafe(go.wait)
        await other.end()
        assert other._thread.is_alive()
        go.set()
        other._thread.join(PATIENCE_S)

    asyncio.run(scenario())
