"""A person looks at the settings, and the first run makes them."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
from daemons import refused, run, running, said

from peerrec_node.commands import running as running_command
from peerrec_node.settings.keys import KEYS
from peerrec_node.settings.layers import Origin

PATIENCE_S = 30.0


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch) -> Path:
    """A person's home of their own, without any settings."""
    for name in [name for name in os.environ if name.startswith("PEERREC_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    return tmp_path


@pytest.fixture
def file(home) -> Path:
    path = home / "config" / "peerrec" / "peerrec.toml"
    path.parent.mkdir(parents=True)
    return path


# -- config -------------------------------------------------------------------------------


def test_path_says_where_the_file_is_or_would_be(home, file):
    assert run("config", "path").stdout.strip() == str(file)
    assert said("config", "path", "--store", home / "ann.db") == {
        "file": str(home / "ann.db.toml"),
        "exists": False,
    }
    assert said("config", "path", "--config", "x.toml")["file"] == "x.toml"


def test_init_writes_the_file_once_and_prints_it_on_demand(file):
    assert run("config", "init").stdout == f"made {file}\n"
    assert run("config", "init", "-").stdout == file.read_text()
    file.write_text("# mine\n")
    assert "there is a file already" in refused(2, "config", "init")
    assert file.read_text() == "# mine\n"


def test_check_tells_everything_that_is_wrong_and_ends_with_2(file, monkeypatch):
    assert "the defaults hold" in run("config", "check").stdout
    file.write_text("[node]\nlisen = 1\nlan = 2\n")
    monkeypatch.setenv("PEERREC_RANKING__N", "0")
    result = run("config", "check")
    assert result.exit_code == 2
    lines = result.stderr.splitlines()
    assert len(lines) == 3
    assert lines[0].startswith(f"Error: {file}:2: node.lisen: 1 is not allowed; ")
    other = file.with_name("other.toml")
    other.write_text("[ranking]\nn = 5\n")
    assert run("config", "check", other).stdout == f"{other}: good\n"
    assert "no such file" in refused(2, "config", "check", "nowhere.toml")


def test_check_as_json_has_the_parts_of_each_mistake(file):
    file.write_text("[ranking]\nn = 0\n")
    result = run("config", "check", "--json")
    assert result.exit_code == 2
    (found,) = json.loads(result.stdout)["problems"]
    assert (found["value"], found["allowed"]) == (0, "give a whole number from 1 to 1,000")
    assert found["key"] == f"{file}:2: ranking.n"


def test_show_tells_every_value_and_who_says_so(file, monkeypatch):
    file.write_text('[node]\nprofile = "battery"\n')
    monkeypatch.setenv("PEERREC_RANKING__N", "5")
    shown = said("config", "show")
    assert (shown["file"], shown["running"]) == (str(file), False)
    assert list(shown["settings"]) == list(KEYS)
    rows = shown["settings"]
    assert rows["node.profile"]["from"] == f"{file}:2"
    assert rows["ranking.n"] == {
        "value": 5, "source": "environment", "from": "PEERREC_RANKING__N", "next_start": False,
    }  # fmt: skip
    assert rows["storage.follow_bytes_max"]["from"] == "profile battery"
    assert rows["log.level"]["source"] == "default"
    lines = run("config", "show", "--set").stdout.splitlines()
    assert [line.split(" = ")[0] for line in lines] == ["node.profile", "ranking.n"]
    assert list(said("config", "show", "log", "ranking.n")["settings"]) == [
        "ranking.n", "log.level", "log.format", "log.file",
    ]  # fmt: skip
    assert "did you mean ranking.explore?" in refused(2, "config", "show", "ranking.explor")


def test_what_is_shown_can_be_written_into_the_file(file):
    shown = run("config", "show").stdout.splitlines()
    flat = [line for line in shown if "(not set)" not in line]
    assert len(tomllib.loads("\n".join(flat))) > 1


def test_show_names_what_the_dashboard_set_in_vain(home, file):
    store = home / "me.db"
    with running(store, origin=Origin(home / "me.db.toml")) as here:
        here.do(lambda daemon: daemon.live.change({"explore": 0.5, "publish_trust": False}))
        shown = said("config", "show", "--set", "--store", store)
        assert shown["running"]
        assert {path: each["from"] for path, each in shown["settings"].items()} == {
            "node.publish_trust": "dashboard",
            "ranking.explore": "dashboard",
        }
    (home / "me.db.toml").write_text("[ranking]\nexplore = 0.25\n")
    result = run("config", "show", "ranking", "--store", store)
    assert "ranking.explore = 0.25" in result.stdout
    assert "the dashboard's 0.5 does not count" in result.stderr


def test_a_running_daemon_shows_what_waits_for_its_next_start(home):
    store, file = home / "me.db", home / "me.db.toml"
    with running(store, origin=Origin(file)) as here:
        file.write_text("[node]\nlan = true\n")
        here.do(lambda daemon: daemon.reload())
        assert said("config", "show", "--store", store)["settings"]["node.lan"]["next_start"]
        line = run("config", "show", "node.lan", "--store", store).stdout
        assert line.strip().endswith(f"{file}:2, at the next start")


# -- the first run ------------------------------------------------------------------------


def first_facts(*args: str) -> dict[str, Any]:
    """Return what `peerrec run` says, and end it."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-m", "peerrec_node", "run", "--json", *args]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment, text=True
    ) as daemon:
        assert daemon.stdout is not None
        line = daemon.stdout.readline()
        daemon.send_signal(signal.SIGTERM)
        _, errors = daemon.communicate(timeout=PATIENCE_S)
        assert (daemon.returncode, errors) == (0, ""), errors
        return json.loads(line)


def test_a_first_run_makes_settings_identity_and_store_and_a_second_one_keeps_them(home, file):
    where = ("--listen", "127.0.0.1:0", "--http", "127.0.0.1:0")
    facts = first_facts(*where)
    assert (facts["first_run"], facts["settings"]) == (True, str(file))
    assert (home / "data" / "peerrec" / "me.db").exists()
    assert (home / "data" / "peerrec" / "me.db.key").exists()
    assert "#token=" in facts["dashboard"]
    file.write_text("# mine\n")
    again = first_facts(*where)
    assert (again["first_run"], again["peer"]) == (False, facts["peer"])
    assert file.read_text() == "# mine\n"


def test_where_the_usual_port_is_taken_a_first_run_finds_another_and_writes_it_down(
    file, monkeypatch
):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        usual = f"127.0.0.1:{taken.getsockname()[1]}"
        host, _, found = running_command.free_address(usual).rpartition(":")
        assert host == "127.0.0.1"
        assert 0 < int(found) - taken.getsockname()[1] < running_command.PORTS_TRIED
    monkeypatch.setattr(running_command, "free_address", lambda text: "127.0.0.1:7709")
    assert running_command.first_run(Origin(file), Origin(file).read())
    assert Origin(file).read().settings.node.listen == "127.0.0.1:7709"


def test_what_an_option_says_is_not_written_down(file):
    origin = Origin(file, flags={"node.listen": ("--listen", "127.0.0.1:7709")})
    assert running_command.first_run(origin, origin.read())
    assert Origin(file).read() == Origin().read()


def test_where_no_file_can_be_made_the_defaults_hold(home):
    (home / "config").write_text("no folder")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-m", "peerrec_node", "run", "--json", "--listen", "127.0.0.1:0"]
    with subprocess.Popen(
        [*command, "--http", "off"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment,
        text=True,
    ) as daemon:
        assert daemon.stdout is not None
        assert json.loads(daemon.stdout.readline())["first_run"] is False
        daemon.send_signal(signal.SIGTERM)
        _, errors = daemon.communicate(timeout=PATIENCE_S)
    assert "the defaults hold" in errors
    assert (home / "config").read_text() == "no folder"


@pytest.mark.parametrize(
    ("args", "text", "said"),
    [
        ([], "[node]\nlisen = 1\n", "node.lisen"),
        ([], '[http]\nlisten = "x"\n', "http.listen"),
        (["--profile", "laptop"], "", "'laptop' is not one of"),
        (["--http", "x"], "", "--http (http.listen)"),
        (["--proxy", "x"], "", "--proxy (node.proxies)"),
    ],
)
def test_a_daemon_with_impossible_settings_does_not_begin_and_makes_nothing(
    home, file, args, text, said
):
    file.write_text(text)
    assert said in refused(2, "run", *args)
    assert not (home / "data").exists()


def test_options_win_over_the_file_and_the_environment(home, file, monkeypatch):
    file.write_text('[node]\nlisten = "127.0.0.1:1"\n[http]\nlisten = "off"\n')
    monkeypatch.setenv("PEERREC_NODE__NETWORK", "music")
    facts = first_facts("--listen", "127.0.0.1:0")
    assert (facts["network"], facts["dashboard"]) == ("music", None)


# -- QR codes -----------------------------------------------------------------------------


def test_an_invite_is_drawn_where_that_is_asked_for(home):
    plain = run("invite", "--address", "127.0.0.1:7700").stdout.splitlines()
    drawn = run("invite", "--qr").stdout.splitlines()
    assert (len(plain), drawn[0]) == (1, plain[0])
    assert len(drawn) > 15
    assert set("".join(drawn[1:])) <= set(" ▀▄█")
