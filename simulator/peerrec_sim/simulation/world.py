"""Say who takes part in a scenario, and make the participants of any part of it.

A world is small and the same wherever it is made: keys, addresses, histories, plans.
Nodes and stores, which are not small, are made by `World.populate` where they will live.

Example:
    >>> from peerrec_sim.scenario.schema import Population
    >>> world = World(Scenario(name="tiny", population=Population(nodes=4, items=40)))
    >>> ann, = world.populate([2])
    >>> ann.index, ann.role, world.index_of(ann.peer), ann.endpoint is None
    (2, 'honest', 2, True)
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from functools import partial

import numpy as np

from peerrec.node import Node
from peerrec.peering.settings import NodeSettings
from peerrec.protocol.effects import Effect
from peerrec.protocol.identity import (
    Ed25519Signer,
    Ed25519Verifier,
    KeyedHashSigner,
    KeyedHashVerifier,
    Signer,
    Verifier,
)
from peerrec.protocol.invite import Address
from peerrec.protocol.membership_settings import MembershipSettings
from peerrec.protocol.messages import Profile
from peerrec.store import Interaction, TrustEdge
from peerrec.store.memory import MemoryStore
from peerrec_sim.attackers import AttackEdge, AttackPlan, SybilSpec, WorldView, plan_attacks
from peerrec_sim.measures.newcomers import Diary
from peerrec_sim.scenario.schema import Scenario
from peerrec_sim.simulation.chance import Purpose, chance
from peerrec_sim.simulation.newcomer import Newcomer
from peerrec_sim.simulation.participant import HONEST, SYBIL, Participant
from peerrec_sim.simulation.population import plays, population
from peerrec_sim.simulation.topology import known_by_newcomer, known_first, neighbours
from peerrec_sim.simulation.traits import Traits
from peerrec_sim.where import address_of

__all__ = ["ME", "NETWORK", "START", "World", "make_signer", "seed_bytes"]

START = 1_700_000_040.0
"""Unix seconds at which virtual time begins: the beginning of a minute, no special day."""

NETWORK = "simulation"
ME = "me"

SLOTS = 3
"""Dialled links for walks and for samples, of at least eight; fewer have fewer."""


class World:
    """Who takes part in a scenario.

    Args:
        scenario: what to run.

    Attributes:
        scenario: the same.
        community: honest people; what they record as interactions, what they never record
            and relevance is measured on as test part.
        plays: what they record, when.
        traits: what sets their nodes apart.
        n_honest: they have the indices below this.
        newcomers: indices of those of them who come online late.
        n: all participants.
        keys: ids of all.
        addresses: of all.
        dials: whom each dials in a fixed network; None in an open one.
        attacks: the plans of all attackers.
        sybils: their identities; the n-th is participant ``n_honest`` + n.
        targets: raw ids of the items that they promote.
        attack_edges: who of the honest falls for them, when.
    """

    def __init__(self, scenario: Scenario) -> None:
        self.scenario = scenario
        self.community = population(scenario, START)
        self.plays = plays(scenario, self.community, START)
        self.n_honest = self.n = self.community.n_users
        self.newcomers = range(self.n_honest - scenario.population.newcomers, self.n_honest)
        self.traits = Traits.drawn(scenario, self.n_honest)
        self.keys = [make_signer(scenario, index).peer for index in range(self.n)]
        self.addresses = [address_of(index) for index in range(self.n)]
        self.dials: list[list[int]] | None = None
        if scenario.topology.kind != "open":
            self.dials = neighbours(scenario, self.community.trust, self.n)
        self._friends = self._grouped_trust()
        self._dialable = np.flatnonzero(self.traits.dialable[: self.newcomers.start]).tolist()
        self.attacks: list[AttackPlan] = []
        if scenario.attackers.kinds:
            self.attacks = plan_attacks(self._view(), scenario.seed)
        self.sybils: list[SybilSpec] = [each for plan in self.attacks for each in plan.endpoints]
        self.targets = tuple(dict.fromkeys(item for plan in self.attacks for item in plan.targets))
        self.attack_edges: list[AttackEdge] = [edge for plan in self.attacks for edge in plan.edges]
        self.keys += [spec.peer for spec in self.sybils]
        self.addresses += [spec.address for spec in self.sybils]
        self.n = len(self.keys)
        self._index_of = {peer: index for index, peer in enumerate(self.keys)}
        self._falls: dict[int, list[AttackEdge]] = defaultdict(list)
        for edge in self.attack_edges:
            self._falls[edge.honest].append(edge)
        self._at = {(each.host, each.port): n for n, each in enumerate(self.addresses)}

    # -- who is who ---------------------------------------------------------------------

    def key_of(self, index: int) -> bytes:
        """Return a participant's id."""
        return self.keys[index]

    def index_of(self, peer: bytes) -> int | None:
        """Return whose id this is; None where it is nobody's."""
        return self._index_of.get(peer)

    def index_at(self, address: Address) -> int | None:
        """Return who listens at an address; None where nobody does."""
        return self._at.get((address.host, address.port))

    def role_of(self, index: int) -> str:
        """Return a participant's role."""
        return HONEST if index < self.n_honest else SYBIL

    def kind_of(self, index: int) -> str:
        """Return the kind of attack that a participant belongs to; empty for the honest."""
        first = self.n_honest
        for plan in self.attacks:
            if first <= index < first + len(plan.endpoints):
                return plan.kind
            first += len(plan.endpoints)
        return ""

    def _view(self) -> WorldView:
        """Return what attackers see: everything but what nobody ever records."""
        honest = range(self.n_honest)
        return WorldView(
            scenario=self.scenario,
            community=dataclasses.replace(self.community, test=None),
            peers=tuple(self.keys),
            addresses=tuple(self.addresses),
            network=NETWORK,
            start=START,
            neighbours=tuple(tuple(self.first_known(index)) for index in honest),
            hidden=frozenset(np.flatnonzero(~self.traits.dialable).tolist()),
            newcomers=tuple(self.newcomers),
            newcomers_at=START + self.scenario.population.newcomers_at_s,
        )

    def skew_s(self, index: int) -> float:
        """Return how far a participant's clock is ahead."""
        return float(self.traits.skew_s[index]) if index < self.n_honest else 0.0

    def is_dialable(self, index: int) -> bool:
        """Return whether others can dial a participant."""
        return index >= self.n_honest or bool(self.traits.dialable[index])

    def trusted_by(self, index: int) -> list[tuple[int, float]]:
        """Return whom an honest person trusts from the beginning: (index, weight)."""
        return self._friends.get(index, [])

    def _grouped_trust(self) -> dict[int, list[tuple[int, float]]]:
        found: dict[int, list[tuple[int, float]]] = {}
        trust = self.community.trust
        if trust is not None:
            columns = trust.source.tolist(), trust.target.tolist(), trust.weight.tolist()
            for source, target, weight in zip(*columns, strict=True):
                found.setdefault(source, []).append((target, weight))
        return found

    # -- participants -------------------------------------------------------------------

    def populate(self, indices: Iterable[int]) -> list[Participant]:
        """Return participants with their stores and agendas; none has started yet."""
        make = self._honest, self._sybil
        return [make[index >= self.n_honest](index) for index in indices]

    def _sybil(self, index: int) -> Participant:
        spec = self.sybils[index - self.n_honest]
        return Participant(index, SYBIL, spec.peer, start=lambda participant, now: spec.endpoint())

    def _honest(self, index: int) -> Participant:
        store = MemoryStore(tag=index.to_bytes(8, "big"))
        store.trust_many(
            TrustEdge(ME, self.keys[other], weight, START - 60.0)
            for other, weight in self.trusted_by(index)
        )
        person = Participant(index, HONEST, self.keys[index], start=self._start, store=store)
        person.comes_and_goes = bool(self.traits.comes_and_goes[index])
        if index in self.newcomers:
            self._comes_late(person)
        items = self.community.items
        past: list[Interaction] = []
        later: list[Interaction] = []
        rows = self.plays.rows_of(index)
        columns = (self.plays.item, self.plays.weight, self.plays.time, self.plays.public)
        for item, weight, time, public in zip(*(c[rows].tolist() for c in columns), strict=True):
            row = Interaction(ME, items[item], weight, time, public)
            (past if time < START else later).append(row)
        store.record_many(past)
        skew_s = self.skew_s(index)
        for row in later:
            person.plan(row.time + skew_s, partial(_record, row))
        for edge in self._falls[index]:
            person.plan(edge.at + skew_s, partial(_trust, edge))
        return person

    def _comes_late(self, person: Participant) -> None:
        """Let a person come online during the run, invited by somebody."""
        person.starts_s = self.scenario.population.newcomers_at_s
        person.comes_and_goes = False
        person.diary = Diary()
        inviter = self.first_known(person.index)[:1]
        if inviter:
            at = START + person.starts_s + self.skew_s(person.index)
            person.plan(
                at, partial(_follow_invite, self.keys[inviter[0]], self.addresses[inviter[0]])
            )

    def settings_of(self, index: int) -> NodeSettings:
        """Return an honest node's settings."""
        node, merit = self.scenario.node, self.scenario.merit
        listens = self.dials is None and self.traits.dialable[index]
        return NodeSettings(
            profile=Profile.BATTERY if self.traits.battery[index] else Profile.DESKTOP,
            follow_bytes_max=node.follow_bytes_max,
            exploration_share=node.exploration_share,
            batch_count=node.batch_count,
            batch_delay_s=node.batch_delay_s,
            publish_trust=not self.traits.private[index],
            factors=node.factors,
            factor_every_s=node.factor_every_s,
            factor_mix_min=node.factor_mix_min,
            factor_private_kept=node.factor_private_kept,
            address=self.addresses[index] if listens else None,
            merit_walks=min(max(merit.walks, 100), 100_000),
            merit_transitivity_decay=merit.transitivity_decay,
            merit_connectivity_decay=merit.connectivity_decay,
        )

    def membership_of(self, index: int) -> MembershipSettings:
        """Return how many links an honest node has."""
        topology = self.scenario.topology
        if self.dials is not None:
            return MembershipSettings(len(self.dials[index]), 0, 0, self.n_honest)
        slots = min(SLOTS, topology.dialled * SLOTS // 8)
        return MembershipSettings(topology.dialled, slots, slots, topology.incoming)

    def first_known(self, index: int) -> list[int]:
        """Return whose addresses an honest node knows at first."""
        if self.dials is not None:
            return self.dials[index]
        if index in self.newcomers:
            friends = [other for other, weight in self.trusted_by(index) if weight > 0.0]
            return known_by_newcomer(self.scenario, index, self._dialable, friends)
        return known_first(self.scenario, index, self._dialable)

    def _start(self, person: Participant, now: float) -> Node:
        """Return the node of an honest participant that comes online."""
        index, scenario = person.index, self.scenario
        assert person.store is not None  # honest people have one
        kind = Node if person.diary is None else partial(Newcomer, person.diary)
        node = kind(
            person.store,
            make_signer(scenario, index),
            network=NETWORK,
            me=ME,
            verifier=make_verifier(scenario),
            settings=self.settings_of(index),
            membership=self.membership_of(index),
            rng=chance(scenario.seed, Purpose.NODE, index, person.n_starts),
            now=now,
        )
        if person.n_starts == 0:
            for other in self.first_known(index):
                node.learn_address(self.keys[other], self.addresses[other], now)
        return node


def _record(row: Interaction, person: Participant, now: float) -> list[Effect]:
    """Let a person play something."""
    assert person.store is not None  # whoever records has one
    person.store.record(Interaction(row.author, row.item, row.weight, now, row.public))
    return [] if person.node is None else person.node.publish(now)


def _follow_invite(peer: bytes, address: Address, person: Participant, now: float) -> list[Effect]:
    """Let a person meet whoever invited it."""
    return [] if person.node is None else person.node.invite(peer, address, now)


def _trust(edge: AttackEdge, person: Participant, now: float) -> list[Effect]:
    """Let a person fall for an attacker, or think better of it."""
    assert person.store is not None  # whoever trusts has one
    person.store.trust(TrustEdge(ME, edge.peer, edge.weight, now))
    return [] if person.node is None else person.node.publish(now)


# -- keys ------------------------------------------------------------------------------------


def seed_bytes(scenario: Scenario, *words: object) -> bytes:
    """Return 32 bytes for a key or a secret, by the seed and what it is for."""
    text = "\0".join(str(each) for each in (scenario.seed, *words))
    return hashlib.blake2b(text.encode(), digest_size=32).digest()


def make_signer(scenario: Scenario, index: int) -> Signer:
    """Return a participant's key, by its index."""
    kind: Callable[[bytes], Signer] = KeyedHashSigner
    if scenario.node.signer == "ed25519":
        kind = Ed25519Signer.from_seed
    return kind(seed_bytes(scenario, "key", index))


_VERIFIERS: dict[str, Verifier] = {}


def make_verifier(scenario: Scenario) -> Verifier:
    """Return a verifier; nodes of one process share the keys it has parsed."""
    kind = scenario.node.signer
    if kind not in _VERIFIERS:
        _VERIFIERS[kind] = Ed25519Verifier() if kind == "ed25519" else KeyedHashVerifier()
    return _VERIFIERS[kind]


def indices_of(n: int, shards: int, shard: int) -> Sequence[int]:
    """Return the participants of one shard: dealt out like cards, for equal load."""
    return range(shard, n, shards)
