"""Hold a community: who interacted with what, who trusts whom, what things are called.

This is the one shape in which data sets, generators, splits and attacks hand
people to each other. Users and items are dense codes ``0 … n − 1`` here; the raw
names stay beside them in ``users`` and ``items``.

Example:
    >>> import numpy as np
    >>> plays = Interactions.of([0, 0, 1], [0, 1, 1])
    >>> Community("tiny", ("ann", "bob"), ("x", "y"), plays).n_interactions
    3
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

__all__ = ["Community", "Interactions", "TrustEdges"]

Int32s = npt.NDArray[np.int32]
Float32s = npt.NDArray[np.float32]
Float64s = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Interactions:
    """Columns of user → item interactions, one row each.

    Attributes:
        user: int32 codes, shape (m,).
        item: int32 codes, shape (m,).
        weight: float32 > 0, plays or rating, shape (m,).
        time: float64 unix seconds, shape (m,), or None where the source has no time.
    """

    user: Int32s
    item: Int32s
    weight: Float32s
    time: Float64s | None = None

    @classmethod
    def of(
        cls,
        user: npt.ArrayLike,
        item: npt.ArrayLike,
        weight: npt.ArrayLike | None = None,
        time: npt.ArrayLike | None = None,
    ) -> Interactions:
        """Build from anything array-like; weight defaults to 1."""
        users = np.asarray(user, dtype=np.int32)
        return cls(
            users,
            np.asarray(item, dtype=np.int32),
            np.ones(len(users), np.float32) if weight is None else np.asarray(weight, np.float32),
            None if time is None else np.asarray(time, dtype=np.float64),
        )

    def __len__(self) -> int:
        return len(self.user)

    def take(self, rows: npt.NDArray[np.bool_] | npt.NDArray[np.intp]) -> Interactions:
        """Return the rows chosen by a mask or by positions."""
        time = None if self.time is None else self.time[rows]
        return Interactions(self.user[rows], self.item[rows], self.weight[rows], time)


@dataclass(frozen=True, slots=True)
class TrustEdges:
    """Columns of directed user → user trust, one row each.

    Attributes:
        source: int32 codes of who trusts, shape (m,).
        target: int32 codes of who is trusted, shape (m,).
        weight: float32 in [−1, 1]; negative is distrust, shape (m,).
        time: float64 unix seconds, shape (m,), or None where the source has no time.
    """

    source: Int32s
    target: Int32s
    weight: Float32s
    time: Float64s | None = None

    def __len__(self) -> int:
        return len(self.source)


@dataclass(frozen=True, slots=True)
class Community:
    """A community of users, items, interactions and trust.

    Attributes:
        name: what reports call it.
        users: raw user names; code u is ``users[u]``.
        items: raw item names; code i is ``items[i]``.
        interactions: the training part, or everything where no split is shipped.
        trust: directed trust, or None where the source has none.
        test: the held-out part, where the source ships one or after a split.
        titles: raw item name → what a person would read, where known.
        bootstrap: codes of the peers that newcomers are sent to (`peerrec_sim.bootstrap`).
    """

    name: str
    users: Sequence[str]
    items: Sequence[str]
    interactions: Interactions
    trust: TrustEdges | None = None
    test: Interactions | None = None
    titles: Mapping[str, str] = field(default_factory=dict)
    bootstrap: tuple[int, ...] = ()

    @property
    def n_users(self) -> int:
        """Number of users."""
        return len(self.users)

    @property
    def n_items(self) -> int:
        """Number of items."""
        return len(self.items)

    @property
    def n_interactions(self) -> int:
        """Number of interactions in the training part."""
        return len(self.interactions)

    def title(self, item: int) -> str:
        """Return what a person would call the item with this code."""
        raw = self.items[item]
        return self.titles.get(raw, raw)
