"""Count answered requests, in one thread, for who reads the numbers in another.

Example:
    >>> tally = Tally()
    >>> tally.add("GET", "/api/v1/status", 200, 0.5)
    >>> tally.add("GET", "/api/v1/status", 200, 0.25)
    >>> tally.requests(), tally.seconds()
    ({('GET', '/api/v1/status', 200): 2}, {('GET', '/api/v1/status'): 0.75})
"""

from __future__ import annotations

import threading
from collections import Counter

__all__ = ["Tally"]


class Tally:
    """How many requests there were, and what they took."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._requests: Counter[tuple[str, str, int]] = Counter()
        self._seconds: dict[tuple[str, str], float] = {}

    def add(self, method: str, route: str, status: int, seconds: float | None) -> None:
        """Count a request; streams, which last as long as their page, take None."""
        with self._lock:
            self._requests[method, route, status] += 1
            if seconds is not None:
                key = method, route
                self._seconds[key] = self._seconds.get(key, 0.0) + seconds

    def requests(self) -> dict[tuple[str, str, int], int]:
        """Return how many were answered, by method, route and status."""
        with self._lock:
            return dict(self._requests)

    def seconds(self) -> dict[tuple[str, str], float]:
        """Return what they took, by method and route."""
        with self._lock:
            return dict(self._seconds)
