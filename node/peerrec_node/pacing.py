"""Let only so much happen in a while: what links may cost, and who may connect.

Example:
    >>> cpu = Budgets(rate=0.5, burst=1.0).of("192.0.2.1")
    >>> [cpu.spend(now=0.0, n=1.0) for _ in range(2)]
    [0.0, 2.0]
    >>> admission = Admission(half_open_max=1)
    >>> admission.enter("192.0.2.1", now=0.0), admission.enter("192.0.2.2", now=0.0)
    (None, 'half-open')
"""

from __future__ import annotations

import asyncio
import ipaddress
import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Hashable
from typing import Final

from peerrec.limits import (
    ATTEMPTS_PER_HOST,
    ATTEMPTS_PER_HOST_S,
    HALF_OPEN_MAX,
    HALF_OPEN_PER_HOST_MAX,
    HOSTS_REMEMBERED,
)
from peerrec.protocol.rates import Bucket

__all__ = ["Admission", "Budgets", "exhaust", "household", "metered"]

PAUSE_S_MIN: Final = 0.01
"""Shorter pauses are saved up."""

SITE_PREFIX: Final = 64
"""Bits of an IPv6 address that one household has in common."""


class Budgets:
    """A budget for each of many, remembered when they come back.

    Args:
        rate, burst: of each.
    """

    def __init__(self, rate: float, burst: float) -> None:
        self._rate, self._burst = rate, burst
        self._known: OrderedDict[Hashable, Bucket] = OrderedDict()

    def of(self, whose: Hashable) -> Bucket:
        """Return somebody's budget; who was quiet longest is forgotten where there are too many."""
        budget = self._known.get(whose)
        if budget is None:
            budget = self._known[whose] = Bucket(self._rate, self._burst)
        self._known.move_to_end(whose)
        if len(self._known) > HOSTS_REMEMBERED:
            self._known.popitem(last=False)
        return budget


def metered(
    read: Callable[[bytes], None], data: bytes, budget: Bucket, transport: asyncio.Transport
) -> None:
    """Have bytes read, and read no more for a while where that costs too much.

    Frames that never become a message, such as endless empty parts of one, cost a core
    before a link sees any of it.
    """
    begun = time.perf_counter()
    read(data)
    pause = budget.spend(time.monotonic(), time.perf_counter() - begun)
    # Whoever paused it already will let it go on; nothing comes, so nobody else pauses it.
    if pause > PAUSE_S_MIN and transport.is_reading():
        transport.pause_reading()
        asyncio.get_running_loop().call_later(pause, resumed, transport)


def exhaust(budget: Bucket | None) -> None:
    """Have no more read of a connection that ends than what comes next.

    An honest peer's goodbye is in that; who goes on at line rate is not listened to.
    """
    if budget is not None:
        budget.spend(time.monotonic(), budget.burst + budget.rate)


def resumed(transport: asyncio.Transport) -> None:
    """Let a connection go on, if it still is one."""
    if not transport.is_closing():
        transport.resume_reading()


class Admission:
    """Who may connect: bounds what those cost of whom nothing is known yet.

    Attributes:
        n_half_open: connections that are not through their handshake.
    """

    def __init__(
        self,
        *,
        half_open_max: int = HALF_OPEN_MAX,
        half_open_per_host_max: int = HALF_OPEN_PER_HOST_MAX,
        attempts_per_host: float = ATTEMPTS_PER_HOST,
        attempts_per_host_s: float = ATTEMPTS_PER_HOST_S,
    ) -> None:
        self.n_half_open = 0
        self._half_open_max = half_open_max
        self._per_host_max = half_open_per_host_max
        self._half_open: Counter[str] = Counter()
        self._attempts = Budgets(attempts_per_host_s, attempts_per_host)

    def enter(self, host: str, now: float) -> str | None:
        """Count a connection in and return None, or return why it is refused."""
        home = household(host)
        if self.n_half_open >= self._half_open_max:
            return "half-open"
        if self._half_open[home] >= self._per_host_max:
            return "half-open-host"
        if not self._attempts.of(home).take(now):
            return "attempts"
        self.n_half_open += 1
        self._half_open[home] += 1
        return None

    def take_over(self, other: Admission) -> None:
        """Admit as another would from now on; who is counted in stays so."""
        self._half_open_max, self._per_host_max = other._half_open_max, other._per_host_max
        self._attempts = other._attempts

    def leave(self, host: str) -> None:
        """Count a connection out: it ended, or its handshake did."""
        home = household(host)
        self.n_half_open -= 1
        self._half_open[home] -= 1
        if not self._half_open[home]:
            del self._half_open[home]


def household(host: str) -> str:
    """Return what stands for an address: itself, or the /64 it is from.

    Example:
        >>> household("2001:db8::1") == household("2001:db8::2"), household("::ffff:192.0.2.1")
        (True, '192.0.2.1')
    """
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return host
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(ipaddress.ip_network((address, SITE_PREFIX), strict=False))
