"""Metrics agree with ir-measures, and say what they claim about variety."""

from __future__ import annotations

import ir_measures
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from peerrec_sim import metrics
from peerrec_sim.matrices import degrees


def csr(rows) -> sparse.csr_array:
    return sparse.csr_array(np.asarray(rows, np.float32))


def int32(values) -> np.ndarray:
    return np.asarray(values, np.int32)


@st.composite
def rankings(draw):
    """Scores with ties and exclusions, and held-out items, of a few users."""
    n_users, n_items = draw(st.integers(1, 5)), draw(st.integers(1, 12))
    seed = draw(st.integers(0, 2**32 - 1))
    rng = np.random.default_rng(seed)
    scores = rng.integers(0, 5, (n_users, n_items)).astype(np.float32)
    scores[rng.random((n_users, n_items)) < draw(st.sampled_from([0.0, 0.3, 0.9]))] = -np.inf
    relevant = rng.random((n_users, n_items)) < 0.4
    relevant[np.arange(n_users), rng.integers(0, n_items, n_users)] = True
    return scores, csr(relevant), draw(st.integers(1, 15))


def by_ir_measures(measure, lists, relevant):
    qrels = [
        ir_measures.Qrel(str(row), str(item), 1)
        for row, item in zip(*relevant.nonzero(), strict=True)
    ]
    run = [
        ir_measures.ScoredDoc(str(row), str(item), -float(place))
        for row, items in enumerate(lists.tolist())
        for place, item in enumerate(items)
        if item >= 0
    ]
    found = {int(m.query_id): m.value for m in ir_measures.iter_calc([measure], qrels, run)}
    return np.array([found.get(row, 0.0) for row in range(len(lists))])


@settings(max_examples=60, deadline=None)
@given(rankings())
def test_recall_ndcg_and_precision_are_those_of_ir_measures(ranking):
    scores, relevant, n = ranking
    lists = metrics.top_n(scores, n)
    hit = metrics.hits(lists, relevant)
    wanted = metrics.n_relevant(relevant)
    for ours, theirs in (
        (metrics.recall(hit, wanted), ir_measures.R @ n),
        (metrics.ndcg(hit, wanted), ir_measures.nDCG @ n),
        (metrics.precision(hit), ir_measures.P @ n),
    ):
        np.testing.assert_allclose(ours, by_ir_measures(theirs, lists, relevant), atol=1e-12)


@settings(max_examples=100, deadline=None)
@given(rankings())
def test_top_n_is_a_full_sort_with_ties_by_lower_code(ranking):
    scores, _, n = ranking
    for row, list_ in zip(scores, metrics.top_n(scores, n).tolist(), strict=True):
        order = sorted(np.flatnonzero(row > -np.inf), key=lambda item: (-row[item], item))[:n]
        assert list_ == order + [-1] * (n - len(order))


def test_nan_score_is_refused_wherever_it_stands():
    for place in range(3):
        scores = np.zeros((1, 3), np.float32)
        scores[0, place] = np.nan
        with pytest.raises(ValueError, match="NaN"):
            metrics.top_n(scores, 1)


def test_excluded_items_are_never_listed():
    scores = np.ones((2, 3), np.float32)
    metrics.exclude(scores, csr([[1, 0, 0], [1, 1, 1]]))
    assert metrics.top_n(scores, 3).tolist() == [[1, 2, -1], [-1, -1, -1]]


def test_perfect_list_shorter_than_the_held_out_part_has_ndcg_one():
    relevant = csr([[1, 1, 1, 1]])
    hit = metrics.hits(int32([[3, 0]]), relevant)
    assert metrics.ndcg(hit, metrics.n_relevant(relevant)).tolist() == [1.0]
    assert metrics.recall(hit, metrics.n_relevant(relevant)).tolist() == [0.5]


def test_padding_is_never_a_hit_of_the_row_before():
    # Row 1's padding must not be read as the last item of row 0.
    relevant = csr([[0, 0, 1], [1, 0, 0]])
    assert not metrics.hits(int32([[-1, -1], [-1, -1]]), relevant).any()


def test_user_with_nothing_held_out_scores_zero():
    relevant = csr([[0, 0]])
    hit = metrics.hits(int32([[0, 1]]), relevant)
    assert metrics.recall(hit, metrics.n_relevant(relevant)).tolist() == [0.0]
    assert metrics.ndcg(hit, metrics.n_relevant(relevant)).tolist() == [0.0]


def test_worst_tenth_has_at_least_one_user():
    assert metrics.worst_mean(np.array([0.5, 0.1, 0.9])) == 0.1
    assert metrics.worst_mean(np.arange(20) / 20) == pytest.approx(0.025)


def test_cold_users_have_fewer_than_twenty_items():
    values = np.array([0.2, 0.4, 0.9])
    assert metrics.cold_mean(values, np.array([0.0, 19.0, 20.0])) == pytest.approx(0.3)
    assert metrics.cold_mean(values, np.array([20.0, 30.0, 40.0])) is None


def test_coverage_counts_listed_items_once_and_no_padding():
    assert metrics.coverage(int32([[0, 1], [1, -1]]), 4) == 0.5


def test_gini_is_zero_for_equal_and_close_to_one_for_single_exposure():
    assert metrics.gini(int32([[0, 1], [2, 3]]), 4) == pytest.approx(0.0)
    assert metrics.gini(int32([[7], [7]]), 1000) == pytest.approx(0.999)
    assert metrics.gini(int32([[-1]]), 3) == 0.0


def test_novelty_is_bits_of_surprise():
    owners = np.array([8.0, 2.0, 0.0])
    assert metrics.novelty(int32([[0, 1]]), owners, 8) == pytest.approx((0 + 2) / 2)
    assert metrics.novelty(int32([[2, -1]]), owners, 8) == pytest.approx(3.0)
    assert metrics.novelty(int32([[-1, -1]]), owners, 8) == 0.0


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=30, deadline=None)
def test_intra_list_similarity_is_the_mean_cosine_of_all_pairs(seed):
    rng = np.random.default_rng(seed)
    train = csr(rng.random((8, 10)) < 0.4)
    lists = np.argsort(rng.random((3, 10)), axis=1)[:, :4].astype(np.int32)
    lists[0, 2:] = -1
    _, owners = degrees(train)
    dense = train.toarray()
    expected = []
    for list_ in lists:
        items = [item for item in list_ if item >= 0 and owners[item] > 0]
        pairs = [(i, j) for i in items for j in items if i != j]
        if pairs:
            cosines = [dense[:, i] @ dense[:, j] / np.sqrt(owners[i] * owners[j]) for i, j in pairs]
            expected.append(np.mean(cosines))
    ours = metrics.intra_list_similarity(lists, train)
    assert ours == pytest.approx(np.mean(expected) if expected else 0.0, abs=1e-5)
