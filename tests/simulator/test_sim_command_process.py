"""`peerrec sim` as a process of its own: Ctrl-C, workers that die, and what is left then."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from peerrec.errors import ConfigError, DataError
from peerrec_sim.commands.sim import sim
from peerrec_sim.experiments import engine, workers
from peerrec_sim.scenario import estimate

TINY = [
    arg
    for setting in ("nodes=8", "items=60", "plays_per_node=10", "length_s=15", "every_s=5",
                    "egos=2", "walks=100")
    for arg in ("--set", setting)
]  # fmt: skip

ENDLESS = [*TINY, "--set", "length_s=1000000", "--set", "every_s=1"]


def run(*args: object) -> Result:
    return CliRunner().invoke(sim, [str(arg) for arg in args])


def interrupted(place: Path, *args: str) -> subprocess.CompletedProcess[str]:
    """Run a scenario that would never end, and press Ctrl-C once it has begun."""
    command = [sys.executable, "-m", "peerrec_node", "sim", "run", "quiet", *ENDLESS, *args]
    with subprocess.Popen(
        [*command, "--out", str(place)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            assert process.stderr is not None
            said = ""
            for line in process.stderr:
                said += line
                if line.startswith("virtual seconds"):
                    break
            # To all processes of the run, as a terminal does.
            os.killpg(process.pid, signal.SIGINT)
            out, rest = process.communicate(timeout=120)
        finally:
            process.kill()
    return subprocess.CompletedProcess(command, process.returncode, out, said + rest)


@pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX signals")
@pytest.mark.parametrize("more", [[], ["--shards", "2"]])
def test_ctrl_c_leaves_a_valid_folder_whose_hash_a_replay_confirms(tmp_path, more):
    done = interrupted(tmp_path / "run", *more)
    assert done.returncode == 130, done.stderr
    assert "interrupted after" in done.stderr
    facts = json.loads((tmp_path / "run" / "run.json").read_text())
    assert facts["complete"] is False
    assert facts["events"] > 0
    assert len(facts["trace_hash"]) == 32
    assert set(facts["files"]) <= {
        str(path.relative_to(tmp_path / "run")) for path in (tmp_path / "run").rglob("*")
    }
    assert "report.html" in facts["files"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["run"]
    again = run("replay", tmp_path / "run", "--events", "0..3")
    assert again.exception is None, again.output
    assert len(again.stdout.splitlines()) >= 3
    assert "the same as in run.json" in again.stderr


# -- replay ---------------------------------------------------------------------------


@pytest.fixture(scope="module")
def place(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "run"
    result = run("run", "quiet", *TINY, "--seed", 3, "--out", folder)
    assert result.exception is None, result.output
    return folder


def test_a_replay_shows_a_range_and_confirms_the_hash(place):
    result = run("replay", place, "--events", "40..50", "--json")
    assert result.exception is None, result.output
    rows = [json.loads(line) for line in result.stdout.splitlines()]
    assert [row["number"] for row in rows] == list(range(40, 50))
    assert json.loads((place / "run.json").read_text())["trace_hash"] in result.stderr


def test_a_replay_by_time_and_node_is_for_people_too(place):
    result = run("replay", place, "--time", "0..0.2", "--node", "3", "--no-check")
    assert result.exception is None, result.output
    assert "HELLO" in result.stdout
    assert "same as" not in result.stderr


def test_a_scenario_can_be_looked_at_without_a_run():
    result = run("replay", "quiet", *TINY, "--seed", "3", "--events", "..5")
    assert result.exception is None, result.output
    assert len([line for line in result.stdout.splitlines() if "→" in line]) == 5


def test_a_range_behind_the_end_says_how_many_events_there_are(place):
    result = run("replay", place, "--events", "99999999..", "--no-check")
    assert result.exception is None, result.output
    n_events = json.loads((place / "run.json").read_text())["events"]
    assert f"none of the first {n_events:,} events" in result.stderr


def test_a_run_that_went_another_way_is_told_with_the_versions_that_differ(place, tmp_path):
    facts = json.loads((place / "run.json").read_text())
    facts["trace_hash"] = "0" * 32
    (tmp_path / "run.json").write_text(json.dumps(facts))
    result = run("replay", tmp_path, "--events", "0..1")
    assert isinstance(result.exception, DataError)
    assert "the code or the data changed since" in str(result.exception)
    facts["versions"]["numpy"] = "0.1"
    (tmp_path / "run.json").write_text(json.dumps(facts))
    assert "numpy 0.1 →" in str(run("replay", tmp_path, "--events", "0..1").exception)


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["quiet"], "--events FROM..TO"),
        (["quiet", "--events", "5"], "100..200"),
        (["quiet", "--events", "a..b"], "100..200"),
        (["quiet", "--events", "1.5..2"], "100..200"),
        (["quiet", "--events", "5..5"], "a range"),
        (["quiet", "--time", "5..1"], "a range"),
        (["giga", "--events", "0..1"], "only networks"),
        (["quite", "--events", "0..1"], "did you mean quiet"),
        (["runs/nowhere", "--events", "0..1"], "no such folder"),
        ([".", "--events", "0..1"], "holds no run"),
        ([".", "--events", "0..1", "--seed", "1"], "the folder says what was run"),
    ],
)
def test_bad_input_of_replay_is_refused_in_words(tmp_path, monkeypatch, args, said):
    monkeypatch.chdir(tmp_path)
    assert said in str(run("replay", *args).exception)


# -- before anything runs -------------------------------------------------------------


@pytest.mark.parametrize("command", [["run", "quiet"], ["sweep", "quiet", "--over", "nodes=8,9"]])
@pytest.mark.parametrize("package", ["pyarrow", "jinja2", "matplotlib"])
def test_a_package_that_is_missing_for_the_report_is_said_first(
    tmp_path, monkeypatch, package, command
):
    def execute(*args, **options):
        raise AssertionError("it ran")

    monkeypatch.setattr(engine, "execute", execute)
    monkeypatch.setitem(sys.modules, package, None)
    result = run(*command, *TINY, "--out", tmp_path / "run")
    assert isinstance(result.exception, ConfigError)
    assert "pip install 'peerrec[sim]'" in str(result.exception)
    assert os.listdir(tmp_path) == []


@pytest.mark.slow
def test_too_little_memory_is_refused_and_can_be_forced(tmp_path, monkeypatch):
    monkeypatch.setattr(estimate.machine, "free_memory_bytes", lambda: 1 << 20)
    refused = run("run", "quiet", *TINY, "--out", tmp_path / "run")
    assert isinstance(refused.exception, ConfigError)
    assert "0.0 GiB free" in str(refused.exception)
    assert os.listdir(tmp_path) == []
    forced = run("run", "quiet", *TINY, "--out", tmp_path / "run", "--force")
    assert forced.exception is None, forced.output


# -- workers that die -----------------------------------------------------------------


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs POSIX signals")
def test_a_shard_that_dies_is_named_with_what_to_do_and_nothing_is_left(tmp_path, monkeypatch):
    execute = engine.execute

    def killing(scenario, *, progress, **options):
        def told(stage: str, done: int, total: int) -> None:
            if done == 3:
                multiprocessing.active_children()[0].kill()
            progress(stage, done, total)

        return execute(scenario, progress=told, **options)

    monkeypatch.setattr(engine, "execute", killing)
    result = run("run", "quiet", *TINY, "--shards", "2", "--out", tmp_path / "run")
    said = str(result.exception)
    assert "the worker of shard" in said
    assert "signal 9" in said
    assert "start it again to get the same results" in said
    assert os.listdir(tmp_path) == []


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs POSIX signals")
def test_a_sweep_that_lost_a_worker_goes_on_as_it_says(tmp_path, monkeypatch):
    start = workers._start
    args = ["sweep", "quiet", *TINY, "--over", "walks=100", "--seeds", "0,1", "--workers", "1",
            "--out", str(tmp_path / "sweep")]  # fmt: skip

    def killed(context, name, tables, run_point):
        busy = start(context, name, tables, run_point)
        if name.endswith("seed=1"):
            busy.process.kill()
        return busy

    with monkeypatch.context() as patch:
        patch.setattr(workers, "_start", killed)
        lost = run(*args)
    assert "walks=100,seed=1 died (killed" in str(lost.exception)
    assert "--resume" in str(lost.exception)
    assert [path.name for path in (tmp_path / "sweep").iterdir()] == ["walks=100,seed=0"]
    resumed = run(*args, "--resume", "--json")
    assert resumed.exception is None, resumed.output
    assert [row["seed"] for row in json.loads(resumed.stdout)] == [0, 1]
