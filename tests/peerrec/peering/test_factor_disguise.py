"""What a table says of a private person is a draw that tells one item from another only so well."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse

from peerrec.peering.factor_disguise import LISTENERS_MIN, disguised

N_ITEMS = 400


def people(seed: int = 0, n: int = 51) -> tuple[np.ndarray, sparse.csr_array]:
    """Return keys and records: popular items first, the private person in the first row."""
    rng = np.random.default_rng(seed)
    have = rng.random((n, N_ITEMS)) < 0.5 / np.arange(1, N_ITEMS + 1) ** 0.4
    return np.arange(N_ITEMS, dtype=np.uint32) * 7, sparse.csr_array(have.astype(np.float32))


def secret(n: int) -> bytes:
    return n.to_bytes(32, "big")


def draws(q: float, n: int = 600) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return how often each item is said, whether it is the person's, and the others with it."""
    keys, history = people()
    said = np.zeros(N_ITEMS)
    for number in range(n):
        said[np.searchsorted(keys, disguised(keys, history, secret(number), kept=q))] += 1
    own = np.zeros(N_ITEMS, bool)
    own[history.indices[: history.indptr[1]]] = True
    others = np.bincount(history.indices[history.indptr[1] :], minlength=N_ITEMS)
    return said / n, own, others


@pytest.mark.parametrize("q", [0.3, 0.5])
def test_an_own_item_is_said_as_often_as_was_asked_and_a_decoy_never_more_often(q: float):
    said, own, others = draws(q)
    known = others >= LISTENERS_MIN
    assert said[own & known] == pytest.approx(q, abs=0.1)
    assert said[~own & known].max() < q + 0.1
    assert not said[~known].any()


def test_there_are_as_many_decoys_as_own_items_and_they_are_as_popular_as_what_others_have():
    said, own, others = draws(0.5)
    known = others >= LISTENERS_MIN
    assert said[~own].sum() == pytest.approx(said[own].sum(), rel=0.15)
    decoys = known & ~own
    assert np.corrcoef(said[decoys], others[decoys])[0, 1] > 0.9


def test_no_item_can_be_told_from_one_as_popular_better_than_its_bound():
    said, own, others = draws(0.5)
    gains = []
    for level in np.unique(others):
        mine, theirs = said[own & (others == level)], said[~own & (others == level)]
        if len(mine) and len(theirs):
            gains.append((mine.mean() - theirs.mean()) / 2)
    assert 0.0 < np.mean(gains) < 0.25


def test_all_is_said_where_that_is_asked_for():
    keys, history = people()
    own = keys[history.indices[: history.indptr[1]]]
    assert disguised(keys, history, secret(1), kept=1.0).tolist() == np.sort(own).tolist()


@given(seed=st.integers(0, 1_000), more=st.integers(0, N_ITEMS - 1))
def test_the_answer_stays_when_it_is_asked_again_and_when_an_item_is_added(seed: int, more: int):
    keys, history = people(seed % 5)
    first = disguised(keys, history, secret(seed), kept=0.5)
    assert disguised(keys, history, secret(seed), kept=0.5).tolist() == first.tolist()
    have = history.toarray()
    have[0, more] = 1
    then = disguised(keys, sparse.csr_array(have), secret(seed), kept=0.5)
    # More own items allow more decoys; no own item that was said is taken back.
    own = keys[history.indices[: history.indptr[1]]]
    assert set(first.tolist()) & set(own.tolist()) <= set(then.tolist())


def test_other_secrets_give_other_answers():
    keys, history = people()
    drawn = {tuple(disguised(keys, history, secret(n), kept=0.5).tolist()) for n in range(20)}
    assert len(drawn) == 20


def test_where_nobody_else_has_anything_nothing_is_said():
    keys = np.arange(3, dtype=np.uint32)
    history = sparse.csr_array(np.array([[1, 1, 1], [0, 0, 0]], np.float32))
    assert disguised(keys, history, secret(1), kept=0.5).tolist() == []
