"""Give tests what every attacker must keep: inherit, name the kind, done.

Example:
    >>> class TestClone(AttackerContract):
    ...     kind = "clone"
    >>> TestClone().test_no_identities_do_nothing()
"""

from __future__ import annotations

import functools
import pickle
from typing import ClassVar

import msgspec
import numpy as np

from peerrec.errors import VerificationError
from peerrec.peering.endpoint import Endpoint
from peerrec.protocol.bundle import unpack
from peerrec.protocol.identity import KeyedHashVerifier
from peerrec.protocol.invite import check_address
from peerrec.protocol.messages import Push
from peerrec.protocol.segment import Segment, verify_segment
from peerrec.protocol.wire import Ignored, decode
from peerrec_sim.attackers import Attacker, AttackPlan, WorldView, by_name
from peerrec_sim.attackers.stage import Stage

__all__ = ["AttackerContract"]

HONEST = 4
SYBILS = 2
START_S = 6.0
MIDST_S = 14.0
STOP_S = 26.0
END_S = 27.0

LINK_BYTES_MAX = 128 << 10
"""Bytes a second that an identity may say on one link of a full siege, with room."""


class AttackerContract:
    """Claims that hold for every attacker; needs no fixture of a test runner.

    Attributes:
        kind: the attacker under test.
        strength: in the orders, where full strength takes long.
        starts_early: whether it is there before the attack begins.
    """

    kind: ClassVar[str]
    strength: ClassVar[float] = 1.0
    starts_early: ClassVar[bool] = False

    # -- what to attack -------------------------------------------------------------------

    def attacker(self) -> Attacker:
        """Return the attacker under test."""
        return by_name(self.kind)

    def view(self, sybils: int = 12, edges: int = 3) -> WorldView:
        """Return a world to be attacked."""
        return _with_orders(_view(), sybils, edges, self.strength)

    def planned(self, sybils: int = 12, edges: int = 3, seed: int = 5) -> AttackPlan:
        """Return a plan against it."""
        return self.attacker().plan(self.view(sybils, edges), np.random.default_rng(seed))

    def played(self) -> Played:
        """Return a small run of the attack, with an end; the same one for all claims."""
        return _played(self.kind, self.strength)

    # -- plans ----------------------------------------------------------------------------

    def test_no_identities_do_nothing(self) -> None:
        """An order of 0 is peace."""
        assert self.planned(sybils=0) == AttackPlan(self.kind)

    def test_as_many_identities_as_ordered(self) -> None:
        """Neither more nor fewer, and one is enough."""
        for sybils in (1, 2, 12):
            plan = self.planned(sybils)
            assert plan.kind == self.kind
            assert len(plan.endpoints) == sybils

    def test_identities_have_keys_and_places_of_their_own(self) -> None:
        """Nobody shares a key or an address, least of all with the honest."""
        view, plan = self.view(), self.planned()
        assert len({*plan.peers, *view.peers}) == len(plan.peers) + len(view.peers)
        places = [spec.address for spec in plan.endpoints]
        assert len({*places, *view.addresses}) == len(places) + len(view.addresses)
        for spec in plan.endpoints:
            check_address(spec.address)
            assert spec.signer.peer == spec.peer == spec.endpoint().peer
            signature = spec.signer.sign(b"word")
            assert spec.verifier.verify(spec.peer, signature, b"word")

    def test_honest_people_fall_for_it_as_ordered(self) -> None:
        """So many people trust an identity, and no two attack edges of one moment are alike."""
        plan, view = self.planned(edges=3), self.view()
        trusting = {edge.honest for edge in plan.edges if edge.weight > 0}
        assert len(trusting) == 3
        assert trusting <= set(range(len(view.peers)))
        assert {edge.peer for edge in plan.edges} <= set(plan.peers)
        keys = [(edge.honest, edge.peer, edge.at) for edge in plan.edges]
        assert len(set(keys)) == len(keys)
        assert all(-1.0 <= edge.weight <= 1.0 for edge in plan.edges)

    def test_nobody_heard_of_the_targets_before(self) -> None:
        """What is pushed is no honest item, and every target is played by somebody."""
        plan, view = self.planned(), self.view()
        assert not set(plan.targets) & set(view.community.items)
        played = {item for spec in plan.endpoints for deed in spec.deeds for item, _ in deed.plays}
        assert set(plan.targets) <= played

    def test_the_same_dice_give_the_same_plan(self) -> None:
        """Nothing but the generator decides, and it does decide."""
        assert self.planned(seed=5) == self.planned(seed=5)
        assert self.planned(seed=5).peers != self.planned(seed=6).peers

    def test_a_plan_can_be_sent_to_another_process(self) -> None:
        """It is data, and what comes out is what went in."""
        plan = self.planned()
        assert pickle.loads(pickle.dumps(plan)) == plan

    def test_everything_happens_in_its_time(self) -> None:
        """Identities join before they leave and state things while they are there."""
        view, plan = self.view(), self.planned()
        for spec in plan.endpoints:
            assert spec.joins >= (view.start if self.starts_early else view.begins)
            assert spec.joins < spec.leaves <= view.ends
            times = [deed.at for deed in spec.deeds]
            assert times == sorted(times)
            assert all(spec.joins <= at < spec.leaves for at in times)
        assert all(view.start <= edge.at < view.ends for edge in plan.edges)

    # -- runs -----------------------------------------------------------------------------

    def test_the_same_seed_gives_the_same_bytes(self) -> None:
        """Endpoints made again say the same again."""
        again = _staged(self.kind, self.strength)
        again.stage.run_for(MIDST_S)
        assert again.trace == self.played().trace_in_the_midst

    def test_everything_it_publishes_is_signed(self) -> None:
        """Its identities forge nothing: whatever is in their name verifies."""
        played = self.played()
        for segment in played.segments:
            verify_segment(segment, played.stage.view.network_id, KeyedHashVerifier())
        assert any(segment.header.author in played.sybils for segment in played.segments)

    def test_it_is_silent_before_it_begins_and_after_it_ended(self) -> None:
        """Who is away says nothing."""
        played = self.played()
        begins = 0.0 if self.starts_early else START_S
        assert played.said_at
        assert min(played.said_at) >= begins
        # Goodbyes leave in the very moment of the end.
        assert max(played.said_at) <= STOP_S

    def test_who_is_away_takes_no_link(self) -> None:
        """Nobody is linked with it once it ended."""
        played = self.played()
        assert not any(set(pair) & played.sybils for pair in played.stage.network.links())

    def test_what_it_says_is_bounded(self) -> None:
        """No identity says more than its links could take."""
        played = self.played()
        for peer in played.sybils:
            n_bytes = played.stage.bytes_out.get(peer, 0)
            n_links = HONEST + SYBILS
            assert n_bytes <= LINK_BYTES_MAX * n_links * (END_S - START_S)

    def test_honest_people_still_reach_each_other(self) -> None:
        """What one of them plays during the attack arrives at all others."""
        played = self.played()
        assert played.reached == HONEST - 1

    def test_before_it_joins_an_endpoint_refuses_everybody(self) -> None:
        """And it knows when it will join."""
        view = self.view()
        for spec in self.planned().endpoints:
            endpoint: Endpoint = spec.endpoint()
            assert endpoint.refuses(view.peers[0], "20.1.7.7", spec.joins - 1.0) is not None
            assert endpoint.next_deadline() == spec.joins


