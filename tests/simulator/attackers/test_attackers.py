"""Every kind of attacker keeps the contract, and several can attack at once."""

from __future__ import annotations

import os
import subprocess
import sys

import msgspec
import numpy as np
import pytest

from peerrec.errors import ConfigError
from peerrec_sim.attackers import ATTACKERS, by_name, names, plan_attacks
from peerrec_sim.attackers.contract import AttackerContract
from peerrec_sim.attackers.stage import Stage


class TestAverage(AttackerContract):
    kind = "average"


class TestBandwagon(AttackerContract):
    kind = "bandwagon"


class TestCamouflageFlash(AttackerContract):
    kind = "camouflage-flash"
    starts_early = True


class TestCensor(AttackerContract):
    kind = "censor"


class TestClone(AttackerContract):
    kind = "clone"


class TestColluders(AttackerContract):
    kind = "colluders"


class TestCycle(AttackerContract):
    kind = "cycle"


class TestEclipse(AttackerContract):
    kind = "eclipse"


class TestEquivocate(AttackerContract):
    kind = "equivocate"


class TestFlood(AttackerContract):
    kind = "flood"
    strength = 0.1


class TestGiga(AttackerContract):
    kind = "giga"


class TestLean(AttackerContract):
    kind = "lean"


class TestParallel(AttackerContract):
    kind = "parallel"


class TestPoisonMoment(AttackerContract):
    kind = "poison-moment"


class TestPoisonNoise(AttackerContract):
    kind = "poison-noise"


class TestPoisonPromote(AttackerContract):
    kind = "poison-promote"


class TestPoisonShare(AttackerContract):
    kind = "poison-share"


class TestRandom(AttackerContract):
    kind = "random"


class TestReplaySkew(AttackerContract):
    kind = "replay-skew"


class TestSerial(AttackerContract):
    kind = "serial"


class TestSlander(AttackerContract):
    kind = "slander"


class TestStarve(AttackerContract):
    kind = "starve"


class TestWhitewash(AttackerContract):
    kind = "whitewash"


class TestWithhold(AttackerContract):
    kind = "withhold"


def test_every_kind_is_under_the_contract() -> None:
    tested = {each.kind for each in AttackerContract.__subclasses__() if "kind" in vars(each)}
    assert tested == set(ATTACKERS)


def test_every_kind_says_what_it_does() -> None:
    for kind in names():
        assert 10 < len(by_name(kind).summary) <= 100


def test_a_kind_that_does_not_exist_is_refused_with_those_that_do() -> None:
    with pytest.raises(ConfigError, match=r"use any of average, bandwagon"):
        by_name("nuke")


def test_an_option_that_does_not_exist_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"its options are lives"):
        by_name("whitewash", deaths=3)
    with pytest.raises(ConfigError, match=r"no options"):
        by_name("clone", lives=3)
    with pytest.raises(ConfigError, match=r"live at least once"):
        by_name("whitewash", lives=0)


def test_all_kinds_at_once_share_no_key_and_no_address() -> None:
    stage = Stage.small(honest=9, kinds=tuple(names()), sybils=20, edges=2)
    specs = [spec for plan in stage.plans for spec in plan.endpoints]
    assert len(specs) == 20 * len(names())
    assert len({spec.peer for spec in specs}) == len(specs)
    assert len({spec.address for spec in specs}) == len(specs)
    targets = [target for plan in stage.plans for target in plan.targets]
    assert len(set(targets)) == len(targets)


def test_what_one_kind_does_does_not_depend_on_the_others() -> None:
    together = plan_attacks(Stage.small(kinds=("censor", "clone"), sybils=5).view, 3)
    alone = plan_attacks(Stage.small(kinds=("clone",), sybils=5).view, 3)
    assert together[1].peers == alone[0].peers
    assert together[1].edges == alone[0].edges


def test_real_signatures_are_made_where_the_scenario_wants_them() -> None:
    view = Stage.small(sybils=2).view
    node = msgspec.structs.replace(view.scenario.node, signer="ed25519")
    orders = msgspec.structs.replace(view.orders, sybils=2)
    scenario = msgspec.structs.replace(view.scenario, node=node, attackers=orders)
    real = type(view)(
        scenario, view.community, view.peers, view.addresses, view.network, view.start
    )
    plan = by_name("eclipse").plan(real, np.random.default_rng(1))
    spec = plan.endpoints[0]
    assert spec.verifier.verify(spec.peer, spec.signer.sign(b"x"), b"x")
    assert not spec.verifier.verify(spec.peer, spec.signer.sign(b"x"), b"y")


SCRIPT = """
from peerrec_sim.attackers.stage import Stage
stage = Stage.small(kinds=("clone", "eclipse", "censor", "equivocate", "replay-skew"), sybils=1,
                    honest=3, start_s=3.0)
stage.run_for(20.0)
print(stage.trace.hexdigest())
"""


def test_hash_seeds_change_nothing() -> None:
    traces = {
        subprocess.run(
            [sys.executable, "-c", SCRIPT],
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(sys.path)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(traces) == 1
    assert len(traces.pop().strip()) == 32
