"""What must not be answered is refused, with the documented problem."""

from __future__ import annotations

import http.client

import pytest
from daemons import refused, run, said

from peerrec.limits import API_BODY_BYTES_MAX, API_ROWS_MAX, API_STREAMS_MAX
from peerrec_node.api.auth import Scope, Sessions, Tokens
from peerrec_node.api.server import ROUTES

PRIVATE = [route for route in ROUTES if route.scope is not None and not route.local]
WRITING = [route for route in PRIVATE if route.scope is not Scope.READ]


def named(route) -> str:
    return f"{route.method} {route.path}"


def filled(route) -> str:
    return route.path.replace("{peer}", "ann")


@pytest.mark.parametrize("route", PRIVATE, ids=named)
def test_without_a_token_nothing_is_answered(client, route):
    assert client.ask(route.method, filled(route), scope=None).status == 401
    wrong = {"Authorization": "Bearer peerrec_guess"}
    assert client.ask(route.method, filled(route), scope=None, headers=wrong).status == 401


@pytest.mark.parametrize("route", WRITING, ids=named)
def test_a_token_to_read_can_change_nothing(client, route):
    assert client.ask(route.method, filled(route), {}, scope="read").status == 403


@pytest.mark.parametrize("route", [r for r in WRITING if r.scope is Scope.ADMIN], ids=named)
def test_a_token_to_record_cannot_administrate(client, route):
    assert client.ask(route.method, filled(route), {}, scope="record").status == 403


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "", "[", "10.0.0.1"])
@pytest.mark.parametrize("path", ["/", "/api/v1/status", "/health/live", "/metrics", "/nothing"])
def test_a_foreign_host_is_refused_everywhere(client, path, host):
    answered = client.ask("GET", path, headers={"Host": host})
    assert (answered.status, answered.problem) == (403, "foreign-host")


@pytest.mark.parametrize("host", ["localhost:1", "[::1]:7780", "PEERREC.example", "127.0.0.1"])
def test_names_of_ours_are_taken(client, host):
    assert client.ask("GET", "/health/live", headers={"Host": host}).status == 200


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "null", "http://127.0.0.1:1", "file://"]
)
def test_a_foreign_origin_is_refused(client, origin):
    answered = client.ask("GET", "/api/v1/status", headers={"Origin": origin})
    assert (answered.status, answered.problem) == (403, "foreign-origin")


def test_our_own_origin_is_taken(client):
    origin = {"Origin": f"http://127.0.0.1:{client.port}"}
    assert client.ask("GET", "/api/v1/status", headers=origin).status == 200


@pytest.mark.parametrize(
    ("raw", "kind"),
    [
        (b"{", "bad-request"),
        (b"", "bad-request"),
        (b"[]", "bad-request"),
        (b'{"item": 1}', "bad-request"),
        (b'{"item": ""}', "bad-request"),
        (b'{"item": "a", "wieght": 1}', "bad-request"),
        (b'{"item": "a", "weight": 0}', "bad-request"),
        (b'{"item": "\xff"}', "bad-request"),
        (b'{"item": "\\ud800"}', "bad-request"),
        (b"[" * 100_000, "bad-request"),
        (b'{"item": "a", "time": -1}', "not-allowed"),
    ],
)
def test_a_body_of_another_shape_is_refused(client, raw, kind):
    assert client.ask("POST", "/api/v1/interactions", raw=raw).problem == kind


def test_an_unknown_key_is_named(client):
    answered = client.ask("POST", "/api/v1/interactions", {"item": "a", "wieght": 1})
    assert "wieght" in answered.json["detail"]


def test_a_body_of_another_type_is_refused(client):
    form = {"Content-Type": "text/plain"}
    answered = client.ask("POST", "/api/v1/interactions", raw=b'{"item": "a"}', headers=form)
    assert (answered.status, answered.problem) == (415, "media-type")


def test_too_large_a_body_is_refused(client):
    raw = b" " * (API_BODY_BYTES_MAX + 1)
    answered = client.ask("POST", "/api/v1/interactions", raw=raw)
    assert (answered.status, answered.problem) == (413, "too-large")
    rows = {"rows": [{"item": "a"}] * (API_ROWS_MAX + 1)}
    assert client.ask("POST", "/api/v1/interactions", rows).problem == "bad-request"


@pytest.mark.parametrize(
    "query",
    [
        "n=0",
        "n=many",
        "n=1.5",
        "explore=2",
        "explore=nan",
        "explore=null",
        "m=1",
        "n=1&n=2",
        "context=",
        "n=9999",
    ],
)
def test_a_query_of_another_shape_is_refused(client, query):
    assert client.ask("GET", f"/api/v1/recommendations?{query}").problem == "bad-request"


@pytest.mark.parametrize("item", ["%ff", "%ed%a0%80", "%00", "a" * 512, "%F0%9F%8E%B5" * 200])
def test_strange_items_are_unknown_or_not_allowed(client, item):
    assert client.ask("GET", f"/api/v1/explain?item={item}").status in (400, 404, 422)


def test_what_is_not_there_and_other_methods_are_problems(client):
    assert client.ask("GET", "/api/v1/nothing").problem == "no-such-resource"
    assert client.ask("GET", "/..%2f..%2fetc/passwd").problem == "no-such-resource"
    answered = client.ask("PUT", "/api/v1/settings", {})
    assert (answered.status, answered.problem) == (405, "method")
    assert answered.headers["allow"] == "GET, PATCH"


