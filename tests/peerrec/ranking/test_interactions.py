"""The graph after any edits is the graph rebuilt from what survives them."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from peerrec.errors import ConfigError, DataError
from peerrec.limits import DAY_S
from peerrec.ranking.interactions import EDGE_BYTES, InteractionGraph

SPAN_S = 10 * DAY_S
WINDOW_S = 30 * DAY_S
HALF_LIFE_S = 15 * DAY_S

codes = st.integers(0, 5)
events = st.tuples(codes, codes, st.floats(0.1, 50), st.integers(0, 60).map(lambda d: d * DAY_S))
edits = st.lists(
    st.one_of(
        st.tuples(st.just("add"), events),
        st.tuples(st.just("extend"), st.lists(events, max_size=12)),
        st.tuples(st.just("remove_user"), codes),
        st.tuples(st.just("remove_item"), codes),
        st.tuples(st.just("retract"), st.tuples(codes, codes)),
        st.tuples(st.just("evict"), st.integers(0, 60).map(lambda d: d * DAY_S)),
        st.tuples(st.just("seal"), st.none()),
        st.tuples(st.just("read"), st.none()),
    ),
    max_size=25,
)


def new_graph() -> InteractionGraph:
    return InteractionGraph(span_s=SPAN_S, half_life_s=HALF_LIFE_S, window_s=WINDOW_S)


@dataclass
class Model:
    """The plain list of surviving interactions: what the graph must be equal to."""

    rows: list[tuple[int, int, float, float]] = field(default_factory=list)

    def apply(self, edit: str, value: object) -> None:
        match edit, value:
            case "add", row:
                self.rows.append(row)
            case "extend", rows:
                self.rows += rows
            case "remove_user", user:
                self.rows = [r for r in self.rows if r[0] != user]
            case "remove_item", item:
                self.rows = [r for r in self.rows if r[1] != item]
            case "retract", pair:
                self.rows = [r for r in self.rows if r[:2] != pair]
            case "evict", now:
                self.rows = [r for r in self.rows if (r[3] // SPAN_S + 1) * SPAN_S > now - WINDOW_S]

    def weights(self, n_users: int, n_items: int) -> np.ndarray:
        """Affinities from the definition in the module docstring, in plain Python."""
        partitions: dict[tuple[int, int, int], list[tuple[float, float]]] = {}
        for user, item, weight, time in self.rows:
            partitions.setdefault((user, item, int(time // SPAN_S)), []).append((weight, time))
        newest = max((key[2] for key in partitions), default=0)
        result = np.zeros((n_users, n_items))
        for (user, item, _), plays in partitions.items():
            age = (newest + 1) * SPAN_S - max(time for _, time in plays)
            saturated = math.log1p(sum(weight for weight, _ in plays))
            result[user, item] += saturated * 2 ** (-age / HALF_LIFE_S)
        return result


def apply(graph: InteractionGraph, edit: str, value: object) -> None:
    match edit, value:
        case "add", (user, item, weight, time):
            graph.add(user, item, weight, time)
        case "extend", rows:
            if rows:
                graph.extend(*zip(*rows, strict=True))
        case "remove_user", user:
            graph.remove(user=user)
        case "remove_item", item:
            graph.remove(item=item)
        case "retract", (user, item):
            graph.remove(user=user, item=item)
        case "evict", now:
            graph.evict(now)
        case "seal", _:
            graph.seal()
        case "read", _:
            graph.snapshot()


@settings(max_examples=300, deadline=None)
@given(edits)
def test_any_edit_script_equals_rebuilding_from_the_survivors(script):
    graph, model = new_graph(), Model()
    for edit, value in script:
        apply(graph, edit, value)
        model.apply(edit, value)
    view = graph.snapshot()
    expected = model.weights(graph.n_users, graph.n_items)
    np.testing.assert_allclose(view.matrix.toarray(), expected, rtol=1e-4, atol=1e-6)
    for user in range(graph.n_users):
        items, weights = view.items_of(user)
        assert items.tolist() == np.flatnonzero(expected[user]).tolist()
        np.testing.assert_allclose(weights, expected[user][items], rtol=1e-4)
    for item in range(graph.n_items):
        users, weights = view.users_of(item)
        assert users.tolist() == np.flatnonzero(expected[:, item]).tolist()
        np.testing.assert_allclose(weights, expected[users, item], rtol=1e-4)


@settings(max_examples=100, deadline=None)
@given(st.lists(events, min_size=1, max_size=30), st.randoms())
def test_the_order_of_arrival_does_not_matter(rows, random):
    shuffled = list(rows)
    random.shuffle(shuffled)
    one, other = new_graph(), new_graph()
    for row in rows:
        one.add(*row)
    other.extend(*zip(*shuffled, strict=True))
    np.testing.assert_allclose(
        one.snapshot().matrix.toarray(), other.snapshot().matrix.toarray(), rtol=1e-5
    )


@settings(max_examples=100, deadline=None)
@given(
    st.lists(events, min_size=1, max_size=40),
    st.lists(events, max_size=5),
    st.dictionaries(codes, st.floats(0.1, 2), min_size=1),
)
def test_products_equal_those_of_the_matrix_on_both_paths(rows, late, values):
    graph = new_graph()
    graph.extend(*zip(*rows, strict=True))
    for row in late:
        graph.add(*row)
    graph.reserve(6, 6)
    view = graph.snapshot()
    codes_ = np.array(sorted(values), np.int32)
    x = np.zeros(6, np.float32)
    x[codes_] = [values[c] for c in sorted(values)]
    dense = view.matrix.toarray()
    np.testing.assert_allclose(view.to_users(codes_, x[codes_]), dense @ x, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(view.to_items(codes_, x[codes_]), x @ dense, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(view.strength, dense.sum(axis=1), rtol=1e-4, atol=1e-6)


def test_a_snapshot_stays_as_it_was_while_edits_arrive():
    graph = new_graph()
    graph.extend([0, 1], [0, 1], 1.0, 0.0)
    view = graph.snapshot()
    before = view.matrix.toarray().copy()
    graph.add(0, 1, 5.0, 0.0)
    graph.remove(user=1)
    graph.seal()
    np.testing.assert_array_equal(view.matrix.toarray(), before)


def test_a_million_claimed_plays_count_like_one_more_magnitude_not_a_million():
    graph = new_graph()
    graph.extend([0, 1], [0, 0], [1.0, 1e6], 0.0)
    one, million = graph.snapshot().users_of(0)[1]
    assert million / one < 21


def test_eviction_by_bytes_keeps_the_newest_and_fits():
    rng = np.random.default_rng(5)
    graph = new_graph()
    n = 4_000
    times = rng.uniform(0, 29 * DAY_S, n)
    graph.extend(rng.integers(0, 50, n), np.arange(n) % 997, 1.0, times)
    fixed = graph.nbytes - EDGE_BYTES * graph.n_edges
    budget = fixed + EDGE_BYTES * 500
    graph.shrink(budget)
    assert budget * 0.8 < graph.nbytes <= budget
    assert [layer.segment.index for layer in graph.snapshot().layers] == [2]


def test_a_full_head_folds_itself_in():
    graph = new_graph()
    for n in range(5_000):
        graph.add(n % 7, n % 1_000, 1.0, 0.0)
    assert graph.n_edges < 5_000 + 7_000
    assert len(graph.snapshot().layers) <= 2


@pytest.mark.parametrize("weight", [0, -1, math.nan, math.inf])
def test_a_bad_weight_is_refused_with_its_row_and_nothing_is_recorded(weight):
    graph = new_graph()
    with pytest.raises(DataError, match="row 1: weight"):
        graph.extend([0, 1], [0, 1], [1.0, weight], 0.0)
    with pytest.raises(DataError, match="weight"):
        graph.add(0, 0, weight, 0.0)
    assert graph.n_edges == 0


@pytest.mark.parametrize("time", [math.nan, math.inf, 1.7e12])
def test_a_time_that_is_no_unix_second_is_refused(time):
    with pytest.raises(DataError, match="unix seconds"):
        new_graph().add(0, 0, 1.0, time)


@pytest.mark.parametrize("key", ["span_s", "half_life_s", "window_s"])
def test_an_impossible_setting_is_refused_by_name(key):
    with pytest.raises(ConfigError, match=key):
        InteractionGraph(**{key: -1.0})
