"""Join real nodes on virtual time: what a network may do to messages, made to order.

Messages between linked nodes take time and may be lost, doubled or overtaken; links
are cut, nodes crash and come back, groups are parted, clocks are wrong. Everything
follows from the seed: the same calls give the same run.

Example:
    >>> network = VirtualNetwork(seed=1, latency_s=0.05)
    >>> network.run_for(60.0)
    >>> network.now
    60.0
"""

from __future__ import annotations

import hashlib
import heapq
import itertools
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial

import numpy as np

from peerrec.errors import LocalProtocolError
from peerrec.peering.endpoint import Endpoint
from peerrec.protocol.effects import Dial, Effect, Hangup, Send
from peerrec.protocol.invite import Address

__all__ = ["Conditions", "VirtualNetwork"]

NEVER = float("inf")


@dataclass(slots=True)
class Conditions:
    """What happens to messages on the way.

    Attributes:
        latency_s: mean of the one-way delay; exponential above half of it.
        loss: share of messages that never arrive.
        duplicate: share that arrive twice.
        reorder: share that take up to four times as long, and are overtaken.
    """

    latency_s: float = 0.05
    loss: float = 0.0
    duplicate: float = 0.0
    reorder: float = 0.0

    def delays(self, rng: np.random.Generator) -> list[float]:
        """Draw the delays of all copies that arrive, in seconds."""
        chance = rng.random(3) if self.loss or self.duplicate or self.reorder else None
        if chance is not None and chance[0] < self.loss:
            return []
        copies = 1 + (chance is not None and bool(chance[1] < self.duplicate))
        stretched = 4.0 if chance is not None and chance[2] < self.reorder else 1.0
        half = self.latency_s / 2
        return [half + stretched * half * float(rng.exponential()) for _ in range(copies)]


@dataclass(slots=True)
class Place:
    """Where an endpoint stands in the network."""

    endpoint: Endpoint
    address: Address
    skew_s: float
    wakes_at: float = NEVER
    group: int = 0


