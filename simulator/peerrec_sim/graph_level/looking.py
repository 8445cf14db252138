"""Let many egos look at one graph, and put what they saw into columns.

Example:
    >>> from peerrec.ranking.rank import RankSettings
    >>> from peerrec_sim.generator import generate
    >>> from peerrec_sim.graph_level.ground import Ground
    >>> from peerrec_sim.splits import split
    >>> people = split(generate(1, 60, 150), "hash")
    >>> view = Ground(people).view(RankSettings())
    >>> seen = look_around(view, people, np.array([3, 5]), n=20, seed=0)
    >>> sorted(seen)[:3], seen["target_hits"].tolist()
    (['honest_flagged', 'list_length', 'merit_mass_sybil'], [0.0, 0.0])
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from peerrec_sim import metrics
from peerrec_sim.community import Community
from peerrec_sim.graph_level.ground import GraphView, Look
from peerrec_sim.matrices import Csr, binary
from peerrec_sim.simulation.chance import Purpose, chance

__all__ = ["Columns", "Step", "look_around", "merit_figures", "never"]

Int32s = npt.NDArray[np.int32]
Float64s = npt.NDArray[np.float64]

Columns: TypeAlias = dict[str, Float64s]
"""Columns of the table of nodes, one row per ego."""

Step: TypeAlias = Callable[[int], bool]
"""Told how many egos are done; says whether to stop."""


def never(done: int) -> bool:
    """Go on, whatever is done."""
    return False


def look_around(
    view: GraphView,
    people: Community,
    egos: npt.NDArray[np.integer],
    *,
    n: int,
    seed: int,
    step: Step = never,
) -> Columns:
    """Return what each ego sees: relevance, targets on the list, merit, flags.

    Args:
        view: the graph, in peace or under attack.
        people: the honest ones; the test part is what relevance is measured on.
        egos: codes of honest people, shape (e,).
        n: length of the lists.
        seed: of the walks of merit; each ego has its own.
        step: asked after each ego whether to stop.

    Returns:
        Columns of as many egos as were looked at, in order.
    """
    lists: list[Int32s] = []
    figures: list[dict[str, float]] = []
    for ego in egos.tolist():
        look = view.look(ego, chance(seed, Purpose.EGOS, ego))
        lists.append(view.best(ego, look.scores, n))
        figures.append(merit_figures(look, people.n_users))
        if step(len(lists)):
            break
    listed = np.array(lists, np.int32).reshape(-1, n)
    columns = {key: np.array([row[key] for row in figures]) for key in figures[0]} if lists else {}
    columns["target_hits"] = (listed >= people.n_items).sum(axis=1).astype(np.float64)
    return columns | _relevance(listed, _wanted(people, egos[: len(lists)]))


def merit_figures(look: Look, n_honest: int) -> dict[str, float]:
    """Return how much merit identities have, and who is flagged, rightly and wrongly."""
    total = float(look.shares.sum())
    honest = look.nodes < n_honest
    n_good, n_bad = int(honest.sum()), int((~honest).sum())
    wrong = int((look.flagged < n_honest).sum())
    return {
        "merit_mass_sybil": float(look.shares[~honest].sum()) / total if total else 0.0,
        "merit_peers": float(len(look.nodes)),
        "honest_flagged": wrong / n_good if n_good else 0.0,
        "sybil_flagged": (len(look.flagged) - wrong) / n_bad if n_bad else np.nan,
    }


def _wanted(people: Community, egos: npt.NDArray[np.integer]) -> Csr:
    """Return the held-out items of each ego, one row each."""
    assert people.test is not None
    rows = np.flatnonzero(np.isin(people.test.user, egos))
    return binary(people.test.take(rows), (people.n_users, people.n_items))[egos]


def _relevance(listed: Int32s, wanted: Csr) -> Columns:
    """Return ndcg, recall and length of each list; NaN where nothing was held out."""
    # A target is no held-out item: it must not be taken for one of the next row.
    hit = metrics.hits(np.where(listed < wanted.shape[1], listed, -1), wanted)
    n_wanted = metrics.n_relevant(wanted)
    known = np.where(n_wanted > 0, 1.0, np.nan)
    return {
        "ndcg": metrics.ndcg(hit, n_wanted) * known,
        "recall": metrics.recall(hit, n_wanted) * known,
        "list_length": (listed >= 0).sum(axis=1).astype(np.float64),
    }
