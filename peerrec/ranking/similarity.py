"""Compare items by who has them: cosines of listener vectors, gated by trust.

    v(i) = (√g(u) · [u has i])_u          cos(i, j) = v(i) · v(j) / (‖v(i)‖ ‖v(j)‖)

with g(u) in [0, 1] the gate of user u. Weights of interactions are left out, so that
nobody makes two items alike by claiming many plays, and strangers (g = 0) have no say
at all: any number of identities without merit changes no cosine.

Example:
    >>> from peerrec.ranking.interactions import InteractionGraph
    >>> graph = InteractionGraph()
    >>> graph.extend([0, 0, 1, 1, 2], [0, 1, 0, 1, 2], 1.0, 0.0)
    >>> vectors = listener_vectors(graph.snapshot(), np.array([0, 1, 2]))
    >>> cosines(vectors, vectors).round(2).tolist()
    [[1.0, 1.0, 0.0], [1.0, 1.0, 0.0], [0.0, 0.0, 1.0]]
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from peerrec.late import sparse
from peerrec.ranking.snapshot import InteractionSnapshot

__all__ = ["cosines", "listener_vectors"]

Float32s: TypeAlias = npt.NDArray[np.float32]


def listener_vectors(
    view: InteractionSnapshot,
    items: npt.NDArray[np.integer],
    gate: Float32s | None = None,
) -> sparse.csr_array:
    """Return the unit listener vectors of some items, float32, (len(items), n_users).

    A row stays empty where no user with g > 0 has the item. Cost: the listeners of
    these items, and a lookup for each item in each layer of the snapshot.

    Args:
        view: who has what.
        items: item codes, in any order.
        gate: g(u) in [0, 1], shape (n_users,); None counts everyone alike.
    """
    listeners = [view.users_of(item)[0] for item in items.tolist()]
    counts = np.array([len(users) for users in listeners], np.int64)
    users = np.concatenate([np.empty(0, np.int32), *listeners])
    owner = np.repeat(np.arange(len(counts)), counts)
    squares = np.ones(len(users)) if gate is None else gate[users].astype(np.float64)
    heard = np.bincount(owner, weights=squares, minlength=len(counts))
    heard[heard == 0] = 1.0  # an item that nobody trusted has stays at zero
    values = np.sqrt(squares / heard[owner]).astype(np.float32)
    indptr = np.append(0, np.cumsum(counts))
    return sparse.csr_array((values, users, indptr), shape=(len(counts), view.n_users))


def cosines(left: sparse.csr_array, right: sparse.csr_array) -> Float32s:
    """Return all cosines between two sets of unit vectors, shape (rows, rows), in [0, 1]."""
    product = np.asarray((left @ right.T).toarray(), np.float32)
    return np.minimum(product, np.float32(1))
