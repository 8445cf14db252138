"""Hold a node's links, and gather what is to be done over them into effects."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from peerrec.limits import TEXT_BYTES_MAX
from peerrec.peering.link import Link
from peerrec.protocol.effects import Effect, Hangup, Priority, Send
from peerrec.protocol.messages import Goaway, GoawayCode, Message
from peerrec.protocol.sync_shelf import Outgoing
from peerrec.protocol.wire import encode, padded, plain

__all__ = ["Switchboard"]


class Switchboard:
    """The links of one node, and the effects that wait for its driver.

    Attributes:
        get: returns the link to a peer; None where there is none.
    """

    def __init__(self) -> None:
        self._links: dict[bytes, Link] = {}
        self.get: Callable[[bytes], Link | None] = self._links.get  # every message asks
        self._queued: dict[bytes, None] = {}
        self._effects: list[Effect] = []

    def __iter__(self) -> Iterator[Link]:
        return iter(list(self._links.values()))

    def __contains__(self, peer: bytes) -> bool:
        return peer in self._links

    @property
    def peers(self) -> Sequence[bytes]:
        """Peers with a link, the oldest first."""
        return list(self._links)

    def add(self, link: Link) -> None:
        """Take a new link; an older one to the same peer is forgotten."""
        self._links.pop(link.peer, None)
        self._links[link.peer] = link
        link.queued = self._queued

    def pop(self, peer: bytes) -> Link | None:
        """Forget a link that ended."""
        return self._links.pop(peer, None)

    def others(self, peer: bytes | None) -> list[Link]:
        """Return the links to all peers but one."""
        return [link for link in self._links.values() if link.peer != peer]

    def put(self, peer: bytes, message: Message, priority: Priority) -> None:
        """Queue a message where there is a link."""
        link = self._links.get(peer)
        if link is not None and not link.leaving:
            link.put(message, priority)

    def put_all(self, peers: Sequence[bytes], message: Message, priority: Priority) -> None:
        """Queue one message to several peers."""
        data = padded(encode(message))
        for peer in peers:
            link = self._links.get(peer)
            if link is not None and not link.leaving:
                link.put_encoded(data, message, priority)

    def send_all(self, link: Link, outgoing: Outgoing) -> None:
        """Queue what a session wants sent."""
        for priority, message in outgoing:
            link.put(message, priority)

    def act(self, effect: Effect) -> None:
        """Ask the driver for something that belongs to no link."""
        self._effects.append(effect)

    def part(self, link: Link, code: GoawayCode, reason: str, text: str = "") -> None:
        """End a link with a word; what waits in its queue and may leave goes first."""
        if not link.leaving:
            link.leaving = True
            link.put(Goaway(0, int(code), plain(text, TEXT_BYTES_MAX)), Priority.CONTROL)
            self._send_ready(link)
            self._effects.append(Hangup(link.peer, reason))

    def left(self, link: Link) -> None:
        """Close a link whose other end said goodbye."""
        link.leaving = True
        self._effects.append(Hangup(link.peer, "goaway"))

    def flush(self) -> list[Effect]:
        """Return everything that is to be done now."""
        if self._queued:
            peers = list(self._queued)
            self._queued.clear()
            for peer in peers:
                link = self._links.get(peer)
                if link is not None and not link.leaving:
                    self._send_ready(link)
                    if link.outbox.overflows:
                        self.part(link, GoawayCode.FULL, "reads too slowly")
        effects, self._effects = self._effects, []
        return effects

    def _send_ready(self, link: Link) -> None:
        self._effects += [Send(link.peer, data, how) for data, how in link.outbox.ready()]
