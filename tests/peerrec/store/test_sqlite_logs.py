"""Logs in a file: an older version, a full disk, damage, and kills within an accept."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from peerrec.errors import StoreCorrupt, StoreFull, StoreReadOnly
from peerrec.store import Description, Interaction, Mark, Marked, ProofRow, TrustEdge
from peerrec.store.interaction_log import checksum
from peerrec.store.migrations import MIGRATIONS, m0001_first
from peerrec.store.packing import Block, pack
from peerrec.store.schema import APPLICATION_ID, version_of
from peerrec.store.sqlite import SqliteStore
from peerrec.testing.log_contract import ANN, EVE, NOW, PROOF, contents, rows_of, segments
from peerrec.testing.store_contract import plays


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "me.db"


def make_version_1(path: Path) -> list[Interaction]:
    """Write a store as version 1 did, by its own statements; return its interactions."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    connection.execute("CREATE TABLE migrations (number INTEGER PRIMARY KEY, name TEXT)")
    for statement in m0001_first.STATEMENTS:
        connection.execute(statement)
    connection.execute("INSERT INTO migrations VALUES (1, 'first')")
    connection.execute("INSERT INTO peers VALUES (1, 'me'), (2, 'mia')")
    connection.execute("INSERT INTO items VALUES (1, 'x'), (2, ?)", (b"y",))
    packed = pack(Block.of([(1, 1, 2.0, 100, False), (2, 2, 1.0, 101, True)]))
    values = (2, 2, checksum(2, packed), packed)
    connection.execute("INSERT INTO segments VALUES (?, ?, ?, ?)", values)
    connection.execute("INSERT INTO head VALUES (3, 1, 2, 1.5, 102, 0)")
    connection.execute("INSERT INTO trust VALUES (1, 2, 0.5, 100)")
    connection.execute("INSERT INTO peer_marks VALUES (2, 2, 100)")
    connection.execute("INSERT INTO settings VALUES ('key', ?)", (b"value",))
    connection.execute("INSERT INTO counters VALUES ('epoch', 77), ('trust', 1)")
    connection.close()
    return [
        Interaction("me", "x", 2.0, 6_000.0, False),
        Interaction("mia", b"y", 1.0, 6_060.0, True),
        Interaction("me", b"y", 1.5, 6_120.0, False),
    ]


def test_a_store_of_version_1_is_brought_up_to_date(path: Path):
    rows = make_version_1(path)
    with pytest.raises(StoreReadOnly, match="version 1 has to be brought up to 2"):
        SqliteStore(path, read_only=True)
    with SqliteStore(path) as store:
        assert version_of(store._connection) == MIGRATIONS[-1].number == 2
        assert rows_of(store) == rows
        assert store.cursor() == (77, 3, 1)
        assert store.marks() == [Marked(Mark.MUTE_PEER, "mia", 6_000.0)]
        assert store.setting("key") == b"value"
        assert not store.was_restored
        tag = store.store_tag()
        assert store.segments.add_many(segments(3)) == 1
        store.check()
    with SqliteStore(path) as store:
        assert rows_of(store) == rows
        assert store.segments.count() == 3
        assert store.store_tag() == tag


def test_two_stores_have_two_tags(path: Path):
    with SqliteStore(path) as one, SqliteStore(path.with_name("other.db")) as other:
        assert one.store_tag() != other.store_tag()


def test_logs_and_arrival_numbers_survive_a_restart(path: Path):
    with SqliteStore(path) as store:
        fill(store)
        store.segments.remove(row[:3] for row in segments(3))
        before = contents(store)
    with SqliteStore(path) as store:
        assert contents(store) == before
        assert store.segments.removals == 0
        store.segments.remove([row[:3] for row in segments(2, EVE)])
        assert store.segments.count() == 0
    with SqliteStore(path) as store:
        assert store.segments.last_arrival == 5
        assert store.segments.add_many(segments(1)) == 6


def fill(store: SqliteStore) -> None:
    """Store some of everything."""
    store.accept(
        segments=[*segments(3), *segments(2, EVE)],
        interactions=plays(6, ANN),
        edges=[TrustEdge(ANN, EVE, 0.5, NOW)],
        descriptions=[Description("track:1", ANN, "One", time=NOW)],
        proofs=[PROOF],
        settings=[("key", b"before")],
        marks=[Marked(Mark.FORKED, EVE, NOW)],
    )


def accept_much(store: SqliteStore) -> None:
    """Change every table in one transaction."""
    store.accept(
        segments=segments(4, EVE, first=10, size=900),
        interactions=[Interaction(EVE, f"new {k}", 1.0, NOW) for k in range(5)],
        edges=[TrustEdge(EVE, ANN, 0.5, NOW), TrustEdge(ANN, EVE, 0.0)],
        descriptions=[Description("new 1", EVE, "New", time=NOW)],
        retractions=[(ANN, "track:1", 2 * NOW), (EVE, "new 2", NOW)],
        proofs=[ProofRow(EVE, 1, 1, 1, b"evidence"), PROOF._replace(seq=1)],
        settings=[("key", b"after")],
        marks=[Marked(Mark.FORKED, ANN, NOW)],
        dropped=[(ANN, 7, 0)],
    )


