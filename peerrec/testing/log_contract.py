"""Claim what every store promises of signed logs and of what they bring.

`peerrec.testing.StoreContract` inherits these claims; nobody else needs to.
"""

# ruff: noqa: D102  (a test's name is its claim)

from __future__ import annotations

from abc import ABC, abstractmethod
from itertools import permutations
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from peerrec.errors import DataError, StoreError
from peerrec.limits import MINUTE_S, SEGMENT_BYTES_MAX, SEQ_MAX, STORE_BYTES_MIN
from peerrec.store import (
    Description,
    Interaction,
    InteractionColumns,
    Mark,
    Marked,
    ProofRow,
    SegmentRow,
    Store,
    TrustEdge,
)

__all__ = ["LogContract", "contents", "rows_of", "segments"]

MINUTE = 28_333_334
NOW = MINUTE * MINUTE_S
DAY_MINUTES = 1_440
ANN, EVE = b"a" * 32, b"e" * 32
PROOF = ProofRow(ANN, 7, 5, MINUTE, b"evidence")

BAD_SEGMENTS = [
    {"author": "ann"},
    {"author": b""},
    {"epoch": -1},
    {"epoch": 1 << 32},
    {"seq": SEQ_MAX + 1},
    {"seq": 1.0},
    {"id": b"short"},
    {"kind": 256},
    {"minute": -1},
    {"ttl_days": 1 << 16},
    {"frame": b""},
    {"frame": bytes(SEGMENT_BYTES_MAX + 1)},
    {"frame": "text"},
]
BAD_PARTS: list[dict[str, Any]] = [
    {"segments": [SegmentRow(ANN, 7, 9, b"short", 1, MINUTE, 90, b"x")]},
    {"interactions": [Interaction(ANN, "x", -1.0, NOW)]},
    {"edges": [TrustEdge(ANN, ANN)]},
    {"descriptions": [Description("", ANN)]},
    {"retractions": [(ANN, "", NOW)]},
    {"proofs": [PROOF._replace(seq=-1)]},
    {"settings": [("key", "text")]},
    {"marks": [Marked(Mark.FORKED, ANN, -1.0)]},
]


def rows_of(store: Store, columns: InteractionColumns | None = None) -> list[Interaction]:
    """Return interactions with their raw ids, all of a store's by default."""
    chosen = store.interactions() if columns is None else columns
    peers, items = store.peers(), store.items()
    authors = [peers.ids[at] for at in peers.positions(chosen.author)]
    subjects = [items.ids[at] for at in items.positions(chosen.item)]
    values = (chosen.weight.tolist(), chosen.time.tolist(), chosen.public.tolist())
    return [Interaction(*row) for row in zip(authors, subjects, *values, strict=True)]


def segments(
    n_rows: int, author: bytes = ANN, first: int = 0, minute: int = MINUTE, size: int = 40
) -> list[SegmentRow]:
    """Return segments of one log, one a minute."""
    return [
        SegmentRow(
            author, 7, seq, seq.to_bytes(32, "big"), 1, minute + at, 90, bytes((seq % 251,)) * size
        )
        for at, seq in enumerate(range(first, first + n_rows))
    ]


def contents(store: Store) -> list[object]:
    """Return all that a store tells, for comparing."""
    edges, peers = store.trust_edges(), store.peers()
    sources = [peers.ids[at] for at in peers.positions(edges.source)]
    targets = [peers.ids[at] for at in peers.positions(edges.target)]
    held = list(store.segments.index().rows())
    return [
        rows_of(store),
        list(zip(sources, targets, edges.weight.tolist(), edges.time.tolist(), strict=True)),
        store.descriptions(),
        store.marks(),
        held,
        store.segments.frames(row[:3] for row in held),
        store.segments.proofs(),
        store.segments.last_arrival,
        store.segments.size_bytes(),
        store.setting("key"),
    ]


