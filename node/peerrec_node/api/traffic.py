"""Count what goes over all links, also those that ended, and how fast it goes now.

Example:
    >>> totals = TrafficTotals(lambda: 0.0)
    >>> totals.types([]), totals.rate([])
    ([], (0.0, 0.0))
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterable
from typing import Final, NamedTuple

from peerrec.peering.link import Link
from peerrec.protocol.messages import Type

__all__ = ["ByType", "TrafficTotals"]

SAMPLES_MAX: Final = 16

SAMPLE_EVERY_S: Final = 1.0

RATE_OVER_S: Final = 15.0
"""A rate is over the samples of so many seconds, at most."""


class ByType(NamedTuple):
    """What went over links as messages of one type."""

    type: str
    messages_in: int
    messages_out: int
    bytes_in: int
    bytes_out: int


class TrafficTotals:
    """Totals over the links of one node.

    Args:
        clock: returns seconds.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._past: tuple[Counter[Type], ...] = tuple(Counter() for _ in range(4))
        self._samples: deque[tuple[float, int, int]] = deque(maxlen=SAMPLES_MAX)

    def ended(self, link: Link | None) -> None:
        """Keep what went over a link that ends."""
        if link is not None:
            for total, counts in zip(self._past, columns(link), strict=True):
                total.update(counts)

    def types(self, links: Iterable[Link]) -> list[ByType]:
        """Return the totals by type of message, in order of the types' numbers."""
        totals = self._totals(links)
        seen = sorted(set().union(*totals))
        return [ByType(kind.name.lower(), *(total[kind] for total in totals)) for kind in seen]

    def rate(self, links: Iterable[Link]) -> tuple[float, float]:
        """Return bytes a second in and out, since some seconds ago."""
        _, _, bytes_in, bytes_out = self._totals(links)
        now, n_in, n_out = self._clock(), bytes_in.total(), bytes_out.total()
        while self._samples and not 0 <= now - self._samples[0][0] <= RATE_OVER_S:
            self._samples.popleft()
        first = self._samples[0] if self._samples else (now, n_in, n_out)
        if not self._samples or now - self._samples[-1][0] >= SAMPLE_EVERY_S:
            self._samples.append((now, n_in, n_out))
        span = max(now - first[0], SAMPLE_EVERY_S)
        return (n_in - first[1]) / span, (n_out - first[2]) / span

    def _totals(self, links: Iterable[Link]) -> tuple[Counter[Type], ...]:
        totals = tuple(Counter(total) for total in self._past)
        for link in links:
            for total, counts in zip(totals, columns(link), strict=True):
                total.update(counts)
        return totals


def columns(link: Link) -> tuple[Counter[Type], ...]:
    """Return a link's counts in the order of `ByType`."""
    return link.messages_in, link.messages_out, link.bytes_in, link.bytes_out
