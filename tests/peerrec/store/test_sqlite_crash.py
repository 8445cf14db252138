"""Kill the recording process at any point: what it acknowledged is there, and the store opens."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from peerrec.store.sqlite import SqliteStore
from peerrec.testing.store_contract import rows_of

# Records, seals, retracts, sets trust and accepts segments with what they bring; prints a
# number once it is acknowledged.
RECORDER = """
import sys
from peerrec.store import Interaction, SegmentRow, TrustEdge
from peerrec.store.sqlite import SqliteStore
store = SqliteStore(sys.argv[1])
count = int(sys.argv[2])
while True:
    if count % 1000 == 500:
        rows = [Interaction("other", f"batch:{count}:{k}", 1.0, 60.0) for k in range(5000)]
        store.record_many(rows)
        store.retract(author="other")
    if count % 50 == 0:
        store.trust(TrustEdge("me", f"peer:{count}"))
    if count % 49 == 0:
        store.accept(
            segments=[SegmentRow(b"net", 1, count, bytes(32), 1, count, 90, b"frame" * 80)],
            interactions=[Interaction(b"net", f"item:{count}:{k}", 1.0, 60.0) for k in (0, 1, 2)],
            retractions=[(b"net", f"item:{count}:1", 60.0)],
            settings=[("accepted", b"%d" % count)],
        )
    if count % 490 == 0:
        store.flush()
    store.record(Interaction("me", f"track:{count}", 1.0, 60.0 * count))
    sys.stdout.write(f"{count}\\n")
    sys.stdout.flush()
    count += 1
"""


def kill_after(path: Path, n_lines: int, start: int) -> int:
    """Run the recorder from ``start``, kill it after some lines; return the last acknowledged."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", RECORDER, str(path), str(start)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as child:
        assert child.stdout is not None
        lines = [child.stdout.readline() for _ in range(n_lines)]
        child.send_signal(signal.SIGKILL)
        lines += child.stdout.readlines()
    whole = [int(line) for line in lines if line.endswith("\n")]
    assert whole == list(range(start, start + len(whole)))
    return whole[-1]


def survive(path: Path, n_kills: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    start = 0
    for _ in range(n_kills):
        last = kill_after(path, int(rng.integers(1, 700)), start)
        with SqliteStore(path) as store:
            store.check()
            mine = [row.item for row in rows_of(store) if row.author == "me"]
            peers = store.peers().ids
            check_accepted(store)
        # At most one more than acknowledged: written, killed before the line was printed.
        assert len(mine) - (last + 1) in (0, 1)
        assert mine == [f"track:{k}" for k in range(len(mine))]
        assert all(f"peer:{k}" in peers for k in range(0, last + 1, 50))
        start = len(mine)


def check_accepted(store: SqliteStore) -> None:
    """Check that of every accepted segment all is there, or nothing."""
    assert not store.was_restored
    index = store.segments.index()
    seqs = index.seq.tolist()
    assert seqs == sorted(set(seqs))
    assert seqs == list(range(0, seqs[-1] + 1, 49) if seqs else [])
    assert store.setting("accepted") == (b"%d" % seqs[-1] if seqs else None)
    brought = [row.item for row in rows_of(store) if row.author == b"net"]
    assert sorted(set(brought)) == sorted(f"item:{seq}:{k}" for seq in seqs for k in (0, 2))


def test_twenty_kills_lose_nothing_acknowledged(tmp_path: Path):
    survive(tmp_path / "me.db", n_kills=20, seed=1)


@pytest.mark.slow
def test_three_hundred_kills_lose_nothing_acknowledged(tmp_path: Path):
    survive(tmp_path / "me.db", n_kills=300, seed=2)
