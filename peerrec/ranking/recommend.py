"""Turn a walk's scores into the list a person sees: filter, choose, explain.

Example:
    >>> from peerrec.ranking.graph import Graph
    >>> from peerrec.ranking.salsa import Salsa
    >>> graph = Graph()
    >>> graph.extend(["me", "you", "you"], ["song:a", "song:a", "song:b"])
    >>> view = graph.snapshot(now=0.0)
    >>> walk = Salsa(view.interactions).walk(view.user("me"))
    >>> best = recommend(view, walk, "me", n=3)[0]
    >>> best.item, best.reasons[0].sentence(best.item)
    ('song:b', 'you have song:a; so has you who also has song:b')
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from peerrec.errors import ConfigError
from peerrec.ranking.graph import GraphSnapshot
from peerrec.ranking.interning import Interner, RawId
from peerrec.ranking.reasons import Reason, TrustPaths, reasons_for
from peerrec.ranking.salsa import Walk

__all__ = ["Recommendation", "recommend", "top_items"]

Int32s: TypeAlias = npt.NDArray[np.int32]
Float32s: TypeAlias = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Recommendation:
    """An item, how strongly it is recommended, and why.

    Attributes:
        item: raw id.
        score: > 0, comparable within one list only.
        reasons: the strongest paths that led to it, strongest first.
    """

    item: RawId
    score: float
    reasons: tuple[Reason, ...] = ()


def top_items(scores: Float32s, n: int) -> Int32s:
    """Return the codes of the n best positive scores, best first, ties by lower code.

    Cost: O(items) and a sort of the n found.
    """
    positive = np.flatnonzero(scores > 0)
    if len(positive) > n:
        found = scores[positive]
        threshold = np.partition(found, len(found) - n)[len(found) - n]
        positive = positive[found >= threshold]
    order = np.argsort(-scores[positive], kind="stable")
    return positive[order[:n]].astype(np.int32)


def recommend(
    view: GraphSnapshot,
    walk: Walk,
    ego: RawId,
    n: int,
    *,
    exclude_seen: bool = True,
    candidates: Collection[RawId] | None = None,
    muted: Collection[RawId] = (),
    reasons: int = 2,
    trusted: bool = False,
    choose: Callable[[Float32s, int], Int32s] = top_items,
) -> list[Recommendation]:
    """Return the n best items of one ego's walk, with reasons.

    Items that no walk reaches are never filled in; the list is then shorter than n.

    Args:
        view: the graph that was walked.
        walk: of this ego alone.
        ego: raw id of whose list it is.
        n: length of the list, ≥ 1; more than there are items is allowed.
        exclude_seen: leave out what the ego interacted with.
        candidates: rank only these; unknown ones are ignored. None ranks everything.
        muted: never rank these.
        reasons: at most so many reasons an item; 0 for none.
        trusted: whether the walk was gated by trust, so that reasons say how it leads
            to a hub.
        choose: takes the scores of what may be listed and n, returns the listed codes.

    Raises:
        ConfigError: n is not positive.
        UnknownPeer: the graph does not know the ego.
    """
    if n <= 0:
        raise ConfigError("n", n, "give a list length of 1 or more")
    code = view.user(ego)
    scores = walk.scores[:, 0].copy()
    if candidates is not None:
        wanted = np.zeros(len(scores), np.bool_)
        wanted[_known(view.items, candidates, len(scores))] = True
        scores[~wanted] = 0
    scores[_known(view.items, muted, len(scores))] = 0
    if exclude_seen:
        scores[view.interactions.items_of(code)[0]] = 0
    paths = TrustPaths(view.trust, code) if trusted and reasons else None
    return [
        Recommendation(
            view.items[item],
            float(scores[item]),
            reasons_for(view, walk, item, reasons, paths) if reasons else (),
        )
        for item in choose(scores, n).tolist()
    ]


def _known(items: Interner, raw_ids: Collection[RawId], n_items: int) -> list[int]:
    """Return the codes of those ids that the snapshot knows."""
    codes = (items.find(raw) for raw in raw_ids)
    return [code for code in codes if code is not None and code < n_items]
