"""Make a victim, its friend and any number of peers that obey no rule."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import msgspec

from peerrec.ids import network_id, peer_text
from peerrec.peering.settings import NodeSettings
from peerrec.protocol.effects import Effect, Hangup, Send
from peerrec.protocol.identity import KeyedHashSigner, Signer
from peerrec.protocol.messages import (
    Goaway,
    Gone,
    Hello,
    Ihave,
    Iwant,
    Level,
    Message,
    Peers,
    Ping,
    Pong,
    Proof,
    Purpose,
    Push,
    Ranges,
    Run,
    Sketch,
    SketchFacts,
    Status,
    StatusCode,
    Summary,
    Table,
    TableStep,
    Want,
    WantKind,
)
from peerrec.protocol.segment import NO_SEGMENT, Kind, Segment, make_segment
from peerrec.protocol.statements import Play, encode_statements
from peerrec.protocol.wire import decode, encode, padded
from peerrec.testing.node_pair import START, make_participant
from peerrec.testing.virtual_network import VirtualNetwork

NETWORK = network_id("test")
HELLO = encode(Hello(0, 0, 0, bytes(8), 1 << 18, 0, "hostile"))
NAMED = bytes(range(32)) + bytes(4)

DAY = int(START // 86_400)


def every_message(request: int) -> list[Message]:
    """Return a valid message of every type and every kind of it."""
    run = Run(b"tag1", (0, 3, 2, 1), 1)
    messages: list[Message] = [
        Hello(request, 0, 1, bytes(8), 100, 0, "agent", "host", 1, "/p"),
        Summary(request, DAY, bytes(8)),
        Sketch(request, Level.SYMBOLS, 0, bytes(26), SketchFacts(3, 1, 5, 2)),
        Sketch(request, Level.SYMBOLS, 2, bytes(13)),
        Sketch(request, Level.LOGS, 0, bytes(16), SketchFacts(3, 1, 5)),
        Ranges(request, Purpose.HELD, (run,)),
        Ranges(request, Purpose.NAMED, (Run(NAMED, (0, 2)),)),
        Ranges(request, Purpose.UNWANTED, (run, Run(NAMED, (), 1 << 40))),
        Ranges(request, Purpose.UNWANTED, ()),
        Ranges(request, Purpose.IDS, (Run(b"tag1", (0, 2), 0, bytes(8)),)),
        Push(request, True, b"\x92\xc4\x00\xc4\x00"),
        Gone(request, bytes(16)),
        Ihave(request, bytes(range(16))),
        Iwant(request, bytes(8)),
        Peers(request),
        Peers(request, (b"frame",)),
        Ping(request),
        Pong(request),
        Proof(request, b"evidence"),
        Goaway(request, 0, "bye"),
        Table(request, TableStep.OFFER, 0, b"offer"),
        Table(request, TableStep.HAVE, 16_384),
        Table(request, TableStep.PART, 16_384, b"part"),
        Table(request, TableStep.NO, 30),
    ]
    messages += [Want(request, kind, 0, 8, b"") for kind in WantKind]
    messages += [Want(request, WantKind.ELEMENTS, 0, 0, bytes(8)),
                 Want(request, WantKind.NAMES, 0, 0, bytes(4)),
                 Want(request, WantKind.CHOSEN, 0, 0, b"\xff")]  # fmt: skip
    messages += [Status(request, code, 7) for code in StatusCode]
    return messages


def beyond(kind: Any) -> Iterator[Any]:
    """Yield values of a field's type that are just out of range, and one of another type."""
    match kind:
        case msgspec.inspect.IntType():
            yield from (kind.ge - 1, kind.lt if kind.le is None else kind.le + 1, b"bytes")
        case msgspec.inspect.BytesType():
            yield "text"
            yield bytes((kind.max_length or 0) + 1)
            if kind.min_length:
                yield bytes(kind.min_length - 1)
        case msgspec.inspect.StrType():
            yield from ("x" * ((kind.max_length or 0) + 1), "\x1b", 5)
        case msgspec.inspect.BoolType():
            yield 1
        case msgspec.inspect.VarTupleType():
            (least, *_) = beyond(kind.item_type)
            yield [least]
            yield [None] * ((kind.max_length or 0) + 1)
        case msgspec.inspect.UnionType():
            yield from (value for value in beyond(kind.types[0]) if value is not None)
        case msgspec.inspect.StructType():
            yield from ([], [b""] * 4, 3, None)
        case _:
            yield object


def spoiled(message: Message) -> Iterator[bytes]:
    """Yield a message's bytes with one field out of range, for every field and every way."""
    fields = msgspec.inspect.type_info(type(message)).fields  # type: ignore[attr-defined]
    values = [getattr(message, field.name) for field in fields]
    for place, field in enumerate(fields):
        for wrong in beyond(field.type):
            yield msgspec.msgpack.encode(
                [int(message.TYPE), *values[:place], wrong, *values[place + 1 :]]
            )
    yield msgspec.msgpack.encode([int(message.TYPE), *values, 0])
    yield msgspec.msgpack.encode([int(message.TYPE), *values[:1]]) if len(values) > 1 else b"\x90"


