"""Claim what every store promises; inherit it to test one of your own.

Example:
    >>> from peerrec.store.memory import MemoryStore
    >>> class TestMemoryStore(StoreContract):
    ...     def make_store(self, folder):
    ...         return MemoryStore()
    >>> TestMemoryStore().test_recorded_interactions_come_back_in_order(None)
"""

# ruff: noqa: D102  (a test's name is its claim)

from __future__ import annotations

import math
from abc import abstractmethod
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from peerrec.errors import ConfigError, DataError, StoreError
from peerrec.limits import CLOCK_SKEW_S, ID_BYTES_MAX, STORE_BYTES_MIN, WEIGHT_MAX
from peerrec.store import (
    Description,
    Interaction,
    Mark,
    Marked,
    RawId,
    Store,
    TrustEdge,
)
from peerrec.testing.log_contract import LogContract, rows_of

__all__ = ["StoreContract", "plays", "rows_of"]

NOW = 1_700_000_040.0  # a whole minute
DAY_S = 86_400.0

BAD_WEIGHTS = [math.nan, math.inf, -math.inf, -1.0, 0.0, 2 * WEIGHT_MAX, 1e-60, "1", True, None]
BAD_TIMES = [math.nan, math.inf, -1.0, NOW + CLOCK_SKEW_S + 1, 1e13, "now", None]
BAD_IDS = ["", b"", "x" * (ID_BYTES_MAX + 1), "é" * ID_BYTES_MAX, "\ud800", 7, None, ("x",)]


def plays(n_rows: int, author: RawId = "me", start: float = NOW) -> list[Interaction]:
    """Return plays of a few hundred items, one a minute from ``start`` on."""
    return [
        Interaction(author, f"track:{k % 300}", float(1 + k % 5), start + 60.0 * k, k % 2 == 0)
        for k in range(n_rows)
    ]


