"""Replay what is old, and lie about the time.

Every identity lives in a time of its own, hours or days before or after everybody's: its
segments, its HELLO and its sessions carry that. And what others once pushed to it, it
pushes again, to everybody, as if it were new.
"""

from __future__ import annotations

import dataclasses
from collections import deque
from dataclasses import dataclass
from typing import Final

import numpy as np

from peerrec.peering.endpoint import Endpoint
from peerrec.protocol.effects import Effect
from peerrec.protocol.messages import Message, Push
from peerrec_sim.attackers.base import TALK_S, Attacker, attack_edges, moment, target_name
from peerrec_sim.attackers.content import specs_of
from peerrec_sim.attackers.plan import AttackPlan, Deed, SybilSpec
from peerrec_sim.attackers.puppet import Conduct, Puppet
from peerrec_sim.attackers.region import Region
from peerrec_sim.attackers.view import WorldView

__all__ = ["SKEWS_S", "ReplaySkew", "ReplaySkewConduct", "ReplayingSkewed"]

SKEWS_S: Final = (3_600.0, -3_600.0, 259_200.0, -259_200.0)
"""By how much identities believe to be later than it is, in turn."""

KEPT_MAX: Final = 32
"""Bundles that one identity keeps to send again."""

EVERY_S: Final = 2.0
"""How often one of them goes over every link, at strength 1."""


class ReplaySkewConduct(Conduct):
    """Believe in another time, and repeat what was heard.

    Args:
        skew_s: how much later.
        every_s: how often something is sent again; infinity for never.
        begins: unix seconds.
        rng: draws what.
    """

    def __init__(
        self, skew_s: float, every_s: float, begins: float, rng: np.random.Generator
    ) -> None:
        self.skew_s = skew_s
        self._every_s = every_s
        self._next = begins + every_s
        self._rng = rng
        self._kept: deque[bytes] = deque(maxlen=KEPT_MAX)

    def heard(self, sender: bytes, message: Message, now: float) -> Message | None:
        """Keep bundles; the oldest one is forgotten."""
        if isinstance(message, Push):
            self._kept.append(message.bundle)
        return message

    def tick(self, now: float) -> list[Effect]:
        """Push one old bundle over every link."""
        self._next = now + self._every_s
        if not self._kept:
            return []
        bundle = self._kept[int(self._rng.integers(len(self._kept)))]
        return [self.says(peer, Push(0, True, bundle)) for peer in self.node.links]

    def next_tick(self) -> float:
        """Return when the next one goes out."""
        return self._next


@dataclass(frozen=True, slots=True)
class ReplayingSkewed:
    """The role of an identity in a time of its own.

    Attributes:
        skew_s: see `ReplaySkewConduct`.
        every_s: as well.
    """

    skew_s: float
    every_s: float

    def endpoint(self, spec: SybilSpec) -> Endpoint:
        """Return a node with this conduct."""
        rng = np.random.default_rng([1, *spec.seed])
        return Puppet(spec, ReplaySkewConduct(self.skew_s, self.every_s, spec.joins, rng))


@dataclass(frozen=True, kw_only=True)
class ReplaySkew(Attacker):
    """Identities with wrong clocks that repeat what others said."""

    kind = "replay-skew"
    summary = "sends old segments again, and lies about the time"

    def plan(self, view: WorldView, rng: np.random.Generator) -> AttackPlan:
        """Return identities that each believe in another time."""
        n, strength = view.orders.sybils, view.orders.strength
        if n < 1:
            return AttackPlan(self.kind)
        region = Region.invent(view, self.kind, n, rng)
        target = target_name(self.kind)
        top = float(view.community.interactions.weight.max(initial=1.0))
        every_s = EVERY_S / strength if strength else np.inf
        endpoints = tuple(
            dataclasses.replace(
                spec,
                role=ReplayingSkewed(SKEWS_S[number % len(SKEWS_S)], every_s),
                deeds=(Deed(moment(view, TALK_S), ((target, top),)),),
            )
            for number, spec in enumerate(specs_of(region, view.begins, rng))
        )
        edges = attack_edges(view, region.peers, rng)
        return AttackPlan(self.kind, endpoints, edges, (target,))
