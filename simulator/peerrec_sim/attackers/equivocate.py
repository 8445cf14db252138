"""Equivocate: tell two halves different things under one number, with one good signature each.

To the second half of the people every own segment with interactions leaves as its twin:
same log, same number, same minute, other words, signed with the same key. The node itself
knows only the first. Whoever gets both holds the proof.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np

from peerrec.errors import VerificationError
from peerrec.ids import network_id
from peerrec.peering.endpoint import Endpoint
from peerrec.protocol.bundle import pack, unpack
from peerrec.protocol.identity import Signer
from peerrec.protocol.messages import Message, Push
from peerrec.protocol.segment import Kind, Segment, make_segment
from peerrec.protocol.statements import Play, decode_statements, encode_statements
from peerrec_sim.attackers.base import (
    TALK_S,
    Attacker,
    attack_edges,
    besieging,
    known_victims,
    moment,
    spread,
    target_name,
)
from peerrec_sim.attackers.content import specs_of
from peerrec_sim.attackers.plan import AttackPlan, Deed, Known, SybilSpec
from peerrec_sim.attackers.puppet import Puppet
from peerrec_sim.attackers.region import Region
from peerrec_sim.attackers.siege import Besieging
from peerrec_sim.attackers.view import WorldView

__all__ = ["Equivocate", "EquivocateConduct", "Equivocating", "twin_of"]

VICTIMS = 32
"""Honest nodes to which one identity tells its stories, at strength 1."""


def twin_of(segment: Segment, signer: Signer, network: bytes) -> Segment:
    """Return another segment with the same number: a fork.

    It says all but the first play, or that one at half its weight where there is no other.
    """
    header = segment.header
    plays: list[Play] = decode_statements(header.kind, segment.payload, header.minute)
    other = plays[1:] or [plays[0]._replace(weight=plays[0].weight / 2)]
    return make_segment(
        signer,
        network,
        header.kind,
        epoch=header.epoch,
        seq=header.seq,
        prev=header.prev,
        minute=header.minute,
        ttl_days=header.ttl_days,
        payload=encode_statements(header.kind, other, header.minute),
    )


class EquivocateConduct(Besieging):
    """Show twins to the second half.

    Args:
        victims, begins: see `Siege`.
        second: who gets the twins.
        signer: the key of the identity.
        network: id of the network.
    """

    def __init__(
        self,
        victims: tuple[Known, ...],
        begins: float,
        second: frozenset[bytes],
        signer: Signer,
        network: bytes,
    ) -> None:
        super().__init__(victims, begins)
        self._second = second
        self._signer = signer
        self._network = network

    def said(self, to: bytes, message: Message, now: float) -> Message | None:
        """Put twins in the place of own segments on their way to the second half."""
        if not isinstance(message, Push) or to not in self._second:
            return message
        try:
            segments = unpack(message.bundle, self._network)
        except VerificationError:
            return message
        shown = [self._shown(segment) for segment in segments]
        return Push(message.request, message.last, pack(shown)[0])

    def _shown(self, segment: Segment) -> Segment:
        header = segment.header
        if header.author != self._signer.peer or header.kind != Kind.INTERACTIONS:
            return segment
        return twin_of(segment, self._signer, self._network)


@dataclass(frozen=True, slots=True)
class Equivocating:
    """The role of an identity that forks its log.

    Attributes:
        victims: to whom it talks.
        second: those of all honest people to whom it tells the other story.
    """

    victims: tuple[Known, ...]
    second: frozenset[bytes]

    def endpoint(self, spec: SybilSpec) -> Endpoint:
        """Return a node with this conduct."""
        network = network_id(spec.network)
        return Puppet(
            spec,
            EquivocateConduct(self.victims, spec.joins, self.second, spec.signer, network),
        )


@dataclass(frozen=True, kw_only=True)
class Equivocate(Attacker):
    """Identities that tell every other honest node another story."""

    kind = "equivocate"
    summary = "signs two segments with one number and shows them to two halves"

    def plan(self, view: WorldView, rng: np.random.Generator) -> AttackPlan:
        """Return identities that first make links, and then talk."""
        n = view.orders.sybils
        if n < 1:
            return AttackPlan(self.kind)
        region = Region.invent(view, self.kind, n, rng)
        order = view.victims(len(view.peers), rng)
        second = frozenset(view.peers[at] for at in order[1::2])
        n_each = max(2, round(VICTIMS * view.orders.strength))
        targets = (target_name(self.kind, 0), target_name(self.kind, 1))
        top = float(view.community.interactions.weight.max(initial=1.0))
        edges = attack_edges(view, region.peers, rng)
        fooled = tuple(edge.honest for edge in edges)
        talk = moment(view, TALK_S)
        endpoints = []
        for spec, dealt in zip(
            specs_of(region, view.begins, rng), spread(region, n_each, order), strict=True
        ):
            # Who trusts it is always told, or nobody would listen.
            victims = tuple(dict.fromkeys((*fooled, *dealt)))
            known = known_victims(view, victims)
            endpoints.append(
                dataclasses.replace(
                    spec,
                    role=Equivocating(known, second),
                    known=known,
                    membership=besieging(len(victims)),
                    deeds=(Deed(talk, tuple((target, top) for target in targets)),),
                )
            )
        return AttackPlan(self.kind, tuple(endpoints), edges, targets, order)
