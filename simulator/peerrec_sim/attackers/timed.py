"""Attack by timing: be new when the old name is spent, or be good until it pays.

Both play as the most popular items' fans around one entry star; what is theirs is when.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from peerrec.errors import ConfigError
from peerrec_sim import attacks
from peerrec_sim.attackers.base import ARRIVAL_S, Attacker
from peerrec_sim.attackers.content import Script, script_of, specs_of
from peerrec_sim.attackers.plan import AttackEdge, AttackPlan, Deed
from peerrec_sim.attackers.region import Region
from peerrec_sim.attackers.view import WorldView

__all__ = ["CamouflageFlash", "Whitewash"]

FLASH_TARGETS = 5
"""Items pushed at once by the flash: it need not look natural any more."""


@dataclass(frozen=True, kw_only=True)
class Whitewash(Attacker):
    """Leave every identity once it is found out, and come back as somebody new.

    The identities are dealt out over ``lives`` of equal length. At the end of each life
    those who trusted it find out and distrust its entry; the next life's entry is trusted
    by the same people at once, which is more luck than any attacker has.

    Attributes:
        lives: how often the attacker is somebody new, the first time included.
    """

    kind = "whitewash"
    summary = "new identities whenever the old ones are found out"

    lives: int = 4

    def __post_init__(self) -> None:
        """Refuse an attacker who never lives."""
        if self.lives < 1:
            raise ConfigError("attackers.lives", self.lives, "live at least once")

    def plan(self, view: WorldView, rng: np.random.Generator) -> AttackPlan:
        """Return the identities of all lives, each with its own time."""
        n = view.orders.sybils
        if n < 1:
            return AttackPlan(self.kind)
        region = Region.invent(view, self.kind, n, rng)
        lives = min(self.lives, n)
        end = min(view.ends, view.start + view.scenario.length_s)
        period = max(end - view.begins, 1.0) / lives
        attack = attacks.by_name("bandwagon")
        script = script_of(attack, self.kind, region, rng)
        endpoints = []
        for number, spec in enumerate(specs_of(region, view.begins, rng)):
            begins = view.begins + number % lives * period
            joins = begins + min(spec.joins - view.begins, period / 4)
            last = number % lives == lives - 1
            # Trust stays within a life: nobody vouches for who is gone.
            mates = [region.peers[at] for at in range(number % lives, n, lives)]
            trust = tuple((mate, 1.0) for mate in mates[:1] if mate != spec.peer)
            if number < lives:
                trust = tuple((mate, 1.0) for mate in mates if mate != spec.peer)
            deed = Deed(joins, script.plays[number] + script.pushes, trust)
            leaves = view.ends if last else begins + period
            endpoints.append(replace(spec, joins=joins, leaves=leaves, deeds=(deed,)))
        edges = self._edges(view, region.peers[:lives], script, period)
        return AttackPlan(self.kind, tuple(endpoints), edges, script.targets)

    @staticmethod
    def _edges(
        view: WorldView, entries: tuple[bytes, ...], script: Script, period: float
    ) -> tuple[AttackEdge, ...]:
        edges = []
        for life, entry in enumerate(entries):
            at = view.begins + life * period
            for honest in script.trusting:
                edges.append(AttackEdge(honest, entry, at))
                if life:
                    edges.append(AttackEdge(honest, entries[life - 1], at, -1.0))
        return tuple(edges)


@dataclass(frozen=True, kw_only=True)
class CamouflageFlash(Attacker):
    """Behave for a while, then attack.

    From the start the identities are copies of honest people who are trusted and push
    nothing; at ``start_s`` all of them push several targets at once.

    Attributes:
        n_targets: items pushed.
    """

    kind = "camouflage-flash"
    summary = "copies of honest people that behave until all push several items at once"

    n_targets: int = FLASH_TARGETS

    def plan(self, view: WorldView, rng: np.random.Generator) -> AttackPlan:
        """Return identities that are there from the start, and what they do later."""
        n = view.orders.sybils
        if n < 1:
            return AttackPlan(self.kind)
        region = Region.invent(view, self.kind, n, rng)
        attack = attacks.by_name("clone", n_targets=self.n_targets)
        script = script_of(attack, self.kind, region, rng)
        endpoints = []
        for number, spec in enumerate(specs_of(region, view.start, rng)):
            # They arrive before the flash, however early that is.
            joins = view.start + min(spec.joins - view.start, view.orders.start_s / 2)
            peace = Deed(joins, script.plays[number], script.trust[number])
            flash = Deed(view.begins + ARRIVAL_S * number / n, script.pushes)
            endpoints.append(replace(spec, joins=joins, deeds=(peace, flash)))
        edges = tuple(
            AttackEdge(honest, region.peers[entry], view.start)
            for honest, entry in zip(script.trusting, script.entries, strict=True)
        )
        return AttackPlan(self.kind, tuple(endpoints), edges, script.targets, script.victims)
