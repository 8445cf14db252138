"""Make a community with tastes, devices that know a part of it, and the table of all of it."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np
from scipy import sparse

from peerrec import Interaction, Options, Recommender, TrustEdge
from peerrec.ids import item_hash
from peerrec.ranking.factor_codec import encode_table
from peerrec.ranking.factor_frame import item_keys
from peerrec.ranking.factor_local import LocalFactors
from peerrec.ranking.factor_solve import FactorSettings
from peerrec.ranking.factor_table import FactorTable
from peerrec.store.memory import MemoryStore
from peerrec.store.served_table import keep_served

NOW = 1_700_000_040.0
NEW = "new-item"


@dataclass(frozen=True)
class Crowd:
    """Users × items, 1 where a user has an item; user u's taste is u % tastes."""

    have: np.ndarray
    tastes: int

    def names(self) -> list[str]:
        return [f"i{item}" for item in range(self.have.shape[1])]


def crowd(users: int = 300, items: int = 400, tastes: int = 6, seed: int = 0) -> Crowd:
    """Return users who mostly like items of their own taste, popular ones more."""
    rng = np.random.default_rng(seed)
    appeal = 1 / np.arange(1, items // tastes + 2) ** 0.7
    have = np.zeros((users, items), np.float32)
    for user in range(users):
        weight = appeal[np.arange(items) // tastes].copy()
        weight[np.arange(items) % tastes != user % tastes] *= 0.05
        chosen = rng.choice(items, 30, replace=False, p=weight / weight.sum())
        have[user, chosen] = 1
    return Crowd(have, tastes)


def table_of(have: np.ndarray, names: list[str], *, exchanges: int = 5) -> FactorTable:
    """Return the table that all users together make, after some epochs."""
    keys, place = np.unique(item_keys([item_hash(name) for name in names]), return_inverse=True)
    users, items = np.nonzero(have)
    history = sparse.csr_array(
        (np.ones(len(users), np.float32), (users, place[items])), shape=(len(have), len(keys))
    )
    local = LocalFactors(keys, history, FactorSettings())
    for _ in range(4):
        local.end_epoch()
    return dataclasses.replace(local.served, exchanges=exchanges)


def served(store: MemoryStore, table: FactorTable, version: int = 1) -> None:
    """Leave a table in a store, as a node does."""
    keep_served(store, encode_table(table), version)


def device(
    people: Crowd,
    ego: int,
    friends: list[int],
    *,
    table: FactorTable | None = None,
    new_of: tuple[int, ...] = (),
    options: Options | None = None,
    hidden: tuple[int, ...] = (),
) -> Recommender:
    """Return the recommender of one user, who holds its own and its friends' records.

    Args:
        people: everybody.
        ego: whose device it is.
        friends: whom it trusts and follows.
        table: what its node serves.
        new_of: friends who have the new item, too.
        options: its own.
        hidden: own items that the device does not know.
    """
    store = MemoryStore()
    for user in (ego, *friends):
        name = "me" if user == ego else f"u{user}"
        owned = [int(item) for item in np.flatnonzero(people.have[user])]
        kept = [item for item in owned if user != ego or item not in hidden]
        store.record_many(Interaction(name, f"i{item}", 1.0, NOW) for item in kept)
    store.record_many(Interaction(f"u{user}", NEW, 1.0, NOW) for user in new_of)
    store.trust_many(TrustEdge("me", f"u{user}", 1.0, NOW) for user in friends)
    if table is not None:
        served(store, table)
    return Recommender(store, options=options or Options(tune=False), clock=lambda: NOW)


def exposure(me: Recommender, item: str, *, factors: bool = True) -> float:
    """Return 1 / log2(place + 1) of an item in the list of everything, 0 where it is not."""
    items = me.recommend(100_000, reasons=0, factors=factors).items
    return 1 / np.log2(items.index(item) + 2) if item in items else 0.0


def exposure_ratio(
    people: Crowd,
    *,
    in_table: int = 0,
    egos: int = 30,
    listeners: int = 5,
    friends: int = 25,
    seed: int = 7,
) -> float:
    """Return the exposure of a new item of one taste, with the table ÷ without.

    Everyone measured has that taste and trusts the listeners among other friends, half of
    whom have it, too.

    Args:
        people: everybody.
        in_table: listeners whose records were in the table already, and further people of the
            taste who have the item.
        egos: how many devices are measured.
        listeners: friends of each who have the item.
        friends: of each.
        seed: of who is who.
    """
    rng = np.random.default_rng(seed)
    alike = np.arange(0, len(people.have), people.tastes)
    shuffled = rng.permutation(alike)
    chosen, measured = shuffled[:listeners], shuffled[listeners:][-egos:]
    have = np.column_stack([people.have, np.zeros(len(people.have), np.float32)])
    have[shuffled[:in_table], -1] = 1
    table = table_of(have, [*people.names(), NEW])
    totals = np.zeros(2)
    for ego in measured.tolist():
        others = rng.permutation(np.setdiff1d(np.arange(len(people.have)), [ego, *chosen]))
        near = others[others % people.tastes == 0][: friends // 2 - listeners]
        far = np.setdiff1d(others, near, assume_unique=True)[: friends - len(near) - listeners]
        known = [*chosen.tolist(), *near.tolist(), *far.tolist()]
        with device(people, ego, known, table=table, new_of=tuple(known[:listeners])) as me:
            totals += exposure(me, NEW), exposure(me, NEW, factors=False)
    return float(totals[0] / totals[1])
