r"""Ask one resource as often as it answers, over connections that stay open.

``wrk`` does it where it is installed: a program in C takes little of the machine that the
daemon runs on. Otherwise a thread per connection does, and its own time is in the figures.

Example:
    >>> report = "  50%  812.00us\n  99%    1.20ms\nRequests/sec:   4321.5\n"
    >>> found = read_report(report + "  43215 requests in 10.0s, 1.0MB read\n")
    >>> found.p50_ms, found.p99_ms, found.per_s, found.n_failed
    (0.812, 1.2, 4321.5, 0)
"""

from __future__ import annotations

import http.client
import re
import shutil
import subprocess
import threading
import time
from typing import Final
from urllib.parse import urlsplit

import msgspec
import numpy as np

from peerrec.errors import PeerrecError

__all__ = ["Load", "loaded", "read_report"]

CONNECTIONS: Final = 8
"""As many as a handful of apps and dashboards have open."""

ANSWER_S: Final = 30.0
UNITS_MS: Final = {"us": 1e-3, "ms": 1.0, "s": 1e3, "m": 6e4}


class Load(msgspec.Struct, frozen=True):
    """What came of asking.

    Attributes:
        tool: who asked.
        per_s: answers a second.
        p50_ms, p99_ms: time from request to whole answer.
        n: answers.
        n_failed: of them, or of connections, those that were no success.
    """

    tool: str
    per_s: float
    p50_ms: float
    p99_ms: float
    n: int
    n_failed: int


def loaded(url: str, token: str, seconds: float, *, own: bool = False) -> Load:
    """Ask a resource for some seconds over eight connections, each as fast as it answers.

    Args:
        url: what to ask for.
        token: who asks.
        seconds: how long.
        own: whether to leave ``wrk`` aside.

    Raises:
        PeerrecError: ``wrk`` failed.
    """
    wrk = None if own else shutil.which("wrk")
    return own_load(url, token, seconds) if wrk is None else wrk_load(wrk, url, token, seconds)


def wrk_load(wrk: str, url: str, token: str, seconds: float) -> Load:
    """Return what ``wrk`` measures."""
    command = [
        wrk, "-t1", f"-c{CONNECTIONS}", f"-d{max(1, round(seconds))}s", "--latency",
        "--timeout", f"{ANSWER_S:.0f}s", "-H", f"Authorization: Bearer {token}", url,
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise PeerrecError(f"wrk failed: {(done.stderr or done.stdout).strip()}")
    return read_report(done.stdout)


def read_report(text: str) -> Load:
    """Return what a report of ``wrk`` says.

    Raises:
        PeerrecError: it is none.
    """

    def latency(percent: int) -> float:
        found = re.search(rf"^\s*{percent}%\s+([\d.]+)(us|ms|s|m)\s*$", text, re.M)
        return float(found[1]) * UNITS_MS[found[2]] if found else float("nan")

    def count(pattern: str) -> float:
        return sum(float(each) for each in re.findall(pattern, text))

    errors = re.search(r"Socket errors:(.*)", text)
    n_broken = sum(map(int, re.findall(r"\d+", errors[1]))) if errors else 0
    if "Requests/sec" not in text:
        raise PeerrecError(f"wrk said {text.strip()!r:.200}")
    return Load(
        tool="wrk",
        per_s=count(r"Requests/sec:\s+([\d.]+)"),
        p50_ms=round(latency(50), 6),
        p99_ms=round(latency(99), 6),
        n=int(count(r"(\d+) requests in")),
        n_failed=int(count(r"Non-2xx or 3xx responses: (\d+)")) + n_broken,
    )


def own_load(url: str, token: str, seconds: float) -> Load:
    """Return what threads of this process measure."""
    taken: list[float] = []
    failed: list[float] = []
    end_at = time.perf_counter() + seconds

    def ask() -> None:
        parts = urlsplit(url)
        line = http.client.HTTPConnection(parts.netloc, timeout=ANSWER_S)
        target = f"{parts.path}?{parts.query}" if parts.query else parts.path
        while (begun := time.perf_counter()) < end_at:
            try:
                line.request("GET", target, headers={"Authorization": f"Bearer {token}"})
                answer = line.getresponse()
                answer.read()
                good = answer.status == http.client.OK
            except (OSError, http.client.HTTPException):
                line.close()
                good = False
            (taken if good else failed).append(time.perf_counter() - begun)
        line.close()

    threads = [threading.Thread(target=ask) for _ in range(CONNECTIONS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    p50, p99 = np.quantile(taken, (0.5, 0.99)) * 1e3 if taken else (float("nan"),) * 2
    n = len(taken) + len(failed)
    return Load("own", len(taken) / seconds, float(p50), float(p99), n, len(failed))
