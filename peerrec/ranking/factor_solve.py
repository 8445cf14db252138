"""Turn a table into item vectors, and histories into user vectors, in closed form.

Implicit ALS (Hu, Koren & Volinsky 2008) alternates two least-squares problems. Here the item
side reads linear statistics only, so that it works on averages of strangers' tables::

    y_i = (C + κ·t·I)⁻¹ b_i / (p_i + α)^γ                 t = trace C / d
    x_u = (Σ_{i∈S_u} y_i y_iᵀ + ω Σ_j y_j y_jᵀ + λ·s·√|S_u|·I)⁻¹ Σ_{i∈S_u} y_i

with s = trace of Σ_j y_j y_jᵀ / d; the root of a user's activity after Rendle et al. 2022.
Deviations from exact ALS: an item's own Gram matrix Σ_{u∋i} x_u x_uᵀ is replaced by p_i C,
which is what makes b and p enough. Ridges are relative to the mean eigenvalue, so that nothing
depends on the scale of the vectors.

Cost: items O(n·d²), users O(interactions·d² + users·d³).

Example:
    >>> import numpy as np
    >>> from scipy import sparse
    >>> history = sparse.csr_array(np.eye(2, dtype=np.float32))
    >>> users = start_users(np.array([3, 4], np.uint32), history, 2)
    >>> table = FactorTable.from_users(np.array([3, 4], np.uint32), history, users)
    >>> solve_users(history, item_vectors(table, FactorSettings()), FactorSettings()).shape
    (2, 2)
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Final

import numpy as np

from peerrec.ranking.factor_frame import start_vectors
from peerrec.ranking.factor_table import FactorTable, Float32s, History, Keys

__all__ = ["FactorSettings", "item_vectors", "solve_users", "start_users"]

_START_SCALE: Final = 0.3


@dataclass(frozen=True, slots=True)
class FactorSettings:
    """Constants of the two solves and of serving; tuned on hold-outs of training data.

    Attributes:
        dim: d, length of a vector.
        item_ridge: κ, in units of C's mean eigenvalue.
        share_damping: α, in shares of the group.
        share_exponent: γ of the division by p + α.
        unobserved: ω, weight of an item the user does not have.
        user_ridge: λ, in units of the item Gram matrix's mean eigenvalue.
        serving_exponent: scores are multiplied by (p + α) to this power.
        share_floor: rows of a smaller share are never sent.
        coverage: of the rows with most users, so many are sent that they make up this part
            of Σ p; in a concentrated catalogue that leaves half of the rows out.
    """

    dim: int = 48
    item_ridge: float = 8.0
    share_damping: float = 0.003
    share_exponent: float = 0.4
    unobserved: float = 0.1
    user_ridge: float = 0.02
    serving_exponent: float = 0.0
    share_floor: float = 0.003
    coverage: float = 0.95


def start_users(keys: Keys, history: History, dim: int) -> Float32s:
    """Return first user vectors: 0.3 / √|S_u| times the sum of their items' signs."""
    counts = np.maximum(np.diff(history.indptr), 1).astype(np.float32)
    sums = np.asarray(history @ start_vectors(keys, dim), np.float32)
    scale = np.float32(_START_SCALE) / np.sqrt(counts)
    return np.asarray(sums * scale[:, None], np.float32)


def item_vectors(table: FactorTable, settings: FactorSettings) -> Float32s:
    """Return the vector of each row, float32, shape (n, d)."""
    dim = table.dim
    moment = table.moment.astype(np.float64)
    mean_eigenvalue = max(float(np.trace(moment)) / dim, 1e-12)
    moment[np.diag_indices(dim)] += settings.item_ridge * mean_eigenvalue
    inverse = np.linalg.inv(moment).astype(np.float32)
    damped = (table.share + np.float32(settings.share_damping)) ** np.float32(
        -settings.share_exponent
    )
    vectors: Float32s = (table.mean @ inverse) * damped[:, None]
    return vectors


def solve_users(history: History, items: Float32s, settings: FactorSettings) -> Float32s:
    """Return the vector of each user, float32, shape (users, d).

    Args:
        history: 1 where a user has an item, shape (users, n).
        items: vectors of all n items that count as seen or unseen, shape (n, d).
        settings: ω and λ.
    """
    dim = items.shape[1]
    total = (items.T @ items).astype(np.float64)
    ridge = settings.user_ridge * max(float(np.trace(total)) / dim, 1e-12)
    roots = np.sqrt(np.maximum(np.diff(history.indptr), 1.0))
    shared = settings.unobserved * total + (ridge * roots)[:, None, None] * np.eye(dim)
    mine = items[history.indices]
    sums = np.zeros((history.shape[0], dim), np.float32)
    for user, (begin, end) in enumerate(itertools.pairwise(history.indptr.tolist())):
        near = mine[begin:end]
        shared[user] += near.T @ near
        sums[user] = near.sum(axis=0)
    solved = np.linalg.solve(shared, sums[:, :, None])[:, :, 0]
    return np.asarray(solved, np.float32)
