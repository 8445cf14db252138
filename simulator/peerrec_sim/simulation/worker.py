"""Do one shard's work, wherever that is: in this process, in another, on another machine.

A worker is made of the scenario alone; what goes in and out are numbers and bytes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import msgspec
import numpy as np

from peerrec_sim.measures.snapshot import Observation, Observer, Snapshot
from peerrec_sim.scenario.schema import Scenario
from peerrec_sim.simulation.loop import Shard
from peerrec_sim.simulation.packets import Packet
from peerrec_sim.simulation.world import START, World, indices_of

__all__ = ["Ending", "Report", "Worker", "observation_of"]

_PACKETS = msgspec.msgpack.Decoder(list[tuple[float, int, int, int, int, int, bytes]])


class Report(NamedTuple):
    """What a shard says after a window.

    Attributes:
        next_at: when its next event happens, those included that it sent to others.
        n_events: events so far.
        mail: packets for each shard, packed; empty where there are none.
    """

    next_at: float
    n_events: int
    mail: list[bytes]


@dataclass(frozen=True, slots=True)
class Ending:
    """What a shard says in the end.

    Attributes:
        traces: (index, hash of the events) of each participant.
        counters: what happened to all of them, by name.
        n_events: events that the hashes are of.
    """

    traces: list[tuple[int, bytes]]
    counters: dict[str, int]
    n_events: int


class Worker:
    """One shard with what measures it.

    Args:
        scenario: what is run.
        number: of the shard.
        of: so many shards.
        world: the scenario's, where it was made already.
    """

    def __init__(
        self, scenario: Scenario, number: int = 0, of: int = 1, world: World | None = None
    ) -> None:
        world = world or World(scenario)
        self.shard = Shard(world, world.populate(indices_of(world.n, of, number)), number, of)
        self._observer = Observer(observation_of(world))

    def advance(self, end: float, mail: list[bytes]) -> Report:
        """Take mail from other shards, and let everything happen before a time."""
        shard = self.shard
        for blob in mail:
            shard.deliver(_PACKETS.decode(blob))
        shard.run_until(end)
        boxes = shard.take_mail()
        next_at = min(shard.next_at, *(earliest(box) for box in boxes))
        packed = [msgspec.msgpack.encode(box) if box else b"" for box in boxes]
        return Report(next_at, shard.n_events, packed)

    def snapshot(self, now: float, lists: bool, last: bool) -> Snapshot:
        """Measure everybody here."""
        return self._observer.snapshot(self.shard.participants, now, lists=lists, last=last)

    def ending(self) -> Ending:
        """Return what the run leaves behind."""
        counters: dict[str, int] = {}
        for participant in self.shard.participants:
            for counted in (participant.counters, participant.endpoint_counters()):
                for what, n in counted.items():
                    counters[what] = counters.get(what, 0) + n
        return Ending(self.shard.traces(), dict(sorted(counters.items())), self.shard.n_events)


def earliest(packets: list[Packet]) -> float:
    """Return when the first of some packets arrives; infinity where there are none."""
    return min((packet[0] for packet in packets), default=float("inf"))


def observation_of(world: World) -> Observation:
    """Return what is measured in a world."""
    return Observation.of(
        world.scenario,
        world.community,
        world.keys[: world.n_honest],
        targets=world.targets,
        attack_edges=[edge.honest for edge in world.attack_edges],
        private=np.flatnonzero(world.traits.private).tolist(),
        start=START,
    )
