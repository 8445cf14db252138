"""Parameters of a factorisation, and what they come to in the units of a matrix.

See `peerrec.ranking.factors` for the formulas.

Example:
    >>> ones = sparse.csr_array(np.ones((4, 2), np.float32))
    >>> scale = Scale.of(ones, FactorParameters(unobserved=0.5, ridge=0.1))
    >>> float(scale.unobserved), scale.ridge(np.array([2.0]), scale.mean_user).round(3).tolist()
    (0.5, [0.20000000298023224])
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, TypeAlias

import msgspec
import numpy as np
import numpy.typing as npt

from peerrec.errors import ConfigError
from peerrec.late import sparse

__all__ = ["FactorParameters", "Scale"]

Float32s: TypeAlias = npt.NDArray[np.float32]
Float64s: TypeAlias = npt.NDArray[np.float64]

TINY: Final = 1e-30


class FactorParameters(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What shapes the factors; the defaults are the same for every data set.

    Attributes:
        factors: d, 1 … 1024, length of a vector.
        iterations: 1 … 1000, each solves the users, then the items.
        unobserved: > 0, weight of all unseen pairs together against the seen ones.
        ridge: > 0, in units of what would make every vector vanish.
        ridge_exponent: 0 … 1, how much of the ridge grows with the weight of a row.
        user_exponent: 0 … 1, how much of a user's total weight is divided out.
        rounds: ≥ 1, conjugate-gradient rounds of each solve.
        tail: (0, 1], share of users, the worst served, whose loss counts; 1 for all.
    """

    factors: int = 64
    iterations: int = 8
    unobserved: float = 8.0
    ridge: float = 0.1
    ridge_exponent: float = 1.0
    user_exponent: float = 0.5
    rounds: int = 3
    tail: float = 1.0

    def __post_init__(self) -> None:
        """Refuse impossible values."""
        allowed = {
            "factors": (1.0, 1024.0),
            "iterations": (1, 1000),
            "unobserved": (1e-6, 1e6),
            "ridge": (1e-6, 1e6),
            "ridge_exponent": (0, 1),
            "user_exponent": (0, 1),
            "rounds": (1, 1024),
            "tail": (1e-3, 1),
        }
        for key, (low, high) in allowed.items():
            value = getattr(self, key)
            if not low <= value <= high:
                raise ConfigError(key, value, f"give {low} to {high}")


@dataclass(frozen=True, slots=True)
class Scale:
    """The constants of a fit in units of its matrix.

    Attributes:
        unobserved: α.
        ridge_constant: ridge.
        ridge_exponent: as in the parameters.
        user_exponent: as in the parameters.
        total: factor that keeps Σ w = Σ weight.
        mean_weight: W̄, mean Σ_i weight(u, i) of users with items.
        mean_user: mean Σ_i w(u, i) of users with items.
        mean_item: mean Σ_u w(u, i) of items with users.
    """

    unobserved: np.float32
    ridge_constant: float
    ridge_exponent: float
    user_exponent: float
    total: float
    mean_weight: float
    mean_user: float
    mean_item: float

    @classmethod
    def of(cls, matrix: sparse.csr_array, parameters: FactorParameters) -> Scale:
        """Return the constants for a matrix of weights, users × items."""
        sums = np.asarray(matrix.sum(axis=1), np.float64)
        n_active = max(1, int(np.count_nonzero(sums)))
        n_known = max(1, len(np.unique(matrix.indices)))
        whole = max(float(sums.sum()), TINY)
        mean = whole / n_active
        damped = np.where(sums > 0, sums, mean) ** (1 - parameters.user_exponent)
        kept = float(damped[sums > 0].sum()) * mean**parameters.user_exponent
        return cls(
            np.float32(parameters.unobserved * whole / (n_active * n_known)),
            parameters.ridge,
            parameters.ridge_exponent,
            parameters.user_exponent,
            whole / kept if kept else 1.0,
            mean,
            mean,
            whole / n_known,
        )

    def of_users(self, sums: Float64s) -> Float64s:
        """Return w ÷ weight of users with these sums of weights; 0 for those with none."""
        positive = np.where(sums > 0, sums, self.mean_weight)
        factor = self.total * (positive / self.mean_weight) ** -self.user_exponent
        return np.asarray(np.where(sums > 0, factor, 0.0))

    def ridge(self, sums: Float64s, mean: float) -> Float32s:
        """Return λ of rows with these sums of w."""
        grown = np.maximum(sums, TINY) ** self.ridge_exponent * mean ** (1 - self.ridge_exponent)
        return np.asarray(self.ridge_constant * grown, np.float32)
