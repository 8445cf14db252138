"""Floods and dawdlers on real sockets: who is honest is served, and memory stays bounded."""

from __future__ import annotations

import http.client
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from daemon_process import environment
from real_daemon import RealDaemon, until

from peerrec.limits import API_CONNECTIONS_MAX

SECONDS = 4.0
REFUSED_MAX = 0.02
"""Share of honest requests that may have to be made again."""

GROWTH_BYTES_MAX = 48 << 20
"""What a daemon under attack may take more: a few hundred connections and their buffers."""

FILES_MAX = API_CONNECTIONS_MAX + 64
"""Open at once: every place taken, some on their way in and out, and the daemon's own."""


def rss_bytes(pid: int) -> int:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def n_files(pid: int) -> int:
    return len(os.listdir(f"/proc/{pid}/fd"))


def lives(daemon: RealDaemon) -> float:
    """Ask as an honest program does, on a new connection; return the seconds it took.

    Infinity where the connection was ended instead.
    """
    begun = time.perf_counter()
    line = http.client.HTTPConnection(daemon.netloc, timeout=30.0)
    try:
        line.request("GET", "/health/live")
        answer = line.getresponse()
        assert answer.status == 200
        answer.read()
    except ConnectionError:
        return float("inf")
    finally:
        line.close()
    return time.perf_counter() - begun


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="reads /proc")
@pytest.mark.parametrize(
    ("kind", "at_api"),
    [
        ("slow", True),
        ("slow-body", True),
        ("half-open", True),
        ("slow", False),
        ("half-open", False),
        ("summaries", False),
        ("fragments", False),
    ],
)
def test_under_attack_who_is_honest_is_served_and_memory_stays_bounded(
    daemons, kind, at_api, record_property
):
    friend = daemons.start("friend.db")
    daemon = daemons.start("me.db", "--peer", friend.invite)
    until(daemon.is_linked)
    pid = daemon.process.pid
    quiet = [lives(daemon) for _ in range(50)]
    port = daemon.netloc if at_api else str(daemon.facts["listens"])
    before, spent, begun = rss_bytes(pid), cpu_s(pid), time.monotonic()
    command = [sys.executable, "-m", "hostile_load", kind, port.rpartition(":")[2], str(SECONDS)]
    took, files = [], 0
    with subprocess.Popen(command, env=environment(), stdout=subprocess.PIPE, text=True) as attack:
        try:
            while attack.poll() is None:
                took.append(lives(daemon))
                files = max(files, n_files(pid))
                time.sleep(0.01)
            assert attack.stdout is not None
            sent = int(attack.stdout.read())
        finally:
            attack.kill()
    answered = [each for each in took if each < np.inf]
    found = {
        "sent": sent,
        "asked": len(took),
        "refused": len(took) - len(answered),
        "quiet_p99_s": round(float(np.quantile(quiet, 0.99)), 4),
        "p50_s": round(float(np.quantile(answered, 0.5)), 4),
        "p99_s": round(float(np.quantile(answered, 0.99)), 4),
        "growth_mb": round((rss_bytes(pid) - before) / 1e6, 1),
        "core_share": round((cpu_s(pid) - spent) / (time.monotonic() - begun), 3),
        "files": files,
    }
    record_property("load", found)
    print(kind, "api" if at_api else "peers", found)
    assert rss_bytes(pid) - before <= GROWTH_BYTES_MAX
    assert files <= FILES_MAX
    assert found["refused"] <= REFUSED_MAX * len(took)
    assert daemon.is_linked()
    friend.play("track:meanwhile")
    daemon.hears(1)
    assert len(daemon.log.read_text().splitlines()) < 50  # nobody fills it from afar
    assert daemon.stop() == 0
