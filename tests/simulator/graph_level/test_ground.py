"""A view of the graph equals the graph built anew with everything in it."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from peerrec.ranking.merit import MeritParameters
from peerrec.ranking.rank import RankSettings
from peerrec_sim.generator import generate
from peerrec_sim.graph_level.ground import Ground, Look
from peerrec_sim.graph_level.invasion import invade
from peerrec_sim.graph_level.looking import look_around, merit_figures
from peerrec_sim.rankers import by_name
from peerrec_sim.scenario.schema import Attackers
from peerrec_sim.splits import split

SETTINGS = RankSettings(merit=MeritParameters(walks=500, connectivity_decay=0.5))


@pytest.fixture(scope="module")
def people():
    return split(generate(2, 80, 200), "hash")


@pytest.mark.parametrize("kind", ["clone", "starve", "slander", "colluders"])
def test_an_attack_on_top_is_the_attack_inside(people, kind):
    invasion = invade(people, Attackers(kinds=(kind,), edges=5), 30, seed=1)
    on_top = Ground(people).view(SETTINGS, invasion)
    inside = Ground(invasion.on(people)).view(SETTINGS)
    for ego in (0, 7, 33):
        left, right = (view.look(ego, np.random.default_rng(3)) for view in (on_top, inside))
        np.testing.assert_allclose(left.scores, right.scores, rtol=1e-4, atol=1e-7)
        assert left.nodes.tolist() == right.nodes.tolist()
        assert left.shares.tolist() == right.shares.tolist()


def test_scores_are_those_of_the_ranker_that_serves_blocks(people):
    ranker = by_name("meritsalsa").with_settings({"walks": 500})
    plain = dataclasses.replace(people, bootstrap=())
    ranker.fit(plain, seed=4)
    view = Ground(people).view(SETTINGS)
    for ego in (1, 50):
        expected = ranker.score(np.array([ego], np.int32))[0]
        # the ranker draws its walks from the seed and the user
        found = view.look(ego, np.random.default_rng([4, ego])).scores
        np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-6)


def test_lists_leave_out_what_the_ego_has_and_what_nobody_leads_to(people):
    view = Ground(people).view(SETTINGS)
    ego = 9
    own = set(people.interactions.item[people.interactions.user == ego].tolist())
    look = view.look(ego, np.random.default_rng(0))
    best = view.best(ego, look.scores, 300)
    listed = best[best >= 0].tolist()
    assert len(best) == 300
    assert not own & set(listed)
    assert (look.scores[listed] > 0).all()
    assert len(set(listed)) == len(listed)


def test_without_trust_everybody_counts_and_there_is_no_merit(people):
    strangers = dataclasses.replace(people, trust=None)
    look = Ground(strangers).view(SETTINGS).look(3, np.random.default_rng(0))
    assert len(look.nodes) == 0
    assert look.scores.max() > 0


def test_a_target_on_the_list_is_no_held_out_item_of_another_ego(people):
    attackers = Attackers(kinds=("clone",), edges=80)
    invasion = invade(people, attackers, 200, seed=1)
    view = Ground(people).view(SETTINGS, invasion)
    egos = np.arange(people.n_users)
    seen = look_around(view, people, egos, n=20, seed=0)
    assert seen["target_hits"].max() == 1
    lists = [
        view.best(ego, view.look(ego, np.random.default_rng([0, 9, ego])).scores, 20)
        for ego in range(people.n_users)
    ]
    test = people.test
    for ego, best in enumerate(lists):
        wanted = set(test.item[test.user == ego].tolist())
        if wanted:
            expected = len(wanted & set(best.tolist())) / len(wanted)
            assert seen["recall"][ego] == pytest.approx(expected)
        else:
            assert np.isnan(seen["recall"][ego])


def test_egos_do_not_change_with_whom_else_is_asked(people):
    view = Ground(people).view(SETTINGS)
    together = look_around(view, people, np.array([4, 9, 11]), n=10, seed=3)
    alone = look_around(view, people, np.array([9]), n=10, seed=3)
    for name, column in alone.items():
        assert column[0] == pytest.approx(together[name][1], nan_ok=True)


def test_flags_are_told_apart_by_whom_they_hit():
    nodes = np.array([1, 2, 80, 81], np.int32)
    look = Look(np.zeros(5, np.float32), nodes, np.array([0.4, 0.2, 0.3, 0.1]), nodes[[1, 2, 3]])
    assert merit_figures(look, n_honest=80) == {
        "merit_mass_sybil": pytest.approx(0.4),
        "merit_peers": 4.0,
        "honest_flagged": 0.5,
        "sybil_flagged": 1.0,
    }
