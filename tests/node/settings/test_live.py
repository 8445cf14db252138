"""A running daemon takes up what can count at once, and says what waits."""

from __future__ import annotations

import http.client
import json
import logging
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from daemons import Running, running, said

from peerrec.errors import ConfigError
from peerrec.protocol.invite import Address
from peerrec.protocol.messages import Profile
from peerrec.store.memory import MemoryStore
from peerrec_node.api.options import HttpOptions
from peerrec_node.control import ask_daemon
from peerrec_node.settings import wiring
from peerrec_node.settings.dashboard import PATHS, SETTING, keep, kept
from peerrec_node.settings.keys import KEYS
from peerrec_node.settings.layers import Origin
from peerrec_node.settings.live import LiveSettings

PATIENCE_S = 30.0


@pytest.fixture
def file(tmp_path) -> Path:
    return tmp_path / "peerrec.toml"


@pytest.fixture
def tuned(tmp_path, file) -> Iterator[Running]:
    """A daemon with a file of settings that says nothing yet."""
    where = HttpOptions(Address("127.0.0.1", 0))
    with running(tmp_path / "me.db", origin=Origin(file), http=where) as here:
        yield here


def reload(here: Running, file: Path, text: str) -> None:
    file.write_text(text, encoding="utf-8")
    here.do(lambda daemon: daemon.reload())


# -- what can be set ----------------------------------------------------------------------


def test_what_the_file_names_cannot_be_changed_from_the_dashboard(file):
    file.write_text("[ranking]\nexplore = 0.5\n")
    live = LiveSettings(Origin(file), MemoryStore())
    with pytest.raises(
        ConfigError, match=r"ranking\.explore: 0\.2 .* set by .*:2; change it there"
    ):
        live.change({"explore": 0.2, "batch_delay_s": 1.0})
    assert live.settings.node.batch_delay_s == 60.0
    assert live.change({"explore": 0.5, "batch_delay_s": 1.0}) == ["node.batch_delay_s"]
    assert live.fixed() == {"explore": f"{file}:2"}
    file.write_text("")
    assert live.reread() == []
    assert live.change({"explore": 0.2}) == ["ranking.explore"]


def test_a_value_that_is_not_allowed_is_not_kept():
    store = MemoryStore()
    live = LiveSettings(Origin(), store)
    with pytest.raises(ConfigError, match="exploration_share"):
        live.change({"exploration_share": 0.9})
    assert kept(store) == {}


def test_what_another_version_kept_and_this_one_does_not_know_does_not_count(caplog):
    store = MemoryStore()
    keep(store, {"explore": 7.0, "gone": 1, "batch_delay_s": 5.0})
    assert kept(store) == {"node.batch_delay_s": 5.0}
    assert "ranking.explore: 7.0" in caplog.text
    store.set_setting(SETTING, b"\xff")
    assert kept(store) == {}


def test_the_names_of_the_dashboard_are_keys():
    assert set(PATHS.values()) <= set(KEYS)


def test_the_defaults_of_the_file_are_those_of_the_parts():
    settings = Origin().read().settings
    assert wiring.node_settings(settings) == type(wiring.node_settings(settings))()
    assert wiring.membership(settings) == type(wiring.membership(settings))()
    assert wiring.reception(settings) == type(wiring.reception(settings))()
    assert wiring.link_limits(settings) == type(wiring.link_limits(settings))()


def test_the_battery_profile_is_told_to_peers_and_that_of_servers_is_not():
    named = {"PEERREC_NODE__PROFILE": "server"}
    server = Origin(environment=named).read().settings
    assert wiring.node_settings(server).profile is Profile.DESKTOP
    assert wiring.membership(server).incoming == 128
    assert wiring.program_values(wiring.node_settings(server)) == {
        "storage.follow_bytes_max": 512 << 20,
        "factors.rest_s": 21_600.0,
    }


# -- a daemon -----------------------------------------------------------------------------


