"""Eclipse a newcomer: take its places for incoming links, and be half of what it hears of.

After Heilman et al., "Eclipse attacks on Bitcoin's peer-to-peer network" (USENIX Security
2015). The attacker knows when newcomers come and who they are. Its identities, each in a
network of its own, divide the work:

* From the beginning all of them keep links to honest nodes, are polite in everything, and
  answer every question for addresses with those of their own kind: honest address books
  fill with them, and what honest nodes tell is half theirs.
* Guards dial the newcomers in the moment they come, and again whenever they are let go: one
  for each place for incoming links, more would only displace each other.
* Lures are the ones whom guards and other lures tell of, for nobody dials whom it is linked
  with already: what a newcomer dials by hearsay ends at them.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Final

import numpy as np

from peerrec.limits import ADDRESSES_MAX
from peerrec.peering.endpoint import Endpoint
from peerrec.protocol.effects import Effect
from peerrec.protocol.messages import Message, Peers
from peerrec_sim.attackers.base import (
    Attacker,
    attack_edges,
    besieging,
    known_victims,
    spread,
)
from peerrec_sim.attackers.content import specs_of
from peerrec_sim.attackers.plan import AttackPlan, Known, SybilSpec
from peerrec_sim.attackers.puppet import Puppet
from peerrec_sim.attackers.region import Region
from peerrec_sim.attackers.siege import Besieging, Siege
from peerrec_sim.attackers.view import WorldView

__all__ = ["Eclipse", "EclipseConduct", "Eclipsing"]

CONTACTS: Final = 3
"""Honest nodes that each identity keeps a link to, to be told on by them."""


class EclipseConduct(Besieging):
    """Hold on to victims and to contacts, and know nobody but the own kind.

    Args:
        role: whom to hold on to, from when on, and whom to tell of.
        begins: when the identity joins, unix seconds.
        rng: draws which to tell.
    """

    def __init__(self, role: Eclipsing, begins: float, rng: np.random.Generator) -> None:
        super().__init__(role.victims, max(begins, role.newcomers_at))
        self._courtship = Siege(role.contacts, begins)
        self._cards = role.cards
        self._rng = rng

    def said(self, to: bytes, message: Message, now: float) -> Message | None:
        """Answer questions for addresses with those of other identities."""
        if not isinstance(message, Peers) or message.frames is None:
            return message
        n = min(ADDRESSES_MAX, len(self._cards))
        drawn = self._rng.choice(len(self._cards), n, replace=False).tolist()
        return Peers(message.request, tuple(self._cards[at] for at in drawn))

    def tick(self, now: float) -> list[Effect]:
        """Dial victims that got away, and contacts."""
        return super().tick(now) + self._courtship.dials(frozenset(self.node.links), now)

    def next_tick(self) -> float:
        """Return when to look for them again."""
        return min(super().next_tick(), self._courtship.next_at)


@dataclass(frozen=True, slots=True)
class Eclipsing:
    """The role of an identity that eclipses.

    Attributes:
        victims: whom it holds on to; nobody where it is a lure.
        newcomers_at: unix seconds before which they are not there.
        contacts: honest nodes that it is linked with before that.
        cards: signed addresses that it tells.
    """

    victims: tuple[Known, ...]
    newcomers_at: float
    contacts: tuple[Known, ...]
    cards: tuple[bytes, ...]

    def endpoint(self, spec: SybilSpec) -> Endpoint:
        """Return a node with this conduct."""
        return Puppet(
            spec, EclipseConduct(self, spec.joins, np.random.default_rng([1, *spec.seed]))
        )


@dataclass(frozen=True, kw_only=True)
class Eclipse(Attacker):
    """All identities besiege the newcomers, or as many drawn nodes as there are edges."""

    kind = "eclipse"
    summary = "fills a newcomer's incoming links and half of its peer exchange"

    def plan(self, view: WorldView, rng: np.random.Generator) -> AttackPlan:
        """Return identities that hold on to the same victims."""
        n = view.orders.sybils
        if n < 1:
            return AttackPlan(self.kind)
        region = Region.invent(view, self.kind, n, rng, wide=True)
        victims = view.victims(len(view.newcomers) or max(view.orders.edges, 1), rng)
        known = known_victims(view, victims)
        others = [at for at in rng.permutation(len(view.peers)).tolist() if at not in victims]
        contacts = spread(region, CONTACTS, others)
        n_guards = min(n, view.scenario.topology.incoming)
        cards = region.cards()
        lures = cards[n_guards:] or cards
        endpoints = []
        for number, spec in enumerate(specs_of(region, view.begins, rng)):
            friends = known_victims(view, contacts[number])
            # Each guard begins with another victim: none is left for later by all of them.
            turn = number % max(len(known), 1)
            held = (*known[turn:], *known[:turn]) if number < n_guards else ()
            role = Eclipsing(held, view.newcomers_at, friends, lures)
            membership = besieging(len(held) + len(friends))
            endpoints.append(
                dataclasses.replace(spec, role=role, known=held + friends, membership=membership)
            )
        edges = attack_edges(view, region.peers, rng)
        return AttackPlan(self.kind, tuple(endpoints), edges, victims=victims)
