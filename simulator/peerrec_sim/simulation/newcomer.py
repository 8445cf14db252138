"""Let a node note what happens to it at first: whom it links with, what it is told.

It behaves as every other node; see `peerrec_sim.measures.newcomers` for what is made of
its notes.

Example:
    >>> import numpy as np
    >>> from peerrec.protocol.identity import KeyedHashSigner
    >>> from peerrec.store.memory import MemoryStore
    >>> diary = Diary()
    >>> _ = Newcomer(diary, MemoryStore(), KeyedHashSigner(bytes(32)), network="test",
    ...     rng=np.random.default_rng(0), now=5.0)
    >>> diary.began
    5.0
"""

from __future__ import annotations

from typing import Any

from peerrec.errors import RemoteProtocolError, VerificationError
from peerrec.node import Node
from peerrec.protocol.effects import Effect
from peerrec.protocol.identity import Signer
from peerrec.protocol.invite import Address
from peerrec.protocol.messages import Peers, Type
from peerrec.protocol.segment import decode_segment
from peerrec.protocol.wire import decode
from peerrec.store import Store
from peerrec_sim.measures.newcomers import Diary

__all__ = ["Newcomer"]


class Newcomer(Node):
    """A node that keeps a diary.

    Args:
        diary: takes its notes, and survives it.
        store, signer, options: see `Node`.
    """

    def __init__(self, diary: Diary, store: Store, signer: Signer, **options: Any) -> None:
        super().__init__(store, signer, **options)
        self._diary = diary
        self._dialled: set[bytes] = set()
        if diary.began != diary.began:
            diary.began = options["now"]

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
        """Take note of a new link, and note it."""
        effects = super().link_up(
            peer,
            dialled=dialled,
            address=address,
            host=host,
            hello=hello,
            binding=binding,
            now=now,
        )
        if dialled and self.link(peer) is not None:
            self._dialled.add(peer)
            self._diary.dialled.append((now, peer, True))
        return effects

    def link_down(self, peer: bytes, reason: str, now: float) -> list[Effect]:
        """Take note that a link ended, and note it."""
        if peer in self._dialled:
            self._dialled.remove(peer)
            self._diary.dialled.append((now, peer, False))
        return super().link_down(peer, reason, now)

    def receive(self, data: bytes, sender: bytes, now: float) -> list[Effect]:
        """Deal with a message, and note the addresses in it."""
        if len(data) > 1 and data[1] == Type.PEERS and self.link(sender) is not None:
            self._note(data)
        return super().receive(data, sender, now)

    def _note(self, data: bytes) -> None:
        told = self._diary.told
        try:
            message = decode(data)
            if isinstance(message, Peers):
                for frame in message.frames or ():
                    peer = decode_segment(frame, self.network).header.author
                    told[peer] = told.get(peer, 0) + 1
        except (RemoteProtocolError, VerificationError):
            return  # the node itself finds the words for it
