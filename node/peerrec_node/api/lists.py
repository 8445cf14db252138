"""Rank off the event loop, and remember lists until what they are made of changes.

What the person does counts at once: a list from before is never shown again. What peers
say counts soon: while a new list is computed in the background the last one is answered,
and computing takes at most a twentieth of the time, however fast segments arrive.

Lists belong to the node's event loop; only `Lists.at_once` and `Lists.last` may be called
from any thread. They read what is replaced whole and never changed, so that who is answered
from memory waits for nobody.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final, NamedTuple, TypeVar

import msgspec

from peerrec.facade.results import Recommendations
from peerrec.facade.still_sight import Still
from peerrec.limits import API_LISTS_CACHED_MAX
from peerrec.recommender import Recommender
from peerrec.store import RawId, Store
from peerrec.store.served_table import VERSION

__all__ = ["ListQuestion", "Listed", "Lists", "Write"]

SHARE: Final = 0.05
"""Share of the time that computing may take for what peers say."""

SETTLE_S: Final = 1.0
"""Least time between two views that differ in what peers say."""

SHOW_S: Final = 5.0
"""Age up to which an outdated list is shown: a loaded machine needs so long for the next."""

LOOK_S: Final = 1.0
"""How often is looked at what changes without a message or a command, while lists are shown."""

CLOCK_S: Final = 0.001
"""Added to waits, which clocks may cut short by as little as that."""

GOES_WITH: Final = 1_000
"""Items near to a context among which a list is chosen."""

Found = TypeVar("Found")

Write = Callable[[Recommendations, int, bool], bytes]
"""Returns a list as it is answered: the list, its version, whether it was remembered."""


class ListQuestion(msgspec.Struct, frozen=True):
    """Which list: its length, how adventurous, and what it shall go with."""

    n: int
    explore: float
    context: RawId | None = None


@dataclass(slots=True, eq=False)
class Listed:
    """A list, and what it was made of.

    Attributes:
        version: of what lists are made of.
        own: how often the person had done something.
        made_at: when the view was taken, seconds of `time.monotonic`.
        first, again: how it is answered when it was computed, and remembered.
        used_at: when it was last shown.
        is_renewed: whether a newer one has been asked for.
    """

    version: int
    own: int
    made_at: float
    first: bytes
    again: bytes
    used_at: float
    is_renewed: bool = False


class View(NamedTuple):
    """What lists are made of at one moment."""

    still: Still
    version: int
    own: int
    made_at: float


class Lists:
    """Lists of one recommender.

    Args:
        me: the recommender.
        store: its store.
        write: makes the answer of a list, on the event loop.

    Attributes:
        version: grows when what lists are made of has changed.
        renewed: grows when there is a new list for which an outdated one was shown.
        computed: how many computations there were.
        compute_s: what they took in all.
        hits: lists that were answered from memory.
    """

    def __init__(self, me: Recommender, store: Store, write: Write) -> None:
        self.version = 1
        self.renewed = self.computed = self.hits = 0
        self.compute_s = 0.0
        self._me, self._store, self._write = me, store, write
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="peerrec-ranking")
        self._home: asyncio.AbstractEventLoop | None = None
        self._turn = asyncio.Lock()
        self._own = 0
        self._seen = (self._look(), 0)
        self._view: View | None = None
        self._kept: dict[ListQuestion, Listed] = {}
        self._asked: dict[ListQuestion, asyncio.Task[Listed]] = {}
        self._cost_s = 0.0
        self._looked_at = 0.0
        self._closed = False

    async def close(self) -> None:
        """End the work; what is being computed ends first."""
        self._closed = True
        for task in self._asked.values():
            task.cancel()
        await asyncio.gather(*self._asked.values(), return_exceptions=True)
        await asyncio.get_running_loop().run_in_executor(None, self._thread.shutdown)

    def changed(self) -> None:
        """Forget what was listed before: the person did something."""
        self._own += 1
        self.look()

    def look(self) -> int:
        """Return the version of what lists are made of now."""
        self._looked_at = time.monotonic()
        seen = (self._look(), self._own)
        if self._seen != seen:
            self._seen = seen
            self.version += 1
        return self.version

    @property
    def own(self) -> int:
        """How often the person did something."""
        return self._own

    @property
    def pause_s(self) -> float:
        """Least time between two views that differ in what peers say."""
        return max(SETTLE_S, self._cost_s / SHARE)

    def _look(self) -> object:
        return self._store.cursor(), self._store.setting(VERSION)

    # -- from any thread ------------------------------------------------------------------

    def at_once(self, question: ListQuestion) -> bytes | None:
        """Return an answer that holds, or will do while peers' news are worked in.

        None where there is none: then `get` it. One of which a newer version is on its way
        is told of by `renewed`.
        """
        kept = self._kept.get(question)
        if kept is None or kept.own != self._own:
            return None
        now = time.monotonic()
        if now - self._looked_at >= LOOK_S:
            self._looked_at = now
            self._soon(self.look)
        if kept.version != self.version:
            self._renew(question, kept)
            if now - kept.made_at >= max(SHOW_S, 2 * self.pause_s):
                return None
        kept.used_at = now
        self.hits += 1
        return kept.again

    def last(self, question: ListQuestion) -> bytes | None:
        """Return the last answer, however old, unless the person did something since."""
        kept = self._kept.get(question)
        return kept.again if kept is not None and kept.own == self._own else None

    def _renew(self, question: ListQuestion, kept: Listed) -> None:
        """Have a list computed anew, once, as soon as it may be."""
        if not kept.is_renewed:
            kept.is_renewed = True
            self._soon(self._renew_later, question, kept)

    def _soon(self, what: Callable[..., object], *given: object) -> None:
        """Have something done on the node's loop."""
        if self._home is not None and not self._closed:
            self._home.call_soon_threadsafe(what, *given)

    # -- on the node's loop -----------------------------------------------------------------

    def _renew_later(self, question: ListQuestion, kept: Listed) -> None:
        wait_s = kept.made_at + self.pause_s - time.monotonic() + CLOCK_S
        asyncio.get_running_loop().call_later(max(0.0, wait_s), self._renew_now, question)

    def _renew_now(self, question: ListQuestion) -> None:
        if not self._closed:
            self._ask(question)

    async def get(self, question: ListQuestion) -> bytes:
        """Return the answer of a list that is computed now, for all who ask at once.

        Raises:
            UnknownItem: nobody here has the item that it shall go with.
        """
        kept = self._kept.get(question)
        if kept is not None and kept.version == self.look():
            self.hits += 1
            return kept.again
        own = self._own
        found = await asyncio.shield(self._ask(question))
        if found.own < own:  # it was begun before the person did what they did
            found = await asyncio.shield(self._ask(question))
        return found.first

    def _ask(self, question: ListQuestion) -> asyncio.Task[Listed]:
        """Return the computation of a list, which all who ask for it share."""
        task = self._asked.get(question)
        if task is None:
            self._home = asyncio.get_running_loop()
            task = self._home.create_task(self._compute(question))
            self._asked[question] = task
            task.add_done_callback(lambda done: self._done(question, done))
        return task

    def _done(self, question: ListQuestion, task: asyncio.Task[Listed]) -> None:
        self._asked.pop(question, None)
        if task.cancelled() or task.exception() is None:
            return
        # Whoever waits has the error; where nobody does, it is asked for again.
        kept = self._kept.get(question)
        if kept is not None:
            kept.is_renewed = False

    async def _compute(self, question: ListQuestion) -> Listed:
        found, view = await self._work(lambda still: listed(still, question))
        first, again = (self._write(found, view.version, cached) for cached in (False, True))
        now, before = time.monotonic(), self._kept.get(question)
        entry = Listed(view.version, view.own, view.made_at, first, again, now)
        self._kept[question] = entry
        while len(self._kept) > API_LISTS_CACHED_MAX:
            del self._kept[min(self._kept, key=lambda each: self._kept[each].used_at)]
        if before is not None and before.is_renewed:
            self.renewed += 1
        return entry

    async def compute(self, what: Callable[[Still], Found]) -> Found:
        """Return what comes of a view of now, or of a moment ago, computed in the thread."""
        return (await self._work(what))[0]

    async def _work(self, what: Callable[[Still], Found]) -> tuple[Found, View]:
        async with self._turn:
            begun, before = time.perf_counter(), self._view
            view, loop = self._current_view(), asyncio.get_running_loop()
            found = await loop.run_in_executor(self._thread, what, view.still)
            cost_s = time.perf_counter() - begun
            self._cost_s = cost_s if view is not before else max(cost_s, self._cost_s)
            self.computed += 1
            self.compute_s += cost_s
            return found, view

    def _current_view(self) -> View:
        """Return the view; a new one where the person did something, or peers a while ago.

        All lists are made of one view: that of a walk costs most, and its lists little.
        """
        version, now, view = self.look(), time.monotonic(), self._view
        outdated = view is None or view.own != self._own
        if view is not None and view.version != version and now - view.made_at >= self.pause_s:
            outdated = True
        if view is None or outdated:
            view = self._view = View(self._me.still(), version, self._own, now)
        return view


def listed(still: Still, question: ListQuestion) -> Recommendations:
    """Return a list from a view."""
    candidates = None
    if question.context is not None:
        candidates = still.similar(question.context, GOES_WITH).items
    return still.recommend(question.n, candidates=candidates, explore=question.explore)
