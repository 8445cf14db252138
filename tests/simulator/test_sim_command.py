"""`peerrec sim` lists, estimates, runs, sweeps and compares, and overwrites nothing."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import pytest
from click.testing import CliRunner

from peerrec.errors import ConfigError, PeerrecError
from peerrec_sim.commands.sim import sim
from peerrec_sim.experiments import engine
from peerrec_sim.measures.columns import NODES
from peerrec_sim.measures.result import RunResult
from peerrec_sim.reports import writing
from peerrec_sim.reports.folder import store
from peerrec_sim.scenario import names

TINY = [
    arg
    for setting in ("nodes=8", "items=60", "plays_per_node=10", "length_s=15", "every_s=5",
                    "egos=2", "walks=100")
    for arg in ("--set", setting)
]  # fmt: skip


def run(*args: object):
    return CliRunner().invoke(sim, [str(arg) for arg in args])


def succeeded(*args: object):
    result = run(*args)
    assert result.exception is None, (result.output, result.exception)
    return result


def refused(*args: object) -> PeerrecError:
    result = run(*args)
    assert isinstance(result.exception, PeerrecError), result.output
    return result.exception


@pytest.fixture
def plain(monkeypatch):
    """Results without pictures, which take seconds to draw."""

    def write(result: RunResult, folder: Path) -> Path:
        store(result, folder, {"report.html": b"<html>"})
        return folder / "report.html"

    monkeypatch.setattr(writing, "write", write)


@pytest.fixture
def quick(monkeypatch, plain):
    """Runs that take no time: what they find is the seed and the number of sybils."""

    def execute(scenario, *, progress=None, **_):
        if progress is not None:
            progress("virtual seconds", 1, 1)
        nodes = NODES.table(
            time_s=[1.0], node=[0], role=["honest"], ndcg=[0.1 + 0.01 * scenario.seed],
            list_length=[1.0], merit_mass_sybil=[scenario.attackers.sybils / 100.0],
        )  # fmt: skip
        return RunResult(
            scenario, nodes=nodes, n_honest=1, n_sybils=1, complete=True, trace_hash="ab"
        )

    monkeypatch.setattr(engine, "execute", execute)
    return execute


# -- list and estimate --------------------------------------------------------------------


def test_list_shows_every_scenario_with_what_it_shows():
    rows = json.loads(succeeded("list", "--json").stdout)
    assert [row["name"] for row in rows] == names()
    assert all(row["shows"] for row in rows)
    shown = succeeded("list").stdout
    for name in names():
        assert name in shown


def test_list_shows_every_key():
    keys = {row["key"] for row in json.loads(succeeded("list", "--keys", "--json").stdout)}
    assert {"population.nodes", "attackers.sybils", "length_s"} <= keys


def test_estimate_tells_memory_and_time():
    shown = succeeded("estimate", "sybil-flood", "--set", "nodes=1000").stdout
    assert "memory" in shown
    assert "GiB" in shown
    assert "time" in shown
    said = json.loads(succeeded("estimate", "sybil-flood", "--json").stdout)
    assert said["memory_bytes"] > 0
    assert said["seconds"] > 0
    assert said["fits"] is True


def test_estimate_says_what_would_not_fit_instead_of_refusing():
    assert "refused" in succeeded("estimate", "quiet", "--set", "nodes=1000000").stdout


# -- run ----------------------------------------------------------------------------------


def test_a_run_leaves_a_report_tables_and_a_run_file(tmp_path):
    place = tmp_path / "run"
    result = succeeded("run", "quiet", *TINY, "--seed", 3, "--out", place, "--json")
    said = json.loads(result.stdout)
    assert said["complete"] is True
    assert said["folder"] == str(place)
    assert {"report.html", "results.parquet", "run.json"} <= set(os.listdir(place))
    facts = json.loads((place / "run.json").read_text())
    assert facts["seed"] == 3
    assert facts["trace_hash"] == said["trace_hash"]
    assert facts["scenario"]["population"]["nodes"] == 8
    assert "of 15" in result.stderr


def test_a_run_tells_its_rate_and_where_the_report_is(tmp_path, quick):
    shown = succeeded("run", "quiet", *TINY, "--out", tmp_path / "run")
    assert "report.html" in shown.stdout
    assert "trace ab" in shown.stdout
    assert "8 nodes, about" in shown.stderr


def test_without_out_every_run_gets_a_folder_of_its_own(tmp_path, quick, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for _ in range(2):
        succeeded("run", "quiet", *TINY, "--seed", 3)
    assert sorted(os.listdir(tmp_path / "runs")) == ["quiet-seed3", "quiet-seed3-2"]


def test_a_folder_that_holds_another_run_is_refused_before_anything_runs(tmp_path, quick):
    place = tmp_path / "run"
    succeeded("run", "quiet", *TINY, "--out", place)
    before = {path: path.read_bytes() for path in place.rglob("*") if path.is_file()}
    error = refused("run", "quiet", *TINY, "--seed", 1, "--out", place)
    assert "another run" in str(error)
    assert {path: path.read_bytes() for path in place.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["run", "quite"], "did you mean quiet"),
        (["run", "quiet", "--set", "links.los=1"], "did you mean links.loss"),
        (["run", "quiet", "--set", "loss=2"], "links.loss: 2 is not allowed; a number, 0 … 0.95"),
        (["run", "quiet", "--set", "loss"], "key=value"),
        (["run", "lastfm-friends", "--set", "dataset=nowhere"], "population.dataset"),
        (["run", "quiet", "--set", "nodes=1000000"], "--force"),
        (["run", "clone", "--set", "attackers.kinds=clones"], "did you mean clone"),
        (["sweep", "quiet", "--over", "los=1"], "did you mean links.loss"),
        (["sweep", "quiet", "--over", "nodes=5", "--seeds", "a"], "--seeds"),
        (["sweep", "quiet", "--over", "nodes=500000"], "--workers"),
        (["compare", "nowhere", "there"], "nowhere"),
    ],
)
def test_bad_input_is_refused_in_words_and_leaves_nothing(tmp_path, monkeypatch, args, said):
    monkeypatch.chdir(tmp_path)
    assert said in str(refused(*args))
    assert os.listdir(tmp_path) == []


def test_a_run_that_fails_leaves_nothing(tmp_path, monkeypatch):
    def fail(*args, **options):
        raise ConfigError("population.nodes", 8, "fewer")

    monkeypatch.setattr(engine, "execute", fail)
    refused("run", "quiet", *TINY, "--out", tmp_path / "run")
    assert os.listdir(tmp_path) == []


def test_ctrl_c_leaves_a_valid_partial_result_and_says_so(tmp_path, monkeypatch, plain):
    real = engine.execute

    def interrupted(scenario, *, progress, **options):
        def press(stage: str, done: int, total: int) -> None:
            if stage != "lists with all data" and done >= 8 and not pressed:
                pressed.append(done)
                os.kill(os.getpid(), signal.SIGINT)
            progress(stage, done, total)

        pressed: list[int] = []
        return real(scenario, progress=press, **options)

    monkeypatch.setattr(engine, "execute", interrupted)
    place = tmp_path / "run"
    result = run("run", "quiet", *TINY, "--out", place)
    assert result.exit_code == 130
    assert "interrupted after" in result.stderr
    facts = json.loads((place / "run.json").read_text())
    assert facts["complete"] is False
    assert 0 < facts["virtual_s"] < 15
    assert (place / "report.html").exists()


# -- sweep and compare --------------------------------------------------------------------


def sweep(place, *more: object):
    return run(
        "sweep", "clone", *TINY, "--set", "start_s=1", "--over", "attackers.sybils=0,10",
        "--seeds", "0-1", "--backend", "inline", "--out", place, *more,
    )  # fmt: skip


def test_a_sweep_runs_every_combination_and_prints_means_over_seeds(tmp_path, quick):
    result = sweep(tmp_path / "sweep")
    assert result.exception is None, result.output
    folders = sorted(path.name for path in (tmp_path / "sweep").iterdir() if path.is_dir())
    assert folders == [f"sybils={n},seed={seed}" for n in (0, 10) for seed in (0, 1)]
    rows = json.loads((tmp_path / "sweep" / "sweep.json").read_text())
    assert [row["values"] for row in rows] == [{"attackers.sybils": n} for n in (0, 0, 10, 10)]
    assert [round(row["summary"]["ndcg"], 3) for row in rows] == [0.1, 0.11, 0.1, 0.11]
    assert "attackers.sybils" in result.stdout
    assert "0.105" in result.stdout


def test_a_sweep_over_seeds_alone_needs_no_key(tmp_path, quick):
    place = tmp_path / "seeds"
    result = run(
        "sweep", "clone", *TINY, "--seeds", "0-2", "--backend", "inline", "--set", "start_s=1",
        "--out", place,
    )  # fmt: skip
    assert result.exception is None, result.output
    assert sorted(path.name for path in place.iterdir() if path.is_dir()) == [
        "seed=0", "seed=1", "seed=2"
    ]  # fmt: skip
    assert [row["values"] for row in json.loads((place / "sweep.json").read_text())] == [{}] * 3


def test_a_sweep_refuses_a_taken_folder_and_resumes_when_asked_to(tmp_path, quick, monkeypatch):
    place = tmp_path / "sweep"
    ran = []

    def counting(scenario, **options):
        ran.append(scenario.seed)
        if len(ran) == 3:
            raise KeyboardInterrupt
        return quick(scenario, **options)

    monkeypatch.setattr(engine, "execute", counting)
    stopped = sweep(place)
    assert "2 of 4 runs were finished" in stopped.stderr
    assert "--resume" in stopped.stderr
    assert "not empty" in str(sweep(place).exception)
    ran[:] = [0] * 5
    resumed = sweep(place, "--resume", "--json")
    assert resumed.exception is None, resumed.output
    assert len(ran) == 5 + 2
    assert len(json.loads(resumed.stdout)) == 4


def test_compare_says_what_differs_between_two_folders(tmp_path, quick):
    for name, sybils in (("a", 1), ("b", 90)):
        succeeded(
            "run", "clone", *TINY, "--set", "start_s=1", "--set", f"attackers.sybils={sybils}",
            "--out", tmp_path / name,
        )  # fmt: skip
    shown = succeeded("compare", tmp_path / "a", tmp_path / "b").stdout
    assert "attackers.sybils" in shown
    said = json.loads(succeeded("compare", tmp_path / "a", tmp_path / "b", "--json").stdout)
    assert {change["measure"] for change in said["changes"]} >= {"ndcg"}


def test_help_names_the_commands():
    shown = succeeded("--help").stdout
    for command in ("list", "run", "estimate", "compare", "sweep", "replay"):
        assert command in shown
