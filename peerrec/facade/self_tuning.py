"""Tune lists on the device: when, on whose interactions, and what is remembered.

The walk's parameters are chosen on held-out last interactions of the node's own user
and of the peers it trusts directly; where a factor table is served, so is its share, with
the chosen walk. The choice and its evidence stay in the store.

Example:
    >>> choice = Choice(SalsaParameters(rounds=3), {"ndcg": 0.2}, interactions=80, time=60.0)
    >>> decoded(encoded(choice)) == choice, decoded(b"damaged") is None
    (True, True)
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import msgspec
import numpy as np
import numpy.typing as npt

from peerrec.facade.sight import EGO, Sight
from peerrec.limits import DAY_S
from peerrec.ranking.blend import BlendParameters
from peerrec.ranking.graph import GraphSnapshot
from peerrec.ranking.rank import RankSettings, gate_of
from peerrec.ranking.salsa import Salsa, SalsaParameters
from peerrec.ranking.table_scores import TableScores

__all__ = [
    "SETTING",
    "Choice",
    "Task",
    "Tuner",
    "decoded",
    "encoded",
    "is_due",
    "task_for",
    "tuned",
    "with_choice",
]

Int32s: TypeAlias = npt.NDArray[np.int32]
Float32s: TypeAlias = npt.NDArray[np.float32]

SETTING = "ranking.walk"
"""Where the store remembers the choice."""

OWN_MIN = 50
"""Own items from which a choice is more than noise."""

GROWTH_MIN = 1.5
"""Own items since the last choice, as a ratio, that make another one worth while."""

EGOS_MAX = 64
"""People whose last interactions are held out: more take longer, and change little."""


class Choice(msgspec.Struct, frozen=True, omit_defaults=True):
    """What was chosen, and why.

    Attributes:
        walk: the parameters.
        evidence: what the search measured, as plain data.
        interactions: own items counted when it was chosen.
        time: unix seconds.
        blend: how a served table is mixed in; None where none was there to be tried.
    """

    walk: SalsaParameters
    evidence: dict[str, Any]
    interactions: int
    time: float
    blend: BlendParameters | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Task:
    """What a search gets: an immutable view, so that it needs no lock.

    Attributes:
        view: the graph.
        egos: user codes whose last interactions are held out, the own one first.
        start: parameters to begin with.
        gate_of: who is heard by an ego, shape (n_users,); None for everybody alike.
        interactions: own items in the view.
        time: unix seconds of the view.
        table: what a node serves, beside the items of the view; None where none counts.
        blend: parameters to begin with of how it is mixed in.
    """

    view: GraphSnapshot
    egos: Int32s
    start: SalsaParameters
    gate_of: Callable[[int], Float32s] | None
    interactions: int
    time: float
    table: TableScores | None = None
    blend: BlendParameters = RankSettings().blend


Tuner: TypeAlias = Callable[[Task, Callable[[], bool]], Choice | None]
"""Search, until the second argument says that time is over; None for no answer."""


def is_due(n_own: int, last: Choice | None, now: float, served: bool = False) -> bool:
    """Return whether another search is worth its time.

    Args:
        n_own: own items that count.
        last: what was chosen the last time.
        now: unix seconds.
        served: whether there is a table: its first is worth a search, a day after the last one.
    """
    if n_own < OWN_MIN:
        return False
    if last is None:
        return True
    if served and last.blend is None:
        return now - last.time >= DAY_S
    return n_own >= GROWTH_MIN * last.interactions and now - last.time >= DAY_S


def task_for(sight: Sight, now: float, seed: int) -> Task:
    """Return what to search on: the own user and those it trusts directly."""
    view = sight.view(now)
    hearing = sight.hearing(view)
    friends, weights = view.trust.row(EGO)
    known = friends[friends < view.interactions.n_users]
    strongest = np.argsort(-weights[: len(known)], kind="stable")[: EGOS_MAX - 1]
    egos = np.concatenate([[EGO], known[strongest]]).astype(np.int32)
    own_gate, settings = hearing.gate, sight.settings

    def gate(ego: int) -> Float32s:
        if ego == EGO and own_gate is not None:
            return own_gate
        return gate_of(view, ego, np.random.default_rng(seed), settings)[1]

    n_own = len(view.interactions.items_of(EGO)[0])
    return Task(
        view,
        egos,
        settings.walk,
        gate if sight.use_trust else None,
        n_own,
        now,
        sight.table(view),
        settings.blend,
    )


def tuned(task: Task, out_of_time: Callable[[], bool]) -> Choice | None:
    """Return what `tune_walk` finds on a task; None when there was nothing to measure.

    Where nothing is better, the parameters stay and the evidence says so. A table's share
    is chosen after that: as long as a point of the search, also when time is over.
    """
    # Imported here: opening a store must not wait for what runs in the background.
    from peerrec.ranking.tuning import tune_walk

    found = tune_walk(
        task.view.interactions,
        task.egos,
        task.start,
        gate_of=task.gate_of,
        out_of_time=out_of_time,
    )
    if not found.trials:
        return None
    evidence: dict[str, Any] = {
        "score": found.score,
        "before": found.before,
        "egos": found.egos,
        "trials": len(found.trials),
        "complete": found.complete,
    }
    blend = None
    if task.table is not None:
        blend, evidence["blend"] = tuned_blend(task, task.table, found.parameters)
    return Choice(found.parameters, evidence, task.interactions, task.time, blend)


def tuned_blend(
    task: Task, table: TableScores, walk: SalsaParameters
) -> tuple[BlendParameters, dict[str, Any]]:
    """Return how to mix a table with a walk, and the evidence."""
    from peerrec.ranking.table_tuning import tune_table

    salsa = Salsa(task.view.interactions, walk)
    found = tune_table(salsa, task.egos, table, task.blend, task.gate_of)
    evidence = {
        "score": found.score,
        "before": found.before,
        "trials": len(found.trials),
        "rows": len(table.table),
    }
    return found.parameters, evidence


def with_choice(settings: RankSettings, choice: Choice | None) -> RankSettings:
    """Return the settings with what was chosen in place of theirs."""
    if choice is None:
        return settings
    blend = settings.blend if choice.blend is None else choice.blend
    return msgspec.structs.replace(settings, walk=choice.walk, blend=blend)


def encoded(choice: Choice) -> bytes:
    """Return the choice as the store keeps it."""
    return msgspec.json.encode(choice)


def decoded(stored: bytes | None) -> Choice | None:
    """Return a stored choice; None when there is none, or none that this version knows."""
    if stored is None:
        return None
    try:
        return msgspec.json.decode(stored, type=Choice)
    except (msgspec.MsgspecError, ValueError):
        return None
