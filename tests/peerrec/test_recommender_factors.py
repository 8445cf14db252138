"""Lists follow a table that a node serves, as far as trusted people bear it out."""

from __future__ import annotations

import numpy as np
import pytest
from served_community import NEW, NOW, crowd, device, exposure_ratio, served, table_of

from peerrec import Interaction, Options, Recommender, TrustEdge
from peerrec.facade.self_tuning import Choice, is_due
from peerrec.limits import DAY_S
from peerrec.ranking.blend import BlendParameters
from peerrec.ranking.rank import RankSettings
from peerrec.ranking.salsa import SalsaParameters

PEOPLE = crowd()
TABLE = table_of(PEOPLE.have, PEOPLE.names())
FRIENDS = list(range(1, 26))
HALF = Options(tune=False, settings=RankSettings(blend=BlendParameters(share=0.5)))


def mine(**more):
    return device(PEOPLE, 0, FRIENDS, **more)


def shown(found):
    return [(each.item, each.score, each.reasons) for each in found], found.notes


def test_without_a_table_lists_are_to_the_digit_those_of_the_walk():
    with mine() as plain, mine(options=Options(tune=False, factors=False), table=TABLE) as off:
        assert shown(plain.recommend(50)) == shown(off.recommend(50))
        assert shown(plain.recommend(50)) == shown(plain.recommend(50, factors=False))
        assert plain.stats().factor_rows == off.stats().factor_rows == 0


def test_a_table_changes_the_order_and_one_call_may_leave_it_out():
    with mine(table=TABLE, options=HALF) as me, mine() as plain:
        assert me.recommend(20).items != plain.recommend(20).items
        assert shown(me.recommend(20, factors=False)) == shown(plain.recommend(20))
        assert me.stats().factor_rows == len(TABLE)
        assert me.stats().blend["share"] == 0.5


def test_a_table_alone_never_brings_an_item_in():
    heard = {f"i{item}" for item in np.flatnonzero(PEOPLE.have[FRIENDS].any(axis=0))}
    everything = Options(tune=False, settings=RankSettings(blend=BlendParameters(share=1.0)))
    with mine(table=TABLE, options=everything) as me:
        # Strangers have everything else, and the table knows it well.
        for user in range(100, 130):
            rows = np.flatnonzero(PEOPLE.have[user])
            me.record_many(Interaction(f"u{user}", f"i{item}", 1.0, NOW) for item in rows)
        found = me.recommend(10_000)
        assert found.items
        assert set(found.items) <= heard


def test_the_next_list_follows_a_new_table_and_ones_own_new_records():
    me = device(PEOPLE, 0, FRIENDS, options=HALF)
    store = me._engine.store
    before = me.recommend(20).items
    served(store, TABLE, version=1)
    first = me.recommend(20).items
    assert first != before
    other = np.roll(PEOPLE.have, 1, axis=1)
    served(store, table_of(other, PEOPLE.names()), version=2)
    assert me.recommend(20).items != first
    served(store, TABLE, version=3)
    assert me.recommend(20).items == first
    me.record(first[0])
    assert first[0] not in me.recommend(20).items
    store.set_setting("factors.version", None)
    assert shown(me.recommend(20, factors=False)) == shown(me.recommend(20))
    me.close()


def test_an_item_that_the_table_moved_up_says_so():
    with mine(table=TABLE, options=HALF) as me:
        walked = {each.item: each.score for each in me.recommend(1000, factors=False)}
        found = me.recommend(20)
        told = [each for each in found if any(reason.hub is None for reason in each.reasons)]
        raised = [each for each in found if each.score > walked.get(each.item, 0.0)]
        assert told
        assert {each.item for each in told} == {each.item for each in raised}
        reason = told[0].reasons[-1]
        assert reason.hub is None
        assert 0 < reason.share <= 1
        assert f"i{reason.own_item[1:]}" in reason.sentence(told[0].item)
        assert "across the network" in reason.sentence(told[0].item)
        assert all(len(each.reasons) <= 2 for each in found)
        assert told[0].reasons[0].hub is not None
        assert me.explain(told[0].item).reasons[-1].hub is None
        assert all(each.reasons[0].hub is not None for each in me.recommend(20, reasons=1))


