"""Do to a small network whatever a seed says, heal it, and compare what everybody holds.

A schedule plays, trusts, retracts, links, cuts, parts, crashes and restarts on a line
that loses, doubles and reorders messages, with clocks that are wrong. Whatever was
signed by anybody is noted, so that afterwards nothing may be lost and nothing made up.
"""

from __future__ import annotations

from collections import Counter

import numpy as np

from peerrec.ids import item_hash, network_id
from peerrec.peering.settings import NodeSettings
from peerrec.protocol.identity import KeyedHashSigner, KeyedHashVerifier
from peerrec.protocol.segment import segment_id
from peerrec.store import RawId
from peerrec.store.memory import MemoryStore
from peerrec.testing.node_pair import START, Participant, make_participant
from peerrec.testing.virtual_network import Conditions, VirtualNetwork

NETWORK = network_id("test")
PREFIX = b"peerrec/1/segment" + NETWORK
SKEW_MAX_S = 280.0
MIDNIGHT = START - START % 86_400.0 + 86_400.0

Held = set[tuple[bytes, int, int, bytes]]


class NotingSigner:
    """Signs like the simulations' keys and notes the id of every segment."""

    def __init__(self, number: int, signed: set[bytes]) -> None:
        self._signer = KeyedHashSigner(number.to_bytes(32, "big"))
        self._signed = signed

    @property
    def peer(self) -> bytes:
        return self._signer.peer

    def sign(self, message: bytes) -> bytes:
        if message.startswith(PREFIX):
            self._signed.add(segment_id(message[len(PREFIX) :], NETWORK))
        return self._signer.sign(message)


def held_by(person: Participant) -> Held:
    """Return what a node's index holds."""
    frontier = person.node.library.frontier
    return {
        (*log, seq, frontier.id_of(*log, seq) or b"")
        for log in frontier.logs()
        for seq in frontier.seqs(log)
    }


def stored_by(person: Participant) -> Held:
    """Return what a node's store holds."""
    return {tuple(row[:4]) for row in person.store.segments.index().rows()}


def hashed(raw: RawId) -> bytes:
    return item_hash(raw)


def said_by(person: Participant, author: RawId) -> Counter[tuple[bytes, float]]:
    """Return the public statements of one author that a store has, without their times."""
    return Counter(
        (hashed(row.item), row.weight)
        for row in person.interactions()
        if row.author == author and row.public
    )


def trust_of(person: Participant, author: RawId) -> dict[RawId, float]:
    """Return whom an author trusts as far as a store knows, in hundredths."""
    names, edges = person.store.peers(), person.store.trust_edges()
    if author not in names.ids:
        return {}
    mine = edges.source == names.codes[names.ids.index(author)]
    targets = [names.ids[at] for at in names.positions(edges.target[mine]).tolist()]
    return {
        person.peer if target == "me" else target: round(weight, 2)
        for target, weight in zip(targets, edges.weight[mine].tolist(), strict=True)
    }


