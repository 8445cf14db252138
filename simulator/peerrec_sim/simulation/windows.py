"""Let shards run side by side as if they were one: conservative time windows.

No packet takes less than the lookahead. So whatever a shard sends within a window that
begins with the earliest event anywhere and is no longer than the lookahead arrives after
its end, and inside the window shards need not know of each other (Chandy & Misra 1979).

Example:
    >>> class Empty:
    ...     def advance(self, end, mail):
    ...         return [Report(float("inf"), 0, [b""])]
    >>> windows = Windows(Empty(), shards=1, lookahead_s=0.1)
    >>> windows.run_until(5.0), windows.n_events
    (None, 0)
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Protocol

from peerrec_sim.simulation.worker import Report

__all__ = ["Windows"]


class Advancing(Protocol):
    """The part of a backend that is needed here."""

    def advance(self, end: float, mail: Sequence[list[bytes]]) -> list[Report]:
        """Hand every shard its mail, and let everything happen before a time."""
        ...


class Windows:
    """The common time of all shards.

    Args:
        backend: runs them.
        shards: how many.
        lookahead_s: the least time that a packet takes.

    Attributes:
        n_events: events so far.
        n_windows: windows so far.
    """

    def __init__(self, backend: Advancing, shards: int, lookahead_s: float) -> None:
        self._backend = backend
        self._shards = shards
        self._lookahead_s = lookahead_s if shards > 1 else math.inf
        self._mail: list[list[bytes]] = [[] for _ in range(shards)]
        self._next_at = -math.inf
        self.n_events = 0
        self.n_windows = 0

    def run_until(self, end: float) -> None:
        """Let everything happen that is due before a time, in all shards."""
        if self._next_at == -math.inf:
            self._advance(-math.inf)  # nothing happens: when does it begin?
        while self._next_at < end:
            self._advance(min(self._next_at + self._lookahead_s, end))

    def _advance(self, end: float) -> None:
        mail, self._mail = self._mail, [[] for _ in range(self._shards)]
        reports = self._backend.advance(end, mail)
        for report in reports:
            for shard, blob in enumerate(report.mail):
                if blob:
                    self._mail[shard].append(blob)
        self._next_at = min(report.next_at for report in reports)
        self.n_events = sum(report.n_events for report in reports)
        self.n_windows += 1
