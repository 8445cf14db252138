"""Measure steering: what exploration and descriptions do to lists, on real data.

Example:
    >>> lists = np.array([[1, 2], [3, -1]], np.int32)
    >>> share_of_places(lists, np.array([False, True, False, True]))
    0.6666666666666666
"""

from __future__ import annotations

import dataclasses
import multiprocessing
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from peerrec.errors import ConfigError
from peerrec.ranking.descriptions import Descriptions, with_descriptions
from peerrec.ranking.exploration import explored, visits
from peerrec.ranking.neighbourhoods import NEIGHBOURHOODS, neighbourhoods
from peerrec.ranking.recommend import top_items
from peerrec.ranking.salsa import Salsa
from peerrec_sim import datasets, metrics
from peerrec_sim.benchmarks.genres import read_genres
from peerrec_sim.community import Community
from peerrec_sim.matrices import Csr, binary, scale_columns
from peerrec_sim.rankers.base import Float32s, Int32s
from peerrec_sim.rankers.salsa import MeritSalsaRanker, SalsaRanker
from peerrec_sim.serving import Progress, default_workers
from peerrec_sim.splits import split

__all__ = ["measure_cold_items", "measure_exploration", "measure_steering", "share_of_places"]

N = 20
EXPLORE = 0.3
COLD_SHARE = 0.05
"""Of MovieLens-100k's items, hidden from training as if nobody had met them."""

BLOCK = 64
"""Users scored at once."""


def measure_steering(
    data_folder: Path | None,
    seed: int,
    *,
    users: int | None = None,
    workers: int | None = None,
    progress: Progress | None = None,
) -> dict[str, float]:
    """Return what exploration .3 and descriptions do, each against the plain list.

    Args:
        data_folder: holds ``lastfm-2k`` and ``ml-100k``; None for the default.
        seed: of merit, clusters, draws, and of which items are hidden.
        users: measure exploration on a sample of this many users; None for all.
        workers: processes to use; None for one per core.
        progress: told what has been done.

    Returns:
        The figures of :func:`measure_exploration` on lastfm-2k with its friendships
        (all rows, hash 80/20), then those of :func:`measure_cold_items` on ml-100k.
    """
    music = split(datasets.load("lastfm-2k", data_folder), "hash")
    found = measure_exploration(
        music, seed, explore=EXPLORE, users=users, workers=workers, progress=progress
    )
    films = datasets.load("ml-100k", data_folder)
    genres = read_genres(data_folder)
    return found | measure_cold_items(films, genres, seed)


# -- exploration ------------------------------------------------------------------------


class _GatedRanker(MeritSalsaRanker):
    """The walk through trust, keeping the gates it used; all hubs alike without trust."""

    gate: Float32s | None = None

    def _scores(self, users: Int32s, gate: Float32s | None) -> Float32s:
        self.gate = gate
        return super()._scores(users, gate)

    @property
    def salsa(self) -> Salsa:
        """The walk that was fitted."""
        return self._salsa


@dataclass(frozen=True, slots=True)
class _Job:
    """All that a worker needs, inherited through the fork."""

    ranker: _GatedRanker
    users: Int32s
    explore: float
    seed: int

    def lists(self, start: int) -> tuple[Int32s, Int32s, list[float], list[float]]:
        """Return plain and exploring lists of a block, and their unfamiliar shares."""
        users = self.users[start : start + BLOCK]
        scores = self.ranker.score(users)
        view, gates = self.ranker.salsa.view, self.ranker.gate
        plain, exploring = (np.full((len(users), N), -1, np.int32) for _ in range(2))
        shares: tuple[list[float], list[float]] = ([], [])
        for row, user in enumerate(users.tolist()):
            own = view.items_of(user)[0]
            gate = None if gates is None else np.ascontiguousarray(gates[:, row])
            scores[row, own] = 0
            rng = np.random.default_rng([self.seed, user])
            labels = neighbourhoods(view, rng, gate=gate)
            steered = explored(
                view, scores[row], N, self.explore, own=own, labels=labels, rng=rng, gate=gate
            )
            for lists, items, share in (
                (plain, top_items(scores[row], N), shares[0]),
                (exploring, steered, shares[1]),
            ):
                lists[row, : len(items)] = items
                share += _unfamiliar(items, own, labels)
        return plain, exploring, *shares


