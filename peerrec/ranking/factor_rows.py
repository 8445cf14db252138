"""Solve many small ridge regressions that share one table of vectors, in blocks.

Each row r of a sparse matrix wants the vector x that minimises

    Σ_{i in r} w(r, i) (1 − x·y_i)²  +  xᵀ G x  +  λ_r |x|²

where G is shared by all rows. Rows of about the same length are padded into one dense block
small enough for the processor's cache; there a few rounds of conjugate gradients (Hestenes
& Stiefel 1952; for implicit ALS Takács, Pilászy & Tikk 2011), from the vectors of the last
time, need two passes over the block each. The d × d matrix of a row is never formed. That
is what makes numpy keep up with compiled loops: see `peerrec_sim.benchmarks.factor_fit`.

Cost of one round: 4 · entries · d + 2 · rows · d² multiply-adds; memory: the padded columns
and weights, 12 bytes an entry, and one block of vectors.

Example:
    >>> matrix = sparse.csr_array(np.array([[2.0, 0.0], [1.0, 1.0]], np.float32))
    >>> vectors, start = np.eye(2, dtype=np.float32), np.zeros((2, 2), np.float32)
    >>> shared, ridge = np.zeros((2, 2), np.float32), np.ones(2, np.float32)
    >>> solve_rows(row_blocks(matrix, 2), vectors, start, shared, ridge, rounds=2)
    >>> start.round(1).astype(str).tolist()
    [['0.7', '0.0'], ['0.5', '0.5']]
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

from peerrec.late import sparse

__all__ = ["RowBlock", "row_blocks", "solve_row", "solve_rows"]

Float32s: TypeAlias = npt.NDArray[np.float32]
Ints: TypeAlias = npt.NDArray[np.intp]

BLOCK_FLOATS: Final = 1 << 17
"""Vector entries of one block: half a megabyte, which stays in a core's cache. Four times
less cost 30 % more (calls), eight times more cost 30 % more (memory)."""

TINY: Final = np.float32(1e-30)


@dataclass(frozen=True, slots=True, eq=False)
class RowBlock:
    """Rows of about one length, padded to the longest.

    Attributes:
        rows: which rows, shape (b,).
        columns: their columns, shape (b, length); padding names any column.
        weights: w, 0 for padding, shape (b, length).
    """

    rows: Ints
    columns: Ints
    weights: Float32s


def row_blocks(matrix: sparse.csr_array, d: int) -> list[RowBlock]:
    """Return the non-empty rows of a matrix in blocks, shortest rows first.

    Args:
        matrix: weights ≥ 0.
        d: length of the vectors that the blocks are meant for.
    """
    lengths = np.diff(matrix.indptr)
    order = np.argsort(lengths, kind="stable")
    order = order[lengths[order] > 0]
    blocks = []
    at = 0
    while at < len(order):
        stop = min(len(order), at + max(1, BLOCK_FLOATS // (int(lengths[order[at]]) * d)))
        # Rows grow towards the end of a block, and with them the padding.
        while stop - at > 1 and (stop - at) * int(lengths[order[stop - 1]]) * d > BLOCK_FLOATS:
            fitting = BLOCK_FLOATS // (int(lengths[order[stop - 1]]) * d)
            stop = at + max(1, min(stop - at - 1, fitting))
        blocks.append(_padded(matrix, order[at:stop]))
        at = stop
    return blocks


def _padded(matrix: sparse.csr_array, rows: Ints) -> RowBlock:
    lengths = np.diff(matrix.indptr)[rows]
    position = np.arange(int(lengths.max()))
    inside = position < lengths[:, None]
    at = matrix.indptr[rows][:, None] + np.where(inside, position, 0)
    return RowBlock(rows, matrix.indices[at].astype(np.intp), matrix.data[at] * inside)


def solve_rows(
    blocks: Sequence[RowBlock],
    vectors: Float32s,
    solution: Float32s,
    shared: Float32s,
    ridge: Float32s,
    rounds: int,
    column_factor: Float32s | None = None,
) -> None:
    """Improve the vector of every row by some rounds of conjugate gradients, in place.

    Args:
        blocks: of the matrix.
        vectors: y, float32, shape (columns, d).
        solution: where to begin, and the result, shape (rows, d); rows in no block stay.
        shared: G, shape (d, d).
        ridge: λ of each row, > 0, shape (rows,).
        rounds: ≥ 1; d rounds are exact but for rounding.
        column_factor: multiplies w of each column, shape (columns,); None for 1.
    """
    for block in blocks:
        near = np.take(vectors, block.columns, axis=0)
        weights = block.weights
        if column_factor is not None:
            weights = weights * column_factor[block.columns]
        own = (near, weights, shared, ridge[block.rows, None])
        solution[block.rows] = _improved(solution[block.rows], *own, rounds)


# Kernels of OpenBLAS may raise this flag on finite numbers with a finite product, by what lies
# beside them in memory: https://github.com/OpenMathLib/OpenBLAS/issues/1924.
@np.errstate(invalid="ignore")
def _improved(
    solution: Float32s,
    near: Float32s,
    weights: Float32s,
    shared: Float32s,
    ridge: Float32s,
    rounds: int,
) -> Float32s:
    """Return better vectors of one block, shape (b, d)."""

    def applied(direction: Float32s) -> Float32s:
        along = np.matmul(near, direction[:, :, None])[:, :, 0]
        along *= weights
        change = _gathered(along, near) + direction @ shared + ridge * direction
        return np.asarray(change, np.float32)

    missing = np.matmul(near, solution[:, :, None])[:, :, 0]
    np.subtract(np.float32(1), missing, out=missing)
    missing *= weights
    residual = _gathered(missing, near) - solution @ shared - ridge * solution
    direction, energy = residual, _squares(residual)
    for last in range(rounds - 1, -1, -1):
        change = applied(direction)
        curvature = np.einsum("ij,ij->i", direction, change)
        length = (energy / np.maximum(curvature, TINY))[:, None]
        solution = solution + length * direction
        if not last:
            break
        residual = residual - length * change
        before, energy = energy, _squares(residual)
        direction = residual + (energy / np.maximum(before, TINY))[:, None] * direction
    return np.asarray(solution, np.float32)


def _gathered(along: Float32s, near: Float32s) -> Float32s:
    """Return Σ_i along(r, i) · y_i of every row, shape (b, d)."""
    summed: Float32s = np.matmul(along[:, None, :], near)[:, 0]
    return summed


def _squares(rows: Float32s) -> Float32s:
    return np.asarray(np.einsum("ij,ij->i", rows, rows), np.float32)


def solve_row(near: Float32s, weights: Float32s, shared: Float32s, ridge: float) -> Float32s:
    """Return the exact vector of one row, float32, shape (d,).

    Args:
        near: y of its columns, shape (length, d).
        weights: w of its columns, shape (length,).
        shared: G, shape (d, d).
        ridge: λ, > 0.
    """
    wide = near.astype(np.float64)
    weighted = wide * weights[:, None]
    system = wide.T @ weighted + shared
    system[np.diag_indices_from(system)] += ridge
    return np.linalg.solve(system, weighted.sum(axis=0)).astype(np.float32)
