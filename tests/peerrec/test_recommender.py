"""The facade does what an app asks: lists, reasons, marks, forgetting, restarts, threads."""

from __future__ import annotations

import sqlite3
import threading

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from peerrec import Interaction, Options, Recommender, TrustEdge
from peerrec.errors import Cancelled, ConfigError, StoreError, UnknownItem, UnknownPeer
from peerrec.facade import live_graph
from peerrec.facade.live_graph import LiveGraph
from peerrec.facade.self_tuning import Choice
from peerrec.ranking.salsa import SalsaParameters
from peerrec.store.memory import MemoryStore
from peerrec.store.sqlite import SqliteStore

NOW = 1_700_000_040.0
QUIET = Options(tune=False)


def opened(path=None, *, options=QUIET, now=NOW, **more):
    if path is None:
        return Recommender.in_memory(options=options, clock=lambda: now, **more)
    return Recommender.open(path, options=options, clock=lambda: now, **more)


def fill(me, friends=("ann", "bob")):
    """A small community: ann and bob share taste with me, eve is a stranger."""
    me.record_many(["a", "b"])
    plays = {"ann": "abcd", "bob": "bce", "eve": "abxyz"}
    me.record_many(Interaction(who, item, 1.0, NOW) for who in plays for item in plays[who])
    for friend in friends:
        me.trust(friend)


def community(n_rows, seed=0, users=60, items=200):
    rng = np.random.default_rng(seed)
    authors = rng.integers(0, users, n_rows).tolist()
    things = (items * rng.random(n_rows) ** 2).astype(int).tolist()
    ages = (rng.random(n_rows) * 60 * 86_400).tolist()
    return [
        Interaction("me" if author == 0 else f"p{author}", f"i{thing}", 1.0 + thing % 3, NOW - age)
        for author, thing, age in zip(authors, things, ages, strict=True)
    ]


def befriend(me, n=20):
    me.trust_many(TrustEdge("me", f"p{k}", 1.0, NOW) for k in range(1, n))


def shown(found):
    return [(each.item, round(each.score, 5)) for each in found]


def test_the_first_example_records_and_recommends(tmp_path):
    with opened(tmp_path / "me.db") as me:
        fill(me)
        found = me.recommend(n=10)
        assert set(found.items) == {"c", "d", "e"}
        assert all(each.score > 0 for each in found)
        assert found[0].item == "c"
        assert found[0].reasons[0].hub in ("ann", "bob")
        assert "whom you trust" in found[0].reasons[0].sentence("c")


def test_strangers_are_not_heard_unless_trust_is_switched_off():
    with opened() as me:
        fill(me)
        assert "x" not in me.recommend(n=10).items
    with opened(options=Options(tune=False, use_trust=False)) as me:
        fill(me)
        assert "x" in me.recommend(n=10).items


def test_a_recorded_interaction_shows_in_the_next_list():
    with opened() as me:
        fill(me)
        assert "d" in me.recommend(n=10).items
        me.record("d")
        assert "d" not in me.recommend(n=10).items
        assert "d" in me.recommend(n=10, exclude_seen=False).items
        me.record("new", author="ann")
        assert "new" in me.recommend(n=10).items


@pytest.mark.parametrize("n", [1, 2, 1_000_000])
def test_a_list_is_never_longer_than_asked_or_known(n):
    with opened() as me:
        fill(me)
        found = me.recommend(n)
        assert len(found) == min(n, 3)
        assert bool(found.notes) == (n > 3)


def test_an_empty_store_gives_an_honest_empty_list():
    with opened() as me:
        found = me.recommend(n=10)
        assert len(found) == 0
        assert any("Nothing is recorded" in note for note in found.notes)
        assert any("trust" in note for note in found.notes)


def test_own_history_alone_gives_an_empty_list_that_says_why():
    with opened() as me:
        me.record("a")
        found = me.recommend(n=10)
        assert not found
        assert "No trust given yet" in found.notes[0]


def test_cold_start_from_trust_alone_shows_what_friends_have():
    with opened() as me:
        fill(me)
        me.forget(before=NOW + 60)
        me.record_many([Interaction("ann", "c", 1.0, NOW)])
        found = me.recommend(n=10)
        assert found.items == ["c"]
        assert "No interactions yet" in found.notes[0]


