"""Have the node's event loop do things for requests that another loop serves.

The node, its store and the recommender belong to one loop. Requests are read and written
on another, in a thread of its own, so that an answer from memory never waits for the node.
What does need the node waits its turn there; so many may wait, and so long.

Example:
    >>> async def doubled(number: int) -> int:
    ...     return 2 * number
    >>> async def scenario() -> int:
    ...     calls = NodeCalls()
    ...     calls.begin(asyncio.get_running_loop())
    ...     return await calls.do(doubled, 21)
    >>> asyncio.run(scenario())
    42
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from concurrent.futures import Future
from typing import Any, Final, TypeVar

from peerrec.limits import API_WAITING_MAX
from peerrec_node.api.problems import ApiProblem

__all__ = ["NodeCalls"]

PATIENCE_S: Final = 30.0
"""How long a request may wait for the node: as long as a browser's person does."""

RETRY_S: Final = 1
"""When to ask again, as the header ``Retry-After`` tells it."""

Found = TypeVar("Found")


class NodeCalls:
    """Calls from a loop of requests to the loop of the node.

    Attributes:
        waiting: how many are under way.
        refused: how many came to nothing, because too many waited or one waited too long.
    """

    def __init__(self) -> None:
        self.waiting = self.refused = 0
        self._loop: asyncio.AbstractEventLoop | None = None
        self._shared: dict[Hashable, asyncio.Task[Any]] = {}

    def begin(self, loop: asyncio.AbstractEventLoop) -> None:
        """Take calls for the node's loop."""
        self._loop = loop

    def end(self) -> None:
        """Take no more calls; those under way end by themselves."""
        self._loop = None

    def soon(self, what: Callable[..., object], *given: Any) -> None:
        """Have something done there soon; never where calls are not taken."""
        if self._loop is not None:
            self._loop.call_soon_threadsafe(what, *given)

    async def do(self, what: Callable[..., Awaitable[Found]], *given: Any) -> Found:
        """Return what comes of an asynchronous function that runs there.

        Raises:
            ApiProblem: too many wait, this one has waited too long, or the daemon ends; then
                it was not begun, or was ended where it itself waited.
        """
        loop = self._loop
        if loop is None:
            raise ApiProblem("not-ready", "The daemon is beginning, or ending")
        if self.waiting >= API_WAITING_MAX:
            raise self._busy(f"{API_WAITING_MAX} requests wait for the node")
        self.waiting += 1
        turn = Turn(loop, lambda: what(*given))
        try:
            return await turn.outcome(PATIENCE_S)  # type: ignore[no-any-return]
        except GivenUp:
            raise self._busy(f"The node was busy for {PATIENCE_S:g} s") from None
        finally:
            turn.give_up()
            self.waiting -= 1

    async def share(
        self, key: Hashable, what: Callable[..., Awaitable[Found]], *given: Any
    ) -> Found:
        """Return the same as `do`, once for all who ask for the same thing at once."""
        task = self._shared.get(key)
        if task is None:
            task = self._shared[key] = asyncio.create_task(self.do(what, *given))
            task.add_done_callback(lambda done: self._settled(key, done))
        return await asyncio.shield(task)

    def _settled(self, key: Hashable, task: asyncio.Task[Any]) -> None:
        del self._shared[key]
        seen(task)

    def _busy(self, why: str) -> ApiProblem:
        self.refused += 1
        return ApiProblem("busy", f"{why}; ask again in a while", {"Retry-After": str(RETRY_S)})


class GivenUp(Exception):
    """What was asked for was not begun, or was ended where it itself waited."""


def seen(future: asyncio.Future[Any]) -> None:
    """Have nobody complain that an error was not looked at."""
    if not future.cancelled():
        future.exception()


class Turn:
    """One thing that another loop is to do.

    Args:
        loop: which.
        what: begins it there.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, what: Callable[[], Awaitable[Any]]) -> None:
        self._loop, self._what = loop, what
        self._result: Future[Any] = Future()
        self._task: asyncio.Task[Any] | None = None
        loop.call_soon_threadsafe(self._begin)

    async def outcome(self, patience_s: float) -> Any:
        """Return what comes of it.

        Raises:
            GivenUp: it took too long.
        """
        waiting = asyncio.wrap_future(self._result)
        waiting.add_done_callback(seen)  # also where whoever asked is gone
        done, _ = await asyncio.wait([waiting], timeout=patience_s)
        if not done:
            if self._result.cancel():
                raise GivenUp
            self.give_up()  # what is at work without waiting for anything is done first
        return await waiting

    def give_up(self) -> None:
        """End it where it waits, if it has not ended."""
        if not self._result.cancel() and not self._result.done():
            self._loop.call_soon_threadsafe(self._cancel)

    # Who gives up and who begins may do so at the same moment: the future decides.

    def _begin(self) -> None:
        if self._result.set_running_or_notify_cancel():
            self._task = self._loop.create_task(self._run())
            self._task.add_done_callback(self._settle)

    async def _run(self) -> Any:
        return await self._what()

    def _cancel(self) -> None:
        if self._task is not None:
            self._task.cancel()

    def _settle(self, task: asyncio.Task[Any]) -> None:
        error = GivenUp() if task.cancelled() else task.exception()
        if error is None:
            self._result.set_result(task.result())
        else:
            self._result.set_exception(error)
