"""Every route answers what is documented, and what it takes has its effect."""

from __future__ import annotations

import json
import time

import jsonschema
import pytest
from daemons import running

from peerrec.ids import peer_text
from peerrec.protocol.invite import Address
from peerrec_node.api.labels import Labels
from peerrec_node.api.server import ROUTES

PEER = peer_text(bytes.fromhex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"))


def items(client, **query) -> list[str]:
    said = "&".join(f"{key}={value}" for key, value in query.items())
    return [each["item"] for each in client.get(f"/api/v1/recommendations?{said}")["items"]]


# -- the node -------------------------------------------------------------------------------


def test_status_tells_who_and_how_much(served, client):
    found = client.get("/api/v1/status")
    assert found["peer"] == peer_text(served.of.daemon.node.peer)
    assert found["network"] == "music"
    assert found["listening"] == served.of.daemon.listens.text()
    assert found["profile"] == "desktop"
    assert found["store_bytes"] > 0


def test_health_needs_no_token(client):
    assert client.get("/health/live", scope=None) == {"status": "alive"}
    assert client.get("/health/ready", scope=None) == {"status": "ready"}


def test_a_daemon_that_is_not_ready_says_so(served, client):
    served.server.api.ready = False
    try:
        answered = client.ask("GET", "/health/ready", scope=None)
    finally:
        served.server.api.ready = True
    assert (answered.status, answered.problem) == (503, "not-ready")


def test_the_description_is_valid_and_has_every_route(client):
    document = client.get("/api/openapi.json", scope=None)
    assert document["openapi"] == "3.1.0"
    described = {
        (method.upper(), path)
        for path, operations in document["paths"].items()
        for method in operations
    }
    assert described == {(route.method, route.path) for route in ROUTES}
    for schema in document["components"]["schemas"].values():
        jsonschema.Draft202012Validator.check_schema(schema)
    text = json.dumps(document)
    names = {part.split('"')[0] for part in text.split("#/components/schemas/")[1:]}
    assert names <= set(document["components"]["schemas"])
    ids = [each["operationId"] for ops in document["paths"].values() for each in ops.values()]
    assert len(ids) == len(set(ids))


def test_the_server_has_every_described_route_and_no_other(served):
    served_routes = {
        (route.method, route.resource.canonical)
        for route in served.server._runner.app.router.routes()
        if route.resource.canonical.startswith(("/api", "/1/", "/health", "/metrics"))
    }
    assert {each for each in served_routes if each[1] != "/api.js"} == {
        (route.method, route.path) for route in ROUTES
    }


# -- lists ----------------------------------------------------------------------------------


def test_recommendations_have_names_and_reasons(friends, client):
    found = client.get("/api/v1/recommendations?n=5")
    by_item = {each["item"]: each for each in found["items"]}
    assert set(by_item) == {"b", "c"}
    assert by_item["b"]["name"] == "The second"
    assert by_item["c"]["name"] is None
    (reason,) = by_item["b"]["reasons"]
    assert (reason["kind"], reason["item"], reason["peer"]) == ("path", "a", "ann")
    assert reason["text"] == "you have a; so has ann, whom you trust, who also has The second"


def test_a_list_is_remembered_until_something_is_recorded(friends, client):
    first = client.get("/api/v1/recommendations?n=7")
    again = client.get("/api/v1/recommendations?n=7")
    assert (first["cached"], again["cached"]) == (False, True)
    assert again["items"] == first["items"]
    assert again["version"] == first["version"]
    client.do("POST", "/api/v1/interactions", {"item": "new to me"})
    after = client.get("/api/v1/recommendations?n=7")
    assert not after["cached"]
    assert after["version"] > first["version"]


def test_what_peers_say_is_shown_after_a_moment_and_meanwhile_the_last_list(friends, client):
    assert items(client, n=9) == items(client, n=9)
    friends.of.do(lambda daemon: daemon._here.me.record("from afar", author="ann"))
    assert client.get("/api/v1/recommendations?n=9")["cached"]
    client.until(lambda: "from afar" in items(client, n=9))


def test_a_context_leaves_what_goes_with_it(friends, client):
    assert "b" in items(client, context="a")
    assert client.ask("GET", "/api/v1/recommendations?context=nobody-has-it").problem == "unknown"


def test_explore_is_as_asked_or_as_set(friends, client):
    assert client.get("/api/v1/recommendations?explore=1")["items"]
    client.do("PATCH", "/api/v1/settings", {"explore": 1.0})
    assert not client.get("/api/v1/recommendations")["cached"]
    client.do("PATCH", "/api/v1/settings", {"explore": 0.0})


def test_an_explanation_tells_place_and_paths(friends, client):
    found = client.get("/api/v1/explain?item=b")
    assert found["rank"] >= 1
    assert found["paths"][0]["peers"] == ["ann"]
    assert client.get("/api/v1/explain?item=a")["notes"] == ["You know it already."]
    assert client.ask("GET", "/api/v1/explain?item=nothing").problem == "unknown"


def test_similar_items_are_listed(friends, client):
    found = client.get("/api/v1/similar?item=a&n=2")
    assert {each["item"] for each in found["items"]} <= {"b", "c", "from afar"}
    assert client.ask("GET", "/api/v1/similar?item=nothing").problem == "unknown"


# -- recording ------------------------------------------------------------------------------


def test_what_is_muted_is_listed_until_it_is_unmuted(friends, client):
    for item in ("b", "never heard of"):
        client.do("POST", "/api/v1/feedback", {"item": item, "action": "mute"})
    assert client.get("/api/v1/muted")["items"] == [
        {"item": "never heard of", "name": None},
        {"item": "b", "name": "The second"},
    ]
    for item in ("b", "never heard of"):
        client.do("POST", "/api/v1/feedback", {"item": item, "action": "unmute"})
    assert client.get("/api/v1/muted") == {"items": []}


def test_many_rows_are_recorded_or_none(client):
    before = client.get("/api/v1/status")["interactions"]
    rows = [{"item": f"row {number}", "weight": 2.0} for number in range(3)]
    assert client.do("POST", "/api/v1/interactions", {"rows": rows}) == {"recorded": 3}
    late = {"rows": [*rows, {"item": "later", "time": 9e9}]}
    assert client.ask("POST", "/api/v1/interactions", late).problem == "not-allowed"
    assert client.get("/api/v1/status")["interactions"] == before + 3


@pytest.mark.parametrize("body", [{}, {"item": "a", "rows": []}])
def test_either_an_item_or_rows_are_given(client, body):
    assert client.ask("POST", "/api/v1/interactions", body).problem == "bad-request"


def test_an_item_of_unknown_name_goes_by_its_hash(client):
    assert client.do("POST", "/api/v1/interactions", {"item": "bytes:00ff"})["recorded"] == 1
    assert client.get("/api/v1/explain?item=bytes:00ff")["item"] == "bytes:00ff"
    wrong = client.ask("POST", "/api/v1/interactions", {"item": "bytes:xyz"})
    assert wrong.problem == "not-allowed"


def test_feedback_steers(friends, client):
    def say(action):
        client.do("POST", "/api/v1/feedback", {"item": "c", "action": action})

    say("mute")
    assert "c" not in items(client, n=11)
    say("unmute")
    assert "c" in items(client, n=11)
    say("less")
    assert "c" not in items(client, n=11)
    say("more")  # it counts as one's own now
    assert client.get("/api/v1/explain?item=c")["notes"] == ["You know it already."]


# -- people ---------------------------------------------------------------------------------


def test_the_map_begins_with_oneself_and_shows_friends_on_their_ring(friends, client):
    found = client.get("/api/v1/trust")
    me, ann = found["nodes"][:2]
    assert (me["peer"], me["hops"]) == (peer_text(friends.of.daemon.node.peer), 0)
    assert (ann["peer"], ann["label"], ann["hops"], ann["suspicion"]) == ("ann", "ann", 1, 0.0)
    assert ann["merit"] > 0
    (edge,) = [each for each in found["edges"] if each["to"] == "ann"]
    assert edge["from"] == me["peer"]


def test_trust_is_given_and_taken_back(client):
    assert client.do("POST", "/api/v1/trust", {"peer": PEER, "weight": 0.5})["peer"] == PEER
    assert PEER in {each["peer"] for each in client.get("/api/v1/trust")["nodes"]}
    assert client.do("DELETE", f"/api/v1/trust/{PEER}")["weight"] == 0.0
    assert client.ask("DELETE", f"/api/v1/trust/{PEER}").problem == "unknown"


def test_who_is_blocked_is_on_the_map_as_such(client):
    client.do("POST", "/api/v1/trust", {"peer": "eve"})
    assert client.do("POST", "/api/v1/block", {"peer": "eve"}) == {"peer": "eve", "blocked": True}
    nodes = {each["peer"]: each for each in client.get("/api/v1/trust")["nodes"]}
    assert (nodes["eve"]["blocked"], nodes["eve"]["hops"]) == (True, 4)
    assert not client.do("DELETE", "/api/v1/block/eve")["blocked"]
    assert client.ask("DELETE", "/api/v1/block/eve").problem == "unknown"


@pytest.mark.parametrize("path", ["/api/v1/trust", "/api/v1/block"])
def test_nobody_states_anything_of_themselves_or_of_a_mistyped_peer(served, client, path):
    own = peer_text(served.of.daemon.node.peer)
    for peer in (own, "me", PEER[:-1] + "x"):
        assert client.ask("POST", path, {"peer": peer}).problem == "not-allowed"


# -- the network ----------------------------------------------------------------------------


def test_peers_meet_by_invite_and_part(served, client, tmp_path):
    with running(tmp_path / "ann.db") as ann:
        peer = peer_text(ann.daemon.node.peer)
        met = client.ask("POST", "/api/v1/pair", {"invite": ann.invite})
        assert (met.status, met.json["peer"]) == (202, peer)

        def link():
            links = client.get("/api/v1/peers")["links"]
            return next((each for each in links if each["peer"] == peer), None)

        assert client.until(link)["dialled"]
        client.until(lambda: client.get("/api/v1/traffic")["types"])
        assert any(each["author"] for each in client.get("/api/v1/logs")["logs"])
        named = client.do("PUT", f"/api/v1/peers/{peer}/label", {"label": "Ann"})
        assert named == {"peer": peer, "label": "Ann"}
        assert link()["label"] == "Ann"
        assert client.do("DELETE", f"/api/v1/peers/{peer}") == {"peer": peer}
        client.until(
            lambda: any(
                each["peer"] == peer and each["reason"] == "asked"
                for each in client.get("/api/v1/peers")["recently_ended"]
            )
        )
    total = {each["type"]: each for each in client.get("/api/v1/traffic")["types"]}
    assert total["summary"]["bytes_in"] + total["summary"]["bytes_out"] > 0  # of a link that ended
    assert client.ask("DELETE", f"/api/v1/peers/{PEER}").problem == "unknown"


def test_who_was_sent_away_stays_away_for_a_while_or_until_invited(served, client, tmp_path):
    with running(tmp_path / "eve.db") as eve:
        raw, node = eve.daemon.node.peer, served.of.daemon.node
        peer = peer_text(raw)

        def linked() -> bool:
            return any(each["peer"] == peer for each in client.get("/api/v1/peers")["links"])

        def refusal(later_s: float) -> str | None:
            return served.of.do(lambda _: node.refuses(raw, "127.0.0.1", time.time() + later_s))

        client.do("POST", "/api/v1/peers", {"invite": eve.invite})
        client.until(linked)
        client.do("DELETE", f"/api/v1/peers/{peer}")
        client.until(lambda: not linked())
        assert [refusal(0.0), refusal(590.0), refusal(601.0)] == ["sent away", "sent away", None]
        client.do("POST", "/api/v1/peers", {"invite": eve.invite})
        client.until(linked)


def test_labels_are_kept_until_they_are_taken_back(served, client):
    path = f"/api/v1/peers/{PEER}/label"
    client.do("POST", "/api/v1/trust", {"peer": PEER})
    client.do("PUT", path, {"label": "Zoë"})
    nodes = {each["peer"]: each for each in client.get("/api/v1/trust")["nodes"]}
    assert nodes[PEER]["label"] == "Zoë"
    assert served.of.do(lambda daemon: Labels(daemon._here.store).of(PEER)) == "Zoë"
    assert client.do("PUT", path, {"label": ""})["label"] is None
    client.do("DELETE", f"/api/v1/trust/{PEER}")
    assert client.ask("PUT", path, {"label": "a\nb"}).problem == "not-allowed"
    assert client.ask("PUT", path, {"label": "a" * 65}).problem == "bad-request"


def test_held_bytes_are_those_of_others(served, client):
    client.do("POST", "/api/v1/interactions", {"item": "told to all", "public": True})
    own = peer_text(served.of.daemon.node.peer)

    def mine() -> list:
        return [each for each in client.get("/api/v1/logs")["logs"] if each["author"] == own]

    assert client.until(mine)[0]["bytes"] > 0
    found = client.get("/api/v1/logs")
    assert found["held_bytes"] == sum(e["bytes"] for e in found["logs"] if e["author"] != own)


def test_an_invite_of_another_network_or_ones_own_is_refused(served, client):
    other = f"peerrec://{PEER}@127.0.0.1:9#films"
    assert client.ask("POST", "/api/v1/peers", {"invite": other}).problem == "conflict"
    assert client.ask("POST", "/api/v1/peers", {"invite": "nonsense"}).problem == "not-allowed"
    own = {"invite": served.of.invite}
    assert client.ask("POST", "/api/v1/peers", own).problem == "not-allowed"


def test_the_invite_is_also_a_picture(served, client):
    found = client.get("/api/v1/invite")
    assert found["link"] == served.of.invite
    assert found["svg"].startswith("<svg")
    assert "style" not in found["svg"]  # the page's policy would not apply it


def test_who_is_found_nearby_is_listed(served, client):
    assert client.get("/api/v1/nearby") == {"enabled": False, "peers": []}
    peer, where = bytes(range(32)), Address("192.0.2.7", 7700)
    served.of.do(lambda daemon: daemon.http.api.found_nearby(peer, where))
    (found,) = client.get("/api/v1/nearby")["peers"]
    assert (found["peer"], found["address"], found["linked"]) == (
        peer_text(peer),
        where.text(),
        False,
    )


def test_settings_count_at_once_or_are_told_to_need_a_start(served, client):
    found = client.do("PATCH", "/api/v1/settings", {"profile": "battery", "batch_delay_s": 9.0})
    assert found["pending"] == ["profile"]
    assert found["follow_bytes_max"] == 16 << 20  # as the profile has it
    assert served.of.daemon.node.settings.batch_delay_s == 9.0
    assert served.of.daemon.node.settings.follow_bytes_max == 16 << 20
    assert client.get("/api/v1/settings") == found
    back = client.do("PATCH", "/api/v1/settings", {"profile": "desktop", "batch_delay_s": 0.0})
    assert back["pending"] == []
