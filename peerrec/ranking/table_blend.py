"""Put a walk's list in the order that a table and the walk agree on, and nothing else.

Walk and table are mixed as in `peerrec.ranking.blend`. The mixture decides only the order of
the items that the table speaks for; the walk's scores are dealt out anew among them in that
order. So

* what nobody heard has, is not listed, whatever the table says;
* every other item keeps its score and its place to a digit: a new item that five trusted people
  have stands where it would stand without factors;
* scores stay in the walk's unit, and what is added to them later (descriptions, dislikes,
  exploration) means what it meant.

The person's own items are dealt nothing either: they are not in the list.

Cost: two sorts of the items that are known and heard, and a few passes over all.

Example:
    >>> walk = np.array([4.0, 3.0, 2.0, 1.0], np.float32)
    >>> factor = np.array([0.0, 0.1, 0.0, 0.9], np.float32)
    >>> movable = np.array([False, True, True, True])
    >>> heard = np.ones(4, np.float32)
    >>> dealt(walk, factor, heard, movable, BlendParameters(share=0.8)).tolist()
    [4.0, 2.0, 1.0, 3.0]
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

from peerrec.ranking.blend import BlendParameters, discounted_factors, heard_mass
from peerrec.ranking.graph import GraphSnapshot
from peerrec.ranking.reasons import Reason
from peerrec.ranking.salsa import Salsa, SalsaParameters, Walk
from peerrec.ranking.table_scores import TableScores
from peerrec.ranking.trusted_counts import Counts

__all__ = ["Blended", "blend_walk", "dealt"]

Bools: TypeAlias = npt.NDArray[np.bool_]
Float32s: TypeAlias = npt.NDArray[np.float32]
Int32s: TypeAlias = npt.NDArray[np.int32]

TINY: Final = np.float32(1e-30)
TIE: Final = np.float32(1e-6)
ALIKE: Final = 1e-4  # of their mean: what a table says so evenly is no opinion


@dataclass(frozen=True, slots=True, eq=False)
class Blended:
    """A walk's scores before and after.

    Attributes:
        before: of the walk, shape (n_items,).
        scores: after, shape (n_items,).
        own: codes of the person's items.
        table: what it was mixed with.
    """

    before: Float32s
    scores: Float32s
    own: Int32s
    table: TableScores

    def reason(self, view: GraphSnapshot, item: int) -> Reason | None:
        """Return why an item stands higher than the walk has it; None where it does not."""
        after = float(self.scores[item])
        if after <= self.before[item]:
            return None
        near = self.table.nearest(item, self.own)
        if near is None:
            return None
        share = 1.0 - max(float(self.before[item]), 0.0) / after if after > 0 else 1.0
        return Reason(view.items[near], None, None, share)


def blend_walk(
    view: GraphSnapshot,
    ego: int,
    walk: Walk,
    table: TableScores,
    heard: Counts,
    gate: Float32s | None,
    shape: tuple[SalsaParameters, BlendParameters],
) -> Blended:
    """Return one ego's walk, in the order of its blend with a table.

    Args:
        view: the graph that was walked.
        ego: user code.
        walk: of this ego alone.
        table: placed beside the items of the view.
        heard: who is heard and has each item.
        gate: g(u) in [0, 1], shape (n_users,); None counts everyone alike.
        shape: of the walk, and of the mixture.
    """
    before, own = walk.scores[:, 0], view.interactions.items_of(ego)[0]
    mixture = shape[1]
    factor = table.scores(own, heard)
    mass = heard.items
    if mixture.factor_discount != 0:  # else it matters only whether there is any
        mass = heard_mass(Salsa(view.interactions, shape[0]), ego, gate)
    movable = table.speaks(heard)
    movable[own] = False
    return Blended(before, dealt(before, factor, mass, movable, mixture), own, table)


def dealt(
    walk: Float32s,
    factor: Float32s,
    heard: Float32s,
    movable: Bools,
    mixture: BlendParameters,
) -> Float32s:
    """Return the walk's scores, dealt out among the movable items in the order of the blend.

    Args:
        walk: shape (n_items,).
        factor: what the table says, shape (n_items,); all 0 where it says nothing.
        heard: mass of trusted evidence, shape (n_items,).
        movable: what may change places if it is heard of, shape (n_items,).
        mixture: of the two.
    """
    share, listed = np.float32(mixture.share), heard > 0
    places = np.flatnonzero(movable & listed)
    spoken = np.flatnonzero(listed & (factor != 0))
    if share == 0 or len(places) < 2 or not len(spoken):
        return walk
    said = np.zeros_like(factor)
    said[spoken] = discounted_factors(factor[spoken], heard[spoken], mixture.factor_discount)
    n_listed = int(np.count_nonzero(listed))
    mean = said[spoken].sum() / n_listed
    spread = np.sqrt(max(float(np.square(said[spoken]).sum()) / n_listed - float(mean) ** 2, 0))
    if spread <= ALIKE * abs(float(mean)):
        return walk
    # Means move all alike. At a share of 1 the walk still decides between equals.
    walked = max(1 - share, TIE) / max(walk[listed].std(), TINY)
    both = walk[places] * np.float32(walked) + said[places] * (share / max(spread, TINY))
    order = np.argsort(-both, kind="stable")
    scores = walk.copy()
    scores[places[order]] = np.sort(walk[places])[::-1]
    return scores
