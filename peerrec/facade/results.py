"""Hold what the facade hands out: lists with notes, explanations, statistics.

Example:
    >>> nothing = Recommendations((), ("No interactions yet.",))
    >>> len(nothing), bool(nothing), nothing.notes
    (0, False, ('No interactions yet.',))
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from numbers import Real
from typing import TYPE_CHECKING, Any, TypeAlias, overload

import numpy as np
import numpy.typing as npt

from peerrec.errors import ConfigError
from peerrec.store.rows import RawId

if TYPE_CHECKING:
    from peerrec.ranking.reasons import Reason
    from peerrec.ranking.recommend import Recommendation

__all__ = [
    "Explanation",
    "Recommendations",
    "RecommendedArrays",
    "Stats",
    "checked_ids",
    "checked_n",
    "checked_share",
]

Float32s: TypeAlias = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Recommendations(Sequence["Recommendation"]):
    """A list of recommendations, best first, and what its reader should know.

    Attributes:
        best: the recommendations; iterating, indexing and `len` mean these.
        notes: sentences on what was missing: why the list is empty, short, or seen
            through others' eyes. Empty when nothing was.
    """

    best: tuple[Recommendation, ...]
    notes: tuple[str, ...] = ()

    @overload
    def __getitem__(self, at: int) -> Recommendation: ...

    @overload
    def __getitem__(self, at: slice) -> Sequence[Recommendation]: ...

    def __getitem__(self, at: int | slice) -> Recommendation | Sequence[Recommendation]:
        """Return one recommendation, or some."""
        return self.best[at]

    def __len__(self) -> int:
        return len(self.best)

    @property
    def items(self) -> list[RawId]:
        """Raw ids of the recommended items, best first."""
        return [each.item for each in self.best]


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why an item is recommended, or why it is not.

    Attributes:
        item: raw id.
        score: as in a list of recommendations; 0 when it would not be in one.
        rank: its place in the list of everything, from 1; None when it is not in it.
        reasons: the strongest paths to it, strongest first; also for items left out.
        notes: why it would not be shown; empty when it would.
    """

    item: RawId
    score: float
    rank: int | None
    reasons: tuple[Reason, ...]
    notes: tuple[str, ...]

    @property
    def sentences(self) -> tuple[str, ...]:
        """The reasons in words."""
        return tuple(reason.sentence(self.item) for reason in self.reasons)


@dataclass(frozen=True, slots=True, eq=False)
class RecommendedArrays:
    """Lists of many users at once.

    Attributes:
        users: raw ids, as they were asked for.
        items: raw ids of the recommended items, object array of shape (len(users), n),
            best first; None behind the end of a list that is shorter.
        scores: float32, same shape; 0 there.
    """

    users: list[RawId]
    items: npt.NDArray[np.object_]
    scores: Float32s


@dataclass(frozen=True, slots=True)
class Stats:
    """How much a recommender knows, and how it ranks.

    Attributes:
        interactions: stored, of everybody.
        own_interactions: of them, one's own that the ranking counts; a repeated item
            counts once a month.
        items: known items.
        peers: known authors and peers.
        trust_edges: stated by anybody.
        heard_peers: peers with merit, as seen from here; None where trust is not used.
        blocked, muted_peers, muted_items, less_liked: marks in force.
        descriptions: of items.
        size_bytes: of the store, with the log beside it.
        graph_bytes: of the ranking's arrays in memory.
        factor_rows: of the table that a node serves here; 0 where none counts.
        walk: parameters of the walk in use.
        blend: how such a table is mixed in.
        tuned: what was chosen on this device and the evidence; None before.
        snapshot_failures: graphs that could not be written beside the store.
        tuning_failures: searches that ended in an error.
    """

    interactions: int
    own_interactions: int
    items: int
    peers: int
    trust_edges: int
    heard_peers: int | None
    blocked: int
    muted_peers: int
    muted_items: int
    less_liked: int
    descriptions: int
    size_bytes: int
    graph_bytes: int
    factor_rows: int
    walk: dict[str, Any]
    blend: dict[str, Any]
    tuned: dict[str, Any] | None
    snapshot_failures: int
    tuning_failures: int


def checked_n(n: object) -> int:
    """Return a list length ≥ 1; ConfigError otherwise."""
    if isinstance(n, bool) or not isinstance(n, int | np.integer) or n < 1:
        raise ConfigError("n", n, "give a list length of 1 or more")
    return int(n)


def checked_share(key: str, value: object) -> float:
    """Return a number within 0 and 1; ConfigError otherwise, NaN included."""
    if isinstance(value, bool) or not isinstance(value, Real) or not 0 <= float(value) <= 1:
        raise ConfigError(key, value, "give a number from 0 to 1")
    return float(value)


def checked_ids(key: str, value: object) -> None:
    """Refuse one id where several were meant: its letters would be taken for ids."""
    if isinstance(value, str | bytes) or not isinstance(value, Collection):
        raise ConfigError(key, value, "give a list of ids")
