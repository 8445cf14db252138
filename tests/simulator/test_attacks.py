"""Attacks: one contract for all, and what makes each of them the attack it is."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from peerrec.errors import ConfigError
from peerrec_sim import attacks
from peerrec_sim.attacks import AttackedCommunity, by_name, giga_sybils
from peerrec_sim.attacks.contract import AttackContract
from peerrec_sim.attacks.topology import Topology, wire
from peerrec_sim.community import Community
from peerrec_sim.generator import generate

Pairs = list[tuple[int, int]]


@pytest.fixture(scope="module")
def community() -> Community:
    return generate(11, 80, 200, interactions=1600)


def attack(
    community: Community, name: str, n_sybils: int = 60, attack_edges: int = 3, **options: Any
) -> AttackedCommunity:
    rng = np.random.default_rng(5)
    return by_name(name, **options).apply(community, n_sybils, attack_edges, rng)


def profile(community: Community, user: int) -> dict[int, float]:
    part = community.interactions
    mine = part.user == user
    return dict(zip(part.item[mine].tolist(), part.weight[mine].tolist(), strict=True))


def inside(attacked: AttackedCommunity) -> Pairs:
    """Trust among identities, numbered from 0."""
    trust, first = attacked.community.trust, int(attacked.sybils[0])
    assert trust is not None
    rows = zip(trust.source.tolist(), trust.target.tolist(), strict=True)
    return sorted((s - first, t - first) for s, t in rows if s >= first and t >= first)


def crossing(attacked: AttackedCommunity) -> list[int]:
    """Identities that honest users trust, in the order of the attack edges."""
    trust, first = attacked.community.trust, int(attacked.sybils[0])
    assert trust is not None
    rows = zip(trust.source.tolist(), trust.target.tolist(), strict=True)
    return [t - first for s, t in rows if s < first <= t]


class TestAverage(AttackContract):
    attack_name = "average"


class TestBandwagon(AttackContract):
    attack_name = "bandwagon"


class TestClone(AttackContract):
    attack_name = "clone"


class TestColluders(AttackContract):
    attack_name = "colluders"


class TestCycle(AttackContract):
    attack_name = "cycle"


class TestGiga(AttackContract):
    attack_name = "giga"


class TestLean(AttackContract):
    attack_name = "lean"


class TestParallel(AttackContract):
    attack_name = "parallel"


class TestRandom(AttackContract):
    attack_name = "random"


class TestSerial(AttackContract):
    attack_name = "serial"


class TestSlander(AttackContract):
    attack_name = "slander"


class TestStarve(AttackContract):
    attack_name = "starve"


def test_every_attack_is_under_contract():
    tested = {cls.attack_name for cls in AttackContract.__subclasses__()}
    assert tested == set(attacks.names())


def test_unknown_attacks_and_options_list_the_known_ones():
    with pytest.raises(ConfigError, match="average, bandwagon, clone"):
        by_name("cloning")
    with pytest.raises(ConfigError, match="topology, n_targets, items_per_victim"):
        by_name("lean", victims=3)
    with pytest.raises(ConfigError, match="star, fan, chain, cycle"):
        by_name("clone", topology="ring")
    for name, option in (("clone", "n_targets"), ("lean", "items_per_victim")):
        with pytest.raises(ConfigError, match=option):
            by_name(name, **{option: 0})
    with pytest.raises(ConfigError, match="victims_each"):
        by_name("slander", victims_each=0)


# --- who trusts whom ----------------------------------------------------------------


def test_serial_is_a_chain(community: Community):
    attacked = attack(community, "serial", 4)
    assert inside(attacked) == [(0, 1), (1, 2), (2, 3)]
    assert crossing(attacked) == [0, 0, 0]


def test_parallel_is_a_fan(community: Community):
    attacked = attack(community, "parallel", 4)
    assert inside(attacked) == [(0, 1), (0, 2), (0, 3)]
    assert crossing(attacked) == [0, 0, 0]


def test_cycle_comes_back(community: Community):
    attacked = attack(community, "cycle", 4)
    assert inside(attacked) == [(0, 1), (1, 2), (2, 3), (3, 0)]
    assert crossing(attacked) == [0, 0, 0]


def test_each_of_several_cycles_comes_back_to_its_own_entry(community: Community):
    attacked = attack(community, "clone", 7, 2, topology="cycle")
    assert inside(attacked) == [(0, 2), (1, 3), (2, 4), (3, 5), (4, 6), (5, 1), (6, 0)]


def test_colluders_enter_at_several_points_that_all_lead_to_everybody(community: Community):
    attacked = attack(community, "colluders", 5, 3)
    assert crossing(attacked) == [0, 1, 2]
    for identity in range(5):
        assert {s for s, t in inside(attacked) if t == identity} >= {0, 1, 2} - {identity}
    assert (1, 4) in inside(attack(community, "colluders", 5, 1))


def test_giga_has_one_region_per_attack_edge(community: Community):
    attacked = attack(community, "giga", 12, 3)
    assert crossing(attacked) == [0, 1, 2]
    assert all(s % 3 == t % 3 for s, t in inside(attacked))
    chain, fan, cycle = ([e for e in inside(attacked) if e[0] % 3 == r] for r in range(3))
    assert chain == [(0, 3), (3, 6), (6, 9)]
    assert fan == [(1, 4), (1, 7), (1, 10)]
    assert cycle == [(2, 5), (5, 8), (8, 11), (11, 2)]


@pytest.mark.parametrize(("share", "expected"), [(0, 0), (0.5, 600), (0.9, 5400)])
def test_giga_is_a_share_of_all_users(share: float, expected: int):
    assert giga_sybils(600, share) == expected


def test_giga_of_nearly_everybody_is_refused():
    with pytest.raises(ConfigError, match="share"):
        giga_sybils(600, 0.95)


def test_attack_edges_are_spread_over_the_entries(community: Community):
    assert crossing(attack(community, "clone", 2, 5)) == [0, 1, 0, 1, 0]
    assert crossing(attack(community, "clone", 9, 3)) == [0, 1, 2]


@pytest.mark.parametrize("topology", ["star", "fan", "chain", "cycle"])
def test_the_topology_can_be_chosen(topology: Topology, community: Community):
    attacked = attack(community, "clone", 7, 2, topology=topology)
    source, target = wire(topology, 7, 2)
    assert inside(attacked) == sorted(zip(source.tolist(), target.tolist(), strict=True))


@settings(deadline=None)
@given(st.sampled_from(["star", "fan", "chain", "cycle"]), st.integers(1, 40), st.data())
def test_every_shape_reaches_everybody_and_repeats_nothing(
    topology: Topology, n: int, data: st.DataObject
):
    entries = data.draw(st.integers(1, n))
    source, target = (column.tolist() for column in wire(topology, n, entries))
    edges = set(zip(source, target, strict=True))
    assert len(edges) == len(source)
    assert all(s != t and 0 <= s < n and 0 <= t < n for s, t in edges)
    assert set(target) | set(range(entries)) == set(range(n))
    if topology in ("star", "cycle") and n > entries:
        assert any(t < entries <= s for s, t in edges)


# --- what identities play -----------------------------------------------------------


def test_clones_copy_whole_profiles(community: Community):
    attacked = attack(community, "clone")
    originals = [profile(community, user) for user in range(community.n_users)]
    copied = set()
    for sybil in attacked.sybils.tolist():
        claimed = profile(attacked.community, sybil)
        assert claimed.pop(int(attacked.targets[0])) == community.interactions.weight.max()
        copied.add(originals.index(claimed))
    assert copied == set(attacked.victims.tolist())
    assert len(copied) > 30


def test_lean_profiles_are_three_items_of_one_victim(community: Community):
    attacked = attack(community, "lean")
    originals = [profile(community, user) for user in range(community.n_users)]
    for sybil in attacked.sybils.tolist():
        claimed = profile(attacked.community, sybil)
        del claimed[int(attacked.targets[0])]
        assert len(claimed) == 3
        assert any(claimed.items() <= original.items() for original in originals)


def test_bandwagon_mixes_what_everybody_has_with_random_items(community: Community):
    attacked = attack(community, "bandwagon")
    listeners = np.bincount(community.interactions.item, minlength=community.n_items)
    profiles = [set(profile(attacked.community, sybil)) for sybil in attacked.sybils.tolist()]
    common = set.intersection(*profiles) - set(attacked.targets.tolist())
    assert int(np.argmax(listeners)) in common
    assert np.mean(listeners[sorted(common)]) > 2 * np.mean(listeners)
    assert len(set.union(*profiles)) > 0.8 * (listeners > 0).sum()


def test_average_profiles_use_the_mean_weight_of_each_item(community: Community):
    attacked = attack(community, "average")
    part = community.interactions
    for item, weight in profile(attacked.community, int(attacked.sybils[0])).items():
        if item < community.n_items:
            assert weight == pytest.approx(part.weight[part.item == item].mean(), rel=1e-5)


def test_random_profiles_use_honest_weights(community: Community):
    attacked = attack(community, "random")
    honest = set(community.interactions.weight.tolist())
    for sybil in attacked.sybils.tolist():
        assert set(profile(attacked.community, sybil).values()) <= honest


def test_shapes_pose_as_fans_of_what_everybody_has(community: Community):
    attacked = attack(community, "serial", 2)
    listeners = np.bincount(community.interactions.item, minlength=community.n_items)
    claimed = profile(attacked.community, int(attacked.sybils[0]))
    assert int(np.argmax(listeners)) in claimed
    assert claimed == profile(attacked.community, int(attacked.sybils[1]))


def test_starve_floods_shared_items_and_inflates_unpopular_ones(community: Community):
    attacked = attack(community, "starve", 200)
    listeners = np.bincount(community.interactions.item, minlength=community.n_items)
    flooding, inflating = attacked.sybils[0::2], attacked.sybils[1::2]
    part = attacked.community.interactions
    mean = [listeners[part.item[np.isin(part.user, some)]].mean() for some in (flooding, inflating)]
    assert mean[0] > 1.2 * mean[1]
    assert mean[0] > 1.2 * listeners.mean()
    sizes = [np.isin(part.user, some).sum() for some in (flooding, inflating)]
    assert sizes[0] == pytest.approx(sizes[1], rel=0.25)
    assert not len(attacked.targets)


def test_slander_hits_the_most_trusted(community: Community):
    attacked = attack(community, "slander", 20, victims_each=5)
    trust, before = attacked.community.trust, community.trust
    assert trust is not None
    assert before is not None
    negative = trust.weight < 0
    assert set(trust.source[negative].tolist()) == set(attacked.sybils.tolist())
    received = np.bincount(before.target, minlength=community.n_users)
    assert set(trust.target[negative].tolist()) == set(attacked.victims.tolist())
    assert received[attacked.victims].min() >= np.sort(received)[-5]


def test_several_targets_can_be_pushed(community: Community):
    attacked = attack(community, "clone", 5, n_targets=3)
    assert len(attacked.targets) == 3
    assert set(attacked.targets.tolist()) <= set(
        profile(attacked.community, int(attacked.sybils[4]))
    )


def test_an_attacked_community_can_be_attacked_again(community: Community):
    twice = attack(attack(community, "clone", 5).community, "lean", 5).community
    assert len(set(twice.users)) == twice.n_users == community.n_users + 10
    assert len(set(twice.items)) == twice.n_items == community.n_items + 2


@settings(deadline=None)
@given(st.integers(0, 300), st.integers(0, 80), st.sampled_from(sorted(attacks.ATTACKS)))
def test_sizes_are_what_was_asked(n_sybils: int, attack_edges: int, name: str):
    community = generate(11, 80, 60, interactions=300)
    attacked = attack(community, name, n_sybils, attack_edges)
    assert len(attacked.sybils) == n_sybils
    assert len(attacked.trusting) == (attack_edges if n_sybils else 0)
    assert attacked.community.n_users == community.n_users + n_sybils


def test_ten_thousand_clones_are_possible(community: Community):
    assert attack(community, "clone", 10_000, 10).community.n_users == 10_080
