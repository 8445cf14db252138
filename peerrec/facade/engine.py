"""Hold a store, its live graph and one user's sight of it; the facade adds lock and clock.

Example:
    >>> from peerrec.store.memory import MemoryStore
    >>> from peerrec.store import Interaction
    >>> engine = Engine(MemoryStore(), "me", Options(), now=60.0)
    >>> engine.store.record(Interaction("me", "song:a", time=60.0))
    >>> engine.stats(60.0).own_interactions
    1
"""

from __future__ import annotations

import logging
from pathlib import Path

import msgspec

from peerrec.errors import StoreError
from peerrec.facade import self_tuning
from peerrec.facade.live_graph import SAVE_EVERY, LiveGraph
from peerrec.facade.options import Options
from peerrec.facade.results import Stats
from peerrec.facade.self_tuning import Choice
from peerrec.facade.sight import EGO, Sight
from peerrec.ranking.rank import RankSettings
from peerrec.store import RawId, Store
from peerrec.store.rows import checked_id
from peerrec.store.sqlite import SqliteStore

__all__ = ["Engine"]

PRUNE_EVERY = 4_096
"""Interactions after which the bounds are looked at again."""

log = logging.getLogger("peerrec")


class Engine:
    """Everything of one recommender that needs no lock.

    Args:
        store: what is known.
        me: raw id of the person.
        options: how to keep and rank.
        now: unix seconds.

    Attributes:
        store: the same.
        graph: follows the store.
        sight: the person's ranking.
        choice: tuned parameters; None before any were chosen.
        snapshot_failures: graphs that could not be written beside the store.
    """

    def __init__(self, store: Store, me: RawId, options: Options, now: float) -> None:
        self.store = store
        self.me = checked_id(me, "me")
        self.options = options
        self.snapshot_failures = 0
        self._recorded = 0
        self._beside = beside(store)
        self._prune(now)
        self.graph = LiveGraph(store, self.me, self._beside, options.half_life_s)
        self.choice = self_tuning.decoded(store.setting(self_tuning.SETTING))
        self.sight = Sight(
            self.graph,
            store,
            self.me,
            self_tuning.with_choice(options.settings or RankSettings(), self.choice),
            bootstrap=options.bootstrap,
            use_trust=options.use_trust,
            factors=options.factors,
            seed=options.seed,
        )

    def recorded(self, n: int, now: float) -> None:
        """Keep the bounds, and the file beside the store, after n more interactions."""
        self._recorded += n
        if self._recorded >= PRUNE_EVERY:
            self._recorded = 0
            self.keep_bounds(now)

    def keep_bounds(self, now: float) -> None:
        """Remove what is over the bounds, and the file beside the store that still has it."""
        if self._prune(now):
            self.graph.remove_saved()

    def _prune(self, now: float) -> int:
        bounds = self.options.window_s, self.options.size_bytes_max
        if bounds == (None, None):
            return 0
        gone = self.store.prune(now, window_s=bounds[0], size_bytes_max=bounds[1])
        return gone.interactions + gone.descriptions

    def own_items(self, now: float) -> int:
        """Return how many of the person's interactions the ranking counts."""
        return len(self.sight.view(now).interactions.items_of(EGO)[0])

    def has_table(self, now: float) -> bool:
        """Return whether a factor table counts in the person's lists."""
        return self.sight.table(self.sight.view(now)) is not None

    def chosen(self, choice: Choice) -> None:
        """Rank with tuned parameters from now on, also after a restart.

        What was once chosen for a table is kept while there is none to try.
        """
        if choice.blend is None and self.choice is not None:
            choice = msgspec.structs.replace(choice, blend=self.choice.blend)
        self.store.set_setting(self_tuning.SETTING, self_tuning.encoded(choice))
        self.choice = choice
        self.sight.settings = self_tuning.with_choice(self.sight.settings, choice)

    def forgot_choice(self) -> None:
        """Rank as the options say again."""
        self.choice = None
        self.sight.settings = self.options.settings or RankSettings()

    def save(self, least: int = SAVE_EVERY) -> None:
        """Write the graph beside the store where worth it; a failure is counted and logged."""
        try:
            self.graph.save(least=least)
        except StoreError as error:
            # The store has everything: only the next opening takes longer.
            self.snapshot_failures += 1
            log.warning("%s", error)

    def close(self) -> None:
        """Bring the graph up to date, save it and release the store."""
        try:
            self.graph.follow()
            self.save(least=1)
        finally:
            self.store.close()

    def stats(self, now: float, tuning_failures: int = 0) -> Stats:
        """Return how much is known and how it is ranked."""
        size, marks = self.store.size(), self.sight.marks
        view = self.sight.view(now)
        merit = self.sight.hearing(view).merit
        table = self.sight.table(view)
        return Stats(
            interactions=size.interactions,
            own_interactions=self.own_items(now),
            items=size.items,
            peers=size.peers,
            trust_edges=size.trust_edges,
            heard_peers=None if merit is None else len(merit.nodes),
            blocked=len(marks.own_blocks),
            muted_peers=len(marks.muted_peers),
            muted_items=len(marks.muted_items),
            less_liked=len(marks.less_liked),
            descriptions=size.descriptions,
            size_bytes=size.size_bytes,
            graph_bytes=self.graph.nbytes,
            factor_rows=0 if table is None else len(table.table),
            walk=msgspec.to_builtins(self.sight.settings.walk),
            blend=msgspec.to_builtins(self.sight.settings.blend),
            tuned=None if self.choice is None else msgspec.to_builtins(self.choice),
            snapshot_failures=self.snapshot_failures,
            tuning_failures=tuning_failures,
        )


def beside(store: Store) -> Path | None:
    """Return where the graph of a store is kept; None for stores without a file."""
    if not isinstance(store, SqliteStore) or store.read_only:
        return None
    return store.path.with_name(store.path.name + ".graph")
