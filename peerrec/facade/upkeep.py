"""Look after a recommender from a program that shares its store, such as a daemon.

Everything here is called from the one thread that uses the store. A search for better
parameters is arithmetic on an immutable view: `peerrec.facade.self_tuning.tuned` may run
on the task in any thread, and its choice comes back here.

Example:
    >>> from peerrec.recommender import Recommender
    >>> with Recommender.in_memory() as me:
    ...     me.upkeep().due_search() is None  # there is nothing yet to search on
    True
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from peerrec.facade.engine import Engine
from peerrec.facade.self_tuning import Choice, Task, is_due, task_for

__all__ = ["Upkeep"]


class Upkeep:
    """What is done for a recommender beside what its person asks.

    Args:
        engine: what ranks.
        clock: returns unix seconds.
    """

    def __init__(self, engine: Engine, clock: Callable[[], float]) -> None:
        self._engine, self._clock = engine, clock

    def bound(self, size_bytes_max: int | None) -> None:
        """Hold the store to another size from now on; what is over goes at once.

        Raises:
            ConfigError: the size is too small.
        """
        engine = self._engine
        if size_bytes_max != engine.options.size_bytes_max:
            engine.options = replace(engine.options, size_bytes_max=size_bytes_max)
            engine.keep_bounds(self._clock())

    def due_search(self) -> Task | None:
        """Return what to search for better parameters on; None while no search is due."""
        engine, now = self._engine, self._clock()
        if not is_due(engine.own_items(now), engine.choice, now, engine.has_table(now)):
            return None
        return task_for(engine.sight, now, engine.options.seed)

    def choose(self, choice: Choice) -> None:
        """Rank with what a search found from now on, also after a restart.

        Raises:
            StoreError: it could not be written.
        """
        self._engine.chosen(choice)
