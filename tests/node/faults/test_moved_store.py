"""A store moved away or removed under a running daemon ends it, with word of where it is."""

from __future__ import annotations

import http.client as http_client
import shutil

import pytest
from daemons import running, said
from real_daemon import RealDaemon, until

from peerrec.protocol.invite import Address
from peerrec.store.sqlite import SqliteStore
from peerrec_node import daemon as daemon_module
from peerrec_node.api.options import HttpOptions
from peerrec_node.control import socket_path
from peerrec_node.identity import key_path


def last_word(daemon: RealDaemon) -> str:
    """Return the line in which a daemon ends because of its store."""
    assert daemon.exit_code() == 3
    line = daemon.log.read_text().splitlines()[-1]
    assert line.startswith("Error: ")
    return line


@pytest.mark.slow
def test_a_store_moved_away_ends_the_daemon_and_has_everything(daemons, tmp_path):
    friend = daemons.start("friend.db")
    (tmp_path / "here").mkdir()
    daemon = daemons.start("here/me.db", "--peer", friend.invite)
    daemon.play("track:one")
    friend.hears(1)
    there = tmp_path / "there" / "you.db"
    there.parent.mkdir()
    daemon.store.rename(there)
    line = last_word(daemon)
    assert str(there) in line
    assert "--store" in line
    assert not socket_path(daemon.store).exists()
    shutil.move(key_path(daemon.store), key_path(there))
    with SqliteStore(there) as store:
        store.check()
        assert store.size().interactions == 1
    again = daemons.start("there/you.db", "--peer", friend.invite)
    assert again.peer == daemon.peer
    again.play("track:three")
    friend.hears(2)
    assert friend.status()["forks"] == 0
    assert again.stop() == 0


@pytest.mark.slow
def test_a_store_removed_ends_the_daemon_and_what_is_begun_there_is_left_alone(daemons, tmp_path):
    (tmp_path / "here").mkdir()
    daemon = daemons.start("here/me.db")
    daemon.play("track:one")
    shutil.rmtree(daemon.store.parent)
    daemon.store.parent.mkdir()
    other = daemons.start("here/me.db")
    other.play("track:two")
    assert "was removed" in last_word(daemon)
    assert other.said("peers")["running"]
    until(lambda: other.status()["interactions"] == 1)
    assert other.stop() == 0


def test_a_whole_folder_moved_goes_on_where_it_is(daemons, tmp_path):
    (tmp_path / "here").mkdir()
    daemon = daemons.start("here/me.db")
    daemon.play("track:one")
    shutil.move(tmp_path / "here", tmp_path / "there")
    assert str(tmp_path / "there" / "me.db") in last_word(daemon)
    again = daemons.start("there/me.db")
    assert again.peer == daemon.peer
    assert again.status()["interactions"] == 1
    assert again.stop() == 0


def test_nothing_is_taken_for_a_store_that_is_not_there_any_more(tmp_path, monkeypatch):
    monkeypatch.setattr(daemon_module, "LOOK_S", 600.0)  # it has not been noticed yet
    store, there = tmp_path / "me.db", tmp_path / "you.db"
    http = HttpOptions(Address("127.0.0.1", 0))
    with running(store, http=http) as of:
        token = said("token", "create", "app", "--scope", "record", "--store", store)["token"]
        store.rename(there)
        answer = of.do(lambda daemon: daemon.execute(["record", "track:lost", "--public"]))
        assert answer.code == 3
        assert str(there) in answer.err
        assert len(answer.err.splitlines()) == 1
        netloc = of.do(lambda daemon: daemon.http.address.text())
        line = http_client.HTTPConnection(netloc, timeout=30)
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        line.request("POST", "/api/v1/interactions", '{"item": "track:lost"}', headers)
        assert line.getresponse().status == 503
        line.close()
    with SqliteStore(there) as left:
        assert left.size().interactions == 0
