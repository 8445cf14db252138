"""Lists are computed off the loop, once for all who ask, and never shown after an own change."""

from __future__ import annotations

import asyncio
import threading

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


def lived(scenario) -> None:
    async def run() -> None:
        me, store = community()
        found = Lists(me, store)
        try:
            await scenario(me, found)
        finally:
            await found.close()

    asyncio.run(run())


def test_who_asks_at_once_shares_one_computation():
    async def scenario(me, found):
        answers = await asyncio.gather(*(found.get(QUESTION) for _ in range(50)))
        assert {listed.found.items[0] for listed, _ in answers} == {"b"}
        assert found.computed == 1

    lived(scenario)


def test_lists_are_computed_in_one_other_thread():
    async def scenario(me, found):
        seen = await found.compute(lambda still: threading.current_thread())
        assert seen is not threading.main_thread()
        assert seen is await found.compute(lambda still: threading.current_thread())

    lived(scenario)


def test_an_own_change_is_never_answered_from_memory():
    async def scenario(me, found):
        await found.get(QUESTION)
        me.mute("b")
        found.changed()
        listed, cached = await found.get(QUESTION)
        assert not cached
        assert listed.found.items == []

    lived(scenario)


def test_an_own_change_while_a_list_is_computed_makes_that_list_outdated():
    async def scenario(me, found):
        begun = asyncio.ensure_future(found.get(QUESTION))
        while not found._turn.locked():
            await asyncio.sleep(0)
        me.mute("b")
        found.changed()
        await begun
        assert (await found.get(QUESTION))[0].found.items == []

    lived(scenario)


def test_news_of_peers_cost_one_computation_each_pause(monkeypatch):
    async def scenario(me, found):
        await found.get(QUESTION)
        for number in range(20):
            me.record(f"news {number}", author="ann")
            assert (await found.get(QUESTION))[1]
        assert found.computed == 1
        monkeypatch.setattr(lists, "SETTLE_S", 0.0)
        monkeypatch.setattr(lists, "SHARE", 1e12)  # every pause is over
        listed, cached = await found.get(QUESTION)
        assert not cached
        assert len(listed.found) == 5
        assert found.computed == 2

    lived(scenario)


def test_a_failure_reaches_who_asked_and_is_not_remembered():
    async def scenario(me, found):
        question = ListQuestion(5, 0.0, "z")
        with pytest.raises(UnknownItem):
            await found.get(question)
        me.record("z", author="ann")
        found.changed()
        assert (await found.get(question))[0] is not None

    lived(scenario)


def test_so_many_lists_are_kept_and_no_more():
    async def scenario(me, found):
        for n in range(1, API_LISTS_CACHED_MAX + 3):
            await found.get(ListQuestion(n, 0.0))
        assert len(found._kept) == API_LISTS_CACHED_MAX

    lived(scenario)
