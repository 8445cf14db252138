"""Run real peer daemons on loopback for a while: processes, bounded in number and time.

The simulator and the daemon never import each other: a daemon is started as whoever
installed it would start it, by its command line, and talked to by its commands.
"""

from __future__ import annotations

import contextlib
import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from peerrec.errors import PeerrecError

__all__ = ["RunningDaemon", "daemon", "peerrec_command", "until"]

START_S = 60.0
"""How long a daemon may take until it listens; a second on an idle machine."""

STOP_S = 10.0
"""How long it may take to end when asked to; then it is killed."""


@dataclass(frozen=True, slots=True)
class RunningDaemon:
    """A daemon that listens.

    Attributes:
        store: its file.
        peer: its id as people write it.
        invite: link with which others find it.
    """

    store: Path
    peer: str
    invite: str

    def ask(self, *words: str) -> Any:
        """Return what a command says of the daemon's store, as JSON."""
        return peerrec_command(*words, "--json", "--store", str(self.store))


def peerrec_command(*words: str) -> Any:
    """Run a command of peerrec in a process of its own and return its JSON.

    Raises:
        PeerrecError: it failed; says with what.
    """
    done = subprocess.run(
        [sys.executable, "-m", "peerrec_node", *words],
        capture_output=True, text=True, timeout=START_S, check=False,
    )  # fmt: skip
    if done.returncode:
        raise PeerrecError(f"peerrec {' '.join(words)} failed: {done.stderr.strip()}")
    return json.loads(done.stdout)


@contextlib.contextmanager
def daemon(store: Path, *, network: str, peers: Sequence[str] = ()) -> Iterator[RunningDaemon]:
    """Run a daemon on a free port of 127.0.0.1 as long as the block lasts.

    Args:
        store: its file, made where there is none.
        network: name of the network.
        peers: invites of whom to meet.

    Raises:
        PeerrecError: it did not start; says what it said.
    """
    invites = [word for invite in peers for word in ("--peer", invite)]
    command = [
        sys.executable, "-m", "peerrec_node", "run", "--json", "--store", str(store),
        "--listen", "127.0.0.1:0", "--network", network, "--delay", "0.2", *invites,
    ]  # fmt: skip
    spoken = store.with_name(store.name + ".log")
    with spoken.open("w") as errors:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True)
    try:
        assert process.stdout is not None
        first = process.stdout.readline()  # its end when the process ends
        if not first:
            raise PeerrecError(f"a daemon did not start: {spoken.read_text().strip()}")
        said = json.loads(first)
        yield RunningDaemon(store, said["peer"], said["invite"])
    finally:
        end(process)


def end(process: subprocess.Popen[str]) -> None:
    """Ask a process to end, and make it."""
    if process.poll() is None:
        process.send_signal(signal.SIGINT)
        try:
            process.communicate(timeout=STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()


def until(is_so: Callable[[], bool], seconds: float, every_s: float = 0.5) -> bool:
    """Wait until something is so, at most some seconds; return whether it became so."""
    end_at = time.monotonic() + seconds
    while not is_so():
        if time.monotonic() >= end_at:
            return False
        time.sleep(every_s)
    return True
