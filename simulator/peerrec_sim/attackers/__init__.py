"""Attack a simulated network: invented identities that speak the real protocol.

Every kind is a small class that turns a `WorldView` into an `AttackPlan`; the plan is
data, and each `SybilSpec` in it makes the endpoint that carries it out. Several kinds may
attack at once.

Example:
    >>> from peerrec_sim.attackers.stage import Stage
    >>> stage = Stage.small(kinds=("clone", "censor"), sybils=4)
    >>> [(plan.kind, len(plan.endpoints)) for plan in plan_attacks(stage.view, seed=1)]
    [('clone', 4), ('censor', 4)]
"""

from __future__ import annotations

import dataclasses
import zlib
from typing import Any

import numpy as np

from peerrec.errors import ConfigError
from peerrec_sim.attackers.base import Attacker
from peerrec_sim.attackers.censor import Censor, Withhold
from peerrec_sim.attackers.content import (
    Average,
    Bandwagon,
    Clone,
    Colluders,
    Cycle,
    Giga,
    Lean,
    Parallel,
    Random,
    Serial,
    Slander,
    Starve,
)
from peerrec_sim.attackers.eclipse import Eclipse
from peerrec_sim.attackers.equivocate import Equivocate
from peerrec_sim.attackers.flood import Flood
from peerrec_sim.attackers.plan import AttackEdge, AttackPlan, Deed, Known, SybilSpec
from peerrec_sim.attackers.poison import (
    PoisonMoment,
    PoisonNoise,
    PoisonPromote,
    PoisonShare,
)
from peerrec_sim.attackers.replay_skew import ReplaySkew
from peerrec_sim.attackers.timed import CamouflageFlash, Whitewash
from peerrec_sim.attackers.view import WorldView

__all__ = [
    "ATTACKERS",
    "AttackEdge",
    "AttackPlan",
    "Attacker",
    "Deed",
    "Known",
    "SybilSpec",
    "WorldView",
    "by_name",
    "names",
    "plan_attacks",
]

_CLASSES: tuple[type[Attacker], ...] = (
    Average,
    Bandwagon,
    CamouflageFlash,
    Censor,
    Clone,
    Colluders,
    Cycle,
    Eclipse,
    Equivocate,
    Flood,
    Giga,
    Lean,
    Parallel,
    PoisonMoment,
    PoisonNoise,
    PoisonPromote,
    PoisonShare,
    Random,
    ReplaySkew,
    Serial,
    Slander,
    Starve,
    Whitewash,
    Withhold,
)

ATTACKERS: dict[str, type[Attacker]] = {attacker.kind: attacker for attacker in _CLASSES}
"""Every attacker by its kind."""


def names() -> list[str]:
    """Return all kinds of attackers."""
    return sorted(ATTACKERS)


def by_name(kind: str, **options: Any) -> Attacker:
    """Return an attacker.

    Args:
        kind: one of :func:`names`.
        options: what the kind has of its own, such as ``lives`` of ``whitewash``.

    Raises:
        ConfigError: no attacker has this name or this option; lists those there are.
    """
    if kind not in ATTACKERS:
        raise ConfigError("attackers.kinds", kind, f"use any of {', '.join(names())}")
    known = [field.name for field in dataclasses.fields(ATTACKERS[kind])]
    for option in options:
        if option not in known:
            allowed = f"its options are {', '.join(known)}" if known else "it has no options"
            raise ConfigError(f"attackers.{kind}", option, allowed)
    return ATTACKERS[kind](**options)


def plan_attacks(view: WorldView, seed: int) -> list[AttackPlan]:
    """Return the plans of all kinds that a scenario names, in its order.

    Each kind has dice of its own: but for their addresses, what some do never depends on
    which others there are.

    Raises:
        ConfigError: a kind does not exist.
    """
    return [
        by_name(kind).plan(view, np.random.default_rng([seed, zlib.crc32(kind.encode())]))
        for kind in view.orders.kinds
    ]
