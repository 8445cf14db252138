"""Decide when what a participant sends arrives: delay, loss, and room on its line.

Every sender has its own chance, so that what others do never changes its fate.

Example:
    >>> from peerrec_sim.scenario.schema import Links
    >>> line = Line(Links(latency="constant", latency_s=0.1), np.random.default_rng(0))
    >>> line.arrivals(5.0, 100)
    [5.1]
"""

from __future__ import annotations

import numpy as np

from peerrec_sim.scenario.schema import Links

__all__ = ["Line", "lookahead_s"]

BATCH = 64
"""Delays drawn at once: a tenth of the cost of one by one."""

SPREAD = 0.5
"""σ of the logarithm of a lognormal delay: the slowest hundredth takes three times the median."""

STRETCHED = 4.0
"""How much longer a packet takes that others overtake."""


def lookahead_s(links: Links) -> float:
    """Return the least delay of any packet: so far ahead shards need not ask each other."""
    return links.latency_s / 2.0


class Line:
    """The way out of one participant.

    Args:
        links: conditions of the scenario.
        rng: this sender's own.
    """

    __slots__ = ("_delays", "_free_at", "_half_s", "_kind", "_links", "_lossy", "_rate", "_rng")

    def __init__(self, links: Links, rng: np.random.Generator) -> None:
        self._links = links
        self._rng = rng
        self._half_s = lookahead_s(links)
        self._kind = links.latency
        self._lossy = bool(links.loss or links.duplicate or links.reorder)
        self._rate = links.bandwidth_bytes_s
        self._free_at = 0.0
        self._delays: list[float] = []

    @property
    def is_plain(self) -> bool:
        """Whether each packet arrives once, in its turn, whatever its size."""
        return not (self._lossy or self._rate)

    @property
    def reorders(self) -> bool:
        """Whether packets may overtake each other."""
        return self._links.reorder > 0.0

    def delay_s(self) -> float:
        """Draw one delay, at least half of the mean."""
        if not self._delays:
            self._draw()
        return self._delays.pop()

    def _draw(self) -> None:
        half = self._half_s
        if self._kind == "constant":
            drawn = np.full(BATCH, 2.0 * half)
        elif self._kind == "lognormal":
            drawn = half + half * self._rng.lognormal(0.0, SPREAD, BATCH)
        else:
            drawn = half + half * self._rng.standard_exponential(BATCH)
        self._delays = drawn.tolist()

    def arrivals(self, now: float, n_bytes: int) -> list[float]:
        """Return when the copies of a packet arrive: none where it is lost."""
        leaves = now
        if self._rate:
            leaves = max(now, self._free_at) + n_bytes / self._rate
            self._free_at = leaves
        if not self._lossy:
            return [leaves + self.delay_s()]
        lost, doubled, overtaken = self._rng.random(3).tolist()
        if lost < self._links.loss:
            return []
        copies = 2 if doubled < self._links.duplicate else 1
        more = (STRETCHED - 1.0) if overtaken < self._links.reorder else 0.0
        delays = [self.delay_s() for _ in range(copies)]
        return [leaves + delay + more * (delay - self._half_s) for delay in delays]
