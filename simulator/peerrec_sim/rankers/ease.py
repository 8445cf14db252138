"""Rank by EASE: a linear item-item model with a closed form.

Example:
    >>> import numpy as np
    >>> from peerrec_sim.community import Community, Interactions
    >>> ranker = Ease().with_settings({"regularisation": "1"})
    >>> plays = Interactions.of([0, 1, 1], [0, 0, 1])
    >>> ranker.fit(Community("tiny", ("ann", "bob"), ("x", "y"), plays))
    >>> [round(score, 4) for score in ranker.score(np.array([0], np.int32))[0].tolist()]
    [0.0, 0.3333]
"""

from __future__ import annotations

from typing import Annotated

import numpy as np
from msgspec import Meta
from scipy.linalg import lapack

from peerrec.errors import ConfigError
from peerrec_sim.community import Community
from peerrec_sim.matrices import binary
from peerrec_sim.rankers.base import Float32s, Int32s, Parameters, Ranker

__all__ = ["Ease", "EaseParameters"]

_COPIES = 2
"""Dense item × item matrices alive at once while the inverse is taken."""


class EaseParameters(Parameters, frozen=True):
    """Settings of EASE.

    Attributes:
        regularisation: λ on the diagonal of the item-item Gram matrix.
        memory_limit_mb: refuse a community whose dense matrices would need more.
    """

    regularisation: Annotated[float, Meta(gt=0)] = 200.0
    memory_limit_mb: Annotated[float, Meta(gt=0)] = 4096.0


class Ease(Ranker[EaseParameters]):
    """Score items by a learned linear mix of the items a user has.

    Steck 2019: P = (XᵀX + λI)⁻¹, B = I − P · diag(1 / diag P), scores X B, on binary
    interactions. Here in float32 (λ keeps the matrix well conditioned). Cost: n_items³ / 3
    once, 8 · n_items² bytes.
    """

    name = "ease"
    parameters_type = EaseParameters

    def fit(self, community: Community, seed: int = 0) -> None:
        """Invert the regularised Gram matrix; see ``Ranker.fit``."""
        self._refuse_if_too_large(community)
        self._history = binary(community.interactions, (community.n_users, community.n_items))
        gram = np.asfortranarray((self._history.T @ self._history).toarray(), dtype=np.float32)
        gram[np.diag_indices_from(gram)] += self.parameters.regularisation
        factor, failed = lapack.spotrf(gram, lower=0, clean=0, overwrite_a=1)
        inverse, failed_too = lapack.spotri(factor, lower=0, overwrite_c=1)
        if failed or failed_too:
            setting = self.parameters.regularisation
            raise ConfigError("ease.regularisation", setting, "the matrix is singular; raise it")
        _mirror_upper(inverse)
        inverse /= -np.diag(inverse)[None, :].copy()
        np.fill_diagonal(inverse, 0.0)
        self._weights = inverse

    def score(self, users: Int32s) -> Float32s:
        """Return the histories times the learned weights; see ``Ranker.score``."""
        return np.asarray(self._history[users] @ self._weights, dtype=np.float32)

    def grid(self) -> dict[str, list[float]]:
        """Return the values worth trying; see ``Ranker.grid``."""
        return {"regularisation": [25.0, 50.0, 100.0, 200.0, 400.0, 800.0, 1600.0]}

    def _refuse_if_too_large(self, community: Community) -> None:
        """Raise ConfigError where the dense matrices would not fit into the limit."""
        needed_mb = _COPIES * 4 * community.n_items**2 / 1e6
        if needed_mb > self.parameters.memory_limit_mb:
            raise ConfigError(
                "ease.memory_limit_mb",
                self.parameters.memory_limit_mb,
                f"ease needs {needed_mb:,.0f} MB for the {community.n_items:,} items of "
                f"{community.name}; raise the limit or choose a sparse ranker such as itemknn",
            )


def _mirror_upper(matrix: Float32s, block: int = 1024) -> None:
    """Copy the upper triangle over the lower one, in place and without a copy."""
    n = len(matrix)
    for start in range(0, n, block):
        stop = min(start + block, n)
        corner = matrix[start:stop, start:stop]
        corner[...] = np.triu(corner) + np.triu(corner, 1).T
        matrix[stop:, start:stop] = matrix[start:stop, stop:].T
