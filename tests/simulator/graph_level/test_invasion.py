"""What the attacks of a scenario add to a community, one behind the other."""

from __future__ import annotations

import numpy as np
import pytest

from peerrec.errors import ConfigError
from peerrec_sim import attacks
from peerrec_sim.generator import generate
from peerrec_sim.graph_level.invasion import check_kinds, invade, largest
from peerrec_sim.scenario.schema import Attackers
from peerrec_sim.simulation.chance import Purpose, chance


@pytest.fixture(scope="module")
def people():
    return generate(1, 60, 150)


@pytest.mark.parametrize("kind", attacks.names())
def test_one_attack_gives_what_the_attack_itself_gives(people, kind):
    attackers = Attackers(kinds=(kind,), sybils=12, edges=3)
    invasion = invade(people, attackers, 12, seed=5)
    rng = chance(5, Purpose.ATTACK, 0)
    expected = attacks.by_name(kind).apply(people, 12, 3, rng).community
    found = invasion.on(people)
    assert (found.n_users, found.n_items) == (expected.n_users, expected.n_items)
    for column in ("user", "item", "weight"):
        same = getattr(found.interactions, column) == getattr(expected.interactions, column)
        assert same.all()
    for column in ("source", "target", "weight"):
        assert (getattr(found.trust, column) == getattr(expected.trust, column)).all()


def test_several_attacks_are_kept_apart(people):
    attackers = Attackers(kinds=("serial", "clone", "slander"), sybils=7, edges=2)
    invasion = invade(people, attackers, 7, seed=1)
    assert (invasion.n_users, invasion.n_items) == (21, 2)
    plays = invasion.interactions
    promoted = {item: set(plays.user[plays.item == item].tolist()) for item in range(150, 152)}
    assert promoted == {150: set(range(60, 67)), 151: set(range(67, 74))}
    trust = invasion.trust
    inside = (trust.source >= 60) & (trust.target >= 60)
    assert ((trust.source[inside] - 60) // 7 == (trust.target[inside] - 60) // 7).all()
    assert plays.user.min() >= 60
    assert plays.user.max() < 81


def test_the_same_people_fall_for_the_attackers_whatever_their_number(people):
    attackers = Attackers(kinds=("clone", "giga"), sybils=1, edges=4)
    few, many = (invade(people, attackers, n, seed=2) for n in (1, 30))
    assert few.trusting.tolist() == many.trusting.tolist()
    assert len(few.trusting) == 8


def test_strength_multiplies_what_targets_weigh_and_zero_leaves_them_out(people):
    usual, half, none = (
        invade(people, Attackers(kinds=("clone",), strength=strength), 5, seed=1).interactions
        for strength in (1.0, 0.5, 0.0)
    )
    target = usual.item >= 150
    assert (half.weight[target] == usual.weight[target] / 2).all()
    assert (half.weight[~target] == usual.weight[~target]).all()
    assert len(none) == len(usual) - target.sum()
    assert none.item.max() < 150


def test_no_identities_add_nothing(people):
    invasion = invade(people, Attackers(kinds=("clone",), edges=3), 0, seed=1)
    assert (len(invasion.interactions), len(invasion.trust), invasion.n_users) == (0, 0, 0)


def test_a_share_of_all_users_says_how_many_identities_giga_has():
    assert largest(Attackers(kinds=("giga",), sybils=3, share=0.5), 100) == 100
    assert largest(Attackers(kinds=("clone",), sybils=3, share=0.5), 100) == 3
    assert largest(Attackers(), 100) == 0


def test_an_attack_that_needs_packets_is_refused_with_those_there_are():
    with pytest.raises(ConfigError, match=r"attackers\.kinds: 'flood'.*mode graph knows average"):
        check_kinds(Attackers(kinds=("clone", "flood")))


def test_a_community_without_trust_stays_without_attack_edges(people):
    import dataclasses

    strangers = dataclasses.replace(people, trust=None)
    invasion = invade(strangers, Attackers(kinds=("clone",), edges=3), 4, seed=1)
    assert len(invasion.trust) == 0
    assert np.array_equal(invasion.trusting, [])


def test_trust_of_all_in_all_beyond_what_fits_is_refused(people, monkeypatch):
    monkeypatch.setattr("peerrec_sim.graph_level.invasion.INSIDE_MAX", 50)
    invade(people, Attackers(kinds=("clone",), edges=5), 10, seed=1)
    invade(people, Attackers(kinds=("serial",), edges=6), 10, seed=1)
    with pytest.raises(ConfigError, match=r"attackers\.edges: 6.*10 identities at most 5"):
        invade(people, Attackers(kinds=("clone",), edges=6), 10, seed=1)
