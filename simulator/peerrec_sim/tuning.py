"""Choose a ranker's parameters on a part held out of the training data.

The test part is never touched. Of some users a fifth of the *training* interactions is
hidden (see `peerrec_sim.lateness` for which), and what ranks it best, by the mean of
recall@20 and NDCG@20, is chosen. The library's walks tune as a device does, with
`peerrec.ranking.tuning`; every other ranker by the same search over its own grid, one fit
a point. The order is fixed; only the wall-clock budget can cut it short.

Example:
    >>> import numpy as np
    >>> from peerrec_sim.community import Community, Interactions
    >>> from peerrec_sim.rankers import by_name
    >>> rng = np.random.default_rng(0)
    >>> plays = Interactions.of(rng.integers(0, 20, 300), rng.integers(0, 30, 300))
    >>> community = Community("tiny", tuple("abcdefghijklmnopqrst"), [*map(str, range(30))], plays)
    >>> report = tune(community, by_name("p3alpha"), budget_s=60)
    >>> sorted(report.chosen)
    ['transition_exponent']
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Protocol, runtime_checkable

import msgspec
import numpy as np
import numpy.typing as npt

from peerrec.errors import ConfigError
from peerrec.ranking.parameter_search import Found, Setting, Trial, search
from peerrec.ranking.walk_trials import MapBlocks
from peerrec_sim.community import Community
from peerrec_sim.evaluation import measure
from peerrec_sim.lateness import hide_latest
from peerrec_sim.parallel import map_forked
from peerrec_sim.rankers import AnyRanker
from peerrec_sim.serving import Progress, Request, default_workers

__all__ = ["Trial", "TunesItself", "TuningReport", "tune"]

Int32s = npt.NDArray[np.int32]

USERS_MAX = 2000
"""Users sampled for rankers that are fitted anew for each trial."""

LIST_LENGTH = 20
"""Length of the lists that are compared."""


class TuningReport(msgspec.Struct, frozen=True):
    """What was chosen, and why.

    Attributes:
        chosen: the best values found, for ``Ranker.with_settings``.
        score: mean of recall@20 and NDCG@20 they reach on the hidden interactions.
        before: the same of the ranker as it was given.
        trials: all points of the deciding search, in the order they were tried.
        users: number of users measured.
        complete: False where the budget ended the search.
        seconds: wall time spent.
        why: the choice as a sentence.
    """

    chosen: Setting
    score: float
    before: float
    trials: list[Trial]
    users: int
    complete: bool
    seconds: float
    why: str


class Tuned(Protocol):
    """What a ranker that tunes itself found; see `peerrec.ranking.tuning.TunedWalk`."""

    @property
    def score(self) -> float:
        """Score of the chosen settings."""
        ...

    @property
    def before(self) -> float:
        """Score of the settings to begin with."""
        ...

    @property
    def trials(self) -> list[Trial]:
        """All points that were tried."""
        ...

    @property
    def egos(self) -> int:
        """Number of users measured."""
        ...

    @property
    def complete(self) -> bool:
        """Whether the search came to its end."""
        ...


@runtime_checkable
class TunesItself(Protocol):
    """A ranker that knows a cheaper way than one fit for each trial."""

    def tuned(
        self,
        community: Community,
        seed: int,
        map_blocks: MapBlocks,
        out_of_time: Callable[[], bool],
    ) -> tuple[Setting, Tuned]:
        """Return the best settings for the training part, and how they were found."""
        ...


def tune(
    community: Community,
    ranker: AnyRanker,
    *,
    budget_s: float = 60.0,
    seed: int = 0,
    users: int = USERS_MAX,
    workers: int | None = None,
    progress: Progress | None = None,
) -> TuningReport:
    """Return the best parameters found on training data within a budget.

    The ranker's own settings are always tried first, so the answer is never worse than
    they are on the hidden part.

    Args:
        community: only its training interactions (and trust) are looked at.
        ranker: gives the grid and the starting point; it is not changed.
        budget_s: no further trial starts after this many seconds.
        seed: of the sampled users and of the ranker.
        users: most users to measure a ranker on that is fitted anew for each trial.
        workers: processes to use; None for one per core.
        progress: told after each trial; the total is an estimate.

    Raises:
        ConfigError: the budget is not positive, or the ranker has nothing to tune.
    """
    if not budget_s > 0:
        raise ConfigError("tune-seconds", budget_s, "expected a positive number of seconds")
    if not ranker.grid():
        raise ConfigError("tune", ranker.name, "this ranker has no parameters to tune")
    started = time.perf_counter()
    watch = _Watch(started + budget_s, progress)
    if isinstance(ranker, TunesItself):
        n_workers = default_workers() if workers is None else workers
        chosen, tuned = ranker.tuned(community, seed, map_forked(n_workers), watch.out_of_time)
        parts = (tuned.score, tuned.before, tuned.trials, tuned.egos, tuned.complete)
    else:
        found, n_users = _searched(community, ranker, seed, users, workers, watch)
        chosen = found.best.settings
        parts = (found.best.score, found.trials[0].score, found.trials, n_users, found.complete)
    seconds = time.perf_counter() - started
    given = msgspec.structs.asdict(ranker.parameters)
    report = TuningReport(chosen, *parts, seconds=seconds, why="")
    return msgspec.structs.replace(report, why=_why(report, given, budget_s))


class _Watch:
    """Says when time is over, and passes on how far the search is."""

    def __init__(self, deadline: float, progress: Progress | None) -> None:
        self._deadline, self._progress, self._asked = deadline, progress, 0

    def out_of_time(self) -> bool:
        """Return whether the budget is spent; asked before each trial but the first."""
        self._asked += 1
        if self._progress is not None:
            self._progress("tuning", self._asked, max(20, self._asked + 1))
        return time.perf_counter() > self._deadline


def _searched(
    community: Community,
    ranker: AnyRanker,
    seed: int,
    users: int,
    workers: int | None,
    watch: _Watch,
) -> tuple[Found, int]:
    """Search a ranker's grid, one fit a point; return what was found, and on how many."""
    active = np.unique(community.interactions.user)
    if len(active) > users:
        active = np.sort(np.random.default_rng(seed).choice(active, users, replace=False))
    part = hide_latest(community, active)
    assert part.test is not None
    request = Request(np.unique(part.test.user), LIST_LENGTH)

    def score(settings: Setting) -> tuple[float, Setting]:
        measured = measure(
            part, ranker.with_settings(settings), request, seed=seed, workers=workers
        )
        return float((measured.ndcg + measured.recall).mean()) / 2, settings

    grid = ranker.grid()
    current = msgspec.structs.asdict(ranker.parameters)
    start = {name: current[name] for name in grid}
    return search(grid, [start], score, watch.out_of_time), len(request.users)


def _why(report: TuningReport, given: Setting, budget_s: float) -> str:
    """Return why these settings, as a sentence."""
    moved = [
        f"{name} {given[name]} → {value}"
        for name, value in report.chosen.items()
        if value != given[name]
    ]
    ending = "nothing near is better" if report.complete else f"the {budget_s:g} s were over"
    change = ", ".join(moved) if moved else "the settings stay as they were"
    return (
        f"{change}: mean of recall@{LIST_LENGTH} and NDCG@{LIST_LENGTH} {report.before:.4f} → "
        f"{report.score:.4f} on interactions of {report.users:,} users hidden from the training "
        f"data; {len(report.trials)} trials in {report.seconds:.1f} s, then {ending}"
    )
