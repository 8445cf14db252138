"""Ask a fitted ranker for everybody's list: in blocks, on several cores, reproducibly.

Users are served in blocks whose size depends on the catalogue alone, so neither the
number of workers nor the order in which they finish changes a list. Workers are forked
(the fitted ranker is shared, not copied); where forking is not safe there is one.

Example:
    >>> import numpy as np
    >>> from peerrec_sim.community import Community, Interactions
    >>> from peerrec_sim.rankers import by_name
    >>> plays = Interactions.of([0, 1, 1], [0, 0, 1])
    >>> community = Community("tiny", ("ann", "bob"), ("x", "y"), plays)
    >>> ranker = by_name("popularity")
    >>> ranker.fit(community)
    >>> serve(ranker, community, Request(np.array([0], np.int32), n=2)).items.tolist()
    [[1, -1]]
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np

from peerrec_sim.community import Community
from peerrec_sim.matrices import Csr, binary
from peerrec_sim.metrics import exclude, top_n
from peerrec_sim.rankers import AnyRanker, ExposesMerit, FlagsPeers
from peerrec_sim.rankers.base import Float64s, Int32s

__all__ = ["Progress", "Request", "Served", "default_workers", "serve"]

Progress = Callable[[str, int, int], None]
"""Called with a stage, what is done of it, and how much there is to do."""

BLOCK_SCORES_BYTES = 64 * 2**20
"""Most bytes of scores of one block; a worker holds one block at a time."""

BLOCK_USERS_MAX = 256
"""Most users of one block, so that small catalogues still give progress and balance."""


@dataclass(frozen=True, slots=True)
class Request:
    """Who wants a list, and what is known about the attackers.

    Attributes:
        users: int32 codes of those who get a list, shape (u,).
        n: length of the lists.
        sybils: user codes of the Sybil region; empty in peace.
        targets: item codes that the attack pushes; empty in peace.
    """

    users: Int32s
    n: int
    sybils: Int32s = field(default_factory=lambda: np.empty(0, np.int32))
    targets: Int32s = field(default_factory=lambda: np.empty(0, np.int32))


@dataclass(frozen=True, slots=True)
class Served:
    """What everybody got.

    Attributes:
        items: int32 lists, best first, −1 pads, shape (u, n).
        region_merit: each user's share of merit in the Sybil region, shape (u,), or
            None where the ranker has no merit to show.
        false_flags: each user's share of honest users and items flagged, shape (u,),
            or None where the ranker flags nothing.
    """

    items: Int32s
    region_merit: Float64s | None
    false_flags: Float64s | None


@dataclass(frozen=True, slots=True)
class _Job:
    """All that a worker needs, inherited through the fork."""

    ranker: AnyRanker
    history: Csr
    request: Request

    def serve(self, rows: slice) -> Served:
        """Return the part of the answer for a slice of the users."""
        request = self.request
        users = request.users[rows]
        scores = self.ranker.score(users)
        exclude(scores, self.history[users])
        items = top_n(scores, request.n)
        merit = flags = None
        if isinstance(self.ranker, ExposesMerit):
            merit = self.ranker.region_merit(users, request.sybils)
        if isinstance(self.ranker, FlagsPeers):
            flags = self.ranker.false_flags(users, request.sybils, request.targets)
        return Served(items, merit, flags)


def serve(
    ranker: AnyRanker,
    community: Community,
    request: Request,
    *,
    workers: int | None = None,
    progress: Progress | None = None,
    stage: str = "ranking",
) -> Served:
    """Return the lists of all asked users, without what they have already.

    Args:
        ranker: fitted to this community.
        community: its training interactions are excluded from the lists.
        request: who wants a list of which length.
        workers: processes to use; None for one per core.
        progress: told after each block.
        stage: what the progress is called.
    """
    shape = (community.n_users, community.n_items)
    job = _Job(ranker, binary(community.interactions, shape), request)
    blocks = _blocks(len(request.users), community.n_items)
    n_workers = min(default_workers() if workers is None else workers, len(blocks))
    parts = []
    done = 0
    for part in _run(job, blocks, n_workers):
        parts.append(part)
        done += len(part.items)
        if progress is not None:
            progress(stage, done, len(request.users))
    return _join(parts, request.n)


def default_workers() -> int:
    """Return one worker per core this process may use; 1 where forking is unsafe."""
    if not sys.platform.startswith("linux"):
        return 1
    return len(os.sched_getaffinity(0))


def _blocks(n_users: int, n_items: int) -> list[slice]:
    """Return slices of the users, sized by the catalogue alone."""
    size = max(1, min(BLOCK_USERS_MAX, BLOCK_SCORES_BYTES // (4 * max(1, n_items))))
    return [slice(start, min(start + size, n_users)) for start in range(0, n_users, size)]


def _run(job: _Job, blocks: list[slice], n_workers: int) -> Iterator[Served]:
    """Yield the parts in order, from this process or from forked ones."""
    if n_workers < 2:
        yield from map(job.serve, blocks)
        return
    with multiprocessing.get_context("fork").Pool(n_workers, _adopt, (job,)) as pool:
        yield from pool.imap(_serve_adopted, blocks)
        # Leave in order, so that the parent can tell how much memory its children used.
        pool.close()
        pool.join()


_adopted: list[_Job] = []


def _adopt(job: _Job) -> None:
    """Remember the job in a new worker; Ctrl-C is the parent's to handle."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _adopted[:] = [job]


def _serve_adopted(rows: slice) -> Served:
    """Serve a slice of users in a worker."""
    return _adopted[0].serve(rows)


def _join(parts: list[Served], n: int) -> Served:
    """Return the parts as one."""
    if not parts:
        return Served(np.empty((0, n), np.int32), None, None)
    return Served(
        np.concatenate([part.items for part in parts]),
        _join_columns(part.region_merit for part in parts),
        _join_columns(part.false_flags for part in parts),
    )


def _join_columns(columns: Iterable[Float64s | None]) -> Float64s | None:
    """Return the columns as one, or None where there are none."""
    present = [column for column in columns if column is not None]
    return np.concatenate(present) if present else None
