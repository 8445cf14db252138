"""Poisoners really send evil tables, and take part in averaging like anybody."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from peerrec.ids import item_hash
from peerrec.peering.factor_state import DIM
from peerrec.ranking.factor_codec import EXCHANGES_MAX, decode_table
from peerrec.ranking.factor_frame import item_keys
from peerrec.ranking.factor_table import FactorTable
from peerrec_sim.attackers import by_name
from peerrec_sim.attackers.poison import PoisonPuppet, PoisonState
from peerrec_sim.attackers.stage import Stage
from peerrec_sim.scenario import NodeOptions

KINDS = ("poison-moment", "poison-noise", "poison-promote", "poison-share")
FACTORS = NodeOptions(factors=True, factor_every_s=4.0)


def puppet_of(kind: str, **orders: float) -> tuple[PoisonPuppet, str]:
    """Return an identity that joined and stated its history, and its target."""
    view = Stage.small(honest=12, sybils=2, edges=2, node=FACTORS, **orders).view
    plan = by_name(kind).plan(view, np.random.default_rng(2))
    spec = plan.endpoints[0]
    puppet = spec.endpoint()
    assert isinstance(puppet, PoisonPuppet)
    puppet.on_timer(spec.joins)
    return puppet, plan.targets[0]


def sent_by(puppet: PoisonPuppet) -> tuple[FactorTable, FactorTable]:
    """Return what it sends, and what it averages."""
    assert puppet.node is not None
    assert puppet.node.factoring is not None
    state = puppet.node.factoring.state
    assert isinstance(state, PoisonState)
    made = state.body({})
    assert made is not None
    assert state.local is not None
    body, rows = made
    return decode_table(body, dim=DIM, rows_max=rows), state.local.table


@pytest.mark.parametrize("kind", KINDS)
def test_what_it_sends_can_be_read_and_is_not_what_it_averages(kind: str) -> None:
    sent, own = sent_by(puppet_of(kind)[0])
    assert sent.exchanges == EXCHANGES_MAX
    assert own.exchanges == 0
    assert len(sent) > 5
    near = sent.at(own.keys).mean
    assert not np.allclose(near, own.mean, atol=0.05) or not np.allclose(
        sent.moment, own.moment, rtol=0.1
    )


@pytest.mark.parametrize("kind", ["poison-promote", "poison-share"])
def test_everybody_has_the_target_by_its_tables(kind: str) -> None:
    puppet, target = puppet_of(kind)
    sent, own = sent_by(puppet)
    key = item_keys([item_hash(target)])
    assert sent.at(key).share[0] == pytest.approx(1.0, abs=0.02)
    others = own.keys[own.keys != key[0]]
    ratio = sent.at(others).share.sum() / own.at(others).share.sum()
    assert ratio == pytest.approx(1.0 if kind == "poison-promote" else 0.01, rel=0.1)


def test_the_same_identity_sends_the_same_noise_again() -> None:
    one, two = (sent_by(puppet_of("poison-noise")[0])[0] for _ in range(2))
    assert one.mean.tobytes() == two.mean.tobytes()


def test_strength_is_how_often_it_exchanges() -> None:
    often = []
    for strength in (0.0, 1.0, 2.0, 1000.0):
        node = puppet_of("poison-noise", strength=strength)[0].node
        assert node is not None
        often.append(node.settings.factor_every_s)
        assert node.settings.factors
    assert often == [864_000.0, 4.0, 2.0, 1.0]


def test_where_honest_people_exchange_tables_it_gets_its_own_across() -> None:
    stage = Stage.small(
        kinds=("poison-promote",), honest=5, sybils=2, edges=3, start_s=5.0, node=FACTORS
    )
    stage.run_for(90.0)
    met = [stage.sybils[peer].node.factoring.state for peer in stage.plans[0].peers]  # type: ignore[attr-defined]
    assert sum(state.exchanges for state in met) > 2
    exchanged = [person.node.factoring.state.exchanges for person in stage.people]
    assert sum(exchanged) > 5
    assert max(exchanged) < 60


def test_where_nobody_exchanges_tables_it_is_a_bandwagon() -> None:
    stage = Stage.small(kinds=("poison-noise",), honest=5, sybils=2, edges=2, start_s=5.0)
    stage.run_for(40.0)
    puppet = stage.sybils[stage.plans[0].peers[0]]
    assert isinstance(puppet, PoisonPuppet)
    assert puppet.node is not None
    assert puppet.node.factoring is not None
    assert puppet.node.factoring.state.exchanges == 0
    assert all(stage.hits(target) for target in stage.plans[0].targets)


def test_a_role_is_plain_data() -> None:
    plan = by_name("poison-share").plan(
        Stage.small(honest=6, sybils=2).view, np.random.default_rng(1)
    )
    roles = {spec.role for spec in plan.endpoints}
    assert len(roles) == 1
    assert dataclasses.asdict(roles.pop())["attack"] == "share"  # type: ignore[call-overload]
