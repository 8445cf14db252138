"""Write the table that a Sybil answers with.

Every attacker has read the victim's table before it answers, knows the rules of merging, and
sends bytes that decode. ``promote`` and ``adaptive`` push a few items: the first says the most
a table can say, the second stays just inside the clip, so that nothing of it is cut. ``noise``
harms everybody: random directions for all rows. ``masked`` is noise under as much of the
victim's own table as its filter asks for, with room to spare. ``moment`` sends a C that is tiny
towards the mean user and huge elsewhere. ``share`` claims that everybody has the targets and
nobody the rest. ``modest`` says vectors as long as is usual among the victim's rows of the share
that it says. All count their exchanges as 65,535.

Example:
    >>> sorted(ATTACKS)
    ['adaptive', 'masked', 'modest', 'moment', 'noise', 'promote', 'share']
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Final, TypeAlias

import numpy as np

from peerrec.ranking.factor_codec import EXCHANGES_MAX
from peerrec.ranking.factor_lengths import lengths_of
from peerrec.ranking.factor_table import FactorTable, Float32s, Keys

__all__ = ["ATTACKS", "Attack"]

_MASK: Final = 3.0
"""Noise over signal of ``masked``: agreement of .3, where .1 to .25 is asked for."""

_LIKE: Final = 50
"""Rows of which ``modest`` takes the usual length."""

Attack: TypeAlias = Callable[[FactorTable, Keys, int, np.random.Generator], FactorTable]
"""From the victim's table, the targets' keys, K and chance to what is sent."""


def _mean_user(table: FactorTable) -> Float32s:
    """Return the direction of the mean user as far as a table tells, length 1."""
    mean = table.mean.sum(axis=0)
    return np.asarray(mean / max(float(np.linalg.norm(mean)), 1e-12), np.float32)


def _length(table: FactorTable) -> float:
    """Return about the 95th percentile of the lengths of user vectors."""
    return 1.5 * float(np.sqrt(np.trace(table.moment)))


def _said(table: FactorTable, targets: Keys, share: Float32s, vectors: Float32s) -> FactorTable:
    """Return the table with the rows of the targets replaced."""
    keys = np.union1d(table.keys, targets)
    full = table.at(keys)
    share_, mean = full.share.copy(), full.mean.copy()
    rows = np.searchsorted(keys, targets)
    share_[rows], mean[rows] = share, vectors
    return FactorTable(keys, share_, mean, full.moment, EXCHANGES_MAX)


def _promote(
    table: FactorTable, targets: Keys, people: int, rng: np.random.Generator
) -> FactorTable:
    vector = _mean_user(table) * np.float32(_length(table))
    return _said(table, targets, np.ones(len(targets), np.float32), vector)


def _adaptive(
    table: FactorTable, targets: Keys, people: int, rng: np.random.Generator
) -> FactorTable:
    now = table.at(targets).share
    share = np.minimum(1, now + np.float32(2.9) * np.sqrt((now + 1 / people) / people))
    share = share.astype(np.float32)
    return _said(table, targets, share, share[:, None] * _mean_user(table) * _length(table))


def _modest(
    table: FactorTable, targets: Keys, people: int, rng: np.random.Generator
) -> FactorTable:
    said = _adaptive(table, targets, people, rng)
    rows = np.searchsorted(said.keys, targets)
    lengths, order = lengths_of(table), np.argsort(table.share)
    mean = said.mean.copy()
    for row in rows.tolist():
        begin = int(np.searchsorted(table.share[order], said.share[row])) - _LIKE // 2
        like = order[max(min(begin, len(order) - _LIKE), 0) :][:_LIKE]
        usual = np.float32(np.median(lengths[like])) * said.share[row]
        mean[row] *= usual / max(float(np.linalg.norm(mean[row])), 1e-12)
    return dataclasses.replace(said, mean=mean)


def _noise(table: FactorTable, targets: Keys, people: int, rng: np.random.Generator) -> FactorTable:
    wild = rng.standard_normal(table.mean.shape).astype(np.float32)
    wild *= (table.share / np.linalg.norm(wild, axis=1) * np.float32(_length(table)))[:, None]
    return dataclasses.replace(table, mean=wild, exchanges=EXCHANGES_MAX)


def _masked(
    table: FactorTable, targets: Keys, people: int, rng: np.random.Generator
) -> FactorTable:
    wild = _noise(table, targets, people, rng)
    centre = table.mean.sum(axis=0) / max(float(table.share.sum()), 1e-30)
    signal = table.mean - table.share[:, None] * centre
    root = np.sqrt(np.maximum(table.share, 1e-12))[:, None]
    # Agreement of a mixture of the residual and of noise as long as it: half of each is .7.
    size = np.linalg.norm(signal / root) / np.linalg.norm(wild.mean / root)
    noise = wild.mean * np.float32(_MASK * size)
    mean = np.asarray(table.share[:, None] * centre + signal + noise, np.float32)
    return dataclasses.replace(table, mean=mean, exchanges=EXCHANGES_MAX)


def _moment(
    table: FactorTable, targets: Keys, people: int, rng: np.random.Generator
) -> FactorTable:
    mean = _mean_user(table)
    size = np.float32(np.trace(table.moment))
    wrong = np.eye(table.dim, dtype=np.float32) * size * 100
    wrong -= np.outer(mean, mean) * size * np.float32(99.9)
    return dataclasses.replace(
        _adaptive(table, targets, people, rng), moment=wrong, exchanges=EXCHANGES_MAX
    )


def _share(table: FactorTable, targets: Keys, people: int, rng: np.random.Generator) -> FactorTable:
    said = _promote(table, targets, people, rng)
    others = ~np.isin(said.keys, targets)
    share, mean = said.share.copy(), said.mean.copy()
    share[others] *= np.float32(0.01)
    mean[others] *= np.float32(0.01)
    return dataclasses.replace(said, share=share, mean=mean)


ATTACKS: Final[dict[str, Attack]] = {
    "adaptive": _adaptive,
    "masked": _masked,
    "modest": _modest,
    "moment": _moment,
    "noise": _noise,
    "promote": _promote,
    "share": _share,
}
