"""Turn columns of interactions into sparse matrices of users × items.

Example:
    >>> from peerrec_sim.community import Interactions
    >>> binary(Interactions.of([0, 0, 1], [2, 2, 0]), shape=(2, 3)).toarray().tolist()
    [[0.0, 0.0, 1.0], [1.0, 0.0, 0.0]]
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from scipy import sparse

from peerrec_sim.community import Interactions

__all__ = [
    "Csr",
    "binary",
    "degrees",
    "inverse_power",
    "row_shares",
    "scale_columns",
    "scale_rows",
    "weighted",
]

Csr: TypeAlias = "sparse.csr_array[np.float32, tuple[int, int]]"
"""A float32 CSR matrix; quoted because scipy's classes take no parameters at run time."""


def weighted(interactions: Interactions, shape: tuple[int, int]) -> Csr:
    """Return the weights as float32 CSR with sorted rows; repeats add up."""
    matrix = sparse.csr_array(
        (interactions.weight.astype(np.float32), (interactions.user, interactions.item)),
        shape=shape,
    )
    matrix.sum_duplicates()
    return matrix


def binary(interactions: Interactions, shape: tuple[int, int]) -> Csr:
    """Return 1 where a user met an item at all, as float32 CSR with sorted rows."""
    matrix = weighted(interactions, shape)
    matrix.data = np.ones(matrix.nnz, np.float32)
    return matrix


def degrees(matrix: Csr) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return how many entries each row and each column stores."""
    rows = np.diff(matrix.indptr).astype(np.float64)
    columns = np.bincount(matrix.indices, minlength=matrix.shape[1]).astype(np.float64)
    return rows, columns


def scale_rows(matrix: Csr, factor: npt.NDArray[np.float64]) -> Csr:
    """Return the matrix with row r multiplied by ``factor[r]``."""
    scaled = matrix.copy()
    scaled.data *= np.repeat(factor, np.diff(matrix.indptr)).astype(np.float32)
    return scaled


def scale_columns(matrix: Csr, factor: npt.NDArray[np.float64]) -> Csr:
    """Return the matrix with column c multiplied by ``factor[c]``."""
    scaled = matrix.copy()
    scaled.data *= factor.astype(np.float32)[matrix.indices]
    return scaled


def row_shares(matrix: Csr) -> Csr:
    """Return the matrix with every non-empty row summing to 1."""
    totals = np.asarray(matrix.sum(axis=1), dtype=np.float64)
    return scale_rows(matrix, inverse_power(totals, 1.0))


def inverse_power(values: npt.NDArray[np.float64], exponent: float) -> npt.NDArray[np.float64]:
    """Return ``values ** -exponent``, and 0 where the value is 0."""
    result = np.zeros(len(values), np.float64)
    positive = values > 0
    result[positive] = values[positive] ** -exponent
    return result
