"""A daemon that cannot begin says in one line what to do, and ends with the documented code."""

from __future__ import annotations

import ctypes
import os
import shutil
import socket
import sqlite3

import pytest
from daemons import refused, running, said
from real_daemon import RUN, complaint, taken_port

from peerrec.store.sqlite import SqliteStore
from peerrec_node.control import socket_path
from peerrec_node.identity import key_path

PR_CAPBSET_DROP = 24
OVERRIDES = (1, 2)
"""The capabilities by which root reads and writes whatever the mode says."""


def run(store, *options: object) -> tuple[object, ...]:
    return (*RUN, "--store", store, *options)


def powerless() -> None:
    """Make modes of files count for root, too, from the next program on."""
    libc = ctypes.CDLL(None, use_errno=True)
    for capability in OVERRIDES:
        if libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0):
            os._exit(99)


@pytest.fixture
def as_anybody():
    """Runs before a process so that read-only is read-only; None where it is so anyway."""
    if os.getuid() != 0:
        return None
    if not hasattr(os, "fork"):
        pytest.skip("needs a system on which modes count")
    child = os.fork()
    if child == 0:
        powerless()
        os._exit(0)
    if os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]):
        pytest.skip("root may write everywhere here, and may not give that up")
    return powerless


@pytest.fixture
def store(tmp_path):
    """A store that has one play, and its key."""
    folder = tmp_path / "home"
    folder.mkdir()
    path = folder / "me.db"
    with SqliteStore(path):
        pass
    return path


def test_a_port_that_is_named_and_taken_is_refused(store):
    with taken_port() as taken:
        where = f"127.0.0.1:{taken.getsockname()[1]}"
        line = complaint(2, *run(store, "--listen", where))
    assert where in line
    assert "choose another" in line
    assert "in use" in line
    assert not store.with_name("me.db.lock").exists()


def test_a_second_daemon_on_a_store_is_refused_and_the_first_goes_on(daemons):
    first = daemons.start()
    line = complaint(3, *run(first.store))
    assert "stop the daemon" in line
    assert first.status()["links"] == 0
    assert first.stop() == 0
    assert not socket_path(first.store).exists()


def test_a_read_only_folder_is_refused(store, as_anybody):
    store.unlink()
    store.parent.chmod(0o555)
    line = complaint(3, *run(store), before=as_anybody)
    assert "read-only" in line
    assert "write permission" in line


@pytest.mark.slow
def test_a_read_only_store_is_refused(store, as_anybody):
    store.chmod(0o444)
    assert "read-only" in complaint(3, *run(store), before=as_anybody)


@pytest.mark.slow
def test_a_key_that_may_not_be_read_is_refused(store, as_anybody):
    key_path(store).write_text("whatever")
    key_path(store).chmod(0o000)
    line = complaint(3, *run(store), before=as_anybody)
    assert str(key_path(store)) in line
    assert "ermission" in line


@pytest.mark.parametrize("content", [b"", b"-----BEGIN PRIVATE KEY-----\nMC4CAQ", bytes(200)])
def test_a_key_cut_short_is_refused_and_not_replaced(store, content):
    path = key_path(store)
    path.write_bytes(content)
    path.chmod(0o600)
    line = refused(3, *run(store))
    assert str(path) in line
    assert path.read_bytes() == content


def test_a_store_cut_short_is_refused_and_left_as_it_is(store):
    whole = store.read_bytes()
    store.write_bytes(whole[: len(whole) // 2])
    assert str(store) in refused(3, *run(store))
    assert store.read_bytes() == whole[: len(whole) // 2]


def test_a_store_of_a_newer_version_is_refused(store):
    with sqlite3.connect(store) as connection:
        connection.execute("INSERT INTO migrations VALUES (999, 'later')")
    connection.close()
    assert "update peerrec" in refused(3, *run(store))


def test_a_folder_in_the_place_of_the_control_socket_is_refused(store):
    socket_path(store).mkdir()
    line = refused(3, *run(store))
    assert str(socket_path(store)) in line


def test_a_socket_that_nobody_serves_any_more_is_replaced(store):
    with socket.socket(socket.AF_UNIX) as stale:
        stale.bind(str(socket_path(store)))
    with running(store):
        assert said("peers", "--store", store)["running"]
    assert not socket_path(store).exists()


def test_settings_that_are_no_toml_or_have_unknown_keys_are_refused(store):
    settings = store.with_name("me.db.toml")
    for text in ("[node", "[node]\nlistn = 1\n", "\0"):
        settings.write_text(text)
        assert str(settings) in refused(2, *run(store))
        assert settings.read_text() == text


def test_a_folder_that_is_gone_is_refused(store):
    shutil.rmtree(store.parent)
    assert "create it" in refused(3, *run(store))
