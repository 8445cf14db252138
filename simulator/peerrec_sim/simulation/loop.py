"""Run some of the participants of a world: a heap of events, and real bytes between them.

All that participants do to each other are packets that take at least half of the mean
latency, and every sender draws its packets' fates itself. So what a participant goes
through depends neither on who else shares its process nor on the order in which shards
run: events have one order, (time, receiver, sender, sender's count), everywhere.

Cost: about 4 µs an event besides what the endpoint does.
"""

from __future__ import annotations

import hashlib
import heapq
import math
from collections.abc import Callable
from typing import Final, Protocol

from peerrec.errors import LocalProtocolError
from peerrec.protocol.effects import Dial, Effect, Hangup, Send
from peerrec.protocol.invite import Address
from peerrec_sim.scenario.schema import Scenario
from peerrec_sim.simulation.chance import Purpose, chance
from peerrec_sim.simulation.line import Line
from peerrec_sim.simulation.packets import ITSELF, Kind, Packet
from peerrec_sim.simulation.participant import HONEST, Participant
from peerrec_sim.simulation.seat import EVENT, LinkEnd, Seat
from peerrec_sim.simulation.traits import part_of, switches
from peerrec_sim.simulation.world import START

__all__ = ["Place", "Shard", "Watch"]

TURN_S: Final = 0.001
"""Least time between two wakes of a participant: others have their turn in between."""

WAKE, DATA = int(Kind.WAKE), int(Kind.DATA)

Watch = Callable[[Packet, list[Effect]], None]


class Place(Protocol):
    """What a shard asks of a world."""

    scenario: Scenario
    keys: list[bytes]
    addresses: list[Address]

    def index_at(self, address: Address) -> int | None:
        """Return who listens at an address; None where nobody does."""
        ...

    def is_dialable(self, index: int) -> bool:
        """Return whether others can dial a participant."""
        ...

    def skew_s(self, index: int) -> float:
        """Return how far a participant's clock is ahead."""
        ...


