"""Hold what one node knows: who interacted with what, and who trusts whom.

Raw ids go in and come out; inside, users and items are int32 codes, and both
graphs share the codes of users. The receiver decides what counts: it saturates,
decays and normalises (`interactions`), so no author gains by claiming more.

Example:
    >>> graph = Graph()
    >>> graph.record("ann", "song:1", weight=2.0, time=0.0)
    >>> graph.set_trust("bob", "ann", 1.0, time=0.0)
    >>> view = graph.snapshot(now=60.0)
    >>> view.users.find("ann"), view.interactions.n_edges
    (0, 1)
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from peerrec.errors import DataError, UnknownItem, UnknownPeer
from peerrec.limits import CLOCK_SKEW_S, HALF_LIFE_S, ID_BYTES_MAX, SEGMENT_SPAN_S, WINDOW_S
from peerrec.ranking.interactions import InteractionGraph
from peerrec.ranking.interning import Coded, Interner, RawId
from peerrec.ranking.snapshot import InteractionSnapshot
from peerrec.ranking.trust import TrustGraph, TrustSnapshot

__all__ = ["Graph", "GraphSnapshot"]

Column: TypeAlias = Coded | Sequence[RawId]


@dataclass(frozen=True, slots=True, eq=False)
class GraphSnapshot:
    """Both graphs at one moment, immutable, with the names of their codes.

    Attributes:
        interactions: users × items.
        trust: users → users.
        users: raw id ↔ code of users; may grow later, known codes keep their meaning.
        items: raw id ↔ code of items; likewise.
    """

    interactions: InteractionSnapshot
    trust: TrustSnapshot
    users: Interner
    items: Interner

    def user(self, raw: RawId) -> int:
        """Return the code of a user; UnknownPeer when nothing is known of it here."""
        code = self.users.find(raw)
        if code is None or code >= self.interactions.n_users:
            raise UnknownPeer(f"user {raw!r} is unknown here: no interaction and no trust names it")
        return code

    def item(self, raw: RawId) -> int:
        """Return the code of an item; UnknownItem when nothing is known of it here."""
        code = self.items.find(raw)
        if code is None or code >= self.interactions.n_items:
            raise UnknownItem(f"item {raw!r} is unknown here: no interaction names it")
        return code


class Graph:
    """The bounded local graph of one node: interactions, trust and their names.

    Args:
        span_s: width of a time partition (see `InteractionGraph`).
        half_life_s: epoch_decay of interactions and of trust; ``inf`` for none.
        window_s: age at which `evict` drops interactions and trust.
    """

    def __init__(
        self,
        *,
        span_s: float = SEGMENT_SPAN_S,
        half_life_s: float = HALF_LIFE_S,
        window_s: float = WINDOW_S,
    ) -> None:
        self.users = Interner()
        self.items = Interner()
        self.interactions = InteractionGraph(
            span_s=span_s, half_life_s=half_life_s, window_s=window_s
        )
        self.trust = TrustGraph()
        self._half_life_s = half_life_s if math.isfinite(half_life_s) else None
        self._window_s = window_s

    @property
    def nbytes(self) -> int:
        """Bytes held by the edges of both graphs; names come on top."""
        return self.interactions.nbytes + self.trust.nbytes

    def record(
        self, user: RawId, item: RawId, weight: float, time: float, *, now: float | None = None
    ) -> None:
        """Record one interaction.

        Args:
            user: raw id of who interacted.
            item: raw id of what with.
            weight: plays or rating, > 0; repeats add up and saturate.
            time: unix seconds.
            now: where given, a time more than ten minutes ahead of it is refused.

        Raises:
            DataError: an id, the weight or the time is not allowed; nothing is recorded.
        """
        _refuse_id(user, "user")
        _refuse_id(item, "item")
        _refuse_future(time, now)
        self.interactions.check(weight, time)
        self.interactions.add(self.users.code(user), self.items.code(item), weight, time)

    def extend(
        self,
        users: Column,
        items: Column,
        weights: npt.ArrayLike = 1.0,
        times: npt.ArrayLike = 0.0,
        *,
        now: float | None = None,
    ) -> None:
        """Record a batch of interactions; columns as in `record`, all or nothing.

        Raises:
            DataError: names the first bad row.
        """
        _refuse_ids(users, "user")
        _refuse_ids(items, "item")
        _refuse_future(np.max(times, initial=-np.inf), now)
        self.interactions.check(weights, times)
        self.interactions.extend(self.users.codes(users), self.items.codes(items), weights, times)
        self.interactions.reserve(len(self.users), len(self.items))

    def set_trust(
        self, source: RawId, target: RawId, weight: float, time: float, *, now: float | None = None
    ) -> None:
        """State how much one user trusts another, −1 … 1; the newest statement wins."""
        _refuse_id(source, "user")
        _refuse_id(target, "user")
        _refuse_future(time, now)
        self.trust.set(self.users.code(source), self.users.code(target), weight, time)

    def extend_trust(
        self,
        sources: Column,
        targets: Column,
        weights: npt.ArrayLike = 1.0,
        times: npt.ArrayLike = 0.0,
        *,
        now: float | None = None,
    ) -> None:
        """State a batch of trust edges; columns as in `set_trust`."""
        _refuse_ids(sources, "user")
        _refuse_ids(targets, "user")
        _refuse_future(np.max(times, initial=-np.inf), now)
        source, target = self.users.codes(sources), self.users.codes(targets)
        self.trust.extend(
            source,
            target,
            np.broadcast_to(weights, source.shape),
            np.broadcast_to(times, source.shape),
        )

    def remove_author(self, user: RawId) -> None:
        """Forget everything one user said: all interactions and all trust given."""
        code = self.users.find(user)
        if code is not None:
            self.interactions.remove(user=code)
            self.trust.remove_node(code)

    def forget(self, user: RawId, item: RawId) -> int:
        """Forget what one user did with one item; returns the edges that went."""
        codes = self.users.find(user), self.items.find(item)
        if codes[0] is None or codes[1] is None:
            return 0
        return self.interactions.remove(user=codes[0], item=codes[1])

    def evict(self, now: float, max_bytes: int | None = None) -> int:
        """Drop what is older than the window, then the oldest beyond a byte budget.

        Returns:
            The number of interaction edges dropped.
        """
        dropped = self.interactions.evict(now)
        self.trust.evict(now - self._window_s)
        if max_bytes is not None:
            dropped += self.interactions.shrink(max(0, max_bytes - self.trust.nbytes))
        return dropped

    def snapshot(self, now: float) -> GraphSnapshot:
        """Return both graphs as they are, immutable; trust decayed to `now`."""
        self.interactions.reserve(len(self.users), len(self.items))
        self.trust.reserve(len(self.users))
        trust = self.trust.snapshot(now, self._half_life_s)
        return GraphSnapshot(self.interactions.snapshot(), trust, self.users, self.items)


def _refuse_ids(column: Column, what: str) -> None:
    for raw in column.ids if isinstance(column, Coded) else column:
        _refuse_id(raw, what)


def _refuse_id(raw: RawId, what: str) -> None:
    size = len(raw if isinstance(raw, bytes) else raw.encode("utf-8", "surrogatepass"))
    if not 0 < size <= ID_BYTES_MAX:
        raise DataError(f"{what} id {raw!r:.60} has {size} bytes; give 1 to {ID_BYTES_MAX}")


def _refuse_future(time: float, now: float | None) -> None:
    if now is not None and time > now + CLOCK_SKEW_S:
        raise DataError(
            f"time {time:.0f} is {time - now:.0f} s in the future; "
            f"at most {CLOCK_SKEW_S:.0f} s are allowed. Check the clock or the unit (seconds)"
        )
