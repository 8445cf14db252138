"""Whoever starts the daemon hears that it is ready, lives, reloads and ends."""

from __future__ import annotations

import asyncio
import json
import signal
import socket
import subprocess
import sys

import pytest
from daemon_process import PATIENCE_S, environment

from peerrec.errors import StoreError
from peerrec_node.supervision import Supervisor, interval


@pytest.fixture
def listener(tmp_path):
    """A notification socket, as systemd makes one."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as line:
        line.settimeout(PATIENCE_S)
        line.bind(str(tmp_path / "notify"))
        yield line


def told(listener: socket.socket) -> dict[str, str]:
    """Return the next notification."""
    lines = listener.recv(4096).decode().splitlines()
    return dict(line.split("=", 1) for line in lines)


def supervisor(listener: socket.socket, **environ: str) -> Supervisor:
    given = {"NOTIFY_SOCKET": listener.getsockname(), **environ}
    return Supervisor(lambda: "two links", environ=given)


def test_the_real_daemon_says_when_it_is_ready_alive_and_ending(tmp_path, listener):
    variables = environment() | {
        "NOTIFY_SOCKET": listener.getsockname(),
        "WATCHDOG_USEC": "400000",
    }
    command = [sys.executable, "-m", "peerrec_node", "run", "--json"]
    command += ["--store", str(tmp_path / "me.db"), "--listen", "127.0.0.1:0"]
    command += ["--http", "127.0.0.1:0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=variables) as daemon:
        try:
            ready = told(listener)
            assert ready["READY"] == "1"
            assert ready["STATUS"].startswith("links 0, segments 1; dashboard at http://")
            facts = json.loads(daemon.stdout.readline())
            assert "token" not in ready["STATUS"]
            assert ready["STATUS"].split(" at ")[1] in facts["dashboard"]
            assert [told(listener)["WATCHDOG"] for _ in range(2)] == ["1", "1"]
            daemon.send_signal(signal.SIGTERM)
            last = told(listener)
            while "WATCHDOG" in last:
                last = told(listener)
            assert last["STOPPING"] == "1"
            assert daemon.wait(timeout=PATIENCE_S) == 0
        finally:
            daemon.kill()


def test_a_sign_of_life_comes_from_the_event_loop_alone(listener):
    here = supervisor(listener, WATCHDOG_USEC="20000")

    async def hangs() -> None:
        async with here.told():
            assert told(listener)["READY"] == "1"
            listener.settimeout(0.2)  # ten signs would come, were the loop not held up here
            with pytest.raises(TimeoutError):
                told(listener)
            listener.setblocking(False)
            loop = asyncio.get_running_loop()
            async with asyncio.timeout(PATIENCE_S):
                assert b"WATCHDOG=1" in await loop.sock_recv(listener, 4096)

    asyncio.run(hangs())


def test_a_reload_is_told_with_its_time_and_ends_with_ready(listener):
    here = supervisor(listener)
    with here.reloading():
        begun = told(listener)
        assert begun["RELOADING"] == "1"
        assert int(begun["MONOTONIC_USEC"]) > 0
    assert told(listener) == {"READY": "1", "STATUS": "two links"}


def test_where_nobody_watches_nothing_is_said_and_nothing_runs(tmp_path):
    here = Supervisor(lambda: "alone", environ={"WATCHDOG_USEC": "1000"})

    async def runs() -> int:
        async with here.told():
            return len(asyncio.all_tasks())

    assert asyncio.run(runs()) == 1
    assert here.watchdog_s is None


def test_a_supervisor_that_is_gone_stops_nobody(tmp_path, caplog):
    here = Supervisor(lambda: "alone", environ={"NOTIFY_SOCKET": str(tmp_path / "gone")})

    async def runs() -> None:
        async with here.told():
            pass

    asyncio.run(runs())
    assert "cannot be told" in caplog.text


def test_a_supervisor_that_does_not_read_stops_nobody(listener):
    here = supervisor(listener)
    for _ in range(5_000):  # more than any socket queues
        with here.reloading():
            pass


def test_a_status_is_one_short_line_also_where_the_store_fails(listener):
    given = {"NOTIFY_SOCKET": listener.getsockname()}

    def fails() -> str:
        raise StoreError("me.db: is gone;\n" + "look for it " * 100)

    with Supervisor(fails, environ=given).reloading():
        told(listener)
    said = told(listener)
    assert said["STATUS"].startswith("me.db: is gone; look for it")
    assert len(said["STATUS"]) == 200


@pytest.mark.parametrize(
    ("environ", "seconds"),
    [
        ({"WATCHDOG_USEC": "5000000"}, 5.0),
        ({"WATCHDOG_USEC": "5000000", "WATCHDOG_PID": "1"}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "x"}, None),
        ({}, None),
    ],
)
def test_the_watchdog_is_for_the_process_that_is_named(environ, seconds):
    assert interval(environ) == seconds
