"""Factorise who has what into short vectors: implicit ALS, with folding-in.

Hu, Koren & Volinsky (2008) in the form of Rendle et al. (2022, "Revisiting the performance
of iALS on item recommendation benchmarks"): with x_u and y_i of length d, minimise

    Σ_{(u,i) seen} w(u,i) (1 − x_u·y_i)² + α Σ_u Σ_i (x_u·y_i)² + Σ_u λ_u |x_u|² + Σ_i λ_i |y_i|²

    w(u,i) = weight(u,i) · W_u^−user_exponent, scaled so that Σ w = Σ weight; W_u = Σ_i weight
    α      = unobserved · Σ w / (users · items), of those that have any
    λ_r    = ridge · w_r^ridge_exponent · mean^(1 − ridge_exponent)      w_r: row r's Σ w

one side at a time: users for fixed items are independent ridge regressions, and the reverse.
Deviation from both papers: the constants are relative to the data. `unobserved` is what all
unseen pairs weigh against the seen ones; with ridge_exponent 1 every vector vanishes from
ridge 1 on, because a matrix scaled by the roots of both its sums has a largest singular value
of 1. So one grid and one default suit all data sets. `user_exponent` .5 (long histories count
less) and `ridge_exponent` 1 were chosen on hold-outs of the training parts of ml-1m, LastFM and
Gowalla; ``peerrec evaluate DATA --ranker factors --set KEY=VALUE`` compares others.

`tail` < 1 minimises the conditional value at risk of the users' losses, the mean over the
worst-served share, after SAFER2 (Togashi et al. 2024, "Safe collaborative filtering"): items
are solved with users weighted by a smooth step at the (1 − tail) quantile of their losses. At
its optimum a user's loss per weight is 1 − Σ_i w x_u·y_i / Σ w, so it costs one product.
An option, not the default: on those hold-outs it lowered the loss of the tail, but made the
tail's lists worse, and the others' too.

Left out: adversarial perturbation with a magnitude per user (PamaCF: Zhang et al. 2024,
"Understanding and improving adversarial collaborative filtering for robust recommendation",
arXiv:2410.22844). In closed form the worst perturbation of the items within a radius is a further
ridge on that user, larger for long vectors; on the hold-outs it was worth no more than a ridge
differently tuned.

Each solve is a few rounds of conjugate gradients from the last vectors (`factor_rows`), the
last one of all is the users'. Folding one user or item in is exact. Cost: iterations ·
rounds · (8 · entries · d + 2 · (users + items) · d²).

Example:
    >>> pairs = np.array([[1, 1, 0, 0], [1, 1, 0, 0], [0, 0, 1, 1], [0, 0, 1, 1]], np.float32)
    >>> small = FactorParameters(factors=2, unobserved=0.5)
    >>> start = random_start(4, 2, np.random.default_rng(0))
    >>> model = fit_factors(sparse.csr_array(pairs), small, start)
    >>> newcomer = model.fold_in_user(np.array([0]), np.ones(1))
    >>> [item for item, score in enumerate(model.item_factors @ newcomer) if score > 0.5]
    [0, 1]
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

from peerrec.errors import ConfigError
from peerrec.late import sparse
from peerrec.ranking.factor_rows import row_blocks, solve_row, solve_rows
from peerrec.ranking.factor_scale import FactorParameters, Scale

__all__ = ["FactorParameters", "ImplicitFactors", "fit_factors", "random_start"]

Float32s: TypeAlias = npt.NDArray[np.float32]
Float64s: TypeAlias = npt.NDArray[np.float64]

START_SCALE: Final = 0.1
"""Length of a start vector: small, so that the first users' solve sees mostly their own items."""

FOLD_ROUNDS: Final = 32
"""Rounds after which float32 knows no better."""

SMOOTHING: Final = 0.5
"""Width of the step at the quantile, in standard deviations of the losses."""


