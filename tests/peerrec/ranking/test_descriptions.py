"""Descriptions let the unmet in at the end of a list, by trust and in bounds."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from peerrec.errors import ConfigError, DataError
from peerrec.ranking.descriptions import Descriptions, with_descriptions
from peerrec.ranking.interactions import InteractionGraph
from peerrec.ranking.recommend import top_items
from peerrec.ranking.salsa import Salsa

N_USERS, N_ITEMS = 30, 60
MET = 40
"""Items from here on have no interactions."""

JAZZ, METAL = ["jazz"], ["metal"]


def walked(seed=0):
    """A graph of two tastes: users and items below half are jazz; user 0 is the ego."""
    rng = np.random.default_rng(seed)
    user = rng.integers(0, N_USERS, 400)
    item = rng.integers(0, MET // 2, 400) + (user >= N_USERS // 2) * (MET // 2)
    graph = InteractionGraph()
    graph.extend(user, item, 1.0, 0.0)
    graph.extend([1, 2], [MET - 1, MET - 2], 1.0, 0.0)  # bridges, so that all is reached
    graph.reserve(N_USERS, N_ITEMS)
    salsa = Salsa(graph.snapshot())
    return salsa, salsa.walk(0).scores[:, 0], salsa.view.items_of(0)[0]


def old_words(publisher=1):
    """Say of all met items what they are."""
    return [(item, publisher, JAZZ if item < MET // 2 else METAL) for item in range(MET)]


def added(rows, seed=0, **options):
    """Return what descriptions add to each item's score."""
    salsa, scores, own = walked(seed)
    said = Descriptions.of(rows, N_ITEMS)
    return with_descriptions(salsa, scores, said, own=own, **options) - scores


def test_an_unmet_item_of_the_egos_taste_comes_before_one_of_another():
    gain = added([*old_words(), (50, 2, JAZZ), (51, 3, METAL)])
    assert gain[50] > 3 * gain[51] >= 0
    assert not gain[:MET].any(), "items that people have met keep their scores"


def test_an_unmet_item_enters_the_list_but_not_its_head():
    salsa, scores, own = walked()
    said = Descriptions.of([*old_words(), (50, 2, JAZZ)], N_ITEMS)
    new = with_descriptions(salsa, scores, said, own=own, weight=1.3)
    new[own] = 0
    places = top_items(new, 20).tolist()
    assert 50 in places
    assert places.index(50) > 0


def test_words_of_strangers_are_not_read():
    gate = np.ones(N_USERS, np.float32)
    gate[2] = 0
    rows = [*old_words(), (50, 2, JAZZ)]
    assert not added(rows, gate=gate).any()
    assert not added([*old_words(publisher=2), (50, 1, JAZZ)], gate=gate)[:MET].any()


def test_any_number_of_strangers_changes_nothing():
    gate = np.ones(N_USERS, np.float32)
    gate[5:] = 0
    rows = [*old_words(), (50, 2, JAZZ)]
    lies = [(item, by, METAL) for by in range(5, 30) for item in range(N_ITEMS)]
    np.testing.assert_allclose(added(rows, gate=gate), added(rows + lies, gate=gate), rtol=1e-5)


def test_a_half_trusted_publisher_pushes_half_as_much():
    gate = np.ones(N_USERS, np.float32)
    rows = [*old_words(), (50, 2, JAZZ)]
    whole = added(rows, gate=gate)[50]
    gate[2] = 0.5
    assert added(rows, gate=gate)[50] == pytest.approx(whole / 2, rel=0.05)


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 20), st.integers(0, 100))
def test_one_publisher_pushes_a_bounded_sum_however_much_it_describes(n, seed):
    salsa, scores, own = walked(seed)
    rows = [*old_words(), *((MET + k, 2, JAZZ) for k in range(n))]
    before, after = (
        with_descriptions(salsa, scores, Descriptions.of(said, N_ITEMS), own=own, weight=1.0)
        for said in (old_words(), rows)  # by somebody else, of items that few may have met
    )
    total = (after - before).sum()
    unseen = scores.copy()
    unseen[own] = 0
    unit = scores[top_items(unseen, 20)[-1]]
    assert total <= unit * np.pi**2 / 6 * 1.001


def test_an_item_many_have_met_gets_nothing():
    gain = added([*old_words(), (3, 2, JAZZ)])
    assert gain[3] == 0


def test_own_items_are_not_pushed():
    _, _, own = walked()
    assert not added([*old_words(), *((int(item), 2, JAZZ) for item in own)])[own].any()


def test_weight_zero_and_no_descriptions_change_nothing():
    assert not added([*old_words(), (50, 2, JAZZ)], weight=0.0).any()
    assert not added([]).any()


def test_where_the_walk_leads_nowhere_descriptions_add_nothing():
    salsa, scores, own = walked()
    said = Descriptions.of([*old_words(), (50, 2, JAZZ)], N_ITEMS)
    assert not with_descriptions(salsa, np.zeros_like(scores), said, own=own).any()


def test_the_last_of_one_publishers_words_stays_and_repeated_tags_count_once():
    said = Descriptions.of([(0, 1, METAL), (0, 1, ["jazz", "jazz"]), (1, 1, [])], 2)
    assert said.tags == ("jazz",)
    assert said.said.toarray().tolist() == [[1.0]]
    assert said.strongest(0, np.ones(2, np.float32)) == (1, ("jazz",))


def test_the_reason_is_the_most_trusted_word_and_strangers_give_none():
    said = Descriptions.of([(0, 1, METAL), (0, 2, JAZZ)], 2)
    assert said.strongest(0, np.array([0, 0.1, 0.9], np.float32)) == (2, ("jazz",))
    assert said.strongest(0, np.zeros(3, np.float32)) is None
    assert said.strongest(1, np.ones(3, np.float32)) is None


def test_publishers_without_a_gate_entry_are_strangers():
    said = Descriptions.of([(0, 99, JAZZ)], 2)
    assert said.weights(np.ones(3, np.float32)).tolist() == [0.0]


@pytest.mark.parametrize("weight", [-1.0, float("nan"), float("inf")])
def test_an_impossible_weight_is_refused(weight):
    with pytest.raises(ConfigError, match="weight"):
        added(old_words(), weight=weight)


@pytest.mark.parametrize("item", [-1, N_ITEMS])
def test_an_unknown_item_code_is_refused(item):
    with pytest.raises(DataError, match="names item"):
        Descriptions.of([(item, 0, JAZZ)], N_ITEMS)
