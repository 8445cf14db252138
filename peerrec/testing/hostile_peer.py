"""Send a node whatever a test likes: an endpoint that obeys no rule.

It handshakes like any peer and then says only what it is told, any bytes at all. What
the node says to it is kept, decoded where it can be.
"""

from __future__ import annotations

from collections.abc import Callable

from peerrec.ids import network_id
from peerrec.protocol.effects import Effect, Send
from peerrec.protocol.identity import KeyedHashSigner, Signer
from peerrec.protocol.invite import Address
from peerrec.protocol.messages import Hello, Message, Type
from peerrec.protocol.wire import Ignored, decode, encode, padded

__all__ = ["HostilePeer"]

Answer = Callable[["HostilePeer", bytes, Message, float], list[Effect]]


class HostilePeer:
    """A peer under a test's control; see `peerrec.peering.endpoint` for how a network drives it.

    Args:
        number: makes its key.
        network: name of the network it claims to be in.
        answer: called with (self, sender, message, now) for every message that came;
            what it returns is done. None keeps silent.

    Attributes:
        signer: its key, to sign segments with.
        heard: messages that came, in order.
        links: peers it is linked with.
        down: (peer, reason) of links that ended.
    """

    def __init__(
        self, number: int = 666, *, network: str = "test", answer: Answer | None = None
    ) -> None:
        self.signer: Signer = KeyedHashSigner(number.to_bytes(32, "big"))
        self.network = network_id(network)
        self.heard: list[Message] = []
        self.links: set[bytes] = set()
        self.down: list[tuple[bytes, str]] = []
        self.claims = Hello(0, 0, 0, bytes(8), 1 << 18, 0, "hostile")
        self._answer = answer

    @property
    def peer(self) -> bytes:
        """Its id."""
        return self.signer.peer

    def says(self, message: Message | bytes, to: bytes) -> list[Effect]:
        """Return the effect that sends a message, or any bytes."""
        data = message if isinstance(message, bytes) else padded(encode(message))
        return [Send(to, data)]

    def heard_of(self, kind: Type) -> list[Message]:
        """Return the messages of one type that came."""
        return [message for message in self.heard if message.TYPE is kind]

    # -- what a network asks of an endpoint ---------------------------------------------

    def hello(self, now: float) -> bytes:
        """Return its claims."""
        return encode(self.claims)

    def refuses(self, peer: bytes, host: str, now: float) -> str | None:
        """Refuse nobody."""
        return None

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
        """Note the link."""
        self.links.add(peer)
        return []

    def link_down(self, peer: bytes, reason: str, now: float) -> list[Effect]:
        """Note its end."""
        self.links.discard(peer)
        self.down.append((peer, reason))
        return []

    def dial_failed(
        self, peer: bytes | None, address: Address, reason: str, now: float
    ) -> list[Effect]:
        """Shrug."""
        return []

    def receive(self, data: bytes, sender: bytes, now: float) -> list[Effect]:
        """Keep a message, and answer as told."""
        message = decode(data)
        if isinstance(message, Ignored):
            return []
        self.heard.append(message)
        return [] if self._answer is None else self._answer(self, sender, message, now)

    def on_timer(self, now: float) -> list[Effect]:
        """Do nothing."""
        return []

    def next_deadline(self) -> float:
        """Return infinity: it wakes for nothing."""
        return float("inf")