class VirtualNetwork:
    """A heap of events and the endpoints that they concern.

    Args:
        seed: of everything that chance decides here.
        latency_s, loss, duplicate, reorder: see `Conditions`.
        start: unix seconds at which virtual time begins.

    Attributes:
        now: virtual unix seconds.
        conditions: may be changed at any time.
        counters: messages and bytes sent, lost and delivered.
        watch: called with (time, sender, receiver, data) for every message sent.
    """

    def __init__(
        self,
        seed: int,
        *,
        latency_s: float = 0.05,
        loss: float = 0.0,
        duplicate: float = 0.0,
        reorder: float = 0.0,
        start: float = 0.0,
    ) -> None:
        self.now = start
        self.conditions = Conditions(latency_s, loss, duplicate, reorder)
        self.counters: Counter[str] = Counter()
        self.watch: Callable[[float, bytes, bytes, bytes], None] | None = None
        self._rng = np.random.default_rng(seed)
        self._order = itertools.count()
        self._heap: list[tuple[float, int, Callable[[], None]]] = []
        self._places: dict[bytes, Place] = {}
        self._addresses: dict[bytes, Address] = {}
        self._at: dict[tuple[str, int], bytes] = {}
        self._links: dict[frozenset[bytes], int] = {}
        self._arrives: dict[tuple[bytes, bytes], float] = {}
        self._link_number = itertools.count(1)

    # -- who is there -------------------------------------------------------------------

    def add(
        self, endpoint: Endpoint, *, address: Address | None = None, skew_s: float = 0.0
    ) -> Address:
        """Let an endpoint take part, at an address of its own; return that.

        Who comes back after a crash has the address from before.
        """
        n = len(self._addresses) + 1
        where = address or self._addresses.get(endpoint.peer)
        where = where or Address(f"10.{n >> 16}.{n >> 8 & 255}.{n & 255}", 7700)
        self._addresses[endpoint.peer] = where
        self._places[endpoint.peer] = Place(endpoint, where, skew_s)
        self._at[where.host, where.port] = endpoint.peer
        self._arm(endpoint.peer)
        return where

    def endpoint(self, peer: bytes) -> Endpoint:
        """Return who takes part under an id."""
        return self._places[peer].endpoint

    def address_of(self, peer: bytes) -> Address:
        """Return where a peer is to be dialled."""
        return self._places[peer].address

    def crash(self, peer: bytes) -> None:
        """Take an endpoint away without a word; whoever was linked to it notices."""
        place = self._places.pop(peer)
        self._at.pop((place.address.host, place.address.port), None)
        for other in self._linked(peer):
            self._forget_link(peer, other)
            # At once: a link made in the next moment must not be taken for the old one.
            self._down(other, peer, "lost")

    def leave(self, peer: bytes) -> None:
        """Let an endpoint say goodbye in its own way (all its links are closed)."""
        for other in self._linked(peer):
            self.cut(peer, other, "left")

    def part(self, groups: Iterable[Iterable[bytes]]) -> None:
        """Cut all links between groups and let none be made until `heal`."""
        for number, group in enumerate(groups):
            for peer in group:
                self._places[peer].group = number
        for pair in list(self._links):
            a, b = sorted(pair)
            if self._places[a].group != self._places[b].group:
                self.cut(a, b, "parted")

    def heal(self) -> None:
        """Let everybody reach everybody again."""
        for place in self._places.values():
            place.group = 0

    # -- links --------------------------------------------------------------------------

    def connect(self, dialler: bytes, listener: bytes) -> bool:
        """Link two endpoints now; return False where it is refused or impossible."""
        if dialler not in self._places or listener not in self._places or dialler == listener:
            return False
        if frozenset((dialler, listener)) in self._links:
            return False
        a, b = self._places[dialler], self._places[listener]
        if a.group != b.group:
            return False
        refusal = b.endpoint.refuses(dialler, a.address.host, self._time(b))
        if refusal is not None:
            self.counters[f"refused: {refusal}"] += 1
            return False
        number = next(self._link_number)
        self._links[frozenset((dialler, listener))] = number
        binding = hashlib.blake2b(number.to_bytes(8, "big"), digest_size=32).digest()
        hello_a = a.endpoint.hello(self._time(a))
        hello_b = b.endpoint.hello(self._time(b))
        for place, other, dialled, hello in ((a, b, True, hello_b), (b, a, False, hello_a)):
            effects = place.endpoint.link_up(
                other.endpoint.peer,
                dialled=dialled,
                address=other.address if dialled else None,
                host=other.address.host,
                hello=hello,
                binding=binding,
                now=self._time(place),
            )
            self._carry_out(place.endpoint.peer, effects)
        return True

    def cut(self, a: bytes, b: bytes, reason: str = "cut") -> None:
        """End a link; what is under way is lost, both sides notice."""
        self._forget_link(a, b)
        for peer, other in ((a, b), (b, a)):
            if peer in self._places:
                self._down(peer, other, reason)

    def links(self) -> list[tuple[bytes, bytes]]:
        """Return all links, sorted."""
        return sorted((min(pair), max(pair)) for pair in self._links)

    def _linked(self, peer: bytes) -> list[bytes]:
        return sorted(next(iter(pair - {peer})) for pair in self._links if peer in pair)

    def _forget_link(self, a: bytes, b: bytes) -> None:
        self._links.pop(frozenset((a, b)), None)
        self._arrives.pop((a, b), None)
        self._arrives.pop((b, a), None)

    def _down(self, peer: bytes, other: bytes, reason: str) -> None:
        place = self._places.get(peer)
        if place is not None:
            self._carry_out(peer, place.endpoint.link_down(other, reason, self._time(place)))

    # -- time ---------------------------------------------------------------------------

    def run_for(self, seconds: float) -> None:
        """Let virtual time pass."""
        self.run_until(self.now + seconds)

    def run_until(self, end: float, stop: Callable[[], bool] | None = None) -> None:
        """Let virtual time pass until a moment, or until ``stop`` says so after an event."""
        while self._heap and self._heap[0][0] <= end:
            self.now, _, event = heapq.heappop(self._heap)
            self.counters["events"] += 1
            event()
            if stop is not None and stop():
                return
        self.now = end

    def act(self, peer: bytes, effects: list[Effect]) -> None:
        """Carry out what a direct call of an endpoint's method asked for."""
        self._carry_out(peer, effects)

    def time_of(self, peer: bytes) -> float:
        """Return what an endpoint's clock shows."""
        return self._time(self._places[peer])

    def _time(self, place: Place) -> float:
        return self.now + place.skew_s

    def _later(self, delay: float, event: Callable[[], None]) -> None:
        self._at_time(self.now + delay, event)

    def _at_time(self, at: float, event: Callable[[], None]) -> None:
        heapq.heappush(self._heap, (at, next(self._order), event))

    def _arm(self, peer: bytes) -> None:
        """Wake an endpoint at its next deadline, unless that is planned already."""
        place = self._places[peer]
        due = max(place.endpoint.next_deadline() - place.skew_s, self.now)
        if due < place.wakes_at:
            place.wakes_at = due
            self._at_time(due, partial(self._wake, peer, due))

    def _wake(self, peer: bytes, due: float) -> None:
        place = self._places.get(peer)
        if place is None or place.wakes_at != due:
            return
        place.wakes_at = NEVER
        now = self._time(place)
        if place.endpoint.next_deadline() <= now:
            self._carry_out(peer, place.endpoint.on_timer(now))
        else:
            self._arm(peer)

    # -- messages -----------------------------------------------------------------------

    def _carry_out(self, peer: bytes, effects: list[Effect]) -> None:
        for effect in effects:
            if isinstance(effect, Send):
                self._send(peer, effect.peer, effect.data)
            elif isinstance(effect, Dial):
                self._later(self.conditions.latency_s, partial(self._dial, peer, effect))
            elif isinstance(effect, Hangup):
                # What was sent before has left: it arrives, then the link is gone.
                delay = max(self._arrives.get((peer, effect.peer), 0.0) - self.now, 0.0)
                number = self._links.get(frozenset((peer, effect.peer)), 0)
                self._later(delay, partial(self._hang_up, peer, effect, number))
            else:
                raise LocalProtocolError(f"{effect!r} is no effect")
        if peer in self._places:
            self._arm(peer)

    def _send(self, sender: bytes, receiver: bytes, data: bytes) -> None:
        number = self._links.get(frozenset((sender, receiver)))
        if number is None:
            self.counters["dropped"] += 1
            return
        self.counters["sent"] += 1
        self.counters["sent_bytes"] += len(data)
        if self.watch is not None:
            self.watch(self.now, sender, receiver, data)
        delays = self.conditions.delays(self._rng)
        if not delays:
            self.counters["lost"] += 1
        for delay in delays:
            at = self.now + delay
            if not self.conditions.reorder:
                # A link keeps the order of what it carries.
                at = max(at, self._arrives.get((sender, receiver), 0.0))
                self._arrives[sender, receiver] = at
            self._at_time(at, partial(self._deliver, sender, receiver, data, number))

    def _deliver(self, sender: bytes, receiver: bytes, data: bytes, number: int) -> None:
        place = self._places.get(receiver)
        if place is None or self._links.get(frozenset((sender, receiver))) != number:
            self.counters["dropped"] += 1
            return
        self.counters["delivered"] += 1
        self._carry_out(receiver, place.endpoint.receive(data, sender, self._time(place)))

    def _hang_up(self, peer: bytes, effect: Hangup, number: int) -> None:
        if number and self._links.get(frozenset((peer, effect.peer))) == number:
            self.counters[f"hangup: {effect.reason}"] += 1
            self.cut(peer, effect.peer, effect.reason)

    def _dial(self, peer: bytes, effect: Dial) -> None:
        if peer not in self._places:
            return
        place = self._places[peer]
        found = self._at.get((effect.address.host, effect.address.port))
        answers = found is not None and effect.peer in (None, found)
        linked = answers and frozenset((peer, found)) in self._links
        if linked or not (answers and found is not None and self.connect(peer, found)):
            reason = "duplicate" if linked else "refused" if answers else "unreachable"
            self._carry_out(
                peer,
                place.endpoint.dial_failed(effect.peer, effect.address, reason, self._time(place)),
            )
