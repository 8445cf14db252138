"""Score items for one user from a table, believing only what trusted people bear out.

A table that strangers averaged supplies direction; magnitude must be borne out by the node's
own graph. Of m known people k have an item; what that supports with some confidence is the
lower end of Wilson's interval, and the share in the table counts up to a multiple of it::

    p_i ← min(p_i, max(g · W(k_i, m, z), n₀ / max(m, 50))),    b_i shrinks with p_i

That none of m people has an item says little against a share of 2 / m: in one of seven samples
nobody has it. In a large catalogue most items are there, so such a share is allowed to all, as
if at least 50 people were known. The length of b_i / p_i is bounded before, see
`peerrec.ranking.factor_lengths`. (What a node lists in the end needs somebody heard who has it,
see `peerrec.ranking.table_blend`.)

Example:
    >>> import numpy as np
    >>> one = np.eye(1, dtype=np.float32)
    >>> table = FactorTable(
    ...     np.array([3, 4], np.uint32), np.float32([0.5, 0.2]), np.float32([[0.5], [0.2]]), one
    ... )
    >>> [round(s, 2) for s in scores(table, np.array([0]), FactorSettings(dim=1)).tolist()]
    [0.86, 0.5]
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from peerrec.late import sparse
from peerrec.ranking.factor_lengths import of_usual_length
from peerrec.ranking.factor_solve import FactorSettings, item_vectors, solve_users
from peerrec.ranking.factor_table import FactorTable, Float32s

__all__ = ["Evidence", "capped", "evidence_cap", "scores"]

_FEW: Final = 50.0
"""Known people below which what none of them has is allowed no larger share."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """How much trusted evidence is asked for.

    Attributes:
        z: standard deviations that the lower bound lies below what was seen.
        margin: g, factor on the bound.
        unseen: n₀, people whose share any item may have.
    """

    z: float = 1.0
    margin: float = 3.0
    unseen: float = 2.0


def evidence_cap(counts: Float32s, people: float, evidence: Evidence) -> Float32s:
    """Return the largest share that known people support, shape (n,).

    Args:
        counts: merit-weighted number of known people who have each item.
        people: merit-weighted number of known people, > 0.
        evidence: see `Evidence`.
    """
    n = max(people, 1.0)
    seen = np.minimum(counts / n, 1.0)
    square = evidence.z**2 / n
    width = evidence.z * np.sqrt(seen * (1 - seen) / n + square / (4 * n))
    lower = (seen + square / 2 - width) / (1 + square)
    allowed = evidence.unseen / max(n, _FEW)
    return np.asarray(np.maximum(evidence.margin * lower, allowed), np.float32)


def capped(table: FactorTable, cap: Float32s) -> FactorTable:
    """Return the table with no share above its cap; p and b shrink together."""
    share = np.minimum(table.share, cap)
    ratio = share / np.maximum(table.share, np.float32(1e-12))
    mean = np.asarray(table.mean * ratio[:, None], np.float32)
    return dataclasses.replace(table, share=share, mean=mean)


def scores(
    table: FactorTable,
    owned: npt.NDArray[np.intp],
    settings: FactorSettings,
    counts: Float32s | None = None,
    people: float = 0.0,
    evidence: Evidence | None = None,
) -> Float32s:
    """Return the score of every row for the user who has these rows, shape (n,).

    Args:
        table: what the node serves from.
        owned: rows of the items that the user has.
        settings: constants of the solves.
        counts: known people who have each row's item, shape (n,); needed for evidence.
        people: known people.
        evidence: None to believe the table.
    """
    items = item_vectors(table, settings)
    history = sparse.csr_array(
        (np.ones(len(owned), np.float32), owned, np.array([0, len(owned)])),
        shape=(1, len(table)),
    )
    user = solve_users(history, items, settings)[0]
    shown = table
    if evidence is not None and counts is not None:
        shown = capped(of_usual_length(table, counts), evidence_cap(counts, people, evidence))
        items = item_vectors(shown, settings)
    weight = (shown.share + np.float32(settings.share_damping)) ** np.float32(
        settings.serving_exponent
    )
    return np.asarray((items @ user) * weight, np.float32)
