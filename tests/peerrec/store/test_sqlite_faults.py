"""What a person sees when the file is not what it should be, and that nothing is lost."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from peerrec.errors import (
    StoreCorrupt,
    StoreError,
    StoreFull,
    StoreLocked,
    StoreReadOnly,
    StoreTooNew,
)
from peerrec.store import Description, Interaction, Mark, TrustEdge
from peerrec.store.migrations import MIGRATIONS, Migration
from peerrec.store.schema import migrate, version_of
from peerrec.store.sqlite import SqliteStore
from peerrec.testing.log_contract import PROOF, segments
from peerrec.testing.store_contract import plays, rows_of

NOBODY = 65534


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "me.db"


def filled(path: Path, n_rows: int = 6_000) -> list[Interaction]:
    rows = plays(n_rows)
    with SqliteStore(path) as store:
        store.record_many(rows)
    return rows


def run(code: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", code, *map(str, arguments)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    return subprocess.run(command, capture_output=True, text=True, env=environment, check=False)


def test_a_closed_store_is_one_file_and_opens_again(path: Path):
    rows = filled(path)
    assert os.listdir(path.parent) == ["me.db"]
    with SqliteStore(path) as store:
        assert rows_of(store) == rows
        store.check()


def test_a_second_opener_in_this_process_is_told_so(path: Path):
    with SqliteStore(path) as store:
        store.record(plays(1)[0])
        for read_only in (False, True):
            with pytest.raises(StoreLocked, match=rf"this very process \({os.getpid()}"):
                SqliteStore(path, read_only=read_only)
        store.record(plays(1)[0])
    SqliteStore(path).close()


def test_another_process_is_told_which_one_holds_the_store(path: Path):
    with SqliteStore(path) as store:
        other = run(
            "import sys; from peerrec.store.sqlite import SqliteStore; SqliteStore(sys.argv[1])",
            path,
        )
        assert f"process {os.getpid()}" in other.stderr
        assert "StoreLocked" in other.stderr
        store.record(plays(1)[0])
        assert store.size().interactions == 1


def test_another_program_holding_the_file_gives_a_clear_error(path: Path):
    filled(path)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("PRAGMA locking_mode = EXCLUSIVE")
    other.execute("BEGIN IMMEDIATE")
    other.execute("CREATE TABLE t (a)")
    try:
        with pytest.raises(StoreLocked, match="another program"):
            SqliteStore(path)
    finally:
        other.execute("ROLLBACK")
        other.close()
    SqliteStore(path).close()


def test_another_program_is_kept_out_while_the_store_is_open(path: Path):
    with SqliteStore(path) as store:
        store.record(plays(1)[0])
        other = run(
            "import sqlite3, sys; sqlite3.connect(sys.argv[1], timeout=0).execute("
            "'SELECT * FROM head').fetchall()",
            path,
        )
        assert "database is locked" in other.stderr
        assert sorted(os.listdir(path.parent)) == ["me.db", "me.db-wal", "me.db.lock"]


def test_a_lock_file_left_by_a_kill_does_not_block(path: Path):
    filled(path)
    path.with_name("me.db.lock").write_text("999999\n")
    SqliteStore(path).close()
    assert os.listdir(path.parent) == ["me.db"]


def test_a_folder_is_refused_by_name(tmp_path: Path):
    with pytest.raises(StoreError, match=r"is a folder; name a file in it"):
        SqliteStore(tmp_path)
    assert os.listdir(tmp_path) == []


def test_a_missing_folder_is_named(tmp_path: Path):
    with pytest.raises(StoreError, match="folder does not exist"):
        SqliteStore(tmp_path / "absent" / "me.db")


def test_a_file_of_another_kind_is_refused_and_untouched(path: Path):
    path.write_bytes(b"Dear diary,\n" * 100)
    with pytest.raises(StoreError, match="no peerrec store but a file of another kind"):
        SqliteStore(path)
    assert path.read_bytes() == b"Dear diary,\n" * 100
    assert os.listdir(path.parent) == ["me.db"]


def test_a_database_of_another_program_is_refused_and_untouched(path: Path):
    other = sqlite3.connect(path)
    other.execute("CREATE TABLE bookmarks (url)")
    other.commit()
    other.close()
    before = path.read_bytes()
    with pytest.raises(StoreError, match="database of another program"):
        SqliteStore(path)
    assert path.read_bytes() == before


def test_an_empty_file_becomes_a_store(path: Path):
    path.touch()
    with SqliteStore(path) as store:
        store.record(plays(1)[0])


def test_a_newer_version_is_refused_and_untouched(path: Path):
    filled(path, 10)
    other = sqlite3.connect(path)
    other.execute("INSERT INTO migrations VALUES (99, 'from the future')")
    other.commit()
    other.close()
    with pytest.raises(StoreTooNew, match=r"version 99, this peerrec knows up to \d+; update"):
        SqliteStore(path)
    with pytest.raises(StoreTooNew):
        SqliteStore(path, read_only=True)


def test_an_older_version_is_brought_up_step_by_step(path: Path):
    rows = filled(path, 10)
    known = MIGRATIONS[-1].number
    later = Migration(known + 1, "moods", ("CREATE TABLE moods (item INTEGER PRIMARY KEY)",))
    connection = sqlite3.connect(path, isolation_level=None)
    migrate(connection, path, (*MIGRATIONS, later))
    assert version_of(connection) == known + 1
    broken = Migration(known + 2, "broken", ("CREATE TABLE tastes (a)", "CREATE TABLE moods (a)"))
    with pytest.raises(sqlite3.OperationalError):
        migrate(connection, path, (*MIGRATIONS, later, broken))
    assert version_of(connection) == known + 1
    connection.execute("DELETE FROM migrations WHERE number = ?", (known + 1,))
    connection.close()
    with SqliteStore(path) as store:
        assert rows_of(store) == rows


def test_read_only_answers_and_refuses_to_write(path: Path):
    rows = filled(path)
    with SqliteStore(path, read_only=True) as store:
        assert rows_of(store) == rows
        store.check()
        with pytest.raises(StoreReadOnly, match="read-only"):
            store.record(rows[0])
        with pytest.raises(StoreReadOnly):
            store.trust(TrustEdge("me", "mia"))
    assert os.listdir(path.parent) == ["me.db"]


def test_reading_only_what_is_absent_or_unfinished_is_refused(path: Path):
    with pytest.raises(StoreError, match="no such store"):
        SqliteStore(path, read_only=True)
    with SqliteStore(path) as store:
        store.record(plays(1)[0])
        copy = path.with_name("copy.db")
        shutil.copy(path, copy)
        shutil.copy(f"{path}-wal", f"{copy}-wal")
    with pytest.raises(StoreReadOnly, match="waits to be applied"):
        SqliteStore(copy, read_only=True)
    with SqliteStore(copy) as store:
        assert store.size().interactions == 1


AS_NOBODY = """
import os, sys
from peerrec.errors import StoreReadOnly
from peerrec.store.sqlite import SqliteStore
if os.getuid() == 0:
    os.setuid(int(sys.argv[2]))
