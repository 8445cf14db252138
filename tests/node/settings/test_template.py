"""The file of a first run and the page of the documentation are made from the schema."""

from __future__ import annotations

import os
import re
import stat
import tomllib
from pathlib import Path

import pytest

from peerrec.errors import ConfigError
from peerrec_node.settings.document import renewed
from peerrec_node.settings.keys import KEYS
from peerrec_node.settings.layers import Layer, Origin
from peerrec_node.settings.paths import config_folder, data_folder, settings_file
from peerrec_node.settings.template import make_file, template, toml_value

PAGE = Path(__file__).resolve().parents[3] / "docs" / "settings.md"
"""Where the documentation has the tables."""


def uncommented(text: str) -> str:
    """Return a file in which everything is set."""
    return re.sub(r"(?m)^# (\w+ = )", r"\1", text)


def test_the_file_as_it_is_made_sets_nothing():
    assert all(not content for content in tomllib.loads(template()).values())


def test_with_all_comments_taken_away_it_sets_every_key_to_its_default(tmp_path):
    file = tmp_path / "peerrec.toml"
    file.write_text(uncommented(template()).replace("peerrec://…", "").replace('[""]', "[]"))
    loaded, problems = Origin(file).examine()
    assert problems == []
    for path, key in KEYS.items():
        assert loaded.sources[path].layer is Layer.FILE, path
        if key.default not in (None, ()):
            assert loaded.value(path) == key.default, path


def test_every_key_stands_below_its_explanation():
    text = " ".join(re.sub(r"(?m)^# ?", "", template()).split())
    for key in KEYS.values():
        assert key.description in text, f"{key.path} is not explained"


def test_what_a_first_run_found_out_is_set(tmp_path):
    file = tmp_path / "deep" / "peerrec.toml"
    assert make_file(file, {"node.listen": "127.0.0.1:7701", "node.lan": True})
    node = Origin(file).read().settings.node
    assert (node.listen, node.lan) == ("127.0.0.1:7701", True)


def test_a_file_that_is_there_stays_as_it_is(tmp_path):
    file = tmp_path / "peerrec.toml"
    file.write_text("# mine\n")
    assert not make_file(file)
    assert file.read_text() == "# mine\n"
    assert os.listdir(tmp_path) == ["peerrec.toml"]


def test_the_file_is_its_persons_alone(tmp_path):
    make_file(tmp_path / "peerrec.toml")
    assert stat.S_IMODE((tmp_path / "peerrec.toml").stat().st_mode) == 0o600
    assert os.listdir(tmp_path) == ["peerrec.toml"]


def test_where_it_cannot_be_written_is_told(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="cannot be written"):
        make_file(tmp_path / "file" / "peerrec.toml")


@pytest.mark.parametrize("text", ['a"b\\c', "tab\tnew\nline", "ünï", "\x7f\x01", ""])
def test_any_text_is_written_so_that_it_is_read_the_same(text):
    assert tomllib.loads(f"a = {toml_value(text)}")["a"] == text


def test_the_tables_in_the_documentation_are_those_of_the_schema():
    page = PAGE.read_text(encoding="utf-8")
    assert renewed(page) == page, f"run: python -m peerrec_node.settings.document {PAGE.name}"


def test_a_page_without_a_place_for_the_tables_is_refused():
    with pytest.raises(ConfigError, match="needs the lines"):
        renewed("# Settings\n")


# -- where it stands ----------------------------------------------------------------------


def test_settings_stand_in_the_persons_folder_or_beside_a_store_that_is_named(
    monkeypatch, tmp_path
):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    assert settings_file(None, None) == tmp_path / "peerrec" / "peerrec.toml"
    assert settings_file(None, Path("/x/ann.db")) == Path("/x/ann.db.toml")
    assert settings_file(Path("/y.toml"), Path("/x/ann.db")) == Path("/y.toml")


def test_relative_folders_in_the_environment_are_ignored(monkeypatch, tmp_path):
    for name in ("XDG_CONFIG_HOME", "XDG_DATA_HOME"):
        monkeypatch.setenv(name, "here")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert config_folder() == tmp_path / ".config" / "peerrec"
    assert data_folder() == tmp_path / ".local" / "share" / "peerrec"
