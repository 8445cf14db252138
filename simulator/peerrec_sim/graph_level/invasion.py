"""Hold what attackers add to a community: rows behind the honest ones, nothing changed.

Attacks of a scenario run at once. Each is planned against the honest community alone;
their identities and targets then stand one behind the other.

Example:
    >>> from peerrec_sim.generator import generate
    >>> from peerrec_sim.scenario.schema import Attackers
    >>> people = generate(1, 60, 150)
    >>> both = invade(people, Attackers(kinds=("clone", "serial"), edges=2), 10, seed=0)
    >>> both.n_users, both.n_items, len(both.trusting)
    (20, 2, 4)
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from peerrec.errors import ConfigError
from peerrec_sim import attacks
from peerrec_sim.attacks import Attack, AttackedCommunity
from peerrec_sim.community import Community, Interactions, TrustEdges
from peerrec_sim.scenario.schema import Attackers
from peerrec_sim.simulation.chance import Purpose, chance

__all__ = ["Invasion", "check_kinds", "invade", "joined_trust", "largest"]

GIGA_SHARE_MAX = 0.9
"""Beyond this share of all users the graph is the attackers'."""

INSIDE_MAX = 50_000_000
"""Edges of trust inside one region, one way; so many take about 3 GiB while they are sorted."""

Int32s = npt.NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class Invasion:
    """Rows that attackers add.

    Attributes:
        interactions: of invented identities; codes of users and new items follow the
            honest ones.
        trust: attack edges, trust inside the regions, slander.
        n_users: invented identities.
        n_items: invented items, all of them targets.
        trusting: codes of the honest people who trust an identity, with repetition.
    """

    interactions: Interactions
    trust: TrustEdges
    n_users: int
    n_items: int
    trusting: Int32s

    def on(self, people: Community) -> Community:
        """Return the community with these rows behind its own; times are left out."""
        plays, trust = people.interactions, people.trust
        known = _no_trust() if trust is None else trust
        return dataclasses.replace(
            people,
            users=(*people.users, *(f"sybil-{i:05d}" for i in range(self.n_users))),
            items=(*people.items, *(f"promoted-{i:05d}" for i in range(self.n_items))),
            interactions=Interactions(
                np.concatenate([plays.user, self.interactions.user]),
                np.concatenate([plays.item, self.interactions.item]),
                np.concatenate([plays.weight, self.interactions.weight]),
            ),
            trust=joined_trust([known, self.trust]),
        )


def check_kinds(attackers: Attackers) -> None:
    """Refuse attacks that need packets.

    Raises:
        ConfigError: names the attack and those there are.
    """
    for kind in attackers.kinds:
        if kind not in attacks.ATTACKS:
            known = ", ".join(attacks.names())
            raise ConfigError("attackers.kinds", kind, f"mode graph knows {known}")


def largest(attackers: Attackers, n_honest: int) -> int:
    """Return how many identities each attack has at most."""
    if not attackers.kinds:
        return 0
    if attackers.share and "giga" in attackers.kinds:
        return attacks.giga_sybils(n_honest, min(attackers.share, GIGA_SHARE_MAX))
    return attackers.sybils


def invade(people: Community, attackers: Attackers, n_sybils: int, seed: int) -> Invasion:
    """Return what the attacks of a scenario add, each with so many identities.

    The same honest people fall for the attackers whatever their number.

    Args:
        people: the honest community.
        attackers: which attacks, how many attack edges each, how strong.
        n_sybils: identities of each attack, ≥ 0.
        seed: of the scenario.

    Raises:
        ConfigError: an attack is not known here, or has too much trust inside.
    """
    check_kinds(attackers)
    parts: list[Invasion] = []
    for number, kind in enumerate(attackers.kinds):
        rng = chance(seed, Purpose.ATTACK, number)
        attack = attacks.by_name(kind)
        _refuse_huge(attack, n_sybils, attackers.edges)
        attacked = attack.apply(people, n_sybils, attackers.edges, rng)
        parts.append(_added(people, attacked, attackers.strength, parts))
    return Invasion(
        _joined([part.interactions for part in parts]),
        joined_trust([part.trust for part in parts]),
        sum(part.n_users for part in parts),
        sum(part.n_items for part in parts),
        np.concatenate([np.zeros(0, np.int32), *(part.trusting for part in parts)]),
    )


def _refuse_huge(attack: Attack, n_sybils: int, edges: int) -> None:
    """Refuse a region in which every entry trusts everybody, and both are many."""
    if attack.topology in ("star", "fan"):
        inside = attack.n_entries(n_sybils, edges) * n_sybils
        if inside > INSIDE_MAX:
            allowed = (
                f"with {n_sybils:,} identities at most {INSIDE_MAX // n_sybils:,}: every entry of "
                f"{attack.name} trusts every identity"
            )
            raise ConfigError("attackers.edges", edges, allowed)


def _added(
    people: Community, attacked: AttackedCommunity, strength: float, before: list[Invasion]
) -> Invasion:
    """Return the rows one attack added, its codes behind those of the attacks before."""
    more_users = sum(part.n_users for part in before)
    more_items = sum(part.n_items for part in before)
    grown = attacked.community
    plays = grown.interactions
    user, item = plays.user[people.n_interactions :], plays.item[people.n_interactions :]
    weight = plays.weight[people.n_interactions :].copy()
    is_target = item >= people.n_items
    weight[is_target] *= strength
    kept = weight > 0
    trust = _no_trust()
    if people.trust is not None and grown.trust is not None:
        rows = slice(len(people.trust), None)
        trust = TrustEdges(
            _shifted(grown.trust.source[rows], people.n_users, more_users),
            _shifted(grown.trust.target[rows], people.n_users, more_users),
            grown.trust.weight[rows],
        )
    return Invasion(
        Interactions(
            _shifted(user[kept], people.n_users, more_users),
            _shifted(item[kept], people.n_items, more_items),
            weight[kept],
        ),
        trust,
        len(attacked.sybils),
        len(attacked.targets),
        attacked.trusting,
    )


def _shifted(codes: Int32s, n_honest: int, by: int) -> Int32s:
    """Return codes with those behind the honest ones moved further behind."""
    return np.where(codes >= n_honest, codes + np.int32(by), codes).astype(np.int32)


def _joined(parts: list[Interactions]) -> Interactions:
    empty = Interactions.of([], [])
    parts = [empty, *parts]
    return Interactions(
        np.concatenate([part.user for part in parts]),
        np.concatenate([part.item for part in parts]),
        np.concatenate([part.weight for part in parts]),
    )


def joined_trust(parts: list[TrustEdges]) -> TrustEdges:
    """Return the edges of all parts, in order, times left out."""
    parts = [_no_trust(), *parts]
    return TrustEdges(
        np.concatenate([part.source for part in parts]),
        np.concatenate([part.target for part in parts]),
        np.concatenate([part.weight for part in parts]),
    )


def _no_trust() -> TrustEdges:
    nothing = np.zeros(0, np.int32)
    return TrustEdges(nothing, nothing, np.zeros(0, np.float32))
