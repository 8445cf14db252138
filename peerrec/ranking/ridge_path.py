"""Solve the ridge walk for every ridge and number of rounds at the price of one.

`peerrec.ranking.salsa.ridge_solution` solves (R Rᵀ + ridge · I) y = r by conjugate
gradients. All its answers for one r lie in the space spanned by r, (R Rᵀ) r, (R Rᵀ)² r, …,
which does not depend on the ridge. The Lanczos process (1950; Paige & Saunders 1975 for
the connection) builds an orthonormal basis q₁ … q_k of that space in which R Rᵀ is
tridiagonal, T. Then for any ridge and any k' ≤ k

    s = Rᵀ y = |r| · Σ_j c_j Rᵀ q_j,    (T_k' + ridge · I) c = e₁

Products with R and Rᵀ: the same as k rounds of conjugate gradients. Tuners live on this.

Example:
    >>> class Diagonal:
    ...     def to_hubs(self, at_items): return at_items * np.float32(2)
    ...     to_items = to_hubs
    >>> path = ridge_path(Diagonal(), np.array([[3.0]], np.float32), rounds=2)
    >>> path.scores(ridge=2.0, rounds=1).tolist()
    [[1.0]]
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from peerrec.ranking.salsa import TINY, Operator

__all__ = ["RidgePath", "ridge_path"]

Float32s: TypeAlias = npt.NDArray[np.float32]
Float64s: TypeAlias = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class RidgePath:
    """Walks of b egos from which the answers for all ridges follow.

    Attributes:
        basis: Rᵀ q_j, float32, shape (rounds, n_items, b).
        diagonal: of T, shape (rounds, b).
        beside: its other two diagonals, shape (rounds − 1, b).
        length: |r|, shape (b,).
    """

    basis: Float32s
    diagonal: Float64s
    beside: Float64s
    length: Float64s

    def coefficients(self, ridge: float, rounds: int) -> Float64s:
        """Return |r| · c, shape (rounds, b); see `ridge_coefficients`."""
        return ridge_coefficients(self.diagonal, self.beside, self.length, ridge, rounds)

    def scores(self, ridge: float, rounds: int) -> Float32s:
        """Return s, shape (n_items, b), for a ridge > 0 and 1 … len(basis) rounds."""
        weights = self.coefficients(ridge, rounds).astype(np.float32)
        total: Float32s = self.basis[0] * weights[0]
        for part, weight in zip(self.basis[1:rounds], weights[1:], strict=True):
            total += part * weight
        return total


def ridge_coefficients(
    diagonal: Float64s, beside: Float64s, length: Float64s, ridge: float, rounds: int
) -> Float64s:
    """Return |r| · c with (T + ridge · I) c = e₁, shape (rounds, b).

    The Thomas algorithm for tridiagonal systems, all egos side by side; T is positive
    semidefinite, so that no pivot is below the ridge.

    Args:
        diagonal: of T, shape (≥ rounds, b).
        beside: its neighbours, shape (≥ rounds − 1, b).
        length: |r|, shape (b,).
        ridge: > 0.
        rounds: ≥ 1, how much of T to use.
    """
    pivots = [diagonal[0] + ridge]
    right = [length]
    for j in range(1, rounds):
        factor = beside[j - 1] / pivots[-1]
        pivots.append(diagonal[j] + ridge - factor * beside[j - 1])
        right.append(-factor * right[-1])
    answer: Float64s = np.empty((rounds, len(length)))
    answer[-1] = right[-1] / pivots[-1]
    for j in range(rounds - 2, -1, -1):
        answer[j] = (right[j] - beside[j] * answer[j + 1]) / pivots[j]
    return answer


def ridge_path(step: Operator, target: Float32s, rounds: int) -> RidgePath:
    """Return the walks behind all ridge solutions of up to so many rounds.

    Args:
        step: R and Rᵀ.
        target: r, shape (n_users, b).
        rounds: ≥ 1.
    """
    length = _lengths(target)
    before, here = None, target * _inverse(length)
    basis, diagonal, beside = [], [], []
    for at in range(rounds):
        items = step.to_items(here)
        basis.append(items)
        diagonal.append(np.square(_lengths(items)))
        if at == rounds - 1:
            break
        there = step.to_hubs(items)
        there -= here * diagonal[-1].astype(np.float32)
        if before is not None:
            there -= before * beside[-1].astype(np.float32)
        size = _lengths(there)
        # What is left after exact cancellation is rounding, not a direction.
        size[size < 1e-4 * diagonal[-1]] = 0
        beside.append(size)
        there *= _inverse(size)
        before, here = here, there
    return RidgePath(
        np.stack(basis),
        np.stack(diagonal),
        np.stack(beside) if beside else np.empty((0, target.shape[1])),
        length,
    )


def _lengths(columns: Float32s) -> Float64s:
    """Return the norm of every column, shape (b,)."""
    squares = np.einsum("ij,ij->j", columns, columns)
    return np.asarray(np.sqrt(squares), np.float64)


def _inverse(lengths: Float64s) -> Float32s:
    """Return 1 / length, and 0 for what has none."""
    tiny = float(TINY) ** 0.5
    inverse = np.divide(1.0, lengths, out=np.zeros(len(lengths)), where=lengths > tiny)
    return np.asarray(inverse, np.float32)
