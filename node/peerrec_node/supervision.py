"""Tell whoever started the daemon how it is: systemd, podman, or who speaks as they do.

They name a datagram socket in ``NOTIFY_SOCKET`` and take lines of ``KEY=value``, see
sd_notify(3). The watchdog's sign of life comes from the event loop: where the loop hangs
no sign comes, and the daemon is started anew. Without such a socket nothing happens.

Example:
    >>> Supervisor(lambda: "well", environ={}).watchdog_s is None
    True
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import socket
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from typing import Final

from peerrec.errors import PeerrecError

__all__ = ["Supervisor"]

STATUS_S: Final = 60.0
"""How often the status line is renewed where no watchdog wants to hear more often."""

STATUS_LENGTH: Final = 200
MICRO: Final = 1_000_000

log = logging.getLogger("peerrec.supervision")


class Supervisor:
    """Whoever started this process and watches it, where somebody does.

    Args:
        describe: says in one line how the daemon stands.
        environ: where the socket and the interval are named; the process's own by default.

    Attributes:
        watchdog_s: how long they wait for a sign of life; None where they do not.
    """

    def __init__(
        self, describe: Callable[[], str], *, environ: Mapping[str, str] | None = None
    ) -> None:
        given = os.environ if environ is None else environ
        self._describe = describe
        self._address = socket_address(given.get("NOTIFY_SOCKET", ""))
        self.watchdog_s = None if self._address is None else interval(given)

    @asynccontextmanager
    async def told(self) -> AsyncIterator[None]:
        """Say that the daemon is ready, give signs of life, and say at the end that it stops."""
        if self._address is None:
            yield
            return
        self._say("READY=1", self._status())
        living = asyncio.create_task(self._live())
        try:
            yield
        finally:
            living.cancel()
            await asyncio.gather(living, return_exceptions=True)
            self._say("STOPPING=1", "STATUS=ending")

    @contextmanager
    def reloading(self) -> Iterator[None]:
        """Say that settings are read anew within the block, and after it that they are."""
        # By its time they tell this reload from one that was asked for since.
        self._say("RELOADING=1", f"MONOTONIC_USEC={int(time.monotonic() * MICRO)}")
        try:
            yield
        finally:
            self._say("READY=1", self._status())

    async def _live(self) -> None:
        """Give signs of life, twice as often as they are waited for."""
        pause = STATUS_S if self.watchdog_s is None else min(self.watchdog_s / 2, STATUS_S)
        while True:
            await asyncio.sleep(pause)
            alive = () if self.watchdog_s is None else ("WATCHDOG=1",)
            self._say(*alive, self._status())

    def _status(self) -> str:
        try:
            said = self._describe()
        except PeerrecError as error:  # a store that is gone is no reason to start anew
            said = str(error)
        return f"STATUS={' '.join(said.split())[:STATUS_LENGTH]}"

    def _say(self, *lines: str) -> None:
        """Send lines; who does not take them is told again with the next ones."""
        if self._address is None:
            return
        with contextlib.closing(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)) as line:
            line.setblocking(False)  # a supervisor that is busy must not stop the loop
            try:
                line.sendto("\n".join(lines).encode(), self._address)
            except BlockingIOError:
                pass
            except OSError as error:
                log.warning("the supervisor cannot be told: %s", error.strerror or error)


def socket_address(named: str) -> str | None:
    r"""Return the address of a notification socket; None where there is none of our kind.

    Example:
        >>> socket_address("@abstract"), socket_address("/run/notify"), socket_address("")
        ('\x00abstract', '/run/notify', None)
    """
    if named.startswith("@"):
        return "\0" + named[1:]
    return named if named.startswith("/") else None


def interval(environ: Mapping[str, str]) -> float | None:
    """Return the seconds within which a sign of life is waited for; None where none is.

    Example:
        >>> interval({"WATCHDOG_USEC": "30000000"}), interval({"WATCHDOG_USEC": "soon"})
        (30.0, None)
    """
    meant_for = environ.get("WATCHDOG_PID", str(os.getpid()))
    try:
        seconds = int(environ.get("WATCHDOG_USEC", "0")) / MICRO
    except ValueError:
        return None
    return seconds if seconds > 0 and meant_for == str(os.getpid()) else None
