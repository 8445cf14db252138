"""The trust graph: newest wins, compact, editable; its snapshot: immutable, drawable."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from peerrec.errors import ConfigError, DataError
from peerrec.ranking import trust
from peerrec.ranking.trust import TrustGraph, TrustSnapshot

codes = st.integers(0, 6)
weights = st.sampled_from([-1.0, -0.5, 0.0, 0.25, 0.5, 1.0])
times = st.sampled_from([1.0, 2.0, 3.0, 4.0])
edges = st.tuples(codes, codes, weights, times)
edits = st.one_of(
    st.tuples(st.just("set"), edges),
    st.tuples(st.just("extend"), st.lists(edges, max_size=12)),
    st.tuples(st.just("remove"), st.tuples(codes, codes)),
    st.tuples(st.just("remove_node"), st.tuples(codes, st.booleans())),
    st.tuples(st.just("evict"), times),
    st.tuples(st.just("read"), st.none()),
)


class PlainTrust(dict[tuple[int, int], tuple[float, float]]):
    """What a trust graph means, without any of its speed."""

    def set(self, source, target, weight, time):
        known = self.get((source, target))
        if source != target and (known is None or (known[1], -known[0]) < (time, -weight)):
            self[source, target] = (weight, time)

    def run(self, name, argument):
        if name == "set":
            self.set(*argument)
        elif name == "extend":
            for edge in argument:
                self.set(*edge)
        elif name == "remove":
            self.pop(argument, None)
        elif name == "remove_node":
            node, incoming = argument
            self._keep(lambda s, t, _: s != node and not (incoming and t == node))
        elif name == "evict":
            self._keep(lambda s, t, time: time >= argument)

    def _keep(self, wanted):
        for (s, t), (_, time) in list(self.items()):
            if not wanted(s, t, time):
                del self[s, t]


def run(graph: TrustGraph, name, argument) -> None:
    if name == "set":
        graph.set(*argument)
    elif name == "extend":
        graph.extend(*(zip(*argument, strict=True) if argument else [[]] * 4))
    elif name == "remove":
        graph.remove(*argument)
    elif name == "remove_node":
        graph.remove_node(argument[0], incoming=argument[1])
    elif name == "evict":
        graph.evict(argument)
    else:
        graph.snapshot(now=10.0)


def contents(graph: TrustGraph) -> dict[tuple[int, int], tuple[float, float]]:
    rows = zip(*(column.tolist() for column in graph.edges()), strict=True)
    return {(s, t): (w, time) for s, t, w, time in rows}


@settings(max_examples=150, deadline=None)
@given(
    script=st.lists(edits, max_size=25), overlay=st.sampled_from([0, 3, 4096]), batch=st.booleans()
)
def test_any_edit_script_equals_the_plain_meaning(script, overlay, batch):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(trust, "OVERLAY_MIN", overlay)
        patch.setattr(trust, "SMALL_BATCH", 0 if batch else 256)
        graph, plain = TrustGraph(), PlainTrust()
        for name, argument in script:
            run(graph, name, argument)
            plain.run(name, argument)
            for s, t in plain:
                assert graph.weight(s, t) == plain[s, t][0]
    assert contents(graph) == plain
    assert list(contents(graph)) == sorted(plain)


@settings(max_examples=50, deadline=None)
@given(said=st.lists(edges, min_size=1, max_size=30), seed=st.integers(0, 9))
def test_the_order_in_which_edges_arrive_does_not_matter(said, seed):
    forward, shuffled, batch = TrustGraph(), TrustGraph(), TrustGraph()
    for edge in said:
        forward.set(*edge)
    for at in np.random.default_rng(seed).permutation(len(said)):
        shuffled.set(*said[at])
    batch.extend(*zip(*said, strict=True))
    assert contents(forward) == contents(shuffled) == contents(batch)


def test_a_large_batch_onto_a_large_graph_keeps_the_newest_of_each_pair():
    rng = np.random.default_rng(0)
    graph, plain = TrustGraph(), PlainTrust()
    for _ in range(3):
        source, target = rng.integers(0, 40, (2, 3_000))
        weight, time = rng.choice([-0.5, 0.0, 0.5], 3_000), rng.integers(0, 20, 3_000) * 1.0
        graph.extend(source, target, weight, time)
        plain.run("extend", list(zip(source, target, weight, time, strict=True)))
    assert contents(graph) == plain


def test_an_older_statement_does_not_bring_a_withdrawn_edge_back():
    graph = TrustGraph()
    graph.set(0, 1, 1.0, time=10.0)
    graph.set(0, 1, 0.0, time=20.0)
    assert not graph.set(0, 1, 1.0, time=15.0)
    assert graph.n_edges == 0
    assert graph.snapshot(now=30.0).n_edges == 0


def test_removing_forgets_the_time_as_well():
    graph = TrustGraph()
    graph.set(0, 1, 0.0, time=20.0)
    assert graph.remove(0, 1)
    assert not graph.remove(0, 1)
    assert graph.set(0, 1, 1.0, time=15.0)


def test_at_equal_times_distrust_is_not_outrun_by_praise():
    graph = TrustGraph()
    graph.set(0, 1, -1.0, time=5.0)
    assert not graph.set(0, 1, 1.0, time=5.0)
    assert graph.weight(0, 1) == -1.0


def test_trust_in_oneself_is_ignored():
    graph = TrustGraph()
    assert not graph.set(3, 3, 1.0, time=1.0)
    graph.extend([3] * 400, [3] * 400, [1.0] * 400, [1.0] * 400)
    assert graph.n_edges == 0


@pytest.mark.parametrize(
    ("edge", "said"),
    [
        ((0, 1, 1.5, 0.0), "outside"),
        ((0, 1, float("nan"), 0.0), "outside"),
        ((0, 1, 0.5, float("inf")), "not a number of seconds"),
        ((-1, 1, 0.5, 0.0), "codes"),
        ((0, 2**31, 0.5, 0.0), "codes"),
        ((0, 1, 0.5, 101.0), "future"),
    ],
)
def test_a_bad_edge_is_refused_with_its_value(edge, said):
    graph = TrustGraph()
    with pytest.raises(DataError, match=said):
        graph.set(*edge, now=100.0)
    good = (0, 1, 0.5, 1.0)
    with pytest.raises(DataError, match=f"row 1: .*{said}"):
        graph.extend(*zip(good, edge, strict=True), now=100.0)
    assert graph.n_edges == 0, "a refused batch leaves nothing behind"


def test_columns_of_unequal_length_are_refused():
    with pytest.raises(DataError, match="length"):
        TrustGraph().extend([0, 1], [1], [1.0], [1.0])


def test_an_edge_from_the_future_never_reaches_a_snapshot():
    graph = TrustGraph()
    graph.set(0, 1, 1.0, time=50.0)
    with pytest.raises(DataError, match="future"):
        graph.snapshot(now=49.0)


@pytest.mark.parametrize("half_life", [0.0, -1.0, float("nan"), float("inf")])
def test_a_half_life_must_be_a_positive_number(half_life):
    with pytest.raises(ConfigError, match="half_life_s"):
        TrustGraph().snapshot(now=0.0, half_life_s=half_life)


def test_trust_halves_with_each_half_life():
    graph = TrustGraph()
    graph.extend([0, 0, 0], [1, 2, 3], [1.0, 1.0, -1.0], [100.0, 90.0, 80.0])
    view = graph.snapshot(now=100.0, half_life_s=10.0)
    assert view.row(0)[1].tolist() == [1.0, 0.5]
    assert view.negative_weights.tolist() == [-0.25]


def test_next_hops_do_not_change_as_time_passes():
    graph = TrustGraph()
    graph.extend([0, 0, 0], [1, 2, 3], [1.0, 0.3, 0.5], [100.0, 90.0, 80.0])
    now, later = (graph.snapshot(at, half_life_s=10.0) for at in (100.0, 400.0))
    np.testing.assert_allclose(now.cumulative, later.cumulative, rtol=1e-6)


def test_a_snapshot_does_not_follow_later_edits_and_cannot_be_written():
    graph = TrustGraph()
    graph.set(0, 1, 1.0, time=1.0)
    view = graph.snapshot(now=1.0)
    graph.set(0, 2, 1.0, time=2.0)
    graph.remove(0, 1)
    assert view.row(0)[0].tolist() == [1]
    with pytest.raises(ValueError, match="read-only"):
        view.targets[0] = 5


def test_an_edge_takes_at_most_seventeen_bytes():
    rng = np.random.default_rng(0)
    source, target = rng.integers(0, 20_000, (2, 200_000))
    graph = TrustGraph()
    graph.extend(source, target, np.ones(200_000), np.zeros(200_000))
    assert graph.nbytes / graph.n_edges < 17


def test_an_empty_graph_gives_an_empty_snapshot():
    view = TrustGraph(3).snapshot(now=0.0)
    assert (view.n_nodes, view.n_edges, len(view.guide)) == (3, 0, 0)


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10_000), n=st.integers(1, 30), spread=st.sampled_from([0, 3, 30]))
def test_the_guide_leads_to_the_edge_a_search_would_find(seed, n, spread):
    rng = np.random.default_rng(seed)
    pairs = rng.choice(n * 40, min(60, n * 40), replace=False)
    weight = 2.0 ** rng.integers(-spread, 1, len(pairs))
    view = TrustSnapshot.from_edges(pairs // 40, pairs % 40, weight)
    for source in range(view.n_nodes):
        first, end = view.indptr[source], view.indptr[source + 1]
        row = view.cumulative[first:end]
        for uniform in rng.random(10) if end > first else ():
            start = view.guide[first + int(uniform * (end - first))]
            wanted = first + np.searchsorted(row, uniform, side="right")
            assert start <= wanted < end


def test_a_pair_given_twice_is_refused():
    with pytest.raises(DataError, match="1 → 2"):
        TrustSnapshot.from_edges([1, 1], [2, 2], [0.5, 0.7])