class Played:
    """A run of an attack, and what was seen of it on the way.

    Attributes:
        stage: as it is in the end.
        sybils: ids of all identities.
        segments: everything that was pushed in their names, each once.
        said_at: when anybody of them said anything, seconds after the start.
        reached: how many honest people got what one of them played during the attack.
        trace_in_the_midst: hash of all messages until then.
    """

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.sybils = frozenset(peer for plan in stage.plans for peer in plan.peers)
        self.segments: list[Segment] = []
        self.said_at: list[float] = []
        self.reached = 0
        self.trace_in_the_midst = ""
        self._seen: set[bytes] = set()
        watched = stage.network.watch

        def watch(now: float, sender: bytes, receiver: bytes, data: bytes) -> None:
            if watched is not None:
                watched(now, sender, receiver, data)
            if sender in self.sybils:
                self.said_at.append(now - stage.view.start)
                self._look(data)

        stage.network.watch = watch

    @property
    def trace(self) -> str:
        """Hash of all messages so far."""
        digest: str = self.stage.trace.hexdigest()
        return digest

    def _look(self, data: bytes) -> None:
        message = decode(data)
        if isinstance(message, Ignored) or not isinstance(message, Push):
            return
        try:
            found = unpack(message.bundle, self.stage.view.network_id)
        except VerificationError:
            return
        for segment in found:
            if segment.header.author in self.sybils and segment.id not in self._seen:
                self._seen.add(segment.id)
                self.segments.append(segment)

    def to_the_end(self) -> Played:
        """Let the attack run, and somebody play something in its midst."""
        self.stage.run_for(MIDST_S)
        self.trace_in_the_midst = self.trace
        speaker = self.stage.people[0]
        speaker.play("news", weight=1.0)
        speaker.publish()
        self.stage.run_for(END_S - MIDST_S)
        self.reached = len(self.stage.hits("news")) - 1
        return self


def _staged(kind: str, strength: float) -> Played:
    return Played(
        Stage.small(
            kinds=(kind,),
            honest=HONEST,
            length_s=END_S,
            sybils=SYBILS,
            start_s=START_S,
            stop_s=STOP_S,
            strength=strength,
        )
    )


@functools.lru_cache(maxsize=1)
def _played(kind: str, strength: float) -> Played:
    return _staged(kind, strength).to_the_end()


@functools.lru_cache(maxsize=1)
def _view() -> WorldView:
    return Stage.small(honest=12).view


def _with_orders(view: WorldView, sybils: int, edges: int, strength: float) -> WorldView:
    orders = msgspec.structs.replace(
        view.orders, sybils=sybils, edges=edges, strength=strength, stop_s=200.0
    )
    scenario = msgspec.structs.replace(view.scenario, attackers=orders)
    return WorldView(scenario, view.community, view.peers, view.addresses, view.network, view.start)