def test_bootstrap_peers_lend_their_eyes_to_a_newcomer():
    with opened(options=Options(tune=False, bootstrap=("ann",))) as me:
        fill(me, friends=())
        found = me.recommend(n=10)
        assert "c" in found.items
        assert "x" not in found.items
        assert "bootstrap" in found.notes[0]


def test_candidates_narrow_the_list_and_unknown_ones_are_ignored():
    with opened() as me:
        fill(me)
        assert me.recommend(n=10, candidates=["e", "nobody-has-it"]).items == ["e"]
        assert me.recommend(n=10, candidates=[]).items == []


def test_ids_of_bytes_and_text_are_kept_apart():
    with opened(me=b"\x00me") as me:
        me.record(b"a")
        me.trust(b"\xff")
        me.record_many([Interaction(b"\xff", b"a", 1.0, NOW), Interaction(b"\xff", "a", 1.0, NOW)])
        assert me.recommend(n=5).items == ["a"]


@pytest.mark.parametrize("kind", ["memory", "file"])
def test_marks_work_at_once_and_survive_a_restart(tmp_path, kind):
    path = tmp_path / "me.db" if kind == "file" else None
    with opened(path) as me:
        fill(me)
        assert set(me.recommend(n=10).items) == {"c", "d", "e"}
        me.mute("c")
        assert set(me.recommend(n=10).items) == {"d", "e"}
        me.mute(peer="bob")
        assert set(me.recommend(n=10).items) == {"d"}
        me.block("ann")
        assert me.recommend(n=10).items == []
        if path is None:
            return
    with opened(path) as me:
        assert me.recommend(n=10).items == []
        assert me.unblock("ann")
        assert me.recommend(n=10).items == ["d"]
        assert me.unmute("c")
        assert me.unmute(peer="bob")
        assert set(me.recommend(n=10).items) == {"c", "d", "e"}
        assert not me.unmute("c")


def test_a_block_stands_whatever_trust_says_later():
    with opened() as me:
        fill(me, friends=("ann",))
        me.block("ann")
        me.trust("ann", 1.0)
        assert me.recommend(n=10).items == []


def test_nobody_is_heard_through_a_blocked_peer():
    with opened() as me:
        fill(me, friends=("ann",))
        me.trust("carol", source="ann")
        me.record_many([Interaction("carol", item, 1.0, NOW) for item in ("a", "carols")])
        assert "carols" in me.recommend(n=10).items
        me.mute(peer="ann")  # a mute silences ann alone
        assert me.recommend(n=10).items == ["carols"]
        me.block("ann")
        assert me.recommend(n=10).items == []


def test_the_bootstrap_does_not_make_a_blocked_peer_heard():
    with opened(options=Options(tune=False, bootstrap=("ann",))) as me:
        fill(me, friends=())
        me.trust("bob", source="ann")
        assert "e" in me.recommend(n=10).items
        me.block("bob")
        assert "e" not in me.recommend(n=10).items
        assert "d" in me.recommend(n=10).items


def test_less_like_hides_the_item_and_lowers_its_neighbourhood():
    with opened() as me:
        me.record("a")
        for who, items in {"ann": "ade", "bob": "afg"}.items():
            me.record_many(Interaction(who, item, 1.0, NOW) for item in items)
            me.trust(who)
        before = {each.item: each.score for each in me.recommend(n=10)}
        assert before["e"] == pytest.approx(before["g"], rel=0.05)
        me.less_like("d")
        after = {each.item: each.score for each in me.recommend(n=10)}
        assert "d" not in after
        assert after.get("e", 0.0) < 0.5 * before["e"]
        assert after["g"] > 0.5 * before["g"]
        me.undo_less_like("d")
        assert {each.item: each.score for each in me.recommend(n=10)} == before


def test_explain_says_why_and_why_not():
    with opened() as me:
        fill(me)
        why = me.explain("c")
        assert (why.rank, why.notes) == (1, ())
        assert why.score == me.recommend(n=1)[0].score
        assert "ann" in " ".join(why.sentences)
        me.mute("c")
        assert me.explain("c").notes == ("It is muted.",)
        assert me.explain("a").notes == ("You know it already.",)
        assert me.explain("x").rank is None
        assert "Nobody" in me.explain("x").notes[0]
        with pytest.raises(UnknownItem, match="nowhere"):
            me.explain("nowhere")