class StoreContract(LogContract):
    """Inherit, say how to make an empty store, and run with pytest."""

    @abstractmethod
    def make_store(self, folder: Path) -> Store:
        """Return an empty store; what it needs on disk belongs into the folder."""

    def test_recorded_interactions_come_back_in_order(self, tmp_path: Path) -> None:
        store = self.make_store(tmp_path)
        rows = plays(10)
        for row in rows:
            store.record(row)
        assert rows_of(store) == rows
        store.close()

    def test_a_large_batch_between_single_records_keeps_its_order(self, tmp_path: Path) -> None:
        store = self.make_store(tmp_path)
        rows = plays(10_000)
        for row in rows[:5]:
            store.record(row)
        assert store.record_many(rows[5:9_990]) == 9_985
        for row in rows[9_990:]:
            store.record(row)
        assert rows_of(store) == rows
        assert store.size().interactions == 10_000
        store.close()

    def test_columns_have_the_promised_types(self, tmp_path: Path) -> None:
        store = self.make_store(tmp_path)
        for _ in range(2):
            columns = store.interactions()
            assert columns.author.dtype == columns.item.dtype == np.int32
            assert columns.weight.dtype == np.float32
            assert columns.time.dtype == np.float64
            assert columns.public.dtype == np.bool_
            store.record_many(plays(5_000))
        store.close()

    def test_text_and_bytes_of_the_same_letters_are_two_ids(self, tmp_path: Path) -> None:
        store = self.make_store(tmp_path)
        rows = [
            Interaction("a", "x", 1.0, 60.0),
            Interaction(b"a", b"x", 1.0, 60.0),
            Interaction("a\0b", "é✓", 1.0, 60.0),
            Interaction(b"\xff\x00", b"x" * ID_BYTES_MAX, 1.0, 60.0),
        ]
        for row in rows:
            store.record(row)
        assert rows_of(store) == rows
        store.close()

    def test_times_are_kept_to_the_minute_and_weights_as_float32(self, tmp_path: Path) -> None:
        store = self.make_store(tmp_path)
        store.record(Interaction("me", "x", 0.1, 119.9))
        assert rows_of(store) == [Interaction("me", "x", float(np.float32(0.1)), 60.0)]
        store.close()

    @pytest.mark.parametrize("weight", BAD_WEIGHTS)
    def test_a_bad_weight_is_refused_and_named(self, tmp_path: Path, weight: Any) -> None:
        self.refused(tmp_path, Interaction("me", "x", weight, NOW), "weight")

    @pytest.mark.parametrize("time", BAD_TIMES)
    def test_a_bad_time_is_refused_and_named(self, tmp_path: Path, time: Any) -> None:
        self.refused(tmp_path, Interaction("me", "x", 1.0, time), "time")

    @pytest.mark.parametrize("bad", BAD_IDS)
    def test_a_bad_id_is_refused_and_named(self, tmp_path: Path, bad: Any) -> None:
        self.refused(tmp_path, Interaction("me", bad, 1.0, NOW), "item id")
        self.refused(tmp_path, Interaction(bad, "x", 1.0, NOW), "author id")

    def refused(self, folder: Path, row: Interaction, named: str) -> None:
        """Assert that a row is refused, alone and within a batch that is lost whole."""
        store = self.make_store(folder)
        if not store.size().interactions:
            store.record(Interaction("me", "kept", 1.0, NOW))
        before = rows_of(store)
        with pytest.raises(DataError, match=named):
            store.record(row, now=NOW)
        with pytest.raises(DataError, match=named):
            store.record_many([*plays(3, start=0.0), row], now=NOW)
        assert rows_of(store) == before
        store.close()

    def test_a_time_ahead_within_the_skew_is_taken(self, tmp_path: Path) -> None:
        store = self.make_store(tmp_path)
        store.record(Interaction("me", "x", 1.0, NOW + CLOCK_SKEW_S), now=NOW)
        assert store.size().interactions == 1
        store.close()

    def test_changes_since_a_cursor_are_what_was_recorded_since(self, tmp_path: Path) -> None:
        store = self.make_store(tmp_path)
        rows = plays(9_000)
        start = store.cursor()
        at = 0
        for n_rows in (1, 3, 4_092, 4_095, 7, 0, 800):
            cursor = store.cursor()
            store.record_many(rows[at : at + n_rows])
            changes = store.changes(cursor)
            assert changes is not None
            assert rows_of(store, changes) == rows[at : at + n_rows]
            assert changes.cursor == store.cursor()
            at += n_rows
        everything = store.changes(start)
        assert everything is not None
        assert rows_of(store, everything) == rows[:at]
        store.close()

    def test_a_cursor_from_before_a_removal_is_refused(self, tmp_path: Path) -> None:
        store = self.make_store(tmp_path)
        store.record_many(plays(5_000))
        before = store.cursor()
        assert store.retract(item="track:7") == 17
        assert store.changes(before) is None
        after = store.cursor()
        store.record(Interaction("me", "new", 1.0, NOW))
        changes = store.changes(after)
        assert changes is not None
        assert rows_of(store, changes) == [Interaction("me", "new", 1.0, NOW)]
        store.close()

    def test_removing_nothing_keeps_cursors_valid(self, tmp_path: Path) -> None:
        store = self.make_store(tmp_path)
        store.record_many(plays(10))
        before = store.cursor()
        assert store.retract(item="never heard") == 0
        assert store.prune(NOW, window_s=DAY_S).interactions == 0
        assert store.cursor() == before
        store.close()

    def test_retracting_meets_all_conditions(self, tmp_path: Path) -> None:
        store = self.make_store(tmp_path)
        rows = [*plays(6_000, "me"), *plays(6_000, "mia")]
        store.record_many(rows)
        assert store.retract(author="mia", item="track:1", before=NOW + 60 * 1_000) == 4
        rows = [
            row
            for row in rows
            if not (row.author == "mia" and row.item == "track:1" and row.time < NOW + 60_000)
        ]
        assert rows_of(store) == rows
        assert store.retract(before=NOW + 600) == 19
        assert store.retract(author="me") == 5_990
        assert rows_of(store) == [r for r in rows if r.author == "mia" and r.time >= NOW + 600]
        with pytest.raises(ConfigError, match="clear"):
            store.retract()
        store.close()

    def test_a_removed_name_is_gone_and_its_code_never_comes_back(self, tmp_path: Path) -> None:
        store = self.make_store(tmp_path)
        store.record_many([Interaction("me", "x", 1.0, NOW), Interaction("me", "y", 1.0, NOW)])
        last = int(store.items().codes[-1])
        store.retract(item="y")
        assert store.items().ids == ["x"]
        store.record(Interaction("me", "z", 1.0, NOW))
        assert store.items().codes.tolist()[-1] > last
        assert store.items(after=last).ids == ["z"]
        every = dict(zip(store.items().codes.tolist(), store.items().ids, strict=True))
        turned = [*reversed(every), *every]
        assert store.item_names(turned) == [every[code] for code in turned]
        with pytest.raises(DataError, match="no name"):
            store.item_names([*every, last])
        store.close()

    def test_forgetting_an_item_leaves_nothing_of_it(self, tmp_path: Path) -> None:
        store = self.make_store(tmp_path)
        store.record_many(plays(600))
        store.mark(Mark.LESS_LIKE, "track:1", time=NOW)
        store.describe(Description("track:1", "me", "One"))
        assert store.forget_item("track:1") == 2
        assert "track:1" not in store.items().ids
        assert store.marks() == []
        assert store.descriptions() == []
        store.close()

    def test_forgetting_a_peer_leaves_nothing_but_a_block(self, tmp_path: Path) -> None:
        store = self.make_store(tmp_path)
        store.record_many([*plays(5, "eve"), *plays(3, "me")])
        store.trust_many([TrustEdge("me", "eve"), TrustEdge("eve", "bob"), TrustEdge("me", "bob")])
        store.describe(Description("track:1", "eve", "Eve's"))
        store.mark(Mark.BLOCK, "eve", time=NOW)
        assert store.forget_peer("eve") == 5
        assert rows_of(store) == plays(3, "me")
        assert len(store.trust_edges()) == 1
        assert store.descriptions() == []
        assert store.marks() == [Marked(Mark.BLOCK, "eve", NOW)]
        store.close()

    def test_clearing_forgets_everything(self, tmp_path: Path) -> None:
        store = self.make_store(tmp_path)
        store.record_many(plays(5_000))
        store.trust(TrustEdge("me", "mia"))
        store.mark(Mark.MUTE_ITEM, "track:1", time=NOW)
        store.describe(Description("track:2", "mia", "Two"))
        store.set_setting("tuned", b"1")
        store.clear()
        assert not any(store.size()[1:])
        assert store.setting("tuned") is None
        assert store.marks() == []
        store.record(Interaction("me", "x", 1.0, NOW))
        assert rows_of(store) == [Interaction("me", "x", 1.0, NOW)]
        store.close()

    def test_trust_is_set_replaced_and_removed(self, tmp_path: Path) -> None:
        store = self.make_store(tmp_path)
        before = store.cursor()
        store.trust_many([TrustEdge("me", "mia", 0.5, NOW), TrustEdge("me", "eve", -1.0, NOW)])
        store.trust(TrustEdge("me", "mia", 0.25, NOW + 60), now=NOW + 60)
        edges = store.trust_edges()
        assert edges.weight.tolist() == [0.25, -1.0]
        assert edges.time.tolist() == [NOW + 60, NOW]
        peers = store.peers()
        assert [peers.ids[at] for at in peers.positions(edges.target)] == ["mia", "eve"]
        store.trust(TrustEdge("mia", "eve", 1.0, NOW))
        mia, eve = TrustEdge("me", "mia", 0.25, NOW + 60), TrustEdge("me", "eve", -1.0, NOW)
        assert store.trust_of("me") == [mia, eve]
        assert store.trust_of("eve") == store.trust_of("unknown") == []
        store.trust(TrustEdge("mia", "eve", 0.0))
        store.trust(TrustEdge("me", "mia", 0.0))
        store.trust(TrustEdge("nobody", "knows", 0.0))
        assert len(store.trust_edges()) == 1
        assert store.cursor().trust > before.trust
        store.close()

    @pytest.mark.parametrize("weight", [1.5, -1.5, math.nan, "much"])
    def test_bad_trust_is_refused_whole(self, tmp_path: Path, weight: Any) -> None:
        store = self.make_store(tmp_path)
        with pytest.raises(DataError, match="trust"):
            store.trust_many([TrustEdge("me", "mia"), TrustEdge("me", "eve", weight)])
        with pytest.raises(DataError, match="itself"):
            store.trust(TrustEdge("me", "me"))
        assert len(store.trust_edges()) == 0
        store.close()

    def test_marks_are_kept_apart_and_taken_back(self, tmp_path: Path) -> None:
        store = self.make_store(tmp_path)
        store.mark(Mark.MUTE_PEER, "eve", time=NOW + 60)
        store.mark(Mark.BLOCK, "eve", time=NOW)
        store.mark(Mark.MUTE_ITEM, "eve", time=NOW + 120)
        store.mark(Mark.BLOCK, "eve", time=NOW - 600)
        assert store.marks() == [
            Marked(Mark.BLOCK, "eve", NOW),
            Marked(Mark.MUTE_PEER, "eve", NOW + 60),
            Marked(Mark.MUTE_ITEM, "eve", NOW + 120),
        ]
        assert store.unmark(Mark.MUTE_PEER, "eve")
        assert not store.unmark(Mark.MUTE_PEER, "eve")
        assert not store.unmark(Mark.LESS_LIKE, "unheard of")
        assert len(store.marks()) == 2
        store.close()

    def test_an_author_describes_an_item_once(self, tmp_path: Path) -> None:
        store = self.make_store(tmp_path)
        first = Description("x", "label", "X", ("soul", "live"), "https://x", "urn:x", NOW)
        other = Description("x", "mia", "x!", (), "", "", NOW + 60)
        store.describe(first._replace(title="before"))
        store.describe(other)
        store.describe(first, now=NOW)
        store.describe(first._replace(item="y", time=NOW + 120))
        assert store.descriptions("x") == [first, other]
        assert len(store.descriptions()) == 3
        assert store.descriptions("unheard of") == []
        store.close()

    @pytest.mark.parametrize(
        "fault",
        [{"title": "x" * 600}, {"tags": ("t",) * 40}, {"tags": "soul"}, {"link": 5}, {"time": -1}],
    )
    def test_a_bad_description_is_refused(self, tmp_path: Path, fault: dict[str, Any]) -> None:
        store = self.make_store(tmp_path)
        with pytest.raises(DataError):
            store.describe(Description("x", "me")._replace(**fault))
        assert store.descriptions() == []
        store.close()

    def test_settings_are_bytes_under_a_key(self, tmp_path: Path) -> None:
        store = self.make_store(tmp_path)
        store.set_setting("a", b"\0\xff")
        store.set_setting("a", b"2")
        store.set_setting("b", b"")
        assert (store.setting("a"), store.setting("b"), store.setting("c")) == (b"2", b"", None)
        store.set_setting("a", None)
        assert store.setting("a") is None
        with pytest.raises(DataError, match="bytes"):
            store.set_setting("a", "text")  # type: ignore[arg-type]
        store.close()

    def test_pruning_drops_what_is_older_than_the_window(self, tmp_path: Path) -> None:
        store = self.make_store(tmp_path)
        old, new = plays(5_000, start=NOW - 90 * DAY_S), plays(50)
        store.record_many([*old, *new])
        store.describe(Description("track:1", "me", "One", time=NOW - 60 * DAY_S))
        pruned = store.prune(NOW, window_s=30 * DAY_S)
        assert (pruned.interactions, pruned.descriptions) == (5_000, 1)
        assert rows_of(store) == new
        store.close()

    def test_pruning_to_a_size_drops_the_oldest_and_no_more(self, tmp_path: Path) -> None:
        store = self.make_store(tmp_path)
        rng = np.random.default_rng(1)
        minutes = rng.permutation(40_000)
        rows = [
            Interaction("me", f"track:{k % 9_000}", 1.0, NOW + 60.0 * minute)
            for k, minute in enumerate(minutes.tolist())
        ]
        store.record_many(rows)
        size_bytes_max = max(STORE_BYTES_MIN, int(0.7 * store.size().size_bytes))
        pruned = store.prune(NOW, size_bytes_max=size_bytes_max)
        assert 0.9 * size_bytes_max <= pruned.size_bytes <= size_bytes_max
        assert pruned.size_bytes == store.size().size_bytes
        horizon = NOW + 60.0 * pruned.interactions
        assert rows_of(store) == [row for row in rows if row.time >= horizon]
        with pytest.raises(ConfigError, match="size_bytes_max"):
            store.prune(NOW, size_bytes_max=1)
        store.close()

    def test_a_closed_store_says_so(self, tmp_path: Path) -> None:
        store = self.make_store(tmp_path)
        store.close()
        store.close()
        with pytest.raises(StoreError, match="closed"):
            store.record(Interaction("me", "x", 1.0, NOW))
        with pytest.raises(StoreError, match="closed"):
            store.interactions()
