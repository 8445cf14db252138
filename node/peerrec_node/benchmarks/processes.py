"""Run daemons in processes of their own, ask them, and see what they take.

Needs Linux (``/proc``) and Unix sockets.

Example:
    >>> rss_mb(os.getpid()) > 1.0
    True
"""

from __future__ import annotations

import contextlib
import functools
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import msgspec

from peerrec.errors import PeerrecError
from peerrec_node.control import ask_daemon

__all__ = [
    "Running",
    "command_of",
    "cpu_s",
    "daemon",
    "environment",
    "free_port",
    "rss_mb",
    "until",
]

READY_S: Final = 60.0
"""How long daemons may take until they are as the measurement wants them."""

POLL_S: Final = 0.1


class Running(msgspec.Struct, frozen=True):
    """A daemon in a process of its own.

    Attributes:
        pid: of the process.
        store: its file.
        facts: what it said when it was ready.
    """

    pid: int
    store: Path
    facts: dict[str, Any]

    @property
    def invite(self) -> str:
        """Link with which others find it."""
        return str(self.facts["invite"])

    @property
    def peer(self) -> str:
        """Its id as people write it."""
        return str(self.facts["peer"])

    @property
    def http(self) -> str:
        """Where its API is: ``http://host:port``."""
        return str(self.facts["dashboard"]).split("/#")[0]

    def ask(self, *words: str) -> Any:
        """Return what a command says that the daemon executes, as JSON.

        Raises:
            PeerrecError: it failed; says with what.
        """
        answer = ask_daemon(self.store, [*words, "--json", "--store", str(self.store)])
        if answer is None or answer.code:
            said = "no daemon answers" if answer is None else answer.err.strip()
            raise PeerrecError(f"peerrec {' '.join(words)} failed: {said}")
        return msgspec.json.decode(answer.out)


@functools.cache
def compiled() -> tempfile.TemporaryDirectory[str]:
    """Return a folder with the daemon's modules compiled; it goes with this process."""
    folder = tempfile.TemporaryDirectory()
    store = Path(folder.name) / "first.db"
    command = command_of("run", "--store", str(store), "--listen", "127.0.0.1:0", "--no-qr")
    with subprocess.Popen(
        [*command, "--http", "127.0.0.1:0"],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=writing(folder.name),
    ) as process:  # fmt: skip
        assert process.stdout is not None
        process.stdout.readline()
        end(process)
    return folder


def writing(folder: str) -> dict[str, str]:
    """Return variables of a process that keeps compiled modules in a folder."""
    kept = {key: said for key, said in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    return {**kept, "PYTHONPYCACHEPREFIX": folder}


def environment() -> dict[str, str]:
    """Return variables of a process whose modules are compiled already.

    An installer compiles them; in a tree that is worked on, the first start does, and takes
    a third of a second and 9 MB more.
    """
    return writing(compiled().name)


def command_of(*words: str) -> list[str]:
    """Return how this very installation is run with some words."""
    return [sys.executable, "-m", "peerrec_node", *words]


@contextlib.contextmanager
def daemon(store: Path, *options: str, network: str = "bench") -> Iterator[Running]:
    """Run ``peerrec run`` on a store, on free ports of the loopback, until the block ends.

    Raises:
        PeerrecError: it did not start; says what it said.
    """
    command = command_of(
        "run", "--json", "--store", str(store), "--network", network,
        "--listen", "127.0.0.1:0", "--http", "127.0.0.1:0", *options,
    )  # fmt: skip
    spoken = store.with_name(store.name + ".log")
    with spoken.open("w") as errors:
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=errors, env=environment()
        )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()  # its end when the process ends
        if not line.strip():
            raise PeerrecError(f"a daemon did not start: {spoken.read_text().strip()}")
        yield Running(process.pid, store, msgspec.json.decode(line))
    finally:
        end(process)


def end(process: subprocess.Popen[bytes]) -> None:
    """Ask a process to end, and make it."""
    process.terminate()
    try:
        process.communicate(timeout=READY_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()


def until(is_so: Callable[[], bool], what: str) -> None:
    """Wait until something is so.

    Raises:
        PeerrecError: it did not come to be.
    """
    end_at = time.monotonic() + READY_S
    while not is_so():
        if time.monotonic() > end_at:
            raise PeerrecError(f"{what} did not come about in {READY_S:.0f} s")
        time.sleep(POLL_S)


def free_port() -> int:
    """Return a port of the loopback that nobody listened at just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def cpu_s(pid: int) -> float:
    """Return the processor time that a process has taken, seconds."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def rss_mb(pid: int) -> float:
    """Return the resident memory of a process, MiB."""
    status = Path(f"/proc/{pid}/status").read_text().splitlines()
    line = next(line for line in status if line.startswith("VmRSS"))
    return int(line.split()[1]) / 1024
