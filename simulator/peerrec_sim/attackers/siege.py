"""Hold links to chosen victims: dial whoever is not linked, again and again, within bounds.

Example:
    >>> from peerrec.protocol.invite import Address
    >>> siege = Siege((Known(b"ann", Address("198.51.100.7", 7700)),), begins=10.0)
    >>> siege.next_at, [dial.peer for dial in siege.dials(set(), 10.0)]
    (10.0, [b'ann'])
    >>> siege.dials({b"ann"}, siege.next_at)
    []
"""

from __future__ import annotations

from collections.abc import Container
from typing import Final

from peerrec.protocol.effects import Dial, Effect
from peerrec_sim.attackers.plan import Known
from peerrec_sim.attackers.puppet import Conduct

__all__ = ["Besieging", "Siege"]

REDIAL_S: Final = 5.0
"""How often those who are not linked are dialled again."""

DIALS_MAX: Final = 8
"""Dials at once."""


class Siege:
    """Whom to dial when.

    Args:
        victims: to be linked with, all the time.
        begins: when it begins, unix seconds.

    Attributes:
        next_at: when `dials` has something to say.
    """

    def __init__(self, victims: tuple[Known, ...], begins: float) -> None:
        self.victims = victims
        self.next_at = begins if victims else float("inf")
        self._turn = 0

    def dials(self, linked: Container[bytes], now: float) -> list[Effect]:
        """Return dials of some who are not linked, the others' turn is next time."""
        if now < self.next_at:
            return []
        self.next_at = now + REDIAL_S
        n = len(self.victims)
        order = [self.victims[(self._turn + at) % n] for at in range(n)]
        missing = [known for known in order if known.peer not in linked][:DIALS_MAX]
        if missing:
            self._turn = (self.victims.index(missing[-1]) + 1) % n
        return [Dial(known.peer, known.address) for known in missing]


class Besieging(Conduct):
    """A conduct that holds on to its victims and dials nobody else.

    Args:
        victims: see `Siege`.
        begins: unix seconds.
    """

    def __init__(self, victims: tuple[Known, ...], begins: float) -> None:
        self.siege = Siege(victims, begins)

    def allows(self, dial: Dial) -> bool:
        """Leave the dialling to the siege."""
        return False

    def tick(self, now: float) -> list[Effect]:
        """Dial victims that got away."""
        return self.siege.dials(frozenset(self.node.links), now)

    def next_tick(self) -> float:
        """Return when to look for them again."""
        return self.siege.next_at
