"""`peerrec status` tells how the daemon stands, or the store where none runs."""

from __future__ import annotations

import logging

import pytest
from daemons import refused, run, running, said

from peerrec import __version__
from peerrec.errors import UnknownItem
from peerrec.protocol.invite import Address
from peerrec_node import control
from peerrec_node.api.options import HttpOptions
from peerrec_node.recent_log import RecentLog

HTTP = HttpOptions(Address("127.0.0.1", 0))


@pytest.fixture
def store(tmp_path, monkeypatch):
    path = tmp_path / "me.db"
    monkeypatch.setenv("PEERREC_STORE", str(path))
    return path


def test_without_a_daemon_the_store_is_shown(store):
    said("record", "a")
    found = said("status")
    assert (found["running"], found["interactions"], found["store"]) == (False, 1, str(store))
    assert found["version"] == __version__
    assert "`peerrec run`" in found["notes"][0]
    assert "interactions" in run("status").stdout


def test_asking_makes_no_store(store):
    assert said("status")["interactions"] == 0
    assert not store.exists()


def test_of_a_running_daemon_all_is_told_but_no_token(store):
    with running(store, http=HTTP) as here:
        said("record", "a")
        found = said("status")
        assert (found["running"], found["links"], found["interactions"]) == (True, 0, 1)
        assert (found["network"], found["peer"]) == ("music", here.daemon.status().peer)
        assert found["dashboard"] == f"http://{here.daemon.http.address.text()}"
        assert found["uptime_s"] >= 0
        assert "token" not in run("status").stdout
        assert "log" not in found


def test_two_linked_daemons_are_in_step(store, tmp_path):
    from peerrec.protocol.invite import parse_invite

    with running(tmp_path / "friend.db") as friend:
        invites = (parse_invite(friend.invite),)
        with running(store, invites=invites) as here:
            here.until(lambda daemon: any(link.last_sync for link in daemon.status().links))
            found = said("status")
            assert (found["links"], found["links_dialled"], found["links_in_step"]) == (1, 1, 1)


def test_only_whoever_demands_a_daemon_gets_an_exit_code(store):
    assert run("status").exit_code == 0
    assert run("status", "--running").exit_code == 1
    with running(store):
        assert run("status", "--running").exit_code == 0


def test_a_store_that_cannot_be_opened_is_code_3(store):
    store.write_text("no store at all, but text that is long enough to be looked at" * 20)
    assert "is no peerrec store" in refused(3, "status")


def test_the_last_lines_of_the_log_are_shown(store):
    with running(store) as here:
        here.do(lambda daemon: logging.getLogger("peerrec.daemon").warning("a line of it"))
        assert any("a line of it" in line for line in said("status", "--log", 5)["log"])
        assert "a line of it" in run("status", "--log", "5").stdout


# -- what is remembered of the log ----------------------------------------------------------


@pytest.fixture
def recent():
    found = RecentLog()
    with found.listening():
        yield found


def test_of_an_exception_kind_and_place_are_remembered_not_its_words(recent):
    try:
        raise UnknownItem("nothing is known of item 'track:secret'")
    except UnknownItem:
        logging.getLogger("peerrec.api").exception("GET %s failed", "/api")
    (line,) = recent.lines(9)
    assert "GET /api failed [UnknownItem at test_status.py:" in line
    assert "secret" not in line


def test_of_other_packages_only_the_pattern_is_remembered(recent):
    logging.getLogger("aiohttp.server").error("Error handling %s", "/?q=secret")
    assert recent.lines(1)[0].endswith("ERROR aiohttp.server: Error handling %s")


def test_lines_are_few_short_and_single(recent):
    log = logging.getLogger("peerrec.x")
    for number in range(600):
        log.warning("%d\n%s", number, "x" * 5_000)
    assert len(recent.lines(1_000)) == 500
    assert all(len(line) <= 1_000 and "\n" not in line for line in recent.lines(1_000))
    assert recent.lines(1)[0].split(": ")[1].startswith("599 ")
    assert recent.lines(0) == []


def test_a_log_call_that_is_wrong_harms_nobody(recent, monkeypatch):
    monkeypatch.setattr(logging, "raiseExceptions", False)
    logging.getLogger("peerrec.x").warning("%d", "no number")
    assert recent.lines(1) == []


# -- who is answered ------------------------------------------------------------------------


@pytest.mark.parametrize(("user", "other", "answered"), [(7, 7, True), (7, 0, True), (7, 8, False)])
def test_a_daemon_answers_its_user_and_root(monkeypatch, user, other, answered):
    class Line:
        def getsockopt(self, *args: object) -> bytes:
            return control.CREDENTIALS.pack(1, other, other)

    monkeypatch.setattr(control.os, "getuid", lambda: user)
    assert control.same_person(Line()) is answered


def test_asking_how_it_stands_makes_no_list_anew(store):
    with running(store, http=HTTP) as here:
        before = here.do(lambda daemon: daemon.http.api.lists.own)
        said("status")
        said("peers")
        assert here.do(lambda daemon: daemon.http.api.lists.own) == before
        said("record", "a")
        assert here.do(lambda daemon: daemon.http.api.lists.own) > before
