"""Lists are computed off the loop, once for all who ask, and never shown after an own change."""

from __future__ import annotations

import asyncio
import json
import threading
import time

import pytest

from peerrec.errors import UnknownItem
from peerrec.limits import API_LISTS_CACHED_MAX
from peerrec.recommender import Recommender
from peerrec.store.memory import MemoryStore
from peerrec_node.api import lists
from peerrec_node.api.lists import ListQuestion, Lists

QUESTION = ListQuestion(5, 0.0)


def community() -> tuple[Recommender, MemoryStore]:
    store = MemoryStore()
    me = Recommender(store, clock=lambda: 1e9)
    me.trust("ann")
    for author, item in (("me", "a"), ("ann", "a"), ("ann", "b")):
        me.record(item, author=author)
    return me, store


def write(found, version: int, cached: bool) -> bytes:
    return json.dumps({"items": found.items, "version": version, "cached": cached}).encode()


def items(answer: bytes | None) -> list[str]:
    assert answer is not None
    return json.loads(answer)["items"]


def cached(answer: bytes) -> bool:
    return json.loads(answer)["cached"]


def lived(scenario) -> None:
    async def run() -> None:
        me, store = community()
        found = Lists(me, store, write)
        try:
            await scenario(me, found)
        finally:
            await found.close()

    asyncio.run(run())


async def until(condition) -> None:
    end = time.monotonic() + 20.0
    while not condition():
        assert time.monotonic() < end, "it never came true"
        await asyncio.sleep(0)


@pytest.fixture
def no_pause(monkeypatch):
    """Lets lists be renewed as soon as they are outdated."""
    monkeypatch.setattr(lists, "SETTLE_S", 0.0)
    monkeypatch.setattr(lists, "SHARE", 1e12)


def test_who_asks_at_once_shares_one_computation():
    async def scenario(me, found):
        answers = await asyncio.gather(*(found.get(QUESTION) for _ in range(50)))
        assert {items(each)[0] for each in answers} == {"b"}
        assert found.computed == 1

    lived(scenario)


def test_lists_are_computed_in_one_other_thread():
    async def scenario(me, found):
        seen = await found.compute(lambda still: threading.current_thread())
        assert seen is not threading.main_thread()
        assert seen is await found.compute(lambda still: threading.current_thread())

    lived(scenario)


def test_what_was_computed_is_remembered_for_any_thread():
    async def scenario(me, found):
        assert found.at_once(QUESTION) is None
        assert not cached(await found.get(QUESTION))
        again = await asyncio.to_thread(found.at_once, QUESTION)
        assert cached(again)
        assert (items(again), found.computed, found.hits) == (["b"], 1, 1)
        assert cached(await found.get(QUESTION))

    lived(scenario)


def test_an_own_change_is_never_answered_from_memory():
    async def scenario(me, found):
        await found.get(QUESTION)
        me.mute("b")
        found.changed()
        assert found.at_once(QUESTION) is None
        assert found.last(QUESTION) is None
        answer = await found.get(QUESTION)
        assert not cached(answer)
        assert items(answer) == []

    lived(scenario)


def test_who_did_something_is_never_answered_with_what_was_begun_before():
    async def scenario(me, found):
        begun = asyncio.ensure_future(found.get(QUESTION))
        await until(found._turn.locked)
        me.mute("b")
        found.changed()
        assert items(await found.get(QUESTION)) == []
        await begun
        assert items(found.at_once(QUESTION)) == []

    lived(scenario)


def test_news_of_peers_cost_one_computation_each_pause():
    async def scenario(me, found):
        await found.get(QUESTION)
        for number in range(20):
            me.record(f"news {number}", author="ann")
            found.look()
            assert cached(found.at_once(QUESTION))
        assert found.computed == 1

    lived(scenario)


def test_who_was_shown_an_outdated_list_is_told_of_the_next(no_pause):
    async def scenario(me, found):
        await found.get(QUESTION)
        me.record("news", author="ann")
        found.look()
        assert items(found.at_once(QUESTION)) == ["b"]
        await until(lambda: found.renewed == 1)
        assert set(items(found.at_once(QUESTION))) == {"b", "news"}
        assert found.computed == 2

    lived(scenario)


def test_a_list_that_was_outdated_for_long_is_not_shown(no_pause, monkeypatch):
    async def scenario(me, found):
        await found.get(QUESTION)
        me.record("news", author="ann")
        found.look()
        monkeypatch.setattr(lists, "SHOW_S", 0.0)
        assert found.at_once(QUESTION) is None
        assert items(found.last(QUESTION)) == ["b"]
        assert set(items(await found.get(QUESTION))) == {"b", "news"}

    lived(scenario)


def test_changes_that_nobody_tells_of_are_looked_for_while_lists_are_shown(no_pause, monkeypatch):
    async def scenario(me, found):
        await found.get(QUESTION)
        me.record("news", author="ann")
        monkeypatch.setattr(lists, "LOOK_S", 0.0)
        await until(lambda: "news" in items(found.at_once(QUESTION)))

    lived(scenario)


def test_all_lists_are_made_of_one_view():
    async def scenario(me, found):
        seen = []
        for number in range(5):
            await found.compute(seen.append)
            me.record(f"news {number}", author="ann")
            found.look()
        assert len(set(map(id, seen))) == 1
        found.changed()
        await found.compute(seen.append)
        assert len(set(map(id, seen))) == 2

    lived(scenario)


def test_a_failure_reaches_who_asked_and_is_not_remembered():
    async def scenario(me, found):
        question = ListQuestion(5, 0.0, "z")
        with pytest.raises(UnknownItem):
            await found.get(question)
        me.record("z", author="ann")
        found.changed()
        assert await found.get(question) is not None

    lived(scenario)


def test_so_many_lists_are_kept_and_no_more():
    async def scenario(me, found):
        for n in range(1, API_LISTS_CACHED_MAX + 3):
            await found.get(ListQuestion(n, 0.0))
            found.at_once(ListQuestion(1, 0.0))
        assert len(found._kept) == API_LISTS_CACHED_MAX
        assert found.at_once(ListQuestion(1, 0.0)) is not None  # was used, the next was not
        assert found.at_once(ListQuestion(2, 0.0)) is None

    lived(scenario)
