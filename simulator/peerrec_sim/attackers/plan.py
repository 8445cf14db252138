"""Write down an attack before it is run: identities, what they do when, who falls for them.

A plan is plain data: it can be pickled, compared and sent to another process, and an
endpoint made of it twice behaves twice the same. Endpoints of one plan share nothing that
changes, so it does not matter where each of them runs.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from peerrec.peering.endpoint import Endpoint
from peerrec.peering.settings import NodeSettings
from peerrec.protocol.identity import Signer, Verifier
from peerrec.protocol.invite import Address
from peerrec.protocol.membership_settings import MembershipSettings
from peerrec_sim.attackers.view import signer_of, verifier_of

__all__ = [
    "SYBIL_STORE_BYTES",
    "AttackEdge",
    "AttackPlan",
    "Deed",
    "Known",
    "Role",
    "SybilSpec",
    "puppet_settings",
]

SYBIL_STORE_BYTES = 1 << 17
"""Bytes of others' logs that an invented identity keeps: it has to look like somebody, and
keeps no more than honest people do where they keep less."""


@dataclass(frozen=True, slots=True)
class Known:
    """A peer and where to dial it."""

    peer: bytes
    address: Address


@dataclass(frozen=True, slots=True)
class Deed:
    """What an identity states at one moment, as its person would.

    Attributes:
        at: unix seconds.
        plays: (raw item, weight) recorded as public interactions.
        trust: (peer, weight in [−1, 1]) stated.
    """

    at: float
    plays: tuple[tuple[str, float], ...] = ()
    trust: tuple[tuple[bytes, float], ...] = ()


class Role(Protocol):
    """How an identity behaves on the network; immutable, makes the endpoint that does."""

    def endpoint(self, spec: SybilSpec) -> Endpoint:
        """Return a new endpoint for one identity."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class SybilSpec:
    """One invented identity.

    Attributes:
        seed: 32 bytes of which its key is made.
        signer_kind: ``keyed-hash`` or ``ed25519``.
        network: name of the network.
        address: where it listens.
        role: how it behaves.
        joins, leaves: unix seconds between which it takes part.
        deeds: what its person states, in order of time.
        known: whose addresses it has when it joins.
        store_bytes: of others' logs that it keeps.
        membership: how many links it keeps.
    """

    seed: bytes
    signer_kind: str
    network: str
    address: Address
    role: Role
    joins: float
    leaves: float = np.inf
    deeds: tuple[Deed, ...] = ()
    known: tuple[Known, ...] = ()
    store_bytes: int = SYBIL_STORE_BYTES
    membership: MembershipSettings = field(default_factory=MembershipSettings)

    @property
    def signer(self) -> Signer:
        """Its key."""
        return signer_of(self.signer_kind, self.seed)

    @property
    def verifier(self) -> Verifier:
        """What verifies signatures in its network."""
        return verifier_of(self.signer_kind)

    @property
    def peer(self) -> bytes:
        """Its id."""
        return self.signer.peer

    def rng(self) -> np.random.Generator:
        """Return its own dice, always from the first throw on."""
        return np.random.default_rng(list(self.seed))

    def endpoint(self) -> Endpoint:
        """Return a new endpoint that does all this."""
        return self.role.endpoint(self)


def puppet_settings(spec: SybilSpec) -> NodeSettings:
    """Return the settings of an invented identity: it publishes at once, and costs little."""
    return NodeSettings(
        follow_bytes_max=spec.store_bytes,
        exploration_share=0.5,
        batch_count=256,
        batch_delay_s=0.0,
        factors=False,
        merit_walks=100,
        address=spec.address,
    )


@dataclass(frozen=True, slots=True)
class AttackEdge:
    """Trust that an honest person states in one of the identities.

    Attributes:
        honest: index of the honest node.
        peer: whom it trusts, or no longer does.
        at: unix seconds.
        weight: 1 for full trust; 0 takes it back, below distrusts.
    """

    honest: int
    peer: bytes
    at: float
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class AttackPlan:
    """Everything that one attack will do.

    Attributes:
        kind: of the attacker.
        endpoints: its identities.
        edges: who falls for it when.
        targets: raw ids of the items that it pushes; empty where it only harms.
        victims: indices of honest nodes that it is aimed at; empty for nobody in particular.
    """

    kind: str
    endpoints: tuple[SybilSpec, ...] = ()
    edges: tuple[AttackEdge, ...] = ()
    targets: tuple[str, ...] = ()
    victims: tuple[int, ...] = ()

    @property
    def peers(self) -> tuple[bytes, ...]:
        """Ids of its identities."""
        return tuple(spec.peer for spec in self.endpoints)
