"""Killed at any point a daemon opens again, has what it acknowledged, and keeps its log whole."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys
import threading
import time
from contextlib import closing

import numpy as np
import pytest
from daemon_process import environment
from daemons import said
from real_daemon import RUN, Network, RealDaemon, spawned, until, wait_s

from peerrec.limits import DAY_S, STORE_BYTES_MIN
from peerrec.store import Interaction
from peerrec.store.sqlite import SqliteStore
from peerrec.testing.store_contract import rows_of
from peerrec_node.control import ask_daemon

BYTES_MAX = 2 * STORE_BYTES_MIN
LONG_S = 400

SESSION_S = 60.0
"""Who records faster than one author is listened to live is heard by the sessions, and those
of a quiet link are up to 36 s apart."""


class Recording:
    """Records in public, as fast as the daemon acknowledges, until it is gone."""

    def __init__(self, daemon: RealDaemon, begin: int) -> None:
        self.acknowledged: list[str] = []
        self._daemon, self._next = daemon, begin
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        while True:
            item = f"track:{self._next}"
            try:
                answer = ask_daemon(self._daemon.store, ["record", item, "--public"])
            except Exception:
                return
            if answer is None or answer.code != 0:
                return
            self.acknowledged.append(item)
            self._next += 1

    def ended(self) -> list[str]:
        self._thread.join(30)
        assert not self._thread.is_alive()
        return self.acknowledged


def items_of(store) -> list[str]:
    """Return what a closed store has of its person, and check all of it."""
    with SqliteStore(store) as opened:
        opened.check()
        assert not opened.was_restored
        return [str(row.item) for row in rows_of(opened) if row.author == "me"]


def killed_while_recording(daemons: Network, n_kills: int, seed: int) -> None:
    """Kill a daemon again and again while it records and a friend listens."""
    rng = np.random.default_rng(seed)
    friend = daemons.start("friend.db", life_s=LONG_S)
    acknowledged: list[str] = []
    for _ in range(n_kills):
        daemon = daemons.start("me.db", "--peer", friend.invite)
        if not acknowledged:  # a stranger's log has little room, however long it is
            friend.said("trust", daemon.peer, "1")
        recording = Recording(daemon, len(acknowledged) + 1_000 * len(daemons.daemons))
        wait_s(float(rng.uniform(0.0, 0.5)))
        daemon.kill()
        acknowledged += recording.ended()
        held = items_of(daemon.store)
        assert set(acknowledged) <= set(held)
        assert len(held) == len(set(held))
    assert acknowledged
    daemon = daemons.start("me.db", "--peer", friend.invite)
    n_held = daemon.status()["interactions"]
    until(lambda: friend.status()["interactions"] == n_held, SESSION_S)
    for each in (daemon, friend):
        verified = each.said("log", "verify")
        assert (verified["broken"], verified["proofs"]) == (0, 0)
        assert each.status()["forks"] == 0
        assert each.stop() == 0


def test_killed_while_recording_and_syncing_nothing_acknowledged_is_lost(daemons):
    killed_while_recording(daemons, n_kills=1, seed=1)


@pytest.mark.slow
def test_killed_many_times_while_recording_and_syncing_nothing_is_lost(daemons):
    killed_while_recording(daemons, n_kills=12, seed=2)


@pytest.mark.slow
def test_who_is_killed_while_it_fetches_has_all_of_it_in_the_end(daemons):
    rng = np.random.default_rng(3)
    author = daemons.start("author.db", life_s=LONG_S)
    rows = [{"item": f"track:{n}", "public": True} for n in range(1_000)]
    for _ in range(6):
        assert author.asked("POST", "/api/v1/interactions", {"rows": rows})[0] == 200
        rows = [{**row, "item": row["item"] + "+"} for row in rows]
    for _ in range(8):
        reader = daemons.start("reader.db", "--peer", author.invite)
        wait_s(float(rng.uniform(0.0, 0.3)))
        reader.kill()
        assert set(items_of(reader.store)) == set()
    reader = daemons.start("reader.db", "--peer", author.invite)
    reader.hears(6_000)
    assert reader.status()["interactions"] == 6_000
    assert reader.said("log", "verify")["broken"] == 0
    assert reader.stop() == 0


@pytest.mark.slow
def test_killed_while_it_packs_a_store_that_is_too_large_it_loses_nothing(
    daemons, tmp_path, monkeypatch
):
    monkeypatch.setenv("PEERREC_STORAGE__STORE_BYTES_MAX", str(BYTES_MAX))
    store = tmp_path / "me.db"
    said("record", "track:mine", "--public", "--store", store)
    rng = np.random.default_rng(4)
    for _ in range(10):
        with SqliteStore(store) as opened:
            fill(opened)
        with spawned(*RUN, "--store", store) as process:
            wait_s(float(rng.uniform(0.4, 1.4)))
            process.kill()
            _, err = process.communicate(timeout=30)
        assert "Error" not in err
        assert items_of(store) == ["track:mine"]
    daemon = daemons.start("me.db")
    assert daemon.status()["store_bytes"] <= 1.1 * BYTES_MAX
    assert daemon.said("log", "verify")["broken"] == 0
    assert daemon.stop() == 0
    assert items_of(store) == ["track:mine"]


def fill(store: SqliteStore) -> None:
    """Put in what others played a day ago, four times as much as may stay."""
    then = time.time() - DAY_S
    rows = [Interaction(f"peer:{n % 50}", f"item:{n}:{'x' * 20}", 1.0, then) for n in range(20_000)]
    store.record_many(rows)


# Kills itself at a statement to its store, counted from the first.
MORTAL = """
import os, signal, sqlite3, sys
signal.alarm(60)
left = int(sys.argv.pop(1))
connect = sqlite3.connect
def mortal(*args, **more):
    connection = connect(*args, **more)
    connection.set_trace_callback(count)
    return connection
def count(statement):
    global left
    left -= 1
    if left < 0:
        os.kill(os.getpid(), signal.SIGKILL)
sqlite3.connect = mortal
from peerrec_node.cli import main
main()
"""


def killed_at_statement(n: int, store) -> None:
    """Begin on a store of version 1 and be killed at the nth statement."""
    for left in store.parent.glob(store.name + "*"):
        left.unlink()
    rows = make_version_1(store)
    command = [sys.executable, "-c", MORTAL, str(n), *RUN, "--store", str(store)]
    done = subprocess.run(
        command, env=environment(), capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
    with SqliteStore(store) as opened:
        opened.check()
        assert not opened.was_restored
        assert [row.item for row in rows_of(opened)] == [row.item for row in rows]


def make_version_1(store) -> list[Interaction]:
    """Write a store as the first version did."""
    rows = [Interaction("me", f"track:{n}", 1.0, 60.0 * n) for n in range(3)]
    with SqliteStore(store) as opened:
        opened.record_many(rows)
    with closing(sqlite3.connect(store, isolation_level=None)) as connection:
        for table in ("log_proofs", "log_segments", "log_authors", "file_names"):
            connection.execute(f"DROP TABLE {table}")
        connection.execute("DELETE FROM migrations WHERE number > 1")
    return rows


def test_killed_while_it_brings_an_old_store_up_to_date_it_loses_nothing(tmp_path):
    killed_at_statement(25, tmp_path / "me.db")


@pytest.mark.slow
@pytest.mark.parametrize("n", [0, 3, 8, 12, 15, 18, 20, 22, 24, 28, 32, 40, 50])
def test_killed_at_any_statement_while_it_begins_it_loses_nothing(tmp_path, n):
    killed_at_statement(n, tmp_path / "me.db")
