"""Count against a rate: a token bucket that knows no clock of its own.

Example:
    >>> bucket = Bucket(rate=1.0, burst=2.0)
    >>> [bucket.take(now=10.0) for _ in range(3)], bucket.take(now=11.0)
    ([True, True, False], True)
"""

from __future__ import annotations

__all__ = ["Bucket"]


class Bucket:
    """A token bucket: ``burst`` at once, ``rate`` a second in the long run.

    Args:
        rate: tokens that come in a second.
        burst: tokens it holds at most; it begins full.
    """

    __slots__ = ("_at", "_tokens", "burst", "rate")

    def __init__(self, rate: float, burst: float) -> None:
        self.rate = rate
        self.burst = burst
        self._tokens = burst
        self._at = -1.0

    def available(self, now: float) -> float:
        """Return how many tokens are there; a clock set back brings none and costs none."""
        if self._at >= 0.0 and now > self._at:
            self._tokens = min(self.burst, self._tokens + (now - self._at) * self.rate)
        self._at = now
        return self._tokens

    def take(self, now: float, n: float = 1.0) -> bool:
        """Take ``n`` tokens; False, and nothing taken, where there are fewer."""
        tokens = self._tokens  # as `available` says it; every message comes by here
        if now > self._at >= 0.0:
            tokens += (now - self._at) * self.rate
            if tokens > self.burst:
                tokens = self.burst
        self._at = now
        if tokens < n:
            self._tokens = tokens
            return False
        self._tokens = tokens - n
        return True

    def spend(self, now: float, n: float) -> float:
        """Take ``n`` tokens, also where they are not left; return the seconds to pause for it."""
        self._tokens = self.available(now) - n
        return max(0.0, -self._tokens / self.rate)

    def is_full(self, now: float) -> bool:
        """Return whether it says no more than a new one would."""
        return self.available(now) >= self.burst
