"""An offline evaluation: the lists of many people as arrays, scored on what was held out.

Shows ``record_many``, ``recommend_many``, and recall computed with numpy alone. The people
are drawn at random: each has one of four tastes and trusts five people who share it. Thirty
bots copy people and add an advertisement; nobody trusts them, so it is in no list.

Run it: python docs/examples/batch_evaluation.py
"""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from peerrec import Interaction, Recommender, TrustEdge
from peerrec.facade.results import RecommendedArrays

NOW = 1_750_000_000.0
N_USERS, N_ITEMS, N_TASTES = 120, 240, 4
N_KNOWN, N_HELD_OUT, N_LIST, N_FRIENDS = 16, 4, 20, 5


class Figures(NamedTuple):
    """Recall@20 of the lists and of the most popular items, and the lists themselves."""

    recall: float
    recall_popular: float
    lists: RecommendedArrays


def drawn(rng: np.random.Generator) -> npt.NDArray[Any]:
    """Return what each person has, shape (N_USERS, N_KNOWN + N_HELD_OUT)."""
    likely = 1 / np.arange(2, N_ITEMS // N_TASTES + 2)  # some items are known more widely
    has = np.empty((N_USERS, N_KNOWN + N_HELD_OUT), object)
    for user in range(N_USERS):
        liked = rng.choice(len(likely), has.shape[1], replace=False, p=likely / likely.sum())
        has[user] = [f"item:{user % N_TASTES}.{item}" for item in liked]
    return rng.permuted(has, axis=1)  # what is held out is as well known as the rest


def recall(lists: npt.NDArray[Any], held_out: npt.NDArray[Any]) -> float:
    """Return the mean share of held-out items listed; shapes (users, n), (users, m)."""
    hits = (held_out[:, :, None] == lists[:, None, :]).any(axis=2)
    return float(hits.mean())


def main(path: Path | None = None) -> Figures:
    """Train, list and score in a folder; None for a temporary one."""
    if path is None:
        with TemporaryDirectory() as folder:
            return main(Path(folder))
    has = drawn(np.random.default_rng(1))
    known, held_out = has[:, :N_KNOWN], has[:, N_KNOWN:]
    users = [f"user:{user}" for user in range(N_USERS)]
    plays = [Interaction(users[at], item, time=NOW) for (at, _), item in np.ndenumerate(known)]
    for bot in range(30):
        plays += [Interaction(f"bot:{bot}", item, time=NOW) for item in (*known[bot], "advert")]
    steps = N_TASTES * np.arange(1, N_FRIENDS + 1)  # the next five of the same taste
    pairs = np.ndenumerate((np.arange(N_USERS)[:, None] + steps) % N_USERS)
    trust = [TrustEdge(users[at], users[friend], time=NOW) for (at, _), friend in pairs]
    with Recommender.open(path / "batch.db", clock=lambda: NOW) as recommender:
        recommender.record_many(plays)
        recommender.trust_many(trust)
        lists = recommender.recommend_many(users, n=N_LIST)
    items, counts = np.unique(known, return_counts=True)
    ranked = items[np.argsort(-counts, kind="stable")]
    popular = np.stack([ranked[~np.isin(ranked, row)][:N_LIST] for row in known])
    figures = Figures(recall(lists.items, held_out), recall(popular, held_out), lists)
    print(f"recall@{N_LIST} of {N_USERS} lists: {figures.recall:.3f}")
    print(f"recall@{N_LIST} of the most popular: {figures.recall_popular:.3f}")
    return figures


if __name__ == "__main__":
    main()
