"""Shells complete commands, options and their values; a Tab imports no command."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

import pytest
from daemon_process import environment
from daemons import refused, run

SHELLS = ("bash", "zsh", "fish")


def completed(words: str, position: int) -> list[str]:
    """Return what bash is offered at a word of a line."""
    variables = environment() | {
        "_PEERREC_COMPLETE": "bash_complete",
        "COMP_WORDS": words,
        "COMP_CWORD": str(position),
    }
    done = subprocess.run(
        [sys.executable, "-c", "from peerrec_node.cli import main; main()"],
        env=variables,
        capture_output=True,
        text=True,
        check=True,
    )
    return [line.split(",", 1)[1] for line in done.stdout.splitlines()]


@pytest.mark.parametrize("shell", SHELLS)
def test_a_script_is_printed_for_each_shell(shell):
    result = run("completion", shell)
    assert (result.exit_code, result.stderr) == (0, "")
    assert f"_PEERREC_COMPLETE={shell}_complete" in result.stdout


def test_another_shell_is_refused():
    assert "'tcsh' is not one of" in refused(2, "completion", "tcsh")


@pytest.mark.parametrize("shell", SHELLS)
def test_each_shell_understands_its_script(shell, tmp_path):
    if shutil.which(shell) is None:
        pytest.skip(f"needs {shell}, which is not installed here")
    script = tmp_path / "script"
    script.write_text(run("completion", shell).stdout)
    subprocess.run([shell, "-n", str(script)], check=True, capture_output=True)


def test_bash_completes_with_the_script_that_is_printed(tmp_path):
    if shutil.which("bash") is None:
        pytest.skip("needs bash, which is not installed here")
    script, program = tmp_path / "script", tmp_path / "peerrec"
    script.write_text(run("completion", "bash").stdout)
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m peerrec_node "$@"\n')
    program.chmod(0o755)
    lines = (
        f"source {script}; COMP_WORDS=(peerrec recom); COMP_CWORD=1; "
        '_peerrec_completion peerrec; echo "${COMPREPLY[@]}"'
    )
    variables = environment() | {"PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(
        ["bash", "-c", lines], env=variables, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "recommend"


@pytest.mark.parametrize(
    ("words", "position", "offered"),
    [
        ("peerrec st", 1, ["stats", "status"]),
        ("peerrec log ", 2, ["show", "verify"]),
        ("peerrec completion ", 2, list(SHELLS)),
        ("peerrec record x --pub", 3, ["--public"]),
        ("peerrec --ver", 1, ["--version"]),
    ],
)
def test_words_are_completed(words, position, offered):
    assert completed(words, position) == offered


def test_completing_a_command_imports_none():
    program = (
        "import sys\n"
        "from peerrec_node.cli import peerrec\n"
        "import click\n"
        "found = peerrec.shell_complete(click.Context(peerrec), 're')\n"
        "assert [each.value for each in found] == ['recommend', 'record'], found\n"
        "assert all(each.help for each in found)\n"
        "assert not [m for m in sys.modules if m.startswith('peerrec_node.commands.')]\n"
        "assert 'numpy' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", program], env=environment(), check=True)
