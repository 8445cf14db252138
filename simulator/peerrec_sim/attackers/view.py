"""Show an attacker the whole world: the worst case is one who sees everything.

Example:
    >>> from peerrec_sim.attackers.stage import Stage
    >>> view = Stage.small(kinds=("serial",), sybils=3).view
    >>> len(view.peers) == view.community.n_users, view.orders.sybils
    (True, 3)
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from peerrec.ids import network_id
from peerrec.protocol.identity import (
    Ed25519Signer,
    Ed25519Verifier,
    KeyedHashSigner,
    KeyedHashVerifier,
    Signer,
    Verifier,
)
from peerrec.protocol.invite import Address
from peerrec_sim.community import Community
from peerrec_sim.scenario.schema import Attackers, Scenario

__all__ = ["WorldView", "signer_of", "verifier_of"]


@dataclass(frozen=True, slots=True)
class WorldView:
    """What an attacker sees of the honest before the run.

    Attributes:
        scenario: the run; its table ``attackers`` holds the orders.
        community: what the honest know and do, without what is held out; user u is the
            honest node with index u, and items are recorded under their raw names.
        peers: id of each honest node.
        addresses: where each of them listens.
        network: name of the network.
        start: unix seconds at which virtual time begins.
        neighbours: indices that each honest node knows at first; empty if not told.
        hidden: indices of honest nodes that nobody can dial: they are behind NAT.
        newcomers: indices of honest nodes that join late; the first to be besieged.
        newcomers_at: unix seconds at which they do.
    """

    scenario: Scenario
    community: Community
    peers: tuple[bytes, ...]
    addresses: tuple[Address, ...]
    network: str
    start: float
    neighbours: tuple[tuple[int, ...], ...] = ()
    hidden: frozenset[int] = frozenset()
    newcomers: tuple[int, ...] = ()
    newcomers_at: float = 0.0

    @property
    def orders(self) -> Attackers:
        """What the attackers are told to do."""
        return self.scenario.attackers

    @property
    def network_id(self) -> bytes:
        """Id of the network, 16 bytes."""
        return network_id(self.network)

    @property
    def begins(self) -> float:
        """Unix seconds at which the attack begins."""
        return self.start + self.orders.start_s

    @property
    def ends(self) -> float:
        """Unix seconds at which the attack ends; infinity for never."""
        return self.start + self.orders.stop_s if self.orders.stop_s else np.inf

    def victims(self, n: int, rng: np.random.Generator) -> tuple[int, ...]:
        """Draw up to n honest nodes, newcomers first."""
        others = [at for at in range(len(self.peers)) if at not in self.newcomers]
        order = [others[at] for at in rng.permutation(len(others)).tolist()]
        return tuple([*self.newcomers, *order][: max(n, 0)])


def signer_of(kind: str, seed: bytes) -> Signer:
    """Return the key of 32 bytes, of the kind that a scenario names."""
    return Ed25519Signer.from_seed(seed) if kind == "ed25519" else KeyedHashSigner(seed)


def verifier_of(kind: str) -> Verifier:
    """Return what verifies the signatures of such keys."""
    return Ed25519Verifier() if kind == "ed25519" else KeyedHashVerifier()
