"""Run a scenario again to look closely at some of its events.

Example:
    >>> from peerrec_sim.scenario.schema import Population, Scenario
    >>> world = World(Scenario(name="tiny", length_s=5.0,
    ...     population=Population(nodes=3, items=30)))
    >>> len(list(replayed(world, 0, 3))), next(replayed(world, 0, 3)).kind
    (3, 'switch')
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from peerrec.errors import ConfigError, RemoteProtocolError
from peerrec.protocol.effects import Dial, Effect, Hangup, Send
from peerrec.protocol.wire import decode
from peerrec_sim.simulation.loop import Shard
from peerrec_sim.simulation.packets import Kind, Packet
from peerrec_sim.simulation.world import START, World

__all__ = ["Logged", "replayed"]

STEP_S = 0.25
"""Virtual time that is run at once: a bound on what is computed in vain at the end."""


@dataclass(frozen=True, slots=True)
class Logged:
    """One event in full.

    Attributes:
        number: in the order of the run, from 0.
        time_s: virtual seconds after the start.
        receiver: index of who went through it.
        sender: index of who caused it; the receiver's own where it is its clock.
        kind: what it is, in small letters.
        message: what came, decoded.
        effects: what the receiver did then.
    """

    number: int
    time_s: float
    receiver: int
    sender: int
    kind: str
    message: str
    effects: tuple[str, ...]

    def __str__(self) -> str:
        """Return a line for it, and one for each effect."""
        head = f"{self.number:>9} {self.time_s:12.6f} {self.sender:>5} → {self.receiver:<5}"
        return "\n    ".join((f"{head} {self.kind} {self.message}".rstrip(), *self.effects))


def replayed(world: World, first: int, last: int) -> Iterator[Logged]:
    """Yield the events from number ``first`` up to before ``last``.

    Raises:
        ConfigError: the range is empty or negative.
    """
    if not 0 <= first < last:
        raise ConfigError("events", f"{first}–{last}", "a range 0 ≤ first < last")
    shard = Shard(world, world.populate(range(world.n)))
    found: list[Logged] = []

    def watch(packet: Packet, effects: list[Effect]) -> None:
        number = shard.n_events - 1
        if first <= number < last:
            found.append(_logged(number, packet, effects, world))

    shard.watch = watch
    end = START + world.scenario.length_s
    while shard.n_events < last and shard.next_at < end:
        shard.run_until(min(shard.next_at + STEP_S, end))
        yield from found
        found.clear()


def _logged(number: int, packet: Packet, effects: list[Effect], world: World) -> Logged:
    at, receiver, sender, _, kind, _, content = packet
    return Logged(
        number,
        at - START,
        receiver,
        receiver if sender < 0 else sender,
        Kind(kind).name.lower(),
        _told(kind, content),
        tuple(_done(effect, world) for effect in effects),
    )


def _told(kind: int, content: bytes) -> str:
    if kind in (Kind.DATA, Kind.DIAL, Kind.ACCEPT):
        return _message(content)
    return content.decode()


def _message(data: bytes) -> str:
    try:
        return str(decode(data))
    except RemoteProtocolError as error:
        return f"{data.hex()} ({error})"


def _done(effect: Effect, world: World) -> str:
    if isinstance(effect, Send):
        return f"send to {world.index_of(effect.peer)}: {_message(effect.data)}"
    if isinstance(effect, Dial):
        return f"dial {effect.address.text()}"
    assert isinstance(effect, Hangup)  # there is no other
    return f"hang up on {world.index_of(effect.peer)}: {effect.reason}"
