"""Hold a sight still, so that a thread can rank while the store goes on.

Everything that reads the store is read when the still is made; what is left to do is
arithmetic on immutable arrays. A store takes one thread at a time, a still none.

Example:
    >>> from peerrec.store.memory import MemoryStore
    >>> from peerrec.store import Interaction, TrustEdge
    >>> from peerrec.facade.live_graph import LiveGraph
    >>> store = MemoryStore()
    >>> for author, item in (("me", "song:a"), ("ann", "song:a"), ("ann", "song:b")):
    ...     store.record(Interaction(author, item, time=60.0))
    >>> store.trust(TrustEdge("me", "ann", time=60.0))
    >>> still = Still(Sight(LiveGraph(store, "me"), store, "me"), now=60.0)
    >>> store.record(Interaction("ann", "song:c", time=60.0))
    >>> still.recommend(5).items
    ['song:b']
"""

from __future__ import annotations

import copy
from collections.abc import Collection

from peerrec.facade.lists import explained, listed, look_alikes
from peerrec.facade.results import Explanation, Recommendations, checked_n, checked_share
from peerrec.facade.sight import Sight
from peerrec.facade.trust_map import TrustMap, trust_map
from peerrec.ranking.graph import GraphSnapshot
from peerrec.ranking.table_scores import TableScores
from peerrec.store import RawId

__all__ = ["Still"]


class Still:
    """One user's view of one moment; for one thread at a time, whichever.

    Args:
        sight: whose; read while this is made, and not afterwards.
        now: unix seconds of the moment.
    """

    def __init__(self, sight: Sight, now: float) -> None:
        self._sight = StillSight(sight, now)
        self._now = now

    def recommend(
        self,
        n: int = 10,
        *,
        candidates: Collection[RawId] | None = None,
        explore: float = 0.0,
        reasons: int = 2,
    ) -> Recommendations:
        """Return the n best items; see `peerrec.recommender.Recommender.recommend`."""
        length, share = checked_n(n), checked_share("explore", explore)
        return listed(
            self._sight, self._now, length, candidates=candidates, explore=share, reasons=reasons
        )

    def explain(self, item: RawId) -> Explanation:
        """Return why an item is recommended or not; UnknownItem where nobody has it."""
        return explained(self._sight, self._now, item)

    def similar(self, item: RawId, n: int = 10) -> Recommendations:
        """Return the items nearest to one; UnknownItem where nobody has it."""
        return look_alikes(self._sight, self._now, item, checked_n(n))

    def trust_map(self, n: int) -> TrustMap:
        """Return the n peers with most merit around the user, and who trusts whom."""
        return trust_map(self._sight, self._now, n)

    def hand_back(self, sight: Sight) -> None:
        """Give a sight what was found out of trust, which outlasts the moment."""
        self._sight.hand_back(sight)


class StillSight(Sight):
    """A sight that does not see what happens next."""

    def __init__(self, sight: Sight, now: float) -> None:
        view = sight.view(now)
        sight.descriptions(view)
        table, marks = sight.table(view), sight.marks
        self.__dict__.update(sight.__dict__)
        self._marks = marks
        # What counts trusted people remembers their last sum: it is not shared with a thread.
        self._counts = copy.copy(self._counts)
        self._view, self._table = view, table

    def view(self, now: float) -> GraphSnapshot:
        """Return both graphs as they were."""
        return self._view

    def table(self, view: GraphSnapshot) -> TableScores | None:
        """Return the table that was served."""
        return self._table

    def hand_back(self, sight: Sight) -> None:
        """Give a sight the merit and the neighbourhoods; it knows whether they still hold."""
        sight._hearing, sight._labels = self._hearing, self._labels