@pytest.mark.parametrize("in_table", [0, 5, 10])
def test_a_new_item_of_five_trusted_listeners_is_as_visible_as_without_a_table(in_table):
    assert exposure_ratio(PEOPLE, in_table=in_table, egos=10) >= 1 - 1e-9


def test_what_the_table_does_not_know_keeps_score_and_place():
    with mine(table=TABLE, options=HALF, new_of=(3, 9, 15, 21, 25)) as me:
        with_table, without = (me.recommend(1000, factors=on) for on in (True, False))
        assert with_table[with_table.items.index(NEW)].score == pytest.approx(
            without[without.items.index(NEW)].score
        )
        assert with_table.items.index(NEW) == without.items.index(NEW)


def test_tuning_chooses_a_share_keeps_it_and_says_why(tmp_path):
    options = Options(tune=False, tune_s=0.2)
    me = device(PEOPLE, 0, FRIENDS, table=TABLE, options=options)
    assert me.tune()
    tuned = me.stats().tuned
    assert tuned["blend"] == me.stats().blend
    assert tuned["evidence"]["blend"]["rows"] == len(TABLE)
    store = me._engine.store
    again = Recommender(store, options=options, clock=lambda: NOW)
    assert again.stats().blend == tuned["blend"]
    me.close()


def test_without_a_table_tuning_says_nothing_of_it_and_keeps_what_was_chosen():
    with mine(options=Options(tune=False, tune_s=0.2)) as me:
        assert me.tune()
        assert "blend" not in me.stats().tuned
        store = me._engine.store
        served(store, TABLE)
        me.tune()
        chosen = me.stats().blend
        store.set_setting("factors.version", None)
        me.tune()
        assert me.stats().tuned["blend"] == chosen
        me.forget(everything=True)
        assert me.stats().blend == {"share": RankSettings().blend.share, "factor_discount": 0.0}


def test_a_first_table_is_worth_a_search_a_day_after_the_last():
    last = Choice(SalsaParameters(), {}, interactions=80, time=NOW)
    assert not is_due(80, last, NOW + DAY_S)
    assert is_due(80, last, NOW + DAY_S, served=True)
    assert not is_due(80, last, NOW + DAY_S / 2, served=True)
    assert not is_due(40, None, NOW, served=True)


def test_the_lists_of_many_are_blended_as_ones_own_is():
    with mine(table=TABLE, options=HALF) as me, mine() as plain:
        own = me.recommend(50)
        many = me.recommend_many(["me", "u1", "u2"], n=50)
        assert many.items[0].tolist() == own.items
        np.testing.assert_allclose(many.scores[0], [each.score for each in own], rtol=1e-4)
        assert many.items[0].tolist() != plain.recommend_many(["me"], n=50).items[0].tolist()
        seen = me.recommend_many(["me"], n=50, exclude_seen=False).items[0].tolist()
        assert seen == me.recommend(50, exclude_seen=False).items
    with mine(table=TABLE, options=Options(tune=False, factors=False)) as off, mine() as plain:
        assert (
            off.recommend_many(["me"]).items.tolist() == plain.recommend_many(["me"]).items.tolist()
        )


def test_another_s_list_of_many_is_about_what_its_own_device_shows_of_the_same_records():
    with mine(table=TABLE, options=HALF) as me:
        for user in range(300):
            rows = np.flatnonzero(PEOPLE.have[user])
            me.record_many(Interaction(f"u{user}", f"i{item}", 1.0, NOW) for item in rows)
        me.trust_many([TrustEdge("u30", f"u{friend}", 1.0, NOW) for friend in range(31, 56)])
        many = me.recommend_many(["u30"], n=20).items[0].tolist()
    with device(PEOPLE, 30, list(range(31, 56)), table=TABLE, options=HALF) as other:
        shows = other.recommend(20).items  # with other walkers
        assert len(set(many) & set(shows)) >= 18
        assert len(set(many) & set(other.recommend(20, factors=False).items)) < 18
