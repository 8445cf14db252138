"""Rank by the nearest items: shrunk cosine, the best neighbours of each item.

Example:
    >>> import numpy as np
    >>> from peerrec_sim.community import Community, Interactions
    >>> ranker = ItemKnn().with_settings({"shrinkage": 0})
    >>> plays = Interactions.of([0, 1, 1], [0, 0, 1])
    >>> ranker.fit(Community("tiny", ("ann", "bob"), ("x", "y"), plays))
    >>> [round(score, 4) for score in ranker.score(np.array([0], np.int32))[0].tolist()]
    [0.0, 0.7071]
"""

from __future__ import annotations

from typing import Annotated

import numpy as np
import numpy.typing as npt
from msgspec import Meta
from scipy import sparse

from peerrec_sim.community import Community
from peerrec_sim.matrices import Csr, binary, degrees
from peerrec_sim.rankers.base import Float32s, Float64s, Int32s, Parameters, Ranker

__all__ = ["ItemKnn", "ItemKnnParameters"]

Codes = npt.NDArray[np.integer]

_BLOCK_ENTRIES = 8 * 2**20
"""Most similarities alive at once while neighbours are chosen."""


class ItemKnnParameters(Parameters, frozen=True):
    """Settings of the item neighbourhood.

    Attributes:
        neighbours: how many nearest items of each item count.
        shrinkage: added to the cosine's denominator, against chance overlaps.
    """

    neighbours: Annotated[int, Meta(ge=1)] = 100
    shrinkage: Annotated[float, Meta(ge=0)] = 10.0


class ItemKnn(Ranker[ItemKnnParameters]):
    """Score item j by Σ over the user's items i among j's neighbours of sim(j, i).

    sim(j, i) = |users of both| / (√(|users of j| · |users of i|) + shrinkage), on
    binary interactions (Sarwar et al. 2001; shrinkage as in Bell & Koren 2007).
    Cost: Σ over users of degree² once; memory: neighbours · n_items.
    """

    name = "itemknn"
    parameters_type = ItemKnnParameters

    def fit(self, community: Community, seed: int = 0) -> None:
        """Keep the nearest items of each item; see ``Ranker.fit``."""
        self._history = binary(community.interactions, (community.n_users, community.n_items))
        self._neighbours = self._nearest().T.tocsr()

    def score(self, users: Int32s) -> Float32s:
        """Return summed similarities; see ``Ranker.score``."""
        return np.asarray((self._history[users] @ self._neighbours).toarray(), dtype=np.float32)

    def grid(self) -> dict[str, list[float]]:
        """Return the values worth trying; see ``Ranker.grid``."""
        return {
            "neighbours": [20, 50, 100, 200, 400, 800],
            "shrinkage": [0.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0],
        }

    def _nearest(self) -> Csr:
        """Return the similarities of each item's nearest ones, row by row."""
        _, owners = degrees(self._history)
        of_item = self._history.T.tocsr()
        n_items = len(owners)
        block = max(1, _BLOCK_ENTRIES // max(1, n_items))
        blocks = []
        for start in range(0, n_items, block):
            rows = np.arange(start, min(start + block, n_items))
            common = (of_item[rows] @ self._history).tocoo()
            i, j = rows[common.row], common.col
            norm = np.sqrt(owners[i] * owners[j]) + self.parameters.shrinkage
            similar = np.where(i == j, 0.0, common.data / norm)
            blocks.append(_keep_largest(i, j, similar, self.parameters.neighbours))
        i, j, similar = (np.concatenate(column) for column in zip(*blocks, strict=True))
        return sparse.csr_array((similar.astype(np.float32), (i, j)), shape=(n_items, n_items))


def _keep_largest(i: Codes, j: Codes, similar: Float64s, n: int) -> tuple[Codes, Codes, Float64s]:
    """Return the n largest positive entries of each row i."""
    # Among equal similarities the lower item code is the nearer neighbour.
    order = np.lexsort((j, -similar, i))
    order = order[similar[order] > 0]
    i, j, similar = i[order], j[order], similar[order]
    rank = np.arange(len(i)) - np.searchsorted(i, i)
    kept = rank < n
    return i[kept], j[kept], similar[kept]
