"""What stands beside a measured person: attackers, their identities, their items."""

from __future__ import annotations

import numpy as np
import pytest

from peerrec.errors import ConfigError
from peerrec_sim.generator import generate
from peerrec_sim.graph_level.planted import SHAPES, plant

ROOTS = np.array([3, 8, 20])


@pytest.fixture(scope="module")
def people():
    return generate(1, 60, 150)


def edges_of(planted):
    trust = planted.invasion.trust
    return set(zip(trust.source.tolist(), trust.target.tolist(), strict=True))


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("attackers", [1, 2])
def test_attackers_without_identities_are_only_trusted_by_their_root(people, shape, attackers):
    planted = plant(people, ROOTS, shape, n_sybils=0, attackers=attackers)
    expected = {
        (int(root), int(each))
        for number, root in enumerate(ROOTS)
        for each in planted.region(number)
    }
    assert edges_of(planted) == expected
    assert planted.invasion.n_users == attackers * len(ROOTS)


def test_a_chain_begins_behind_every_attacker(people):
    planted = plant(people, ROOTS[:1], "friend-serial", n_sybils=3, attackers=2)
    assert edges_of(planted) == {(3, 60), (3, 61), (60, 62), (61, 62), (62, 63), (63, 64)}


def test_identities_in_parallel_trust_nobody_and_in_a_cycle_the_attackers(people):
    one_way = {(3, 60), (60, 61), (60, 62)}
    parallel = plant(people, ROOTS[:1], "friend-parallel", n_sybils=2, attackers=1)
    assert edges_of(parallel) == one_way
    cycle = plant(people, ROOTS[:1], "friend-cycle", n_sybils=2, attackers=1)
    assert edges_of(cycle) == one_way | {(61, 60), (62, 60)}


@pytest.mark.parametrize("shape", SHAPES)
def test_regions_share_no_user_and_no_promoted_item(people, shape):
    planted = plant(people, ROOTS, shape, n_sybils=5, attackers=2)
    regions = np.concatenate([planted.region(number) for number in range(len(ROOTS))])
    promoted = np.concatenate([planted.promoted(number) for number in range(len(ROOTS))])
    assert regions.tolist() == list(range(60, 60 + planted.invasion.n_users))
    assert promoted.tolist() == list(range(150, 150 + planted.invasion.n_items))
    plays = planted.invasion.interactions
    for number in range(len(ROOTS)):
        owners = plays.user[np.isin(plays.item, planted.promoted(number))]
        assert set(owners.tolist()) == set(planted.region(number).tolist())


def test_an_attacker_has_the_five_popular_items_and_an_identity_only_if_it_copies(people):
    listeners = np.bincount(people.interactions.item, minlength=people.n_items)
    popular = set(np.argsort(-listeners, kind="stable")[:5].tolist())
    for shape, (_, copies) in SHAPES.items():
        planted = plant(people, ROOTS[:1], shape, n_sybils=2, attackers=1)
        plays = planted.invasion.interactions
        for user in (60, 61, 62):
            honest = {item for item in plays.item[plays.user == user].tolist() if item < 150}
            assert honest == (popular if user == 60 or copies else set())


def test_all_weights_of_a_profile_are_equal(people):
    plays = plant(people, ROOTS, "friend-cycle", n_sybils=3, attackers=1).invasion.interactions
    assert set(plays.weight.tolist()) == {1.0}


def test_an_unknown_shape_and_no_attacker_are_refused(people):
    with pytest.raises(ConfigError, match="friend-serial"):
        plant(people, ROOTS, "spiral", n_sybils=1, attackers=1)
    with pytest.raises(ConfigError, match="at least 1 attacker"):
        plant(people, ROOTS, "friend-serial", n_sybils=1, attackers=0)
