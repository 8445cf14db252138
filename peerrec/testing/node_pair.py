"""Join two real nodes by one link, for tests that tell a story of two.

Example:
    >>> pair = NodePair(seed=1)
    >>> pair.a.store.record(Interaction("me", "song:a", time=pair.now, public=True))
    >>> pair.b.trust(pair.a)
    >>> pair.settle()
    >>> [each.author == pair.a.node.peer for each in pair.b.interactions() if each.author != "me"]
    [True]
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from peerrec.node import Node
from peerrec.peering.settings import NodeSettings
from peerrec.protocol.identity import KeyedHashSigner, KeyedHashVerifier, Signer, Verifier
from peerrec.store import Interaction, Store, TrustEdge
from peerrec.store.memory import MemoryStore
from peerrec.testing.virtual_network import VirtualNetwork

__all__ = ["START", "NodePair", "Participant", "make_participant"]

START = 1_700_000_000.0
"""Unix seconds at which virtual time begins in tests: a time that is in no way special."""


@dataclass(slots=True)
class Participant:
    """A node with its store and its network."""

    node: Node
    store: Store
    network: VirtualNetwork

    @property
    def peer(self) -> bytes:
        """Id of the node."""
        return self.node.peer

    def play(self, item: str, *, public: bool = True, weight: float = 1.0) -> None:
        """Record an interaction of the node's person, now."""
        now = self.network.time_of(self.peer)
        self.store.record(Interaction("me", item, weight, now, public))

    def trust(self, other: Participant, weight: float = 1.0) -> None:
        """State trust of the node's person in another's."""
        now = self.network.time_of(self.peer)
        self.store.trust(TrustEdge("me", other.peer, weight, now))

    def publish(self) -> None:
        """Let the node notice what was recorded, and send it where it is due."""
        self.network.act(self.peer, self.node.publish(self.network.time_of(self.peer)))

    def interactions(self) -> list[Interaction]:
        """Return what the store has, in order of arrival."""
        columns, people, items = self.store.interactions(), self.store.peers(), self.store.items()
        rows = zip(
            people.positions(columns.author).tolist(),
            items.positions(columns.item).tolist(),
            columns.weight.tolist(),
            columns.time.tolist(),
            columns.public.tolist(),
            strict=True,
        )
        return [Interaction(people.ids[a], items.ids[i], w, t, p) for a, i, w, t, p in rows]

    def items_of(self, other: Participant) -> set[str | bytes]:
        """Return the items of which the store knows that another person met them."""
        return {row.item for row in self.interactions() if row.author == other.peer}


def make_participant(
    network: VirtualNetwork,
    number: int,
    *,
    settings: NodeSettings | None = None,
    store: Store | None = None,
    signer: Signer | None = None,
    verifier: Verifier | None = None,
    skew_s: float = 0.0,
    run: int = 0,
) -> Participant:
    """Add a node to a virtual network; the same number has the same keys.

    Give every start on one store another ``run``: chance never repeats itself.
    """
    keys = signer or KeyedHashSigner(number.to_bytes(32, "big"))
    kept = MemoryStore() if store is None else store
    node = Node(
        kept,
        keys,
        network="test",
        verifier=verifier or (KeyedHashVerifier() if signer is None else None),
        settings=settings or NodeSettings(batch_delay_s=1.0),
        rng=np.random.default_rng(number if run == 0 else [number, run]),
        now=network.now + skew_s,
    )
    network.add(node, skew_s=skew_s)
    return Participant(node, kept, network)


class NodePair:
    """Two nodes on one virtual network.

    Args:
        seed: of the network's chance.
        link: whether they are linked from the start.
        settings: of both.
        latency_s: of the link.

    Attributes:
        a, b: the two.
        network: theirs.
    """

    def __init__(
        self,
        seed: int = 1,
        *,
        link: bool = True,
        settings: NodeSettings | None = None,
        latency_s: float = 0.01,
    ) -> None:
        self.network = VirtualNetwork(seed, latency_s=latency_s, start=START)
        self.a = make_participant(self.network, 1, settings=settings)
        self.b = make_participant(self.network, 2, settings=settings)
        if link:
            self.link()

    @property
    def now(self) -> float:
        """Virtual unix seconds."""
        return self.network.now

    def link(self) -> None:
        """Let b dial a."""
        self.network.connect(self.b.peer, self.a.peer)

    def cut(self) -> None:
        """End the link."""
        self.network.cut(self.a.peer, self.b.peer)

    def settle(self, seconds: float = 90.0) -> None:
        """Let both publish, and time pass in which they agree."""
        self.network.run_for(6.0)
        for each in (self.a, self.b):
            each.publish()
        self.network.run_for(seconds)
