"""A daemon starts without what it needs only later, and its commands need less still."""

from __future__ import annotations

import subprocess
import sys

import pytest
from daemon_process import environment
from daemons import running

LATER = ("scipy", "segno", "zeroconf", "networkx", "pyarrow", "peerrec_node.imports", "peerrec_sim")


def imported(program: str, *args: object) -> set[str]:
    """Return the modules that a program has imported in the end."""
    ending = "\nimport sys\nprint('\\n'.join(sys.modules), file=sys.stderr)"
    done = subprocess.run(
        [sys.executable, "-c", program + ending, *map(str, args)],
        env=environment(), capture_output=True, text=True, check=True,
    )  # fmt: skip
    return set(done.stderr.split())


@pytest.mark.parametrize("module", LATER)
def test_a_daemon_starts_without(module, daemons_modules):
    assert module not in daemons_modules


@pytest.fixture(scope="module")
def daemons_modules() -> set[str]:
    """What a daemon has imported when it says that it is ready."""
    program = """
import os, signal, sys, tempfile
from pathlib import Path
from peerrec_node import cli
from peerrec_node.commands import running
with tempfile.TemporaryDirectory() as folder:
    def ready(document, **kind):
        os.kill(os.getpid(), signal.SIGTERM)
        return []
    running.lines = ready
    words = ["run", "--store", str(Path(folder) / "me.db")]
    words += ["--listen", "127.0.0.1:0", "--http", "127.0.0.1:0"]
    assert cli.peerrec.exit_code(words, "peerrec", obj=cli.Invocation(tuple(words))) == 0
"""
    return imported(program)


def test_a_command_that_a_daemon_executes_needs_no_arrays(tmp_path):
    store = tmp_path / "me.db"
    program = """
import sys
from peerrec_node import cli
words = sys.argv[1:]
assert cli.peerrec.exit_code(words, "peerrec", obj=cli.Invocation(tuple(words))) == 0
"""
    with running(store):
        found = imported(program, "status", "--store", store)
        assert "peerrec_node.control" in found
        assert not {"numpy", "peerrec.recommender", "aiohttp"} & found
        assert "numpy" not in imported(program, "recommend", "--store", store)
