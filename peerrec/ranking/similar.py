"""Find the items most like a given one: a walk of two steps, item → hubs → items.

With the affinities, gate and trusted mass of `salsa`, for the item i,

    v(u) = g(u) · d(u)^−2user_exponent · a(u, i)
    s(j) = Σ_u v(u) a(u, j) / √(m(i) m(j))

which is the cosine between the items' weighted hubs, damped by trusted mass: what few
trusted people have cannot come out on top by having nobody else. Strangers (g = 0) have
no say.

Example:
    >>> from peerrec.ranking.graph import Graph
    >>> graph = Graph()
    >>> graph.extend(["ann", "ann", "bob", "bob", "cy"], ["a", "b", "a", "b", "c"])
    >>> [found.item for found in similar(graph.snapshot(now=0.0), "a", n=5)]
    ['b']
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from peerrec.errors import ConfigError
from peerrec.ranking.graph import GraphSnapshot
from peerrec.ranking.interning import RawId
from peerrec.ranking.recommend import top_items
from peerrec.ranking.salsa import Salsa, SalsaParameters

__all__ = ["SimilarItem", "similar", "similarity_scores"]

Float32s: TypeAlias = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class SimilarItem:
    """An item and how like the asked one it is.

    Attributes:
        item: raw id.
        score: > 0; comparable between lists of one graph.
    """

    item: RawId
    score: float


def similar(
    view: GraphSnapshot,
    item: RawId,
    n: int,
    gate: Float32s | None = None,
    parameters: SalsaParameters | None = None,
) -> list[SimilarItem]:
    """Return the n items most like one, best first; fewer where hubs lead to fewer.

    Args:
        view: the graph.
        item: raw id of the item that is asked about.
        n: length of the list, ≥ 1.
        gate: g(u) in [0, 1], shape (n_users,), as the ranking uses it, with the ego's own
            as the caller wants it (1 lets its own listening count); None counts everyone
            alike.
        parameters: shape of the walk; of its exponents only the users' matters here.

    Raises:
        ConfigError: n is not positive.
        UnknownItem: the graph does not know the item.
    """
    if n <= 0:
        raise ConfigError("n", n, "give a list length of 1 or more")
    code = view.item(item)
    scores = similarity_scores(Salsa(view.interactions, parameters), code, gate)
    scores[code] = 0
    return [
        SimilarItem(view.items[found], float(scores[found]))
        for found in top_items(scores, n).tolist()
    ]


def similarity_scores(salsa: Salsa, item: int, gate: Float32s | None = None) -> Float32s:
    """Return s(j) of the module docstring for every item, its own included, (n_items,).

    Cost: the edges of the item's hubs, and one pass over the graph for the trusted mass.
    """
    view = salsa.view
    trust = np.ones(view.n_users, np.float32) if gate is None else gate
    # the share of a hub: g · d^−2user_exponent, times d / W to turn weights into a
    share = trust * np.square(salsa.hub_scale[:, 0])
    norm = salsa.hub_norm[:, 0]
    users, weights = view.users_of(item)
    heard = trust[users] > 0
    users, weights = users[heard], weights[heard]
    if not len(users):
        return np.zeros(view.n_items, np.float32)
    scores = view.to_items(users, weights * share[users] * np.square(norm[users]))
    trusted = np.flatnonzero(share).astype(np.int32)
    mass = view.to_items(trusted, (share * norm)[trusted])
    mass += salsa.parameters.damp * mass[mass > 0].mean()
    # Undamped, an item that nobody trusted has carries no mass, and no score to divide.
    root = np.sqrt(mass * mass[item])
    return np.asarray(np.divide(scores, root, out=np.zeros_like(scores), where=root > 0))
