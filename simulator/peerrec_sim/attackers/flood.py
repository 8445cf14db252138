"""Flood: send over every link as much as it takes, from as many identities as there are.

What is sent is valid, so that no single message ends the link: pings, announcements of
what does not exist, questions, sessions that lead nowhere, and own segments by the
hundred, each signed and true. Who is hung up dials again.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count, cycle
from typing import Final

import numpy as np

from peerrec.errors import RemoteProtocolError
from peerrec.ids import network_id
from peerrec.limits import CREDIT_BYTES, DAY_S, MINUTE_S
from peerrec.peering.endpoint import Endpoint
from peerrec.peering.link import MESSAGES_IN
from peerrec.protocol.bundle import pack
from peerrec.protocol.effects import Effect, Hangup, Priority, Send
from peerrec.protocol.invite import Address
from peerrec.protocol.messages import (
    Goaway,
    Hello,
    Ihave,
    Iwant,
    Message,
    Peers,
    Ping,
    Pong,
    Push,
    Summary,
)
from peerrec.protocol.segment import NO_SEGMENT, Kind, make_segment
from peerrec.protocol.statements import Play, encode_statements
from peerrec.protocol.wire import decode, encode, padded
from peerrec_sim.attackers.base import Attacker, attack_edges, known_victims, spread
from peerrec_sim.attackers.content import specs_of
from peerrec_sim.attackers.plan import AttackPlan, Known, SybilSpec
from peerrec_sim.attackers.region import Region
from peerrec_sim.attackers.siege import Siege
from peerrec_sim.attackers.view import WorldView

__all__ = ["SCRIPTS", "Flood", "Flooder", "Flooding"]

VICTIMS: Final = 4
"""Honest nodes that one identity floods."""

EVERY_S: Final = 0.5
"""How often it speaks: many messages at once, as a burst hurts more than a trickle."""

RATE: Final = MESSAGES_IN[0]
"""Messages a second on each link at strength 1: what a node lets anybody send."""

BYTES_RATE: Final = 64 << 10
"""Bytes a second on each link at strength 1, at most."""

TAGS: Final = 64
"""Tags in one announcement or question."""

NEVER = float("inf")

Script = Callable[["Flooder", np.random.Generator], Iterator[Message]]


def pings(flooder: Flooder, rng: np.random.Generator) -> Iterator[Message]:
    """Ask whether anybody is there."""
    return (Ping(1 + number % 100) for number in count())


def announcements(flooder: Flooder, rng: np.random.Generator) -> Iterator[Message]:
    """Announce segments that do not exist."""
    return (Ihave(0, rng.bytes(8 * TAGS)) for _ in count())


def questions(flooder: Flooder, rng: np.random.Generator) -> Iterator[Message]:
    """Ask for segments that nobody announced, and for addresses."""
    for _ in count():
        yield Iwant(0, rng.bytes(8 * TAGS))
        yield Peers(1)


def sessions(flooder: Flooder, rng: np.random.Generator) -> Iterator[Message]:
    """Begin sessions, each about another store, and never go on."""
    for request in cycle(range(1, 127, 2)):
        yield Summary(request, int(flooder.now // DAY_S), rng.bytes(8))


def segments(flooder: Flooder, rng: np.random.Generator) -> Iterator[Message]:
    """Push an own log without end: every segment is new, signed and valid."""
    network = network_id(flooder.spec.network)
    for seq in count():
        minute = int(flooder.now // MINUTE_S)
        payload = encode_statements(Kind.INTERACTIONS, [Play(rng.bytes(16), 1.0, minute)], minute)
        segment = make_segment(
            flooder.signer,
            network,
            Kind.INTERACTIONS,
            epoch=1,
            seq=seq,
            prev=NO_SEGMENT,
            minute=minute,
            ttl_days=90,
            payload=payload,
        )
        yield Push(0, True, pack([segment])[0])


SCRIPTS: Final[tuple[Script, ...]] = (segments, pings, announcements, sessions, questions)
"""What identities send, in turn: every fifth does the same."""


class Flooder:
    """An endpoint that speaks and does not listen; see `peerrec.peering.endpoint`.

    It handshakes as anybody and answers pings, so that nobody takes it for dead.

    Args:
        spec: its identity.
        victims: whom it floods.
        script: number of what it sends.
        rate: messages a second on each link.

    Attributes:
        peer: its id.
        signer: its key.
        links: peers it is linked with.
        now: unix seconds of the last call.
        n_sent, bytes_sent: what it said so far.
    """

    def __init__(
        self, spec: SybilSpec, victims: tuple[Known, ...], script: int, rate: float
    ) -> None:
        self.spec = spec
        self.signer = spec.signer
        self.peer = self.signer.peer
        self.links: dict[bytes, None] = {}
        self.now = spec.joins
        self.n_sent = self.bytes_sent = 0
        self._rate = rate
        self._siege = Siege(victims, spec.joins)
        self._said = SCRIPTS[script % len(SCRIPTS)](self, spec.rng())
        self._next = spec.joins if rate else NEVER
        self._left = False

    def hello(self, now: float) -> bytes:
        """Return a common HELLO."""
        minute = int(now // MINUTE_S)
        return encode(Hello(0, 0, minute, self.spec.seed[:8], CREDIT_BYTES, 0, "peerrec"))

    def refuses(self, peer: bytes, host: str, now: float) -> str | None:
        """Refuse everybody before it joins and after it left."""
        return None if self.spec.joins <= now < self.spec.leaves else "away"

    def link_up(
        self,
        peer: bytes,
        *,
        dialled: bool,
        address: Address | None,
        host: str,
        hello: bytes,
        binding: bytes,
        now: float,
    ) -> list[Effect]:
        """Note the link; the next burst goes over it, too."""
        self.links[peer] = None
        return []

    def link_down(self, peer: bytes, reason: str, now: float) -> list[Effect]:
        """Note its end."""
        self.links.pop(peer, None)
        return []

    def dial_failed(
        self, peer: bytes | None, address: Address, reason: str, now: float
    ) -> list[Effect]:
        """Try again later."""
        return []

    def receive(self, data: bytes, sender: bytes, now: float) -> list[Effect]:
        """Answer pings, take goodbyes, and forget everything else."""
        try:
            message = decode(data)
        except RemoteProtocolError:
            return []
        if isinstance(message, Ping):
            return [Send(sender, padded(encode(Pong(message.request))))]
        return [Hangup(sender, "goaway")] if isinstance(message, Goaway) else []

    def on_timer(self, now: float) -> list[Effect]:
        """Dial who is missing, and say the next burst over every link."""
        self.now = now
        if now >= self.spec.leaves:
            self._left = True
            return [Hangup(peer, "left") for peer in self.links]
        effects = self._siege.dials(self.links, now)
        if now >= self._next:
            self._next = now + EVERY_S
            for peer in self.links:
                effects += self._burst(peer)
        return effects

    def _burst(self, peer: bytes) -> list[Effect]:
        budget = int(BYTES_RATE * EVERY_S * self._rate / RATE)
        effects: list[Effect] = []
        for _ in range(max(1, int(self._rate * EVERY_S))):
            data = padded(encode(next(self._said)))
            budget -= len(data)
            if budget < 0:
                break
            self.n_sent += 1
            self.bytes_sent += len(data)
            effects.append(Send(peer, data, Priority.CONTROL))
        return effects

    def next_deadline(self) -> float:
        """Return when it goes on."""
        if self._left:
            return NEVER
        return min(self._siege.next_at, self._next, self.spec.leaves)


@dataclass(frozen=True, slots=True)
class Flooding:
    """The role of an identity that floods.

    Attributes:
        victims: whom.
        script: number of what it sends.
        rate: messages a second on each link.
    """

    victims: tuple[Known, ...]
    script: int
    rate: float

    def endpoint(self, spec: SybilSpec) -> Endpoint:
        """Return the flooder."""
        return Flooder(spec, self.victims, self.script, self.rate)


@dataclass(frozen=True, kw_only=True)
class Flood(Attacker):
    """Identities that each flood a few nodes, with another kind of message in turn."""

    kind = "flood"
    summary = "sends valid messages over every link, as many as it takes"

    def plan(self, view: WorldView, rng: np.random.Generator) -> AttackPlan:
        """Return flooders; ``strength`` multiplies their rate."""
        n = view.orders.sybils
        if n < 1:
            return AttackPlan(self.kind)
        region = Region.invent(view, self.kind, n, rng)
        order = view.victims(len(view.peers), rng)
        edges = attack_edges(view, region.peers, rng)
        endpoints = []
        dealt = spread(region, VICTIMS, order)
        for number, spec in enumerate(specs_of(region, view.begins, rng)):
            # Whoever trusts it takes its segments: that is where they cost most.
            fooled = [edge.honest for edge in edges if edge.peer == spec.peer]
            victims = tuple(dict.fromkeys((*fooled, *dealt[number])))[:VICTIMS]
            known = known_victims(view, victims)
            role = Flooding(known, number, RATE * view.orders.strength)
            endpoints.append(dataclasses.replace(spec, role=role, known=known))
        flooded = tuple(sorted({at for victims in dealt for at in victims}))
        return AttackPlan(self.kind, tuple(endpoints), edges, victims=flooded)
