"""Choose on the device how much of a served table its lists should follow.

Some people whom the node knows hide a fifth of their items, as in `blend_tuning`: every other
one their last, the others random ones. Walks and tables start from what is left. The graph
stays whole, as nobody is a hub of their own walk or evidence for themselves.

A table is made of many people, those who are measured here among them: it has seen what they
hide. So what they are of it is taken out of the rows that they hide (`TableScores.without`). How
much that is, nobody says, but the share of somebody's rarest item is the most that it can be, and
it is just that where nobody else has the item. As some have nothing so rare, a quantile over all
of them bounds it, too.

On devices that hold 51 people's records of ml-100k, known by chance, the chosen share gains half of
what the best one for all devices would; on lastfm-2k, known by merit, there is little to gain.
Without taking out, lastfm-2k loses; bounded by one's own rarest share alone, most on ml-100k take
0. Of those who hold everybody's records nearly all take 0. (Measured once, with tables of d = 16.)

Example:
    >>> from peerrec.ranking.interactions import InteractionGraph
    >>> from peerrec.ranking.factor_table import FactorTable
    >>> from scipy import sparse
    >>> rng = np.random.default_rng(1)
    >>> graph = InteractionGraph()
    >>> graph.extend(rng.integers(0, 30, 400), rng.integers(0, 40, 400), 1.0, 0.0)
    >>> view, users = graph.snapshot(), rng.normal(0, 1, (30, 4)).astype(np.float32)
    >>> have = sparse.csr_array((view.matrix > 0).astype(np.float32))
    >>> table = FactorTable.from_users(np.arange(40, dtype=np.uint32), have, users)
    >>> placed = TableScores(table, np.arange(40, dtype=np.int32))
    >>> people = np.arange(30, dtype=np.int32)
    >>> tuned = tune_table(Salsa(view), people, placed, BlendParameters())
    >>> tuned.score >= tuned.before
    True
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

from peerrec.ranking.blend import BlendParameters
from peerrec.ranking.blend_tuning import BlendTrials, TunedBlend
from peerrec.ranking.factor_tuning import HeldBack, halves_of
from peerrec.ranking.salsa import Salsa
from peerrec.ranking.table_scores import TableScores
from peerrec.ranking.trusted_counts import TrustedCounts
from peerrec.ranking.walk_trials import GateOf

__all__ = ["tune_table"]

Float32s: TypeAlias = npt.NDArray[np.float32]
Float64s: TypeAlias = npt.NDArray[np.float64]
Int32s: TypeAlias = npt.NDArray[np.int32]

TYPICAL: Final = 0.25
"""Quantile of everybody's rarest shares that nobody's weight in the table exceeds."""

WEIGHT_MAX: Final = 16.0
"""Most that a person counts in a table, in people: those near the node are in many of the
tables that it met (of those known on lastfm-2k the median counts 6 to 13 times, on ml-100k 1 to 2).
"""


def tune_table(
    salsa: Salsa,
    egos: Int32s,
    table: TableScores,
    start: BlendParameters,
    gate_of: GateOf | None = None,
) -> TunedBlend:
    """Return the mixture of walk and table that foretells best what was hidden.

    Cost: for each ego a walk, its evidence and a few milliseconds.

    Args:
        salsa: the walk, on the graph whose items the table stands beside.
        egos: user codes to measure on.
        table: what is served.
        start: parameters to begin with; also the answer where nothing is better.
        gate_of: what each ego trusts; None counts everyone alike.
    """

    def heard_by(ego: int) -> Float32s | None:
        return None if gate_of is None else gate_of(ego)

    back = halves_of(salsa.view, egos)
    if not len(back.held):
        return TunedBlend(start, 0.0, 0.0, [])
    trials = BlendTrials(back, salsa, gate_of=heard_by)
    return trials.tune(_OfOthers(back, table, heard_by), start)


@dataclass(frozen=True, eq=False)
class _OfOthers:
    """What a table says to the egos, each by what it did not hide."""

    back: HeldBack
    table: TableScores
    gate_of: GateOf

    @cached_property
    def _rarest(self) -> Float64s:
        """The share of each ego's rarest item, shape (u,)."""
        held = self.back.held
        whole = [np.concatenate(self._items(row)) for row in range(len(held))]
        return np.array([self.table.rarest(items) for items in whole])

    @cached_property
    def _most(self) -> float:
        """The most that anybody may weigh in the table."""
        return min(float(np.quantile(self._rarest, TYPICAL)), WEIGHT_MAX / self.table.people)

    def _items(self, row: int) -> tuple[Int32s, Int32s]:
        """Return what an ego did not hide, and what it did."""
        left, hidden = (
            part.indices[part.indptr[row] : part.indptr[row + 1]]
            for part in (self.back.held.profiles, self.back.held.hidden)
        )
        return left, hidden

    def scores(self, users: npt.NDArray[np.integer]) -> Float32s:
        """Return the scores of all items for some of the egos, shape (b, n_items)."""
        counts = TrustedCounts()
        row_of = {ego: row for row, ego in enumerate(self.back.held.egos.tolist())}
        found = []
        for ego in users.tolist():
            row = row_of[ego]
            left, hidden = self._items(row)
            weight = min(self._rarest[row], self._most)
            table = self.table.without(np.concatenate([left, hidden]), hidden, weight)
            found.append(table.scores(left, counts.of(self.back.view, ego, self.gate_of(ego))))
        return np.stack(found)