def test_a_mistake_of_ours_is_a_problem_without_details(served, client, monkeypatch):
    monkeypatch.setattr(served.server.api.traffic, "types", lambda links: 1 / 0)
    answered = client.ask("GET", "/api/v1/traffic")
    assert (answered.status, answered.problem) == (500, "bug")
    assert "Zero" not in answered.body.decode()


def test_a_full_disk_is_told_as_such(served, client, monkeypatch):
    from peerrec.errors import StoreFull

    def full(*args, **more):
        raise StoreFull("me.db: there is no room; free some")

    monkeypatch.setattr(served.server.api.here.me, "record_many", full)
    answered = client.ask("POST", "/api/v1/interactions", {"item": "a"})
    assert (answered.status, answered.problem) == (507, "full")


# -- sessions -------------------------------------------------------------------------------


def test_a_one_time_token_opens_one_session(served, client):
    url = said("token", "dashboard", "--store", served.store)["dashboard"]
    assert url.startswith(f"http://127.0.0.1:{client.port}/#token=")
    body = {"token": url.partition("#token=")[2]}
    opened = client.ask("POST", "/api/v1/session", body, scope=None)
    assert opened.status == 200
    said_cookie = opened.headers["set-cookie"]
    assert "HttpOnly" in said_cookie
    assert "SameSite=Strict" in said_cookie
    cookie = {"Cookie": said_cookie.partition(";")[0]}
    assert client.ask("GET", "/api/v1/status", scope=None, headers=cookie).status == 200
    change = {"explore": 0.0}
    blind = client.ask("PATCH", "/api/v1/settings", change, scope=None, headers=cookie)
    assert (blind.status, blind.problem) == (403, "scope")
    meant = {**cookie, "X-Peerrec": "1"}
    assert client.ask("PATCH", "/api/v1/settings", change, scope=None, headers=meant).status == 200
    again = client.ask("POST", "/api/v1/session", body, scope=None)
    assert (again.status, again.problem) == (401, "no-token")
    forged = {"Cookie": f"peerrec_{client.port}=guess"}
    assert client.ask("GET", "/api/v1/status", scope=None, headers=forged).status == 401


def test_one_time_tokens_and_sessions_end():
    now = [0.0]
    sessions = Sessions(lambda: now[0])
    late = sessions.one_time_token()
    secret = sessions.exchange(sessions.one_time_token())
    assert secret is not None
    now[0] += 3_601.0
    assert sessions.exchange(late) is None
    assert sessions.is_open(secret)
    now[0] += 31 * 86_400.0
    assert not sessions.is_open(secret)


# -- tokens ---------------------------------------------------------------------------------


def test_a_revoked_token_is_let_in_no_more(served, client):
    made = said("token", "create", "for a while", "--store", served.store)
    headers = {"Authorization": f"Bearer {made['token']}"}
    assert client.ask("GET", "/api/v1/status", scope=None, headers=headers).status == 200
    listed = said("token", "list", "--store", served.store)["tokens"]
    assert made["id"] in {row["id"] for row in listed}
    assert made["token"] not in run("token", "list", "--store", served.store).output
    assert said("token", "revoke", made["id"], "--store", served.store)["revoked"]
    assert client.ask("GET", "/api/v1/status", scope=None, headers=headers).status == 401
    assert "no token has the id" in refused(
        2, "token", "revoke", made["id"], "--store", served.store
    )


def test_tokens_are_made_without_a_daemon_and_kept_as_hashes(tmp_path):
    store = tmp_path / "alone.db"
    made = said("token", "create", "app", "--scope", "record", "--store", store)
    assert made["token"].encode() not in store.read_bytes()
    assert made["scope"] == "record"
    assert "no daemon" in refused(3, "token", "dashboard", "--store", store)
    assert "give 1 to 64" in refused(2, "token", "create", "", "--store", store)
    assert refused(2, "token", "create", "x", "--scope", "root", "--store", store)


def test_scopes_include_those_before_them():
    assert [[a.allows(b) for b in Scope] for a in Scope] == [
        [True, False, False],
        [True, True, False],
        [True, True, True],
    ]


def test_there_are_so_many_tokens_and_no_more():
    from peerrec.errors import DataError
    from peerrec.limits import API_TOKENS_MAX
    from peerrec.store.memory import MemoryStore

    tokens = Tokens(MemoryStore())
    for number in range(API_TOKENS_MAX):
        tokens.create(f"app {number}", Scope.READ, now=60.0)
    with pytest.raises(DataError, match="revoke one first"):
        tokens.create("one more", Scope.READ, now=60.0)


def test_there_are_so_many_streams_and_no_more(client):
    lines = []
    try:
        for _ in range(API_STREAMS_MAX):
            line = http.client.HTTPConnection("127.0.0.1", client.port, timeout=20)
            token = {"Authorization": f"Bearer {client.tokens['read']}"}
            line.request("GET", "/api/v1/events", headers=token)
            found = line.getresponse()
            assert found.status == 200
            found.readline()
            lines.append((line, found))
        answered = client.ask("GET", "/api/v1/events")
        assert (answered.status, answered.problem) == (429, "too-many")
    finally:
        for line, found in lines:
            found.close()
            line.close()
