"""See the community from one user: who is heard, and where the walks lead.

Everything is computed when it is asked for and kept while what it was made of stays:
merit while trust and blocks do, the walk while the interactions do, too.

Example:
    >>> from peerrec.store.memory import MemoryStore
    >>> from peerrec.store import Interaction, TrustEdge
    >>> store = MemoryStore()
    >>> for author, item in (("me", "song:a"), ("ann", "song:a"), ("ann", "song:b")):
    ...     store.record(Interaction(author, item, time=60.0))
    >>> store.trust(TrustEdge("me", "ann", time=60.0))
    >>> sight = Sight(LiveGraph(store, "me"), store, "me")
    >>> [each.item for each in sight.ranking(now=120.0).recommend(5)]
    ['song:b']
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from peerrec.facade.bootstrap_list import bootstrap_of
from peerrec.facade.live_graph import LiveGraph
from peerrec.facade.marks import Marks
from peerrec.facade.served_table import ServedTable
from peerrec.limits import DAY_S
from peerrec.ranking.descriptions import Descriptions, with_descriptions
from peerrec.ranking.graph import GraphSnapshot
from peerrec.ranking.merit import Merit
from peerrec.ranking.neighbourhoods import neighbourhoods
from peerrec.ranking.rank import Ranking, RankSettings, gate_of, notes_on, walk_of
from peerrec.ranking.salsa import Salsa, Walk
from peerrec.ranking.table_blend import Blended, blend_walk
from peerrec.ranking.table_scores import TableScores
from peerrec.ranking.trust_snapshot import TrustSnapshot
from peerrec.ranking.trusted_counts import TrustedCounts
from peerrec.store import RawId, Store

__all__ = ["Hearing", "Sight", "own_words_count"]

Int32s: TypeAlias = npt.NDArray[np.int32]
Float32s: TypeAlias = npt.NDArray[np.float32]

EGO = 0
"""The graph's first user is the node's own."""

TRUST_AGE_MAX_S = DAY_S
"""Decayed trust is read again after a day: with a half-life of a month that is 2 %."""

LESS_LIKE_SHARE = 0.9
"""What an item loses that is as near to a disliked one as any; the farther, the less."""


@dataclass(frozen=True, slots=True, eq=False)
class Hearing:
    """Who is heard.

    Attributes:
        trust: the trust it follows from.
        merit: of the known peers; None where trust is not used.
        gate: what each hub may contribute, shape (n_users,); None for everything.
        bootstrap: codes of the bootstrap peers known here.
    """

    trust: TrustSnapshot
    merit: Merit | None
    gate: Float32s | None
    bootstrap: tuple[int, ...]


class Sight:
    """One user's ranking of one live graph.

    Args:
        graph: what is known.
        store: where trust and marks come from.
        me: raw id of the user.
        settings: shape of the ranking; may be replaced at any time.
        bootstrap: raw ids of peers to borrow eyes from while friends are few.
        use_trust: False counts everybody alike.
        factors: whether a table that a node serves is mixed in.
        seed: of the walkers; the same graph and seed give the same list.

    Attributes:
        served: the table that a node serves.
    """

    def __init__(
        self,
        graph: LiveGraph,
        store: Store,
        me: RawId,
        settings: RankSettings | None = None,
        *,
        bootstrap: Sequence[RawId] = (),
        use_trust: bool = True,
        factors: bool = True,
        seed: int = 0,
    ) -> None:
        self.graph = graph
        self.me = me
        self.settings = settings or RankSettings()
        self.use_trust = use_trust
        self.factors = factors
        self.served = ServedTable(store)
        self._counts = TrustedCounts()
        self._store = store
        self._given_bootstrap = tuple(bootstrap)
        self._bootstrap = (*self._given_bootstrap, *bootstrap_of(store))
        self._seed = seed
        self._marks: Marks | None = None
        self._trust: tuple[object, float, TrustSnapshot] | None = None
        self._hearing: tuple[object, Hearing] | None = None
        self._ranking: tuple[object, Ranking, Blended | None] | None = None
        self._said: tuple[object, Descriptions] | None = None
        self._labels: tuple[object, int, Int32s] | None = None

    @property
    def marks(self) -> Marks:
        """What the user decided about peers and items."""
        if self._marks is None:
            self._marks = Marks.of(self._store.marks())
        return self._marks

    def changed(self) -> None:
        """Read marks and descriptions again when next needed."""
        self._marks = self._said = self._ranking = None
        self._bootstrap = (*self._given_bootstrap, *bootstrap_of(self._store))
        self.graph.named()

    def view(self, now: float) -> GraphSnapshot:
        """Return both graphs, up to date."""
        interactions = self.graph.follow()
        trust = self._current_trust(now)
        if len(self.graph.users) > interactions.n_users:
            interactions = self.graph.follow()
        users, items = self.graph.users.interner, self.graph.items.interner
        return GraphSnapshot(interactions, trust, users, items)

    def _current_trust(self, now: float) -> TrustSnapshot:
        cursor = self._store.cursor()
        key = (cursor.epoch, cursor.trust, self.marks.blocked)
        if self._trust is not None:
            known, read_at, trust = self._trust
            if known == key and abs(now - read_at) < TRUST_AGE_MAX_S:
                return trust
        trust = self.graph.trust(now, self.marks.blocked)
        self._trust = (key, now, trust)
        return trust

    def hearing(self, view: GraphSnapshot) -> Hearing:
        """Return who is heard in a view of now."""
        found = (view.users.find(raw) for raw in self._bootstrap)
        known = tuple(code for code in found if code is not None and code < view.trust.n_nodes)
        muted = self.marks.muted_peers
        settings = self.settings
        key = (view.trust, known, muted, settings.merit, settings.cap, settings.gate_exponent)
        if self._hearing is None or self._hearing[0] != key:
            self._hearing = (key, self._listen(view, known))
        hearing = self._hearing[1]
        gate = hearing.gate
        if gate is not None and len(gate) < view.interactions.n_users:
            # Whoever came since the trust was read has no merit yet.
            more = view.interactions.n_users - len(gate)
            fill = 0.0 if self.use_trust else 1.0
            gate = np.pad(gate, (0, more), constant_values=fill)
            hearing = replace(hearing, gate=gate)
            self._hearing = (key, hearing)
        return hearing

    def _listen(self, view: GraphSnapshot, known: tuple[int, ...]) -> Hearing:
        merit: Merit | None = None
        silent = list(self.marks.muted_peers)
        gate: Float32s | None = None
        if self.use_trust:
            rng = np.random.default_rng(self._seed)
            merit, gate = gate_of(view, EGO, rng, self.settings, known)
            silent += self.marks.blocked  # the bootstrap's eyes may see whom we block
        else:
            silent += self.marks.blocked
            gate = np.ones(view.interactions.n_users, np.float32) if silent else None
        codes = [code for code in map(view.users.find, silent) if code is not None]
        if gate is not None:
            gate[codes] = 0
        return Hearing(view.trust, merit, gate, known)

    def ranking(self, now: float) -> Ranking:
        """Return the user's ranking of now."""
        return self.blended_ranking(now)[0]

    def blended_ranking(
        self, now: float, *, factors: bool = True
    ) -> tuple[Ranking, Blended | None]:
        """Return the user's ranking of now, and what a served table did to it, if any.

        Args:
            now: unix seconds.
            factors: False leaves such a table out.
        """
        view = self.view(now)
        hearing, table = self.hearing(view), self.table(view) if factors else None
        settings = self.settings
        shape = settings.walk, settings.blend
        key = (view.interactions, hearing, self.marks.less_liked, table, shape)
        if self._ranking is None or self._ranking[0] != key:
            walk, blended = self._walk(view, hearing, table)
            n_bootstrap = len(hearing.bootstrap) if self.use_trust else None
            notes = notes_on(view, EGO, n_bootstrap)
            ranking = Ranking(view, self.me, walk, hearing.merit, notes)
            self._ranking = (key, ranking, blended)
        return self._ranking[1:]

    def table(self, view: GraphSnapshot) -> TableScores | None:
        """Return the served table beside the items of a view; None where none counts."""
        if not self.factors:
            return None
        return self.served.beside(view.items, view.interactions.n_items)

    def _walk(
        self, view: GraphSnapshot, hearing: Hearing, table: TableScores | None
    ) -> tuple[Walk, Blended | None]:
        rng, settings = np.random.default_rng(self._seed), self.settings
        walk = walk_of(view, EGO, hearing.gate, rng, settings.walk)
        blended = None
        if table is not None and settings.blend.share > 0:
            heard = self._counts.of(view.interactions, EGO, hearing.gate)
            shape = settings.walk, settings.blend
            blended = blend_walk(view, EGO, walk, table, heard, hearing.gate, shape)
            walk = replace(walk, scores=blended.scores[:, None])
        return self._steered(view, hearing, walk), blended

    def _steered(self, view: GraphSnapshot, hearing: Hearing, walk: Walk) -> Walk:
        """Return the walk with what is said of items, and without what is disliked."""
        walk = self._with_descriptions(view, hearing, walk)
        disliked = self.codes_of(view, self.marks.less_liked)
        if not len(disliked):
            return walk
        near = self.near(view, hearing, disliked)
        near[disliked] = 0
        nearest = max(float(near.max(initial=0.0)), 1e-30)
        kept = 1.0 - LESS_LIKE_SHARE * np.clip(near / nearest, 0.0, 1.0)
        return replace(walk, scores=walk.scores * kept[:, None].astype(np.float32))

    def _with_descriptions(self, view: GraphSnapshot, hearing: Hearing, walk: Walk) -> Walk:
        """Return the walk with what trusted publishers say of unheard items."""
        said = self.descriptions(view)
        if not len(said.item):
            return walk
        gate = own_words_count(hearing.gate, view)
        scores = with_descriptions(
            Salsa(view.interactions, self.settings.walk),
            walk.scores[:, 0],
            said,
            own=view.interactions.items_of(EGO)[0],
            gate=gate,
        )
        return replace(walk, scores=scores[:, None])

    def descriptions(self, view: GraphSnapshot) -> Descriptions:
        """Return what is said of items, by the codes of a view of now."""
        key = (view.items, view.interactions.n_items)
        if self._said is None or self._said[0] != key:
            rows = (
                (view.items.find(each.item), view.users.find(each.author), each.tags)
                for each in self._store.descriptions()
            )
            known = ((i, by, tags) for i, by, tags in rows if i is not None and by is not None)
            self._said = (key, Descriptions.of(known, view.interactions.n_items))
        return self._said[1]

    def neighbourhoods(self, view: GraphSnapshot) -> Int32s:
        """Return the neighbourhood of every item, -1 for none, shape (n_items,).

        Found anew when the graph has grown by a twentieth; newer items have none so far.
        """
        hearing, n_edges = self.hearing(view), view.interactions.n_edges
        key = (view.items, hearing.trust)
        if self._labels is None or self._labels[0] != key or n_edges > 1.05 * self._labels[1]:
            rng = np.random.default_rng(self._seed)
            labels = neighbourhoods(view.interactions, rng, gate=hearing.gate)
            self._labels = (key, n_edges, labels)
        labels = self._labels[2]
        return np.pad(labels, (0, view.interactions.n_items - len(labels)), constant_values=-1)

    def near(self, view: GraphSnapshot, hearing: Hearing, items: Int32s) -> Float32s:
        """Return how near every item is to some, by who is heard: a walk from them alone."""
        profile = (items, np.ones(len(items), np.float32))
        walk = Salsa(view.interactions, self.settings.walk).walk(EGO, hearing.gate, profile)
        return walk.scores[:, 0]

    @staticmethod
    def codes_of(view: GraphSnapshot, raws: Sequence[RawId]) -> Int32s:
        """Return the item codes of those raw ids that the view knows, ascending."""
        codes = (view.items.find(raw) for raw in raws)
        n_items = view.interactions.n_items
        return np.array(
            sorted({code for code in codes if code is not None and code < n_items}), np.int32
        )


def own_words_count(gate: Float32s | None, view: GraphSnapshot) -> Float32s:
    """Return the gate for what is said of items: one's own words count, too."""
    if gate is None:
        return np.ones(view.interactions.n_users, np.float32)
    gate = gate.copy()
    gate[EGO] = 1
    return gate