@dataclass(frozen=True, eq=False)
class ImplicitFactors:
    """Fitted vectors, and what folding-in needs to know of the fit.

    Attributes:
        user_factors: x, float32, shape (n_users, d); zero for users without items.
        item_factors: y, float32, shape (n_items, d); zero for items without users.
        parameters: of the fit.
        scale: constants of the fit's matrix.
        user_scale: w(u, i) ÷ weight(u, i) of each user, shape (n_users,).
    """

    user_factors: Float32s
    item_factors: Float32s
    parameters: FactorParameters
    scale: Scale
    user_scale: Float64s

    @cached_property
    def item_gram(self) -> Float32s:
        """α Σ_j y_j y_jᵀ, shape (d, d)."""
        return self.scale.unobserved * (self.item_factors.T @ self.item_factors)

    @cached_property
    def user_gram(self) -> Float32s:
        """α Σ_u x_u x_uᵀ, shape (d, d)."""
        return self.scale.unobserved * (self.user_factors.T @ self.user_factors)

    def fold_in_user(self, items: npt.NDArray[np.integer], weights: npt.ArrayLike) -> Float32s:
        """Return the exact vector of a user with these items, shape (d,); nothing is retrained.

        Args:
            items: item codes, shape (m,).
            weights: > 0, as in the fitted matrix, shape (m,).
        """
        given = np.asarray(weights, np.float64)
        if not len(items):
            return np.zeros(self.item_factors.shape[1], np.float32)
        w = given * self.scale.of_users(np.array([given.sum()]))
        ridge = self.scale.ridge(np.array([w.sum()]), self.scale.mean_user)[0]
        near = self.item_factors[items]
        return solve_row(near, w.astype(np.float32), self.item_gram, float(ridge))

    def fold_in_users(self, profiles: sparse.csr_array) -> Float32s:
        """Return the vectors of many users, shape (b, d); row k of the profiles is user k's.

        By conjugate gradients to convergence in float32: agrees with `fold_in_user` to rounding.
        """
        sums = np.asarray(profiles.sum(axis=1), np.float64)
        factor = self.scale.of_users(sums)
        scaled = _with_rows_scaled(sparse.csr_array(profiles), factor)
        d = self.item_factors.shape[1]
        folded = np.zeros((profiles.shape[0], d), np.float32)
        ridge = self.scale.ridge(sums * factor, self.scale.mean_user)
        rounds = min(d, FOLD_ROUNDS)
        solve_rows(row_blocks(scaled, d), self.item_factors, folded, self.item_gram, ridge, rounds)
        return folded

    def fold_in_item(self, users: npt.NDArray[np.integer], weights: npt.ArrayLike) -> Float32s:
        """Return the exact vector of an item that these users have, shape (d,).

        Args:
            users: user codes of the fit, shape (m,).
            weights: > 0, as in the fitted matrix, shape (m,).
        """
        w = np.asarray(weights, np.float64) * self.user_scale[users]
        if not len(users):
            return np.zeros(self.user_factors.shape[1], np.float32)
        ridge = self.scale.ridge(np.array([w.sum()]), self.scale.mean_item)[0]
        near = self.user_factors[users]
        return solve_row(near, w.astype(np.float32), self.user_gram, float(ridge))

    def scores(self, users: npt.NDArray[np.integer]) -> Float32s:
        """Return x_u·y_i of some users and all items, shape (b, n_items)."""
        return np.asarray(self.user_factors[users] @ self.item_factors.T, np.float32)


def random_start(n_items: int, d: int, rng: np.random.Generator) -> Float32s:
    """Return item vectors to begin with, of length about `START_SCALE`, shape (n_items, d)."""
    drawn = rng.standard_normal((n_items, d), dtype=np.float32)
    return drawn * np.float32(START_SCALE / np.sqrt(d))


def fit_factors(
    matrix: sparse.csr_array, parameters: FactorParameters, start: Float32s
) -> ImplicitFactors:
    """Return the vectors of all users and items of a matrix.

    Args:
        matrix: weights > 0, users × items; a weight of 2 counts like two interactions.
        parameters: what shapes the fit.
        start: item vectors to begin with, shape (n_items, factors): `random_start`, or
            those of an earlier fit.

    Raises:
        ConfigError: the start does not fit the matrix and the parameters.
    """
    d = parameters.factors
    if start.shape != (matrix.shape[1], d):
        allowed = f"give vectors of shape ({matrix.shape[1]}, {d})"
        raise ConfigError("start", start.shape, allowed)
    scale = Scale.of(matrix, parameters)
    user_scale = scale.of_users(np.asarray(matrix.sum(axis=1), np.float64))
    fit = _Fit(_with_rows_scaled(matrix, user_scale), parameters, scale, start)
    users, items = fit.run()
    return ImplicitFactors(users, items, parameters, scale, user_scale)