def test_similar_items_are_those_that_heard_people_have_too():
    with opened() as me:
        fill(me)
        assert "d" in me.similar("c", n=5).items
        assert "x" not in me.similar("a", n=5).items
        assert "c" not in me.similar("c", n=5).items
        with pytest.raises(UnknownItem):
            me.similar("nowhere")


def test_an_unheard_item_is_found_by_what_a_trusted_publisher_says_of_it():
    with opened() as me:
        fill(me)
        assert "new" not in me.recommend(n=10).items
        me.describe("c", tags=["jazz"], author="ann")
        me.describe("new", tags=["jazz"], title="New", author="ann")
        me.describe("spam", tags=["jazz"], author="eve")
        found = me.recommend(n=10)
        assert "new" in found.items
        assert "spam" not in found.items


def test_exploring_keeps_to_what_is_reached_and_the_plain_list_is_unchanged():
    with opened() as me:
        me.record_many(community(3_000))
        befriend(me)
        plain = me.recommend(n=20, exclude_seen=False)
        assert me.recommend(n=20, exclude_seen=False, explore=0.0) == plain
        led_out = me.recommend(n=20, exclude_seen=False, explore=0.8)
        assert len(led_out) == 20
        assert led_out.items != plain.items
        assert all(each.score > 0 for each in led_out)
        with pytest.raises(ConfigError, match="explore"):
            me.recommend(n=5, explore=1.5)


def test_recommend_many_gives_each_user_their_own_list_as_arrays():
    with opened() as me:
        fill(me)
        me.trust_many([TrustEdge("ann", "bob", 1.0, NOW)])
        steps = []
        found = me.recommend_many(["me", "ann"], n=4, progress=lambda *at: steps.append(at))
        assert found.items.shape == found.scores.shape == (2, 4)
        mine = me.recommend(n=4)
        assert [item for item in found.items[0] if item is not None] == mine.items
        np.testing.assert_allclose(found.scores[0, :3], [r.score for r in mine], rtol=1e-4)
        assert list(found.items[1]) == ["e", None, None, None]
        assert steps == [(2, 2)]
        with pytest.raises(UnknownPeer):
            me.recommend_many(["nobody"])
        with pytest.raises(Cancelled, match="0 of 1"):
            me.recommend_many(["ann"], cancel=lambda: True)


def test_forgetting_an_item_a_peer_a_time_or_everything(tmp_path):
    path = tmp_path / "me.db"
    with opened(path) as me:
        fill(me)
        assert me.forget("c") == 2
        assert "c" not in me.recommend(n=10).items
        assert me.forget(peer="bob") == 2
        assert "e" not in me.recommend(n=10).items
        me.record("old", time=60.0)
        assert me.forget(before=120.0) == 1
        assert me.stats().own_interactions == 2
        me.block("eve")
        assert me.forget(everything=True) > 0
        assert me.stats().interactions == 0
        assert me.stats().blocked == 0
        assert not me.recommend(n=10)
    for left in tmp_path.iterdir():
        assert b"bob" not in left.read_bytes()


@pytest.mark.parametrize("wrong", [{}, {"item": "a", "before": 1.0}, {"everything": False}])
def test_forget_wants_exactly_one_thing(wrong):
    with opened() as me, pytest.raises(ConfigError, match="give one of"):
        me.forget(**wrong)


def test_an_export_read_elsewhere_gives_the_same_lists(tmp_path):
    path, file = tmp_path / "me.db", tmp_path / "all.jsonl"
    with opened(path) as me:
        fill(me)
        me.record(b"\xff\x00", public=True)
        me.mute("d")
        me.describe("c", title="C", tags=["jazz"], link="https://example.org")
        expected = shown(me.recommend(n=10))
        n_lines = me.export(file)
        assert n_lines == len(file.read_bytes().splitlines())
        with pytest.raises(StoreError, match="already"):
            me.export(file)
    steps = []
    with opened(me="somebody") as other:
        n_read = other.import_(file, progress=lambda *at: steps.append(at))
        assert n_read == n_lines - 1
        assert steps[-1] == (n_read, n_read)
        assert shown(other.recommend(n=10)) == expected
        assert other.stats().muted_items == 1