class Shard:
    """Some participants and the events that concern them.

    Args:
        world: in which they live.
        participants: those that run here, in ascending order.
        number: of this shard.
        of: so many shards; participant i runs in shard i mod ``of``.

    Attributes:
        participants: the same.
        now: virtual unix seconds up to which everything has happened.
        n_events: how many reached a participant.
        watch: called after every one of them with its effects; for replay.
    """

    def __init__(
        self, world: Place, participants: list[Participant], number: int = 0, of: int = 1
    ) -> None:
        self.world = world
        self.participants = participants
        self.number = number
        self.of = of
        self.now = START
        self.n_events = 0
        self.watch: Watch | None = None
        self._heap: list[Packet] = []
        self._mail: list[list[Packet]] = [[] for _ in range(of)]
        self._parted = False
        self._parts: dict[int, int] = {}
        self._seats: dict[int, Seat] = {}
        self._handlers: dict[int, Callable[[Seat, Packet], list[Effect] | None]] = {
            Kind.WAKE: self._on_wake,
            Kind.SWITCH: self._on_switch,
            Kind.PART: self._on_part,
            Kind.FAIL: self._on_refuse,
            Kind.DIAL: self._on_dial,
            Kind.ACCEPT: self._on_accept,
            Kind.REFUSE: self._on_refuse,
            Kind.DATA: self._on_data,
            Kind.HANGUP: self._on_hangup,
        }
        for participant in participants:
            self._seat(participant)

    # -- what a backend calls -----------------------------------------------------------

    @property
    def next_at(self) -> float:
        """When the next event happens; infinity where none ever will."""
        return self._heap[0][0] if self._heap else math.inf

    def run_until(self, end: float) -> None:
        """Let everything happen that is due before a time."""
        heap, seats, handlers, pop = self._heap, self._seats, self._handlers, heapq.heappop
        while heap and heap[0][0] < end:
            packet = pop(heap)
            seat = seats[packet[1]]
            effects = handlers[packet[4]](seat, packet)
            if effects is not None:
                self._after(seat, packet, effects)
        self.now = max(self.now, end)

    def take_mail(self) -> list[list[Packet]]:
        """Return the packets for other shards since the last call, by shard."""
        mail, self._mail = self._mail, [[] for _ in range(self.of)]
        return mail

    def deliver(self, packets: list[Packet]) -> None:
        """Take packets from other shards."""
        for packet in packets:
            heapq.heappush(self._heap, packet)

    def traces(self) -> list[tuple[int, bytes]]:
        """Return a hash of each participant's events: (index, 16 bytes)."""
        return [(index, seat.trace.digest()) for index, seat in self._seats.items()]

    # -- beginning ----------------------------------------------------------------------

    def _seat(self, participant: Participant) -> None:
        index, scenario = participant.index, self.world.scenario
        line = Line(scenario.links, chance(scenario.seed, Purpose.LINE, index))
        seat = self._seats[index] = Seat(participant, line, self.world.skew_s(index))
        self._at(seat, START + participant.starts_s, Kind.SWITCH, b"on")
        if participant.role == HONEST and participant.comes_and_goes:
            for after_s, on in switches(scenario, index):
                self._at(seat, START + after_s, Kind.SWITCH, b"on" if on else b"off")
        if scenario.links.partition_at_s:
            self._at(seat, START + scenario.links.partition_at_s, Kind.PART)

    def _at(self, seat: Seat, at: float, kind: Kind, content: bytes = b"", number: int = 0) -> None:
        """Let something happen to a participant by its own doing."""
        seat.n_sent += 1
        packet = (at, seat.index, ITSELF, seat.n_sent, int(kind), number, content)
        heapq.heappush(self._heap, packet)

    # -- after an event -----------------------------------------------------------------

    def _after(self, seat: Seat, packet: Packet, effects: list[Effect]) -> None:
        """Note an event, carry out its effects, and plan the next wake."""
        now, _, sender, _, kind, _, content = packet
        self.n_events += 1
        seat.trace.update(EVENT.pack(now, sender, kind) + content)
        if effects:
            self._carry_out(seat, effects, now)
        if self.watch is not None:
            self.watch(packet, effects)
        participant, endpoint = seat.participant, seat.endpoint
        if endpoint is None:
            return
        if participant.store is not None:
            n_new = participant.store.segments.last_arrival - len(participant.arrivals)
            if n_new > 0:
                participant.arrivals.extend([now] * n_new)
        due = endpoint.next_deadline()
        act = participant.next_act()
        if act < due:
            due = act
        seat.due = due
        at = due - seat.skew_s
        earliest = now + TURN_S if kind == WAKE else now
        if at < earliest:
            at = earliest
        if at < seat.wakes_at:
            seat.wakes_at = at
            seat.n_sent += 1
            heapq.heappush(self._heap, (at, seat.index, ITSELF, seat.n_sent, WAKE, 0, b""))

    def _carry_out(self, seat: Seat, effects: list[Effect], now: float) -> None:
        for effect in effects:  # hanging up may add some
            if isinstance(effect, Send):
                self._send(seat, effect.peer, effect.data, now)
            elif isinstance(effect, Dial):
                self._dial(seat, effect, now)
            elif isinstance(effect, Hangup):
                end = seat.by_peer.get(effect.peer)
                if end is not None:
                    self._post(seat, end, Kind.HANGUP, effect.reason.encode(), now)
                    effects += self._down(seat, end, effect.reason, now)
            else:
                raise LocalProtocolError(f"{effect!r} is no effect")

    # -- sending ------------------------------------------------------------------------

    def _send(self, seat: Seat, peer: bytes, data: bytes, now: float) -> None:
        end = seat.by_peer.get(peer)
        if end is None:
            seat.participant.count("dropped")
            return
        n, out = len(data), seat.participant.bytes_out
        kind = data[1] if n > 1 else -1
        out[kind] = out.get(kind, 0) + n
        line = seat.line
        if line.is_plain:
            at = now + line.delay_s()
            if at < end.floor:
                at = end.floor
            end.floor = at
            self._emit(seat, at, end.other, DATA, end.number, data)
            return
        for at in line.arrivals(now, n):
            if not line.reorders:
                at = end.floor = max(at, end.floor)
            # Whatever overtakes, nothing comes before the link is there.
            self._emit(seat, max(at, end.floor), end.other, DATA, end.number, data)

    def _post(self, seat: Seat, end: LinkEnd, kind: Kind, content: bytes, now: float) -> None:
        """Send what makes or ends a link: it is never lost, and comes in its turn."""
        end.floor = max(now + seat.line.delay_s(), end.floor)
        self._emit(seat, end.floor, end.other, int(kind), end.number, content)

    def _emit(
        self, seat: Seat, at: float, receiver: int, kind: int, number: int, content: bytes
    ) -> None:
        seat.n_sent += 1
        packet = (at, receiver, seat.index, seat.n_sent, kind, number, content)
        shard = receiver % self.of
        if shard == self.number:
            heapq.heappush(self._heap, packet)
        else:
            self._mail[shard].append(packet)

    def _dial(self, seat: Seat, dial: Dial, now: float) -> None:
        seat.n_dials += 1
        number = seat.index << 32 | seat.n_dials
        seat.dials[number] = dial
        found = self.world.index_at(dial.address)
        there_s = seat.line.delay_s()
        reason = ""
        if found is None or not self._reaches(seat.index, found, now):
            reason = "unreachable"
        elif dial.peer not in (None, self.world.keys[found]):
            reason = "another peer"
        elif found == seat.index or found in seat.by_index:
            reason = "duplicate"
        if reason or found is None or seat.endpoint is None:
            self._at(seat, now + 2.0 * there_s, Kind.FAIL, reason.encode(), number)
            return
        hello = seat.endpoint.hello(now + seat.skew_s)
        self._emit(seat, now + there_s, found, int(Kind.DIAL), number, hello)

    def _reaches(self, a: int, b: int, now: float) -> bool:
        links = self.world.scenario.links
        if not links.partition_at_s or now < START + links.partition_at_s:
            return True
        if links.heal_at_s and now >= START + links.heal_at_s:
            return True
        return self._part(a) == self._part(b)

    def _part(self, index: int) -> int:
        if index not in self._parts:
            self._parts[index] = part_of(self.world.scenario, index)
        return self._parts[index]

    # -- events: messages and time ------------------------------------------------------

    def _on_data(self, seat: Seat, packet: Packet) -> list[Effect] | None:
        end = seat.by_index.get(packet[2])
        endpoint = seat.endpoint
        if end is None or end.number != packet[5] or endpoint is None:
            return None  # the link ended while it was under way
        data, got = packet[6], seat.participant.bytes_in
        n = len(data)
        kind = data[1] if n > 1 else -1
        got[kind] = got.get(kind, 0) + n
        return endpoint.receive(data, end.peer, packet[0] + seat.skew_s)

    def _on_wake(self, seat: Seat, packet: Packet) -> list[Effect] | None:
        if seat.wakes_at != packet[0] or seat.endpoint is None:
            return None
        seat.wakes_at = math.inf
        # A clock that is ahead may lose the last digit of a deadline on the way here.
        now = packet[0] + seat.skew_s
        if now < seat.due < now + TURN_S:
            now = seat.due
        effects: list[Effect] = []
        if seat.participant.next_act() <= now:
            effects = seat.participant.act(now)
        if seat.endpoint.next_deadline() <= now:
            effects += seat.endpoint.on_timer(now)
        return effects

    def _on_switch(self, seat: Seat, packet: Packet) -> list[Effect] | None:
        participant, now = seat.participant, packet[0] + seat.skew_s
        if packet[6] == b"on":
            if participant.start is None or seat.endpoint is not None:
                return None
            seat.endpoint = participant.endpoint = participant.start(participant, now)
            participant.n_starts += 1
            return []
        effects: list[Effect] = []
        if participant.node is not None:
            effects = participant.node.goodbye(now)
        effects += [Hangup(peer, "shutdown") for peer in seat.by_peer]
        self._carry_out(seat, effects, packet[0])
        participant.stopped()
        seat.endpoint = None
        seat.dials.clear()
        seat.wakes_at = math.inf
        return []

    def _on_part(self, seat: Seat, packet: Packet) -> list[Effect] | None:
        effects: list[Effect] = []
        for end in list(seat.by_index.values()):
            if self._part(end.other) != self._part(seat.index):
                effects += self._down(seat, end, "parted", packet[0])
        return effects

    # -- events: links ------------------------------------------------------------------

    def _on_dial(self, seat: Seat, packet: Packet) -> list[Effect] | None:
        now, _, sender, _, _, number, hello = packet
        end = LinkEnd(number, sender, self.world.keys[sender], now)
        host = self.world.addresses[sender].host
        endpoint = seat.endpoint
        refusal = self._refusal(seat, sender, host, now)
        if refusal is not None or endpoint is None:
            self._post(seat, end, Kind.REFUSE, (refusal or "unreachable").encode(), now)
            return None
        effects = self._replaced(seat, sender, now)
        self._post(seat, end, Kind.ACCEPT, endpoint.hello(now + seat.skew_s), now)
        return effects + self._up(seat, end, None, hello, now)

    def _refusal(self, seat: Seat, sender: int, host: str, now: float) -> str | None:
        if seat.endpoint is None or not self.world.is_dialable(seat.index):
            return "unreachable"
        if not self._reaches(sender, seat.index, now):
            return "unreachable"
        peer = self.world.keys[sender]
        if seat.index < sender and any(
            self.world.index_at(dial.address) == sender for dial in seat.dials.values()
        ):
            return "duplicate"  # both dial at once: the lower number's dial counts
        return seat.endpoint.refuses(peer, host, now + seat.skew_s)

    def _on_accept(self, seat: Seat, packet: Packet) -> list[Effect] | None:
        now, _, sender, _, _, number, hello = packet
        dial = seat.dials.pop(number, None)
        end = LinkEnd(number, sender, self.world.keys[sender], now)
        if dial is None or seat.endpoint is None:
            self._post(seat, end, Kind.HANGUP, b"gone", now)
            return None
        effects = self._replaced(seat, sender, now)
        return effects + self._up(seat, end, dial.address, hello, now)

    def _replaced(self, seat: Seat, other: int, now: float) -> list[Effect]:
        """End the link that there is to a peer to which a new one comes about."""
        old = seat.by_index.get(other)
        return [] if old is None else self._down(seat, old, "replaced", now)

    def _up(
        self, seat: Seat, end: LinkEnd, address: Address | None, hello: bytes, now: float
    ) -> list[Effect]:
        assert seat.endpoint is not None  # who asked for it or let it in
        seat.add(end)
        binding = hashlib.blake2b(end.number.to_bytes(8, "big"), digest_size=32).digest()
        return seat.endpoint.link_up(
            end.peer,
            dialled=address is not None,
            address=address,
            host=self.world.addresses[end.other].host,
            hello=hello,
            binding=binding,
            now=now + seat.skew_s,
        )

    def _down(self, seat: Seat, end: LinkEnd, reason: str, now: float) -> list[Effect]:
        seat.remove(end)
        if seat.endpoint is None:
            return []
        return seat.endpoint.link_down(end.peer, reason, now + seat.skew_s)

    def _on_refuse(self, seat: Seat, packet: Packet) -> list[Effect] | None:
        dial = seat.dials.pop(packet[5], None)
        if dial is None or seat.endpoint is None:
            return None
        reason, now = packet[6].decode(), packet[0] + seat.skew_s
        return seat.endpoint.dial_failed(dial.peer, dial.address, reason, now)

    def _on_hangup(self, seat: Seat, packet: Packet) -> list[Effect] | None:
        end = seat.end_of(packet[2], packet[5])
        if end is None or seat.endpoint is None:
            return None
        return self._down(seat, end, packet[6].decode(), packet[0])
