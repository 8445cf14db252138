"""Say who the honest people of a scenario are: what they like, play when, whom they trust.

Example:
    >>> from peerrec_sim.scenario.schema import Population
    >>> scenario = Scenario(name="tiny", population=Population(nodes=20, items=100))
    >>> people = population(scenario, start=1e9)
    >>> people.n_users, people.test is not None
    (20, True)
"""

from __future__ import annotations

import dataclasses
from collections import deque
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from peerrec.errors import ConfigError
from peerrec_sim.community import Community, Interactions, TrustEdges
from peerrec_sim.datasets import load
from peerrec_sim.generator import generate
from peerrec_sim.scenario.schema import Scenario
from peerrec_sim.simulation.chance import Purpose, chance
from peerrec_sim.simulation.traits import Traits
from peerrec_sim.splits import split

__all__ = ["Plays", "plays", "population"]

BEFORE_S = 7 * 86_400.0
"""Time before the start over which what was played before is spread."""

Bools = npt.NDArray[np.bool_]
Float64s = npt.NDArray[np.float64]
Int32s = npt.NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class Plays:
    """What honest people record, when, sorted by person and time.

    Attributes:
        user, item: int32 codes of the community, shape (m,).
        weight: float32, shape (m,).
        time: float64 unix seconds; what lies before the start is in the store from the
            beginning, shape (m,).
        public: whether it is published, shape (m,).
    """

    user: Int32s
    item: Int32s
    weight: npt.NDArray[np.float32]
    time: Float64s
    public: Bools

    def rows_of(self, user: int) -> slice:
        """Return the rows of one person."""
        first, last = np.searchsorted(self.user, [user, user + 1]).tolist()
        return slice(first, last)


def population(scenario: Scenario, start: float) -> Community:
    """Return the honest people; what nobody records is the test part.

    Raises:
        ConfigError: there are fewer people than asked for.
        DataError: the data set cannot be read or split.
    """
    wanted, rng = scenario.population, chance(scenario.seed, Purpose.POPULATION)
    if wanted.source == "generated":
        n_plays = min(wanted.plays_per_node * wanted.nodes, wanted.nodes * wanted.items // 4)
        seed = int(rng.integers(1 << 32))
        people = generate(seed, wanted.nodes, wanted.items, interactions=n_plays, now=start)
    else:
        people = cut(load(wanted.dataset), wanted.nodes, rng)
    people = dataclasses.replace(people, trust=_trust(people, wanted.trust))
    return split(people, "hash" if scenario.workload.hold_out == "hash" else "time")


def _trust(people: Community, kind: str) -> TrustEdges | None:
    if kind == "friends":
        return people.trust
    if kind == "none":
        return None
    n = people.n_users
    each = np.arange(n)
    source = np.repeat(each, 2)
    target = np.stack([(each - 1) % n, (each + 1) % n], axis=1).ravel()
    kept = source != target
    source, target = source[kept].astype(np.int32), target[kept].astype(np.int32)
    return TrustEdges(source, target, np.ones(len(source), np.float32))


# -- a part of a data set ------------------------------------------------------------------


def cut(people: Community, n: int, rng: np.random.Generator) -> Community:
    """Return n people of a community, friends of those taken first.

    Raises:
        ConfigError: there are not so many.
    """
    if n > people.n_users:
        raise ConfigError(
            "population.nodes",
            n,
            f"{people.name} has {people.n_users} people; take at most so many",
        )
    if n == people.n_users:
        return people
    chosen = np.sort(np.array(_gathered(people, n, rng), np.int32))
    parts = [people.interactions] + ([] if people.test is None else [people.test])
    kept = [part.take(np.isin(part.user, chosen)) for part in parts]
    items = np.unique(np.concatenate([part.item for part in kept]))
    recoded = [_recoded(part, chosen, items) for part in kept]
    return dataclasses.replace(
        people,
        users=tuple(people.users[user] for user in chosen.tolist()),
        items=tuple(people.items[item] for item in items.tolist()),
        interactions=recoded[0],
        test=recoded[1] if len(recoded) > 1 else None,
        trust=_trust_among(people.trust, chosen),
        bootstrap=(),
    )


def _gathered(people: Community, n: int, rng: np.random.Generator) -> list[int]:
    """Draw people breadth-first along trust; begin anew where nobody is left."""
    friends: dict[int, list[int]] = {}
    if people.trust is not None:
        edges = zip(people.trust.source.tolist(), people.trust.target.tolist(), strict=True)
        for source, target in edges:
            friends.setdefault(source, []).append(target)
    taken: dict[int, None] = {}
    order = iter(rng.permutation(people.n_users).tolist())
    queue: deque[int] = deque()
    while len(taken) < n:
        user = queue.popleft() if queue else next(order)
        if user not in taken:
            taken[user] = None
            queue.extend(friends.get(user, ()))
    return list(taken)


def _recoded(part: Interactions, users: Int32s, items: Int32s) -> Interactions:
    user, item = np.searchsorted(users, part.user), np.searchsorted(items, part.item)
    return Interactions(user.astype(np.int32), item.astype(np.int32), part.weight, part.time)


def _trust_among(trust: TrustEdges | None, users: Int32s) -> TrustEdges | None:
    if trust is None:
        return None
    kept = np.isin(trust.source, users) & np.isin(trust.target, users)
    return TrustEdges(
        np.searchsorted(users, trust.source[kept]).astype(np.int32),
        np.searchsorted(users, trust.target[kept]).astype(np.int32),
        trust.weight[kept],
        None if trust.time is None else trust.time[kept],
    )


# -- who plays what when -------------------------------------------------------------------


def plays(scenario: Scenario, people: Community, start: float) -> Plays:
    """Return what everybody records, at which times of the run.

    A history keeps its real order; without times it has a drawn one. Its first part, the
    share ``workload.before``, lies before the start; the rest is spread over the length,
    or comes at exponential intervals, and what would come after the end never does.
    """
    part, work = people.interactions, scenario.workload
    rng = chance(scenario.seed, Purpose.WORKLOAD)
    ties = rng.permutation(len(part))
    order = np.lexsort((ties, ties if part.time is None else part.time, part.user))
    user = part.user[order]
    public = rng.random(len(part)) < work.public_share
    public &= ~Traits.drawn(scenario, people.n_users).private[user]
    n_of = np.bincount(user, minlength=people.n_users)
    place = np.arange(len(user)) - (np.cumsum(n_of) - n_of)[user]
    n_before = np.round(work.before * n_of).astype(np.int64)
    before = place < n_before[user]
    # Nothing at the very ends: a play on the last second would be heard of by nobody.
    share = (place + 1.0) / (n_before[user] + 1.0)
    later = (place - n_before[user] + rng.random(len(user))) / np.maximum(n_of - n_before, 1)[user]
    after_s = scenario.length_s * later
    if work.per_node_s:
        after_s = _at_intervals(user, before, work.per_node_s, rng)
    time = np.where(before, start - BEFORE_S * (1.0 - share), start + after_s)
    kept = time < start + scenario.length_s
    return Plays(
        user[kept],
        part.item[order][kept],
        part.weight[order][kept],
        time[kept],
        public[kept],
    )


def _at_intervals(user: Int32s, before: Bools, mean_s: float, rng: np.random.Generator) -> Float64s:
    """Return for each row seconds after the start: the sum of its person's waits."""
    waits = np.where(before, 0.0, rng.exponential(mean_s, len(user)))
    total = np.cumsum(waits)
    first = np.searchsorted(user, user)
    since: Float64s = total - (total[first] - waits[first])
    return since
