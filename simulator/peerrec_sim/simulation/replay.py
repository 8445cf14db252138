"""Run a scenario again to look closely at some of its events, and to check a run.

Example:
    >>> from peerrec_sim.scenario.schema import Population
    >>> tiny = Scenario(name="tiny", length_s=5.0, population=Population(nodes=3, items=30))
    >>> replay = Replay(tiny)
    >>> [event.kind for event in replay.events(Extract(last=3))]
    ['switch', 'wake', 'switch']
    >>> replay.finish() == Replay(tiny).finish()
    True
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from peerrec.errors import ConfigError
from peerrec.ids import network_id
from peerrec.protocol.effects import Dial, Effect, Send
from peerrec_sim.scenario.schema import Scenario
from peerrec_sim.serving import Progress
from peerrec_sim.simulation.loop import Shard
from peerrec_sim.simulation.packets import Kind, Packet
from peerrec_sim.simulation.seat import Seat
from peerrec_sim.simulation.telling import Told, told
from peerrec_sim.simulation.trace import trace_hash
from peerrec_sim.simulation.world import NETWORK, START, World

__all__ = ["Extract", "Logged", "Replay"]

STAGE = "virtual seconds"

STEP_S = 0.25
"""Virtual time that is run at once: a bound on what is computed in vain at the end."""

MESSAGES = (Kind.DATA, Kind.DIAL, Kind.ACCEPT)
"""Packets whose content is a message."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Extract:
    """Which events of a run are wanted.

    Attributes:
        first, last: from this number up to before that; events are numbered from 0.
        from_s, to_s: from this time up to before that, virtual seconds after the start.
        nodes: only those that one of these caused or went through; empty for all.

    Raises:
        ConfigError: a range is empty or negative.
    """

    first: int = 0
    last: float = math.inf
    from_s: float = 0.0
    to_s: float = math.inf
    nodes: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if not 0 <= self.first < self.last:
            raise ConfigError("events", f"{self.first}..{self.last}", "a range 0 ≤ first < last")
        if not 0 <= self.from_s < self.to_s:
            raise ConfigError("time", f"{self.from_s:g}..{self.to_s:g}", "a range 0 ≤ from < to")

    def holds(self, number: int, packet: Packet) -> bool:
        """Return whether an event is wanted."""
        at, receiver, sender = packet[:3]
        return (
            self.first <= number < self.last
            and self.from_s <= at - START < self.to_s
            and (not self.nodes or receiver in self.nodes or sender in self.nodes)
        )

    def is_over(self, n_events: int, passed_s: float) -> bool:
        """Return whether nothing that comes now can be wanted."""
        return n_events >= self.last or passed_s >= self.to_s


@dataclass(frozen=True, slots=True)
class Logged:
    """One event in full.

    Attributes:
        number: in the order of the run, from 0.
        time_s: virtual seconds after the start.
        receiver: index of who went through it.
        sender: index of who caused it; the receiver's own where it is its clock.
        kind: what it is, in small letters.
        message: what came, decoded; empty where nothing did.
        effects: what the receiver did then.
    """

    number: int
    time_s: float
    receiver: int
    sender: int
    kind: str
    message: Told
    effects: tuple[Told, ...]

    def as_dict(self) -> dict[str, Any]:
        """Return it as plain values, for JSON."""
        return {
            "number": self.number,
            "time_s": self.time_s,
            "receiver": self.receiver,
            "sender": self.sender,
            "kind": self.kind,
            "message": self.message,
            "effects": list(self.effects),
        }

    def __str__(self) -> str:
        """Return a line for it, and one for each effect."""
        head = f"{self.number:>9} {self.time_s:12.6f} {self.sender:>5} → {self.receiver:<5}"
        lines = [f"{head} {self.kind} {_in_words(self.message)}".rstrip()]
        return "\n    ".join([*lines, *map(_in_words, self.effects)])


def _in_words(said: Told) -> str:
    """Return values as ``name=value``; what says what it is comes first, without a name."""
    words = []
    for name, value in said.items():
        if name in ("type", "does", "why"):
            words.append(str(value))
        elif name == "message":
            words.append(f"({_in_words(value)})")
        else:
            words.append(f"{name}={json.dumps(value, separators=(',', ':'), ensure_ascii=False)}")
    return " ".join(words)


