"""Lead out of the familiar: part of the list from neighbourhoods the ego rarely visits.

Cluster-based exploration: items lie in neighbourhoods (`neighbourhoods`), and the ego's
own items say how often it has visited each. The list is filled place by place. Of every
place the share `explore` is an exploring one, spread evenly and never the first unless
all are; it goes to a neighbourhood c drawn with

    P(c) ∝ best(c)^q / ((1 + visits(c)) · (1 + listed(c))²),     q = 1 + 5 · (1 − explore)

best(c)   relevance of its best candidate left, in units of the best score of all
visits(c) own items that lie in it
listed(c) entries of this list that lie in it already

and there to the best candidate; other places go to the best candidate of all. Both by
marginal relevance (`diversify`), with diversity = min(½, 4⁄3 · explore). The power q
keeps a timid dial close to what is relevant, and lets a bold one go anywhere that trusted
walks lead; nothing else is ever listed.

Measured by ``peerrec bench steering`` on LastFM with friendships (hash split, gated walk).
Left out, at the same setting: neighbourhoods of the candidates alone (the ego's visits
then say next to nothing), and 32 or 64 of them (up to 1.5 % more NDCG lost).

Example:
    >>> from peerrec.ranking.interactions import InteractionGraph
    >>> graph = InteractionGraph()
    >>> graph.extend([0, 1, 1, 1, 1, 1], [0, 0, 1, 2, 3, 4], 1.0, 0.0)
    >>> labels, scores = np.array([0, 0, 0, 0, 1]), np.array([0, 5, 4, 3, 2], np.float32)
    >>> def explore(dial):
    ...     rng, own = np.random.default_rng(0), np.array([0])
    ...     view = graph.snapshot()
    ...     return explored(view, scores, 3, dial, own=own, labels=labels, rng=rng).tolist()
    >>> explore(0.0), explore(1.0)
    ([1, 2, 3], [4, 1, 2])
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from peerrec.ranking.diversify import Shortlist, check_dial
from peerrec.ranking.recommend import top_items
from peerrec.ranking.snapshot import InteractionSnapshot

__all__ = ["explored", "visits"]

Int32s: TypeAlias = npt.NDArray[np.int32]
Float32s: TypeAlias = npt.NDArray[np.float32]
Float64s: TypeAlias = npt.NDArray[np.float64]

DIVERSITY_MAX = 0.5
"""Where marginal relevance begins to cost NDCG; see `diversify`."""

DIVERSITY_PER_EXPLORE = 4 / 3
"""Reaches .4, where varying a list is still free, at explore = .3."""

TIMIDITY = 5.0
"""What a timid dial adds to the power of relevance: 4 costs .5 % more NDCG at .3."""


def visits(labels: Int32s, own: npt.NDArray[np.integer]) -> Float64s:
    """Return how many of the ego's own items lie in each neighbourhood.

    Args:
        labels: neighbourhood of every item, −1 for none, shape (n_items,).
        own: codes of the ego's items.
    """
    n = int(labels.max(initial=-1)) + 1
    placed = labels[own]
    return np.bincount(placed[placed >= 0], minlength=n).astype(np.float64)


def explored(
    view: InteractionSnapshot,
    scores: Float32s,
    n: int,
    explore: float,
    *,
    own: npt.NDArray[np.integer],
    labels: Int32s,
    rng: np.random.Generator,
    gate: Float32s | None = None,
) -> Int32s:
    """Return the codes of n items, some from rarely visited neighbourhoods.

    Args:
        view: who has what.
        scores: one per item; only positive ones are listed.
        n: length of the list, ≥ 1; shorter where fewer items score.
        explore: 0 … 1; 0 gives exactly the plain list.
        own: codes of the items that the ego has, in any order.
        labels: neighbourhood of every item, −1 for none, shape (n_items,).
        rng: where exploring places draw from; not touched where explore is 0.
        gate: g(u) in [0, 1], whose listening tells what is alike; None for everyone's.

    Raises:
        ConfigError: explore is not within 0 and 1.
    """
    check_dial("explore", explore)
    if explore == 0:
        return top_items(scores, n)
    shortlist = Shortlist(view, scores, n, gate)
    at = labels[shortlist.items]
    familiar = 1 + visits(labels, own)
    listed = np.ones(len(familiar))
    diversity = min(DIVERSITY_MAX, DIVERSITY_PER_EXPLORE * explore)
    power = 1 + TIMIDITY * (1 - explore)
    for place in range(shortlist.n):
        among = None
        if _is_exploring(place, explore):
            pull = _best(shortlist, at, len(familiar)) ** power / (familiar * listed**2)
            among = _drawn(pull, at, rng.random())
        taken = at[shortlist.take(diversity, among)]
        if taken >= 0:
            listed[taken] += 1
    return shortlist.listed(n)


def _is_exploring(place: int, explore: float) -> bool:
    """Whether this place, counted from 0, is where the exploring share gains a whole one."""
    slack = 1e-9  # 10 · .3 must make three
    return int((place + 1) * explore + slack) > int(place * explore + slack)


def _best(shortlist: Shortlist, at: Int32s, n: int) -> Float64s:
    """Return the relevance of the best candidate left in each neighbourhood, 0 for none."""
    best = np.zeros(n)
    left = np.flatnonzero(shortlist.left & (at >= 0))
    np.maximum.at(best, at[left], shortlist.relevance[left])
    return best


def _drawn(pull: Float64s, at: Int32s, uniform: float) -> npt.NDArray[np.bool_] | None:
    """Return which candidates lie in a neighbourhood drawn ∝ pull; None if none pulls."""
    pulling = np.flatnonzero(pull)
    if not len(pulling):
        return None
    total = np.cumsum(pull[pulling])
    drawn = pulling[np.searchsorted(total[:-1], uniform * total[-1], "right")]
    return np.asarray(at == drawn)
