"""The sync benchmark measures what its command prints, and the protocol keeps its numbers."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest
from click.testing import CliRunner

from peerrec.errors import ConfigError
from peerrec.protocol.identity import Ed25519Verifier
from peerrec_sim.benchmarks import gossip, hostile, idle, sync_bytes
from peerrec_sim.benchmarks import sync as benchmark
from peerrec_sim.benchmarks.hostile import Run, measure_hostile
from peerrec_sim.benchmarks.hostile_scripts import Scene
from peerrec_sim.benchmarks.sync import FULL, PARTS, QUICK, measure_sync
from peerrec_sim.benchmarks.sync_bytes import Sizes, measure_bytes
from peerrec_sim.benchmarks.sync_corpus import (
    ed25519_signers,
    filled_store,
    make_corpus,
    make_node,
    take_in,
)
from peerrec_sim.commands import bench_sync

TINY = Sizes(n_segments=200, n_authors=8, hour=2, day=5, week=20, scattered=6)
SMALL = dataclasses.replace(QUICK, sizes=TINY, gossip_nodes=15, half_nodes=4, parted_s=120.0)
NO_DAEMON = tuple(part for part in PARTS if part not in ("idle", "hostile"))


@pytest.fixture(scope="module")
def figures():
    return measure_sync(0, SMALL, NO_DAEMON)


def run(*arguments: str):
    return CliRunner().invoke(bench_sync.sync, arguments)


def test_every_figure_of_the_table_is_measured(figures, monkeypatch):
    monkeypatch.setattr(benchmark, "measure_idle_bytes", lambda seed: {"idle_bytes_per_hour": 1.0})
    daemon = {"idle_cpu_share": 0.1, "idle_rss_mb": 9.0}
    monkeypatch.setattr(benchmark, "measure_idle_daemon", lambda *_: daemon)
    monkeypatch.setattr(hostile, "RATES", (hostile.RATE,))
    attack = measure_hostile(small_corpus(), 0, 2.0, attacks=("pings", "sessions"))
    rest = measure_sync(0, SMALL, ("idle",))
    assert set(bench_sync.MEANING) <= set(figures | attack | rest)


def test_the_command_names_the_parts_that_there_are():
    assert tuple(PARTS) == bench_sync.PARTS


def test_small_stores_keep_the_numbers_that_do_not_grow(figures):
    assert figures["equal_bytes"] <= 80
    assert figures["equal_round_trips"] == 1
    assert figures["one_missing_bytes"] <= 600
    assert figures["gossip_delivered"] == 1
    assert figures["gossip_all_s"] <= 120
    assert figures["fork_spread_periods"] <= 2
    assert figures["fork_final_states"] == 1
    assert figures["restored_forks"] == figures["restored_lost"] == 0


def test_the_same_seed_costs_the_same_bytes():
    assert measure_bytes(TINY, 3) == measure_bytes(TINY, 3)


def test_a_corpus_is_the_same_for_the_same_seed_and_in_order_of_time():
    one, two = (small_corpus(seed=5) for _ in range(2))
    assert one.segments == two.segments
    minutes = [each.header.minute for each in one.segments]
    assert minutes == sorted(minutes)


def test_segments_that_a_node_does_not_take_are_noticed():
    corpus = small_corpus()
    held = filled_store(1, corpus.segments[:1])
    node = make_node(1, corpus.authors, held, verifier=Ed25519Verifier())
    with pytest.raises(RuntimeError, match="duplicate"):
        take_in(node, corpus.segments)


def test_what_was_pushed_twice_counts_as_overhead(monkeypatch):
    whole = measure_bytes(TINY, 0)["day_overhead"]
    monkeypatch.setattr(sync_bytes, "unpack", lambda *_: [None] * 10)
    doubled = measure_bytes(TINY, 0)["day_overhead"]
    assert doubled > whole + 0.5


def test_nodes_that_never_agree_are_noticed(monkeypatch):
    monkeypatch.setattr(gossip, "n_own", lambda person: 1_000)
    with pytest.raises(RuntimeError, match="different segments"):
        gossip.measure_partition(2, 0, 60.0)


def test_a_message_of_an_attacker_delays_others_by_itself_and_not_by_its_queue():
    spent = [(0.0, 0.5, False), (0.0, 0.5, False), (0.1, 0.1, True), (0.2, 0.1, True)]
    run = Run(spent)
    assert run.waits_s(alone=False) == pytest.approx([0.5, 1.0])
    assert run.waits_s(alone=True) == pytest.approx([0.1, 0.1])
    assert run.hostile_s == 1.0


def test_an_attacker_that_is_let_in_again_comes_back_without_a_burst():
    corpus = small_corpus()
    scene = Scene(corpus, corpus.segments, 0)
    run = hostile.attacked(scene, "garbage", 3.0, hostile.RATE)
    assert run.n_hangups >= 1
    assert sum(not honest for *_, honest in run.spent) < 100


def test_the_table_and_the_json_hold_the_figures(monkeypatch):
    found = dict.fromkeys(bench_sync.MEANING, 0.5)
    monkeypatch.setattr(benchmark, "measure_sync", lambda *_: found)
    assert json.loads(run("--json").stdout) == found
    table = run("--quick").stdout
    assert all(key in table for key in found)


def test_a_part_that_does_not_exist_is_refused():
    assert run("--only", "nothing").exit_code != 0
    with pytest.raises(ConfigError, match="only"):
        measure_sync(0, only=("nothing",))


def test_missing_daemons_are_noticed(monkeypatch, tmp_path):
    monkeypatch.setattr(idle.sys, "executable", "/bin/true")
    with pytest.raises(RuntimeError, match="did not start"), idle.daemon(tmp_path / "a.db"):
        pass


def small_corpus(seed: int = 0):
    return make_corpus(120, 6, ed25519_signers(6), seed)


def test_a_filled_store_holds_what_it_was_given():
    corpus = small_corpus()
    node = make_node(1, corpus.authors, filled_store(1, corpus.segments))
    assert len(node.library.frontier) == len(corpus.segments)


@pytest.mark.slow
def test_the_protocol_keeps_its_numbers_at_full_size():
    found = measure_sync(0, FULL, ("bytes", "gossip", "forks"))
    most = {
        "equal_bytes": 160, "equal_round_trips": 1, "hour_bytes": 2_500, "day_overhead": 0.12,
        "week_overhead": 0.05, "one_missing_bytes": 600, "scattered_bytes": 12_000,
        "cold_overhead": 0.03, "bytes_per_interaction": 40, "gossip_p50_s": 1.5,
        "gossip_p99_s": 6.0, "gossip_all_s": 120.0, "fork_spread_periods": 2,
    }  # fmt: skip
    assert {key: found[key] for key, limit in most.items() if found[key] > limit} == {}
    assert found["gossip_delivered"] == 1


@pytest.mark.slow
def test_a_hostile_peer_costs_little():
    sizes = dataclasses.replace(FULL.sizes, n_segments=10_000, n_authors=400)
    found = measure_sync(0, dataclasses.replace(FULL, sizes=sizes), ("hostile",))
    assert found["hostile_cpu_share"] <= 0.15
    assert found["hostile_memory_mb"] <= 16
    assert found["hostile_p99_ratio"] <= 2


@pytest.mark.slow
def test_a_parted_network_agrees_again():
    found = [gossip.measure_partition(20, seed, 7_200.0)["partition_heal_s"] for seed in range(3)]
    assert np.median(found) <= 120
