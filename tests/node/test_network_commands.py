"""A person takes part in the network from the command line, also while a daemon runs."""

from __future__ import annotations

import json
import os
import signal
import socket
import stat
import struct
import subprocess
import sys
from pathlib import Path

import pytest
from daemons import refused, run, running, said

from peerrec.ids import parse_peer, peer_text
from peerrec.protocol.invite import parse_invite
from peerrec.recommender import Recommender
from peerrec_node.control import ask_daemon, socket_path
from peerrec_node.daemon import Daemon
from peerrec_node.identity import key_path

PEER = bytes.fromhex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a")
SECRET = "track:nobody-may-know-of-this"
PATIENCE_S = 30.0


@pytest.fixture
def store(tmp_path, monkeypatch) -> Path:
    path = tmp_path / "me.db"
    monkeypatch.setenv("PEERREC_STORE", str(path))
    return path


def play(store: Path, *items: str, public: bool = True) -> None:
    """Record interactions before or while a daemon runs."""
    for item in items:
        said("record", item, "--store", store, *(["--public"] if public else []))


def recommended(store: Path) -> list[str]:
    return [each["title"] for each in said("recommend", "--store", store)["recommendations"]]


def heard(daemon: Daemon) -> int:
    """Return how many interactions a daemon's store has."""
    return daemon._here.store.size().interactions


# -- run ----------------------------------------------------------------------------------


def test_run_says_who_and_where_it_is_and_ends_politely_when_told(store):
    command = [sys.executable, "-m", "peerrec_node", "run", "--listen", "127.0.0.1:0", "--json"]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen(
        [*command, "--network", "music"], stdout=subprocess.PIPE, env=environment, text=True
    ) as daemon:
        assert daemon.stdout is not None
        facts = json.loads(daemon.stdout.readline())
        invite = parse_invite(facts["invite"])
        assert (peer_text(invite.peer), invite.network) == (facts["peer"], "music")
        assert invite.address.text() == facts["listens"]
        assert stat.S_IMODE(key_path(store).stat().st_mode) == 0o600
        assert stat.S_IMODE(socket_path(store).stat().st_mode) == 0o600
        assert said("invite")["invite"] == facts["invite"]
        assert said("peers")["running"]
        daemon.send_signal(signal.SIGTERM)
        assert daemon.wait(timeout=PATIENCE_S) == 0
    assert not socket_path(store).exists()
    assert said("invite")["invite"] == facts["invite"]  # remembered
    assert not said("peers")["running"]


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["--listen", "nowhere"], "is not host:port"),
        (["--listen", "192.0.2.1:1"], "choose another address or port"),
        (["--listen", "127.0.0.1:7/path"], "use --public"),
        (["--peer", "peerrec://x"], "no address"),
        (["--public", "x"], "is not host:port"),
        (["--delay", "-1"], "node.batch_delay_s"),
        (["--passphrase-file", "/no/such/file"], "No such file"),
    ],
)
def test_a_daemon_that_cannot_begin_says_why(store, args, message):
    assert message in refused(2, "run", "--network", "music", *args)


def test_a_store_stays_in_its_network(store):
    with running(store, network="music"):
        pass
    assert "this store is for 'music'" in refused(2, "run", "--network", "books")
    link = f"peerrec://{peer_text(PEER)}@127.0.0.1:9#books"
    assert "this store is for 'music'" in refused(2, "sync", link)


def test_a_key_that_others_can_read_is_refused(store):
    play(store, "a")
    key_path(store).write_text("")
    key_path(store).chmod(0o644)
    assert "chmod 600" in refused(3, "run", "--listen", "127.0.0.1:0")


def test_a_key_with_a_passphrase_opens_only_with_it(store, tmp_path):
    words = tmp_path / "words"
    words.write_text("correct horse\n")
    first = said("invite", "--address", "127.0.0.1:7700", "--passphrase-file", words)
    assert said("invite", "--passphrase-file", words) == first
    assert "passphrase" in refused(3, "invite")
    assert b"ENCRYPTED" in key_path(store).read_bytes()


# -- commands while a daemon runs ---------------------------------------------------------


def test_commands_work_as_ever_while_a_daemon_holds_the_store(store):
    with running(store):
        assert run("record", "a", "--weight", "2").stdout == "recorded a\n"
        said("describe", "a", "--title", "Feeling Good")
        said("trust", peer_text(PEER), "0.5")
        stats = said("stats")
        assert (stats["interactions"], stats["trust_edges"], stats["store"]) == (1, 1, str(store))
        assert said("forget", "a")["interactions"] == 1
        assert "nothing is known of item 'zz'" in refused(2, "forget", "zz")
        assert "add --yes" in refused(2, "forget", "--everything")
        assert "No such option" in refused(2, "stats", "--nonsense")
        assert run("recommend").stderr
    assert said("stats")["trust_edges"] == 1