@dataclass(slots=True)
class Said:
    """What a node did about what it got."""

    effects: list[Effect]
    sender: bytes

    @property
    def hung_up(self) -> bool:
        return any(isinstance(e, Hangup) and e.peer == self.sender for e in self.effects)

    @property
    def messages(self) -> list[Message]:
        found = [decode(e.data) for e in self.effects if isinstance(e, Send)
                 and e.peer == self.sender]  # fmt: skip
        return [message for message in found if not isinstance(message, tuple)]


class Siege:
    """A victim that has a friend with logs, and peers that come one after the other.

    Attributes:
        victim, friend: nodes, linked and agreed.
        network: theirs.
    """

    def __init__(self, seed: int = 1, *, settings: NodeSettings | None = None) -> None:
        self.network = VirtualNetwork(seed, latency_s=0.01, start=START)
        self.victim = make_participant(self.network, 1, settings=settings)
        self.friend = make_participant(self.network, 2)
        self.network.connect(self.friend.peer, self.victim.peer)
        self.victim.trust(self.friend)
        self.friend.trust(self.victim)
        for n in range(5):
            self.friend.play(f"song:{n}")
            self.victim.play(f"own:{n}")
        self.network.run_for(6.0)
        for each in (self.victim, self.friend):
            each.publish()
        self.network.run_for(60.0)
        assert len(self.victim.items_of(self.friend)) == 5
        self._numbers = itertools.count(10_000)

    @property
    def now(self) -> float:
        return self.network.now

    def content(self) -> tuple[Any, ...]:
        """Return all that the victim's store holds, to be compared."""
        store = self.victim.store
        names, edges = store.peers(), store.trust_edges()
        return (
            sorted(tuple(row) for row in store.segments.index().rows()),
            [tuple(proof) for proof in store.segments.proofs()],
            self.victim.interactions(),
            sorted(zip(names.positions(edges.source).tolist(), edges.weight.tolist(), strict=True)),
            store.descriptions(),
            store.marks(),
        )

    def stranger(self) -> KeyedHashSigner:
        """Return the key of somebody new."""
        return KeyedHashSigner(next(self._numbers).to_bytes(32, "big"))

    def come(self, signer: Signer | None = None, *, dialled: bool = False) -> bytes:
        """Let somebody be linked with the victim; return who it is."""
        peer = (signer or self.stranger()).peer
        effects = self.victim.node.link_up(
            peer, dialled=dialled, address=None, host=f"10.66.{peer[0]}.{peer[1]}", hello=HELLO,
            binding=bytes(32), now=self.now,
        )  # fmt: skip
        self.network.act(self.victim.peer, [e for e in effects if not names(e, peer)])
        return peer

    def asked(self, peer: bytes) -> bytes:
        """Let the victim have asked a peer for addresses; return the peer."""
        link = self.victim.node._membership.links.get(peer)
        assert link is not None
        link.asked = True
        return peer

    def go(self, peer: bytes) -> None:
        self.victim.node.link_down(peer, "left", self.now)

    def say(self, message: Message | bytes, peer: bytes) -> Said:
        """Let a peer say something, now."""
        data = message if isinstance(message, bytes) else padded(encode(message))
        effects = self.victim.node.receive(data, peer, self.now)
        self.network.act(self.victim.peer, [e for e in effects if not names(e, peer)])
        return Said(effects, peer)

    def violations(self) -> dict[str, int]:
        """Return what was counted so far."""
        counters = self.victim.node.status(self.now).counters
        return {k.split(": ")[1]: n for k, n in counters.items() if k.startswith("violation")}

    def ignored(self) -> dict[str, int]:
        counters = self.victim.node.status(self.now).counters
        return {k.split(": ")[1]: n for k, n in counters.items() if k.startswith("ignored")}

    def score(self, peer: bytes) -> float:
        """Return the victim's points for a peer, by the rules that refuse and rank it."""
        links = self.victim.node.status(self.now).links
        return next(link.score for link in links if link.peer == peer_text(peer))

    def still_works(self) -> None:
        """Claim that the friend's deliveries go on and arrive."""
        item = f"song:after-{self.now}"
        self.friend.play(item)
        self.network.run_for(2.0)
        self.friend.publish()
        self.network.run_for(30.0)
        assert item in self.victim.items_of(self.friend)


def names(effect: Effect, peer: bytes) -> bool:
    return getattr(effect, "peer", None) == peer


def segment_of(
    signer: Signer,
    minute: int,
    *,
    network: bytes = NETWORK,
    epoch: int = 1,
    seq: int = 0,
    item: bytes = bytes(16),
    ttl_days: int = 90,
    kind: Kind = Kind.INTERACTIONS,
    payload: bytes | None = None,
) -> Segment:
    """Return a segment with one play, or what is given."""
    if payload is None:
        payload = encode_statements(Kind.INTERACTIONS, [Play(item, 1.0, minute)], minute)
    return make_segment(
        signer, network, kind, epoch=epoch, seq=seq, prev=NO_SEGMENT, minute=minute,
        ttl_days=ttl_days, payload=payload,
    )  # fmt: skip