def test_budgets_waits_limits_and_lists_change_while_it_runs(tuned, file):
    reload(
        tuned,
        file,
        "[node]\nbatch_delay_s = 3\npublish_trust = false\n"
        "[storage]\nfollow_bytes_max = 1048576\nexploration_share = 0.5\n"
        "store_bytes_max = 1048576\n"
        "[network]\ndialled_max = 2\nincoming_max = 1\nhalf_open_max = 3\nwrite_stall_s = 7\n"
        "[factors]\nrest_s = 5\n[ranking]\nexplore = 0.25\nn = 7\nauto_tune = false\n",
    )

    def look(daemon: Any) -> None:
        node, driver = daemon.node, daemon.driver
        assert (node.settings.batch_delay_s, node.settings.publish_trust) == (3.0, False)
        assert (node.settings.follow_bytes_max, node.settings.factor_rest_s) == (1 << 20, 5.0)
        assert (node._following.bytes_max, node._following.exploration_share) == (1 << 20, 0.5)
        assert node._publisher._settings is node.settings
        assert node.factoring._rest_s == 5.0
        links = node._membership._settings
        assert (links.dialled, links.incoming) == (2, 1)
        assert node._membership.dialling.settings is links
        assert driver.listener.admission._half_open_max == 3
        assert driver._limits.write_stall_s == 7.0
        assert daemon._here.me._engine.options.size_bytes_max == 1 << 20
        assert daemon.http.api.settings.explore == 0.25
        assert daemon.http.api.settings.n == 7
        assert not daemon.live.settings.ranking.auto_tune
        assert daemon.live.pending == []

    tuned.do(look)


def test_what_cannot_change_is_told_and_waits_for_the_next_start(tuned, file, caplog):
    reload(tuned, file, '[node]\nlan = true\nprofile = "battery"\n[factors]\nexchange = false\n')
    for key in ("node.lan", "node.profile", "factors.exchange"):
        assert f"{key} takes effect at the next start" in caplog.text
    node = tuned.daemon.node
    assert (node.settings.profile, node.settings.factors) == (Profile.DESKTOP, True)
    assert node.settings.follow_bytes_max == 16 << 20  # of the profile, and it can
    assert tuned.daemon.live.pending == [
        "node.profile", "node.lan", "factors.exchange", "factors.rows_max",
    ]  # fmt: skip
    reload(tuned, file, "")
    assert tuned.daemon.live.pending == []


@pytest.mark.parametrize("broken", ["[node", "[node]\nlisen = 1\n", "[ranking]\nexplore = 9\n"])
def test_a_broken_file_changes_nothing_and_is_told_in_one_line(tuned, file, caplog, broken):
    reload(tuned, file, "[ranking]\nexplore = 0.5\n")
    caplog.clear()
    reload(tuned, file, broken)
    errors = [each for each in caplog.records if each.levelno == logging.ERROR]
    assert len(errors) == 1
    assert str(file) in errors[0].getMessage()
    assert "\n" not in errors[0].getMessage()
    assert tuned.daemon.live.settings.ranking.explore == 0.5


def test_settings_that_cannot_be_taken_up_stay_as_they_were(tmp_path, file, caplog):
    def refuse(settings: Any) -> None:
        if settings.log.file:
            raise ConfigError("log.file", settings.log.file, "it cannot be written")

    with running(tmp_path / "me.db", origin=Origin(file), reloaded=refuse) as here:
        reload(here, file, '[log]\nfile = "/nowhere/x"\n[ranking]\nexplore = 0.5\n')
        assert here.daemon.live.settings.ranking.explore == 0.0
        assert "/nowhere/x" in caplog.text
        reload(here, file, "[ranking]\nexplore = 0.5\n")
        assert here.daemon.live.settings.ranking.explore == 0.5


def test_a_smaller_budget_removes_what_is_over(tuned, file):
    reload(tuned, file, "[storage]\nfollow_bytes_max = 65536\n")
    node = tuned.daemon.node
    assert node._following._places.n == node._following._n_places == 1