@pytest.mark.parametrize("command", [["tune"], ["export", "x.jsonl"], ["run"], ["sync", "h:1"]])
def test_long_commands_want_the_store_alone(store, tmp_path, monkeypatch, command):
    monkeypatch.chdir(tmp_path)
    with running(store) as here:
        message = refused(3, *command)
        assert "stop the daemon" in message
        # Also whoever sends it all the same is answered, and the daemon lives.
        answer = ask_daemon(store, command)
        assert answer is not None
        assert (answer.code, "needs it alone" in answer.err) == (3, True)
        here.until(lambda daemon: True)
    assert not (tmp_path / "x.jsonl").exists()


def test_a_store_in_a_deep_folder_has_its_socket_too(tmp_path):
    folder = tmp_path / ("deep" * 20) / ("er" * 30)
    folder.mkdir(parents=True)
    with running(folder / "me.db"):
        assert said("stats", "--store", folder / "me.db")["interactions"] == 0
        assert socket_path(folder / "me.db").exists()


def test_a_socket_that_a_killed_daemon_left_is_no_obstacle(store):
    with socket.socket(socket.AF_UNIX) as stale:
        stale.bind(str(socket_path(store)))
    with running(store):
        assert said("stats")["interactions"] == 0
    with socket.socket(socket.AF_UNIX) as stale:
        stale.bind(str(socket_path(store)))
    assert said("stats")["interactions"] == 0
    with Recommender.open(store):
        assert str(os.getpid()) in refused(3, "stats")


@pytest.mark.parametrize(
    "junk",
    [b"", b"\x00", struct.pack(">I", 1 << 31), struct.pack(">I", 3) + b"{x}"],
    ids=["nothing", "cut", "huge", "no JSON"],
)
def test_nonsense_on_the_socket_is_not_answered_and_does_no_harm(store, junk):
    with running(store):
        with socket.socket(socket.AF_UNIX) as line:
            line.settimeout(PATIENCE_S)
            line.connect(str(socket_path(store)))
            line.sendall(junk)
            line.shutdown(socket.SHUT_WR)
            assert line.recv(100) == b""
        assert said("stats")["interactions"] == 0


def test_an_error_of_our_own_in_a_command_does_not_end_the_daemon(store, monkeypatch, caplog):
    def broken(self: Recommender) -> None:
        raise RuntimeError("our own fault")

    with running(store):
        with monkeypatch.context() as patched:
            patched.setattr(Recommender, "stats", broken)
            assert "failed in the daemon" in refused(1, "stats")
        assert "our own fault" in caplog.text
        assert said("stats")["interactions"] == 0


# -- peers' ids ---------------------------------------------------------------------------


def test_a_peers_id_is_text_for_people_and_bytes_in_the_store(store):
    text = peer_text(PEER)
    assert said("trust", text.upper(), "0.5") == {"peer": text, "weight": 0.5}
    assert run("trust", text).stdout == f"trust in {text}: 1\n"
    assert said("block", text)["peer"] == text
    assert said("peers", "--all")["known"] == [{"peer": text, "trust": 1.0, "blocked": True}]
    assert said("block", text, "--undo")["blocked"] is False
    assert said("mute", "--peer", text)["peer"] == text
    with Recommender.open(store) as me:
        me.record("a")
        me.record("a", author=PEER)
        me.record("b", author=PEER)
        assert me.stats().muted_peers == 1
    said("mute", "--peer", text, "--undo")
    (found,) = said("recommend", "--explain")["recommendations"]
    assert (found["item"], found["reasons"][0]["hub"]) == ("b", text)
    assert text in found["reasons"][0]["sentence"]
    assert said("forget", "--peer", text)["interactions"] == 2


def test_a_mistyped_id_is_refused_and_a_plain_name_is_taken(store):
    text = peer_text(PEER)
    wrong = text[:10] + ("a" if text[10] != "a" else "b") + text[11:]
    assert "checksum" in refused(2, "trust", wrong)
    assert said("trust", "ann") == {"peer": "ann", "weight": 1.0}
    assert not said("stats")["trust_edges"] > 1


# -- the network --------------------------------------------------------------------------


