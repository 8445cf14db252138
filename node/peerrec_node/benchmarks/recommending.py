"""Measure how fast lists are answered while the graph below them changes.

A daemon holds a graph of made-up people, the second is a friend of its person who
publishes all the while: each of the friend's segments changes the graph.

Example:
    >>> from peerrec.store.memory import MemoryStore
    >>> store = MemoryStore()
    >>> fill(store, edges=2_000, rng=np.random.default_rng(0))
    >>> store.size().interactions, len(store.trust_edges())
    (2000, 219)
"""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import numpy as np

from peerrec.store import Interaction, Store, TrustEdge
from peerrec.store.sqlite import SqliteStore
from peerrec_node.benchmarks.load import loaded
from peerrec_node.benchmarks.processes import Running, daemon, rss_mb, until
from peerrec_node.commands.common import ME

__all__ = ["fill", "measure_recommending"]

NOW: Final = 1_700_000_000.0
EDGES_PER_USER: Final = 50
OWN: Final = 100
FRIENDS: Final = 30
TRUSTED: Final = 5
"""Peers whom each of the people trusts."""

PUBLISH_S: Final = 0.1
"""Between two publications of the friend; each leaves at once, as a segment of its own."""


def fill(store: Store, *, edges: int, rng: np.random.Generator) -> None:
    """Record what made-up people, and the store's person, have, and whom they trust.

    Args:
        store: takes it.
        edges: interactions in all.
        rng: who has what.
    """
    n_users = max(2, edges // EDGES_PER_USER)
    n_items = max(10, edges // 10)
    appeal = 1 / np.arange(1, n_items + 1) ** 0.8
    n_own = min(OWN, edges // 4)
    users = np.append(np.full(n_own, -1), rng.integers(0, n_users, edges - n_own))
    items = rng.choice(n_items, edges, p=appeal / appeal.sum())
    ages = rng.uniform(0, 300 * 86_400, edges)
    rows = zip(users.tolist(), items.tolist(), ages.tolist(), strict=True)
    store.record_many(
        Interaction(ME if user < 0 else f"u{user}", f"i{item}", 1.0, NOW - age)
        for user, item, age in rows
    )
    friends = rng.choice(n_users, min(FRIENDS, n_users), replace=False).tolist()
    targets = rng.integers(0, n_users, (n_users, TRUSTED)).tolist()
    pairs = {(ME, f"u{friend}") for friend in friends}
    pairs |= {(f"u{user}", f"u{to}") for user in range(n_users) for to in targets[user]}
    chosen = sorted(pair for pair in pairs if pair[0] != pair[1])
    store.trust_many(TrustEdge(source, target, 0.5, NOW) for source, target in chosen)


def measure_recommending(
    seed: int, *, edges: int = 100_000, seconds: float = 20.0
) -> dict[str, float]:
    """Return how fast ``GET /api/v1/recommendations`` is while a friend publishes.

    Args:
        seed: of the graph.
        edges: interactions in the store.
        seconds: how long to ask.

    Returns:
        ``recommend_per_s``, ``recommend_p50_ms``, ``recommend_p99_ms``: over eight
        connections that ask as fast as they are answered; ``recommend_failed``: answers
        that were no success; ``recommend_segments_in``: how many segments arrived
        meanwhile; ``recommend_with_wrk``: 1 where ``wrk`` asked; ``recommend_edges``;
        ``recommend_rss_mb``: memory of the daemon afterwards.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with SqliteStore(folder / "me.db") as store:
            fill(store, edges=edges, rng=np.random.default_rng(seed))
        with (
            daemon(folder / "friend.db", "--delay", "0") as friend,
            daemon(folder / "me.db", "--peer", friend.invite) as me,
        ):
            me.ask("trust", friend.peer, "1")
            friend.ask("record", "i0", "--public")
            until(lambda: n_segments(me) > 0, "the first segment of a friend")
            token = me.ask("token", "create", "bench", "--scope", "read")["token"]
            url = f"{me.http}/api/v1/recommendations"
            loaded(url, token, 1.0)  # the first list takes the graph in
            before = n_segments(me)
            with publishing(friend, edges // 10):
                found = loaded(url, token, seconds)
            return {
                "recommend_per_s": found.per_s,
                "recommend_p50_ms": found.p50_ms,
                "recommend_p99_ms": found.p99_ms,
                "recommend_failed": found.n_failed,
                "recommend_segments_in": n_segments(me) - before,
                "recommend_with_wrk": int(found.tool == "wrk"),
                "recommend_edges": edges,
                "recommend_rss_mb": rss_mb(me.pid),
            }


@contextmanager
def publishing(friend: Running, n_items: int) -> Iterator[None]:
    """Have a daemon's person publish something ten times a second until the block ends."""
    ended = threading.Event()
    failed: list[BaseException] = []

    def publish() -> None:
        number = 0
        while not ended.wait(PUBLISH_S):
            number += 1
            try:
                friend.ask("record", f"i{number * 7 % n_items}", "--public")
            except Exception as error:
                failed.append(error)
                return

    thread = threading.Thread(target=publish)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
    if failed:
        raise failed[0]


def n_segments(running: Running) -> int:
    """Return how many segments a daemon holds."""
    return int(running.ask("peers")["segments"])
