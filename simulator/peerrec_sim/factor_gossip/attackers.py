"""Write the table that a Sybil answers with.

Every attacker has read the victim's table before it answers, knows the rules of merging, and
sends bytes that decode. ``promote`` and ``adaptive`` push one item: the first says the most a
table can say, the second stays just inside the clip, so that nothing of it is cut. ``noise``
harms everybody: random directions for all rows. ``moment`` sends a C that is tiny towards the
mean user and huge elsewhere. ``share`` claims that everybody has the target and nobody the
rest. All count their exchanges as 65,535.

Example:
    >>> sorted(ATTACKS)
    ['adaptive', 'moment', 'noise', 'promote', 'share']
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Final, TypeAlias

import numpy as np

from peerrec.ranking.factor_codec import EXCHANGES_MAX
from peerrec.ranking.factor_table import FactorTable, Float32s

__all__ = ["ATTACKS", "Attack"]

Attack: TypeAlias = Callable[[FactorTable, int, int, np.random.Generator], FactorTable]
"""From the victim's table, the target's key, K and chance to what is sent."""


def _mean_user(table: FactorTable) -> Float32s:
    """Return the direction of the mean user as far as a table tells, length 1."""
    mean = table.mean.sum(axis=0)
    return np.asarray(mean / max(float(np.linalg.norm(mean)), 1e-12), np.float32)


def _length(table: FactorTable) -> float:
    """Return about the 95th percentile of the lengths of user vectors."""
    return 1.5 * float(np.sqrt(np.trace(table.moment)))


def _said(table: FactorTable, key: int, share: float, vector: Float32s) -> FactorTable:
    """Return the table with one row replaced."""
    keys = np.union1d(table.keys, np.array([key], np.uint32))
    full = table.at(keys)
    share_, mean = full.share.copy(), full.mean.copy()
    row = int(np.searchsorted(keys, key))
    share_[row], mean[row] = share, vector
    return FactorTable(keys, share_, mean, full.moment, EXCHANGES_MAX)


def _promote(table: FactorTable, key: int, people: int, rng: np.random.Generator) -> FactorTable:
    return _said(table, key, 1.0, _mean_user(table) * np.float32(_length(table)))


def _adaptive(table: FactorTable, key: int, people: int, rng: np.random.Generator) -> FactorTable:
    row = table.at(np.array([key], np.uint32))
    now = float(row.share[0])
    share = min(1.0, now + 2.9 * float(np.sqrt((now + 1 / people) / people)))
    return _said(table, key, share, _mean_user(table) * np.float32(share * _length(table)))


def _noise(table: FactorTable, key: int, people: int, rng: np.random.Generator) -> FactorTable:
    wild = rng.standard_normal(table.mean.shape).astype(np.float32)
    wild *= (table.share / np.linalg.norm(wild, axis=1) * np.float32(_length(table)))[:, None]
    return dataclasses.replace(table, mean=wild, exchanges=EXCHANGES_MAX)


def _moment(table: FactorTable, key: int, people: int, rng: np.random.Generator) -> FactorTable:
    mean = _mean_user(table)
    size = np.float32(np.trace(table.moment))
    wrong = np.eye(table.dim, dtype=np.float32) * size * 100
    wrong -= np.outer(mean, mean) * size * np.float32(99.9)
    return dataclasses.replace(
        _adaptive(table, key, people, rng), moment=wrong, exchanges=EXCHANGES_MAX
    )


def _share(table: FactorTable, key: int, people: int, rng: np.random.Generator) -> FactorTable:
    said = _promote(table, key, people, rng)
    others = said.keys != key
    share, mean = said.share.copy(), said.mean.copy()
    share[others] *= np.float32(0.01)
    mean[others] *= np.float32(0.01)
    return dataclasses.replace(said, share=share, mean=mean)


ATTACKS: Final[dict[str, Attack]] = {
    "adaptive": _adaptive,
    "moment": _moment,
    "noise": _noise,
    "promote": _promote,
    "share": _share,
}
