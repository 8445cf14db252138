"""Measure the factor exchange: quality for its bytes, under attack, offline, and its cost.

Nodes are `peerrec_sim.factor_gossip` crowds; central figures to divide by are those of
``implicit`` 0.7.3, tuned by grid on hold-outs of the training part: ml-100k ≥ 4 stars
.340 (64 factors, weight 4, ridge 30), lastfm-2k .284 (128, 5, 30).
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import numpy as np

from peerrec.errors import ConfigError
from peerrec.ranking.factor_agreement import agreement
from peerrec.ranking.factor_codec import decode_table, encode_table
from peerrec.ranking.factor_merge import MergeLimits, merge
from peerrec.ranking.factor_serving import Evidence
from peerrec.ranking.factor_solve import FactorSettings
from peerrec.ranking.factor_table import FactorTable
from peerrec_sim import datasets
from peerrec_sim.community import Community, Interactions
from peerrec_sim.factor_gossip.measure import exposure, lists_of, mean_ndcg, share_listing
from peerrec_sim.factor_gossip.people import Crowd, Int64s, Options, gather
from peerrec_sim.factor_gossip.rounds import Course, run_epochs
from peerrec_sim.serving import Progress
from peerrec_sim.splits import holdout, split

__all__ = ["CENTRAL", "PARTS", "measure_factors"]

PARTS: Final = (
    "ml-100k", "lastfm-2k", "friends", "poison", "offline", "new-item", "row", "fit", "holdout",
)  # fmt: skip

CENTRAL: Final = {"ml-100k": 0.340, "lastfm-2k": 0.284}
"""NDCG@20 of tuned central iALS on the same split."""

COURSE: Final = Course(epochs=3)
"""As nodes do it: lengths of epochs and all constants are those of `peerrec.ranking`."""

UNSEEN: Final = (0.0, 1.0, 2.0, 3.0)
"""Values of `Evidence.unseen` that are compared on a hold-out."""

LIKED: Final = 4.0
ROWS: Final = 10_000
LISTENERS, FOLLOWERS = 5, 40
RARE, TARGETS = 3, 5

LEVELS: Final = {"0": (0.0, 0.0), "2": (0.02, 0.02), "5": (0.05, 0.05), "30_contacts": (0.02, 0.30)}
"""Sybil merit and Sybil contacts."""

POISON: Final = (
    ("promote", "0"),
    *(("promote", level) for level in ("2", "5", "30_contacts")),
    *(("share", level) for level in ("2", "5", "30_contacts")),
    *((attack, "30_contacts") for attack in ("adaptive", "modest", "moment", "noise", "masked")),
)
"""Attacks and levels that are run; the first one is without an attack."""


def measure_factors(
    data_folder: Path | None,
    seed: int = 0,
    only: Sequence[str] = (),
    progress: Progress | None = None,
) -> dict[str, float]:
    """Return the figures of the parts asked for, all by default.

    Raises:
        ConfigError: a part is not known.
    """
    for part in only:
        if part not in PARTS:
            raise ConfigError("only", part, f"use one of {', '.join(PARTS)}")
    told: Progress = progress or (lambda *_: None)
    measures: dict[str, Callable[[], dict[str, float]]] = {
        "ml-100k": lambda: measure_quality("ml-100k", data_folder, seed),
        "lastfm-2k": lambda: measure_quality("lastfm-2k", data_folder, seed),
        "friends": lambda: measure_friends(data_folder, seed),
        "poison": lambda: measure_poison(loaded("ml-100k", data_folder), seed, told),
        "offline": lambda: measure_offline(loaded("ml-100k", data_folder), seed),
        "new-item": lambda: measure_new_item(loaded("ml-100k", data_folder), seed),
        "row": lambda: measure_row(seed),
        "fit": lambda: _fit(seed, progress),
        "holdout": lambda: measure_holdout(data_folder, seed),
    }
    figures: dict[str, float] = {}
    wanted = [part for part in PARTS if not only or part in only]
    for done, part in enumerate(wanted):
        told("factors", done, len(wanted))
        figures |= measures[part]()
    told("factors", len(wanted), len(wanted))
    return figures


def loaded(name: str, data_folder: Path | None) -> Community:
    """Return a data set, of ratings only the liked ones, split by hash 80/20."""
    community = datasets.load(name, data_folder)
    if name.startswith("ml-"):
        part = community.interactions
        liked = part.take(part.weight >= LIKED)
        community = dataclasses.replace(community, interactions=liked)
    return split(community, "hash")


def measure_quality(name: str, data_folder: Path | None, seed: int) -> dict[str, float]:
    """Return NDCG ÷ central and bytes sent, with the defence and what it costs.

    Nodes know and meet others by chance in both data sets.
    """
    community, course = loaded(name, data_folder), COURSE
    options = Options(seed=seed, by_merit=False)
    crowd, kilobytes = _run(community, options, course)
    defended = mean_ndcg(crowd, lists_of(crowd, Evidence()))
    plain, _ = _run(community, dataclasses.replace(options, robust=False), course)
    open_ = mean_ndcg(plain, lists_of(plain, None))
    return {
        f"{name}_ndcg": defended,
        f"{name}_ndcg_undefended": open_,
        f"{name}_over_central": defended / CENTRAL[name],
        f"{name}_undefended_over_central": open_ / CENTRAL[name],
        f"{name}_defence_loss": 1 - defended / open_,
        f"{name}_sent_kb": kilobytes,
    }


def measure_holdout(data_folder: Path | None, seed: int) -> dict[str, float]:
    """Return NDCG by `Evidence.unseen` on a fifth of the training part, the test part unseen."""
    figures: dict[str, float] = {}
    for name in CENTRAL:
        crowd, _ = _run(
            holdout(loaded(name, data_folder), 0.2), Options(seed=seed, by_merit=False), COURSE
        )
        for unseen in UNSEEN:
            found = mean_ndcg(crowd, lists_of(crowd, Evidence(unseen=unseen)))
            figures[f"holdout_{name}_unseen_{unseen:g}"] = found
    return figures


def measure_friends(data_folder: Path | None, seed: int) -> dict[str, float]:
    """Return NDCG ÷ central on lastfm-2k where nodes know and meet those with most merit."""
    name = "lastfm-2k"
    options = Options(seed=seed)
    crowd, kilobytes = _run(loaded(name, data_folder), options, COURSE)
    found = mean_ndcg(crowd, lists_of(crowd, Evidence()))
    return {"friends_over_central": found / CENTRAL[name], "friends_sent_kb": kilobytes}


def measure_poison(
    community: Community,
    seed: int,
    progress: Progress,
    runs: Sequence[tuple[str, str]] = POISON,
) -> dict[str, float]:
    """Return how often targets are listed after the second epoch, and NDCG.

    Five items with three interactions each are pushed at once, as every row is bounded by
    itself; the figures are the mean over them and the worst.
    """
    targets = _rare(community, seed)
    figures: dict[str, float] = {}
    for done, (attack, level) in enumerate(runs):
        progress("poison", done, len(runs))
        merit, contacts = LEVELS[level]
        options = Options(seed=seed, sybil_merit=merit, targets=targets)
        course = Course(epochs=2, sybil_contacts=contacts, attack=attack)
        crowd, _ = _run(community, options, course)
        lists = lists_of(crowd, Evidence())
        listed = [share_listing(lists, target) for target in targets]
        name = f"poison_{attack}_{level}"
        figures |= {name: float(np.mean(listed)), f"{name}_worst": max(listed)}
        figures[f"{name}_ndcg"] = mean_ndcg(crowd, lists)
    return figures


def measure_offline(community: Community, seed: int) -> dict[str, float]:
    """Return NDCG lost when 30 % of nodes are away in any round."""
    found = []
    for away in (0.0, 0.3):
        options = Options(seed=seed)
        crowd, _ = _run(community, options, dataclasses.replace(COURSE, offline=away))
        found.append(mean_ndcg(crowd, lists_of(crowd, Evidence())))
    return {"offline_ndcg": found[1], "offline_loss": 1 - found[1] / found[0]}


def measure_new_item(community: Community, seed: int) -> dict[str, float]:
    """Return the exposure of a new item with five trusted listeners, defended ÷ not.

    Forty users know the same five listeners, and nobody else has the item.
    """
    rng = np.random.default_rng([seed, 3])
    users = rng.permutation(community.n_users)
    listeners, followers = users[:LISTENERS], users[LISTENERS : LISTENERS + FOLLOWERS]
    added = Interactions.of(listeners, [community.n_items] * LISTENERS)
    part = community.interactions
    community = dataclasses.replace(
        community,
        items=(*community.items, "new-item"),
        interactions=Interactions.of(
            np.append(part.user, added.user), np.append(part.item, added.item)
        ),
    )
    groups = _groups(community.n_users, listeners, followers, rng)
    found = []
    for robust, evidence in ((True, Evidence()), (False, None)):
        options = Options(seed=seed, robust=robust)
        crowd = gather(community, options, groups)
        column = _column(crowd, "new-item")
        for _ in run_epochs(crowd, COURSE):
            pass
        found.append(exposure(crowd, followers.tolist(), column, evidence))
    return {
        "new_item_exposure": found[0],
        "new_item_exposure_undefended": found[1],
        "new_item_ratio": found[0] / max(found[1], 1e-12),
    }


def measure_row(seed: int, repeats: int = 5) -> dict[str, float]:
    """Return bytes a row, and processor time and memory of an exchange of 10,000 rows.

    At d = 16, and as ``node_…`` at the length that nodes use. Memory is the peak, and the part of
    it beyond the tables themselves: theirs and the result.
    """
    figures = _measure_row(16, seed, repeats)
    at_nodes = _measure_row(FactorSettings().dim, seed, repeats)
    return figures | {f"node_{name}": value for name, value in at_nodes.items()}


def _measure_row(dim: int, seed: int, repeats: int) -> dict[str, float]:
    import tracemalloc

    rng = np.random.default_rng(seed)
    mine, theirs = (_random_table(rng, dim) for _ in range(2))
    data = encode_table(theirs)
    limits = MergeLimits(people=50, radius=10.0)

    def exchange() -> tuple[FactorTable, FactorTable]:
        encode_table(mine)
        stranger = decode_table(data, dim=dim, rows_max=ROWS)
        agreement(mine, stranger)
        return stranger, merge(mine, stranger, limits)

    taken = []
    for _ in range(repeats):
        began = time.process_time()
        exchange()
        taken.append(time.process_time() - began)
    tracemalloc.start()
    kept = exchange()
    live, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    del kept
    return {
        "row_bytes": len(data) / ROWS,
        "exchange_ms": min(taken) * 1e3,
        "exchange_peak_mb": peak / 1e6,
        "exchange_working_mb": (peak - live) / 1e6,
    }


def _fit(seed: int, progress: Progress | None) -> dict[str, float]:
    from peerrec_sim.benchmarks.factor_fit import measure_fit

    return measure_fit(seed, progress)


def _run(community: Community, options: Options, course: Course) -> tuple[Crowd, float]:
    """Return a crowd after its last epoch, and the mean kilobytes a node sent."""
    crowd = gather(community, options)
    kilobytes = 0.0
    for sent in run_epochs(crowd, course):
        kilobytes = float(sent.bytes.mean()) / 1e3
    return crowd, kilobytes


def _rare(community: Community, seed: int) -> tuple[int, ...]:
    """Return the columns of five items with three interactions, drawn by chance."""
    crowd = gather(community, Options(known=1))
    owners = np.bincount(crowd.train.indices, minlength=crowd.train.shape[1])
    rng = np.random.default_rng([seed, 4])
    rare = np.flatnonzero(owners == RARE)
    drawn = rng.choice(rare, min(TARGETS, len(rare)), replace=False)
    return tuple(sorted(drawn.tolist()))


def _column(crowd: Crowd, name: str) -> int:
    from peerrec.ids import item_hash
    from peerrec.ranking.factor_frame import item_keys

    return int(np.searchsorted(crowd.keys, item_keys([item_hash(name)])[0]))


def _groups(n: int, listeners: Int64s, followers: Int64s, rng: np.random.Generator) -> Int64s:
    """Return 50 peers of each user; followers know the listeners, others none of them."""
    others = np.setdiff1d(np.arange(n), listeners)
    known = min(50, len(others) - 1)
    groups = np.empty((n, known), np.int64)
    for user in range(n):
        groups[user] = rng.permutation(others[others != user])[:known]
    groups[followers[:, None], np.arange(len(listeners))] = listeners
    return groups


def _random_table(rng: np.random.Generator, dim: int) -> FactorTable:
    """Return 10,000 rows as two samples of one large catalogue hold them."""
    keys = np.sort(rng.choice(1 << 24, 3 * ROWS // 2, replace=False)).astype(np.uint32)
    kept = np.sort(rng.choice(len(keys), ROWS, replace=False))
    share = (0.4 * rng.random(ROWS) ** 6 + 1e-3).astype(np.float32)
    mean = rng.standard_normal((ROWS, dim)).astype(np.float32) * share[:, None]
    return FactorTable(keys[kept], share, mean, np.eye(dim, dtype=np.float32))
