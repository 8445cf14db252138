"""Set up a handful of real nodes for an attack, on the network of the test kit.

For tests of attackers and for trying one out; scenarios run in `peerrec_sim.simulation`.

Example:
    >>> stage = Stage.small(kinds=("clone",), sybils=2, honest=4)
    >>> stage.run_for(30.0)
    >>> len(stage.people), len(stage.sybils), len(stage.network.links()) > 0
    (4, 2, True)
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from peerrec.ids import item_hash
from peerrec.peering.endpoint import Endpoint
from peerrec.peering.settings import NodeSettings
from peerrec.protocol.identity import KeyedHashSigner
from peerrec.protocol.invite import Address
from peerrec.store import Interaction, TrustEdge
from peerrec.store.memory import MemoryStore
from peerrec.testing.node_pair import START, Participant, make_participant
from peerrec.testing.virtual_network import VirtualNetwork
from peerrec_sim.attackers.plan import AttackEdge, AttackPlan
from peerrec_sim.attackers.view import WorldView
from peerrec_sim.generator import generate
from peerrec_sim.scenario.schema import Attackers, NodeOptions, Population, Scenario

__all__ = ["Stage"]

NETWORK = "test"
START_AT_S = 60.0
"""When attacks begin here: by then everybody is linked and has published."""


@dataclass(slots=True)
class Stage:
    """A small world with an attack in it.

    Attributes:
        view: what the attacker sees.
        network: carries the messages.
        people: the honest, by index.
        plans: of the attack.
        sybils: endpoints of all identities, by id.
        bytes_out: bytes sent so far, by sender.
        trace: hash of everything that was sent, in order.
    """

    view: WorldView
    network: VirtualNetwork
    people: list[Participant]
    plans: list[AttackPlan] = field(default_factory=list)
    sybils: dict[bytes, Endpoint] = field(default_factory=dict)
    bytes_out: dict[bytes, int] = field(default_factory=dict)
    trace: Any = field(default_factory=lambda: hashlib.blake2b(digest_size=16))
    _due: list[AttackEdge] = field(default_factory=list)

    @classmethod
    def small(
        cls,
        *,
        kinds: tuple[str, ...] = (),
        honest: int = 8,
        seed: int = 1,
        length_s: float = 300.0,
        newcomers: tuple[int, ...] = (),
        node: NodeOptions | None = None,
        **orders: Any,
    ) -> Stage:
        """Return a world of a few people who attack nobody yet.

        Args:
            kinds: of attackers; they are planned and there from the beginning.
            honest: how many honest people.
            seed: of everything.
            length_s: what the scenario says; how long it runs is up to the caller.
            newcomers: indices of people whom nobody knows and who know two others.
            node: whether the honest exchange tables of factors, and how often.
            orders: for the attackers, see `peerrec_sim.scenario.schema.Attackers`.
        """
        orders = {"start_s": START_AT_S, "edges": min(2, honest)} | orders
        scenario = Scenario(
            name="stage",
            length_s=length_s,
            seed=seed,
            population=Population(nodes=honest),
            node=node or NodeOptions(),
            attackers=Attackers(kinds=kinds, **orders),
        )
        n_items = max(30, 4 * honest)
        community = generate(
            seed, honest, n_items, interactions=10 * honest, friends=3.0, now=START
        )
        network = VirtualNetwork(seed, latency_s=0.02, start=START)
        numbers = range(1, honest + 1)
        view = WorldView(
            scenario,
            community,
            tuple(KeyedHashSigner(number.to_bytes(32, "big")).peer for number in numbers),
            tuple(Address(f"{20 + number}.7.7.7", 7700) for number in numbers),
            NETWORK,
            START,
            newcomers=newcomers,
        )
        stage = cls(view, network, [])
        stage._settle(seed)
        stage._attack(seed)
        return stage

    def _settle(self, seed: int) -> None:
        rng = np.random.default_rng(seed)
        view, node = self.view, self.view.scenario.node
        for index, address in enumerate(view.addresses):
            settings = NodeSettings(
                batch_delay_s=1.0,
                factors=node.factors,
                factor_every_s=node.factor_every_s,
                address=address,
            )
            store = MemoryStore(tag=(index + 1).to_bytes(8, "big"))
            self._fill(store, index)
            person = make_participant(self.network, index + 1, settings=settings, store=store)
            self.network.add(person.node, address=address)
            self.people.append(person)
        old = [at for at in range(len(self.people)) if at not in view.newcomers]
        for index, person in enumerate(self.people):
            n_known = 2 if index in view.newcomers else 5
            for at in rng.permutation(old).tolist()[:n_known]:
                if at != index:
                    person.node.learn_address(view.peers[at], view.addresses[at], START)
            # Once more in its place: only now does it know somebody to dial.
            self.network.add(person.node, address=view.addresses[index])
        self.network.watch = self._watch

    def _fill(self, store: MemoryStore, index: int) -> None:
        people = self.view.community
        part, trust = people.interactions, people.trust
        assert trust is not None  # the generator makes friends
        store.record_many(
            Interaction("me", people.items[part.item[row]], float(part.weight[row]), START, True)
            for row in np.flatnonzero(part.user == index).tolist()
        )
        store.trust_many(
            TrustEdge("me", self.view.peers[target], 1.0, START)
            for target in trust.target[trust.source == index].tolist()
        )

    def _watch(self, now: float, sender: bytes, receiver: bytes, data: bytes) -> None:
        self.bytes_out[sender] = self.bytes_out.get(sender, 0) + len(data)
        self.trace.update(repr(now).encode() + sender + receiver + data)

    def _attack(self, seed: int) -> None:
        from peerrec_sim.attackers import plan_attacks

        self.plans = plan_attacks(self.view, seed)
        for plan in self.plans:
            for spec in plan.endpoints:
                endpoint = spec.endpoint()
                self.sybils[spec.peer] = endpoint
                self.network.add(endpoint, address=spec.address)
        self._due = sorted(
            (edge for plan in self.plans for edge in plan.edges),
            key=lambda edge: (edge.at, edge.honest, edge.peer),
        )

    # -- time ---------------------------------------------------------------------------

    def run_for(self, seconds: float) -> None:
        """Let virtual time pass; honest people fall for the attackers as planned."""
        end = self.network.now + seconds
        while self._due and self._due[0].at <= end:
            edge = self._due.pop(0)
            self.network.run_until(edge.at)
            person = self.people[edge.honest]
            now = self.network.now
            person.store.trust(TrustEdge("me", edge.peer, edge.weight, now))
            person.publish()
        self.network.run_until(end)

    # -- what became of it ----------------------------------------------------------------

    def links_of(self, peer: bytes) -> list[bytes]:
        """Return who is linked with a peer."""
        pairs = [pair for pair in self.network.links() if peer in pair]
        return [a if b == peer else b for a, b in pairs]

    def holders_of(self, author: bytes) -> list[int]:
        """Return the honest who hold a segment of an author."""
        return [
            at
            for at, person in enumerate(self.people)
            if person.node.library.frontier.logs_of(author)
        ]

    def hits(self, target: str) -> list[int]:
        """Return the honest who know of anybody that played an item."""
        raws = (target, item_hash(target))
        return [
            at
            for at, person in enumerate(self.people)
            if any(row.item in raws for row in person.interactions())
        ]
