"""Invent identities: keys, places to listen, and whom they know at first.

An attacker has few networks and many hosts in each, as whoever rents machines does; one
who wants to be found everywhere rents a little in many.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Final

import numpy as np

from peerrec.limits import MINUTE_S
from peerrec.protocol.invite import Address
from peerrec.protocol.segment import NO_SEGMENT, Kind, make_segment
from peerrec.protocol.statements import Whereabouts, encode_statements
from peerrec_sim.attackers.plan import Known
from peerrec_sim.attackers.view import WorldView, signer_of
from peerrec_sim.where import rented_address

__all__ = ["Region"]

NETGROUPS: Final = 8
"""Networks of 16 bits from which one attack comes."""

NETGROUPS_MAX: Final = 256
"""… and at most, where it wants to be found everywhere."""

FIRST_WIDE: Final = 8 * 256
"""Number of the first network of attacks from many: behind those of attacks from few."""

KNOWN_HONEST: Final = 16
KNOWN_SYBILS: Final = 4

CARD_EPOCH: Final = 1
CARD_TTL_DAYS: Final = 90


@dataclass(frozen=True, slots=True)
class Region:
    """The identities of one attack.

    Attributes:
        view: the world they are in.
        seeds: 32 bytes of each, of which its key is made.
        peers: id of each.
        addresses: where each listens.
    """

    view: WorldView
    seeds: tuple[bytes, ...]
    peers: tuple[bytes, ...]
    addresses: tuple[Address, ...]

    @classmethod
    def invent(
        cls, view: WorldView, kind: str, n: int, rng: np.random.Generator, *, wide: bool = False
    ) -> Region:
        """Return n identities of an attack; each kind of a scenario has its own networks.

        Args:
            view: the world.
            kind: of the attack.
            n: how many identities.
            rng: draws the secret that their keys are made of.
            wide: whether each has a network to itself, as far as there are any.
        """
        secret = rng.bytes(16)
        seeds = tuple(
            hashlib.blake2b(secret + number.to_bytes(8, "big"), digest_size=32).digest()
            for number in range(n)
        )
        peers = tuple(signer_of(view.scenario.node.signer, seed).peer for seed in seeds)
        kinds = view.orders.kinds
        place = kinds.index(kind) if kind in kinds else 0
        groups = NETGROUPS_MAX if wide else NETGROUPS
        first = groups * place + (FIRST_WIDE if wide else 0)
        addresses = tuple(_address(first, groups, number) for number in range(n))
        return cls(view, seeds, peers, addresses)

    def __len__(self) -> int:
        return len(self.seeds)

    def known_to(self, number: int, rng: np.random.Generator) -> tuple[Known, ...]:
        """Draw whom an identity knows at first: honest nodes, and some of its own kind."""
        view = self.view
        honest = _draw(len(view.peers), KNOWN_HONEST, rng)
        mates = [at for at in _draw(len(self), KNOWN_SYBILS + 1, rng) if at != number]
        return (
            *(Known(view.peers[at], view.addresses[at]) for at in honest),
            *(Known(self.peers[at], self.addresses[at]) for at in mates[:KNOWN_SYBILS]),
        )

    def cards(self) -> tuple[bytes, ...]:
        """Return a signed address of each identity, as a node tells it on."""
        minute = int(self.view.begins // MINUTE_S)
        return tuple(
            make_segment(
                signer_of(self.view.scenario.node.signer, seed),
                self.view.network_id,
                Kind.ADDRESS,
                epoch=CARD_EPOCH,
                seq=0,
                prev=NO_SEGMENT,
                minute=minute,
                ttl_days=CARD_TTL_DAYS,
                payload=encode_statements(
                    Kind.ADDRESS, [Whereabouts(where.host, where.port)], minute
                ),
            ).frame
            for seed, where in zip(self.seeds, self.addresses, strict=True)
        )


def _draw(n: int, size: int, rng: np.random.Generator) -> list[int]:
    """Draw so many of n, or all there are."""
    drawn: list[int] = rng.choice(n, min(size, n), replace=False, shuffle=False).tolist()
    return drawn


def _address(first: int, groups: int, number: int) -> Address:
    """Return where an identity listens: dealt out over so many networks from the first on."""
    nth, group = divmod(number, groups)
    return rented_address(first + group, nth)
