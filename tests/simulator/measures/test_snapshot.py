from __future__ import annotations

import pickle
from array import array

import numpy as np
import pytest

from peerrec.protocol.messages import Type
from peerrec.store.served_table import keep_served
from peerrec.testing.node_pair import START, NodePair
from peerrec_sim.community import Community, Interactions
from peerrec_sim.measures.egos import EgoOptions
from peerrec_sim.measures.snapshot import Observation, Observer, Snapshot, assembled, held_out_of
from peerrec_sim.scenario.schema import Measures, Scenario
from peerrec_sim.simulation.participant import Participant


def people(pair: NodePair) -> list[Participant]:
    """Return the two of a pair as participants; each segment arrived a second after the last."""
    found = []
    for index, each in enumerate((pair.a, pair.b)):
        person = Participant(index, "honest", each.peer, store=each.store)
        person.endpoint = each.node
        n = each.store.segments.last_arrival
        person.arrivals = array("d", [START + 1.0 + index + at for at in range(n)])
        found.append(person)
    return found


@pytest.fixture(name="pair", scope="module")
def make_pair() -> NodePair:
    """Return a pair of whom b trusts a and knows what a played."""
    pair = NodePair(seed=1)
    for item in ("song:a", "song:b"):
        pair.a.play(item)
    pair.b.play("song:a")
    pair.b.trust(pair.a)
    pair.settle()
    return pair


def observation(pair: NodePair, **values) -> Observation:
    defaults = {
        "honest": (pair.a.peer, pair.b.peer),
        "egos": {1: ("song:b",)},
        "options": EgoOptions(),
        "start": START,
    }
    return Observation(**(defaults | values))


def row(table, node: int) -> dict[str, object]:
    at = table["node"].tolist().index(node)
    return {name: column[at] for name, column in table.columns.items()}


def test_an_ego_is_measured_on_what_gossip_brought_it(pair):
    snapshot = Observer(observation(pair)).snapshot(people(pair), pair.now)
    nodes, _ = assembled([snapshot], START)
    b = row(nodes, 1)
    assert (b["ndcg"], b["recall"], b["list_length"]) == (1.0, 1.0, 1.0)
    assert b["missing_segments"] == 0.0
    assert (b["links"], b["sybil_links"]) == (1, 0)
    assert np.isnan(row(nodes, 0)["ndcg"])
    assert b["time_s"] == pair.now - START


def test_without_lists_nothing_is_ranked(pair):
    snapshot = Observer(observation(pair)).snapshot(people(pair), pair.now, lists=False)
    assert np.isnan(snapshot.nodes["list_length"]).all()
    assert snapshot.nodes["segments"].all()


def test_whoever_is_not_honest_is_a_sybil(pair):
    # With a left out of the honest, b is linked with a stranger and hears it.
    watched = observation(pair, honest=(bytes(32), pair.b.peer), attack_edges=(1,))
    nodes, _ = assembled([Observer(watched).snapshot(people(pair)[1:], pair.now)], START)
    b = row(nodes, 1)
    assert (b["sybil_links"], b["merit_mass_sybil"], b["attack_edge"]) == (1, 1.0, True)


def test_memory_is_weighed_at_the_end_alone(pair):
    observer = Observer(observation(pair))
    assert np.isnan(observer.snapshot(people(pair), pair.now).nodes["memory_bytes"]).all()
    weighed = observer.snapshot(people(pair), pair.now, last=True).nodes["memory_bytes"]
    assert np.isnan(weighed[0])
    assert 10_000 < weighed[1] < 2_000_000


def test_deliveries_are_noted_once_over_several_measurements(pair):
    observer = Observer(observation(pair))
    parts = [observer.snapshot(people(pair), pair.now + at) for at in (0.0, 1.0)]
    _, deliveries = assembled(parts, START)
    assert len(deliveries) == len(assembled(parts[:1], START)[1]) > 0
    assert set(deliveries["receiver"].tolist()) == {0, 1}
    assert (deliveries["published_at_s"] < 100).all()


def test_how_people_are_dealt_out_to_shards_changes_nothing(pair):
    a, b = people(pair)
    watched = observation(pair)
    whole = [Observer(watched).snapshot([a, b], pair.now)]
    dealt = [Observer(watched).snapshot([each], pair.now) for each in (b, a)]
    for table, other in zip(assembled(whole, START), assembled(dealt, START), strict=True):
        for name, column in table.columns.items():
            np.testing.assert_array_equal(column, other[name], err_msg=name)


