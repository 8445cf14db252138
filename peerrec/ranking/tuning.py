"""Choose the walk's parameters on what people did last: theirs, on their own device.

Some interactions of some egos are hidden (`peerrec.ranking.holdout`), and the parameters
that rank the hidden ones best win: mean of recall@20 and NDCG@20. The exponents, the
entry discount and the damping decide where walks go; they are searched one at a time, and
each point is rated with the best ridge, rounds and popularity discount for it, which cost
next to nothing (`peerrec.ranking.walk_trials`). First a few egos choose among
starting points and say how many rounds are worth it; then all egos decide. (A whole search
on the few was tried: with 500 egos it follows noise.)

What is never tuned: cap, gate exponent and MeritRank's decays, and damping stays ≥ .03.
They bound what an attacker gains; measured where nobody attacks, hearing more strangers
always looks better, and a search would trade the safety away.

Gowalla, all users, recall@20 / NDCG@20 on the test part (`peerrec evaluate gowalla --ranker
salsa`, then `--tune`): .1796 / .1460 → .1908 / .1592. How far a search gets within a time
budget, and hence the last digits, depend on the machine.

No clock in here: the caller says when time is over. Without that the result depends on
nothing but the arguments.

Example:
    >>> from peerrec.ranking.interactions import InteractionGraph
    >>> rng = np.random.default_rng(1)
    >>> graph = InteractionGraph()
    >>> graph.extend(rng.integers(0, 30, 400), rng.integers(0, 40, 400), 1.0, 0.0)
    >>> tuned = tune_walk(graph.snapshot(), np.arange(30, dtype=np.int32))
    >>> tuned.complete, tuned.score >= tuned.before
    (True, True)
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import msgspec
import numpy as np
import numpy.typing as npt

from peerrec.ranking.holdout import HeldOut, OrderOf, hide, newest_of
from peerrec.ranking.parameter_search import Found, Move, Setting, Trial, never, search
from peerrec.ranking.salsa import SalsaParameters
from peerrec.ranking.snapshot import InteractionSnapshot
from peerrec.ranking.walk_trials import GateOf, MapBlocks, walked

__all__ = ["COMBINED", "DAMPS", "STARTS", "WALKED", "TunedWalk", "n_egos", "tune_walk"]

Int32s: TypeAlias = npt.NDArray[np.int32]

WALKED: Mapping[str, Sequence[float]] = {
    "item_exponent": (0.05, 0.15, 0.25, 0.35, 0.45, 0.55),
    "entry_discount": (-0.15, 0.0, 0.15, 0.3, 0.45, 0.6),
    "user_exponent": (0.2, 0.3, 0.35, 0.4, 0.45, 0.5, 0.6),
}
"""Settings that decide where walks go: each value costs new walks."""

DAMPS = (0.03, 0.1, 0.3)
"""Damping is tuned only where trust gates the walk, and never below its safe value."""

ROUNDS_MAX = 3

COMBINED: Mapping[str, Sequence[float]] = {
    "ridge": tuple(2.0**power for power in range(-3, 11)),
    "popularity_discount": tuple(round(0.05 * step, 2) for step in range(-10, 5)),
    "rounds": tuple(range(1, ROUNDS_MAX + 1)),
}
"""Settings that only combine walks: next to free."""

STARTS: Sequence[Setting] = (
    {"item_exponent": 0.25, "entry_discount": 0.3, "user_exponent": 0.5},
    {"item_exponent": 0.45, "entry_discount": 0.3, "user_exponent": 0.5},
)
"""Starting points beside the given one."""

WALKED_MOVES: Sequence[Move] = (
    {"item_exponent": 1},
    {"entry_discount": 1},
    {"user_exponent": 1},
    {"item_exponent": 1, "entry_discount": -1},
)
COMBINED_MOVES: Sequence[Move] = (
    {"ridge": 1},
    {"popularity_discount": 1},
    {"ridge": 1, "popularity_discount": 1},
    {"rounds": 1},
)

SCREENED_WORK, DECIDED_WORK = 400_000_000, 1_600_000_000
"""Egos × edges that one point may cost, when starting points are compared and after."""

SCREENED_MIN, DECIDED_MIN, EGOS_MAX = 200, 400, 3000
"""However large the graph, fewer egos would measure noise; more are never needed."""


class TunedWalk(msgspec.Struct, frozen=True):
    """What was chosen, and on what evidence.

    Attributes:
        parameters: the best found.
        score: their mean of recall@20 and NDCG@20 on the hidden interactions.
        before: the same of the parameters to begin with.
        trials: all points of the deciding search, each with the best combination for it.
        egos: number of people measured.
        complete: False where time ended the search.
    """

    parameters: SalsaParameters
    score: float
    before: float
    trials: list[Trial]
    egos: int
    complete: bool

    @property
    def found(self) -> bool:
        """Whether anything is better than what was there before."""
        return self.score > self.before


def n_egos(view: InteractionSnapshot) -> int:
    """Return on how many egos a search on this graph decides, at most."""
    return min(EGOS_MAX, max(DECIDED_MIN, DECIDED_WORK // max(1, view.n_edges)))


def tune_walk(
    view: InteractionSnapshot,
    egos: Int32s,
    start: SalsaParameters | None = None,
    *,
    gate_of: GateOf | None = None,
    order_of: OrderOf | None = None,
    hold_out: HeldOut | None = None,
    map_blocks: MapBlocks = map,
    out_of_time: Callable[[], bool] = never,
) -> TunedWalk:
    """Return the parameters that foretell hidden interactions best.

    Args:
        view: the graph; it stays whole, since no user is a hub of their own walk.
        egos: user codes to measure on, in an order that makes any first part of them a
            fair sample; more than needed are left out.
        start: parameters to begin with; also the answer where nothing is better.
        gate_of: what each ego trusts; None counts everyone alike.
        order_of: how late each interaction was; None goes by the graph's own minutes.
        hold_out: what to hide, instead of the last fifth of each of `egos`.
        map_blocks: how blocks of egos are walked; `map`, or side by side.
        out_of_time: asked before each point; True ends the search.
    """
    given = start or SalsaParameters()
    n_edges = max(1, view.n_edges)
    if hold_out is None:
        hold_out = hide(view, egos[: n_egos(view)], order_of or newest_of(view))
    if not len(hold_out):
        return TunedWalk(given, 0.0, 0.0, [], 0, True)
    few = hold_out.first(max(SCREENED_MIN, SCREENED_WORK // n_edges))
    rater = _Rater(view, few, given, ROUNDS_MAX, gate_of, map_blocks)
    hint, rounds, others = given, ROUNDS_MAX, STARTS
    if 2 * len(few) <= len(hold_out):
        hint = msgspec.structs.replace(given, **rater.screen(out_of_time).best.settings)
        rounds, others = max(2, hint.rounds, given.rounds), ()
    rater = _Rater(view, hold_out, hint, rounds, gate_of, map_blocks)
    found, before = rater.decide(given, others, out_of_time)
    better = found.best.score > before
    return TunedWalk(
        msgspec.structs.replace(given, **found.best.settings) if better else given,
        found.best.score if better else before,
        before,
        found.trials,
        len(hold_out),
        found.complete,
    )


@dataclass(slots=True)
class _Rater:
    """Rates where walks go by the best that can be made of them."""

    view: InteractionSnapshot
    held: HeldOut
    hint: SalsaParameters
    rounds: int
    gate_of: GateOf | None
    map_blocks: MapBlocks
    best: float = -1.0
    watched: SalsaParameters | None = None
    watched_score: float = 0.0

    def screen(self, out_of_time: Callable[[], bool]) -> Found:
        """Return the best of the starting points, without a search from there."""
        given = {name: getattr(self.hint, name) for name in WALKED}
        starts = [given, *(start for start in STARTS if start != given)]
        return search(WALKED, starts, self.rate, out_of_time, [])

    def decide(
        self, given: SalsaParameters, others: Sequence[Setting], out_of_time: Callable[[], bool]
    ) -> tuple[Found, float]:
        """Return the search's answer, and the score of the given parameters as they are."""
        self.watched = given
        grid, moves = dict(WALKED), list(WALKED_MOVES)
        if self.gate_of is not None:
            grid["damp"] = DAMPS
            moves.append({"damp": 1})
        first, screened = (
            {name: getattr(options, name) for name in grid} for options in (given, self.hint)
        )
        starts = [first, screened, *(first | start for start in others)]
        found = search(grid, starts, self.rate, out_of_time, moves)
        return found, self.watched_score

    def rate(self, settings: Setting) -> tuple[float, Setting]:
        """Return the score of these walks and the combination that reaches it."""
        options = msgspec.structs.replace(self.hint, **{**settings, "rounds": self.rounds})
        walks = walked(self.view, self.held, options, self.gate_of, self.map_blocks)
        if self.watched is not None and _same_walks(options, self.watched):
            self.watched_score = walks.score(self.watched)
        grid: dict[str, Sequence[Any]] = dict(COMBINED)
        grid["rounds"] = [rounds for rounds in COMBINED["rounds"] if rounds <= self.rounds]

        def score(combination: Setting) -> tuple[float, Setting]:
            return walks.score(msgspec.structs.replace(options, **combination)), combination

        hint = {name: getattr(self.hint, name) for name in COMBINED}
        hint["rounds"] = min(hint["rounds"], self.rounds)
        found = search(grid, [hint], score, moves=COMBINED_MOVES).best
        if found.score > self.best:
            # What suits the best walks is the best guess for their neighbours.
            self.best = found.score
            self.hint = msgspec.structs.replace(self.hint, **found.settings)
        return found.score, {**settings, **found.settings}


def _same_walks(one: SalsaParameters, other: SalsaParameters) -> bool:
    """Return whether the walks go the same ways."""
    return all(getattr(one, name) == getattr(other, name) for name in (*WALKED, "damp"))
