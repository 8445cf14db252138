"""Answer exchanges of factor tables with what no record bears out.

Every identity is a normal node with a normal history around one entry, as `bandwagon` makes
them, and it takes part in averaging as often as its merit lets it. What it takes in is
averaged as the rules say, so that it knows what an honest table looks like; what it sends is
that table, turned by one of `peerrec_sim.factor_gossip.attackers`. There the attacker knows
its victim's very table; here it knows its own average, which is what a real one has.

Example:
    >>> from peerrec_sim.attackers.stage import Stage
    >>> plan, = Stage.small(kinds=("poison-promote",), sybils=2, honest=4).plans
    >>> plan.endpoints[0].role.attack, plan.targets
    ('promote', ('promoted-poison-promote-0',))
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Final

import numpy as np

from peerrec.ids import item_hash
from peerrec.peering.endpoint import Endpoint
from peerrec.peering.factor_state import FactorState
from peerrec.peering.settings import NodeSettings
from peerrec.ranking.factor_codec import encode_table
from peerrec.ranking.factor_frame import item_keys
from peerrec.ranking.factor_table import Keys
from peerrec.store import Store
from peerrec_sim import attacks
from peerrec_sim.attackers.base import Attacker
from peerrec_sim.attackers.content import script_of, specs_of
from peerrec_sim.attackers.plan import AttackEdge, AttackPlan, Deed, SybilSpec, puppet_settings
from peerrec_sim.attackers.puppet import Puppet
from peerrec_sim.attackers.region import Region
from peerrec_sim.attackers.view import WorldView
from peerrec_sim.factor_gossip.attackers import ATTACKS

__all__ = [
    "PoisonMoment",
    "PoisonNoise",
    "PoisonPromote",
    "PoisonPuppet",
    "PoisonShare",
    "PoisonState",
    "Poisoner",
    "Poisoning",
]

EVERY_S: Final = (1.0, 864_000.0)
"""Range of the mean time between exchanges that an identity begins."""

ROWS: Final = slice(4, 8)
"""Where the bytes of a table say how many rows it has."""


class PoisonState(FactorState):
    """A table that is kept by the rules and sent as something else.

    Args:
        store: of the identity.
        settings: of its node.
        role: what it sends instead.
        rng: dice of the noise.
    """

    def __init__(
        self, store: Store, settings: NodeSettings, role: Poisoning, rng: np.random.Generator
    ) -> None:
        super().__init__(store, "me", settings)
        self._attack = ATTACKS[role.attack]
        self._targets: Keys = np.unique(item_keys([item_hash(raw) for raw in role.targets]))
        self._people = settings.factor_people
        self._rng = rng

    def body(self, merit: Mapping[bytes, float]) -> tuple[bytes, int] | None:
        """Return the bytes of the evil table, and its rows; None before there is a table."""
        if super().body(merit) is None or self.local is None:
            return None
        honest = self.local.offer(self._settings.factor_rows_max)
        evil = self._attack(honest, self._targets, self._people, self._rng)
        body = encode_table(evil)
        rows = int.from_bytes(body[ROWS], "little")
        return (body, rows) if rows else None


class PoisonPuppet(Puppet):
    """The endpoint of an identity that poisons.

    Args:
        spec: who it is.
        role: what it sends, how often.
    """

    def __init__(self, spec: SybilSpec, role: Poisoning) -> None:
        super().__init__(spec)
        self._role = role

    def _settings(self) -> NodeSettings:
        return dataclasses.replace(
            puppet_settings(self.spec),
            factors=True,
            factor_every_s=self._role.every_s,
            factor_rest_s=0.0,
            factor_mix_min=1,
        )

    def _join(self, now: float) -> None:
        super()._join(now)
        node = self.node
        if node is not None and node.factoring is not None and self.store is not None:
            # Dice of its own: the node's go on as if it had kept to the rules.
            rng = np.random.default_rng([*self.spec.seed, 1])
            node.factoring.state = PoisonState(self.store, node.settings, self._role, rng)


@dataclass(frozen=True, slots=True)
class Poisoning:
    """The role of an identity that poisons tables.

    Attributes:
        attack: name in `peerrec_sim.factor_gossip.attackers.ATTACKS`.
        targets: raw ids of the items that it pushes.
        every_s: mean time between exchanges that it begins.
    """

    attack: str
    targets: tuple[str, ...]
    every_s: float

    def endpoint(self, spec: SybilSpec) -> Endpoint:
        """Return a normal node that sends evil tables."""
        return PoisonPuppet(spec, self)


@dataclass(frozen=True, kw_only=True)
class Poisoner(Attacker):
    """Identities with usual histories and evil tables.

    ``strength`` of the orders multiplies the weight of the targets and how often an identity
    begins an exchange.

    Attributes:
        attack: name in `peerrec_sim.factor_gossip.attackers.ATTACKS`.
    """

    attack: ClassVar[str]

    def plan(self, view: WorldView, rng: np.random.Generator) -> AttackPlan:
        """Return identities that exchange tables as soon as they are linked."""
        n, strength = view.orders.sybils, view.orders.strength
        if n < 1:
            return AttackPlan(self.kind)
        region = Region.invent(view, self.kind, n, rng)
        script = script_of(attacks.by_name("bandwagon"), self.kind, region, rng)
        every_s = view.scenario.node.factor_every_s / max(strength, 1e-9)
        role = Poisoning(self.attack, script.targets, min(max(every_s, EVERY_S[0]), EVERY_S[1]))
        endpoints = tuple(
            dataclasses.replace(
                spec, role=role, deeds=(Deed(spec.joins, plays + script.pushes, trust),)
            )
            for spec, plays, trust in zip(
                specs_of(region, view.begins, rng), script.plays, script.trust, strict=True
            )
        )
        edges = tuple(
            AttackEdge(honest, region.peers[entry], view.begins)
            for honest, entry in zip(script.trusting, script.entries, strict=True)
        )
        return AttackPlan(self.kind, endpoints, edges, script.targets)


@dataclass(frozen=True, kw_only=True)
class PoisonPromote(Poisoner):
    """Identities whose tables say of the target the most that a table can say."""

    kind, attack = "poison-promote", "promote"
    summary = "factor tables in which everybody has the target, along the mean taste"


@dataclass(frozen=True, kw_only=True)
class PoisonNoise(Poisoner):
    """Identities whose tables harm everybody."""

    kind, attack = "poison-noise", "noise"
    summary = "factor tables with random directions in all rows"


@dataclass(frozen=True, kw_only=True)
class PoisonMoment(Poisoner):
    """Identities whose C makes the mean user count for everything."""

    kind, attack = "poison-moment", "moment"
    summary = "factor tables with a wrong second moment of users, and a target just within bounds"


@dataclass(frozen=True, kw_only=True)
class PoisonShare(Poisoner):
    """Identities whose tables inflate the target and deflate the rest."""

    kind, attack = "poison-share", "share"
    summary = "factor tables in which everybody has the target and hardly anybody the rest"
