"""Let an invented identity take part: a real node, and a hand that moves it.

The node holds a real key, signs real segments and speaks the real protocol; what its
person states comes from the plan. A `Conduct` may stand between it and the network: it
hears, changes, drops and adds messages, and says what the node believes the time to be.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from peerrec.errors import RemoteProtocolError
from peerrec.node import Node
from peerrec.peering.endpoint import Endpoint
from peerrec.peering.settings import NodeSettings
from peerrec.protocol.effects import Dial, Effect, Priority, Send
from peerrec.protocol.invite import Address
from peerrec.protocol.messages import Message
from peerrec.protocol.wire import Ignored, decode, encode, padded
from peerrec.store import Interaction, TrustEdge
from peerrec.store.memory import MemoryStore
from peerrec_sim.attackers.plan import Deed, SybilSpec, puppet_settings

__all__ = ["Conduct", "Normal", "Puppet"]

NEVER = float("inf")


class Conduct:
    """How a puppet departs from a normal node; this one does not.

    Attributes:
        skew_s: by how much the node believes to be later than it is.
        node: the node that it stands before, once that exists.
        spec: its identity.
    """

    skew_s: float = 0.0
    node: Node
    spec: SybilSpec

    def heard(self, sender: bytes, message: Message, now: float) -> Message | None:
        """Return what the node gets to hear in place of a message; None for nothing."""
        return message

    def said(self, to: bytes, message: Message, now: float) -> Message | None:
        """Return what leaves in place of a message of the node; None for nothing."""
        return message

    def allows(self, dial: Dial) -> bool:
        """Return whether the node's own wish to dial is followed."""
        return True

    def linked(self, peer: bytes, now: float) -> list[Effect]:
        """Return what to do when a link is new."""
        return []

    def tick(self, now: float) -> list[Effect]:
        """Return what is due by time."""
        return []

    def next_tick(self) -> float:
        """Return when `tick` has something to do."""
        return NEVER

    @staticmethod
    def says(to: bytes, message: Message) -> Send:
        """Return the effect that sends a message."""
        return Send(to, padded(encode(message)), Priority.GOSSIP)


