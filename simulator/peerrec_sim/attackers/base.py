"""State what an attacker is: orders and a view of the world in, a plan out.

Example:
    >>> from peerrec_sim.attackers import by_name
    >>> from peerrec_sim.attackers.stage import Stage
    >>> stage = Stage.small(kinds=("serial",), sybils=3, edges=2)
    >>> plan = by_name("serial").plan(stage.view, np.random.default_rng(0))
    >>> len(plan.endpoints), len(plan.edges), plan.targets
    (3, 2, ('promoted-serial-0',))
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from peerrec.protocol.membership_settings import MembershipSettings
from peerrec_sim.attackers.plan import AttackEdge, AttackPlan, Known
from peerrec_sim.attackers.region import Region
from peerrec_sim.attackers.view import WorldView

__all__ = [
    "ARRIVAL_S",
    "TALK_S",
    "Attacker",
    "arrivals",
    "attack_edges",
    "besieging",
    "known_victims",
    "moment",
    "sociable",
    "spread",
    "target_name",
]

ARRIVAL_S = 5.0
"""Time over which identities arrive one after the other: not all in the same instant."""

TALK_S = 25.0
"""After so long everybody is linked who will be: what is said now is heard at once."""


@dataclass(frozen=True, kw_only=True)
class Attacker(ABC):
    """One kind of attack."""

    kind: ClassVar[str]
    summary: ClassVar[str]

    @abstractmethod
    def plan(self, view: WorldView, rng: np.random.Generator) -> AttackPlan:
        """Return what will be done; an order of no identities is a plan of nothing.

        Args:
            view: everything there is to see before the run, with the orders.
            rng: the attacker's dice: the same throws give the same plan.
        """


def target_name(kind: str, number: int = 0) -> str:
    """Return the raw id of a pushed item, which no honest person ever heard of."""
    return f"promoted-{kind}-{number}"


def attack_edges(
    view: WorldView, entries: Sequence[bytes], rng: np.random.Generator
) -> tuple[AttackEdge, ...]:
    """Let drawn honest people trust the entries in turn, when the attack begins."""
    if not entries:
        return ()
    n = min(view.orders.edges, len(view.peers))
    drawn = rng.permutation(len(view.peers))[:n].tolist()
    return tuple(
        AttackEdge(honest, entries[at % len(entries)], view.begins)
        for at, honest in enumerate(drawn)
    )


def moment(view: WorldView, after_s: float) -> float:
    """Return a moment so long after the beginning, or half-way to an early end."""
    return view.begins + min(after_s, (view.ends - view.begins) / 2)


def arrivals(begins: float, ends: float, n: int, rng: np.random.Generator) -> list[float]:
    """Draw when each of n identities joins: soon after the beginning."""
    joins: list[float] = (begins + min(ARRIVAL_S, (ends - begins) / 4) * rng.random(n)).tolist()
    return joins


def sociable() -> MembershipSettings:
    """Return the links of an identity that poses as anybody."""
    return MembershipSettings(dialled=8, walks=0, samples=2, incoming=32)


def besieging(n_victims: int) -> MembershipSettings:
    """Return the links of an identity that holds on to its victims and rotates nobody."""
    return MembershipSettings(dialled=n_victims + 8, walks=0, samples=0, incoming=64)


def known_victims(view: WorldView, victims: Sequence[int]) -> tuple[Known, ...]:
    """Return where those victims are to be dialled who can be."""
    return tuple(
        Known(view.peers[at], view.addresses[at]) for at in victims if at not in view.hidden
    )


def spread(region: Region, n_each: int, victims: Sequence[int]) -> list[tuple[int, ...]]:
    """Deal out victims: up to n_each for every identity, all of them as evenly as possible."""
    n_each = min(n_each, len(victims))
    return [
        tuple(victims[(number * n_each + at) % len(victims)] for at in range(n_each))
        for number in range(len(region))
    ]