try:
    SqliteStore(sys.argv[1])
except StoreReadOnly as error:
    print(error)
with SqliteStore(sys.argv[1], read_only=True) as store:
    print(store.size().interactions)
"""


@pytest.fixture
def open_folder():
    """A folder that another user can reach: those of pytest are closed to others."""
    with tempfile.TemporaryDirectory() as name:
        yield Path(name)


@pytest.mark.parametrize("what", ["file", "folder"])
def test_a_file_without_write_permission_is_named_and_readable(open_folder: Path, what: str):
    path = open_folder / "me.db"
    filled(path, 10)
    path.chmod(0o444 if what == "file" else 0o666)
    open_folder.chmod(0o777 if what == "file" else 0o555)
    try:
        child = run(AS_NOBODY, path, NOBODY)
    finally:
        open_folder.chmod(0o755)
    assert child.returncode == 0, child.stderr
    message, count = child.stdout.splitlines()
    assert f"{path}: " in message
    assert f"the {what} is read-only" in message or f"its {what} is read-only" in message
    assert "open it read_only" in message
    assert count == "10"


def damaged_at(path: Path, where: int, size: int = 64) -> None:
    with path.open("r+b") as file:
        file.seek(where)
        old = file.read(size)
        file.seek(where)
        file.write(bytes(byte ^ 0xFF for byte in old))


def fault_of(path: Path, rows: list[Interaction]) -> str:
    """Read everything and compare it; return the message of what was refused, or ""."""
    try:
        with SqliteStore(path) as store:
            assert rows_of(store) == rows
            store.check()
    except StoreError as error:
        return str(error)
    return ""


def test_every_damaged_page_is_found_or_harmless(path: Path):
    """Flip bytes in each page: reading gives all rows or StoreError, never half."""
    rows = filled(path, 9_000)
    with SqliteStore(path) as store:
        store.accept(
            segments=segments(150, size=400),
            proofs=[PROOF],
            descriptions=[Description(f"track:{k}", "me", "x" * 90) for k in range(100)],
        )
    whole = path.read_bytes()
    faults = []
    for start in range(0, len(whole), 4096):
        path.write_bytes(whole)
        damaged_at(path, start + 1_000, 2_000)
        faults.append(fault_of(path, rows))
    assert all(str(path) in fault and "restore a backup" in fault for fault in faults if fault)
    assert sum(map(bool, faults)) > len(faults) // 2


def test_a_flipped_bit_in_a_block_is_found_on_reading(path: Path):
    filled(path, 9_000)
    connection = sqlite3.connect(path)
    connection.execute("UPDATE segments SET packed = zeroblob(length(packed)) WHERE last = 4096")
    connection.commit()
    connection.close()
    with SqliteStore(path) as store:
        with pytest.raises(StoreCorrupt, match=r"4096 interactions up to number 4096 is damaged"):
            store.interactions()
        with pytest.raises(StoreCorrupt):
            store.check()
        with pytest.raises(StoreCorrupt):
            store.retract(item="track:1")
        store.record(plays(1)[0])


def test_an_interaction_without_its_name_is_found_by_the_check(path: Path):
    filled(path, 10)
    connection = sqlite3.connect(path)
    connection.execute("DELETE FROM items WHERE id = 'track:3'")
    connection.commit()
    connection.close()
    with SqliteStore(path) as store, pytest.raises(StoreCorrupt, match="no name"):
        store.check()


def test_a_cut_file_is_refused(path: Path):
    filled(path, 9_000)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(StoreCorrupt, match="restore a backup"):
        SqliteStore(path)


@pytest.fixture
def full(path: Path) -> Iterator[SqliteStore]:
    """A store whose disk is full after a few hundred records more."""
    with SqliteStore(path) as store:
        store.record_many(plays(3_000))
        pages = store._connection.execute("PRAGMA page_count").fetchone()[0]
        store._connection.execute(f"PRAGMA max_page_count = {pages + 3}")
        yield store


def test_a_full_disk_loses_nothing_acknowledged_and_the_store_goes_on(full: SqliteStore):
    rows = plays(3_000)
    fresh = [Interaction("me", f"new track number {k}", 1.0, 60.0 * k) for k in range(2_000)]

    def record_all() -> None:
        for row in fresh:
            full.record(row)
            rows.append(row)

    with pytest.raises(StoreFull, match="free some space and try again"):
        record_all()
    assert 3_000 < len(rows) < 5_000
    assert rows_of(full) == rows
    with pytest.raises(StoreFull):
        full.record_many(fresh)
    with pytest.raises(StoreFull):
        full.set_setting("large", bytes(100_000))
    assert rows_of(full) == rows
    full.check()
    full._connection.execute("PRAGMA max_page_count = 100000")
    for row in fresh:
        full.record(row)
    assert rows_of(full) == rows + fresh
    full.check()


LIMITED = """
import resource, signal, sys
from peerrec.errors import StoreFull
from peerrec.store import Interaction
from peerrec.store.sqlite import SqliteStore
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
store = SqliteStore(sys.argv[1])
resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, resource.RLIM_INFINITY))
count = 0
try:
    while count < 10_000:
        store.record(Interaction("me", f"track {count}", 1.0, 60.0 * count))
        count += 1
