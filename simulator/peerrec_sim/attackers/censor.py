"""Pass nothing on: take what comes and keep it, or promise it and never send it."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from peerrec.errors import VerificationError
from peerrec.ids import network_id
from peerrec.peering.endpoint import Endpoint
from peerrec.protocol.bundle import pack, unpack
from peerrec.protocol.messages import Gone, Message, Push, Status, StatusCode
from peerrec_sim.attackers.base import Attacker, attack_edges
from peerrec_sim.attackers.content import specs_of
from peerrec_sim.attackers.plan import AttackPlan, SybilSpec
from peerrec_sim.attackers.puppet import Conduct, Puppet
from peerrec_sim.attackers.region import Region
from peerrec_sim.attackers.view import WorldView

__all__ = ["Censor", "CensorConduct", "Censoring", "Withhold", "WithholdConduct"]


def only_of(push: Push, authors: frozenset[bytes], network: bytes) -> Push | Status | None:
    """Return a push without the segments of other authors, as valid as it was.

    What is left of an answer in a session still ends as an answer must; of live gossip
    without a segment nothing is left.
    """
    try:
        segments = unpack(push.bundle, network)
    except VerificationError:
        return push  # whoever gets it will find out
    kept = [segment for segment in segments if segment.header.author in authors]
    if len(kept) == len(segments):
        return push
    if kept:
        return Push(push.request, push.last, pack(kept)[0])
    return Status(push.request, StatusCode.DONE) if push.request and push.last else None


class CensorConduct(Conduct):
    """Hear nothing but what the own kind says: what was never heard cannot be passed on.

    Args:
        authors: whose segments it lets through.
        network: id of the network.
    """

    def __init__(self, authors: frozenset[bytes], network: bytes) -> None:
        self._authors = authors
        self._network = network

    def heard(self, sender: bytes, message: Message, now: float) -> Message | None:
        """Drop the segments of everybody else."""
        if isinstance(message, Push):
            return only_of(message, self._authors, self._network)
        return message


class WithholdConduct(CensorConduct):
    """Take everything in and announce it, yet send nothing of it."""

    def heard(self, sender: bytes, message: Message, now: float) -> Message | None:
        """Hear everything."""
        return message

    def said(self, to: bytes, message: Message, now: float) -> Message | None:
        """Keep back what others wrote, and do not even say that it is gone."""
        if isinstance(message, Push):
            return only_of(message, self._authors, self._network)
        return None if isinstance(message, Gone) and not message.request else message


@dataclass(frozen=True, slots=True)
class Censoring:
    """The role of an identity that passes nothing on.

    Attributes:
        authors: whose segments it lets through: those of its own kind.
        withholds: whether it takes segments in and promises them.
    """

    authors: frozenset[bytes]
    withholds: bool

    def endpoint(self, spec: SybilSpec) -> Endpoint:
        """Return a node with this conduct."""
        conduct = WithholdConduct if self.withholds else CensorConduct
        return Puppet(spec, conduct(self.authors, network_id(spec.network)))


@dataclass(frozen=True, kw_only=True)
class Censor(Attacker):
    """Sociable identities that take links, and into which segments disappear."""

    kind = "censor"
    summary = "takes links and all that comes over them, and passes nothing on"

    withholds: ClassVar[bool] = False

    def plan(self, view: WorldView, rng: np.random.Generator) -> AttackPlan:
        """Return identities that are linked with whomever they get."""
        n = view.orders.sybils
        if n < 1:
            return AttackPlan(self.kind)
        region = Region.invent(view, self.kind, n, rng)
        role = Censoring(frozenset(region.peers), self.withholds)
        endpoints = tuple(
            dataclasses.replace(spec, role=role) for spec in specs_of(region, view.begins, rng)
        )
        return AttackPlan(self.kind, endpoints, attack_edges(view, region.peers, rng))


@dataclass(frozen=True, kw_only=True)
class Withhold(Censor):
    """Sociable identities that announce and offer what they never send."""

    kind = "withhold"
    summary = "announces and offers what others wrote, and never sends it"

    withholds: ClassVar[bool] = True
