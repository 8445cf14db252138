"""What a run needs is known before it begins; Ctrl-C is a request, the second one an order."""

from __future__ import annotations

import os
import signal
import threading

import pytest

from peerrec.errors import ConfigError
from peerrec_sim.experiments import engine
from peerrec_sim.scenario import load, names
from peerrec_sim.scenario.estimate import Estimate


@pytest.mark.parametrize("name", names())
def test_the_attacks_of_every_shipped_scenario_exist(name):
    if load(name).population.source == "generated":
        engine.prepare(load(name), force=True)


def test_an_attack_that_nobody_has_written_is_refused_with_the_closest():
    with pytest.raises(ConfigError, match="did you mean clone") as caught:
        engine.prepare(load("clone", ["attackers.kinds=clones"]))
    assert caught.value.key == "attackers.kinds"


def test_an_attack_that_needs_packets_is_refused_in_graph_mode():
    with pytest.raises(ConfigError, match=r"attackers\.kinds"):
        engine.prepare(load("giga", ["attackers.kinds=eclipse"]))


def test_a_data_set_that_is_missing_is_refused_by_the_name_of_its_key(monkeypatch, tmp_path):
    monkeypatch.setenv("PEERREC_DATA", str(tmp_path))
    with pytest.raises(ConfigError) as caught:
        engine.prepare(load("lastfm-friends"))
    assert caught.value.key == "population.dataset"
    assert caught.value.value == "lastfm-2k"


def test_too_little_memory_is_refused_unless_forced(monkeypatch):
    small = Estimate(100, 0, 0, 1 << 40, 1.0, 1 << 30)
    monkeypatch.setattr(engine, "estimate", lambda scenario, shards: small)
    with pytest.raises(ConfigError, match=r"1,024 GiB.*--force"):
        engine.prepare(load("quiet"))
    assert engine.prepare(load("quiet"), force=True) is small


def test_the_first_ctrl_c_asks_and_the_second_one_ends():
    before = signal.getsignal(signal.SIGINT)
    with engine.interruptible() as asked:
        assert not asked()
        os.kill(os.getpid(), signal.SIGINT)
        assert asked()
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is before


def test_outside_the_main_thread_nothing_is_caught():
    said = []

    def look() -> None:
        with engine.interruptible() as asked:
            said.append(asked())

    thread = threading.Thread(target=look)
    thread.start()
    thread.join()
    assert said == [False]
