"""`peerrec evaluate` prints what it measured, and refuses bad input in one line."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import click
import numpy as np
import pytest
from click.testing import CliRunner

from peerrec.errors import ConfigError, PeerrecError
from peerrec_sim.commands.evaluate import evaluate

PACKAGES = [Path(__file__).resolve().parents[2] / part for part in ("", "node", "simulator")]
KEYS = [
    "dataset",
    "ranker",
    "users",
    "recall@20",
    "ndcg@20",
    "coverage@20",
    "gini@20",
    "novelty@20",
    "worst10_ndcg@20",
    "cold_ndcg@20",
    "ils@20",
    "seconds",
    "peak_rss_mb",
]


@pytest.fixture(scope="module")
def dataset(tmp_path_factory) -> Path:
    """A data set in the one-line-a-user format, with a test part."""
    folder = tmp_path_factory.mktemp("lists") / "small"
    folder.mkdir()
    rng = np.random.default_rng(0)
    lines = {"train": [], "test": []}
    for user in range(40):
        # Two tastes: even users like the first half of the items, odd ones the second.
        items = rng.permutation(20)[:9] + 20 * (user % 2)
        lines["train"].append(" ".join(map(str, [user, *items[:6]])))
        lines["test"].append(" ".join(map(str, [user, *items[6:]])))
    for part, rows in lines.items():
        (folder / f"{part}.txt").write_text("\n".join(rows) + "\n")
    return folder


def run(*args: object):
    return CliRunner().invoke(evaluate, [str(arg) for arg in args])


def run_json(*args: object) -> dict:
    result = run(*args, "--json")
    assert result.exception is None, result.output
    return json.loads(result.stdout)


def test_json_is_one_object_with_the_promised_keys(dataset):
    fields = run_json(dataset, "--ranker", "p3alpha")
    assert set(KEYS) <= set(fields)
    assert fields["dataset"] == "small"
    assert fields["ranker"] == "p3alpha"
    assert fields["users"] == 40
    assert fields["ndcg@20"] > run_json(dataset, "--ranker", "popularity")["ndcg@20"]


def test_table_shows_the_same_figures(dataset):
    result = run(dataset, "--ranker", "p3alpha")
    assert f"{run_json(dataset, '--ranker', 'p3alpha')['ndcg@20']:.4f}" in result.stdout
    assert "worst10_ndcg@20" in result.stdout


def test_progress_goes_to_stderr(dataset):
    result = run(dataset, "--ranker", "popularity", "--json")
    assert "peace: 40 of 40" in result.stderr
    assert len(result.stdout.splitlines()) == 1


def test_attack_adds_its_figures_and_a_curve(dataset):
    fields = run_json(
        dataset, "--ranker", "p3alpha", "--attack", "clone", "--sybils", "0,200",
        "--attack-edges", "1,5%",
    )  # fmt: skip
    assert {"target_hit@20", "sybil_merit", "ndcg_loss", "false_flag_rate"} <= set(fields)
    points = [(point["attack_edges"], point["sybils"]) for point in fields["curve"]]
    assert points == [(1, 0), (1, 200), (2, 0), (2, 200)]
    assert fields["target_hit@20"] > 0.9


def test_plot_draws_the_curve(dataset, tmp_path):
    picture = tmp_path / "curve.png"
    result = run(
        dataset, "--ranker", "popularity", "--attack", "random", "--sybils", "0,5",
        "--plot", picture,
    )  # fmt: skip
    assert result.exception is None
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_tuning_says_what_it_chose_and_why(dataset):
    result = run(dataset, "--ranker", "rp3beta", "--tune", "--json")
    fields = json.loads(result.stdout)
    for name, value in fields["tuning"]["chosen"].items():
        assert fields["parameters"][name] == value
    assert fields["tuning"]["why"] in result.stderr


def test_settings_reach_the_ranker(dataset):
    fields = run_json(dataset, "--ranker", "itemknn", "--set", "neighbours=3")
    assert fields["parameters"] == {"neighbours": 3, "shrinkage": 10.0}


BAD_OPTIONS = {
    "n: 0": ["--ranker", "popularity", "--n", "0"],
    "users: -2": ["--ranker", "popularity", "--users", "-2"],
    "ranker: 'oracle'": ["--ranker", "oracle"],
    "ease.speed: '9'": ["--ranker", "ease", "--set", "speed=9"],
    "ease.regularisation: 'much'": ["--ranker", "ease", "--set", "regularisation=much"],
    "--set: 'speed'": ["--ranker", "ease", "--set", "speed"],
    "attack: 'magic'": ["--ranker", "ease", "--attack", "magic"],
    "--sybils: 'many'": ["--ranker", "ease", "--attack", "clone", "--sybils", "many"],
    "--sybils: '-1'": ["--ranker", "ease", "--attack", "clone", "--sybils", "1,-1"],
    "--sybils: '5'": ["--ranker", "ease", "--sybils", "5"],
    "--attack-edges: '0'": ["--ranker", "ease", "--attack", "clone", "--attack-edges", "0"],
    "--attack-edges: '41'": ["--ranker", "ease", "--attack", "clone", "--attack-edges", "41"],
    "--attack-edges: 'x%'": ["--ranker", "ease", "--attack", "clone", "--attack-edges", "x%"],
    "--attack-edges: '200%'": ["--ranker", "ease", "--attack", "clone", "--attack-edges", "200%"],
    "--plot: 'curve.svg'": ["--ranker", "ease", "--plot", "curve.svg"],
    "--plot: 'curve.pdf'": ["--ranker", "ease", "--attack", "clone", "--plot", "curve.pdf"],
    "--tune: 'popularity'": ["--ranker", "popularity", "--tune"],
    "--tune-seconds: 0.0": ["--ranker", "ease", "--tune", "--tune-seconds", "0"],
    "--trust: 'friends'": ["--ranker", "ease", "--trust", "friends"],
    "--data: 'nowhere'": ["--ranker", "ease", "--data", "nowhere"],
}


@pytest.mark.parametrize("message", BAD_OPTIONS)
def test_impossible_option_is_refused_by_name(dataset, message):
    error = run(dataset, *BAD_OPTIONS[message]).exception
    assert isinstance(error, ConfigError)
    assert str(error).startswith(message)


@pytest.mark.parametrize(
    ("name", "content"),
    [("train.txt", "0 1 2\n0 x\n"), ("train.txt", ""), ("what.bin", "\x01\x02")],
)
def test_broken_data_is_refused(tmp_path, name, content):
    (tmp_path / name).write_text(content)
    assert isinstance(run(tmp_path, "--ranker", "popularity").exception, PeerrecError)


def test_unknown_option_is_a_usage_error(dataset):
    assert run(dataset, "--ranker", "ease", "--fast").exit_code == click.UsageError.exit_code


@pytest.mark.parametrize(
    ("args", "code"),
    [(["--ranker", "popularity", "--json"], 0), (["--ranker", "oracle"], 2)],
)
def test_installed_command_answers_with_its_exit_code(dataset, tmp_path, args, code):
    plug_in(tmp_path)
    path = os.pathsep.join([str(tmp_path), *map(str, PACKAGES)])
    done = subprocess.run(
        [sys.executable, "-m", "peerrec_node", "evaluate", str(dataset), *args],
        env=os.environ | {"PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == code, done.stderr
    if code:
        assert done.stdout == ""
        assert len(done.stderr.splitlines()) == 1
    else:
        assert set(KEYS) <= set(json.loads(done.stdout))


def plug_in(folder: Path) -> None:
    """Offer the command as an installed distribution does, installed or not."""
    info = folder / "plugged-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: plugged\nVersion: 1\n")
    (info / "entry_points.txt").write_text(
        "[peerrec.commands]\nevaluate = peerrec_sim.commands.evaluate:evaluate\n"
    )
