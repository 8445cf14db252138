"""A token can do what its scope says and no more, and nobody is served for another site."""

from __future__ import annotations

import hashlib
import http.client
import socket

import pytest
from daemons import said

from peerrec_node.api.auth import Scope
from peerrec_node.api.server import ROUTES
from peerrec_node.api.static import pages

ANN = "c7kbjhyexscf2liojayzv3nlfpgsruqc4kbub4kib4olmdqlm5gme7nw"
LINK = f"peerrec://{ANN}@127.0.0.1:9#music"
LISTEN = {
    "listen_type": "single",
    "payload": [
        {"listened_at": 1_700_000_000, "track_metadata": {"artist_name": "A", "track_name": "T"}}
    ],
}

BODIES = {
    "PATCH /api/v1/settings": {"explore": 0.25},
    "POST /api/v1/session": {"token": "guess"},
    "POST /api/v1/interactions": {"item": "track:new", "public": True},
    "POST /api/v1/feedback": {"item": "track:new", "action": "mute"},
    "POST /api/v1/trust": {"peer": "ann", "weight": 0.5},
    "POST /api/v1/block": {"peer": ANN},
    "POST /api/v1/peers": {"invite": LINK},
    "POST /api/v1/pair": {"invite": LINK},
    "PUT /api/v1/peers/{peer}/label": {"label": "Ann of the choir"},
    "POST /1/submit-listens": LISTEN,
}
"""A good body for each operation that takes one."""

QUERIES = {"GET /api/v1/explain": "item=track:a", "GET /api/v1/similar": "item=track:a"}

WRITING = [route for route in ROUTES if route.scope in (Scope.RECORD, Scope.ADMIN)]
FOREIGN = (
    {"Host": "evil.example"},
    {"Host": "127.0.0.1.evil.example"},
    {"Origin": "https://evil.example"},
    {"Origin": "null"},
)


def named(route) -> str:
    return f"{route.method} {route.path}"


def asked(client, route, scope: str | None, **headers: str):
    """Return the answer to a good request of a route."""
    path = route.path.replace("{peer}", ANN)
    query = QUERIES.get(named(route))
    where = path if query is None else f"{path}?{query}"
    body = BODIES[named(route)] if route.takes_body else None
    return client.ask(route.method, where, body, scope=scope, headers=headers)


def state(served) -> tuple[str, object]:
    """Return what a daemon keeps, and what of it is in memory alone."""

    def look(daemon) -> tuple[str, object]:
        digest = hashlib.sha256()
        for line in daemon._here.store._connection.iterdump():
            digest.update(line.encode(errors="surrogateescape"))
        return digest.hexdigest(), (daemon.live.settings, daemon.driver.dialling)

    return served.of.do(look)


@pytest.fixture(scope="module")
def stocked(served):
    """A daemon with something to change, and to take back, everywhere."""
    for item in ("track:a", "track:b"):
        said("record", item, "--store", served.store)
    said("trust", ANN, "0.9", "--store", served.store)
    return served


LASTING = "/api/v1/events"
ANSWERED = [route for route in ROUTES if route.path != LASTING]


def test_every_operation_with_a_body_has_a_good_one_here():
    assert {named(route) for route in ROUTES if route.takes_body} == set(BODIES)


def test_a_token_to_read_changes_nothing_whatever_is_asked_with_it(stocked, client):
    before = state(stocked)
    for route in ANSWERED:
        status = asked(client, route, "read").status
        if route in WRITING:
            assert status == 403, named(route)
        elif route.scope is not None:
            assert status == 200, named(route)
    assert state(stocked) == before


def test_a_token_to_record_changes_nothing_but_by_recording(stocked, client):
    before = state(stocked)
    for route in ANSWERED:
        if route.scope is not Scope.RECORD:
            expected = 403 if route.scope is Scope.ADMIN else 401 if route.takes_body else 200
            assert asked(client, route, "record").status == expected, named(route)
    assert state(stocked) == before


@pytest.mark.parametrize("scope", [None, "guess"])
def test_without_a_token_that_is_known_nothing_changes(stocked, client, scope):
    before = state(stocked)
    headers = {} if scope is None else {"Authorization": f"Bearer peerrec_{scope}"}
    for route in ANSWERED:
        status = asked(client, route, None, **headers).status
        if route.scope is not None and not route.local:
            assert status == 401, named(route)
    assert state(stocked) == before


@pytest.mark.parametrize("route", WRITING, ids=named)
def test_the_same_requests_do_change_something_with_the_scope_for_it(stocked, client, route):
    status = asked(client, route, route.scope.value).status
    nobody = route.path == "/api/v1/peers/{peer}"  # there is no link to end
    assert status == 404 if nobody and route.method == "DELETE" else status < 300


@pytest.mark.parametrize("headers", FOREIGN, ids=str)
def test_no_operation_is_done_for_another_site(stocked, client, headers):
    before = state(stocked)
    kind = f"foreign-{next(iter(headers)).lower()}"
    for route in ROUTES:
        answered = asked(client, route, "admin", **headers)
        assert answered.status == 403, named(route)
        assert route.old_style or answered.problem == kind
    assert state(stocked) == before


@pytest.mark.parametrize("headers", FOREIGN, ids=str)
def test_no_page_is_given_to_another_site(client, headers):
    kind = f"foreign-{next(iter(headers)).lower()}"
    for path in [*(page.path for page in pages()), "/nothing", "/api/v1/nothing"]:
        for method in ("GET", "HEAD", "POST", "OPTIONS"):
            line = http.client.HTTPConnection("127.0.0.1", client.port, timeout=20)
            line.request(method, path, headers=headers)
            found = line.getresponse()
            assert found.status == 403, (method, path)
            assert method == "HEAD" or kind in found.read().decode()
            assert found.getheader("Access-Control-Allow-Origin") is None
            line.close()


def test_a_stream_is_opened_for_nobody_without_a_token_and_for_no_other_site(client):
    assert client.ask("GET", LASTING, scope=None).status == 401
    for headers in FOREIGN:
        assert client.ask("GET", LASTING, scope="read", headers=headers).status == 403


@pytest.mark.parametrize(
    ("raw", "status"),
    [
        (b"GET /health/live HTTP/1.1\r\n\r\n", 400),
        (b"GET /health/live HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n\r\n", 400),
        (b"GET http://evil.example/health/live HTTP/1.1\r\nHost: localhost\r\n\r\n", None),
        (b"GET /health/live HTTP/1.1\r\nHost: localhost@evil.example\r\n\r\n", 403),
        (b"GET /health/live HTTP/1.0\r\n\r\n", 403),
    ],
)
def test_a_host_that_is_missing_doubled_or_dressed_up_opens_nothing(client, raw, status, caplog):
    with socket.create_connection(("127.0.0.1", client.port), timeout=20) as line:
        line.sendall(raw.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
        answer = b"".join(iter(lambda: line.recv(1 << 16), b""))
    found = int(answer.split()[1])
    assert found == status if status is not None else found >= 400 or b"alive" in answer
    assert not caplog.records  # what a stranger sends is not ours to log at length
