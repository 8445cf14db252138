"""The library's walk, served to many egos at once, keeps what every ranker keeps."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from peerrec.errors import ConfigError
from peerrec.ranking.salsa import Salsa
from peerrec_sim import attacks
from peerrec_sim.bootstrap import with_bootstrap
from peerrec_sim.community import TrustEdges
from peerrec_sim.generator import generate
from peerrec_sim.rankers import by_name
from peerrec_sim.rankers.contract import RankerContract


class TestSalsa(RankerContract):
    def make(self):
        return by_name("salsa")


class TestMeritSalsa(RankerContract):
    def make(self):
        return by_name("meritsalsa").with_settings({"walks": 500})


def test_without_trust_merit_salsa_counts_everyone_alike():
    community = dataclasses.replace(generate(seed=3, users=80, items=120), trust=None)
    users = np.arange(20, dtype=np.int32)
    rankers = [by_name(name) for name in ("salsa", "meritsalsa")]
    for ranker in rankers:
        ranker.fit(community)
    np.testing.assert_array_equal(rankers[0].score(users), rankers[1].score(users))


def test_serves_what_a_device_would_rank():
    community = generate(seed=3, users=80, items=120, interactions=900)
    ranker = by_name("salsa")
    ranker.fit(community)
    block = ranker.score(np.array([4, 9], np.int32))
    alone = Salsa(ranker._view, ranker.parameters.walk()).walk(9).scores[:, 0]
    np.testing.assert_allclose(block[1], alone, rtol=1e-3, atol=1e-6)


def test_a_user_without_friends_is_served_through_the_bootstrap():
    community = with_bootstrap(generate(seed=3, users=80, items=120, interactions=900), seed=0)
    lonely = int(np.setdiff1d(np.arange(80), community.bootstrap)[0])
    kept = community.trust.source != lonely
    trust = TrustEdges(
        community.trust.source[kept], community.trust.target[kept], community.trust.weight[kept]
    )
    ranker = by_name("meritsalsa")
    ranker.fit(dataclasses.replace(community, trust=trust))
    assert ranker.score(np.array([lonely], np.int32)).any()
    ranker.fit(dataclasses.replace(community, trust=trust, bootstrap=()))
    assert not ranker.score(np.array([lonely], np.int32)).any()


def test_the_bootstrap_is_drawn_among_honest_people_before_the_attack():
    community = with_bootstrap(generate(seed=3, users=80, items=120, interactions=900), seed=0)
    attacked = attacks.by_name("clone").apply(community, 500, 2, np.random.default_rng(0))
    assert attacked.community.bootstrap == community.bootstrap
    assert max(community.bootstrap) < 80
    assert with_bootstrap(attacked.community, seed=1).bootstrap == community.bootstrap


def test_identities_that_nobody_reaches_do_not_change_a_list():
    community = generate(seed=3, users=80, items=120, interactions=900)
    users = np.arange(10, dtype=np.int32)
    ranker = by_name("meritsalsa")
    ranker.fit(community)
    before = ranker.score(users)
    attacked = attacks.by_name("clone").apply(community, 300, 1, np.random.default_rng(0))
    untrusted = attacked.community.trust
    kept = ~(np.isin(untrusted.target, attacked.sybils) & (untrusted.source < 80))
    trust = TrustEdges(*(column[kept] for column in (
        untrusted.source, untrusted.target, untrusted.weight)))  # fmt: skip
    ranker.fit(dataclasses.replace(attacked.community, trust=trust))
    after = ranker.score(users)
    np.testing.assert_allclose(after[:, :120], before, rtol=1e-3, atol=1e-5)
    assert not after[:, 120:].any()


@pytest.mark.parametrize(
    ("key", "value"), [("rounds", "0"), ("cap", "-1"), ("walks", "none"), ("nothing", "1")]
)
def test_an_impossible_setting_is_refused_by_name(key, value):
    with pytest.raises(ConfigError, match=f"meritsalsa.{key}"):
        by_name("meritsalsa").with_settings({key: value})