def test_a_cancelled_export_leaves_no_file(tmp_path):
    with opened() as me:
        me.record_many([f"i{k}" for k in range(10_000)])
        with pytest.raises(Cancelled):
            me.export(tmp_path / "all.jsonl", cancel=lambda: True)
    assert list(tmp_path.iterdir()) == []


def test_a_closed_recommender_says_so():
    me = opened()
    me.close()
    me.close()
    for ask in (me.recommend, me.stats, lambda: me.record("a")):
        with pytest.raises(StoreError, match="closed"):
            ask()


def test_everything_survives_a_restart(tmp_path):
    path = tmp_path / "me.db"
    with opened(path) as me:
        fill(me)
        before = shown(me.recommend(n=10))
    with opened(path) as me:
        assert shown(me.recommend(n=10)) == before


# -- the graph beside the store -------------------------------------------------------------


@pytest.fixture
def large(tmp_path, monkeypatch):
    """A store large enough for a graph file, closed; and its list."""
    monkeypatch.setattr(live_graph, "SAVED_MIN", 500)
    path = tmp_path / "me.db"
    with opened(path) as me:
        me.record_many(community(4_000))
        befriend(me)
        found = shown(me.recommend(n=20))
    assert found
    return path, found


def graph_file(path):
    return path.with_name(path.name + ".graph")


def rebuilt(monkeypatch):
    """Count how often a graph is made from the store's interactions."""
    calls = []
    read = SqliteStore.interactions
    monkeypatch.setattr(SqliteStore, "interactions", lambda s: calls.append(1) or read(s))
    return calls


def test_a_saved_graph_gives_the_same_list_without_reading_the_interactions(large, monkeypatch):
    path, expected = large
    calls = rebuilt(monkeypatch)
    with opened(path) as me:
        assert shown(me.recommend(n=20)) == expected
        assert calls == []
        me.record("i0")
        me.record("brand new", author="p1")
        assert "brand new" in me.recommend(n=500).items
        fresh = shown(me.recommend(n=500))
    graph_file(path).unlink()
    with opened(path) as me:
        assert [item for item, _ in shown(me.recommend(n=500))] == [item for item, _ in fresh]
        assert calls == [1]


@pytest.mark.parametrize("at", [0, 9, 100, 5_000, -1])
def test_a_damaged_graph_file_is_made_anew(large, at, monkeypatch):
    path, expected = large
    content = bytearray(graph_file(path).read_bytes())
    content[at] ^= 0xFF
    graph_file(path).write_bytes(content)
    calls = rebuilt(monkeypatch)
    with opened(path) as me:
        assert shown(me.recommend(n=20)) == expected
    assert calls == [1]


@pytest.mark.parametrize("keep", [0, 3, 1_000])
def test_a_graph_file_cut_short_is_made_anew(large, keep):
    path, expected = large
    graph_file(path).write_bytes(graph_file(path).read_bytes()[:keep])
    with opened(path) as me:
        assert shown(me.recommend(n=20)) == expected


def test_a_graph_file_of_another_history_is_made_anew(large, tmp_path, monkeypatch):
    path, _ = large
    other = tmp_path / "other.db"
    with opened(other) as me:
        me.record_many(community(4_000, seed=1))
        befriend(me)
        expected = shown(me.recommend(n=20))
    graph_file(other).write_bytes(graph_file(path).read_bytes())
    with opened(other) as me:
        assert shown(me.recommend(n=20)) == expected


def test_a_graph_file_that_is_ahead_of_the_store_is_removed_for_good(large):
    path, _ = large
    ahead = graph_file(path).read_bytes()
    with sqlite3.connect(path) as lost:  # as after a power cut: the last trust is gone
        lost.execute("DELETE FROM trust WHERE target = (SELECT max(target) FROM trust)")
        lost.execute("UPDATE counters SET value = value - 1 WHERE name = 'trust'")
    lost.close()
    assert graph_file(path).read_bytes() == ahead
    with opened(path) as me:
        me.trust("p40")
        expected = shown(me.recommend(n=20))
    graph_file(path).unlink()
    with opened(path) as me:
        assert shown(me.recommend(n=20)) == expected


