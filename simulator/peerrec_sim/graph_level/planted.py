"""Plant an attacker among the friends of each measured person, as Web3Recommend did.

Every root gets attackers of its own, each a direct friend of the root with eight items
at equal weight: the five that most people have, and three that the attacker promotes.
Behind the attackers stand identities that have the promoted items only:

* ``friend-serial``: a chain; every attacker trusts its head.
* ``friend-parallel``: every attacker trusts every identity, and they nobody.
* ``friend-cycle``: the same, and they trust the attackers back.
* ``friend-copies``: the same again, each with the attacker's whole profile, popular items
  included. No part of the published experiment: what hurts a walk that asks who is alike.

With no identity the attackers are alone, which is what gains are measured against. The
published description leaves open which honest items the attacker has; with the most
popular ones all its numbers are met, the root's own favourites give twice its mass.

Example:
    >>> from peerrec_sim.generator import generate
    >>> people = generate(1, 60, 150)
    >>> planted = plant(people, np.array([3, 8]), "friend-serial", n_sybils=4, attackers=1)
    >>> planted.invasion.n_users, planted.invasion.n_items, planted.region(1).tolist()
    (10, 6, [65, 66, 67, 68, 69])
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from peerrec.errors import ConfigError
from peerrec_sim.community import Community, Interactions, TrustEdges
from peerrec_sim.graph_level.invasion import Invasion

__all__ = ["SHAPES", "Planted", "plant"]

PROMOTED = 3
"""Items that each root's attackers promote."""

POPULAR = 5
"""Items that make an attacker look like everybody."""

Int32s = npt.NDArray[np.int32]
Edges = tuple[Int32s, Int32s]


@dataclass(frozen=True, slots=True)
class Planted:
    """Attackers beside each root; their users and items come root by root.

    Attributes:
        invasion: what they add to the community.
        n_honest: users of the community.
        n_honest_items: items of it.
        n_each: attackers and identities of one root.
    """

    invasion: Invasion
    n_honest: int
    n_honest_items: int
    n_each: int

    def region(self, number: int) -> Int32s:
        """Return codes of the attackers and identities of the root with this number."""
        first = self.n_honest + number * self.n_each
        return np.arange(first, first + self.n_each, dtype=np.int32)

    def promoted(self, number: int) -> Int32s:
        """Return codes of the items promoted to the root with this number."""
        first = self.n_honest_items + number * PROMOTED
        return np.arange(first, first + PROMOTED, dtype=np.int32)


def plant(
    people: Community,
    roots: npt.NDArray[np.integer],
    shape: str,
    *,
    n_sybils: int,
    attackers: int,
) -> Planted:
    """Return attackers planted beside each root.

    Args:
        people: the honest community.
        roots: whom they are aimed at, distinct user codes.
        shape: one of `SHAPES`.
        n_sybils: identities behind the attackers of each root, ≥ 0.
        attackers: attackers each root trusts, ≥ 1.

    Raises:
        ConfigError: the shape is not known, or there is no attacker.
    """
    if shape not in SHAPES:
        raise ConfigError("attackers.kinds", shape, "use one of " + ", ".join(SHAPES))
    if attackers < 1:
        raise ConfigError("attackers.edges", attackers, "each root trusts at least 1 attacker")
    n_each = attackers + n_sybils
    wiring, copies = SHAPES[shape]
    user, item = _profiles(_popular(people), attackers + n_sybils * copies, n_each)
    first_user = people.n_users + n_each * np.arange(len(roots))[:, None]
    first_item = people.n_items + PROMOTED * np.arange(len(roots))[:, None]
    # Promoted items are numbered from −PROMOTED in a profile, and apart for each root.
    items = np.where(item < 0, first_item + item + PROMOTED, item)
    source, target = wiring(attackers, n_sybils)
    trusted = (first_user + np.arange(attackers)).ravel()
    trusting = np.repeat(roots, attackers).astype(np.int32)
    sources = np.concatenate([trusting, (first_user + source).ravel()])
    targets = np.concatenate([trusted, (first_user + target).ravel()])
    invasion = Invasion(
        Interactions.of((first_user + user).ravel(), items.ravel()),
        TrustEdges(
            sources.astype(np.int32), targets.astype(np.int32), np.ones(len(sources), np.float32)
        ),
        n_each * len(roots),
        PROMOTED * len(roots),
        trusting,
    )
    return Planted(invasion, people.n_users, people.n_items, n_each)


def _profiles(popular: Int32s, n_alike: int, n_each: int) -> Edges:
    """Return (user, item) of one region: popular items of the first, promoted ones of all."""
    user = np.concatenate(
        [np.repeat(np.arange(n_alike), len(popular)), np.repeat(np.arange(n_each), PROMOTED)]
    )
    item = np.concatenate([np.tile(popular, n_alike), np.tile(np.arange(-PROMOTED, 0), n_each)])
    return user.astype(np.int32), item.astype(np.int32)


def _popular(people: Community) -> Int32s:
    """Return the items that most people have; ties by code."""
    listeners = np.bincount(people.interactions.item, minlength=people.n_items)
    return np.argsort(-listeners, kind="stable")[:POPULAR].astype(np.int32)


def _serial(attackers: int, n_sybils: int) -> Edges:
    """Let the attackers, 0 … a − 1, trust the first identity, and each the next."""
    chain = np.arange(attackers, attackers + n_sybils - 1, dtype=np.int32)
    heads = np.full(attackers if n_sybils else 0, attackers, np.int32)
    entries = np.arange(len(heads), dtype=np.int32)
    return np.concatenate([entries, chain]), np.concatenate([heads, chain + 1])


def _parallel(attackers: int, n_sybils: int) -> Edges:
    """Let each attacker trust each identity."""
    source = np.repeat(np.arange(attackers, dtype=np.int32), n_sybils)
    target = np.tile(np.arange(attackers, attackers + n_sybils, dtype=np.int32), attackers)
    return source, target


def _cycle(attackers: int, n_sybils: int) -> Edges:
    """Let them trust back, too."""
    source, target = _parallel(attackers, n_sybils)
    return np.concatenate([source, target]), np.concatenate([target, source])


SHAPES: dict[str, tuple[Callable[[int, int], Edges], bool]] = {
    "friend-serial": (_serial, False),
    "friend-parallel": (_parallel, False),
    "friend-cycle": (_cycle, False),
    "friend-copies": (_cycle, True),
}
"""How identities behind an attacker who is a root's friend trust, and whether they copy it."""
