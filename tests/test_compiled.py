"""What is compiled does what its sources say: same traces, and the same tests pass."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parent.parent

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def compiled(tmp_path_factory) -> Path:
    """Return a folder with the contents of a compiled wheel."""
    if shutil.which("cc") is None and not os.environ.get("CI"):
        pytest.skip("no C compiler; `make compiler` installs one")
    made = tmp_path_factory.mktemp("compiled")
    pip = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--quiet", "--wheel-dir", str(made)]
    environment = {**os.environ, "PEERREC_COMPILED": "1"}
    subprocess.run([*pip, str(REPOSITORY)], check=True, env=environment)
    (wheel,) = made.glob("*.whl")
    assert "linux" in wheel.name or "none-any" not in wheel.name
    zipfile.ZipFile(wheel).extractall(made / "site")
    return made / "site"


def run(where: Path | None, cwd: Path, *words: str) -> str:
    """Run Python where nothing but the compiled modules, or nothing of them, is found first."""
    environment = {**os.environ, "PYTHONPATH": "" if where is None else str(where)}
    done = subprocess.run(
        [sys.executable, *words], cwd=cwd, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout[-4_000:] + done.stderr[-4_000:]
    return done.stdout


@pytest.mark.parametrize("scenario", ["quiet", "sybil-flood", "equivocate"])
def test_the_trace_is_that_of_the_sources(scenario, compiled, tmp_path):
    command = [
        "-m", "peerrec_node", "sim", "run", scenario, "--set", "nodes=12",
        "--set", "length_s=60", "--set", "measures.every_s=30", "--seed", "3", "--out",
    ]  # fmt: skip
    shards = ["--backend", "processes", "--shards", "2"]  # what goes to a process is pickled
    run(None, tmp_path, *command, str(tmp_path / "sources"))
    run(compiled, tmp_path, *command, str(tmp_path / "compiled"), *shards)
    said = [
        json.loads((tmp_path / name / "run.json").read_text()) for name in ("sources", "compiled")
    ]
    assert said[0]["events"] == said[1]["events"] > 1_000
    assert said[0]["trace_hash"] == said[1]["trace_hash"]


def test_modules_are_compiled_and_their_tests_pass(compiled, tmp_path):
    which = "import peerrec.protocol.gossip as it; print(it.__file__)"
    assert not run(compiled, tmp_path, "-c", which).strip().endswith(".py")
    shutil.copytree(REPOSITORY / "tests", tmp_path / "tests")
    shutil.copy(REPOSITORY / "pyproject.toml", tmp_path)
    tests = ["tests/peerrec/protocol", "tests/peerrec/peering", "tests/simulator/attackers"]
    tests += [str(path) for path in (tmp_path / "tests/peerrec").glob("test_node_*.py")]
    run(compiled, tmp_path, "-m", "pytest", "-x", *tests)
