"""Run an event loop in a thread of its own, and end it whatever goes on there.

Example:
    >>> async def where() -> str:
    ...     return threading.current_thread().name
    >>> async def scenario() -> str:
    ...     other = LoopThread("requests")
    ...     found = await other.run(where())
    ...     await other.end()
    ...     return found
    >>> asyncio.run(scenario())
    'requests'
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Coroutine
from typing import Any, Final, TypeVar

__all__ = ["LoopThread"]

END_S: Final = 3.0
"""How long a thread may take to end, its tasks being cancelled."""

Found = TypeVar("Found")

log = logging.getLogger("peerrec.api")


class LoopThread:
    """An event loop in a thread, which begins at once.

    Args:
        name: of the thread.

    Attributes:
        loop: what runs there.
    """

    def __init__(self, name: str) -> None:
        self.loop: asyncio.AbstractEventLoop
        self._end: asyncio.Event
        begun = threading.Event()
        # A daemon thread: should it hang, the process ends nevertheless.
        self._thread = threading.Thread(target=self._work, args=(begun,), name=name, daemon=True)
        self._thread.start()
        begun.wait()

    def _work(self, begun: threading.Event) -> None:
        async def main() -> None:
            self.loop, self._end = asyncio.get_running_loop(), asyncio.Event()
            begun.set()
            await self._end.wait()

        asyncio.run(main())  # cancels what is left when it ends

    async def run(self, what: Coroutine[Any, Any, Found]) -> Found:
        """Return what comes of a coroutine that runs there."""
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(what, self.loop))

    async def end(self) -> None:
        """Cancel what is left there and end the thread; the caller's loop goes on meanwhile."""
        self.loop.call_soon_threadsafe(self._end.set)
        await asyncio.to_thread(self._thread.join, END_S)
        if self._thread.is_alive():
            log.error("the thread %r did not end within %g s", self._thread.name, END_S)
