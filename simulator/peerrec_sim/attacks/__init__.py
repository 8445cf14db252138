"""Attack a community with invented identities.

Example:
    >>> names()[:4]
    ['average', 'bandwagon', 'clone', 'colluders']
    >>> by_name("clone", topology="chain").topology
    'chain'
"""

from __future__ import annotations

import dataclasses
from typing import Any

from peerrec.errors import ConfigError
from peerrec_sim.attacks.base import Attack, AttackedCommunity
from peerrec_sim.attacks.copying import Clone, Lean
from peerrec_sim.attacks.harm import Slander, Starve
from peerrec_sim.attacks.shapes import Colluders, Cycle, Giga, Parallel, Serial, giga_sybils
from peerrec_sim.attacks.shilling import Average, Bandwagon, Random
from peerrec_sim.attacks.topology import Topology

__all__ = ["ATTACKS", "Attack", "AttackedCommunity", "Topology", "by_name", "giga_sybils", "names"]

_CLASSES: tuple[type[Attack], ...] = (
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

ATTACKS: dict[str, type[Attack]] = {attack.name: attack for attack in _CLASSES}
"""Every attack by its name."""


def names() -> list[str]:
    """Return the names of all attacks."""
    return sorted(ATTACKS)


def by_name(name: str, **options: Any) -> Attack:
    """Return an attack.

    Args:
        name: one of :func:`names`.
        options: ``topology``, ``n_targets`` and what the attack has beside.

    Raises:
        ConfigError: no attack has this name or this option; lists those there are.
    """
    if name not in ATTACKS:
        raise ConfigError("attack", name, f"use one of {', '.join(names())}")
    known = [field.name for field in dataclasses.fields(ATTACKS[name])]
    for option in options:
        if option not in known:
            raise ConfigError(f"attack.{name}", option, f"its options are {', '.join(known)}")
    return ATTACKS[name](**options)
