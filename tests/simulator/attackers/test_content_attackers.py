"""Attackers with bad content say through real nodes what the attack on the graph says."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
import pytest

from peerrec_sim import attacks
from peerrec_sim.attackers import AttackPlan, WorldView, by_name
from peerrec_sim.attackers.plan import SybilSpec
from peerrec_sim.attackers.stage import Stage

CONTENT = sorted(set(attacks.names()))


def view_of(n: int = 20, **orders: Any) -> WorldView:
    return Stage.small(honest=n, **orders).view


def plan_of(kind: str, view: WorldView) -> AttackPlan:
    return by_name(kind).plan(view, np.random.default_rng(2))


def trusts(plan: AttackPlan) -> set[tuple[int, int]]:
    """Return (source, target) of trust among the identities, by their numbers."""
    number = {peer: at for at, peer in enumerate(plan.peers)}
    return {
        (at, number[peer])
        for at, spec in enumerate(plan.endpoints)
        for deed in spec.deeds
        for peer, weight in deed.trust
        if peer in number and weight > 0
    }


def items_of(spec: SybilSpec) -> dict[str, float]:
    return {item: weight for deed in spec.deeds for item, weight in deed.plays}


def test_every_attack_on_the_graph_can_be_made_on_the_network() -> None:
    from peerrec_sim.attackers import names

    assert set(CONTENT) <= set(names())


def test_shapes_are_those_of_the_paper() -> None:
    view = view_of(sybils=5, edges=1)
    assert trusts(plan_of("serial", view)) == {(0, 1), (1, 2), (2, 3), (3, 4)}
    assert trusts(plan_of("parallel", view)) == {(0, n) for n in (1, 2, 3, 4)}
    assert trusts(plan_of("cycle", view)) == {(0, 1), (1, 2), (2, 3), (3, 4), (4, 0)}
    for kind in ("serial", "parallel", "cycle"):
        assert {edge.peer for edge in plan_of(kind, view).edges} == {plan_of(kind, view).peers[0]}


def test_colluders_have_as_many_entries_as_edges() -> None:
    plan = plan_of("colluders", view_of(sybils=6, edges=3))
    assert {edge.peer for edge in plan.edges} == set(plan.peers[:3])


def test_giga_makes_up_its_share_of_all_users() -> None:
    plan = plan_of("giga", view_of(sybils=1, edges=4, share=0.75))
    assert len(plan.endpoints) == 60
    assert len(plan_of("giga", view_of(sybils=7, edges=4)).endpoints) == 7


def test_clones_play_what_their_victims_play() -> None:
    view = view_of(sybils=4)
    plan = plan_of("clone", view)
    part, names = view.community.interactions, view.community.items
    histories = [
        {names[item] for item in part.item[part.user == user].tolist()} for user in range(20)
    ]
    for spec in plan.endpoints:
        copied = set(items_of(spec)) - set(plan.targets)
        assert copied in histories
    assert plan.victims


def test_lean_profiles_are_lean_and_popular_ones_are_of_usual_size() -> None:
    view = view_of(sybils=4)
    for spec in plan_of("lean", view).endpoints:
        assert len(items_of(spec)) == 4
    for spec in plan_of("bandwagon", view).endpoints:
        assert len(items_of(spec)) >= 6


def test_slander_states_distrust_of_honest_people_only() -> None:
    view = view_of(sybils=3)
    plan = plan_of("slander", view)
    for spec in plan.endpoints:
        distrusted = {peer for deed in spec.deeds for peer, weight in deed.trust if weight < 0}
        assert distrusted
        assert distrusted <= set(view.peers)
    assert not plan.targets
    assert not plan_of("starve", view).targets


def test_strength_is_the_weight_of_the_targets() -> None:
    weights = []
    for strength in (0.5, 1.0, 2.0):
        plan = plan_of("clone", view_of(sybils=2, strength=strength))
        weights.append(items_of(plan.endpoints[0])[plan.targets[0]])
    assert weights[1:] == [pytest.approx(2 * weights[0]), pytest.approx(4 * weights[0])]
    idle = plan_of("clone", view_of(sybils=2, strength=0.0))
    assert not set(items_of(idle.endpoints[0])) & set(idle.targets)


def test_where_nobody_trusts_there_are_no_attack_edges() -> None:
    import dataclasses

    view = view_of(sybils=4)
    alone = dataclasses.replace(view, community=dataclasses.replace(view.community, trust=None))
    for kind in CONTENT:
        plan = plan_of(kind, alone)
        assert not plan.edges
        assert len(plan.endpoints) == 4


# -- by time ---------------------------------------------------------------------------------


def test_camouflage_pushes_nothing_until_the_flash() -> None:
    view = view_of(sybils=5, edges=2, start_s=60.0)
    plan = plan_of("camouflage-flash", view)
    assert len(plan.targets) == 5
    assert all(edge.at == view.start for edge in plan.edges)
    for spec in plan.endpoints:
        peace, flash = spec.deeds
        assert peace.at < view.begins <= flash.at
        assert not {item for item, _ in peace.plays} & set(plan.targets)
        assert {item for item, _ in flash.plays} == set(plan.targets)


def test_a_flash_arrives_where_there_was_trust_before() -> None:
    stage = Stage.small(kinds=("camouflage-flash",), honest=5, sybils=3, edges=2, start_s=40.0)
    stage.run_for(38.0)
    (plan,) = stage.plans
    assert not any(stage.hits(target) for target in plan.targets)
    assert stage.holders_of(plan.peers[0])
    stage.run_for(30.0)
    assert all(stage.hits(target) for target in plan.targets)


def test_whitewashers_never_overlap_and_the_old_name_is_spent() -> None:
    view = view_of(sybils=8, edges=2, start_s=20.0)
    plan = plan_of("whitewash", view)
    for number, spec in enumerate(plan.endpoints):
        life = number % 4
        assert spec.leaves == (view.ends if life == 3 else plan.endpoints[life].leaves)
        later = [other for at, other in enumerate(plan.endpoints) if at % 4 == life + 1]
        assert all(other.joins >= spec.leaves for other in later)
    spent = [edge for edge in plan.edges if edge.weight < 0]
    assert {edge.peer for edge in spent} == set(plan.peers[:3])
    for edge in spent:
        fresh = [other for other in plan.edges if other.at == edge.at and other.weight > 0]
        assert edge.honest in {other.honest for other in fresh}


def test_fewer_identities_than_lives_live_less_often() -> None:
    plan = plan_of("whitewash", view_of(sybils=2, edges=1, start_s=20.0))
    assert len(plan.endpoints) == 2
    assert plan.endpoints[1].joins >= plan.endpoints[0].leaves


# -- on real nodes ---------------------------------------------------------------------------


def test_what_identities_say_arrives_at_those_who_trust_them() -> None:
    stage = Stage.small(kinds=("parallel",), honest=5, sybils=3, edges=2, start_s=10.0)
    stage.run_for(60.0)
    (plan,) = stage.plans
    trusting = {edge.honest for edge in plan.edges}
    assert trusting <= set(stage.hits(plan.targets[0]))
    person = stage.people[min(trusting)]
    raw = {row.item for row in person.interactions() if row.author == plan.peers[0]}
    assert raw == set(items_of(plan.endpoints[0]))


def test_orders_can_be_changed_in_a_scenario_alone() -> None:
    view = view_of(sybils=2)
    orders = msgspec.structs.replace(view.orders, sybils=5)
    scenario = msgspec.structs.replace(view.scenario, attackers=orders)
    more = WorldView(scenario, view.community, view.peers, view.addresses, view.network, view.start)
    assert len(plan_of("serial", more).endpoints) == 5
