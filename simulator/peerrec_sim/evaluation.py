"""Evaluate a ranker on a community: relevance, variety, fairness, and under attack.

Example:
    >>> import numpy as np
    >>> from peerrec_sim.community import Community, Interactions
    >>> from peerrec_sim.rankers import by_name
    >>> train, test = Interactions.of([0, 1, 1], [0, 0, 1]), Interactions.of([0], [1])
    >>> community = Community("tiny", ("ann", "bob"), ("x", "y"), train, test=test)
    >>> evaluate(community, by_name("p3alpha"), n=1).as_dict()["recall@1"]
    1.0
"""

from __future__ import annotations

import dataclasses
import resource
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import msgspec
import numpy as np

from peerrec.errors import ConfigError, DataError
from peerrec_sim import metrics
from peerrec_sim.bootstrap import with_bootstrap
from peerrec_sim.community import Community
from peerrec_sim.evaluation_result import AttackResult, Evaluation
from peerrec_sim.matrices import Csr, binary, degrees
from peerrec_sim.rankers import AnyRanker
from peerrec_sim.rankers.base import Float64s, Int32s
from peerrec_sim.serving import Progress, Request, Served, serve

__all__ = [
    "Attack",
    "AttackPlan",
    "AttackResult",
    "Attacked",
    "Evaluation",
    "Measured",
    "check_sizes",
    "evaluate",
    "measure",
]

SIMILARITY_USERS = 1000
"""Users sampled for intra-list similarity: its standard error is then below .01."""


class Attacked(Protocol):
    """What an attack leaves behind; honest users keep their codes."""

    @property
    def community(self) -> Community:
        """The community with the attacker's users, items and edges in it."""
        ...

    @property
    def sybils(self) -> Int32s:
        """User codes of the invented identities."""
        ...

    @property
    def targets(self) -> Int32s:
        """Item codes that the attack pushes."""
        ...

    @property
    def trusting(self) -> Int32s:
        """User codes of the honest ends of the attack edges."""
        ...


class Attack(Protocol):
    """An attack that can be applied to any community."""

    def apply(
        self,
        community: Community,
        n_sybils: int,
        attack_edges: int,
        rng: np.random.Generator,
    ) -> Attacked:
        """Return the community with the attack in it."""
        ...


@dataclass(frozen=True, slots=True)
class AttackPlan:
    """Which attack, in which sizes.

    Attributes:
        name: what reports call it.
        attack: what is applied.
        sybils: numbers of identities to try; 0 stands for peace.
        attack_edges: numbers of honest users who trust one of them.
    """

    name: str
    attack: Attack
    sybils: Sequence[int]
    attack_edges: Sequence[int]


def evaluate(
    community: Community,
    ranker: AnyRanker,
    *,
    n: int = 20,
    users: int | None = None,
    seed: int = 0,
    use_trust: bool = True,
    attack: AttackPlan | None = None,
    workers: int | None = None,
    progress: Progress | None = None,
) -> Evaluation:
    """Return how well a ranker serves the users who have a held-out item.

    All items are ranked, those of the training part excluded. Peace and every attack
    are measured on the same honest users with the same seed; the number of workers
    changes nothing but the time.

    Args:
        community: with a test part.
        ranker: fitted here, to the training part.
        n: length of the lists.
        users: serve a sample of this many users; None for all.
        seed: of the sample, of the attack and of the ranker.
        use_trust: False takes the trust edges away before the ranker sees them.
        attack: measure under this attack, too.
        workers: processes to use; None for one per core.
        progress: told what has been done.

    Raises:
        ConfigError: n or users is not positive.
        DataError: nobody has a held-out item.
    """
    started = time.perf_counter()
    check_sizes(n, users)
    community = with_bootstrap(community, seed)
    run = _Run(community, ranker, n, seed, use_trust, workers, progress)
    asked = sample_users(community, users, seed)
    peace = run.measure(community, asked, "peace")
    curve = [] if attack is None else run.curve(attack, asked, peace)
    train = binary(community.interactions, (community.n_users, community.n_items))
    return Evaluation(
        dataset=community.name,
        ranker=ranker.name,
        parameters=msgspec.structs.asdict(ranker.parameters),
        trust="friends" if run.trust_matters else "none",
        users=len(asked),
        n=n,
        seed=seed,
        recall=float(peace.recall.mean()),
        ndcg=float(peace.ndcg.mean()),
        precision=float(peace.precision.mean()),
        **_variety(peace.served.items, train, seed),
        worst10_ndcg=metrics.worst_mean(peace.ndcg),
        cold_ndcg=metrics.cold_mean(peace.ndcg, degrees(train)[0][asked]),
        false_flag_rate=_mean(peace.served.false_flags),
        attack=None if attack is None else attack.name,
        curve=curve,
        seconds=time.perf_counter() - started,
        fit_seconds=peace.fit_seconds,
        peak_rss_mb=peak_rss_mb(),
    )


@dataclass(frozen=True, slots=True)
class Measured:
    """Lists of some users and what each of them is worth.

    Attributes:
        served: the lists.
        recall: per user, shape (u,).
        ndcg: per user, shape (u,).
        precision: per user, shape (u,).
        fit_seconds: wall time of the fit.
    """

    served: Served
    recall: Float64s
    ndcg: Float64s
    precision: Float64s
    fit_seconds: float