class _Fit:
    """One fit under way."""

    def __init__(
        self,
        weights: sparse.csr_array,
        parameters: FactorParameters,
        scale: Scale,
        start: Float32s,
    ) -> None:
        self._parameters, self._scale = parameters, scale
        by_item = weights.T.tocsr()
        self._sums = np.asarray(weights.sum(axis=1), np.float64)
        self._weights = weights
        self._user_blocks = row_blocks(weights, parameters.factors)
        self._item_blocks = row_blocks(by_item, parameters.factors)
        self._user_ridge = scale.ridge(self._sums, scale.mean_user)
        item_sums = np.asarray(by_item.sum(axis=1), np.float64)
        self._item_ridge = scale.ridge(item_sums, scale.mean_item)
        self._users = np.zeros((weights.shape[0], parameters.factors), np.float32)
        self._items = np.array(start, np.float32)
        self._items[item_sums == 0] = 0
        self._tail = (self._sums > 0).astype(np.float32)

    def run(self) -> tuple[Float32s, Float32s]:
        """Return x and y after all iterations and a last solve of the users."""
        for _ in range(self._parameters.iterations):
            self._solve_users()
            self._solve_items()
        self._solve_users()
        return self._users, self._items

    def _solve_users(self) -> None:
        gram = self._scale.unobserved * (self._items.T @ self._items)
        rounds = self._parameters.rounds
        solve_rows(self._user_blocks, self._items, self._users, gram, self._user_ridge, rounds)

    def _solve_items(self) -> None:
        factor = self._tail_factor() if self._parameters.tail < 1 else None
        seen = self._users if factor is None else self._users * factor[:, None]
        gram = self._scale.unobserved * (seen.T @ self._users)
        rounds = self._parameters.rounds
        solve_rows(
            self._item_blocks, self._users, self._items, gram, self._item_ridge, rounds, factor
        )

    def _tail_factor(self) -> Float32s:
        """Return what each user's loss weighs: about 1 / tail in the tail, else 0."""
        taste = np.einsum("ij,ij->i", self._weights @ self._items, self._users)
        active = self._sums > 0
        losses = 1.0 - taste[active] / self._sums[active]
        # Half of what it was: else the last and the best served change places for ever.
        self._tail[active] += tail_weights(losses, self._parameters.tail)
        self._tail[active] /= 2
        return self._tail


def tail_weights(losses: Float64s, tail: float) -> Float32s:
    """Return weights of mean 1 that look at the worst share: a smooth step, shape (u,).

    Args:
        losses: one per user.
        tail: (0, 1), share of users that the step lets through.
    """
    width = SMOOTHING * float(losses.std()) if len(losses) else 0.0
    if width <= 1e-9:
        return np.ones(len(losses), np.float32)
    low, high = float(losses.min()) - 40 * width, float(losses.max()) + 40 * width
    for _ in range(60):
        middle = (low + high) / 2
        if _step(losses, middle, width).mean() > tail:
            low = middle
        else:
            high = middle
    step = _step(losses, (low + high) / 2, width)
    return np.asarray(step / step.mean(), np.float32)


def _step(losses: Float64s, at: float, width: float) -> Float64s:
    """Return a logistic step, computed without overflow."""
    return np.asarray((1 + np.tanh((losses - at) / (2 * width))) / 2)


def _with_rows_scaled(matrix: sparse.csr_array, factor: Float64s) -> sparse.csr_array:
    """Return a float32 copy with row r multiplied by factor[r]."""
    data = matrix.data * np.repeat(factor, np.diff(matrix.indptr))
    return sparse.csr_array(
        (data.astype(np.float32), matrix.indices, matrix.indptr), shape=matrix.shape
    )