def _unfamiliar(items: Int32s, own: Int32s, labels: Int32s) -> list[float]:
    """Return for each item whether it lies where fewer own items do than evenly spread."""
    met = visits(labels, own)
    rare = np.append(met < met.sum() / NEIGHBOURHOODS, True)  # the last stands for label −1
    return [float(rare[label]) for label in labels[items].tolist()]


def measure_exploration(
    community: Community,
    seed: int,
    *,
    explore: float = EXPLORE,
    users: int | None = None,
    workers: int | None = None,
    progress: Progress | None = None,
) -> dict[str, float]:
    """Return what exploring does to lists of 20, every user through its own trust.

    Args:
        community: with a test part.
        seed: of merit, clusters and draws.
        explore: the dial, above 0.
        users: measure on a sample of this many users; None for all with a held-out item.
        workers: processes to use; None for one per core.
        progress: told what has been done.

    Returns:
        ``explore_ils_ratio`` and ``explore_ndcg_ratio``: intra-list similarity and
        NDCG@20 ÷ those of the plain lists; the figures behind them; and
        ``explore_unfamiliar`` against ``plain_unfamiliar``: share of places in
        neighbourhoods that hold fewer of the user's items than if evenly spread.
    """
    shape = (community.n_users, community.n_items)
    if community.test is None:
        raise ConfigError("community", community.name, "give one with a test part")
    train, test = binary(community.interactions, shape), binary(community.test, shape)
    asked = np.flatnonzero(np.diff(test.indptr)).astype(np.int32)
    if users is not None and users < len(asked):
        rng = np.random.default_rng([seed, 0])
        asked = np.sort(rng.choice(asked, users, replace=False))
    ranker = _GatedRanker()
    ranker.fit(community, seed)
    parts = list(_blocks(_Job(ranker, asked, explore, seed), workers, progress))
    relevant = test[asked]
    found = {"explore": explore, "users": float(len(asked))}
    for at, name in enumerate(("plain", "explore")):
        lists = np.concatenate([part[at] for part in parts])
        found[f"{name}_ndcg"] = _ndcg(lists, relevant)
        found[f"{name}_ils"] = metrics.intra_list_similarity(lists, train)
        found[f"{name}_coverage"] = metrics.coverage(lists, community.n_items)
        unfamiliar = [value for part in parts for value in part[2 + at]]
        found[f"{name}_unfamiliar"] = float(np.mean(unfamiliar)) if unfamiliar else 0.0
    for figure in ("ndcg", "ils"):
        found[f"explore_{figure}_ratio"] = _ratio(
            found[f"explore_{figure}"], found[f"plain_{figure}"]
        )
    return found


def _blocks(
    job: _Job, workers: int | None, progress: Progress | None
) -> Iterator[tuple[Int32s, Int32s, list[float], list[float]]]:
    """Yield the blocks' lists in order, from this process or from forked ones."""
    starts = range(0, len(job.users), BLOCK)
    n_workers = min(default_workers() if workers is None else workers, len(starts))
    if n_workers < 2:
        blocks: Iterator[tuple[Int32s, Int32s, list[float], list[float]]] = map(job.lists, starts)
        yield from _told(blocks, len(job.users), progress)
        return
    with multiprocessing.get_context("fork").Pool(n_workers, _adopt, (job,)) as pool:
        yield from _told(pool.imap(_adopted_lists, starts), len(job.users), progress)
        pool.close()
        pool.join()


def _told(
    blocks: Iterator[tuple[Int32s, Int32s, list[float], list[float]]],
    total: int,
    progress: Progress | None,
) -> Iterator[tuple[Int32s, Int32s, list[float], list[float]]]:
    """Yield the blocks and tell the progress."""
    done = 0
    for block in blocks:
        done += len(block[0])
        if progress is not None:
            progress("exploring", done, total)
        yield block


_adopted: list[_Job] = []


def _adopt(job: _Job) -> None:
    """Remember the job in a new worker."""
    _adopted[:] = [job]


def _adopted_lists(start: int) -> tuple[Int32s, Int32s, list[float], list[float]]:
    """Serve a block in a worker."""
    return _adopted[0].lists(start)


# -- cold items ---------------------------------------------------------------------------


