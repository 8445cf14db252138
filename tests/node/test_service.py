"""Units and the image's file are printed, put in place, and are what they should be."""

from __future__ import annotations

import configparser
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from daemon_process import environment
from daemons import refused, run

from peerrec_node.commands import service as module
from peerrec_node.commands.service import argument, filled, program

PATIENCE_S = 60.0
EXPOSURE_MAX = 2.0
"""Of `systemd-analyze security`, from 0 (safe) to 10; it is 1.0 with systemd 252."""


def unit(kind: str) -> configparser.ConfigParser:
    """Return a unit as sections."""
    parser = configparser.ConfigParser(
        strict=False, interpolation=None, delimiters=("=",), comment_prefixes=("#",)
    )
    parser.optionxform = str  # type: ignore[assignment]
    parser.read_string(filled(kind))
    return parser


def analysed(*args: str, runtime: Path) -> subprocess.CompletedProcess[str]:
    """Return what systemd-analyze says; skip where there is none."""
    if shutil.which("systemd-analyze") is None:
        pytest.skip("needs systemd-analyze, which is not installed here")
    return subprocess.run(
        ["systemd-analyze", *args],
        env={**os.environ, "XDG_RUNTIME_DIR": str(runtime)},
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE_S,
    )


@pytest.mark.parametrize("kind", ["user", "system"])
def test_a_unit_notifies_is_watched_and_runs_this_program(kind):
    service = unit(kind)["Service"]
    assert service["Type"] == "notify"
    assert int(service["WatchdogSec"]) > 0
    assert service["ExecStart"] == f"{program()} run"
    assert service["ExecReload"].endswith("-HUP $MAINPID")
    assert service["RestartPreventExitStatus"] == "2 3"
    assert run("service", "print", kind).stdout == filled(kind)


@pytest.mark.parametrize("kind", ["user", "system"])
def test_systemd_finds_nothing_wrong_with_a_unit(kind, tmp_path):
    path = tmp_path / "peerrec.service"
    path.write_text(filled(kind))
    user = ["--user"] if kind == "user" else []
    done = analysed("verify", *user, "--man=no", str(path), runtime=tmp_path)
    said = [line for line in done.stderr.splitlines() if "peerrec.service" in line]
    assert not said, done.stderr
    path.write_text(filled(kind).replace("Type=notify", "Type=nonsense"))
    done = analysed("verify", *user, "--man=no", str(path), runtime=tmp_path)
    assert "nonsense" in done.stderr  # it does look


def test_the_system_unit_may_do_next_to_nothing(tmp_path):
    path = tmp_path / "peerrec.service"
    path.write_text(filled("system"))
    done = analysed("security", "--offline=yes", "--no-pager", str(path), runtime=tmp_path)
    found = re.search(r"exposure level for \S+: ([\d.]+)", done.stdout)
    if found is None:
        pytest.skip(f"this systemd-analyze judges no files: {done.stderr.strip()}")
    assert float(found[1]) <= EXPOSURE_MAX, done.stdout


def test_the_program_runs_where_memory_is_never_writable_and_executable(tmp_path):
    """As `MemoryDenyWriteExecute` has it; the kernel has had a call for it since 6.3."""
    probe = "import ctypes; print(ctypes.CDLL(None).prctl(65, 1, 0, 0, 0))"
    found = subprocess.run(
        [sys.executable, "-c", probe], capture_output=True, text=True, check=True
    )
    if found.stdout.strip() != "0":
        pytest.skip("needs Linux 6.3 or later, which can deny such memory")
    begin = (
        "import ctypes, os, sys\n"
        "ctypes.CDLL(None).prctl(65, 1, 0, 0, 0)\n"
        "os.execv(sys.executable, [sys.executable, '-m', 'peerrec_node', *sys.argv[1:]])\n"
    )
    store = ["--store", str(tmp_path / "me.db")]
    for words in (["record", "a"], ["recommend"], ["invite", "--address", "127.0.0.1:7700"]):
        subprocess.run(
            [sys.executable, "-c", begin, *words, *store],
            env=environment(), check=True, capture_output=True, timeout=PATIENCE_S,
        )  # fmt: skip


