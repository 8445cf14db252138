"""Hold honest people as graphs, once, and lay attacks on top of them.

The graphs and the ranking are those of `peerrec.ranking`, as a node uses them; here
every ego sees the same whole graph, at one moment. An attack is a second layer of the
graph of interactions, so a million honest people are not copied for it.

Deviations from a node: no decay by age, since all is known at once; the exact walk
whatever the size of the graph, so that nothing but merit is drawn.

Example:
    >>> from peerrec_sim.generator import generate
    >>> view = Ground(generate(1, 60, 150)).view(RankSettings())
    >>> look = view.look(3, np.random.default_rng(0))
    >>> look.scores.shape, bool(look.shares.sum() > 1)
    ((150,), True)
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from peerrec.ranking.interactions import InteractionGraph
from peerrec.ranking.meritrank import sampled_merit
from peerrec.ranking.rank import RankSettings
from peerrec.ranking.recommend import top_items
from peerrec.ranking.salsa import Salsa, gates
from peerrec.ranking.snapshot import InteractionSnapshot
from peerrec.ranking.trust_snapshot import TrustSnapshot
from peerrec_sim.community import Community, Interactions
from peerrec_sim.graph_level.invasion import Invasion, joined_trust

__all__ = ["GraphView", "Ground", "Look"]

Int32s = npt.NDArray[np.int32]
Float32s = npt.NDArray[np.float32]
Float64s = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Look:
    """What one ego sees; merit is empty where trust is not used.

    Attributes:
        scores: of all items, what the ego has already included, shape (n_items,).
        nodes: users with merit, ascending.
        shares: their merit.
        flagged: users that connectivity decay found behind one bridge.
    """

    scores: Float32s
    nodes: Int32s
    shares: Float64s
    flagged: Int32s


class GraphView:
    """The whole graph at one moment, for many egos.

    Args:
        interactions: everybody's.
        trust: everybody's, or None: all users then count alike.
        settings: how every ego ranks.
    """

    def __init__(
        self,
        interactions: InteractionSnapshot,
        trust: TrustSnapshot | None,
        settings: RankSettings,
    ) -> None:
        self.interactions = interactions
        self._trust = trust
        self._settings = settings
        self._salsa = Salsa(interactions, settings.walk)

    def look(self, ego: int, rng: np.random.Generator) -> Look:
        """Return merit and scores as one ego sees them.

        Costs the merit's walks, and the interactions of everybody with merit.
        """
        settings = self._settings
        if self._trust is None:
            nobody = np.zeros(0, np.int32)
            return Look(self._salsa.walk(ego).scores[:, 0], nobody, np.zeros(0), nobody)
        merit = sampled_merit(self._trust, ego, settings.merit, rng)
        gate = gates(merit.dense(self.interactions.n_users), settings.cap, settings.gate_exponent)
        scores = self._salsa.walk(ego, gate).scores[:, 0]
        return Look(scores, merit.nodes, merit.shares, merit.flagged)

    def best(self, ego: int, scores: Float32s, n: int) -> Int32s:
        """Return the n best items that the ego does not have, −1 pads, shape (n,)."""
        scores = scores.copy()
        scores[self.interactions.items_of(ego)[0]] = 0
        found = top_items(scores, n)
        padded = np.full(n, -1, np.int32)
        padded[: len(found)] = found
        return padded


class Ground:
    """Honest people as graphs; a view of them costs what an attack adds.

    Args:
        people: the honest community; its test part is not looked at.
    """

    def __init__(self, people: Community) -> None:
        self.people = people
        self._plays = _snapshot(people.interactions, people.n_users, people.n_items)

    def view(self, settings: RankSettings, invasion: Invasion | None = None) -> GraphView:
        """Return the graph in peace or under attack.

        Args:
            settings: how every ego ranks.
            invasion: what attackers add; None for peace.
        """
        trust = self._trust(invasion)
        if invasion is None:
            return GraphView(self._plays, trust, settings)
        n_users = self.people.n_users + invasion.n_users
        n_items = self.people.n_items + invasion.n_items
        added = _snapshot(invasion.interactions, n_users, n_items)
        layers = self._plays.layers + added.layers
        together = InteractionSnapshot(layers, n_users, n_items, self._plays)
        return GraphView(together, trust, settings)

    def _trust(self, invasion: Invasion | None) -> TrustSnapshot | None:
        edges = self.people.trust
        if edges is None:
            return None
        n_users = self.people.n_users
        if invasion is not None:
            edges = joined_trust([edges, invasion.trust])
            n_users += invasion.n_users
        return TrustSnapshot.from_edges(edges.source, edges.target, edges.weight, n_users)


def _snapshot(plays: Interactions, n_users: int, n_items: int) -> InteractionSnapshot:
    """Return interactions as one layer, whatever their age."""
    graph = InteractionGraph(half_life_s=np.inf)
    graph.extend(plays.user, plays.item, plays.weight, 0.0)
    graph.reserve(n_users, n_items)
    return graph.snapshot()
