"""The demo shows a list with reasons, and the same list while strangers attack."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from peerrec.errors import ConfigError, DataError
from peerrec_sim.commands import demo as module
from peerrec_sim.commands.demo import demo


@pytest.fixture(autouse=True)
def small(monkeypatch):
    monkeypatch.delenv("PEERREC_DATA", raising=False)
    monkeypatch.setattr(module, "WITNESSES", 5)


def shown(*arguments: str) -> str:
    arguments = arguments if "--network" in arguments else ("--no-network", *arguments)
    result = CliRunner().invoke(demo, arguments, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def test_a_list_with_reasons_comes_first_and_then_the_attack():
    output = shown("--sybils", "100")
    before, after = output.split("100 invented identities attack")
    assert "you have" in before
    assert "trust" in before
    assert "← promoted" not in before
    assert "walked through trust" in after


def test_the_same_seed_shows_the_same():
    assert shown("--sybils", "50", "--seed", "3") == shown("--sybils", "50", "--seed", "3")


def test_without_identities_there_is_no_attack():
    assert "attack" not in shown("--sybils", "0")


@pytest.mark.data
def test_real_artists_are_named(data_folder):
    output = shown("--data", str(data_folder / "lastfm-2k"), "--sybils", "0")
    assert "17,632 items" in output
    assert "Radiohead" in output or "The Cure" in output or "U2" in output


@pytest.mark.data
def test_the_data_folder_of_the_environment_is_taken(data_folder, monkeypatch):
    monkeypatch.setenv("PEERREC_DATA", str(data_folder))
    assert "lastfm-2k" in shown("--sybils", "0", "--n", "3")


@pytest.mark.parametrize(
    ("arguments", "error"), [(("--n", "0"), ConfigError), (("--user", "nobody"), DataError)]
)
def test_what_cannot_be_is_refused(arguments, error):
    with pytest.raises(error):
        CliRunner().invoke(demo, arguments, catch_exceptions=False)


@pytest.mark.slow
def test_five_daemons_exchange_what_is_public_and_the_impostor_is_not_heard():
    output = " ".join(shown("--network", "--sybils", "0").split())
    assert "Five daemons on 127.0.0.1" in output
    assert "Not everything came" not in output
    assert "friend of friend 1" in output
    assert "it is not on it" in output
