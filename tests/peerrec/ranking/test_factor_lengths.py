"""No vector counts for more than is usual for its share."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from peerrec.ranking.factor_lengths import lengths_of, of_usual_length
from peerrec.ranking.factor_table import FactorTable

ROWS, DIM = 600, 8


def honest(seed: int = 0) -> tuple[FactorTable, np.ndarray]:
    """A table in which lengths fall with shares, and how many known people have each row."""
    rng = np.random.default_rng(seed)
    share = (0.5 * rng.random(ROWS) ** 4 + 1e-3).astype(np.float32)
    mean = rng.standard_normal((ROWS, DIM)).astype(np.float32)
    lengths = (0.8 + 0.2 * np.log(1 / share)) * rng.uniform(0.9, 1.1, ROWS)
    mean *= (share * lengths / np.linalg.norm(mean, axis=1))[:, None]
    table = FactorTable(np.arange(ROWS, dtype=np.uint32), share, mean, np.eye(DIM, dtype="f4"))
    return table, rng.binomial(50, share).astype(np.float32)


def stretched(table: FactorTable, row: int, factor: float) -> FactorTable:
    mean = table.mean.copy()
    mean[row] *= np.float32(factor)
    return dataclasses.replace(table, mean=mean)


def test_most_honest_rows_keep_most_of_their_length():
    table, counts = honest()
    kept = lengths_of(of_usual_length(table, counts)) / lengths_of(table)
    assert np.median(kept) > 0.9
    assert (kept <= 1 + 1e-5).all()


def test_who_says_a_large_share_and_a_long_vector_is_taken_for_usual():
    table, counts = honest()
    rare = int(np.flatnonzero(counts == 0)[0])
    share = table.share.copy()
    share[rare] = 0.4
    said = dataclasses.replace(table, share=share)
    said = stretched(said, rare, 3.0 * 0.4 / np.linalg.norm(said.mean[rare]))
    alike = lengths_of(table)[(table.share > 0.2) & (counts > 0)]
    found = lengths_of(of_usual_length(said, counts))[rare]
    assert found <= 1.1 * np.median(alike)


@given(st.integers(0, ROWS - 1), st.floats(1.0, 100.0))
def test_saying_more_gains_nothing(row, factor):
    table, counts = honest(3)
    counts = counts.copy()
    counts[row] = 0  # nobody known, so that it does not say what is usual
    least = of_usual_length(stretched(table, row, 100.0), counts)
    found = of_usual_length(stretched(table, row, factor), counts)
    lengths = lengths_of(found)
    assert lengths[row] <= lengths_of(least)[row] * (1 + 1e-4)
    assert np.array_equal(np.delete(found.mean, row, 0), np.delete(least.mean, row, 0))


def test_directions_stay():
    table, counts = honest()
    found = of_usual_length(table, counts)
    like = np.einsum("nd,nd->n", found.mean, table.mean)
    assert like == pytest.approx(
        np.linalg.norm(found.mean, axis=1) * np.linalg.norm(table.mean, axis=1), rel=1e-4
    )


def test_without_anybody_known_nothing_is_usual():
    table, _ = honest()
    assert of_usual_length(table, np.zeros(ROWS, np.float32)) is table


def test_of_few_known_rows_their_median_is_usual():
    table, _ = honest()
    counts = np.zeros(ROWS, np.float32)
    counts[:9] = 1
    found = lengths_of(of_usual_length(table, counts))
    assert found.max() == pytest.approx(np.median(lengths_of(table)[:9]), rel=1e-4)
