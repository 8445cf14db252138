"""Hold one participant of a world: its endpoint, its store, and what it is going to do.

Example:
    >>> participant = Participant(0, "honest", bytes(32))
    >>> participant.plan(5.0, lambda each, now: [])
    >>> participant.next_act(), participant.act(5.0), participant.next_act()
    (5.0, [], inf)
"""

from __future__ import annotations

import heapq
import math
from array import array
from collections.abc import Callable
from typing import TypeAlias

from peerrec.node import Node
from peerrec.peering.endpoint import Endpoint
from peerrec.protocol.effects import Effect
from peerrec.store import Store
from peerrec_sim.measures.newcomers import Diary

__all__ = ["HONEST", "SYBIL", "Act", "Participant"]

HONEST = "honest"
"""The role of who follows the rules and wants good recommendations."""

SYBIL = "sybil"
"""The role of an invented identity."""

Act: TypeAlias = "Callable[[Participant, float], list[Effect]]"
"""What a participant does at a time of its agenda: gets itself and now, returns effects."""


class Participant:
    """Whoever takes part in a simulation.

    Args:
        index: number in the world.
        role: `HONEST` or `SYBIL`.
        peer: its id.
        start: makes its endpoint, at the beginning and after every time offline.
        store: what survives its times offline; None where it has none.

    Attributes:
        endpoint: what speaks for it; None while it is offline.
        starts_s: seconds after the beginning of the run when it first comes online.
        comes_and_goes: whether it has times offline after that.
        diary: what a newcomer went through; None for everybody else.
        n_starts: how often it came online.
        arrivals: virtual time at which each segment reached its store, by arrival number − 1.
        bytes_in, bytes_out: of messages, by type; −1 for what has no type.
        counters: of endpoints that are gone, and of the world around it.
    """

    __slots__ = (
        "_agenda", "_n_planned", "arrivals", "bytes_in", "bytes_out", "comes_and_goes",
        "counters", "diary", "endpoint", "index", "n_starts", "peer", "role", "start", "starts_s",
        "store",
    )  # fmt: skip

    def __init__(
        self,
        index: int,
        role: str,
        peer: bytes,
        *,
        start: Callable[[Participant, float], Endpoint] | None = None,
        store: Store | None = None,
    ) -> None:
        self.index = index
        self.role = role
        self.peer = peer
        self.start = start
        self.store = store
        self.endpoint: Endpoint | None = None
        self.starts_s = 0.0
        self.comes_and_goes = False
        self.diary: Diary | None = None
        self.n_starts = 0
        self.arrivals = array("d")
        self.bytes_in: dict[int, int] = {}
        self.bytes_out: dict[int, int] = {}
        self.counters: dict[str, int] = {}
        self._agenda: list[tuple[float, int, Act]] = []
        self._n_planned = 0

    @property
    def node(self) -> Node | None:
        """Its node; None while it is offline or where something else speaks for it."""
        return self.endpoint if isinstance(self.endpoint, Node) else None

    def plan(self, at: float, act: Act) -> None:
        """Put something on the agenda; what is planned for one time keeps its order."""
        heapq.heappush(self._agenda, (at, self._n_planned, act))
        self._n_planned += 1

    def next_act(self) -> float:
        """Return when the agenda goes on, on its own clock; infinity where it is empty."""
        return self._agenda[0][0] if self._agenda else math.inf

    def act(self, now: float) -> list[Effect]:
        """Do what is due; return the effects."""
        effects: list[Effect] = []
        while self._agenda and self._agenda[0][0] <= now:
            _, _, act = heapq.heappop(self._agenda)
            effects += act(self, now)
        return effects

    def stopped(self) -> None:
        """Note that it went offline: what its endpoint counted stays."""
        for what, n in self.endpoint_counters().items():
            self.count(what, n)
        self.endpoint = None

    def endpoint_counters(self) -> dict[str, int]:
        """Return what its node has counted since it started."""
        node = self.node
        return {} if node is None else dict(node.counters + node.library.counters)

    def count(self, what: str, n: int = 1) -> None:
        """Count something that happened to it."""
        self.counters[what] = self.counters.get(what, 0) + n
