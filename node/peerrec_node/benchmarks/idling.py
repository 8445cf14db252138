"""Measure what a daemon takes that has links, an HTTP API, no dashboard and nothing to do."""

from __future__ import annotations

import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Final

from peerrec_node.benchmarks.processes import cpu_s, daemon, rss_mb, until

__all__ = ["measure_idling"]

LINKS: Final = 8


def measure_idling(
    *, links: int = LINKS, settle_s: float = 60.0, seconds: float = 120.0
) -> dict[str, float]:
    """Return what an idle daemon takes.

    Args:
        links: how many daemons it is linked with.
        settle_s: after the last link came about, before the measurement.
        seconds: how long it is measured.

    Returns:
        ``idle_cpu_pct``: per cent of a core; ``idle_rss_mb``: resident memory, MiB;
        ``idle_links``: in the end.
    """
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        folder = Path(name)
        centre = stack.enter_context(daemon(folder / "0.db"))
        for number in range(1, links + 1):
            others = daemon(folder / f"{number}.db", "--http", "off", "--peer", centre.invite)
            stack.enter_context(others)
        until(lambda: len(centre.ask("peers")["links"]) >= links, f"{links} links")
        time.sleep(settle_s)
        before = cpu_s(centre.pid)
        time.sleep(seconds)
        return {
            "idle_cpu_pct": 100 * (cpu_s(centre.pid) - before) / seconds,
            "idle_rss_mb": rss_mb(centre.pid),
            "idle_links": len(centre.ask("peers")["links"]),
        }
