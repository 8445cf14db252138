"""Turn a sight into what an app shows: lists, explanations, look-alikes, arrays.

Example:
    >>> from peerrec.facade.live_graph import LiveGraph
    >>> from peerrec.store import Interaction
    >>> from peerrec.store.memory import MemoryStore
    >>> store = MemoryStore()
    >>> store.record(Interaction("me", "song:a", time=60.0))
    >>> found = listed(Sight(LiveGraph(store, "me"), store, "me"), 60.0, 5)
    >>> len(found), found.notes[0]
    (0, 'No trust given yet: nobody can be heard; trust someone, or use an invite.')
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from peerrec.errors import Cancelled
from peerrec.facade.results import Explanation, Recommendations, RecommendedArrays
from peerrec.facade.sight import EGO, Sight, own_words_count
from peerrec.ranking.exploration import explored
from peerrec.ranking.graph import GraphSnapshot
from peerrec.ranking.rank import Ranking, RankSettings, gate_of
from peerrec.ranking.reasons import Reason, TrustPaths, reasons_for
from peerrec.ranking.recommend import Recommendation, top_items
from peerrec.ranking.salsa import Salsa
from peerrec.ranking.similar import similar
from peerrec.ranking.table_blend import Blended, blend_walk
from peerrec.ranking.table_scores import TableScores
from peerrec.ranking.trusted_counts import TrustedCounts
from peerrec.store import RawId

__all__ = ["arrays_for", "explained", "listed", "look_alikes"]

Int32s: TypeAlias = npt.NDArray[np.int32]
Float32s: TypeAlias = npt.NDArray[np.float32]

BLOCK = 32
"""Users ranked together: their dense scores over 100,000 items take 13 MB."""


def listed(
    sight: Sight,
    now: float,
    n: int,
    *,
    exclude_seen: bool = True,
    candidates: Collection[RawId] | None = None,
    explore: float = 0.0,
    reasons: int = 2,
    factors: bool = True,
) -> Recommendations:
    """Return the n best items; see `peerrec.recommender.Recommender.recommend`."""
    ranking, blended = sight.blended_ranking(now, factors=factors)
    best = ranking.recommend(
        n,
        exclude_seen=exclude_seen,
        candidates=candidates,
        muted=sight.marks.hidden_items,
        reasons=reasons,
        choose=top_items if explore == 0 else exploring(sight, ranking, explore),
    )
    if reasons:
        best = [
            each if each.reasons else replace(each, reasons=described(sight, ranking, each.item))
            for each in best
        ]
    if reasons and blended is not None:
        view = ranking.view
        best = [
            replace(each, reasons=lifted(view, blended, each.item, each.reasons, reasons))
            for each in best
        ]
    return Recommendations(tuple(best), ranking.notes + shortage(ranking, len(best), n))


def described(sight: Sight, ranking: Ranking, item: RawId) -> tuple[Reason, ...]:
    """Return why an item is listed that nobody who is heard has: what is said of it."""
    view = ranking.view
    gate = own_words_count(sight.hearing(view).gate, view)
    found = sight.descriptions(view).strongest(view.item(item), gate)
    if found is None:
        return ()
    publisher, tags = found
    paths = TrustPaths(view.trust, EGO) if ranking.merit is not None else None
    between = None if paths is None or publisher == EGO else paths.to(publisher)
    through = None if between is None else tuple(view.users.raw(between))
    return (Reason(None, view.users[publisher], through, 1.0, tags),)


def lifted(
    view: GraphSnapshot, blended: Blended, item: RawId, reasons: tuple[Reason, ...], n: int
) -> tuple[Reason, ...]:
    """Return at most n reasons, the table among them where it moved the item up.

    The strongest path is never left out for it.
    """
    found = blended.reason(view, view.item(item))
    if found is None:
        return reasons
    return (*reasons[: max(n - 1, 1)], found)[:n]


def exploring(sight: Sight, ranking: Ranking, explore: float) -> Callable[[Float32s, int], Int32s]:
    """Return what chooses a list that leads out of the familiar; see `explored`."""
    view = ranking.view.interactions
    gate = sight.hearing(ranking.view).gate
    labels = sight.neighbourhoods(ranking.view)
    own = view.items_of(EGO)[0]

    def choose(scores: Float32s, n: int) -> Int32s:
        rng = np.random.default_rng(len(own))  # other places after every new item
        return explored(view, scores, n, explore, own=own, labels=labels, rng=rng, gate=gate)

    return choose


def shortage(ranking: Ranking, found: int, wanted: int) -> tuple[str, ...]:
    """Return why a list is empty or shorter than wanted, unless the notes say so."""
    if found >= wanted:
        return ()
    if found:
        return (f"Only {found} of {wanted}: nothing else is reached from here.",)
    if not ranking.view.interactions.n_edges:
        return ("Nothing is recorded yet: there is nothing to recommend.",)
    if ranking.notes:
        return ()
    return ("Nothing to recommend: all that is reached from here is known, muted or left out.",)


def explained(sight: Sight, now: float, item: RawId, reasons: int = 3) -> Explanation:
    """Return why an item is recommended or not.

    Raises:
        UnknownItem: nobody here has interacted with it.
    """
    ranking, blended = sight.blended_ranking(now)
    view = ranking.view
    code = view.item(item)
    hidden = notes_on_item(sight, view, item, code)
    score = float(ranking.walk.scores[code, 0])
    paths = TrustPaths(view.trust, EGO) if ranking.merit is not None else None
    found = reasons_for(view, ranking.walk, code, reasons, paths)
    if not found and score > 0:
        found = described(sight, ranking, item)
    if blended is not None:
        found = lifted(view, blended, item, found, reasons)
    if score <= 0 and not hidden:
        hidden = ranking.notes or ("Nobody who is heard from here leads to it.",)
    if hidden:
        return Explanation(item, 0.0, None, found, hidden)
    order = ranking.recommend(view.interactions.n_items, muted=sight.marks.hidden_items, reasons=0)
    place = next((at for at, each in enumerate(order, 1) if each.item == item), None)
    return Explanation(item, score, place, found, ())


def notes_on_item(sight: Sight, view: GraphSnapshot, item: RawId, code: int) -> tuple[str, ...]:
    """Return why an item would be left out whatever its score."""
    notes = []
    if item in sight.marks.muted_items:
        notes.append("It is muted.")
    if item in sight.marks.less_liked:
        notes.append("You asked for less like it.")
    if code in view.interactions.items_of(EGO)[0]:
        notes.append("You know it already.")
    return tuple(notes)


def look_alikes(sight: Sight, now: float, item: RawId, n: int) -> Recommendations:
    """Return the n items nearest to one, by the people who are heard and have both.

    Raises:
        UnknownItem: nobody here has interacted with it.
    """
    view = sight.view(now)
    muted = sight.marks.muted_items
    gate = sight.hearing(view).gate
    found = similar(view, item, n + len(muted), gate, sight.settings.walk)
    best = [Recommendation(each.item, each.score) for each in found if each.item not in muted]
    notes = () if best else ("Nobody who is heard from here has it and another item.",)
    return Recommendations(tuple(best[:n]), notes)


def arrays_for(
    view: GraphSnapshot,
    users: Sequence[RawId],
    n: int,
    settings: RankSettings,
    *,
    exclude_seen: bool,
    use_trust: bool,
    seed: int,
    table: TableScores | None = None,
    progress: Callable[[int, int], None] | None = None,
    cancel: Callable[[], bool] | None = None,
) -> RecommendedArrays:
    """Return the lists of many users, each from its own sight, as arrays.

    Args:
        view: both graphs.
        users: raw ids.
        n: length of the lists.
        settings: shape of the ranking.
        exclude_seen: whether what a user has is left out.
        use_trust: False counts everybody alike.
        seed: of the walkers, the same for everybody.
        table: mixed in as into one's own lists, beside the items of the view; None for none.
        progress: told of users done and users in all.
        cancel: asked before every block.

    Raises:
        UnknownPeer: a user is not known.
        Cancelled: ``cancel`` said so between two blocks.
    """
    codes = np.array([view.user(user) for user in users], np.int32)
    items = np.full((len(users), n), None, object)
    scores = np.zeros((len(users), n), np.float32)
    salsa = Salsa(view.interactions, settings.walk)
    for start in range(0, len(codes), BLOCK):
        if cancel is not None and cancel():
            raise Cancelled(f"cancelled after {start} of {len(codes)} users")
        egos = codes[start : start + BLOCK]
        gate = None
        if use_trust:
            rng = np.random.default_rng(seed)
            columns = [gate_of(view, ego, rng, settings)[1] for ego in egos.tolist()]
            gate = np.stack(columns, axis=1)
        found = salsa.walk_block(egos, view.interactions.rows(egos), gate)
        for column, ego in enumerate(egos.tolist()):
            own = np.ascontiguousarray(found.scores[:, column])
            if table is not None and settings.blend.share > 0:
                heard = None if gate is None else np.ascontiguousarray(gate[:, column])
                walk = replace(found, scores=own[:, None])
                counts = TrustedCounts().of(view.interactions, ego, heard)
                shape = settings.walk, settings.blend
                own = blend_walk(view, ego, walk, table, counts, heard, shape).scores.copy()
            if exclude_seen:
                own[view.interactions.items_of(ego)[0]] = 0
            best = top_items(own, n)
            items[start + column, : len(best)] = view.items.raw(best.tolist())
            scores[start + column, : len(best)] = own[best]
        if progress is not None:
            progress(min(start + BLOCK, len(codes)), len(codes))
    return RecommendedArrays(list(users), items, scores)
