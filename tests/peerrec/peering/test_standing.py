"""Standing is the merit that the ranking would find, measured as the settings say."""

from __future__ import annotations

import numpy as np
import pytest

from peerrec.errors import ConfigError
from peerrec.node import Node
from peerrec.peering.settings import NodeSettings
from peerrec.peering.standing import Standing
from peerrec.protocol.identity import KeyedHashSigner, KeyedHashVerifier
from peerrec.ranking.merit import MeritParameters
from peerrec.ranking.rank import RankSettings
from peerrec.store import TrustEdge
from peerrec.store.memory import MemoryStore

NOW = 1_700_000_000.0
ANN, BEN, EVE = (KeyedHashSigner(name).peer for name in (b"ann", b"ben", b"eve"))


def chain() -> MemoryStore:
    """Return a store in which me → ann → ben → eve."""
    store = MemoryStore()
    for source, target in (("me", ANN), (ANN, BEN), (BEN, EVE)):
        store.trust(TrustEdge(source, target, 1.0, NOW))
    return store


def merit_of(parameters: MeritParameters) -> dict[bytes, float]:
    standing = Standing(chain(), "me", parameters, half_life_s=np.inf, seed=1)
    assert standing.refresh(NOW)
    return standing.merit


@pytest.mark.parametrize("decay", [0.1, 0.5, 0.9])
def test_each_hop_costs_the_transitivity_decay(decay):
    parameters = MeritParameters(walks=20_000, transitivity_decay=decay, connectivity_decay=0.0)
    merit = merit_of(parameters)
    assert merit[BEN] / merit[ANN] == pytest.approx(1 - decay, abs=0.03)


def test_who_is_behind_a_bridge_loses_by_the_connectivity_decay():
    none = merit_of(MeritParameters(walks=20_000, connectivity_decay=0.0))
    all_ = merit_of(MeritParameters(walks=20_000, connectivity_decay=1.0))
    assert none[EVE] > 0.1
    assert all_.get(EVE, 0.0) == 0.0
    assert all_[ANN] == none[ANN]


def test_a_node_stands_by_its_settings():
    settings = NodeSettings(
        merit_walks=20_000, merit_transitivity_decay=0.8, merit_connectivity_decay=0.0
    )
    node = Node(
        chain(), KeyedHashSigner(b"me"), network="n", verifier=KeyedHashVerifier(),
        settings=settings, rng=np.random.default_rng(1), now=NOW,
    )  # fmt: skip
    node.on_timer(NOW)
    merit = node._standing.merit
    assert merit[BEN] / merit[ANN] == pytest.approx(0.2, abs=0.03)


def test_by_default_a_node_follows_whom_the_ranking_hears():
    ours, ranking = NodeSettings().merit, RankSettings().merit
    assert ours.transitivity_decay == ranking.transitivity_decay
    assert ours.connectivity_decay == ranking.connectivity_decay


@pytest.mark.parametrize(
    ("key", "value"), [("merit_transitivity_decay", 0.0), ("merit_connectivity_decay", 1.5)]
)
def test_an_impossible_decay_is_refused_by_its_name(key, value):
    with pytest.raises(ConfigError, match=f"node.{key}"):
        NodeSettings(**{key: value})