def test_a_store_is_held_to_its_size_by_commands_without_a_daemon_too(tmp_path, file):
    store = tmp_path / "me.db"
    file.write_text("[storage]\nstore_bytes_max = 1048576\n")
    with running(store, origin=Origin(file)):
        pass
    from peerrec_node.commands.common import opened

    with opened(store, make=False) as here:
        assert here.me._engine is not None
        assert here.me._engine.options.size_bytes_max == 1 << 20


def test_the_api_says_what_is_fixed_and_refuses_to_change_it(tuned, tmp_path, file):
    token = said("token", "create", "x", "--scope", "admin", "--store", tmp_path / "me.db")["token"]
    server = tuned.daemon.http
    assert server is not None

    def ask(method: str, body: Any = None) -> tuple[int, Any]:
        line = http.client.HTTPConnection("127.0.0.1", server.address.port, timeout=PATIENCE_S)
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        line.request(method, "/api/v1/settings", body and json.dumps(body), headers)
        answered = line.getresponse()
        found = answered.status, json.loads(answered.read())
        line.close()
        return found

    reload(tuned, file, "[ranking]\nexplore = 0.5\n")
    assert ask("GET")[1]["fixed"] == {"explore": f"{file}:2"}
    status, problem = ask("PATCH", {"explore": 0.25, "publish_trust": False})
    assert (status, problem["type"]) == (409, "urn:peerrec:problem:conflict")
    assert f"{file}:2; change it there" in problem["detail"]
    status, found = ask("PATCH", {"explore": 0.5, "publish_trust": False})
    assert (status, found["publish_trust"]) == (200, False)
    assert ask("PATCH", {"profile": "server"})[1]["follow_bytes_max"] == 512 << 20


# -- the real process ---------------------------------------------------------------------


class Process:
    """``peerrec run`` with a file of settings, and the lines of its log."""

    def __init__(self, store: Path, *args: str) -> None:
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
        command = [sys.executable, "-m", "peerrec_node", "run", "--store", str(store), "--json"]
        self.process = subprocess.Popen(
            [*command, "--listen", "127.0.0.1:0", "--http", "off", *args],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment,
            text=True,
        )
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise AssertionError(self.process.communicate(timeout=PATIENCE_S)[1])
        self.facts = json.loads(line)

    def until(self, wanted: Callable[[str], bool]) -> str:
        """Return the next line of the log that is wanted."""
        assert self.process.stderr is not None
        alarm = threading.Timer(PATIENCE_S, self.process.kill)
        alarm.start()
        try:
            for line in self.process.stderr:
                if wanted(line):
                    return line
        finally:
            alarm.cancel()
        raise AssertionError("the log ended before")

    def end(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        self.process.communicate(timeout=PATIENCE_S)
        return self.process.returncode


def test_sighup_has_the_file_read_again_and_the_log_change_its_level_and_form(tmp_path):
    store = tmp_path / "me.db"
    running = Process(store)
    file = Path(running.facts["settings"])
    assert file == tmp_path / "me.db.toml"
    assert running.facts["first_run"]
    file.write_text('[log]\nlevel = "info"\nformat = "json"\n')
    running.process.send_signal(signal.SIGHUP)
    row = json.loads(running.until(lambda line: "changed:" in line))
    assert (row["level"], row["logger"]) == ("info", "peerrec.settings")
    assert "log.level, log.format" in row["event"]
    # A second run on the same store is refused, and leaves the log of the first alone.
    assert ask_daemon(store, ["run"]).code == 3
    file.write_text("[log\n")
    running.process.send_signal(signal.SIGHUP)
    broken = json.loads(running.until(lambda line: "stay as they were" in line))
    assert str(file) in broken["event"]
    found = said("config", "show", "--set", "--store", store)
    assert found["running"]
    assert {path: each["from"] for path, each in found["settings"].items()} == {
        "node.listen": "--listen",
        "http.listen": "--http",
        "log.level": f"{file}:2",
        "log.format": f"{file}:3",
    }
    assert running.end() == 0
