"""Blur what a table says of a person who publishes nothing: randomised response, item by item.

Whoever knows all other records in a table can subtract them. What is left is then not the
person's items but a set drawn from them and from what the others have::

    own item that `LISTENERS_MIN` others have       with probability q
    another item that so many others have           with probability r_i = q · n · c_i / Σ c ≤ q

n own items, c_i others with item i: as many decoys as own items, with the popularity of the
others' items. Own items that hardly anybody else has are never in it. The dice are a keyed hash
of the item with a secret of the node: the answer is the same in every table, so that many tell no
more than one (Erlingsson et al. 2014, RAPPOR's permanent response; after Warner 1965). Everything
that is sent follows from this set, the person's vector included: what any attack on one item gains
over items that are as popular is at most q − r_i, AUC ½ + (q − r_i) / 2. It is no differential
privacy of the person: q / r_i is some 5 to 20, for every item.

Deviation from RAPPOR: decoys follow popularity, because a uniform draw from thousands of items
would tell the few popular ones apart.

Cost: one hash, 1 µs, for each item of the people.

Example:
    >>> from scipy import sparse
    >>> history = sparse.csr_array(np.float32([[1, 1, 0], [1, 0, 1], [1, 0, 1], [1, 0, 1]]))
    >>> keys = np.array([3, 5, 9], np.uint32)
    >>> drawn = [disguised(keys, history, bytes([n]) * 32, kept=0.5) for n in range(200)]
    >>> [round(float(np.mean([5 in row for row in drawn])), 1)]  # nobody else has it
    [0.0]
    >>> [round(float(np.mean([key in row for row in drawn])), 1) for key in (3, 9)]
    [0.5, 0.5]
"""

from __future__ import annotations

import hashlib
from typing import Final

import numpy as np
import numpy.typing as npt

from peerrec.ranking.factor_table import History, Keys

__all__ = ["LISTENERS_MIN", "disguised"]

LISTENERS_MIN: Final = 3
"""Others in the table who have an item before it may be said of a private person, too."""

_KEY_BYTES: Final = 4


def disguised(keys: Keys, history: History, secret: bytes, *, kept: float) -> Keys:
    """Return the keys that are said of the first person, ascending; may be empty.

    Args:
        keys: ascending and distinct, shape (n,).
        history: who has what, the private person first, shape (people, n).
        secret: of the node, 16 to 64 bytes, never sent.
        kept: q in (0, 1]; 1 says everything as it is.
    """
    first = history.indptr[1]
    own = np.zeros(len(keys), np.bool_)
    own[history.indices[:first]] = True
    if kept >= 1.0:
        return keys[own]
    others = np.bincount(history.indices[first:], minlength=len(keys))
    known = np.flatnonzero(others >= LISTENERS_MIN)
    decoys = np.where(own, 0, others)[known]
    n_own = np.count_nonzero(own[known])
    rate = kept * np.minimum(1.0, n_own * decoys / max(int(decoys.sum()), 1))
    return keys[known[_dice(keys[known], secret) < np.where(own[known], kept, rate)]]


def _dice(keys: Keys, secret: bytes) -> npt.NDArray[np.float64]:
    """Return a number in [0, 1) for each key, always the same, shape (n,)."""
    data = keys.astype(">u4").tobytes()
    drawn = b"".join(
        hashlib.blake2b(data[at : at + _KEY_BYTES], digest_size=8, key=secret).digest()
        for at in range(0, len(data), _KEY_BYTES)
    )
    return np.frombuffer(drawn, ">u8").astype(np.float64) / 2.0**64
