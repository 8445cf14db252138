"""Measure what a node costs that has eight links and nothing to do.

Bytes are counted on virtual time, where hours pass at once; processor and memory are
those of a real daemon in a process of its own, linked with eight others on loopback.
Needs Linux (``/proc``).

Example:
    >>> measure_idle_bytes(0, hours=0.5)["idle_bytes_per_hour"] > 0
    True
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from time import monotonic, sleep

import msgspec

from peerrec.testing.node_pair import START, make_participant
from peerrec.testing.sync_pair import link_bytes
from peerrec.testing.virtual_network import VirtualNetwork

__all__ = ["measure_idle_bytes", "measure_idle_daemon"]

LINKS = 8
HOUR_S = 3_600.0
SETTLE_S = 2 * HOUR_S
"""Until the waits of anti-entropy have grown to their longest."""

READY_S = 60.0
NETWORK = "idle"


def measure_idle_bytes(seed: int, hours: float = 4.0) -> dict[str, float]:
    """Return ``idle_bytes_per_hour``: on the line, both ways, of each of eight links."""
    network = VirtualNetwork(seed, start=START)
    centre, *others = (make_participant(network, number) for number in range(1, LINKS + 2))
    for other in others:
        network.connect(other.peer, centre.peer)
        other.trust(centre)
        centre.trust(other)
    network.run_for(SETTLE_S)
    n_bytes = 0

    def count(now: float, sender: bytes, receiver: bytes, data: bytes) -> None:
        nonlocal n_bytes
        n_bytes += link_bytes(data, masked=sender != centre.peer)

    network.watch = count
    network.run_for(hours * HOUR_S)
    if len(centre.node.links) != LINKS:
        raise RuntimeError(f"{len(centre.node.links)} links were left of {LINKS}")
    return {"idle_bytes_per_hour": n_bytes / hours / LINKS}


def measure_idle_daemon(settle_s: float = 60.0, seconds: float = 120.0) -> dict[str, float]:
    """Return what a daemon with eight links takes while nothing happens.

    Returns:
        ``idle_cpu_share``: of a core, over ``seconds``; ``idle_rss_mb``: resident memory,
        MiB; ``idle_links``: links it had in the end.
    """
    with tempfile.TemporaryDirectory() as name, contextlib.ExitStack() as stack:
        folder = Path(name)
        first = stack.enter_context(daemon(folder / "0.db"))
        invite = str(first.facts["invite"])
        for number in range(1, LINKS + 1):
            stack.enter_context(daemon(folder / f"{number}.db", "--peer", invite))
        wait_until(lambda: n_links(folder / "0.db") >= LINKS)
        sleep(settle_s)
        before = cpu_s(first.pid)
        sleep(seconds)
        share = (cpu_s(first.pid) - before) / seconds
        return {
            "idle_cpu_share": share,
            "idle_rss_mb": rss_mb(first.pid),
            "idle_links": float(n_links(folder / "0.db")),
        }


class Running(msgspec.Struct):
    """A daemon in a process of its own.

    Attributes:
        pid: of the process.
        facts: what it said when it was ready.
    """

    pid: int
    facts: dict[str, object]


@contextlib.contextmanager
def daemon(store: Path, *options: str) -> Iterator[Running]:
    """Run ``peerrec run`` on a store until the block ends."""
    command = [sys.executable, "-m", "peerrec_node", "run", "--store", str(store), "--json"]
    command += ["--listen", "127.0.0.1:0", *options]
    if not options:
        command += ["--network", NETWORK]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            if not line.strip():
                raise RuntimeError(f"a daemon did not start: {' '.join(command)}")
            yield Running(process.pid, msgspec.json.decode(line))
        finally:
            process.terminate()
            process.wait()


def n_links(store: Path) -> int:
    """Return how many links the daemon of a store has."""
    command = [sys.executable, "-m", "peerrec_node", "peers", "--store", str(store), "--json"]
    said = subprocess.run(command, capture_output=True, check=True).stdout
    return len(msgspec.json.decode(said)["links"])


def wait_until(ready: object) -> None:
    """Wait until a condition holds.

    Raises:
        RuntimeError: it did not come to hold.
    """
    assert callable(ready)
    end = monotonic() + READY_S
    while not ready():
        if monotonic() > end:
            raise RuntimeError(f"eight links did not come about in {READY_S:.0f} s")
        sleep(0.5)


def cpu_s(pid: int) -> float:
    """Return the processor time that a process has taken, seconds."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def rss_mb(pid: int) -> float:
    """Return the resident memory of a process, MiB."""
    status = Path(f"/proc/{pid}/status").read_text().splitlines()
    line = next(line for line in status if line.startswith("VmRSS"))
    return int(line.split()[1]) / 1024
