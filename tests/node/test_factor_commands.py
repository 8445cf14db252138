"""What a node's table does to lists, as the command line shows it."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner
from served_community import crowd, device, served, table_of

from peerrec.store.sqlite import SqliteStore
from peerrec_node.cli import peerrec

PEOPLE = crowd(users=120, items=200, tastes=4)


@pytest.fixture
def store(tmp_path, monkeypatch):
    path = tmp_path / "me.db"
    monkeypatch.setenv("PEERREC_STORE", str(path))
    with device(PEOPLE, 0, list(range(1, 21))) as me:
        me.export(tmp_path / "me.jsonl")
    assert run("import", str(tmp_path / "me.jsonl")).exit_code == 0
    return path


def run(*args):
    return CliRunner().invoke(peerrec, args)


def said(*args):
    result = run(*args, "--json")
    assert result.exit_code == 0, result.stderr
    return json.loads(result.stdout)


def test_lists_follow_the_table_unless_told_not_to(store):
    before = said("recommend", "--explain")
    with SqliteStore(store) as kept:
        served(kept, table_of(PEOPLE.have, PEOPLE.names()))
    after = said("recommend", "--explain")
    assert after["recommendations"] != before["recommendations"]
    hubs = [reason["hub"] for each in after["recommendations"] for reason in each["reasons"]]
    assert None in hubs
    assert said("recommend", "--explain", "--no-factors") == before
    assert "because across the network, people who have" in run("recommend", "--explain").stdout


def test_tuning_prints_the_share_of_a_table(store):
    assert "blend" not in said("tune")["tuned"]
    with SqliteStore(store) as kept:
        served(kept, table_of(PEOPLE.have, PEOPLE.names()))
    assert 0 <= said("tune")["tuned"]["blend"]["share"] <= 1
    assert said("stats")["blend"] == said("stats")["tuned"]["blend"]
