"""Say how late each training interaction was, and hide the latest of each user.

By time where the source has times. Else by the order of a user's rows, which many sources
keep; unless it is the order of something else: of the item codes, or of the weights, up or
down, for most users. Then nobody knows, and a hash decides.

Example:
    >>> from peerrec_sim.community import Interactions
    >>> plays = Interactions.of([0, 0, 0, 1, 1, 1], [2, 0, 1, 1, 2, 0])
    >>> community = Community("tiny", ("ann", "bob"), ("x", "y", "z"), plays)
    >>> hide_latest(community, np.arange(2, dtype=np.int32)).test.item.tolist()
    [1, 0]
"""

from __future__ import annotations

import dataclasses

import numpy as np
import numpy.typing as npt
from scipy import sparse

from peerrec.ranking.holdout import ITEMS_MIN, OrderOf, hash_order
from peerrec_sim.community import Community, Interactions

__all__ = ["hide_latest", "lateness", "lateness_of"]

Float64s = npt.NDArray[np.float64]
Int32s = npt.NDArray[np.int32]

PART = 5
"""One in so many is hidden."""


def lateness(interactions: Interactions) -> Float64s | None:
    """Return how late each row was, shape (m,); None where nothing tells."""
    if interactions.time is not None:
        return interactions.time
    rows = np.argsort(interactions.user, kind="stable")
    if _is_sorted(interactions.user[rows], interactions.item[rows]):
        return None
    weight = interactions.weight[rows]
    if len(weight) and weight.min() < weight.max() and _is_sorted(interactions.user[rows], weight):
        return None
    return np.arange(len(interactions), dtype=np.float64)


def lateness_of(community: Community) -> OrderOf:
    """Return the same, to be asked for one user and its items, ascending."""
    plays = community.interactions
    late = lateness(plays)
    if late is None:
        return hash_order
    shape = (community.n_users, community.n_items)
    # Shifted, since a matrix does not store zeros.
    values = late - late.min() + 1.0 if len(late) else late
    matrix = sparse.csr_array((values, (plays.user, plays.item)), shape=shape)
    matrix.sort_indices()

    def order_of(user: int, items: Int32s) -> Float64s:
        row = slice(matrix.indptr[user], matrix.indptr[user + 1])
        at = np.searchsorted(matrix.indices[row], items)
        return np.asarray(matrix.data[row][at])

    return order_of


def hide_latest(community: Community, users: Int32s) -> Community:
    """Return the community with the latest fifth of some users' rows as its test part.

    Args:
        community: only its training part is used.
        users: hide of these; who has fewer than three items keeps them all.
    """
    plays = community.interactions
    late = lateness(plays)
    hidden = np.zeros(len(plays), np.bool_)
    rows = np.argsort(plays.user, kind="stable")
    ends = np.searchsorted(plays.user[rows], users, side="right")
    starts = np.searchsorted(plays.user[rows], users, side="left")
    for user, start, end in zip(users.tolist(), starts.tolist(), ends.tolist(), strict=True):
        own = rows[start:end]
        if len(own) < ITEMS_MIN:
            continue
        order = hash_order(user, plays.item[own]) if late is None else late[own]
        # Of what came at one time, the higher item codes count as later.
        newest = np.lexsort((plays.item[own], order))[-max(1, len(own) // PART) :]
        hidden[own[newest]] = True
    return dataclasses.replace(community, interactions=plays.take(~hidden), test=plays.take(hidden))


def _is_sorted(user: Int32s, column: npt.NDArray[np.int32] | npt.NDArray[np.float32]) -> bool:
    """Return whether most users' values never fall, or never rise; users stand together."""
    if len(user) < 2:
        return True
    same = user[1:] == user[:-1]
    rises, falls = (column[1:] > column[:-1]) & same, (column[1:] < column[:-1]) & same
    size = int(user[-1]) + 1
    n_rises, n_falls = (np.bincount(user[1:][mask], minlength=size) for mask in (rises, falls))
    told = n_rises + n_falls > 1
    return bool((np.minimum(n_rises, n_falls)[told] == 0).mean() > 0.5) if told.any() else True
