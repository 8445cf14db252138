"""Attack a person through the tables of their node: does this person have item X?

The attacker is a partner at the first hop and knows more than any real one: which K people's
records the table begins with, all these records, and their vectors. It subtracts what they
explain, so that the rest is the person's own contribution, rounded by the codec::

    e_i = N·p_i − c_i                     the person's bit, c_i listeners among the others
    x xᵀ = N·C − Σ x_u xᵀ_u               the person's vector, from its largest eigenvector
    f_i = (N·b_i − Σ x_u)·x / |x|²        the bit once more

and adds both up by their rounding errors: the log-likelihood ratio of "has it". Of a table that
was averaged with others since, with weight w = 2⁻ⁿ after n exchanges left of the own people, it
only knows what all people say on average; that adds noise of other people's sample. Items of the
person are told from others with as many listeners in the person's store, so that popularity is
worth nothing: .5 is chance.

Example:
    >>> bits = np.array([True, True, False, False, False])
    >>> roc(np.array([2.0, 0.5, 1.0, 0.0, 0.0]), bits, np.zeros(5, np.int64))
    (0.833, 0.5)
"""

from __future__ import annotations

from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

from peerrec.ids import item_hash
from peerrec.peering.factor_state import SOLVES
from peerrec.ranking.factor_codec import decode_table, encode_table
from peerrec.ranking.factor_frame import KEY_BITS, item_keys
from peerrec.ranking.factor_local import LocalFactors
from peerrec.ranking.factor_table import FactorTable, Keys, row_positions
from peerrec.store import Store

__all__ = ["inferred", "roc"]

Bools: TypeAlias = npt.NDArray[np.bool_]
Float64s: TypeAlias = npt.NDArray[np.float64]
Int64s: TypeAlias = npt.NDArray[np.int64]

FALSE_POSITIVES: Final = 0.01
"""Rate at which true positives are counted: an attacker who accuses must seldom be wrong
(Carlini et al. 2022)."""

SHARE_ROUNDING: Final = np.log(2) / 15 / np.sqrt(12)
"""Standard deviation of the codec's rounding of a share, in shares."""

NUMBER_ROUNDING: Final = 1 / 7 / np.sqrt(12)
"""The same of a number of b, in the largest one of its row."""


def inferred(local: LocalFactors, store: Store, me: str) -> dict[str, float]:
    """Return how well the attack does on one person, as columns of the table of nodes.

    Args:
        local: what the person's node averages now.
        store: of the node; knows the truth, and how popular items are.
        me: raw id of the person in it.
    """
    if local.history.shape[0] < 2:
        return {}
    if not local.history.indptr[1]:  # the table says nothing of the person
        return {"own_items_told": 0.0}
    keys, has, listeners = _truth(store, me)
    first = FactorTable.from_users(local.keys, local.history, local.users)
    auc, tpr = roc(_of_first_table(local, _sent(first), keys), has, listeners)
    found = {
        "own_items_told": float(local.history.indptr[1]),
        "inferred_auc": auc,
        "inferred_tpr": tpr,
    }
    if local.table.exchanges:
        people = max(len(store.peers().ids), 1)
        scores = _of_mixed_table(local, _sent(local.table), keys, listeners / people)
        found["inferred_mixed_auc"], _ = roc(scores, has, listeners)
    return found


def _truth(store: Store, me: str) -> tuple[Keys, Bools, Int64s]:
    """Return all items that the store knows, whether the person has each, and who else has."""
    columns, people, names = store.interactions(), store.peers(), store.items()
    key_of = item_keys([item_hash(raw) for raw in names.ids]).astype(np.int64)
    codes = dict(zip(people.ids, people.codes.tolist(), strict=True))
    pairs = np.unique(
        (columns.author.astype(np.int64) << KEY_BITS) | key_of[names.positions(columns.item)]
    )
    author, key = pairs >> KEY_BITS, pairs & ((1 << KEY_BITS) - 1)
    keys, place = np.unique(key, return_inverse=True)
    mine = author == codes.get(me, -1)
    has = np.zeros(len(keys), np.bool_)
    has[place[mine]] = True
    return keys.astype(np.uint32), has, np.bincount(place[~mine], minlength=len(keys))