class Replay:
    """A scenario that is run once more, in one part.

    Args:
        scenario: of the run, seed included.
        n_events: after which it ends; None runs to the scenario's end. What a run that was
            interrupted says it had.
        progress: told the virtual seconds that have passed.

    Raises:
        ConfigError: the scenario has no events.
    """

    def __init__(
        self,
        scenario: Scenario,
        *,
        n_events: int | None = None,
        progress: Progress | None = None,
    ) -> None:
        if scenario.mode != "network":
            raise ConfigError("mode", scenario.mode, "only networks have events to replay")
        self._world = World(scenario)
        self._network = network_id(NETWORK)
        self._shard = _Watched(self._world)
        self._shard.watch = self._watch
        self._end = START + scenario.length_s
        self._n_events = math.inf if n_events is None else n_events
        self._progress = progress
        self._wanted: Extract | None = None
        self._found: list[Logged] = []
        self._ended = n_events == 0

    @property
    def n_events(self) -> int:
        """Events so far."""
        return self._shard.n_events

    def events(self, wanted: Extract) -> Iterator[Logged]:
        """Go on to the end of an extract; yield its events that are still to come."""
        self._wanted = wanted
        while not wanted.is_over(self.n_events, self._shard.now - START) and self._step():
            yield from self._found
            self._found.clear()
        yield from self._found
        self._found.clear()
        self._wanted = None

    def finish(self) -> str:
        """Go on to the end of the run; return the hash of all events."""
        while self._step():
            pass
        return trace_hash(self._shard.traces())

    def _step(self) -> bool:
        """Let a little time pass; return whether there is more to come."""
        shard = self._shard
        if self._ended or shard.next_at >= self._end:
            return False
        try:
            shard.run_until(min(shard.next_at + STEP_S, self._end))
        except _Ended:
            self._ended = True
        if self._progress is not None:
            length_s = math.ceil(self._end - START)
            self._progress(STAGE, min(int(shard.now - START), length_s), length_s)
        return True

    def _watch(self, packet: Packet, effects: list[Effect]) -> None:
        number = self.n_events - 1
        carried = self._shard.take_carried()
        if self._wanted is not None and self._wanted.holds(number, packet):
            self._found.append(self._logged(number, packet, carried))
        if self.n_events >= self._n_events:
            raise _Ended

    def _logged(self, number: int, packet: Packet, effects: list[Effect]) -> Logged:
        at, receiver, sender, _, kind, _, content = packet
        return Logged(
            number,
            at - START,
            receiver,
            receiver if sender < 0 else sender,
            Kind(kind).name.lower(),
            self._content(kind, content),
            tuple(map(self._done, effects)),
        )

    def _content(self, kind: int, content: bytes) -> Told:
        if kind in MESSAGES:
            return told(content, self._network, self._world.index_of)
        return {"why": content.decode()} if content else {}

    def _done(self, effect: Effect) -> Told:
        if isinstance(effect, Send):
            return {
                "does": "send",
                "to": self._world.index_of(effect.peer),
                "priority": effect.priority.name,
                "message": told(effect.data, self._network, self._world.index_of),
            }
        if isinstance(effect, Dial):
            where = effect.address
            return {"does": "dial", "to": self._world.index_at(where), "address": where.text()}
        return {
            "does": "hang up",
            "to": self._world.index_of(effect.peer),
            "reason": effect.reason,
        }


class _Ended(Exception):
    """Raised after the last event that is wanted, so that nothing follows it."""


class _Watched(Shard):
    """All participants in one part; remembers what was carried out."""

    def __init__(self, world: World) -> None:
        super().__init__(world, world.populate(range(world.n)))
        self._carried: list[Effect] = []

    def take_carried(self) -> list[Effect]:
        """Return the effects since the last call, also those of going offline."""
        carried, self._carried = self._carried, []
        return carried

    def _carry_out(self, seat: Seat, effects: list[Effect], now: float) -> None:
        super()._carry_out(seat, effects, now)
        self._carried += effects