def measure_cold_items(
    community: Community, tags: dict[str, list[str]], seed: int
) -> dict[str, float]:
    """Return what descriptions do for items that were hidden from training.

    One item in twenty loses all its training interactions, and is then hidden like those
    that have none before; each item is described with its tags by one user drawn at
    random. The newest 20 % of each user are relevant, hidden items among them. Everybody
    counts alike: the data has no trust.

    Args:
        community: with times, not split yet.
        tags: raw item name → its tags.
        seed: of which items are hidden, and of who publishes.

    Returns:
        ``cold_ndcg_ratio``: NDCG@20 with descriptions ÷ without, over all relevant items;
        ``cold_warm_ndcg_ratio``: the same over those that were not hidden;
        ``cold_share``: share of places that hidden items got (without: 0);
        ``cold_precision``: share of those places that were relevant, and
        ``cold_precision_by_chance``: of places given to hidden items at random;
        ``cold_recall``: share of relevant hidden items that were listed.
    """
    rng = np.random.default_rng([seed, 1])
    hide = rng.random(community.n_items) < COLD_SHARE
    whole = split(community, "time")
    kept = whole.interactions.take(~hide[whole.interactions.item])
    train = dataclasses.replace(whole, interactions=kept)
    cold = np.bincount(kept.item, minlength=train.n_items) == 0
    publishers = rng.integers(0, train.n_users, train.n_items).tolist()
    said = Descriptions.of(
        [(i, publishers[i], tags.get(name, [])) for i, name in enumerate(train.items)],
        train.n_items,
    )
    assert whole.test is not None
    test = binary(whole.test, (train.n_users, train.n_items))
    users = np.flatnonzero(np.diff(test.indptr)).astype(np.int32)
    plain, described = _described_lists(train, said, users)
    relevant = test[users]
    hidden, warm = (_only(relevant, chosen) for chosen in (cold, ~cold))
    given = float(cold[described].sum(where=described >= 0))
    right = float(metrics.hits(described, hidden).sum())
    return {
        "cold_items": float(cold.sum()),
        "cold_plain_ndcg": _ndcg(plain, relevant),
        "cold_ndcg": _ndcg(described, relevant),
        "cold_ndcg_ratio": _ratio(_ndcg(described, relevant), _ndcg(plain, relevant)),
        "cold_warm_ndcg_ratio": _ratio(_ndcg(described, warm), _ndcg(plain, warm)),
        "cold_share": share_of_places(described, cold),
        "cold_precision": _ratio(right, given),
        "cold_precision_by_chance": _ratio(float(hidden.nnz), float(cold.sum() * len(users))),
        "cold_recall": _ratio(right, float(hidden.nnz)),
    }


def _described_lists(train: Community, said: Descriptions, users: Int32s) -> tuple[Int32s, Int32s]:
    """Return everybody's lists without descriptions and with them."""
    ranker = _OpenRanker()
    ranker.fit(train)
    salsa = ranker.salsa
    lists = tuple(np.full((len(users), N), -1, np.int32) for _ in range(2))
    for start in range(0, len(users), BLOCK):
        block = users[start : start + BLOCK]
        for row, scores in enumerate(ranker.score(block), start):
            own = salsa.view.items_of(int(users[row]))[0]
            for out, final in zip(
                lists, (scores, with_descriptions(salsa, scores, said, own=own)), strict=True
            ):
                unseen = final.copy()
                unseen[own] = 0
                items = top_items(unseen, N)
                out[row, : len(items)] = items
    return lists[0], lists[1]


class _OpenRanker(SalsaRanker):
    """The walk that counts everyone alike, open to what comes after it."""

    @property
    def salsa(self) -> Salsa:
        """The walk that was fitted."""
        return self._salsa


# -- figures ------------------------------------------------------------------------------


def share_of_places(lists: Int32s, chosen: npt.NDArray[np.bool_]) -> float:
    """Return the share of filled places that hold one of the chosen items."""
    listed = lists[lists >= 0]
    return float(chosen[listed].mean()) if len(listed) else 0.0


def _ndcg(lists: Int32s, relevant: Csr) -> float:
    """Return mean NDCG over the lists whose user has a relevant item."""
    counts = metrics.n_relevant(relevant)
    told = counts > 0
    if not told.any():
        return 0.0
    return float(metrics.ndcg(metrics.hits(lists, relevant), counts)[told].mean())


def _only(relevant: Csr, items: npt.NDArray[np.bool_]) -> Csr:
    """Return the relevant items that are among some."""
    kept = scale_columns(relevant, items.astype(np.float64))
    kept.eliminate_zeros()
    return kept


def _ratio(above: float, below: float) -> float:
    return above / below if below else 0.0
