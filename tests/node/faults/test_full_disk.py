"""A full disk stops what would be written, says so, and nothing more; room lets it go on.

Two ways to have one, in this order: a small file system in memory, where mounting is
permitted, and a limit on the size of files of one process, which every Linux has.
"""

from __future__ import annotations

import resource
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from daemons import refused, run
from real_daemon import RUN, RealDaemon, complaint, until

ROOM = "2m"
FILLING = "filling"
LIMIT_BYTES = 330_000
ROW = "x" * 200


@contextmanager
def small_disk(folder: Path) -> Iterator[Path]:
    """Mount a file system of `ROOM`; skip where that is not permitted."""
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={ROOM}", "tmpfs", str(folder)]
    try:
        subprocess.run(command, check=True, capture_output=True, timeout=30)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("mounting is not permitted here; the limit on file sizes is tested instead")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True, timeout=30)


def fill(folder: Path) -> None:
    """Leave no room at all."""
    with (folder / FILLING).open("wb", buffering=0) as file:
        for size in (1 << 16, 1 << 12, 1 << 8, 1):
            try:
                while file.write(bytes(size)) == size:
                    pass
            except OSError:
                pass


def fails_at_last(daemon: RealDaemon) -> list[str]:
    """Record in public until that is refused; return what was acknowledged."""
    acknowledged: list[str] = []
    for n in range(4_000):
        items = [f"track:{n}:{k}:{ROW}" for k in range(20)]
        rows = [{"item": item, "public": True} for item in items]
        code, said = daemon.asked("POST", "/api/v1/interactions", {"rows": rows})
        if code != 200:
            assert (code, said["type"]) == (507, "urn:peerrec:problem:full")
            assert "free some space" in said["detail"]
            return acknowledged
        acknowledged += items
    raise AssertionError("the disk was never full")


def has(daemon: RealDaemon, n: int) -> bool:
    return bool(daemon.status()["interactions"] == n)


def goes_on(daemon: RealDaemon, acknowledged: list[str]) -> None:
    """Check that there is room again, and that all is there."""
    assert has(daemon, len(acknowledged))
    daemon.play("track:afterwards")
    assert has(daemon, len(acknowledged) + 1)
    assert daemon.said("log", "verify")["broken"] == 0


@pytest.mark.slow
def test_on_a_full_disk_it_says_so_and_goes_on_when_there_is_room(tmp_path, daemons):
    with small_disk(tmp_path / "disk") as disk:
        daemon = daemons.start("disk/me.db")
        reader = daemons.start("reader.db", "--peer", daemon.invite)
        daemon.play("track:before")
        fill(disk)
        acknowledged = ["track:before", *fails_at_last(daemon)]
        for n in range(1_000):  # where a batch does not fit some single plays may
            result = run("record", f"track:single:{n}:{ROW}", "--public", "--store", daemon.store)
            if result.exit_code != 0:
                break
            acknowledged.append(f"track:single:{n}:{ROW}")
        assert result.exit_code == 3
        assert "free some space" in result.stderr
        assert len(result.stderr.splitlines()) == 1
        assert daemon.asked("GET", "/health/ready")[0] == 200
        assert daemon.asked("GET", "/api/v1/recommendations")[0] == 200
        (disk / FILLING).unlink()
        goes_on(daemon, acknowledged)
        until(lambda: has(reader, len(acknowledged) + 1))
        assert reader.status()["forks"] == 0

        fill(disk)
        daemon.kill()
        assert "free some space" in complaint(3, *RUN, "--store", daemon.store)
        (disk / FILLING).unlink()
        last = daemons.start("disk/me.db", "--peer", reader.invite)
        last.play("track:last")
        until(lambda: has(reader, len(acknowledged) + 2))
        assert reader.status()["forks"] == 0
        assert last.stop() == 0


def test_without_room_for_a_store_it_says_so(tmp_path):
    with small_disk(tmp_path / "disk") as disk:
        fill(disk)
        line = refused(3, *RUN, "--store", disk / "me.db")
    assert "free some space" in line


def test_at_a_limit_on_file_sizes_it_says_so_and_goes_on_beyond(daemons):
    if not hasattr(resource, "prlimit"):
        pytest.skip("needs Linux, to lift the limit of another process")
    daemon = daemons.start()
    pid = daemon.process.pid
    _, most = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (LIMIT_BYTES, most))
    acknowledged = fails_at_last(daemon)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (most, most))
    goes_on(daemon, acknowledged)
    assert daemon.stop() == 0