def rename_much(store: SqliteStore) -> None:
    """Rename items, some into one another."""
    store.rename_items([("track:1", b"1"), ("track:2", "track:3"), ("track:4", "track:3")])


def forget_much(store: SqliteStore) -> None:
    """Remove a peer with its logs."""
    store.forget_peer(ANN)


KILLED = """
import os, shutil, signal, sys
from peerrec.store.sqlite import SqliteStore
sys.path.insert(0, sys.argv[1])
import test_sqlite_logs as steps
step, path, countdown = getattr(steps, sys.argv[2]), sys.argv[3], -1
while True:
    countdown += 2
    child = os.fork()
    if child == 0:
        for part in ("", ".generation"):
            shutil.copy(f"{path}{part}", f"{path}.{countdown}{part}")
        store = SqliteStore(f"{path}.{countdown}")
        left = countdown
        def kill_in_time(statement):
            global left
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)
        store._connection.set_trace_callback(kill_in_time)
        step(store)
        os._exit(0)
    if os.waitpid(child, 0)[1] == 0:
        break
print(countdown)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="kills forked children")
@pytest.mark.parametrize("step", [accept_much, rename_much, forget_much])
def test_killed_at_every_second_statement_all_or_nothing_is_there(
    path: Path, step: Callable[[SqliteStore], None]
):
    with SqliteStore(path) as store:
        fill(store)
        before = contents(store)
    command = [sys.executable, "-c", KILLED, str(Path(__file__).parent), step.__name__, str(path)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    child = subprocess.run(command, capture_output=True, text=True, env=environment, check=True)
    n_points = int(child.stdout)
    assert n_points > 20
    outcomes = [state_of(path.with_name(f"me.db.{k}")) for k in range(1, n_points + 1, 2)]
    after = outcomes[-1]
    assert after != before
    assert outcomes[0] == before
    assert all(outcome in (before, after) for outcome in outcomes)


def state_of(path: Path) -> list[object]:
    with SqliteStore(path) as store:
        store.check()
        return contents(store)


@pytest.mark.parametrize("step", [accept_much, rename_much])
def test_a_full_disk_takes_all_or_nothing(path: Path, step: Callable[[SqliteStore], None]):
    with SqliteStore(path) as store:
        fill(store)
        store.record_many(plays(3_000))
        before = contents(store)
        room, done = 0, False
        pages = store._connection.execute("PRAGMA page_count").fetchone()[0]
        while not done:
            store._connection.execute(f"PRAGMA max_page_count = {pages + room}")
            try:
                step(store)
                done = True
            except StoreFull:
                assert contents(store) == before
                store.check()
            room += 1
        assert contents(store) != before
        store.check()
        assert room > 1 or step is rename_much


def test_a_damaged_frame_is_not_handed_out_and_can_be_fetched_again(path: Path):
    with SqliteStore(path) as store:
        fill(store)
    for column in ("frame = zeroblob(length(frame))", "minute = minute + 1", "id = zeroblob(32)"):
        connection = sqlite3.connect(path)
        connection.execute(f"UPDATE log_segments SET {column} WHERE seq = 1 AND author = 1")
        connection.commit()
        connection.close()
        with SqliteStore(path) as store:
            row = segments(2)[1]
            with pytest.raises(StoreCorrupt, match="segment 1 of epoch 7 is damaged"):
                store.segments.frame(*row[:3])
            with pytest.raises(StoreCorrupt, match="segment 1 of epoch 7 is damaged"):
                store.check()
            assert store.segments.frame(ANN, 7, 0) is not None
            assert store.segments.remove([row[:3]]) == 1
            store.segments.add_many([row])
            assert store.segments.frame(*row[:3]) == row.frame
            store.check()


def test_a_segment_without_its_author_is_found_by_the_check(path: Path):
    with SqliteStore(path) as store:
        fill(store)
    connection = sqlite3.connect(path)
    connection.execute("DELETE FROM log_authors WHERE id = ?", (ANN,))
    connection.commit()
    connection.close()
    with SqliteStore(path) as store, pytest.raises(StoreCorrupt, match="name what is not there"):
        store.check()


def test_the_logs_of_a_forgotten_peer_are_in_no_file(path: Path):
    secret = b"a-very-private-frame"
    author = b"a-very-private-author-of-32-byte"
    with SqliteStore(path) as store:
        fill(store)
        row = segments(1, author)[0]
        store.accept(segments=[row._replace(frame=secret * 300)])
        store.segments.add_proof(author, 1, 1, 1, secret)
        store.forget_peer(author)
        for file in path.parent.iterdir():
            assert b"a-very-private" not in file.read_bytes()


def test_authors_of_logs_are_no_peers_to_be_ranked(path: Path):
    with SqliteStore(path) as store:
        store.segments.add_many(segments(3))
        assert len(store.peers()) == 0
