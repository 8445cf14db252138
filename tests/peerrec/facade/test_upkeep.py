"""Who shares a recommender's store can hold it to a size and have it tuned."""

from __future__ import annotations

import pytest

from peerrec.errors import ConfigError
from peerrec.facade.options import Options
from peerrec.facade.self_tuning import OWN_MIN, Choice
from peerrec.limits import STORE_BYTES_MIN
from peerrec.ranking.salsa import SalsaParameters
from peerrec.recommender import Recommender

NOW = 1e9


def test_a_smaller_bound_removes_the_oldest_at_once(tmp_path):
    options = Options(size_bytes_max=None, tune=False)
    with Recommender.open(tmp_path / "me.db", options=options, clock=lambda: NOW) as me:
        rows = [(f"track:{at}", 1.0, NOW - 60.0 * at) for at in range(20_000)]
        me.record_many(rows)
        me.upkeep().bound(STORE_BYTES_MIN)
        left = me.stats().interactions
        assert 0 < left < 20_000
        assert me.similar("track:0").items == []  # the newest is still known
        me.upkeep().bound(None)
        assert me.stats().interactions == left
        with pytest.raises(ConfigError, match="size_bytes_max"):
            me.upkeep().bound(1)


def test_a_search_is_due_until_one_was_made():
    with Recommender.in_memory(options=Options(tune=False), clock=lambda: NOW) as me:
        for number in range(OWN_MIN):
            me.record(f"track:{number}", time=NOW - 60.0 * number)
        task = me.upkeep().due_search()
        assert task is not None
        assert task.interactions == OWN_MIN
        me.upkeep().choose(Choice(SalsaParameters(rounds=3), {}, OWN_MIN, NOW))
        assert me.upkeep().due_search() is None
        assert me.stats().walk["rounds"] == 3
