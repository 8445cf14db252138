"""Eclipse a newcomer: take its places for incoming links, and tell it of nobody else.

After Heilman et al., "Eclipse attacks on Bitcoin's peer-to-peer network" (USENIX Security
2015): all identities dial the victims, answer quickly, are polite in everything, and to
every question for addresses they answer with each other.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np

from peerrec.limits import ADDRESSES_MAX
from peerrec.peering.endpoint import Endpoint
from peerrec.protocol.messages import Message, Peers
from peerrec_sim.attackers.base import Attacker, attack_edges, besieging, known_victims
from peerrec_sim.attackers.content import specs_of
from peerrec_sim.attackers.plan import AttackPlan, Known, SybilSpec
from peerrec_sim.attackers.puppet import Puppet
from peerrec_sim.attackers.region import Region
from peerrec_sim.attackers.siege import Besieging
from peerrec_sim.attackers.view import WorldView

__all__ = ["Eclipse", "EclipseConduct", "Eclipsing"]


class EclipseConduct(Besieging):
    """Hold on to the victims, and know nobody but the own kind.

    Args:
        victims, begins: see `Siege`.
        cards: signed addresses of all identities.
        rng: draws which to tell.
    """

    def __init__(
        self,
        victims: tuple[Known, ...],
        begins: float,
        cards: tuple[bytes, ...],
        rng: np.random.Generator,
    ) -> None:
        super().__init__(victims, begins)
        self._cards = cards
        self._rng = rng

    def said(self, to: bytes, message: Message, now: float) -> Message | None:
        """Answer questions for addresses with those of other identities."""
        if not isinstance(message, Peers) or message.frames is None:
            return message
        n = min(ADDRESSES_MAX, len(self._cards))
        drawn = self._rng.choice(len(self._cards), n, replace=False).tolist()
        return Peers(message.request, tuple(self._cards[at] for at in drawn))


@dataclass(frozen=True, slots=True)
class Eclipsing:
    """The role of an identity that eclipses.

    Attributes:
        victims: whom it holds on to.
        cards: signed addresses that it tells.
    """

    victims: tuple[Known, ...]
    cards: tuple[bytes, ...]

    def endpoint(self, spec: SybilSpec) -> Endpoint:
        """Return a node with this conduct."""
        rng = np.random.default_rng([1, *spec.seed])
        return Puppet(spec, EclipseConduct(self.victims, spec.joins, self.cards, rng))


@dataclass(frozen=True, kw_only=True)
class Eclipse(Attacker):
    """All identities besiege the newcomers, or as many drawn nodes as there are edges."""

    kind = "eclipse"
    summary = "fills a newcomer's incoming links and its peer exchange"

    def plan(self, view: WorldView, rng: np.random.Generator) -> AttackPlan:
        """Return identities that hold on to the same victims."""
        n = view.orders.sybils
        if n < 1:
            return AttackPlan(self.kind)
        region = Region.invent(view, self.kind, n, rng)
        victims = view.victims(len(view.newcomers) or max(view.orders.edges, 1), rng)
        known = known_victims(view, victims)
        role = Eclipsing(known, region.cards())
        endpoints = tuple(
            dataclasses.replace(spec, role=role, known=known, membership=besieging(len(victims)))
            for spec in specs_of(region, view.begins, rng)
        )
        edges = attack_edges(view, region.peers, rng)
        return AttackPlan(self.kind, endpoints, edges, victims=victims)
