"""Measure the store: its size, what recording costs, and how fast a million comes out.

Example:
    >>> plays = random_plays(1_000, np.random.default_rng(0))
    >>> len(plays), plays[0].author.startswith("peer:")
    (1000, True)
"""

from __future__ import annotations

import sqlite3
import statistics
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Literal, TypeVar

import numpy as np

from peerrec.limits import DAY_S
from peerrec.store import Interaction, TrustEdge
from peerrec.store.interaction_log import SEGMENT_ROWS
from peerrec.store.snapshot import load_snapshot, write_snapshot
from peerrec.store.sqlite import SqliteStore

__all__ = ["measure_store", "random_plays"]

INTERACTIONS = 1_000_000
AUTHORS = 20_000
ITEMS = 100_000
TRUST_EDGES = 100_000
BATCH = 50_000
"""Interactions of one transaction when the store is filled."""

RECORDS = SEGMENT_ROWS
"""Records of one round: each has one sealing of the head and four checkpoints of the log."""

ROUNDS = 9
"""Ours and the bare ones take turns, so that both see the same disk."""

START_S = 1_700_000_000.0

Result = TypeVar("Result")


def measure_store(seed: int, repeats: int) -> dict[str, float]:
    """Return what a store of 1 M interactions of 20,000 authors costs.

    Items are drawn with a square-law popularity from 100,000, weights are 1, 2, …,
    times spread over 90 days and arrive in order; ids are 17 and about 28 bytes.

    Returns:
        ``bytes_per_interaction``: file size after closing ÷ interactions, with all ids
        and indexes, without trust;
        ``record_over_sqlite``: `SqliteStore.record` of known ids ÷ a bare ``INSERT``
        of the same four values and ``commit()``, same pragmas; median over rounds
        that each hold one sealing and four checkpoints;
        ``record_over_autocommit``: the same, the bare insert in autocommit;
        ``bulk_load_s``: columns of all interactions; ``names_load_s``: the 100,000 item ids
        with their codes; ``trust_load_s``: 100,000 trust edges; ``open_s``: opening;
        ``fill_s``: 1 M in batches; ``snapshot_write_s``, ``snapshot_load_s``: four such
        columns beside the store. Seconds are medians over the repeats.
    """
    rng = np.random.default_rng(seed)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        path = folder / "store.db"
        plays = random_plays(INTERACTIONS, rng)
        numbers = filled(path, plays)
        numbers |= loaded(path, repeats)
        numbers |= recorded(folder, path, plays[:: len(plays) // (ROUNDS * RECORDS)])
    return numbers


def random_plays(n_plays: int, rng: np.random.Generator) -> list[Interaction]:
    """Return plays of random authors and items in order of time."""
    authors = rng.integers(0, AUTHORS, n_plays).tolist()
    items = (ITEMS * rng.random(n_plays) ** 2).astype(int).tolist()
    weights = np.minimum(rng.geometric(0.5, n_plays), 200).astype(float).tolist()
    times = np.sort(START_S + 90 * DAY_S * rng.random(n_plays)).tolist()
    return [
        Interaction(f"peer:{author:012x}", f"track:artist-{item % 3_000}/title-{item}", *rest)
        for author, item, *rest in zip(authors, items, weights, times, strict=True)
    ]


def filled(path: Path, plays: list[Interaction]) -> dict[str, float]:
    """Fill a store; return its size and the time. Trust comes after the size is taken."""
    with SqliteStore(path) as store:
        start = perf_counter()
        for at in range(0, len(plays), BATCH):
            store.record_many(plays[at : at + BATCH])
        fill_s = perf_counter() - start
    size_bytes = path.stat().st_size
    with SqliteStore(path) as store:
        peers = store.peers().ids
        n_peers = len(peers)
        pairs = ((k % n_peers, (k + 1 + 7 * (k // n_peers)) % n_peers) for k in range(TRUST_EDGES))
        store.trust_many(TrustEdge(peers[source], peers[target]) for source, target in pairs)
    return {"bytes_per_interaction": size_bytes / len(plays), "fill_s": fill_s}


class Stopwatch:
    """Collect how long named pieces of work take."""

    def __init__(self) -> None:
        self._seconds: dict[str, list[float]] = {}

    def time(self, key: str, work: Callable[[], Result]) -> Result:
        """Return what the work returns; remember its time under the key."""
        start = perf_counter()
        result = work()
        self._seconds.setdefault(key, []).append(perf_counter() - start)
        return result

    def medians(self) -> dict[str, float]:
        """Return the median seconds of each key."""
        return {key: statistics.median(values) for key, values in self._seconds.items()}


def loaded(path: Path, repeats: int) -> dict[str, float]:
    """Return the median seconds of opening a store and of reading all of it."""
    watch = Stopwatch()
    beside = path.with_name("snapshot")
    for _ in range(repeats):
        store = watch.time("open_s", partial(SqliteStore, path))
        columns = watch.time("bulk_load_s", store.interactions)
        watch.time("names_load_s", store.items)
        watch.time("trust_load_s", store.trust_edges)
        arrays = {name: getattr(columns, name) for name in ("author", "item", "weight", "time")}
        write = partial(write_snapshot, beside, arrays, columns.cursor, tag="benchmark")
        watch.time("snapshot_write_s", write)
        load = partial(load_snapshot, beside, columns.cursor, tag="benchmark")
        watch.time("snapshot_load_s", load)
        store.close()
    return watch.medians()


def recorded(folder: Path, path: Path, plays: list[Interaction]) -> dict[str, float]:
    """Return the time of single records ÷ that of bare inserts."""
    by_commit = bare_database(folder / "commit.db", "DEFERRED")
    by_statement = bare_database(folder / "autocommit.db", None)
    insert = "INSERT INTO plays VALUES (?, ?, ?, ?)"
    rounds = []
    with SqliteStore(path) as store:
        for at in range(0, ROUNDS * RECORDS, RECORDS):
            part = plays[at : at + RECORDS]
            moments = [perf_counter()]
            for play in part:
                store.record(play)
            moments.append(perf_counter())
            for play in part:
                by_commit.execute(insert, play[:4])
                by_commit.commit()
            moments.append(perf_counter())
            for play in part:
                by_statement.execute(insert, play[:4])
            moments.append(perf_counter())
            rounds.append(np.diff(moments))
    by_commit.close()
    by_statement.close()
    ours, commit, statement = np.array(rounds).T
    return {
        "record_over_sqlite": float(np.median(ours / commit)),
        "record_over_autocommit": float(np.median(ours / statement)),
        "record_us": float(np.median(ours) / RECORDS * 1e6),
    }


def bare_database(path: Path, isolation_level: Literal["DEFERRED"] | None) -> sqlite3.Connection:
    """Return a database with one plain table and the pragmas of the store."""
    connection = sqlite3.connect(path, isolation_level=isolation_level)
    for pragma in (
        "locking_mode = EXCLUSIVE",
        "journal_mode = WAL",
        "synchronous = NORMAL",
        "foreign_keys = ON",
        "secure_delete = ON",
    ):
        connection.execute(f"PRAGMA {pragma}")
    connection.execute("CREATE TABLE plays (author TEXT, item TEXT, weight REAL, time REAL)")
    return connection