def test_another_user_of_the_same_store_gets_their_own_graph(large):
    path, mine = large
    with opened(path, me="p1") as me:
        me.trust("p2")
        assert shown(me.recommend(n=20)) != mine
    with opened(path) as me:
        assert shown(me.recommend(n=20)) == mine


def test_what_was_forgotten_is_not_in_the_graph_file(large):
    path, _ = large
    with opened(path) as me:
        me.forget("i3")
        assert not graph_file(path).exists()
        after = shown(me.recommend(n=20))
        assert "i3" not in [item for item, _ in after]
    with opened(path) as me:
        assert shown(me.recommend(n=20)) == after


def test_a_graph_that_cannot_be_saved_is_counted_and_harmless(large, monkeypatch):
    path, _ = large

    def refuse(*args, **kwargs):
        raise StoreError("no room")

    monkeypatch.setattr(live_graph, "write_snapshot", refuse)
    with opened(path) as me:
        me.record_many(["i1"] * 60_000)
        assert me.stats().snapshot_failures == 1
    with opened(path) as me:
        assert me.stats().interactions == 64_000


edits = st.lists(
    st.one_of(
        st.tuples(st.just("record"), st.integers(0, 4), st.integers(0, 7)),
        st.tuples(st.just("many"), st.integers(0, 4), st.integers(0, 7)),
        st.tuples(st.just("forget"), st.integers(0, 4), st.integers(0, 7)),
        st.tuples(st.just("look"), st.just(0), st.just(0)),
    ),
    max_size=25,
)


@settings(max_examples=60, deadline=None)
@given(edits)
def test_the_live_graph_equals_the_one_made_anew(script):
    store = MemoryStore()
    live = LiveGraph(store, "me")
    for kind, user, item in script:
        author = "me" if user == 0 else f"p{user}"
        if kind == "record":
            store.record(Interaction(author, f"i{item}", 1.0, NOW))
        elif kind == "many":
            rows = [
                Interaction(author, f"i{(item + k) % 9}", 2.0, NOW - 9e5 * k) for k in range(70)
            ]
            store.record_many(rows)
        elif kind == "forget":
            store.retract(author=author, item=f"i{item}")
        else:
            live.follow()
    anew = LiveGraph(store, "me")
    assert edges_of(live) == pytest.approx(edges_of(anew), rel=1e-4)


def edges_of(graph):
    matrix = graph.follow().matrix.tocoo()
    users, items = graph.users.interner, graph.items.interner
    return {
        f"{users[row]} {items[column]}": value
        for row, column, value in zip(*matrix.coords, matrix.data.tolist(), strict=True)
    }


# -- threads, bounds, tuning ----------------------------------------------------------------


