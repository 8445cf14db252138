"""The attack finds what a table gives away, and finds nothing where there is nothing."""

from __future__ import annotations

import numpy as np
import pytest

from peerrec.peering.factor_people import gather_people
from peerrec.peering.factor_state import SOLVES
from peerrec.ranking.factor_local import LocalFactors
from peerrec.store import Interaction
from peerrec.store.memory import MemoryStore
from peerrec_sim.measures.inference import inferred, roc

K = 30


def store_of(seed: int, *, public: bool = False, n_items: int = 400) -> MemoryStore:
    """Return a store with somebody's records and those of K others, two tastes."""
    rng = np.random.default_rng(seed)
    store = MemoryStore()
    appeal = 1 / np.arange(1, n_items // 2 + 1) ** 0.6
    for n in range(K + 1):
        who = "me" if n == 0 else bytes([n]) * 32
        liked = 2 * rng.choice(n_items // 2, 40, replace=False, p=appeal / appeal.sum()) + n % 2
        store.record_many(
            Interaction(who, f"item:{item}", 1.0, 60.0, public or n > 0) for item in liked.tolist()
        )
    return store


def local_of(store: MemoryStore, kept: float, seed: int = 0, mix_min: int = 1) -> LocalFactors:
    people = gather_people(
        store, "me", {bytes([n]) * 32: 0.01 for n in range(1, K + 1)},
        people_max=50, mix_min=mix_min, secret=seed.to_bytes(32, "big"), kept=kept,
    )  # fmt: skip
    assert people is not None
    return LocalFactors(people.keys, people.history, SOLVES)


def attacked(kept: float, n: int = 8, epochs: int = 0) -> dict[str, float]:
    """Return the mean of what is found about some people."""
    found = []
    for seed in range(n):
        store = store_of(seed)
        local = local_of(store, kept, seed)
        for _ in range(epochs):
            local.end_epoch()
        found.append(inferred(local, store, "me"))
    return {name: float(np.mean([each[name] for each in found])) for name in found[0]}


@pytest.mark.parametrize("epochs", [0, 2])
def test_a_table_that_says_all_as_it_is_gives_the_person_away(epochs: int):
    found = attacked(1.0, epochs=epochs)
    assert found["inferred_auc"] > 0.95
    assert found["inferred_tpr"] > 0.7


@pytest.mark.parametrize("epochs", [0, 2])
def test_a_disguised_person_is_told_hardly_better_than_the_disguise_allows(epochs: int):
    found = attacked(0.5, n=16, epochs=epochs)
    assert 0.5 < found["inferred_auc"] < 0.75 + 0.04
    assert found["inferred_tpr"] < 0.3
    assert attacked(0.25, n=16, epochs=epochs)["inferred_auc"] < found["inferred_auc"]


def test_who_publishes_is_no_secret():
    store = store_of(1, public=True)
    assert inferred(local_of(store, 0.5), store, "me")["inferred_auc"] > 0.95


def test_of_a_table_without_the_person_nothing_is_inferred():
    store = store_of(1)
    assert inferred(local_of(store, 0.5, mix_min=K + 1), store, "me") == {"own_items_told": 0.0}


def test_what_was_averaged_with_others_gives_away_less():
    mine, first, mixed = [], [], []
    for seed in range(8):
        store = store_of(seed)
        local = local_of(store, 1.0, seed)
        for other in range(3):
            assert local.receive(local_of(store_of(50 + 10 * seed + other), 1.0).offer())
        found = inferred(local, store, "me")
        mine.append(found["own_items_told"])
        first.append(found["inferred_auc"])
        mixed.append(found["inferred_mixed_auc"])
    assert np.mean(mine) == 40.0
    assert 0.5 < np.mean(mixed) < np.mean(first) - 0.1


def test_popularity_alone_is_worth_nothing():
    rng = np.random.default_rng(1)
    popular = rng.integers(0, 5, 4_000)
    has = rng.random(4_000) < 0.1 * (1 + popular)
    auc, tpr = roc(popular.astype(np.float64), has, popular)
    assert auc == 0.5
    assert tpr == pytest.approx(0.01, abs=0.002)


def test_a_perfect_score_is_found_and_a_turned_one_too():
    has = np.arange(300) < 100
    stratum = np.arange(300) % 3
    assert roc(has.astype(np.float64), has, stratum) == (1.0, 1.0)
    assert roc(-has.astype(np.float64), has, stratum)[0] == 0.0


def test_where_nothing_can_be_compared_there_is_no_figure():
    has = np.array([True, True, False])
    assert np.isnan(roc(np.zeros(3), has, np.array([0, 0, 1]))).all()