class LogContract(ABC):
    """Claims of signed logs; see `peerrec.testing.StoreContract`."""

    @abstractmethod
    def make_store(self, folder: Path) -> Store:
        """Return an empty store; what it needs on disk belongs into the folder."""

    def test_segments_come_back_by_key(self, tmp_path: Path) -> None:
        store = self.make_store(tmp_path)
        rows = [*segments(5), *segments(5, EVE)]
        assert store.segments.add_many(rows) == 1
        for row in rows:
            assert store.segments.frame(row.author, row.epoch, row.seq) == row.frame
        assert store.segments.frame(ANN, 8, 0) is None
        assert store.segments.frame(b"unheard", 7, 0) is None
        keys = [(EVE, 7, 4), (EVE, 7, 5), (ANN, 7, 0)]
        assert store.segments.frames(keys) == [rows[9].frame, None, rows[0].frame]
        assert store.segments.count() == store.size().segments == 10
        assert store.segments.size_bytes() == 400
        assert not store.was_restored
        store.close()

    def test_the_index_tells_all_but_the_frames_in_order_of_arrival(self, tmp_path: Path) -> None:
        store = self.make_store(tmp_path)
        assert len(store.segments.index()) == 0
        assert list(store.segments.index().rows()) == []
        rows = [*segments(3, EVE), *segments(4)]
        rows.append(SegmentRow(ANN, (1 << 32) - 1, SEQ_MAX, b"\xff" * 32, 255, MINUTE, 90, b"x"))
        store.segments.add_many(rows)
        index = store.segments.index()
        assert list(index.rows()) == [
            (*row[:6], len(row.frame), arrival) for arrival, row in enumerate(rows, 1)
        ]
        assert index.ttl_days.tolist() == [90] * 8
        assert [column.dtype for column in (index.author, index.epoch, index.seq, index.id)] == [
            np.int32, np.uint32, np.int64, np.uint8,
        ]  # fmt: skip
        assert index.id.shape == (8, 32)
        store.close()

    def test_arrival_numbers_are_never_given_twice(self, tmp_path: Path) -> None:
        store = self.make_store(tmp_path)
        assert store.segments.last_arrival == 0
        assert store.segments.add_many(segments(3)) == 1
        assert store.segments.add_many([]) == 4
        assert store.segments.remove(row[:3] for row in segments(5)) == 3
        assert store.segments.removals == 3
        assert store.segments.last_arrival == 3
        assert store.segments.add_many(segments(2)) == 4
        assert store.segments.index().arrival.tolist() == [4, 5]
        store.close()

    def test_a_segment_with_a_known_key_takes_the_others_place(self, tmp_path: Path) -> None:
        store = self.make_store(tmp_path)
        first, second = segments(2)
        third = first._replace(frame=b"another", id=b"3" * 32)
        store.segments.add_many([first, second])
        assert store.segments.size_bytes() == 80
        assert store.segments.add_many([third]) == 3
        assert store.segments.frame(*first[:3]) == b"another"
        assert store.segments.index().arrival.tolist() == [2, 3]
        assert store.segments.size_bytes() == 47
        assert store.segments.add_many([first, second, third]) == 4
        assert store.segments.index().arrival.tolist() == [5, 6]
        assert store.segments.size_bytes() == 47
        store.close()

    @pytest.mark.parametrize("fault", BAD_SEGMENTS)
    def test_a_bad_segment_is_refused_with_its_batch(
        self, tmp_path: Path, fault: dict[str, Any]
    ) -> None:
        store = self.make_store(tmp_path)
        bad = segments(1)[0]._replace(**fault)
        with pytest.raises(DataError, match=f"{next(iter(fault))} of a segment"):
            store.segments.add_many([*segments(3, EVE), bad])
        assert store.segments.count() == store.segments.last_arrival == 0
        store.close()

    def accept_all(self, store: Store) -> None:
        """Accept one thing of every kind."""
        store.accept(
            segments=segments(3),
            interactions=[Interaction(ANN, b"i" * 16, 2.0, NOW, True)],
            edges=[TrustEdge(ANN, EVE, 0.5, NOW)],
            descriptions=[Description(b"i" * 16, ANN, "I", time=NOW)],
            proofs=[PROOF],
            settings=[("key", b"value")],
            marks=[Marked(Mark.FORKED, EVE, NOW)],
        )

    def test_accepting_stores_everything_it_is_given(self, tmp_path: Path) -> None:
        store = self.make_store(tmp_path)
        self.accept_all(store)
        assert rows_of(store) == [Interaction(ANN, b"i" * 16, 2.0, NOW, True)]
        assert store.trust_edges().weight.tolist() == [0.5]
        assert store.descriptions() == [Description(b"i" * 16, ANN, "I", time=NOW)]
        assert store.segments.proofs() == [PROOF]
        assert store.setting("key") == b"value"
        assert store.marks() == [Marked(Mark.FORKED, EVE, NOW)]
        assert store.segments.last_arrival == 3
        store.accept(dropped=[(ANN, 7, 2), (ANN, 7, 99)], settings=[("key", None)])
        assert store.segments.index().seq.tolist() == [0, 1]
        assert store.setting("key") is None
        store.accept()
        store.close()

    @pytest.mark.parametrize("part", BAD_PARTS)
    def test_accepting_refuses_all_where_it_refuses_one(
        self, tmp_path: Path, part: dict[str, Any]
    ) -> None:
        store = self.make_store(tmp_path)
        self.accept_all(store)
        before = contents(store)
        good: dict[str, Any] = {
            "segments": segments(3, EVE),
            "interactions": [Interaction(EVE, "y", 1.0, NOW)],
            "edges": [TrustEdge(EVE, ANN, 1.0, NOW)],
            "descriptions": [Description("y", EVE, "Y", time=NOW)],
            "retractions": [(ANN, None, NOW)],
            "proofs": [PROOF._replace(author=EVE)],
            "settings": [("key", b"other")],
            "marks": [Marked(Mark.BLOCK, EVE, NOW)],
            "dropped": [(ANN, 7, 0)],
        }
        (name, rows), *_ = part.items()
        with pytest.raises(DataError):
            store.accept(**{**good, name: [*good[name], *rows]})
        assert contents(store) == before
        store.close()

    def test_times_ahead_of_now_are_refused(self, tmp_path: Path) -> None:
        store = self.make_store(tmp_path)
        with pytest.raises(DataError, match="future"):
            store.accept(
                segments=segments(1),
                interactions=[Interaction(ANN, "x", 1.0, NOW + 3_600)],
                now=NOW,
            )
        assert store.segments.count() == 0
        store.close()

    def test_a_retraction_takes_back_up_to_its_minute(self, tmp_path: Path) -> None:
        store = self.make_store(tmp_path)
        rows = [
            Interaction(author, item, 1.0, NOW + 60.0 * k)
            for k in range(6_000)
            for author in (ANN, EVE)
            for item in ("x", "y")
        ]
        store.record_many(rows)
        before = store.cursor()
        store.accept(retractions=[(ANN, "x", NOW - 60.0), (ANN, "z", NOW), (b"?", "x", NOW)])
        assert store.cursor() == before
        store.accept(
            interactions=[Interaction(ANN, "x", 1.0, NOW), Interaction(ANN, "z", 1.0, NOW)],
            retractions=[(ANN, "x", NOW + 59.0), (ANN, "x", NOW + 185.0), (EVE, None, NOW)],
        )
        assert rows_of(store) == [
            *(
                row
                for row in rows
                if not (row.author == ANN and row.item == "x" and row.time <= NOW + 180)
                and not (row.author == EVE and row.time <= NOW)
            ),
            Interaction(ANN, "z", 1.0, NOW),
        ]
        assert store.changes(before) is None
        store.close()

    def test_of_proofs_the_lowest_stays_in_whatever_order(self, tmp_path: Path) -> None:
        store = self.make_store(tmp_path)
        rows = [PROOF, PROOF._replace(seq=3, evidence=b"b"), PROOF._replace(seq=3, evidence=b"c")]
        for epoch, order in enumerate(permutations(rows)):
            for row in order:
                store.segments.add_proof(*row._replace(epoch=epoch))
        found = store.segments.proofs()
        assert found == [rows[1]._replace(epoch=epoch) for epoch in range(6)]
        store.segments.add_proof(*PROOF._replace(author=EVE, minute=MINUTE + 1))
        assert store.segments.remove_proofs(MINUTE + 1) == 6
        assert [proof.author for proof in store.segments.proofs()] == [EVE]
        with pytest.raises(DataError, match="evidence of a fork"):
            store.segments.add_proof(*PROOF._replace(evidence=b""))
        store.close()

    def test_forgetting_a_peer_takes_its_logs_and_proofs(self, tmp_path: Path) -> None:
        store = self.make_store(tmp_path)
        store.segments.add_many([*segments(3), *segments(2, EVE)])
        store.segments.add_proof(*PROOF)
        store.mark(Mark.FORKED, ANN, time=NOW)
        store.mark(Mark.MUTE_PEER, ANN, time=NOW)
        store.record(Interaction(ANN, "x", 1.0, NOW))
        assert store.forget_peer(ANN) == 1
        assert store.segments.index().authors == [EVE]
        assert store.segments.count() == 2
        assert store.segments.proofs() == []
        assert store.marks() == [Marked(Mark.MUTE_PEER, ANN, NOW)]
        assert store.segments.removals == 3
        store.close()

    def test_pruning_drops_logs_older_than_the_window(self, tmp_path: Path) -> None:
        store = self.make_store(tmp_path)
        store.segments.add_many(segments(20, minute=MINUTE - 10))
        for k, author in enumerate((ANN, EVE)):
            store.segments.add_proof(*PROOF._replace(author=author, minute=MINUTE - 1 + k))
            store.mark(Mark.FORKED, author, time=NOW - 60 + 60 * k)
            store.mark(Mark.BLOCK, author, time=NOW - 60)
        pruned = store.prune(NOW + 3_600, window_s=3_600)
        assert (pruned.segments, pruned.interactions) == (10, 0)
        assert store.segments.index().minute.min() == MINUTE
        assert [proof.author for proof in store.segments.proofs()] == [EVE]
        forked = [row.subject for row in store.marks() if row.mark is Mark.FORKED]
        assert (forked, len(store.marks())) == ([EVE], 3)
        store.close()

    def test_the_size_bound_counts_logs_and_drops_the_oldest_of_all(self, tmp_path: Path) -> None:
        store = self.make_store(tmp_path)
        days = 400
        for day in range(days):
            minute = MINUTE + day * DAY_MINUTES
            store.segments.add_many(
                segments(10, first=10 * day, minute=minute, size=400 + 13 * (day % 5))
            )
            store.record_many(
                Interaction("me", f"track:{day}:{k}", 1.0, minute * MINUTE_S) for k in range(10)
            )
        store.retract(item="nothing")  # a file's write-ahead log is put away first
        size_bytes_max = max(STORE_BYTES_MIN, int(0.6 * store.size().size_bytes))
        pruned = store.prune(NOW, size_bytes_max=size_bytes_max)
        assert 0.85 * size_bytes_max <= pruned.size_bytes <= size_bytes_max
        oldest_segment = int(store.segments.index().minute.min())
        oldest_play = int(store.interactions().time.min() // MINUTE_S)
        assert abs(oldest_segment - oldest_play) <= DAY_MINUTES
        assert pruned.segments + store.segments.count() == 10 * days
        assert pruned.interactions + store.size().interactions == 10 * days
        store.close()

    def test_the_size_is_kept_where_there_are_only_logs(self, tmp_path: Path) -> None:
        store = self.make_store(tmp_path)
        store.segments.add_many(segments(2_000, size=400))
        pruned = store.prune(NOW, size_bytes_max=2 * STORE_BYTES_MIN)
        assert 0.85 * 2 * STORE_BYTES_MIN <= pruned.size_bytes <= 2 * STORE_BYTES_MIN
        kept = store.segments.index().seq
        assert kept.tolist() == list(range(2_000 - len(kept), 2_000))
        store.close()

    def test_clearing_begins_a_new_history(self, tmp_path: Path) -> None:
        store = self.make_store(tmp_path)
        self.accept_all(store)
        tag = store.store_tag()
        assert len(tag) == 8
        assert store.store_tag() == tag
        store.clear()
        assert store.store_tag() != tag
        assert (store.segments.count(), store.segments.proofs(), store.marks()) == (0, [], [])
        assert store.segments.size_bytes() == 0
        assert store.segments.frame(ANN, 7, 0) is None
        assert store.segments.add_many(segments(1)) == 1
        assert not store.was_restored
        store.close()

    def test_an_item_is_renamed_in_place(self, tmp_path: Path) -> None:
        store = self.make_store(tmp_path)
        rows = [
            Interaction("me" if k % 2 else ANN, f"track:{k % 7}", 1.0 + k % 3, NOW + 60.0 * k)
            for k in range(9_000)
        ]
        store.record_many(rows)
        store.mark(Mark.LESS_LIKE, "track:1", time=NOW)
        store.describe(Description("track:1", "me", "One", time=NOW))
        before = store.cursor()
        assert not store.rename_item("unheard of", "track:1")
        assert not store.rename_item("track:1", "track:1")
        assert store.cursor() == before
        assert store.rename_item("track:1", b"1")
        assert rows_of(store) == [
            row._replace(item=b"1") if row.item == "track:1" else row for row in rows
        ]
        assert store.marks() == [Marked(Mark.LESS_LIKE, b"1", NOW)]
        assert store.descriptions() == [Description(b"1", "me", "One", time=NOW)]
        assert store.changes(before) is None
        with pytest.raises(DataError, match="item id"):
            store.rename_items([(b"1", "track:9"), (b"1", "")])
        store.close()

    def test_an_item_renamed_to_a_known_one_becomes_one_with_it(self, tmp_path: Path) -> None:
        store = self.make_store(tmp_path)
        rows = [Interaction("me", f"track:{k % 7}", 1.0, NOW + 60.0 * k) for k in range(9_000)]
        store.record_many(rows)
        store.mark(Mark.LESS_LIKE, "track:1", time=NOW + 60)
        store.mark(Mark.LESS_LIKE, "track:2", time=NOW)
        store.mark(Mark.MUTE_ITEM, "track:1", time=NOW)
        for item, author, time in (("1", "me", 0), ("1", ANN, 60), ("2", ANN, 0), ("2", EVE, 0)):
            store.describe(Description(f"track:{item}", author, f"{item}", time=NOW + time))
        assert store.rename_items([("track:1", "track:2"), ("track:5", "track:0")]) == 2
        became = {"track:1": "track:2", "track:5": "track:0"}
        assert rows_of(store) == [
            row._replace(item=became.get(str(row.item), row.item)) for row in rows
        ]
        assert store.marks() == [
            Marked(Mark.MUTE_ITEM, "track:2", NOW),
            Marked(Mark.LESS_LIKE, "track:2", NOW + 60),
        ]
        said = {row.author: row.title for row in store.descriptions("track:2")}
        assert said == {"me": "1", ANN: "1", EVE: "2"}
        assert "track:1" not in store.items().ids
        store.close()

    def test_items_are_renamed_one_after_the_other(self, tmp_path: Path) -> None:
        store = self.make_store(tmp_path)
        store.record_many(Interaction("me", item, 1.0, NOW) for item in ("a", "b", "c", "d"))
        pairs = [("a", "b"), ("b", "c"), ("c", "e"), ("x", "d"), ("d", "f"), ("f", "d")]
        assert store.rename_items(pairs) == 5
        assert [row.item for row in rows_of(store)] == ["e", "e", "e", "d"]
        assert store.items().ids == ["e", "d"]
        assert np.all(np.diff(store.items().codes) > 0)
        store.close()

    def test_flushing_changes_nothing_that_can_be_asked(self, tmp_path: Path) -> None:
        store = self.make_store(tmp_path)
        store.flush()
        self.accept_all(store)
        before = contents(store)
        store.flush()
        store.flush()
        assert contents(store) == before
        store.close()

    def test_logs_of_a_closed_store_say_so(self, tmp_path: Path) -> None:
        store = self.make_store(tmp_path)
        store.close()
        for ask in (
            store.segments.index,
            store.segments.proofs,
            store.segments.count,
            store.accept,
            store.flush,
            store.store_tag,
            lambda: store.rename_item("a", "b"),
            lambda: store.segments.frame(ANN, 7, 0),
            lambda: store.segments.add_many(segments(1)),
            lambda: store.segments.remove([(ANN, 7, 0)]),
        ):
            with pytest.raises(StoreError, match="closed"):
                ask()