def measure(
    community: Community,
    ranker: AnyRanker,
    request: Request,
    *,
    seed: int = 0,
    workers: int | None = None,
    progress: Progress | None = None,
    stage: str = "ranking",
) -> Measured:
    """Fit the ranker, serve the users and compare with what was held out.

    Args:
        community: with a test part.
        ranker: fitted here.
        request: who wants a list of which length.
        seed: given to the ranker.
        workers: processes to use; None for one per core.
        progress: told what has been done.
        stage: what the progress is called.

    Raises:
        DataError: nothing is held out.
    """
    if community.test is None or not len(community.test):
        raise DataError(f"{community.name}: nothing is held out to measure against; split it first")
    if progress is not None:
        progress(stage, 0, len(request.users))
    started = time.perf_counter()
    ranker.fit(community, seed)
    fit_seconds = time.perf_counter() - started
    served = serve(ranker, community, request, workers=workers, progress=progress, stage=stage)
    shape = (community.n_users, community.n_items)
    relevant = binary(community.test, shape)[request.users]
    hit = metrics.hits(served.items, relevant)
    wanted = metrics.n_relevant(relevant)
    return Measured(
        served,
        metrics.recall(hit, wanted),
        metrics.ndcg(hit, wanted),
        metrics.precision(hit),
        fit_seconds,
    )


def check_sizes(n: int, users: int | None) -> None:
    """Refuse lists or samples of nothing.

    Raises:
        ConfigError: n or users is not positive.
    """
    if n < 1:
        raise ConfigError("n", n, "a list has at least 1 item")
    if users is not None and users < 1:
        raise ConfigError("users", users, "sample at least 1 user")


def sample_users(community: Community, users: int | None, seed: int) -> Int32s:
    """Return users with a held-out item, ascending: all, or a sample of so many."""
    if community.test is None:
        return np.empty(0, np.int32)
    everybody = np.unique(community.test.user)
    if users is None or users >= len(everybody):
        return everybody
    return np.sort(np.random.default_rng(seed).choice(everybody, users, replace=False))


@dataclass(frozen=True, slots=True)
class _Run:
    """What stays the same over all measurements of one evaluation."""

    community: Community
    ranker: AnyRanker
    n: int
    seed: int
    use_trust: bool
    workers: int | None
    progress: Progress | None

    @property
    def trust_matters(self) -> bool:
        """Whether trust edges can change a score."""
        return self.use_trust and self.ranker.uses_trust and self.community.trust is not None

    def measure(
        self, community: Community, asked: Int32s, stage: str, attacked: Attacked | None = None
    ) -> Measured:
        """Measure on the held-out part of the honest community."""
        seen = dataclasses.replace(
            community,
            test=self.community.test,
            trust=community.trust if self.use_trust else None,
        )
        request = Request(asked, self.n)
        if attacked is not None:
            request = Request(asked, self.n, attacked.sybils, attacked.targets)
        return measure(
            seen,
            self.ranker,
            request,
            seed=self.seed,
            workers=self.workers,
            progress=self.progress,
            stage=stage,
        )

    def curve(self, plan: AttackPlan, asked: Int32s, peace: Measured) -> list[AttackResult]:
        """Return one result per number of attack edges and of identities."""
        return [
            self.point(plan, n_sybils, attack_edges, asked, peace)
            for attack_edges in plan.attack_edges
            for n_sybils in plan.sybils
        ]

    def point(
        self, plan: AttackPlan, n_sybils: int, attack_edges: int, asked: Int32s, peace: Measured
    ) -> AttackResult:
        """Return one point of the Sybil curve."""
        measured = peace
        target_hit: float | None = 0.0
        merit = _mean(peace.served.region_merit)
        if n_sybils > 0:
            # One generator for all sizes: the same honest users fall for the attacker.
            rng = np.random.default_rng([self.seed, 2])
            attacked = plan.attack.apply(self.community, n_sybils, attack_edges, rng)
            stage = f"{plan.name}, {n_sybils} identities, {attack_edges} attack edges"
            measured = self.measure(attacked.community, asked, stage, attacked)
            others = ~np.isin(asked, attacked.trusting)
            shown = np.isin(measured.served.items, attacked.targets).sum(axis=1) > 0
            target_hit = _mean(shown.astype(np.float64), others)
            merit = _mean(measured.served.region_merit, others)
        before, after = float(peace.ndcg.mean()), float(measured.ndcg.mean())
        return AttackResult(
            sybils=n_sybils,
            attack_edges=attack_edges,
            recall=float(measured.recall.mean()),
            ndcg=after,
            target_hit=target_hit,
            sybil_merit=merit,
            ndcg_loss=1.0 - after / before if before > 0 else 0.0,
            false_flag_rate=_mean(measured.served.false_flags),
        )


def _variety(lists: Int32s, train: Csr, seed: int) -> dict[str, float]:
    """Return how varied the lists are, over the catalogue and inside each list."""
    n_users, n_items = train.shape
    sample = lists
    if len(lists) > SIMILARITY_USERS:
        rng = np.random.default_rng([seed, 1])
        sample = lists[np.sort(rng.choice(len(lists), SIMILARITY_USERS, replace=False))]
    return {
        "coverage": metrics.coverage(lists, n_items),
        "gini": metrics.gini(lists, n_items),
        "novelty": metrics.novelty(lists, degrees(train)[1], n_users),
        "ils": metrics.intra_list_similarity(sample, train),
    }


def _mean(values: Float64s | None, chosen: metrics.Bools | None = None) -> float | None:
    """Return the mean of the (chosen) values, None where there are none."""
    if values is None:
        return None
    if chosen is not None:
        values = values[chosen]
    return float(values.mean()) if len(values) else None


def peak_rss_mb() -> float:
    """Return the peak resident memory of this process plus its largest ended child, MB.

    Forked workers share the fitted ranker with this process, so the sum says more
    than was in use at once rather than less for up to two workers.
    """
    unit = 1.0 if sys.platform == "darwin" else 1024.0
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    children = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    return (own + children) * unit / 1e6
