"""Measure what the nodes would show: are lists right, and do they hold the target.

Example:
    >>> share_listing(np.array([[3, 1], [2, -1]]), 3)
    0.5
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from peerrec.ranking.factor_serving import Evidence, scores
from peerrec.ranking.factor_table import row_positions
from peerrec_sim.factor_gossip.people import Crowd
from peerrec_sim.metrics import hits, n_relevant, ndcg

__all__ = ["exposure", "lists_of", "mean_ndcg", "share_listing"]

Int32s: TypeAlias = npt.NDArray[np.int32]
LENGTH = 20


def lists_of(crowd: Crowd, evidence: Evidence | None, n: int = LENGTH) -> Int32s:
    """Return each node's n best columns that its user does not have, best first; −1 pads."""
    lists = np.full((len(crowd.nodes), n), -1, np.int32)
    for user in range(len(crowd.nodes)):
        ranked = ranked_columns(crowd, user, evidence)[:n]
        lists[user, : len(ranked)] = ranked
    return lists


def ranked_columns(crowd: Crowd, user: int, evidence: Evidence | None) -> npt.NDArray[np.intp]:
    """Return all columns that have a row and are new to the user, best first."""
    node = crowd.nodes[user]
    table = node.served
    own = crowd.train.indices[crowd.train.indptr[user] : crowd.train.indptr[user + 1]]
    place, found = row_positions(table.keys, crowd.keys[own])
    counts = node.evidence(table.keys)
    people = float(node.history.shape[0] - 1)
    score = scores(table, place[found], crowd.options.settings, counts, people, evidence)
    score[place[found]] = -np.inf
    order = np.argsort(-score, kind="stable")
    order = order[np.isfinite(score[order])]
    return np.asarray(np.searchsorted(crowd.keys, table.keys[order]), np.intp)


def mean_ndcg(crowd: Crowd, lists: Int32s) -> float:
    """Return NDCG over users with a test item."""
    relevant = n_relevant(crowd.test)
    return float(ndcg(hits(lists, crowd.test), relevant)[relevant > 0].mean())


def share_listing(lists: npt.NDArray[np.integer], column: int) -> float:
    """Return the share of lists that hold a column."""
    return float((lists == column).any(axis=1).mean())


def exposure(crowd: Crowd, users: list[int], column: int, evidence: Evidence | None) -> float:
    """Return the mean of 1 / log2(place + 1) of a column over whole rankings."""
    found = []
    for user in users:
        place = np.flatnonzero(ranked_columns(crowd, user, evidence) == column)
        found.append(1 / np.log2(place[0] + 2) if len(place) else 0.0)
    return float(np.mean(found))