def _sent(table: FactorTable) -> FactorTable:
    """Return a table as it arrives."""
    offered = table.covering(SOLVES.coverage, SOLVES.share_floor)
    return decode_table(encode_table(offered), dim=table.dim, rows_max=1 << KEY_BITS)


def _known(local: LocalFactors, keys: Keys) -> tuple[FactorTable, int]:
    """Return the sums that the other people explain, and how many people the table has."""
    n = local.history.shape[0]
    others = FactorTable.from_users(local.keys, local.history[1:], local.users[1:])
    return others.at(keys), n


def _of_first_table(local: LocalFactors, sent: FactorTable, keys: Keys) -> Float64s:
    """Return the log-likelihood ratio of each item, of a table of the own people alone."""
    known, n = _known(local, keys)
    seen = sent.at(keys)
    share = n * seen.share.astype(np.float64)
    bit = share - (n - 1) * known.share
    spread = (SHARE_ROUNDING * share) ** 2 + 0.01
    score = (bit - 0.5) / spread
    vector = _vector(n * sent.moment.astype(np.float64) - (n - 1) * known.moment)
    rest = n * seen.mean.astype(np.float64) - (n - 1) * known.mean
    length = float(vector @ vector)
    if length > 0:
        along = rest @ vector / length
        along *= 1.0 if float(along @ bit) >= 0 else -1.0  # an eigenvector has no sign
        largest = n * np.abs(seen.mean).max(axis=1, initial=0.0)
        score += (along - 0.5) / ((NUMBER_ROUNDING * largest) ** 2 / length + 0.01)
    return np.asarray(np.where(row_positions(sent.keys, keys)[1], score, -np.inf))


def _vector(rest: Float64s) -> Float64s:
    """Return x of the best x xᵀ."""
    values, vectors = np.linalg.eigh((rest + rest.T) / 2)
    return np.asarray(vectors[:, -1] * np.sqrt(max(float(values[-1]), 0.0)))


def _of_mixed_table(
    local: LocalFactors, sent: FactorTable, keys: Keys, average: Float64s
) -> Float64s:
    """Return the same of a table that holds other people's, too: by its shares."""
    known, n = _known(local, keys)
    weight = 2.0 ** -min(sent.exchanges, 16)
    share = sent.at(keys).share.astype(np.float64)
    bit = n * (share - (1 - weight) * average) / weight - (n - 1) * known.share
    others = (n * (1 - weight) / weight) ** 2 * (average + 1 / n) / n
    return np.asarray((bit - 0.5) / ((SHARE_ROUNDING * n * share / weight) ** 2 + others + 0.01))


def roc(scores: Float64s, has: Bools, stratum: Int64s) -> tuple[float, float]:
    """Return AUC and the true-positive rate at 1 % false positives, to three digits.

    Items are compared with those of the same stratum: those that are not the person's count
    with weights that make the strata as frequent among them as among the person's. Between
    equal scores coins are tossed.

    Args:
        scores: higher for "has it", shape (n,).
        has: the truth, shape (n,).
        stratum: what is compared with what, shape (n,).
    """
    n = int(stratum.max(initial=0)) + 1
    members = np.bincount(stratum[has], minlength=n)
    others = np.bincount(stratum[~has], minlength=n)
    both = (members > 0) & (others > 0)
    ratio = np.where(both, members / np.maximum(others, 1), 0.0)
    weight = np.where(has, both[stratum].astype(np.float64), ratio[stratum])
    if not weight.any():
        return np.nan, np.nan
    auc = 0.0
    for each in np.flatnonzero(both).tolist():
        rows = stratum == each
        below = np.sort(scores[rows & ~has])
        mine = scores[rows & has]
        wins = np.searchsorted(below, mine) + np.searchsorted(below, mine, side="right")
        auc += float(wins.sum()) / (2 * len(below))
    levels, place = np.unique(-scores, return_inverse=True)
    true = np.cumsum(np.bincount(place[has], weight[has], len(levels)))
    false = np.cumsum(np.bincount(place[~has], weight[~has], len(levels)))
    total = float(true[-1])
    at = np.interp(FALSE_POSITIVES * total, np.append(0.0, false), np.append(0.0, true))
    return round(auc / total, 3), round(float(at) / total, 3)