except StoreFull as error:
    print(count, error)
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
store.record(Interaction("me", f"track {count}", 1.0, 60.0 * count))
print(store.size().interactions)
store.close()
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no file size limit")
def test_a_file_size_limit_loses_nothing_acknowledged(path: Path):
    child = run(LIMITED, path)
    message, total = child.stdout.splitlines()
    acknowledged = int(message.split()[0])
    assert 10 < acknowledged < 10_000
    assert "writing was refused" in message
    assert int(total) == acknowledged + 1
    with SqliteStore(path) as store:
        assert [row.item for row in rows_of(store)] == [
            f"track {k}" for k in range(acknowledged + 1)
        ]
        store.check()


def test_a_backup_is_whole_while_the_store_stays_open(path: Path):
    copy = path.with_name("copy.db")
    with SqliteStore(path) as store:
        store.record_many(plays(5_000))
        store.trust(TrustEdge("me", "mia"))
        store.mark(Mark.BLOCK, "eve", time=0.0)
        store.describe(Description("x", "mia", "X"))
        store.backup(copy)
        store.record(Interaction("me", "later", 1.0, 0.0))
        with pytest.raises(StoreError, match="is there already"):
            store.backup(copy)
        cursor = store.cursor()
    with SqliteStore(copy) as restored:
        assert rows_of(restored) == plays(5_000)
        assert (len(restored.trust_edges()), len(restored.marks())) == (1, 1)
        assert len(restored.descriptions()) == 1
        assert restored.cursor().epoch != cursor.epoch
        restored.check()
    assert sorted(os.listdir(path.parent)) == ["copy.db", "me.db"]


