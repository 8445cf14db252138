"""A daemon searches for better parameters by itself, and no oftener than is worth it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator

import pytest

from peerrec.facade.self_tuning import OWN_MIN, Choice
from peerrec.ranking.salsa import SalsaParameters
from peerrec.recommender import Recommender
from peerrec_node.background_tuning import BackgroundTuning
from peerrec_node.settings.schema import RankingSection

CHOICE = Choice(SalsaParameters(rounds=3), {"score": 0.5}, interactions=OWN_MIN, time=60.0)


@pytest.fixture
def me() -> Iterator[Recommender]:
    with Recommender.in_memory(clock=lambda: 1e9) as found:
        found.trust("ann")
        for author in (None, "ann"):
            for number in range(OWN_MIN):
                found.record(f"track:{number}", author=author, time=1e9 - 60.0 * number)
        yield found


def tuning(me: Recommender, heard: list[str], **settings) -> BackgroundTuning:
    def search(task, out_of_time):
        heard.append(threading.current_thread().name)
        return CHOICE

    return BackgroundTuning(
        me, lambda: RankingSection(**settings), lambda: heard.append("chosen"), search
    )


def test_a_search_that_is_due_runs_in_a_thread_and_its_choice_counts(me):
    heard: list[str] = []
    each = tuning(me, heard)
    assert asyncio.run(each.search_if_due())
    thread, told = heard
    assert thread != threading.current_thread().name
    assert told == "chosen"
    assert me.stats().tuned["walk"]["rounds"] == 3
    assert not asyncio.run(each.search_if_due())  # not before tomorrow
    assert each.searches == 1


def test_who_wants_none_has_none(me):
    heard: list[str] = []
    assert not asyncio.run(tuning(me, heard, auto_tune=False).search_if_due())
    assert heard == []


def test_what_is_found_when_the_daemon_ends_does_not_count(me):
    heard: list[str] = []
    each = tuning(me, heard)

    async def scenario() -> bool:
        async with each.going():
            pass
        return await each.search_if_due()

    assert not asyncio.run(scenario())
    assert me.stats().tuned is None


def test_a_real_search_ends_in_its_time_with_a_choice(me):
    settings = RankingSection(tune_s=0.001)
    each = BackgroundTuning(me, lambda: settings, lambda: None)
    asyncio.run(each.search_if_due())
    assert each.searches == 1