def test_install_puts_the_unit_in_place_and_says_how_to_start_it(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    path = tmp_path / "systemd" / "user" / "peerrec.service"
    result = run("service", "install")
    assert result.exit_code == 0
    assert f"wrote {path}" in result.stdout
    assert "systemctl --user enable --now peerrec" in result.stdout
    assert path.read_text() == filled("user")
    assert run("service", "install").exit_code == 0  # the same again
    assert [each.name for each in path.parent.iterdir()] == ["peerrec.service"]


def test_install_for_the_system_says_how_to_ask_it(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "SYSTEM_UNITS", tmp_path)
    monkeypatch.setattr(module, "program", lambda: "/home/ann/bin/peerrec")
    result = run("service", "install", "--system")
    assert "peerrec status --store /var/lib/peerrec/me.db" in result.stdout
    assert "is hidden from the unit" in result.stderr
    assert "ProtectHome=yes" in (tmp_path / "peerrec.service").read_text()


def test_install_leaves_another_unit_alone_unless_told(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    path = tmp_path / "systemd" / "user" / "peerrec.service"
    path.parent.mkdir(parents=True)
    path.write_text("[Service]\nExecStart=/opt/mine\n")
    assert "--force replaces it" in refused(2, "service", "install")
    assert "/opt/mine" in path.read_text()
    assert run("service", "install", "--force").exit_code == 0
    assert path.read_text() == filled("user")


def test_install_says_in_one_line_why_it_cannot(tmp_path, monkeypatch):
    (tmp_path / "systemd").write_text("a file, not a folder")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    assert "cannot be written" in refused(3, "service", "install")


@pytest.mark.parametrize(
    ("path", "word"),
    [("/a b/c", '"/a b/c"'), ("/50%/$x", "/50%%/$$x"), ('/q"', '"/q\\""'), ("/plain", "/plain")],
)
def test_a_path_is_one_word_of_a_unit(path, word):
    assert argument(path) == word


# -- the image ----------------------------------------------------------------------------


def instructions() -> list[tuple[str, str]]:
    """Return the instructions of the Containerfile, lines joined."""
    text = re.sub(r"^#.*\n", "", filled("container"), flags=re.M).replace("\\\n", " ")
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return [(line.split(" ", 1)[0], " ".join(line.split(" ", 1)[1].split())) for line in lines]


def test_the_image_is_not_root_is_checked_and_has_one_volume():
    found = instructions()
    last = max(at for at, (word, _) in enumerate(found) if word == "FROM")
    stage = found[last:]
    assert [said for word, said in stage if word == "USER"] == ["10001:10001"]
    assert [said for word, said in stage if word == "VOLUME"] == ['["/data"]']
    assert any(word == "HEALTHCHECK" and "status" in said for word, said in stage)
    assert dict(stage)["STOPSIGNAL"] == "SIGTERM"
    # Nothing after the change of user writes, and the build stage's tools stay behind.
    after = [word for word, _ in stage[[word for word, _ in stage].index("USER") :]]
    assert not {"RUN", "COPY", "ADD"} & set(after)
    assert not any(word == "ADD" for word, _ in found)
    assert ("COPY", "--from=build /opt/peerrec /opt/peerrec") in stage


def test_the_images_command_is_one_that_the_program_has():
    stage = dict(instructions())
    words = re.findall(r'"([^"]+)"', stage["CMD"])
    assert run(words[0], "--help").exit_code == 0
    shown = run(words[0], "--help").stdout
    assert all(word in shown for word in words if word.startswith("--"))
    check = re.findall(r'"([^"]+)"', stage["HEALTHCHECK"])
    assert check[:2] == ["peerrec", "status"]
    assert "--running" in run("status", "--help").stdout


@pytest.mark.slow
def test_the_image_builds_and_becomes_healthy(tmp_path):
    docker = shutil.which("docker") or shutil.which("podman")
    if docker is None or subprocess.run([docker, "info"], capture_output=True).returncode:
        pytest.skip("needs a docker or podman that answers")
    root = Path(__file__).resolve().parents[2]
    subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--outdir", str(tmp_path / "dist"), str(root)],
        check=True,
    )
    (tmp_path / "Containerfile").write_text(filled("container"))
    name = f"peerrec-test-{tmp_path.name}"
    file = str(tmp_path / "Containerfile")
    subprocess.run([docker, "build", "-t", name, "-f", file, str(tmp_path)], check=True)
    try:
        subprocess.run([docker, "run", "-d", "--name", name, name], check=True)
        check = [
            docker,
            "exec",
            name,
            "sh",
            "-c",
            "until peerrec status --running; do sleep 1; done",
        ]
        subprocess.run(check, check=True, timeout=PATIENCE_S)
        who = subprocess.run([docker, "exec", name, "id", "-u"], capture_output=True, text=True)
        assert who.stdout.strip() == "10001"
    finally:
        subprocess.run([docker, "rm", "-f", name], capture_output=True)
        subprocess.run([docker, "rmi", "-f", name], capture_output=True)
