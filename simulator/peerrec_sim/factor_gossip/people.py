"""Make one node of each user: whom it knows, whom it meets, what it starts from.

Where a community has trust, merit is a personalised random walk over positive trust
(restart .3) and a node knows the 50 peers with most merit; partners are drawn by merit.
Without trust all peers are alike: known peers and partners are drawn by chance.

Sybils enter here only by their share: of every node's known records, that share is
forged, and of the partners it draws, `Crowd.contacts` is Sybil.

Example:
    >>> from peerrec_sim.community import Interactions
    >>> plays = Interactions.of([0, 0, 1, 2], [0, 1, 1, 0])
    >>> none = plays.take(plays.user < 0)
    >>> tiny = Community("tiny", ("a", "b", "c"), ("x", "y"), plays, test=none)
    >>> crowd = gather(tiny, Options(known=2))
    >>> len(crowd.nodes), crowd.nodes[0].history.shape
    (3, (3, 2))
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from scipy import sparse

from peerrec.ids import item_hash
from peerrec.ranking.factor_frame import Keys, item_keys
from peerrec.ranking.factor_local import LocalFactors
from peerrec.ranking.factor_solve import FactorSettings
from peerrec_sim.community import Community
from peerrec_sim.matrices import Csr, binary

__all__ = ["Crowd", "Options", "gather", "merit_of"]

Float32s: TypeAlias = npt.NDArray[np.float32]
Int64s: TypeAlias = npt.NDArray[np.int64]

RESTART = 0.3
_WALK_STEPS = 8


@dataclass(frozen=True, slots=True)
class Options:
    """How a crowd is made.

    Attributes:
        known: K, peers whose records a node holds.
        settings: constants of the solves.
        robust: bounded merges and evidence when serving.
        sybil_merit: share of known records that are Sybils'.
        targets: columns that the Sybils' records hold.
        by_merit: where there is trust, know and meet peers by merit; else by chance.
        seed: of everything that chance decides.
    """

    known: int = 50
    settings: FactorSettings = field(default_factory=FactorSettings)
    robust: bool = True
    sybil_merit: float = 0.0
    targets: tuple[int, ...] = ()
    by_merit: bool = True
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Crowd:
    """Nodes, and what is needed to drive and measure them.

    Attributes:
        nodes: one a user, in the order of the community.
        keys: of all items, ascending; a column is a place in here.
        train: users × columns.
        test: users × columns.
        merit: who draws whom as partner, rows sum to 1, or None where all are alike.
        options: as it was made.
    """

    nodes: list[LocalFactors]
    keys: Keys
    train: Csr
    test: Csr
    merit: Float32s | None
    options: Options


def gather(community: Community, options: Options, groups: Int64s | None = None) -> Crowd:
    """Return a node of each user of a community with a test part.

    Args:
        community: split.
        options: see `Options`.
        groups: peers that each node knows, shape (users, K); None to choose them.
    """
    keys, train, test = _columns(community)
    rng = np.random.default_rng([options.seed, 1])
    merit = merit_of(community) if options.by_merit else None
    known = _known(train, merit, options.known, rng) if groups is None else groups
    nodes = [
        _node(train, keys, user, known[user], options, rng) for user in range(community.n_users)
    ]
    return Crowd(nodes, keys, train, test, merit, options)


def merit_of(community: Community) -> Float32s | None:
    """Return each user's merit from each user's view, rows sum to 1; None without trust."""
    if community.trust is None:
        return None
    n, edges = community.n_users, community.trust
    positive = edges.weight > 0
    trust = sparse.csr_array(
        (edges.weight[positive], (edges.source[positive], edges.target[positive])), shape=(n, n)
    )
    totals = np.maximum(np.asarray(trust.sum(axis=1)).ravel(), 1e-12)
    step = sparse.csr_array(sparse.diags_array(1 / totals) @ trust).astype(np.float32)
    at = np.eye(n, dtype=np.float32)
    merit = np.zeros((n, n), np.float32)
    for _ in range(_WALK_STEPS):
        at = np.asarray((step.T @ at.T).T, np.float32) * np.float32(1 - RESTART)
        merit += at
    np.fill_diagonal(merit, 0.0)
    merit += np.float32(1e-9)
    np.fill_diagonal(merit, 0.0)
    merit /= merit.sum(axis=1, keepdims=True)
    return merit


def _columns(community: Community) -> tuple[Keys, Csr, Csr]:
    """Return keys, train and test with columns in the order of keys."""
    shape = (community.n_users, community.n_items)
    keys = item_keys([item_hash(name) for name in community.items])
    keys, column = np.unique(keys, return_inverse=True)
    assert community.test is not None
    parts = []
    for part in (community.interactions, community.test):
        matrix = sparse.coo_array(binary(part, shape))
        moved: Csr = sparse.csr_array(
            (matrix.data, (matrix.row, column[matrix.col])), shape=(shape[0], len(keys))
        )
        moved.sum_duplicates()
        moved.data[:] = 1
        parts.append(moved)
    return keys, parts[0], parts[1]


def _known(train: Csr, merit: Float32s | None, k: int, rng: np.random.Generator) -> Int64s:
    """Return k peers of each user, by merit or by chance; only ones with a history."""
    n = train.shape[0]
    rank = rng.random((n, n), dtype=np.float32)
    if merit is not None:
        rank = -merit - rank * np.float32(1e-12)
    rank[:, np.diff(train.indptr) == 0] = np.inf
    np.fill_diagonal(rank, np.inf)
    k = min(k, n - 1)
    return np.sort(np.argpartition(rank, k - 1, axis=1)[:, :k], axis=1)


def _node(
    train: Csr, keys: Keys, user: int, known: Int64s, options: Options, rng: np.random.Generator
) -> LocalFactors:
    """Return a node; a Sybil's record is an honest one with the targets added."""
    history: Csr = train[np.append(user, known)]
    if options.targets and options.sybil_merit:
        forged = 1 + np.flatnonzero(rng.random(len(known)) < options.sybil_merit)
        records = sparse.lil_array(history)
        for row in forged.tolist():
            for column in options.targets:
                records[row, column] = 1
        history = sparse.csr_array(records)
    columns = np.unique(history.indices)
    history = sparse.csr_array(
        (
            history.data.astype(np.float32),
            np.searchsorted(columns, history.indices),
            history.indptr,
        ),
        shape=(history.shape[0], len(columns)),
    )
    return LocalFactors(keys[columns], history, options.settings, robust=options.robust)
