"""Say how good lists could be: the same ranker with everything that people publish.

What a central service would have: all honest interactions of the run, up to its end, and
all trust. Each ego also has what it keeps to itself, as its own device does.

Example:
    >>> from peerrec_sim.community import Interactions
    >>> plays = Interactions.of([0, 1, 1], [0, 0, 1], time=[60.0, 60.0, 60.0])
    >>> knowledge = Knowledge(plays, None, 2, ("song:a", "song:b"))
    >>> table = oracle(knowledge, {0: ("song:b",)}, EgoOptions(use_trust=False), now=120.0)
    >>> table["node"].tolist(), table["ndcg"].tolist()
    ([0], [1.0])
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from peerrec.ids import item_hash
from peerrec.limits import MINUTE_S
from peerrec.ranking.graph import GraphSnapshot
from peerrec.ranking.interactions import InteractionGraph
from peerrec.ranking.interning import Interner
from peerrec.ranking.rank import rank
from peerrec.ranking.trust_snapshot import TrustSnapshot
from peerrec.store import RawId
from peerrec_sim.community import Interactions, TrustEdges
from peerrec_sim.measures.columns import ORACLE
from peerrec_sim.measures.egos import EgoOptions, relevance
from peerrec_sim.measures.table import Table

__all__ = ["Knowledge", "oracle"]


@dataclass(frozen=True, slots=True, eq=False)
class Knowledge:
    """All that honest people do in a run.

    Attributes:
        plays: what they record, with times in unix seconds.
        trust: whom they trust.
        n_users: how many they are; code u is the node with index u.
        items: raw ids.
        public: which plays are published, shape (len(plays),); None for all.
    """

    plays: Interactions
    trust: TrustEdges | None
    n_users: int
    items: Sequence[str]
    public: npt.NDArray[np.bool_] | None = None


def oracle(
    knowledge: Knowledge,
    egos: Mapping[int, Sequence[RawId]],
    options: EgoOptions,
    now: float,
    progress: Callable[[int, int], None] | None = None,
) -> Table:
    """Return how good each ego's list would be with all of it.

    Args:
        knowledge: all that honest people do.
        egos: held-out items of those whose lists are measured, by index.
        options: how they rank; the same as on their devices.
        now: unix seconds at the end of the run.
        progress: told how many egos are done, and of how many.
    """
    trust = _trust(knowledge, options, now)
    users = Interner(f"person {user}" for user in range(knowledge.n_users))
    items = Interner(knowledge.items)
    shared: InteractionGraph | None = None
    rows: list[dict[str, float]] = []
    for done, (ego, wanted) in enumerate(sorted(egos.items()), 1):
        graph = shared
        if graph is None:
            graph = _graph(knowledge, options, ego)
            # Where all is public everybody would see the same graph.
            shared = graph if knowledge.public is None or knowledge.public.all() else None
        view = GraphSnapshot(graph.snapshot(), trust, users, items)
        rng = np.random.default_rng(options.seed)
        ranking = rank(view, f"person {ego}", rng, options.settings, use_trust=options.use_trust)
        best = ranking.recommend(options.n, reasons=0)
        listed = [item_hash(each.item) for each in best]
        rows.append(relevance(listed, frozenset(map(item_hash, wanted)), options.n))
        if progress is not None:
            progress(done, len(egos))
    columns = {name: [row[name] for row in rows] for name in ("ndcg", "recall", "list_length")}
    return ORACLE.table(node=sorted(egos), **columns)


def _graph(knowledge: Knowledge, options: EgoOptions, ego: int) -> InteractionGraph:
    """Return all public interactions and the ego's own, as its device would keep them."""
    plays = knowledge.plays
    if knowledge.public is not None:
        plays = plays.take(knowledge.public | (plays.user == ego))
    graph = InteractionGraph(half_life_s=options.half_life_s)
    # A store keeps times to the minute.
    times = 0.0 if plays.time is None else np.floor(plays.time / MINUTE_S) * MINUTE_S
    graph.extend(plays.user, plays.item, plays.weight, times)
    graph.reserve(knowledge.n_users, len(knowledge.items))
    return graph


def _trust(knowledge: Knowledge, options: EgoOptions, now: float) -> TrustSnapshot:
    edges = knowledge.trust
    if edges is None:
        none = np.empty(0, np.int32)
        return TrustSnapshot.from_edges(none, none, none.astype(np.float32), knowledge.n_users)
    weight = edges.weight
    if edges.time is not None and np.isfinite(options.half_life_s):
        age = np.maximum(now - edges.time, 0.0)
        weight = (weight * np.exp2(-age / options.half_life_s)).astype(np.float32)
    return TrustSnapshot.from_edges(edges.source, edges.target, weight, knowledge.n_users)
