"""Rank off the event loop, and remember lists until what they are made of changes.

What the person does counts at once: a list from before is never shown again. What peers
say counts soon: while a new list is computed in the background the last one is answered,
and computing takes at most a twentieth of the time, however fast segments arrive.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import msgspec

from peerrec.facade.results import Recommendations
from peerrec.facade.served_table import VERSION
from peerrec.facade.still_sight import Still
from peerrec.limits import API_LISTS_CACHED_MAX
from peerrec.recommender import Recommender
from peerrec.store import RawId, Store

__all__ = ["ListQuestion", "Listed", "Lists"]

SHARE: Final = 0.05
"""Share of the time that computing may take for what peers say."""

SETTLE_S: Final = 1.0
"""Least time between two computations for what peers say."""

GOES_WITH: Final = 1_000
"""Items near to a context among which a list is chosen."""

Found = TypeVar("Found")


class ListQuestion(msgspec.Struct, frozen=True):
    """Which list: its length, how adventurous, and what it shall go with."""

    n: int
    explore: float
    context: RawId | None = None


@dataclass(slots=True)
class Listed:
    """A list, and what it was made of.

    Attributes:
        found: the list.
        version: of what lists are made of.
        world, own: what it was made of: the store, and the person's own doing.
        made_at: seconds of `time.monotonic`.
        answers: its bytes as answered, by the caller's key.
    """

    found: Recommendations
    version: int
    world: object
    own: int
    made_at: float
    answers: dict[Any, bytes]


class Lists:
    """Lists of one recommender.

    Args:
        me: the recommender.
        store: its store.

    Attributes:
        version: grows when what lists are made of has changed.
        computed: how many computations there were.
        compute_s: what they took in all.
        hits: lists that were answered from memory.
    """

    def __init__(self, me: Recommender, store: Store) -> None:
        self.version = 1
        self.computed = self.hits = 0
        self.compute_s = 0.0
        self._me, self._store = me, store
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="peerrec-ranking")
        self._turn = asyncio.Lock()
        self._own = 0
        self._world: object = self._look()
        self._seen = (self._world, 0)
        self._still: tuple[object, Still] | None = None
        self._kept: OrderedDict[ListQuestion, Listed] = OrderedDict()
        self._asked: dict[ListQuestion, asyncio.Task[Listed]] = {}
        self._last_s = 0.0

    async def close(self) -> None:
        """End the work; what is being computed ends first."""
        for task in self._asked.values():
            task.cancel()
        await asyncio.gather(*self._asked.values(), return_exceptions=True)
        await asyncio.get_running_loop().run_in_executor(None, self._thread.shutdown)

    def changed(self) -> None:
        """Forget what was listed before: the person did something."""
        self._own += 1

    def look(self) -> int:
        """Return the version of what lists are made of now."""
        self._world = self._look()
        if self._seen != (self._world, self._own):
            self._seen = (self._world, self._own)
            self.version += 1
        return self.version

    @property
    def own(self) -> int:
        """How often the person did something."""
        return self._own

    def _look(self) -> object:
        return self._store.cursor(), self._store.setting(VERSION)

    async def get(self, question: ListQuestion) -> tuple[Listed, bool]:
        """Return a list, and whether it was remembered.

        Raises:
            UnknownItem: nobody here has the item that it shall go with.
        """
        self.look()
        kept = self._kept.get(question)
        if kept is not None and self._may_show(question, kept):
            self._kept.move_to_end(question)
            self.hits += 1
            return kept, True
        return await asyncio.shield(self._ask(question)), False

    def _may_show(self, question: ListQuestion, kept: Listed) -> bool:
        """Return whether a list holds, or will do while peers' news are worked in."""
        if kept.own != self._own or kept.world == self._world:
            return kept.own == self._own
        age = time.monotonic() - kept.made_at
        pause = max(SETTLE_S, self._last_s / SHARE)
        if age >= pause:
            self._ask(question)
        return age < 2 * pause

    def _ask(self, question: ListQuestion) -> asyncio.Task[Listed]:
        """Return the computation of a list, which all who ask for it share."""
        task = self._asked.get(question)
        if task is None:
            task = asyncio.create_task(self._compute(question))
            self._asked[question] = task
            task.add_done_callback(lambda done: self._done(question, done))
        return task

    def _done(self, question: ListQuestion, task: asyncio.Task[Listed]) -> None:
        self._asked.pop(question, None)
        if not task.cancelled():
            task.exception()  # whoever waits has it; where nobody does, it is asked for again

    async def _compute(self, question: ListQuestion) -> Listed:
        found, seen, version = await self._work(lambda still: listed(still, question))
        entry = Listed(found, version, *seen, time.monotonic(), {})
        self._kept[question] = entry
        self._kept.move_to_end(question)
        while len(self._kept) > API_LISTS_CACHED_MAX:
            self._kept.popitem(last=False)
        return entry

    async def compute(self, what: Callable[[Still], Found]) -> Found:
        """Return what comes of a view of now, computed in the thread."""
        return (await self._work(what))[0]

    async def _work(self, what: Callable[[Still], Found]) -> tuple[Found, tuple[object, int], int]:
        async with self._turn:
            version = self.look()
            seen = self._seen
            if self._still is None or self._still[0] != seen:
                self._still = (seen, self._me.still())
            still = self._still[1]
            begun = time.perf_counter()
            loop = asyncio.get_running_loop()
            found = await loop.run_in_executor(self._thread, what, still)
            self._last_s = time.perf_counter() - begun
            self.computed += 1
            self.compute_s += self._last_s
            return found, seen, version


def listed(still: Still, question: ListQuestion) -> Recommendations:
    """Return a list from a view."""
    candidates = None
    if question.context is not None:
        candidates = still.similar(question.context, GOES_WITH).items
    return still.recommend(question.n, candidates=candidates, explore=question.explore)