class Puppet:
    """The endpoint of one invented identity; drives itself through its plan.

    Before it joins and after it leaves it answers nobody.

    Args:
        spec: who it is.
        conduct: how it departs from a normal node; None where it does not.

    Attributes:
        peer: its id.
        node: the real node; None while it is away.
        store: what that knows; None before it joined.
    """

    def __init__(self, spec: SybilSpec, conduct: Conduct | None = None) -> None:
        self.spec = spec
        self.peer = spec.peer
        self.node: Node | None = None
        self.store: MemoryStore | None = None
        self._conduct = conduct
        self._deeds: deque[Deed] = deque(spec.deeds)
        self._left = False

    # -- what a network asks of an endpoint ---------------------------------------------

    def hello(self, now: float) -> bytes:
        """Return what the node says of itself."""
        return b"" if self.node is None else self.node.hello(self._clock(now))

    def refuses(self, peer: bytes, host: str, now: float) -> str | None:
        """Refuse whom the node refuses, and everybody while it is away."""
        if self.node is None:
            return "away"
        return self.node.refuses(peer, host, self._clock(now))

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
        """Hand a link to the node."""
        if self.node is None:
            return []
        effects = self.node.link_up(
            peer,
            dialled=dialled,
            address=address,
            host=host,
            hello=hello,
            binding=binding,
            now=self._clock(now),
        )
        more = [] if self._conduct is None else self._conduct.linked(peer, now)
        return self._leaving(effects, now) + more

    def link_down(self, peer: bytes, reason: str, now: float) -> list[Effect]:
        """Tell the node that a link ended."""
        return self._ask(lambda node, at: node.link_down(peer, reason, at), now)

    def dial_failed(
        self, peer: bytes | None, address: Address, reason: str, now: float
    ) -> list[Effect]:
        """Tell the node that a dial came to nothing."""
        return self._ask(lambda node, at: node.dial_failed(peer, address, reason, at), now)

    def receive(self, data: bytes, sender: bytes, now: float) -> list[Effect]:
        """Let the node hear a message, or what its conduct makes of it."""
        if self._conduct is not None:
            message = _decoded(data)
            if message is not None:
                changed = self._conduct.heard(sender, message, now)
                if changed is None:
                    return []
                data = data if changed is message else padded(encode(changed))
        return self._ask(lambda node, at: node.receive(data, sender, at), now)

    def on_timer(self, now: float) -> list[Effect]:
        """Do what is due: join, state, what the node wants, what its conduct wants, leave."""
        if now >= self.spec.leaves:
            return self._leave(now)
        if self.node is None and now >= self.spec.joins and not self._left:
            self._join(now)
        if self.node is None:
            return []
        effects = self._state(now)
        due = self.node.next_deadline()
        if due - self._skew_s <= now:
            # The last digit may be lost between two clocks: what is due is done all the same.
            at = max(due, self._clock(now))
            effects += self._leaving(self.node.on_timer(at), now)
        if self._conduct is not None and self._conduct.next_tick() <= now:
            effects += self._conduct.tick(now)
        return effects

    def next_deadline(self) -> float:
        """Return when something will be due."""
        if self._left:
            return NEVER
        if self.node is None:
            return self.spec.joins
        due = min(self.node.next_deadline() - self._skew_s, self.spec.leaves)
        if self._deeds:
            due = min(due, self._deeds[0].at)
        return due if self._conduct is None else min(due, self._conduct.next_tick())

    # -- inside ---------------------------------------------------------------------------

    @property
    def _skew_s(self) -> float:
        return 0.0 if self._conduct is None else self._conduct.skew_s

    def _clock(self, now: float) -> float:
        return now + self._skew_s

    def _ask(self, call: Callable[[Node, float], list[Effect]], now: float) -> list[Effect]:
        if self.node is None:
            return []
        return self._leaving(call(self.node, self._clock(now)), now)

    def _settings(self) -> NodeSettings:
        """Return how the node takes part."""
        return puppet_settings(self.spec)

    def _join(self, now: float) -> None:
        spec, at = self.spec, self._clock(now)
        self.store = MemoryStore(tag=spec.seed[:8])
        self.node = Node(
            self.store,
            spec.signer,
            network=spec.network,
            verifier=spec.verifier,
            settings=self._settings(),
            membership=spec.membership,
            rng=spec.rng(),
            now=at,
        )
        for known in spec.known:
            self.node.learn_address(known.peer, known.address, at)
        if self._conduct is not None:
            self._conduct.node, self._conduct.spec = self.node, spec

    def _leave(self, now: float) -> list[Effect]:
        effects = self._ask(lambda node, at: node.goodbye(at), now)
        self.node, self._left = None, True
        return effects

    def _state(self, now: float) -> list[Effect]:
        """Record what the plan says, as of the time that the node believes in."""
        due = [self._deeds.popleft() for _ in range(sum(each.at <= now for each in self._deeds))]
        if not due or self.store is None:
            return []
        at = self._clock(now)
        for deed in due:
            self.store.trust_many(TrustEdge("me", *said, at) for said in deed.trust)
            self.store.record_many(
                Interaction("me", item, weight, at, True) for item, weight in deed.plays
            )
        return self._ask(lambda node, clock: node.publish(clock), now)

    def _leaving(self, effects: Sequence[Effect], now: float) -> list[Effect]:
        """Let the conduct see what the node wants done."""
        conduct = self._conduct
        if conduct is None:
            return list(effects)
        kept: list[Effect] = []
        for effect in effects:
            if isinstance(effect, Send):
                message = decode(effect.data)
                assert not isinstance(message, Ignored)  # a node sends what it knows
                said = conduct.said(effect.peer, message, now)
                if said is message:
                    kept.append(effect)
                elif said is not None:
                    kept.append(Send(effect.peer, padded(encode(said)), effect.priority))
            elif not isinstance(effect, Dial) or conduct.allows(effect):
                kept.append(effect)
        return kept


@dataclass(frozen=True, slots=True)
class Normal:
    """The role of a normal node with bad content."""

    def endpoint(self, spec: SybilSpec) -> Endpoint:
        """Return a puppet that nobody tells from a normal node."""
        return Puppet(spec)


def _decoded(data: bytes) -> Message | None:
    """Return a message; None for what the node itself will ignore or refuse."""
    try:
        message = decode(data)
    except RemoteProtocolError:
        return None
    return None if isinstance(message, Ignored) else message
