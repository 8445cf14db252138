"""Gather the records that a node's own table of factors begins with.

The own person comes first, then the peers with most merit whose records are here. What the
person marked private stays out where the person publishes anything at all. Who publishes
nothing would be the only one whose taste the network never learns: such records go in, but only
among those of enough trusted peers (`NodeSettings.factor_mix_min`), else the own row is empty,
and never as they are: see `peerrec.peering.factor_disguise`.

Example:
    >>> from peerrec.store import Interaction
    >>> from peerrec.store.memory import MemoryStore
    >>> store = MemoryStore()
    >>> store.record(Interaction("me", "song:a", time=60.0, public=False))
    >>> store.record(Interaction(bytes(32), "song:b", time=60.0, public=True))
    >>> people = gather_people(store, "me", {bytes(32): 0.5}, people_max=50, mix_min=2)
    >>> people.history.toarray().tolist(), people.contributes
    ([[0.0], [1.0]], False)
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from peerrec.ids import item_hash
from peerrec.late import sparse
from peerrec.peering.factor_disguise import disguised
from peerrec.ranking.factor_frame import KEY_BITS, item_keys
from peerrec.ranking.factor_table import History, Keys
from peerrec.store import InteractionColumns, RawId, Store

__all__ = ["People", "gather_people"]

Codes: TypeAlias = npt.NDArray[np.int32]
Places: TypeAlias = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class People:
    """Whose records a table begins with.

    Attributes:
        keys: of all their items, ascending and distinct, shape (n,).
        history: 1 where a person has an item, the own person first, shape (people, n).
        contributes: whether the own row may hold anything.
    """

    keys: Keys
    history: History
    contributes: bool


def gather_people(
    store: Store,
    me: RawId,
    merit: Mapping[bytes, float],
    *,
    people_max: int,
    mix_min: int,
    secret: bytes = b"",
    kept: float = 1.0,
) -> People | None:
    """Return the own person and the most trusted peers; None where nothing may be said.

    Args:
        store: holds the records.
        me: raw id of its person.
        merit: of peers; who is not in it is left out.
        people_max: peers at most, those with most merit first; ties by id.
        mix_min: see above.
        secret: of the node; decides what is said of a person who publishes nothing.
        kept: probability that an item of such a person is said; 1 says all as it is.

    Cost: a look at every interaction, 1 µs for each item of these people.
    """
    columns, names = store.interactions(), store.peers()
    code_of = dict(zip(names.ids, names.codes.tolist(), strict=True))
    heard = set(np.unique(columns.author).tolist())
    ranked = sorted(merit, key=lambda peer: (-merit[peer], peer))
    others = [code_of[peer] for peer in ranked if code_of.get(peer) in heard][:people_max]
    mine = columns.author == code_of.get(me, -1)
    published = mine & columns.public
    if published.any():
        mine, contributes = published, True
    else:
        contributes = len(others) >= mix_min
    rows, items = _rows_of(columns, np.array(others, np.int32), mine if contributes else None)
    if not len(rows):
        return None
    people = _people(store, rows, items, len(others) + 1, contributes)
    if contributes and not published.any() and kept < 1.0:
        return _said_of(people, disguised(people.keys, people.history, secret, kept=kept))
    return people


def _rows_of(
    columns: InteractionColumns, others: Codes, mine: npt.NDArray[np.bool_] | None
) -> tuple[Places, Codes]:
    """Return who (0 is oneself) and which item's code, for all that counts."""
    order = np.argsort(others, kind="stable")
    place = np.searchsorted(others[order], columns.author)
    place = np.minimum(place, max(len(others) - 1, 0))
    known = others[order][place] == columns.author if len(others) else np.zeros(len(columns), bool)
    who = np.where(known, order[place] + 1 if len(others) else 0, -1)
    if mine is not None:
        who[mine] = 0
    counted = np.flatnonzero(who >= 0)
    return who[counted].astype(np.int64), columns.item[counted]


def _said_of(people: People, keys: Keys) -> People | None:
    """Return people of whom the first one has these items; None where nobody has any."""
    history, first = people.history, people.history.indptr[1]
    own = np.searchsorted(people.keys, keys).astype(np.int32)
    indices = np.concatenate([own, history.indices[first:]])
    starts = np.concatenate([[0], history.indptr[1:] - first + len(own)]).astype(np.int32)
    used, column = np.unique(indices, return_inverse=True)
    if not len(used):
        return None
    kept = sparse.csr_array(
        (np.ones(len(indices), np.float32), column.astype(np.int32), starts),
        shape=(history.shape[0], len(used)),
    )
    return People(people.keys[used], kept, bool(len(own)))


def _people(store: Store, rows: Places, items: Codes, n: int, contributes: bool) -> People:
    """Return the matrix; items that share a key share a column."""
    codes, place = np.unique(items, return_inverse=True)
    names = store.items(after=int(codes[0]) - 1)
    raws = [names.ids[at] for at in names.positions(codes).tolist()]
    key = item_keys([item_hash(raw) for raw in raws])[place].astype(np.int64)
    pairs = np.unique((rows << KEY_BITS) | key)
    keys, column = np.unique(pairs & ((1 << KEY_BITS) - 1), return_inverse=True)
    starts = np.searchsorted(pairs >> KEY_BITS, np.arange(n + 1))
    history = sparse.csr_array(
        (np.ones(len(pairs), np.float32), column.astype(np.int32), starts.astype(np.int32)),
        shape=(n, len(keys)),
    )
    return People(keys.astype(np.uint32), history, contributes)