def test_measuring_changes_nothing_in_a_node():
    pairs = [NodePair(seed=3), NodePair(seed=3)]
    for pair, measured in zip(pairs, (True, False), strict=True):
        pair.a.play("song:a")
        pair.b.trust(pair.a)
        pair.settle(30.0)
        if measured:
            observer = Observer(observation(pair))
            for _ in range(3):
                observer.snapshot(people(pair), pair.now, last=True)
        pair.a.play("song:b")
        pair.settle(300.0)
    assert pairs[0].network.counters == pairs[1].network.counters
    assert pairs[0].b.interactions() == pairs[1].b.interactions()


def test_an_ego_that_lacks_what_an_author_signed_is_told_apart_from_one_that_has_it(pair):
    snapshot = Observer(observation(pair)).snapshot(people(pair), pair.now)
    held = snapshot.held.copy()
    assert held[:, 0].tolist() == [1]
    held[:, 2] -= 1
    nodes, _ = assembled([Snapshot(snapshot.nodes, held)], START)
    assert row(nodes, 1)["missing_segments"] == 1.0


def test_an_author_that_the_byte_budget_cannot_hold_whole_is_not_missed(pair):
    snapshot = Observer(observation(pair)).snapshot(people(pair), pair.now)
    held = snapshot.held.copy()
    held[:, 2:] = 0, 10
    nodes, _ = assembled([Snapshot(snapshot.nodes, held)], START)
    assert row(nodes, 1)["missing_segments"] == 0.0


def test_who_is_offline_keeps_its_list_and_has_no_links(pair):
    a, b = people(pair)
    b.endpoint = None
    nodes, _ = assembled([Observer(observation(pair)).snapshot([a, b], pair.now)], START)
    offline = row(nodes, 1)
    assert (offline["online"], offline["links"], offline["ndcg"]) == (False, 0, 1.0)
    assert np.isnan(offline["missing_segments"])


def test_bytes_are_told_by_type_and_what_is_no_message_as_other(pair):
    a, b = people(pair)
    a.bytes_in = {int(Type.PUSH): 100, -1: 7, 99: 3}
    a.bytes_out = {int(Type.HELLO): 50}
    nodes = Observer(observation(pair)).snapshot([a, b], pair.now).nodes
    first = row(nodes, 0)
    assert (first["bytes_in_push"], first["bytes_in_other"]) == (100, 10)
    assert (first["bytes_out_hello"], first["bytes_out_push"]) == (50, 0)


def test_bytes_of_tables_and_the_version_served_are_told():
    pair = NodePair(seed=5)
    keep_served(pair.b.store, b"any", version=3)
    a, b = people(pair)
    b.bytes_out = {int(Type.TABLE): 640}
    b.endpoint = None  # what is served stays in the store
    nodes = Observer(observation(pair, private=(0,))).snapshot([a, b], pair.now).nodes
    assert nodes["factor_bytes"].tolist() == [0, 640]
    assert nodes["factor_version"].tolist() == [0, 3]
    assert nodes["private"].tolist() == [True, False]


def test_exchanges_of_a_node_are_counted_where_it_has_any():
    pair = NodePair(seed=5)
    factoring = pair.a.node.factoring
    assert factoring is not None
    factoring.state.exchanges = 7
    nodes = Observer(observation(pair)).snapshot(people(pair), pair.now).nodes
    assert nodes["factor_exchanges"].tolist() == [7, 0]
    pair.a.node.factoring = None
    nodes = Observer(observation(pair)).snapshot(people(pair), pair.now).nodes
    assert nodes["factor_exchanges"].tolist() == [0, 0]


def test_attackers_without_a_node_have_a_row(pair):
    attacker = Participant(2, "flood", bytes([9]) * 32)
    nodes = Observer(observation(pair)).snapshot([attacker], pair.now).nodes
    assert nodes["role"].tolist() == ["flood"]
    assert nodes["segments"].tolist() == [0]


def test_a_snapshot_travels_to_another_process(pair):
    watched = pickle.loads(pickle.dumps(observation(pair)))
    snapshot = pickle.loads(pickle.dumps(Observer(watched).snapshot(people(pair), pair.now)))
    assert len(assembled([snapshot], START)[0]) == 2


def test_a_scenario_says_who_is_measured_on_what():
    community = Community(
        "tiny",
        ("ann", "bob", "cy"),
        ("x", "y"),
        Interactions.of([0, 1, 2], [0, 0, 0]),
        test=Interactions.of([2, 0, 2], [1, 1, 0]),
    )
    assert held_out_of(community) == {0: ("y",), 2: ("y", "x")}
    scenario = Scenario(name="x", measures=Measures(egos=10, n=5))
    peers = [bytes([number]) * 32 for number in range(3)]
    watched = Observation.of(scenario, community, peers, attack_edges=[2, 1, 2])
    assert watched.egos == {0: ("y",), 2: ("y", "x")}
    assert watched.attack_edges == (1, 2)
    assert watched.options.n == 5