def test_forgotten_bytes_are_in_no_file(path: Path):
    secret, author = "a-very-private-item", "a-very-private-peer"
    with SqliteStore(path) as store:
        store.record_many(plays(5_000))
        store.record(Interaction(author, secret, 1.0, 60.0))
        store.describe(Description(secret, "mia", f"title of {secret}", time=60.0))
        store.trust(TrustEdge("me", author))
        store.forget_item(secret)
        store.forget_peer(author)
        for file in path.parent.iterdir():
            assert b"a-very-private" not in file.read_bytes()
        store.set_setting("s", b"a-very-private-setting")
        store.clear()
        for file in path.parent.iterdir():
            content = file.read_bytes()
            assert b"a-very-private" not in content
            assert b"track:" not in content


def test_removing_gives_the_room_back_at_once(path: Path):
    with SqliteStore(path) as store:
        empty = store.size().size_bytes
        store.record_many([Interaction("me", f"item {k}", 1.0, 60.0) for k in range(20_000)])
        full = store.size().size_bytes
        store.retract(author="me")
        assert store.size().size_bytes < empty + (full - empty) // 10


def test_a_name_used_elsewhere_survives_the_removal_of_its_interactions(path: Path):
    with SqliteStore(path) as store:
        store.record_many(plays(10))
        store.mark(Mark.MUTE_ITEM, "track:1", time=0.0)
        store.describe(Description("track:2", "mia", "Two"))
        store.retract(author="me")
        assert store.items().ids == ["track:1", "track:2"]
        assert store.peers().ids == ["mia"]
        store.check()
