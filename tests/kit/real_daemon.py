"""What tests of faults share: `peerrec run` as a process to be killed, starved and fooled."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from daemon_process import environment, until
from daemons import said

LIFE_S = 120
PATIENCE_S = 30.0
HOUR_S = 3_600.0

# Ends itself at last, and may live by a clock that a file shifts: every module of ours takes
# `time.time` from here, since it is replaced before any of them is imported.
PROGRAM = """
import signal, sys, time
signal.alarm(int(sys.argv[1]))
shift = sys.argv[2]
if shift:
    from pathlib import Path
    real = time.time
    time.time = lambda: real() + float(Path(shift).read_text())
sys.argv[1:3] = []
from peerrec_node.cli import main
main()
"""


class Clock:
    """A clock of one process that can be set.

    Args:
        path: file by which the process is told.
    """

    def __init__(self, path: Path) -> None:
        self.path, self.shift_s = path, 0.0
        self.set(0.0)

    def set(self, shift_s: float) -> None:
        """Let it show so many seconds more than the machine's."""
        part = self.path.with_suffix(".part")
        part.write_text(f"{shift_s}")
        os.replace(part, self.path)
        self.shift_s = shift_s


def spawned(
    *args: object,
    clock: Clock | None = None,
    life_s: int = LIFE_S,
    stderr: Any = subprocess.PIPE,
    before: Callable[[], None] | None = None,
) -> subprocess.Popen[str]:
    """Return the process of a command line."""
    shift = "" if clock is None else str(clock.path)
    command = [sys.executable, "-c", PROGRAM, str(life_s), shift, *map(str, args)]
    return subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=stderr,
        env=environment(),
        text=True,
        preexec_fn=before,
    )


def ended(*args: object, before: Callable[[], None] | None = None) -> tuple[int, str, str]:
    """Return exit code, output and complaints of a command that ends by itself."""
    with spawned(*args, before=before) as process:
        try:
            out, err = process.communicate(timeout=PATIENCE_S)
        except subprocess.TimeoutExpired:
            process.kill()
            raise AssertionError(f"it did not end: {args}") from None
    return process.returncode, out, err


def complaint(code: int, *args: object, before: Callable[[], None] | None = None) -> str:
    """Return the one line in which a process fails, with this exit code."""
    found, _, err = ended(*args, before=before)
    assert found == code, err
    (line,) = err.splitlines()
    assert line.startswith("Error: ")
    return line


RUN = ("run", "--listen", "127.0.0.1:0", "--http", "127.0.0.1:0", "--network", "music")


class RealDaemon:
    """A daemon in a process of its own, ready for others.

    Args:
        store: its file.
        options: of ``run``, after those that take free ports; a later one wins.
        clock: its clock; None for the machine's.
        delay_s: how long what is public is gathered.
        log: where its stderr goes; None for beside the store.
        life_s: after so long it ends itself.

    Attributes:
        facts: what it printed when it was ready.
        log: file with what it says on stderr.
    """

    def __init__(
        self,
        store: Path,
        *options: object,
        clock: Clock | None = None,
        delay_s: float = 0.0,
        life_s: int = LIFE_S,
        log: Path | None = None,
    ) -> None:
        self.store, self.clock = store, clock
        self.log = log or store.with_name(store.name + ".stderr")
        self._token: str | None = None
        with self.log.open("a") as stderr:
            self.process = spawned(
                *(*RUN, "--delay", delay_s, "--json", "--store", store, *options),
                clock=clock,
                stderr=stderr,
                life_s=life_s,
            )
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            self.process.wait(PATIENCE_S)
            raise AssertionError(self.log.read_text())
        self.facts: dict[str, Any] = json.loads(line)

    @property
    def peer(self) -> str:
        return str(self.facts["peer"])

    @property
    def invite(self) -> str:
        return str(self.facts["invite"])

    @property
    def netloc(self) -> str:
        return urlsplit(str(self.facts["dashboard"])).netloc

    def said(self, *args: object) -> dict[str, Any]:
        """Return what it answers to a command."""
        return said(*args, "--store", self.store)

    def play(self, *items: str) -> None:
        """Record, in public."""
        for item in items:
            self.said("record", item, "--public")

    def asked(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        """Return status and document of an answer of its API."""
        if self._token is None:
            self._token = self.said("token", "create", "faults", "--scope", "admin")["token"]
        line = http.client.HTTPConnection(self.netloc, timeout=PATIENCE_S)
        headers = {"Authorization": f"Bearer {self._token}", "Content-Type": "application/json"}
        try:
            line.request(method, path, None if body is None else json.dumps(body), headers)
            found = line.getresponse()
            return found.status, json.loads(found.read())
        finally:
            line.close()

    def status(self) -> dict[str, Any]:
        code, document = self.asked("GET", "/api/v1/status")
        assert code == 200, document
        return dict(document)

    def is_linked(self) -> bool:
        return self.status()["links"] > 0

    def hears(self, n: int) -> None:
        """Wait until its store has so many interactions."""
        until(lambda: self.status()["interactions"] >= n)

    def kill(self) -> None:
        """End it without a word."""
        self.process.kill()
        self.process.wait(PATIENCE_S)

    def stop(self) -> int:
        """End it in order; return its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.exit_code()

    def exit_code(self) -> int:
        """Return how it ended by itself."""
        return self.process.wait(PATIENCE_S)

    def end(self) -> None:
        """End it whatever state it is in; it must have made no mistake until then."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait(PATIENCE_S)
        assert self.process.stdout is not None
        self.process.stdout.close()
        assert "Traceback" not in self.log.read_text(), self.log.read_text()


class Network:
    """Daemons of one test; all are ended with it.

    Attributes:
        daemons: all that were started, in order.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.daemons: list[RealDaemon] = []

    def start(self, store: Path | str = "me.db", *options: object, **more: Any) -> RealDaemon:
        """Start a daemon; a plain name is that of a store in the test's folder."""
        log = self.folder / f"{len(self.daemons)}.stderr"
        made = RealDaemon(self.folder / store, *options, log=log, **more)
        self.daemons.append(made)
        return made

    def clock(self, name: str = "clock") -> Clock:
        return Clock(self.folder / name)

    def end(self) -> None:
        for daemon in self.daemons:
            daemon.end()


@contextmanager
def network(folder: Path) -> Iterator[Network]:
    """Yield what starts daemons; end them all."""
    made = Network(folder)
    try:
        yield made
    except BaseException:
        for daemon in made.daemons:
            daemon.process.kill()
        raise
    made.end()


def wait_s(seconds: float) -> None:
    """Let time pass where only another process's doing is waited for."""
    time.sleep(seconds)


def taken_port() -> socket.socket:
    """Return a socket that holds a port."""
    return socket.create_server(("127.0.0.1", 0))
