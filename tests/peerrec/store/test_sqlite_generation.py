"""A store put back from a copy is noticed, however the copy was made; nothing else is."""

from __future__ import annotations

import os
import shutil
import sqlite3
from pathlib import Path

import pytest

from peerrec.errors import StoreError, StoreReadOnly
from peerrec.store import generation
from peerrec.store.sqlite import SqliteStore
from peerrec.testing.log_contract import segments
from peerrec.testing.store_contract import plays


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "me.db"


def opened(path: Path) -> tuple[bool, bytes]:
    """Open and close a store; return whether it was restored, and its tag."""
    with SqliteStore(path) as store:
        return store.was_restored, store.store_tag()


def with_segments(path: Path, n_rows: int = 3, first: int = 0) -> None:
    with SqliteStore(path) as store:
        store.segments.add_many(segments(n_rows, first=first))


def test_a_store_without_logs_is_one_file_and_may_be_copied(path: Path):
    with SqliteStore(path) as store:
        store.record_many(plays(10))
        store.flush()
    copy = path.with_name("copy.db")
    shutil.copy(path, copy)
    assert opened(copy)[0] is opened(path)[0] is False
    assert sorted(os.listdir(path.parent)) == ["copy.db", "me.db"]


def test_a_store_that_goes_on_is_not_taken_for_restored(path: Path):
    with_segments(path)
    assert sorted(os.listdir(path.parent)) == ["me.db", "me.db.generation"]
    tags = {opened(path)[1] for _ in range(3)}
    with_segments(path, first=3)
    with SqliteStore(path) as store:
        store.flush()
        store.segments.remove(row[:3] for row in segments(6))
    restored, tag = opened(path)
    assert not restored
    assert tags == {tag}


def test_yesterdays_copy_put_back_is_noticed_until_it_was_handled(path: Path):
    with_segments(path)
    yesterday, tag = path.read_bytes(), opened(path)[1]
    with_segments(path, first=3)
    path.write_bytes(yesterday)
    for _ in range(2):
        restored, new_tag = opened(path)
        assert restored
        assert new_tag != tag
        with_segments(path, first=9)
    with SqliteStore(path) as store:
        store.restore_handled()
        assert not store.was_restored
    assert opened(path) == (False, new_tag) or not opened(path)[0]


def test_a_copy_made_before_the_first_segment_is_noticed(path: Path):
    with SqliteStore(path) as store:
        store.set_setting("epoch of my log", b"1")
    before = path.read_bytes()
    with_segments(path)
    path.write_bytes(before)
    assert opened(path)[0]


def test_a_copy_at_another_place_is_noticed(path: Path):
    with_segments(path)
    moved = path.with_name("moved.db")
    shutil.copy(path, moved)
    assert opened(moved)[0]
    assert not opened(path)[0]


def test_a_copy_whose_segments_were_all_removed_is_noticed(path: Path):
    with SqliteStore(path) as store:
        store.segments.add_many(segments(3))
        store.segments.remove(row[:3] for row in segments(3))
    moved = path.with_name("moved.db")
    shutil.copy(path, moved)
    assert opened(moved)[0]


def test_a_copy_of_an_open_store_is_outdated_by_the_next_flush(path: Path):
    with SqliteStore(path) as store:
        store.segments.add_many(segments(3))
        store.flush()
        yesterday = path.read_bytes()
        store.segments.add_many(segments(3, first=3))
        store.flush()
    path.write_bytes(yesterday)
    assert opened(path)[0]


def test_a_backup_is_a_history_of_its_own(path: Path):
    copy = path.with_name("copy.db")
    with SqliteStore(path) as store:
        store.segments.add_many(segments(3))
        store.backup(copy)
        tag = store.store_tag()
    restored, other_tag = opened(copy)
    assert restored
    assert other_tag != tag
    os.replace(copy, path)
    assert opened(path)[0]


def test_a_lost_or_damaged_file_beside_counts_as_restored(path: Path):
    with_segments(path)
    beside = path.with_name("me.db.generation")
    whole = beside.read_bytes()
    for content in (b"", whole[:7], whole + b"x", bytes(8)):
        beside.write_bytes(content)
        with SqliteStore(path, read_only=True) as store:
            assert store.was_restored
    beside.write_bytes(whole)
    assert not opened(path)[0]
    beside.unlink()
    beside.mkdir()
    assert opened(path)[0]


def test_clearing_removes_the_file_beside(path: Path):
    with SqliteStore(path) as store:
        store.segments.add_many(segments(3))
        store.clear()
    assert os.listdir(path.parent) == ["me.db"]
    assert not opened(path)[0]


@pytest.mark.parametrize("step", ["_flush", "_write", "done"])
def test_a_kill_while_the_generation_is_replaced_does_no_harm(
    path: Path, monkeypatch: pytest.MonkeyPatch, step: str
):
    with_segments(path)

    def killed(*arguments: object) -> None:
        raise KeyboardInterrupt

    with SqliteStore(path) as store:
        if step != "done":
            monkeypatch.setattr(store._generation, step, killed)
            with pytest.raises(KeyboardInterrupt):
                store.flush()
        monkeypatch.undo()
        left = path.with_name("left.db")
        for part in ("", "-wal", ".generation"):
            shutil.copy(f"{path}{part}", f"{left}{part}")
    assert not opened(left)[0]
    assert not opened(left)[0]


def test_where_the_file_beside_cannot_be_written_the_present_one_fits_still(
    path: Path, monkeypatch: pytest.MonkeyPatch
):
    with_segments(path)

    def refused(*arguments: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(generation.os, "replace", refused)
        with SqliteStore(path) as store, pytest.raises(StoreError, match="free some space"):
            store.flush()
        with SqliteStore(path) as store:
            assert not store.was_restored
            assert store.segments.count() == 3
        fresh = path.with_name("fresh.db")
        with SqliteStore(fresh) as store, pytest.raises(StoreError, match="free some space"):
            store.segments.add_many(segments(1))
        with SqliteStore(fresh) as store:
            assert store.segments.count() == 0
            assert not store.was_restored
    assert not opened(path)[0]
    assert not [name for name in os.listdir(path.parent) if name.endswith(".part")]


def test_reading_only_compares_and_replaces_nothing(path: Path):
    with_segments(path)
    before = {file.name: file.read_bytes() for file in path.parent.iterdir()}
    with SqliteStore(path, read_only=True) as store:
        assert not store.was_restored
        assert store.segments.count() == 3
        assert len(store.store_tag()) == 8
        store.flush()
        with pytest.raises(StoreReadOnly):
            store.segments.add_many(segments(1))
        with pytest.raises(StoreReadOnly):
            store.accept(settings=[("key", b"value")])
    assert {file.name: file.read_bytes() for file in path.parent.iterdir()} == before


def test_what_was_flushed_is_in_the_file_itself(path: Path):
    with SqliteStore(path) as store:
        store.set_setting("key", b"value")
        store.segments.add_many(segments(3))
        store.set_setting("other", b"value")
        store.flush()
        alone = path.with_name("alone.db")
        shutil.copy(path, alone)
    connection = sqlite3.connect(alone)
    assert connection.execute("SELECT count(*) FROM log_segments").fetchone() == (3,)
    keys = connection.execute("SELECT key FROM settings ORDER BY key").fetchall()
    connection.close()
    assert keys == [("key",), ("other",)]
