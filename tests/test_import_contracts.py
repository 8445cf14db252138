"""The arrows between packages hold, and the check would notice if one did not."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parent.parent
CODE = {
    "peerrec": "peerrec",
    "peerrec_node": "node/peerrec_node",
    "peerrec_sim": "simulator/peerrec_sim",
}


def check_contracts(tree: Path) -> subprocess.CompletedProcess[str]:
    roots = os.pathsep.join(str(tree / part) for part in (".", "node", "simulator"))
    command = [
        sys.executable,
        "-c",
        "from importlinter.cli import lint_imports_command as run; run()",
    ]
    return subprocess.run(
        [*command, "--config", "pyproject.toml", "--no-cache"],
        cwd=tree,
        env={**os.environ, "PYTHONPATH": roots},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def tree(tmp_path):
    """A copy of the code that a test may break."""
    shutil.copy(REPOSITORY / "pyproject.toml", tmp_path)
    for folder in CODE.values():
        ignore = shutil.ignore_patterns("__pycache__")
        shutil.copytree(REPOSITORY / folder, tmp_path / folder, ignore=ignore)
    return tmp_path


def test_the_code_keeps_all_contracts(tree):
    result = check_contracts(tree)
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.parametrize(
    ("package", "planted"),
    [
        ("peerrec", "import peerrec_node"),
        ("peerrec", "import peerrec_sim"),
        ("peerrec", "import time"),
        ("peerrec", "import threading"),
        ("peerrec", "import networkx"),
        ("peerrec/facade", "import time"),
        ("peerrec/facade", "import threading"),
        ("peerrec_node", "import peerrec_sim"),
        ("peerrec_sim", "import peerrec_node"),
    ],
)
def test_a_planted_import_breaks_a_contract(tree, package, planted):
    name, _, inside = package.partition("/")
    (tree / CODE[name] / inside / "planted.py").write_text(f"{planted}\n")
    result = check_contracts(tree)
    assert result.returncode != 0
    assert "BROKEN" in result.stdout


@pytest.mark.parametrize("planted", ["socket", "asyncio", "random"])
def test_the_facade_may_use_a_clock_and_a_thread_but_nothing_else(tree, planted):
    facade = tree / "peerrec" / "recommender.py"
    facade.write_text(facade.read_text() + f"\nimport {planted}\n")
    result = check_contracts(tree)
    assert result.returncode != 0
    assert f"peerrec.recommender -> {planted}" in result.stdout