def test_threads_record_and_ask_at_once_and_nothing_is_lost(tmp_path):
    errors = []
    with opened(tmp_path / "me.db") as me:
        fill(me)

        def work(number):
            try:
                for k in range(40):
                    me.record(f"t{number}:{k}", author="ann" if k % 2 else None)
                    if k % 10 == number:
                        me.recommend(n=5)
                        me.recommend_many(["ann", "bob"], n=3)
                        me.mute(f"t{number}:{k}")
                        me.stats()
            except Exception as error:
                errors.append(error)

        threads = [threading.Thread(target=work, args=(number,)) for number in range(5)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert errors == []
        assert me.stats().interactions == 14 + 5 * 40
    with opened(tmp_path / "me.db") as me:
        assert me.stats().interactions == 14 + 5 * 40
        # 20 of ann's from each of five threads, of which two muted four.
        assert len(me.recommend(n=1_000)) == 3 + 5 * 20 - 2 * 4


def test_what_is_older_than_the_window_goes(tmp_path):
    path = tmp_path / "me.db"
    with opened(path) as me:
        me.record("old", time=NOW - 40 * 86_400)
        me.record("new", time=NOW - 86_400)
    with opened(path, options=Options(tune=False, window_s=30 * 86_400.0)) as me:
        assert me.stats().interactions == 1
        me.record_many(["x", *[("older", 1.0, NOW - 50 * 86_400)] * 5_000])
        assert me.stats().interactions == 2


def test_tuning_runs_in_the_background_and_is_remembered(tmp_path):
    path = tmp_path / "me.db"
    ran = threading.Event()
    seen = []

    def tuner(task, out_of_time):
        seen.append((len(task.egos), task.interactions, out_of_time()))
        ran.set()
        return Choice(SalsaParameters(rounds=3), {"score": 0.5}, task.interactions, task.time)

    with opened(path, options=Options(), tuner=tuner) as me:
        fill(me)
        me.recommend(n=5)
        assert seen == []  # too little to learn from
        me.record_many([f"own{k}" for k in range(60)])
        me.recommend(n=5)
        assert ran.wait(10)
        wait_for(lambda: me.stats().tuned is not None)
        assert seen == [(3, 62, False)]
        me.recommend(n=5)
    assert len(seen) == 1
    with opened(path, options=Options(), tuner=tuner) as me:
        stats = me.stats()
        assert stats.walk["rounds"] == 3
        assert stats.tuned["evidence"] == {"score": 0.5}
        me.recommend(n=5)
        me.forget(everything=True)
        assert me.stats().tuned is None
        assert me.stats().walk["rounds"] == SalsaParameters().rounds
    assert len(seen) == 1


def wait_for(condition):
    for _ in range(1_000):
        if condition():
            return
        threading.Event().wait(0.01)
    raise AssertionError("it never came true")


def test_a_search_that_fails_is_counted_and_the_lists_go_on():
    def tuner(task, out_of_time):
        raise ValueError("broken")

    with opened(options=Options(), tuner=tuner) as me:
        fill(me)
        me.record_many([f"own{k}" for k in range(60)])
        me.recommend(n=5)
        wait_for(lambda: me.stats().tuning_failures == 1)
        assert me.recommend(n=5)


def test_closing_ends_a_search_that_is_under_way():
    started = threading.Event()

    def tuner(task, out_of_time):
        started.set()
        while not out_of_time():
            pass
        return Choice(SalsaParameters(rounds=3), {}, 1, NOW)

    me = opened(options=Options(tune_s=1e6), tuner=tuner)
    fill(me)
    me.record_many([f"own{k}" for k in range(60)])
    me.recommend(n=5)
    assert started.wait(10)
    me.close()


def test_the_search_of_the_library_chooses_on_the_own_last_interactions():
    with opened() as me:
        me.record_many(community(3_000))
        befriend(me)
        assert me.tune()
        tuned = me.stats().tuned
        assert tuned["evidence"]["score"] >= tuned["evidence"]["before"]
        assert tuned["evidence"]["egos"] == 20
        assert tuned["walk"] == me.stats().walk


def test_a_search_without_an_answer_is_not_repeated_for_a_day():
    moments, searches = [NOW], []

    def tuner(task, out_of_time):
        searches.append(task.time)

    with Recommender.in_memory(clock=lambda: moments[-1], tuner=tuner) as me:
        fill(me)
        me.record_many([f"own{k}" for k in range(60)])
        for moment, expected in ((NOW, 1), (NOW + 3_600, 1), (NOW + 86_400, 2)):
            moments.append(moment)
            me.recommend(n=5)
            wait_for(lambda expected=expected: len(searches) == expected and me._worker is None)


def test_an_item_listed_for_its_description_says_who_describes_it_and_how():
    with Recommender.in_memory(clock=lambda: 1e9) as me:
        for item in ("jazz:1", "jazz:2", "jazz:3"):
            me.record(item)
            me.record(item, author="ann")
            me.describe(item, tags=["jazz", "piano"], author="ann")
        me.record("jazz:4", author="ann")
        me.describe("jazz:4", tags=["jazz", "piano"], author="ann")
        me.trust("ann")
        me.describe("jazz:new", tags=["jazz", "piano"], author="ann")
        listed = {each.item: each for each in me.recommend(n=10)}
        reason = listed["jazz:new"].reasons[0]
        assert (reason.hub, set(reason.tags), reason.own_item) == ("ann", {"jazz", "piano"}, None)
        assert "describes jazz:new as" in reason.sentence("jazz:new")
        assert me.explain("jazz:new").reasons[0].tags


def test_rows_without_a_time_are_of_now():
    with Recommender.in_memory(clock=lambda: 1e9) as me:
        me.record_many([Interaction("me", "a"), Interaction("ann", "a"), Interaction("ann", "b")])
        me.trust_many([TrustEdge("me", "ann")])
        assert [each.item for each in me.recommend(n=10)] == ["b"]
