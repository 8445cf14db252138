"""What is built is what a person installs: the wheel alone, in an empty environment, runs."""

from __future__ import annotations

import http.client
import json
import os
import signal
import subprocess
import sys
import venv
import zipfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
PATIENCE_S = 60.0

PACKAGES = {"peerrec", "peerrec_node", "peerrec_sim"}
SHIPPED = (
    "peerrec/py.typed",
    "peerrec_node/py.typed",
    "peerrec_node/web/index.html",
    "peerrec_node/web/app.js",
    "peerrec_node/web/style.css",
    "peerrec_node/packaging/peerrec.service",
    "peerrec_node/packaging/peerrec-user.service",
    "peerrec_node/packaging/Containerfile",
)
WHEEL_BYTES_MAX = 4 << 20

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "build", "--wheel", "--outdir", str(folder), str(REPOSITORY)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    (found,) = folder.glob("*.whl")
    return found


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory) -> Path:
    """The folder of programs of an environment with nothing but the wheel and its needs."""
    folder = tmp_path_factory.mktemp("venv")
    venv.create(folder, with_pip=True)
    programs = folder / "bin"
    command = [programs / "python", "-m", "pip", "install", "--quiet", f"{wheel}[node]"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return programs


def outside() -> dict[str, str]:
    """Return an environment in which nothing of this repository is found."""
    return {key: said for key, said in os.environ.items() if key != "PYTHONPATH"}


def test_the_wheel_holds_the_packages_and_nothing_else(wheel):
    with zipfile.ZipFile(wheel) as packed:
        names = packed.namelist()
    tops = {PurePosixPath(name).parts[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == PACKAGES
    assert set(SHIPPED) <= set(names)
    assert sum(name.startswith("peerrec_sim/scenarios/") for name in names) > 20
    endings = {PurePosixPath(name).suffix for name in names}
    assert not endings & {".db", ".key", ".parquet", ".csv", ".xz", ".gz", ".pyc", ".map", ".log"}
    assert not [name for name in names if "/test_" in name or "conftest" in name]
    assert wheel.stat().st_size <= WHEEL_BYTES_MAX


def test_the_wheel_is_the_tree(wheel):
    """Every module of the repository is in it, and no other."""
    roots = {"peerrec": "", "peerrec_node": "node", "peerrec_sim": "simulator"}
    there = {
        path.relative_to(REPOSITORY / root).as_posix()
        for package, root in roots.items()
        for path in (REPOSITORY / root / package).rglob("*.py")
    }
    with zipfile.ZipFile(wheel) as packed:
        assert {name for name in packed.namelist() if name.endswith(".py")} == there


@pytest.fixture(scope="module")
def daemon(installed, tmp_path_factory) -> Iterator[dict[str, str]]:
    """What the installed daemon says of itself; it ends politely when told to."""
    folder = tmp_path_factory.mktemp("run")
    command = [installed / "peerrec", "run", "--json", "--store", folder / "me.db"]
    command += ["--listen", "127.0.0.1:0", "--http", "127.0.0.1:0"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, env=outside(), cwd=folder)
    try:
        assert process.stdout is not None
        facts = json.loads(process.stdout.readline())
        yield facts
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE_S) == 0
    finally:
        process.kill()
        process.wait()


@pytest.mark.parametrize(
    ("path", "holds"),
    [("/health/ready", b"ready"), ("/", b"<!doctype html>"), ("/app.js", b"import")],
)
def test_the_installed_daemon_answers(daemon, path, holds):
    where = daemon["dashboard"].split("/")[2]
    line = http.client.HTTPConnection(where, timeout=PATIENCE_S)
    line.request("GET", path)
    answer = line.getresponse()
    assert answer.status == http.client.OK
    assert holds in answer.read().lower()
    line.close()


def said(installed: Path, *args: object) -> str:
    command = [str(installed / "peerrec"), *map(str, args)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=outside())
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_installed_program_has_its_pages_and_units(installed, tmp_path):
    assert "Exit codes:" in said(installed, "--help")
    assert f"ExecStart={installed / 'peerrec'} run" in said(installed, "service", "print", "user")
    assert "FROM" in said(installed, "service", "print", "container")
    assert "_PEERREC_COMPLETE" in said(installed, "completion", "bash")
    store = tmp_path / "me.db"
    said(installed, "record", "track:x", "--store", store)
    assert '"running":false' in said(installed, "status", "--json", "--store", store)


def test_what_is_not_installed_is_named(installed):
    command = [str(installed / "peerrec"), "demo"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=outside())
    if done.returncode:  # the demonstration needs no more than [node], or says what it needs
        assert "pip install 'peerrec[" in done.stderr


def test_the_size_of_an_installation_is_recorded(installed, record_property):
    figures = json.loads(said(installed, "bench", "daemon", "--only", "size", "--json"))
    record_property("installed_mb", figures["installed_mb"])
    assert figures["installed_packages"] < 40
    assert figures["installed_mb"] < 300
