"""Attack with content alone: normal nodes whose persons say what the attack wants said.

Profiles, trust and distrust are those of `peerrec_sim.attacks`, the attacks on the whole
graph; here every identity publishes its part through a real node.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np

from peerrec.limits import WEIGHT_MAX
from peerrec_sim import attacks
from peerrec_sim.attackers.base import Attacker, arrivals, sociable, target_name
from peerrec_sim.attackers.plan import (
    SYBIL_STORE_BYTES,
    AttackEdge,
    AttackPlan,
    Deed,
    SybilSpec,
)
from peerrec_sim.attackers.puppet import Normal
from peerrec_sim.attackers.region import Region
from peerrec_sim.attackers.view import WorldView
from peerrec_sim.attacks import AttackedCommunity

__all__ = [
    "Average",
    "Bandwagon",
    "Clone",
    "Colluders",
    "ContentAttacker",
    "Cycle",
    "Giga",
    "Lean",
    "Parallel",
    "Random",
    "Script",
    "Serial",
    "Slander",
    "Starve",
    "script_of",
    "specs_of",
]


@dataclass(frozen=True, slots=True)
class Script:
    """What the graph attack makes of a community, identity by identity.

    Attributes:
        plays: (raw item, weight) of each identity, targets left out.
        pushes: (raw item, weight) of its targets.
        trust: (peer, weight) that each identity states.
        targets: raw ids.
        trusting: honest people who fall for it.
        entries: whom they trust, in turn.
        victims: honest people that it is aimed at.
    """

    plays: tuple[tuple[tuple[str, float], ...], ...]
    pushes: tuple[tuple[str, float], ...]
    trust: tuple[tuple[tuple[bytes, float], ...], ...]
    targets: tuple[str, ...]
    trusting: tuple[int, ...]
    entries: tuple[int, ...]
    victims: tuple[int, ...]


def script_of(
    attack: attacks.Attack, kind: str, region: Region, rng: np.random.Generator
) -> Script:
    """Return what an attack on the graph says for each identity of a region.

    ``strength`` of the orders multiplies the weight of the targets; at 0 they are not
    played at all.
    """
    view, orders = region.view, region.view.orders
    n, k = len(region), min(orders.edges, view.community.n_users)
    attacked = attack.apply(view.community, n, k, rng)
    n_honest, n_items = view.community.n_users, view.community.n_items
    targets = tuple(target_name(kind, at) for at in range(len(attacked.targets)))
    top = float(view.community.interactions.weight.max(initial=1.0)) * orders.strength
    pushed = [(target, min(top, WEIGHT_MAX)) for target in targets if top > 0.0]
    edges = _edges_of(attacked, n_honest)
    return Script(
        plays=_plays_of(attacked, view, n_items),
        pushes=tuple(pushed),
        trust=_trust_of(attacked, region),
        targets=targets,
        trusting=tuple(honest for honest, _ in edges),
        entries=tuple(entry for _, entry in edges),
        victims=tuple(attacked.victims.tolist()),
    )


def _edges_of(attacked: AttackedCommunity, n_honest: int) -> list[tuple[int, int]]:
    """Return the attack edges, in the order in which honest people were drawn."""
    trust = attacked.community.trust
    if trust is None:
        return []
    crossing = (trust.source < n_honest) & (trust.target >= n_honest)
    entry_of = dict(
        zip(trust.source[crossing].tolist(), trust.target[crossing].tolist(), strict=True)
    )
    return [(honest, entry_of[honest] - n_honest) for honest in attacked.trusting.tolist()]


def _plays_of(
    attacked: AttackedCommunity, view: WorldView, n_items: int
) -> tuple[tuple[tuple[str, float], ...], ...]:
    part, n_honest = attacked.community.interactions, view.community.n_users
    rows: list[list[tuple[str, float]]] = [[] for _ in range(len(attacked.sybils))]
    mine = np.flatnonzero((part.user >= n_honest) & (part.item < n_items))
    columns = (part.user[mine].tolist(), part.item[mine].tolist(), part.weight[mine].tolist())
    for user, item, weight in zip(*columns, strict=True):
        rows[user - n_honest].append((view.community.items[item], weight))
    return tuple(map(tuple, rows))


def _trust_of(
    attacked: AttackedCommunity, region: Region
) -> tuple[tuple[tuple[bytes, float], ...], ...]:
    trust, n_honest = attacked.community.trust, len(region.view.peers)
    said: list[list[tuple[bytes, float]]] = [[] for _ in range(len(region))]
    if trust is not None:
        everybody = (*region.view.peers, *region.peers)
        mine = np.flatnonzero(trust.source >= n_honest)
        columns = (trust.source[mine].tolist(), trust.target[mine].tolist())
        for source, target, weight in zip(*columns, trust.weight[mine].tolist(), strict=True):
            said[source - n_honest].append((everybody[target], weight))
    return tuple(map(tuple, said))


def specs_of(region: Region, begins: float, rng: np.random.Generator) -> list[SybilSpec]:
    """Return normal nodes that join when something begins, and state nothing yet."""
    view = region.view
    return [
        SybilSpec(
            seed=region.seeds[number],
            signer_kind=view.scenario.node.signer,
            network=view.network,
            address=region.addresses[number],
            role=Normal(),
            joins=joins,
            leaves=view.ends,
            known=region.known_to(number, rng),
            store_bytes=min(SYBIL_STORE_BYTES, view.scenario.node.follow_bytes_max),
            membership=sociable(),
        )
        for number, joins in enumerate(arrivals(begins, view.ends, len(region), rng))
    ]


@dataclass(frozen=True, kw_only=True)
class ContentAttacker(Attacker):
    """The network form of an attack on the graph: the same words, said by real nodes.

    Attributes:
        attack: its name among `peerrec_sim.attacks`.
    """

    attack: ClassVar[str]

    def n_identities(self, view: WorldView) -> int:
        """Return how many identities take part."""
        return view.orders.sybils

    def options(self) -> dict[str, Any]:
        """Return options of the attack on the graph."""
        return {}

    def plan(self, view: WorldView, rng: np.random.Generator) -> AttackPlan:
        """Return normal nodes that say everything as soon as they join."""
        n = self.n_identities(view)
        if n < 1:
            return AttackPlan(self.kind)
        region = Region.invent(view, self.kind, n, rng)
        attack = attacks.by_name(self.attack, **self.options())
        script = script_of(attack, self.kind, region, rng)
        endpoints = tuple(
            replace(spec, deeds=(Deed(spec.joins, plays + script.pushes, trust),))
            for spec, plays, trust in zip(
                specs_of(region, view.begins, rng), script.plays, script.trust, strict=True
            )
        )
        edges = tuple(
            AttackEdge(honest, region.peers[entry], view.begins)
            for honest, entry in zip(script.trusting, script.entries, strict=True)
        )
        return AttackPlan(self.kind, endpoints, edges, script.targets, script.victims)


@dataclass(frozen=True, kw_only=True)
class Serial(ContentAttacker):
    """A chain of identities behind one entry."""

    kind = attack = "serial"
    summary = "a chain of identities behind one entry (MeritRank)"


@dataclass(frozen=True, kw_only=True)
class Parallel(ContentAttacker):
    """One entry that trusts all others."""

    kind = attack = "parallel"
    summary = "one entry trusts all other identities (MeritRank)"


@dataclass(frozen=True, kw_only=True)
class Cycle(ContentAttacker):
    """A ring of identities through one entry."""

    kind = attack = "cycle"
    summary = "a ring of identities through one entry (MeritRank)"


@dataclass(frozen=True, kw_only=True)
class Colluders(ContentAttacker):
    """Several entries into one region."""

    kind = attack = "colluders"
    summary = "several entries, all leading to all identities: no single bridge to see"


@dataclass(frozen=True, kw_only=True)
class Giga(ContentAttacker):
    """Many attackers at once, one region for each attack edge.

    With a ``share`` in the orders there are as many identities as make up that share of
    all users; the number in the orders counts without.
    """

    kind = attack = "giga"
    summary = "one region per attack edge: serial, parallel and cycle in turn"

    def n_identities(self, view: WorldView) -> int:
        """Return the identities that make up the share of all users."""
        share = min(view.orders.share, 0.9)
        return attacks.giga_sybils(len(view.peers), share) if share else view.orders.sybils


@dataclass(frozen=True, kw_only=True)
class Bandwagon(ContentAttacker):
    """Identities that like what everybody likes, and the target: the plain sybil flood."""

    kind = attack = "bandwagon"
    summary = "a flood of identities: target plus the most popular items plus random ones"


@dataclass(frozen=True, kw_only=True)
class Average(ContentAttacker):
    """Identities with random items at their mean weight."""

    kind = attack = "average"
    summary = "target plus random items at their mean weight"


@dataclass(frozen=True, kw_only=True)
class Random(ContentAttacker):
    """Identities with random items."""

    kind = attack = "random"
    summary = "target plus random items at random weights"


@dataclass(frozen=True, kw_only=True)
class Clone(ContentAttacker):
    """Identities that copy one honest person each."""

    kind = attack = "clone"
    summary = "whole honest profiles plus the target"


@dataclass(frozen=True, kw_only=True)
class Lean(ContentAttacker):
    """Identities with three items of one victim."""

    kind = attack = "lean"
    summary = "target plus three items of one victim"


@dataclass(frozen=True, kw_only=True)
class Starve(ContentAttacker):
    """Identities that push nothing and crowd out what honest people share."""

    kind = attack = "starve"
    summary = "floods what honest users share, inflates what they do not; no target"


@dataclass(frozen=True, kw_only=True)
class Slander(ContentAttacker):
    """Identities that publish distrust of the most trusted."""

    kind = attack = "slander"
    summary = "negative trust from every identity against the most trusted honest users"
