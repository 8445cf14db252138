"""Players that know ListenBrainz feed a daemon unchanged."""

from __future__ import annotations

from urllib.parse import quote

import pytest

from peerrec_node.imports.rows import track_id

LISTEN = {
    "listened_at": 1_700_000_000,
    "track_metadata": {
        "artist_name": "Nina Simone",
        "track_name": "Sinnerman",
        "release_name": "Pastel Blues",
        "additional_info": {"tags": ["soul"], "media_player": "any", "duration_ms": 622_000},
    },
    "inserted_at": 0,
}
PLAYING = {"track_metadata": LISTEN["track_metadata"]}
ITEM = track_id("Nina Simone", "Sinnerman")


def submit(client, kind, *listens, scope="record"):
    token = {"Authorization": f"Token {client.tokens[scope]}"}
    body = {"listen_type": kind, "payload": list(listens)}
    return client.ask("POST", "/1/submit-listens", body, scope=None, headers=token)


def recorded(client) -> int:
    return client.get("/api/v1/status")["interactions"]


def test_a_single_listen_is_recorded_under_its_name(client):
    before = recorded(client)
    assert submit(client, "single", LISTEN).json == {"status": "ok"}
    assert recorded(client) == before + 1
    assert client.get(f"/api/v1/explain?item={quote(ITEM)}")["name"] == ("Nina Simone – Sinnerman")


def test_an_import_is_recorded_whole_or_not_at_all(client):
    before = recorded(client)
    assert submit(client, "import", *[LISTEN] * 50).status == 200
    assert recorded(client) == before + 50
    late = {**LISTEN, "listened_at": 9_000_000_000}
    refused = submit(client, "import", LISTEN, late)
    assert (refused.status, refused.json["code"]) == (422, 422)
    assert recorded(client) == before + 50


def test_what_is_playing_now_is_no_listen_yet(client):
    before = recorded(client)
    assert submit(client, "playing_now", PLAYING).json == {"status": "ok"}
    assert recorded(client) == before


@pytest.mark.parametrize(
    ("kind", "listens"),
    [
        ("single", []),
        ("single", [LISTEN, LISTEN]),
        ("single", [PLAYING]),
        ("playing_now", [LISTEN]),
        ("import", [LISTEN, PLAYING]),
        ("import", [LISTEN] * 1_001),
        ("single", [{"listened_at": 1, "track_metadata": {"artist_name": "A"}}]),
        ("heard", [LISTEN]),
    ],
)
def test_what_is_no_such_submission_is_refused_in_the_players_words(client, kind, listens):
    refused = submit(client, kind, *listens)
    assert (refused.status, refused.json["code"]) == (400, 400)
    assert refused.json["error"]


def test_listens_stay_private_unless_set_otherwise(served, client):
    def public() -> int:
        columns = served.of.do(lambda daemon: daemon._here.store.interactions())
        return int(columns.public.sum())

    submit(client, "single", LISTEN)
    assert public() == 0
    client.do("PATCH", "/api/v1/settings", {"listens_public": True})
    submit(client, "single", LISTEN)
    assert public() == 1
    client.do("PATCH", "/api/v1/settings", {"listens_public": False})


def test_tokens_are_told_apart(client):
    def valid(secret):
        token = {"Authorization": f"Token {secret}"}
        return client.get("/1/validate-token", scope=None, headers=token)["valid"]

    assert valid(client.tokens["record"])
    assert valid(client.tokens["admin"])
    assert not valid(client.tokens["read"])
    assert not valid("guess")
    assert not client.get("/1/validate-token", scope=None)["valid"]
    assert submit(client, "single", LISTEN, scope="read").status == 403


def test_a_players_own_library_submits(client):
    liblistenbrainz = pytest.importorskip("liblistenbrainz")
    player = liblistenbrainz.ListenBrainz(api_base_url=f"http://127.0.0.1:{client.port}")
    player.set_auth_token(client.tokens["record"])
    before = recorded(client)
    listen = liblistenbrainz.Listen(
        track_name="Wild Is the Wind", artist_name="Nina Simone", listened_at=1_700_000_100
    )
    playing = liblistenbrainz.Listen(track_name="Wild Is the Wind", artist_name="Nina Simone")
    player.submit_playing_now(playing)
    player.submit_single_listen(listen)
    player.submit_multiple_listens([listen, listen])
    assert recorded(client) == before + 3
    with pytest.raises(liblistenbrainz.errors.InvalidAuthTokenException):
        player.set_auth_token("guess")