def test_what_one_publishes_changes_what_the_other_is_recommended(tmp_path):
    ann, ben = tmp_path / "ann.db", tmp_path / "ben.db"
    play(ann, "shared", "new to ben")
    play(ann, SECRET, public=False)
    play(ben, "shared")
    assert recommended(ben) == []
    with running(ann) as of_ann, running(ben) as of_ben:
        said("trust", peer_text(of_ann.daemon.node.peer), "--store", ben)
        invite = parse_invite(of_ann.invite)
        of_ben.do(lambda d: d.driver.ask(d.node.invite, invite.peer, invite.address))
        of_ben.until(lambda daemon: heard(daemon) >= 3)
        assert "new to ben" in recommended(ben)
        play(ann, "fresh")  # recorded through the daemon, it leaves at once
        of_ben.until(lambda daemon: heard(daemon) >= 4)
        assert "fresh" in recommended(ben)
        (link,) = said("peers", "--store", ben)["links"]
        assert (link["dialled"], link["last_sync"]["converged"]) == (True, True)
        assert run("peers", "--store", ann).stdout.count("in step") == 1
    assert SECRET.encode() not in ben.read_bytes()


def test_sync_fetches_what_is_wanted_says_what_it_cost_and_ends(tmp_path):
    ann, carl = tmp_path / "ann.db", tmp_path / "carl.db"
    play(ann, "shared", "new to carl")
    play(carl, "shared")
    with running(ann) as of_ann:
        first = said("sync", of_ann.invite, "--store", carl)
        assert (first["converged"], first["peer"]) == (True, peer_text(of_ann.daemon.node.peer))
        assert first["segments_in"] >= 1
        assert 0 < first["bytes_in"] < 20_000
        again = said("sync", of_ann.daemon.listens.text(), "--store", carl)
        assert (again["converged"], again["segments_in"], again["rounds"]) == (True, 0, 1)
        assert "in step with" in run("sync", of_ann.invite, "--store", carl).stdout
        of_ann.until(lambda daemon: not daemon.driver.links)
    assert "new to carl" in recommended(carl)


def test_sync_with_nobody_or_somebody_else_says_so(store):
    nobody = f"peerrec://{peer_text(PEER)}@127.0.0.1:9#music"
    assert "unreachable" in refused(2, "sync", nobody)
    assert "its address is not known" in refused(2, "sync", peer_text(PEER))
    assert "is not host:port" in refused(2, "sync", "ann:b")
    with running(store.with_name("eve.db")) as eve:
        wrong = f"peerrec://{peer_text(PEER)}@{eve.daemon.listens.text()}#music"
        assert "forgery" in refused(2, "sync", wrong)


# -- logs ---------------------------------------------------------------------------------


@pytest.fixture
def synced(tmp_path) -> tuple[Path, str]:
    """A store that holds what a peer signed, and that peer's id."""
    ann, carl = tmp_path / "ann.db", tmp_path / "carl.db"
    play(ann, "one", "two")
    with running(ann) as of_ann:
        assert said("sync", of_ann.invite, "--store", carl)["segments_in"] >= 1
        return carl, peer_text(of_ann.daemon.node.peer)


def test_a_log_is_shown_with_what_it_says(synced):
    store, author = synced
    found = said("log", "show", author, "--statements", "--store", store)
    kinds = {each["kind"] for each in found["shown"]}
    assert "interactions" in kinds
    plays = next(each for each in found["shown"] if each["kind"] == "interactions")
    assert plays["n_statements"] == len(plays["statements"]) == 2
    assert {each["weight"] for each in plays["statements"]} == {1.0}
    assert "interactions" in run("log", "show", author, "--store", store).stdout
    assert len(said("log", "show", author, "--n", 1, "--store", store)["shown"]) == 1
    assert "no segment of me is here" in refused(2, "log", "show", "me", "--store", store)
    assert "characters" in refused(2, "log", "show", "ann", "--store", store)


def test_a_damaged_log_is_found(synced):
    store, author = synced
    found = said("log", "verify", "--store", store)
    assert (found["authors"], found["broken"]) == (1, 0)
    assert "check out" in run("log", "verify", "--store", store).stdout
    with Recommender.open(store) as me:
        segments = me._opened().store.segments
        columns = segments.index()
        who, epoch, seq = columns.authors[0], int(columns.epoch[0]), int(columns.seq[0])
        frame = bytearray(segments.frame(who, epoch, seq) or b"")
        frame[-80] ^= 1
        kind, minute = int(columns.kind[0]), int(columns.minute[0])
        name = columns.id[0].tobytes()
        segments.add_many([(who, epoch, seq, name, kind, minute, 90, bytes(frame))])
    assert f"1 of {found['segments']} segments of 1 authors" in refused(
        3, "log", "verify", "--store", store
    )
    assert parse_peer(author) == who


def test_an_empty_store_has_no_logs_and_says_so(store):
    assert said("log", "verify")["segments"] == 0
    assert said("peers")["notes"]
    assert not store.exists()
