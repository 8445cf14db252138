"""`peerrec doctor` finds what is wrong, says what to do, and gives nothing away."""

from __future__ import annotations

import base64
import json
import os
import socket
import sqlite3
import stat
import zipfile
from collections import Counter
from pathlib import Path

import pytest
from daemons import refused, run, running

from peerrec.ids import peer_text
from peerrec.protocol.invite import Address, parse_invite
from peerrec.store import Interaction
from peerrec.store.sqlite import SqliteStore
from peerrec_node.api.options import HttpOptions
from peerrec_node.diagnosis import keeping, patient, reaching
from peerrec_node.diagnosis.findings import Finding, Level, exit_code
from peerrec_node.diagnosis.redaction import Redactor
from peerrec_node.identity import key_path, load_signer

HTTP = HttpOptions(Address("127.0.0.1", 0))
PEER = peer_text(bytes.fromhex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"))


@pytest.fixture
def store(tmp_path, monkeypatch):
    tmp_path.chmod(0o700)
    path = tmp_path / "me.db"
    monkeypatch.setenv("PEERREC_STORE", str(path))
    monkeypatch.setenv("PEERREC_NODE__LISTEN", "127.0.0.1:0")
    monkeypatch.setenv("PEERREC_HTTP__LISTEN", "127.0.0.1:0")
    return path


def made(path: Path) -> Path:
    """Make a store with something in it."""
    with SqliteStore(path) as store:
        store.record(Interaction("me", "track:tea-for-two", 1.0, 60.0))
    return path


def examined(code: int = 0, *args: str) -> dict[str, list[dict[str, str]]]:
    """Return the findings by check, of a run that ends with a code."""
    result = run("doctor", "--json", *args)
    assert result.exit_code == code, result.output
    found: dict[str, list[dict[str, str]]] = {}
    for each in json.loads(result.stdout)["findings"]:
        found.setdefault(each["check"], []).append(each)
    return found


def worst(findings: dict[str, list[dict[str, str]]], check: str) -> tuple[str, str]:
    """Return level and text of the gravest finding of a check."""
    order = ["ok", "note", "warning", "error"]
    found = max(findings[check], key=lambda each: order.index(each["level"]))
    return found["level"], found["text"]


def test_each_check_says_something_in_a_line_of_its_own(store):
    made(store)
    result = run("doctor")
    assert result.exit_code == 0
    levels = {line.split()[0] for line in result.stdout.splitlines()}
    checks = Counter(line.split()[1] for line in result.stdout.splitlines())
    assert levels <= {"ok", "note", "warning"}
    expected = "version settings store identity disk clock daemon port"
    assert set(checks) == set(expected.split())


def test_looking_changes_nothing(store):
    made(store)
    before = {path: path.read_bytes() for path in store.parent.iterdir()}
    examined()
    assert {path: path.read_bytes() for path in store.parent.iterdir()} == before


def test_where_there_is_nothing_nothing_is_made(store):
    found = examined()
    assert worst(found, "store")[0] == worst(found, "identity")[0] == "note"
    assert list(store.parent.iterdir()) == []


# -- the store and the key ------------------------------------------------------------------


def test_a_held_store_names_who_holds_it(store):
    with SqliteStore(store):
        level, text = worst(examined(3), "store")
    assert level == "error"
    assert "close it there first" in text


def test_a_newer_store_says_to_update(store):
    made(store)
    with sqlite3.connect(store) as connection:
        connection.execute("INSERT INTO migrations VALUES (999, 'of tomorrow')")
    connection.close()
    level, text = worst(examined(3), "store")
    assert (level, "update peerrec" in text) == ("error", True)


def test_a_damaged_store_is_an_error(store):
    made(store)
    size = store.stat().st_size
    with store.open("r+b") as file:
        file.seek(size // 2)
        file.write(os.urandom(size // 2))
    assert worst(examined(3), "store")[0] == "error"


def test_a_store_that_others_can_read_is_a_warning(store):
    made(store)
    store.chmod(0o644)
    assert worst(examined(), "store")[0] == "ok"  # within a folder of one's own
    store.parent.chmod(0o755)
    level, text = worst(examined(), "store")
    assert (level, "chmod 600" in text) == ("warning", True)


def test_a_key_that_others_can_read_is_an_error(store):
    made(store)
    load_signer(store)
    assert worst(examined(), "identity")[0] == "ok"
    key_path(store).chmod(0o640)
    level, text = worst(examined(3), "identity")
    assert (level, "chmod 600" in text) == ("error", True)


def test_what_is_no_key_is_an_error(store):
    made(store)
    key_path(store).write_text("no key")
    key_path(store).chmod(0o600)
    assert worst(examined(3), "identity")[0] == "error"


def test_a_key_with_a_passphrase_is_opened_only_where_it_is_known(store, monkeypatch):
    made(store)
    load_signer(store, b"correct horse")
    assert "passphrase" in worst(examined(), "identity")[1]
    words = store.with_name("words")
    monkeypatch.setenv("PEERREC_NODE__PASSPHRASE_FILE", str(words))
    words.write_text("wrong\n")
    assert worst(examined(3), "identity")[0] == "error"
    words.write_text("correct horse\n")
    assert worst(examined(), "identity")[0] == "ok"


@pytest.mark.parametrize(("free", "level"), [(1 << 20, "error"), (70 << 20, "warning")])
def test_little_room_is_told(store, monkeypatch, free, level):
    made(store)
    with store.open("r+b") as file:
        file.truncate(100 << 20)
    monkeypatch.setattr(keeping.shutil, "disk_usage", lambda path: Free(free))
    found = list(keeping.disk_findings(patient.examined(store, store)))
    assert found[0].level.value == level


class Free:
    """A disk with so many bytes free."""

    def __init__(self, free: int) -> None:
        self.free = free


# -- settings, ports, clock -----------------------------------------------------------------


def test_every_wrong_setting_has_its_line(store):
    config = store.with_name("peerrec.toml")
    config.write_text('[node]\nlistne = "x"\n[log]\nlevel = "loud"\n')
    found = examined(2, "--config", str(config))
    texts = [each["text"] for each in found["settings"]]
    assert len(texts) == 2
    assert any("node.listen" in text for text in texts)
    assert any("log.level" in text for text in texts)


def test_a_file_that_is_no_toml_is_told_and_the_rest_is_checked(store):
    made(store)
    config = store.with_name("peerrec.toml")
    config.write_text("[node")
    found = examined(2, "--config", str(config))
    assert "is not TOML" in worst(found, "settings")[1]
    assert worst(found, "store")[0] == "ok"


def test_a_taken_port_that_was_asked_for_is_an_error(store, monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as other:
        where = f"127.0.0.1:{other.getsockname()[1]}"
        monkeypatch.setenv("PEERREC_NODE__LISTEN", where)
        level, text = worst(examined(2), "port")
    assert level == "error"
    assert where in text
    assert "--listen" in text


def test_a_clock_that_cannot_be_right_is_told(store, monkeypatch):
    made(store)
    found = patient.examined(store, store.with_name("x"))
    os.utime(store, (found.now + 7_200, found.now + 7_200))
    (ahead,) = reaching.clock_findings(found)
    assert (ahead.level, "2.0 h from now" in ahead.text) == (Level.WARNING, True)
    monkeypatch.setattr(patient.time, "time", lambda: 86_400.0)
    (past,) = reaching.clock_findings(patient.examined(store, store.with_name("x")))
    assert past.level is Level.ERROR


# -- a daemon -------------------------------------------------------------------------------


def test_a_daemon_that_is_well_has_no_warning(store, tmp_path):
    with running(tmp_path / "friend.db") as friend:
        invites = (parse_invite(friend.invite),)
        with running(store, invites=invites, http=HTTP) as here:
            here.until(lambda daemon: any(link.last_sync for link in daemon.status().links))
            found = examined()
    assert {each["level"] for every in found.values() for each in every} == {"ok"}
    assert set(found) >= {"daemon", "port", "links", "sync"}
    assert len(found["port"]) == 2


def test_a_socket_that_was_left_is_explained(store):
    made(store)
    store.with_name("me.db.sock").touch()
    assert "left of one that was killed" in worst(examined(), "daemon")[1]


def test_a_daemon_that_breaks_off_is_an_error(store, monkeypatch):
    def breaks(path, argv):
        raise patient.PeerrecError("the daemon did not answer")

    monkeypatch.setattr(patient, "ask_daemon", breaks)
    assert worst(examined(1), "daemon")[0] == "error"


def test_a_daemon_does_not_examine_itself(store):
    from peerrec_node.control import ask_daemon

    with running(store):
        answer = ask_daemon(store, ["doctor"])
    assert answer is not None
    assert (answer.code, "from outside" in answer.err) == (2, True)


def test_a_public_address_that_nobody_answers_at_is_a_warning(store):
    public = Address("127.0.0.1", 1)
    with running(store, public=public):
        level, text = worst(examined(), "address")
    assert (level, "127.0.0.1:1" in text) == ("warning", True)


def test_the_gravest_error_decides_the_exit_code():
    def at(level: Level, code: int) -> Finding:
        return Finding("x", level, "y", code)

    assert exit_code([]) == exit_code([at(Level.WARNING, 3)]) == 0
    assert exit_code([at(Level.ERROR, 2), at(Level.ERROR, 3), at(Level.ERROR, 1)]) == 3


# -- the bundle -----------------------------------------------------------------------------

SECRETS = ("track:nobody-may-know", "Nobody's Song", "hidden-genre", "https://nobody.example/x")


def bundled(path: Path) -> dict[str, str]:
    """Return the files of a bundle."""
    with zipfile.ZipFile(path) as packed:
        return {name: packed.read(name).decode() for name in packed.namelist()}


def test_a_bundle_holds_no_secret_no_name_and_no_taste(store, tmp_path, monkeypatch):
    words = tmp_path / "words"
    words.write_text("correct horse\n")
    bundle = tmp_path / "report.zip"
    monkeypatch.setenv("PEERREC_NODE__PUBLIC", "ann.example:443")
    monkeypatch.setenv("PEERREC_NODE__NETWORK", "our-village")
    with running(tmp_path / "friend.db") as friend:
        invites = (parse_invite(friend.invite),)
        with running(store, invites=invites, http=HTTP) as here:
            here.until(lambda daemon: any(link.last_sync for link in daemon.status().links))
            item, title, tag, link = SECRETS
            run("record", item, "--public")
            run("describe", item, "--title", title, "--tag", tag, "--link", link)
            run("trust", PEER, "1")
            refused(2, "forget", "track:nobody-may-know-either")
            token = run("token", "create", "secret-app").stdout.strip()
            url = run("token", "dashboard").stdout.strip()
            here.do(leak(token, url, friend.invite, here.daemon.status().links[0].peer))
            assert run("doctor", "--bundle", bundle, "--json").exit_code == 0
            peers = [here.daemon.status().peer, friend.daemon.status().peer]
    packed = bundled(bundle)
    key = key_path(store).read_text().splitlines()[1]
    raw = base64.b64decode(key)[-32:]
    forbidden = [
        *SECRETS, "nobody-may-know", key, raw.hex(), base64.b64encode(raw).decode().rstrip("="),
        token, token.removeprefix("peerrec_"), url.split("token=")[1], friend.invite, PEER, *peers,
        "secret-app", "ann.example", "our-village", "203.0.113.77", str(Path.home()) + "/",
    ]  # fmt: skip
    for name, text in packed.items():
        for secret in forbidden:
            assert secret.lower() not in text.lower(), (name, secret)
    assert "a peer at address-1" in packed["log.txt"]
    assert json.loads(packed["links.json"])[0]["peer"] == "peer-1"
    assert json.loads(packed["status.json"])["interactions"] == 1
    assert json.loads(packed["versions.json"])["numpy"]
    settings = json.loads(packed["settings.json"])
    assert settings["node.public"] == {"value": "set", "from": "environment"}
    assert stat.S_IMODE(bundle.stat().st_mode) == 0o600


def leak(token: str, url: str, invite: str, peer: str):
    """Return what logs all that a log should never hold."""
    import logging

    def said(daemon) -> None:
        log = logging.getLogger("peerrec.daemon")
        log.warning("a peer at 203.0.113.77 said %s", peer)
        log.warning("Authorization: Bearer %s, see %s and %s", token, url, invite)
        log.warning("nothing is known of item %r", SECRETS[0])

    return said


def test_a_bundle_replaces_no_file(store, tmp_path):
    path = tmp_path / "mine.zip"
    path.write_text("mine")
    assert "there is such a file already" in "".join(run("doctor", "--bundle", path).stderr)
    assert path.read_text() == "mine"


def test_a_bundle_is_made_where_everything_is_broken(store, tmp_path):
    store.write_text("no store " * 200)
    config = tmp_path / "peerrec.toml"
    config.write_text("[")
    assert run("doctor", "--config", config, "--bundle", tmp_path / "r.zip").exit_code == 3
    assert json.loads(bundled(tmp_path / "r.zip")["settings.json"]) == {}


# -- redaction ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("at 12:30:05 on ::1", "at 12:30:05 on ::1"),
        ("2001:db8::7 and [2001:db8::7]:7700", "address-1 and [address-1]:7700"),
        ("10.0.0.8:7700 at 0.0.0.0:7700", "address-1:7700 at 0.0.0.0:7700"),
        (f"{PEER} is {PEER.upper()}", "peer-1 is peer-1"),
        ("peerrec_AbC-12_x is a token", "… is a token"),
        ("see #token=AbC-12_x now", "see #token=… now"),
        ("the node's own: it's so", "the node's own: it's so"),
        ('item "a \\"b\\" c" is gone', 'item "…" is gone'),
        ("hash " + "0a" * 16, "hash …"),
        ("/home/ann/x", "~/x"),
    ],
)
def test_texts_are_redacted(text, shown):
    assert Redactor("/home/ann").text(text) == shown


def test_fields_keep_their_names_and_numbers():
    hide = Redactor("")
    assert hide.value({"a": [1, None, "10.1.1.1"], "b": True}) == {
        "a": [1, None, "address-1"],
        "b": True,
    }
