"""The command line finds commands lazily and answers errors in one line."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest
from click.testing import CliRunner

from peerrec import __version__
from peerrec_node import cli
from peerrec_node.exit_codes import EXIT_OTHER

PACKAGES = [Path(__file__).resolve().parents[2] / part for part in ("", "node", "simulator")]

PLUG = '''
"""A plugged-in module."""
import sys
import click
from peerrec.errors import ConfigError, DataError, StoreLocked

print("imported", file=sys.stderr)

@click.command()
@click.option("--fail", type=click.Choice(["config", "data", "store", "bug", "ctrl-c", "pipe"]))
@click.option("--number", type=int)
def plug(fail, number):
    """Do something useful. And more
    of it.

    Example: peerrec plug
    """
    if fail == "config":
        raise ConfigError("merit.walks", -1, "expected\\na positive number")
    if fail == "data":
        raise DataError("ratings.csv, line 3: no number")
    if fail == "store":
        raise StoreLocked("store.db: held by process 7")
    if fail == "bug":
        raise RuntimeError("our own fault")
    if fail == "ctrl-c":
        raise KeyboardInterrupt
    if fail == "pipe":
        for _ in range(100_000):
            click.echo("a line")
    click.echo("done")
'''


@pytest.fixture
def plugged(tmp_path, monkeypatch) -> Path:
    """A command and a benchmark, as an installed package offers them."""
    (tmp_path / "plugged.py").write_text(PLUG)
    points = [
        EntryPoint("plug", "plugged:plug", "peerrec.commands"),
        EntryPoint("broken", "plugged_broken:plug", "peerrec.commands"),
        EntryPoint("plug", "plugged:plug", "peerrec.benchmarks"),
    ]
    (tmp_path / "plugged_broken.py").write_text("import package_that_is_not_there\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "plugged", raising=False)
    monkeypatch.setattr(cli, "entry_points", lambda group: [p for p in points if p.group == group])
    yield tmp_path
    sys.modules.pop("plugged", None)


def run(*args: str):
    return CliRunner().invoke(cli.peerrec, args)


def test_version_is_the_librarys():
    assert run("--version").output == f"peerrec {__version__}\n"


def test_help_lists_commands_with_their_summary_without_importing_them(plugged):
    result = run("--help")
    assert result.exit_code == 0
    assert "plug    Do something useful." in result.output
    assert "bench" in result.output
    assert "imported" not in result.output
    assert "plugged" not in sys.modules


def test_no_arguments_show_the_help(plugged):
    assert run().exit_code == 0
    assert "Commands:" in run().output


def test_invoked_command_is_imported_and_run(plugged):
    result = run("plug")
    assert (result.exit_code, result.stdout) == (0, "done\n")


def test_benchmarks_are_found_under_bench(plugged):
    assert "Do something useful." in run("bench", "--help").output
    assert run("bench", "plug").stdout == "done\n"


@pytest.mark.parametrize(
    ("args", "code", "message"),
    [
        (["plug", "--fail", "config"], 2, "merit.walks: -1 is not allowed; expected a positive"),
        (["plug", "--fail", "data"], 2, "ratings.csv, line 3: no number"),
        (["plug", "--fail", "store"], 3, "store.db: held by process 7"),
        (["plug", "--fail", "ctrl-c"], 130, "interrupted"),
        (["plug", "--number", "many"], 2, "'many' is not a valid integer"),
        (["plug", "--fast"], 2, "No such option"),
        (["nonsense"], 2, "No such command 'nonsense'"),
        (["broken"], 1, "needs the package 'package_that_is_not_there'"),
    ],
)
def test_error_is_one_line_and_an_exit_code(plugged, args, code, message):
    result = run(*args)
    assert result.exit_code == code
    # Click ends the line on which a terminal shows ^C, hence the empty one.
    errors = [line for line in result.stderr.splitlines() if line not in ("imported", "")]
    assert len(errors) == 1
    assert errors[0].startswith("Error: ")
    assert message in errors[0]
    assert result.stdout == ""


def test_our_own_bug_keeps_its_traceback(plugged):
    assert isinstance(run("plug", "--fail", "bug").exception, RuntimeError)


def test_reader_that_goes_away_ends_the_command_quietly(plugged):
    info = plugged / "plugged-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: plugged\nVersion: 1\n")
    (info / "entry_points.txt").write_text("[peerrec.commands]\nplug = plugged:plug\n")
    path = os.pathsep.join([str(plugged), *map(str, PACKAGES)])
    with subprocess.Popen(
        [sys.executable, "-m", "peerrec_node", "plug", "--fail", "pipe"],
        env=os.environ | {"PYTHONPATH": path},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout.readline() == "a line\n"
        process.stdout.close()
        assert process.wait() == EXIT_OTHER
        assert process.stderr.read() == "imported\n"
