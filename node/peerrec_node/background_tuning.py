"""Search for better parameters of the lists while the daemon has nothing else to do.

The view to search on is made on the event loop, the search itself is arithmetic in a
thread, and the choice is written on the loop again: the store is used by one thread.

Example:
    >>> from peerrec.recommender import Recommender
    >>> from peerrec_node.settings.schema import RankingSection
    >>> async def scenario() -> bool:
    ...     with Recommender.in_memory() as me:  # has nothing to search on
    ...         return await BackgroundTuning(me, RankingSection, lambda: None).search_if_due()
    >>> asyncio.run(scenario())
    False
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Final

from peerrec.errors import PeerrecError
from peerrec.facade.self_tuning import Choice, Task
from peerrec.limits import DAY_S
from peerrec.recommender import Recommender
from peerrec_node.settings.schema import RankingSection

__all__ = ["BackgroundTuning"]

FIRST_S: Final = 300.0
"""Whoever has just begun has peers to meet and lists to make."""

LOOK_S: Final = 3_600.0
"""How often is looked whether a search is due; it seldom is."""

log = logging.getLogger("peerrec.tuning")

Search = Callable[[Task, Callable[[], bool]], Choice | None]


class BackgroundTuning:
    """Searches of one daemon, one after the other.

    Args:
        me: whose lists; used on the event loop only.
        settings: returns whether to search, and how long.
        chosen: told that lists are made otherwise from now on.
        search: finds better parameters; None for `peerrec.facade.self_tuning.tuned`.

    Attributes:
        searches: how many there were.
    """

    def __init__(
        self,
        me: Recommender,
        settings: Callable[[], RankingSection],
        chosen: Callable[[], None],
        search: Search | None = None,
    ) -> None:
        self.searches = 0
        self._me, self._settings, self._chosen = me, settings, chosen
        self._search = search
        self._stop = threading.Event()
        self._not_before = 0.0

    @asynccontextmanager
    async def going(self) -> AsyncIterator[None]:
        """Search now and then within the block."""
        task = asyncio.create_task(self._go())
        try:
            yield
        finally:
            self._stop.set()
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _go(self) -> None:
        await asyncio.sleep(FIRST_S)
        while True:
            try:
                await self.search_if_due()
            except PeerrecError as error:
                log.warning("no better parameters: %s", error)
            except Exception:
                log.exception("the search for better parameters failed")
            await asyncio.sleep(LOOK_S)

    async def search_if_due(self) -> bool:
        """Search where it is wanted and due; return whether something was chosen.

        Raises:
            StoreError: the choice could not be written.
        """
        settings = self._settings()
        if not settings.auto_tune or time.monotonic() < self._not_before:
            return False
        task = self._me.upkeep().due_search()
        if task is None:
            return False
        self._not_before = time.monotonic() + DAY_S  # also when it comes to nothing
        self.searches += 1
        choice = await asyncio.to_thread(self._find, task, settings.tune_s)
        if choice is None or self._stop.is_set():
            return False
        self._me.upkeep().choose(choice)
        log.info("lists are made with other parameters now: %s", choice.evidence)
        self._chosen()
        return True

    def _find(self, task: Task, budget_s: float) -> Choice | None:
        """Return what a search finds in so many seconds."""
        from peerrec.facade.self_tuning import tuned

        end = time.monotonic() + budget_s
        search = tuned if self._search is None else self._search
        return search(task, lambda: self._stop.is_set() or time.monotonic() > end)
