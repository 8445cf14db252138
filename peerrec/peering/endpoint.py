"""Say what a driver calls of a node, be it on sockets or on virtual time."""

from __future__ import annotations

from typing import Protocol

from peerrec.protocol.effects import Effect
from peerrec.protocol.invite import Address

__all__ = ["Endpoint"]


class Endpoint(Protocol):
    """What links are made for: `peerrec.node.Node`, or what takes its place in a test."""

    @property
    def peer(self) -> bytes:
        """Its id."""
        ...

    def hello(self, now: float) -> bytes:
        """Return what to say of oneself in a handshake."""
        ...

    def refuses(self, peer: bytes, host: str, now: float) -> str | None:
        """Return why there may be no link to a peer that came; None where there may."""
        ...

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
        """Take note of a new link; an older one to the same peer has ended.

        Args:
            peer: who proved to be at the other end.
            dialled: whether we opened it.
            address: where it was dialled; None if it came to us.
            host: the other end's host as the socket knows it.
            hello: what it said of itself in the handshake.
            binding: hash of the handshake, 32 bytes that both ends and nobody else know.
            now: unix seconds.
        """
        ...

    def link_down(self, peer: bytes, reason: str, now: float) -> list[Effect]:
        """Take note that a link ended."""
        ...

    def dial_failed(
        self, peer: bytes | None, address: Address, reason: str, now: float
    ) -> list[Effect]:
        """Take note that a dial came to nothing."""
        ...

    def receive(self, data: bytes, sender: bytes, now: float) -> list[Effect]:
        """Deal with a message."""
        ...

    def on_timer(self, now: float) -> list[Effect]:
        """Do what is due."""
        ...

    def next_deadline(self) -> float:
        """Return when something will be due, unix seconds; infinity for never."""
        ...