class Schedule:
    """One seeded run.

    Args:
        seed: of everything.
        n_steps: how many things happen before all is healed.

    Attributes:
        signed: ids of all segments that anybody signed.
        people: the nodes by number; None while one is down.
        happened: what was done, for the message of a failed claim.
    """

    def __init__(self, seed: int, n_steps: int = 14) -> None:
        self.rng = np.random.default_rng(seed)
        self.seed = seed
        self.n_steps = n_steps
        n = 5 + int(8 * self.rng.random() ** 3)  # mostly small ones: more of them in a minute
        start = START if self.rng.random() < 0.8 else MIDNIGHT - 60.0
        self.network = VirtualNetwork(seed, latency_s=0.05, start=start)
        self.signed: set[bytes] = set()
        self.happened: list[str] = []
        self.stores = [MemoryStore(tag=number.to_bytes(8, "big")) for number in range(n)]
        self.skews = self.rng.uniform(-SKEW_MAX_S, SKEW_MAX_S, n).tolist()
        if self.rng.random() < 0.5:
            self.skews = [0.0] * n
        self.runs = [0] * n
        self.signers = [NotingSigner(1_000 + number, self.signed) for number in range(n)]
        self.people: list[Participant | None] = [None] * n
        for number in range(n):
            self.start(number)
        for number in range(n):
            self.trust(number, (number + 1) % n)
        self.tie_ring()

    # -- what may happen ---------------------------------------------------------------

    @property
    def n(self) -> int:
        return len(self.stores)

    def peer(self, number: int) -> bytes:
        return self.signers[number].peer

    def start(self, number: int) -> None:
        self.runs[number] += 1
        self.people[number] = make_participant(
            self.network,
            number,
            settings=NodeSettings(batch_delay_s=1.0, batch_count=4, merit_walks=100),
            store=self.stores[number],
            signer=self.signers[number],
            verifier=VERIFIER,
            skew_s=self.skews[number],
            run=self.runs[number],
        )

    def crash(self, number: int) -> None:
        if self.people[number] is not None:
            self.network.crash(self.peer(number))
            self.people[number] = None

    def play(self, number: int) -> None:
        if (person := self.people[number]) is not None:
            for _ in range(int(self.rng.integers(1, 6))):
                item = f"song:{self.rng.integers(12)}"
                person.play(item, public=bool(self.rng.random() < 0.8))
                self.network.run_for(float(self.rng.exponential(0.2)))
            if self.rng.random() < 0.7:
                person.publish()

    def retract(self, number: int) -> None:
        if self.people[number] is not None:
            self.stores[number].retract(author="me", item=f"song:{self.rng.integers(12)}")

    def trust(self, number: int, other: int, weight: float = 1.0) -> None:
        person = self.people[number]
        target = self.people[other]
        if person is not None and target is not None and number != other:
            person.trust(target, weight)

    def link(self, number: int, other: int) -> None:
        self.network.connect(self.peer(number), self.peer(other))

    def cut_some(self) -> None:
        for a, b in self.network.links():
            if self.rng.random() < 0.3:
                self.network.cut(a, b)

    def part(self) -> None:
        there = [self.peer(each) for each in range(self.n) if self.people[each] is not None]
        cut = int(self.rng.integers(len(there) + 1))
        self.network.part([there[:cut], there[cut:]])

    def worsen(self) -> None:
        self.network.conditions = Conditions(
            latency_s=float(self.rng.uniform(0.01, 0.5)),
            loss=float(self.rng.uniform(0.0, 0.3)),
            duplicate=float(self.rng.uniform(0.0, 0.3)),
            reorder=float(self.rng.choice([0.0, 0.2])),
        )

    def step(self) -> None:
        """Let one thing happen, and some time pass."""
        a, b = (int(each) for each in self.rng.integers(self.n, size=2))
        what = str(self.rng.choice(list(SHARES), p=list(SHARES.values())))
        self.happened.append(f"{self.network.now - START:.1f} {what} {a} {b}")
        if what == "play":
            self.play(a)
        elif what == "retract":
            self.retract(a)
        elif what == "trust":
            self.trust(a, b, float(self.rng.choice([-0.5, 0.3, 0.6, 1.0])))
        elif what == "link":
            self.link(a, b)
        elif what == "cut":
            self.cut_some()
        elif what == "crash":
            self.crash(a)
        elif what == "restart":
            for number in range(self.n):
                if self.people[number] is None:
                    self.start(number)
        elif what == "part":
            self.part()
        elif what == "worsen":
            self.worsen()
        self.network.run_for(float(self.rng.exponential(4.0)))

    def tie_ring(self) -> None:
        for number in range(self.n):
            self.link(number, (number + 1) % self.n)

    def run(self) -> None:
        """Do all steps, then heal everything and wait until all agree (two hours at most)."""
        for _ in range(self.n_steps):
            self.step()
        self.network.conditions = Conditions(latency_s=0.02)
        self.network.heal()
        for number in range(self.n):
            if self.people[number] is None:
                self.start(number)
        for minutes in (1, 1, 2, 2, 4, 5, 10, 10, 15, 20, 30, 30):
            self.tie_ring()
            self.network.run_for(60.0 * minutes)
            if self.agreed():
                return

    # -- what must hold afterwards -----------------------------------------------------

    @property
    def everybody(self) -> list[Participant]:
        return [person for person in self.people if person is not None]

    def agreed(self) -> bool:
        return not self.faults()

    def faults(self) -> list[str]:
        """Return what is not as it should be, in words."""
        faults = []
        for number, person in enumerate(self.everybody):
            held, stored = held_by(person), stored_by(person)
            ids = {each[3] for each in held}
            if held != stored:
                faults.append(f"{number}: index and store differ in {len(held ^ stored)}")
            if lost := self.signed - ids:
                faults.append(f"{number}: lost {len(lost)} segments")
            if phantoms := ids - self.signed:
                faults.append(f"{number}: {len(phantoms)} phantom segments")
            if person.node.library.frontier.forked:
                faults.append(f"{number}: honest logs look forked")
        return faults or self.misunderstandings()

    def misunderstandings(self) -> list[str]:
        """Return what a store knows of an author that is not what the author says."""
        faults = []
        for at, author in enumerate(self.everybody):
            said, trust = said_by(author, "me"), trust_of(author, "me")
            for number, person in enumerate(self.everybody):
                if person is author:
                    continue
                heard = said_by(person, author.peer)
                if heard != said:
                    faults.append(f"{number}: plays of {at}: {heard - said} and not {said - heard}")
                if (believed := trust_of(person, author.peer)) != trust:
                    faults.append(f"{number}: trust of {at}: {len(believed)} is not {len(trust)}")
        return faults


VERIFIER = KeyedHashVerifier()

SHARES = {
    "play": 0.34,
    "retract": 0.06,
    "trust": 0.08,
    "link": 0.14,
    "cut": 0.10,
    "crash": 0.08,
    "restart": 0.08,
    "part": 0.04,
    "worsen": 0.08,
}
