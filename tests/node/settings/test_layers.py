"""Settings come from several places: who wins, what is refused, and where it was said."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from peerrec.errors import ConfigError
from peerrec_node.settings.keys import KEYS, SECTIONS, suggestion
from peerrec_node.settings.layers import Layer, Origin
from peerrec_node.settings.lines import lines_of
from peerrec_node.settings.profiles import PROFILES, SUMMARIES


@pytest.fixture
def file(tmp_path) -> Path:
    return tmp_path / "peerrec.toml"


def problems(file: Path, text: str) -> list[str]:
    file.write_text(text, encoding="utf-8")
    return [str(each) for each in Origin(file).examine()[1]]


# -- who wins -----------------------------------------------------------------------------


def test_each_place_wins_over_those_before_it(file):
    file.write_text("[node]\nbatch_delay_s = 4\n")
    variable = {"PEERREC_NODE__BATCH_DELAY_S": "5"}
    flag = {"node.batch_delay_s": ("--delay", 6.0)}
    dashboard = {"node.batch_delay_s": 3.0}
    program = {"node.batch_delay_s": 2.0}
    battery = {"node.profile": "battery"}
    said = [
        Origin().read(),
        Origin(program=battery).read(),
        Origin(program={**battery, **program}).read(),
        Origin(program={**battery, **program}).read(dashboard),
        Origin(file, program=program).read(dashboard),
        Origin(file, variable, program=program).read(dashboard),
        Origin(file, variable, flag, program).read(dashboard),
    ]
    assert [each.settings.node.batch_delay_s for each in said] == [60, 900, 2, 3, 4, 5, 6]
    assert [each.sources["node.batch_delay_s"].layer for each in said] == list(Layer)
    assert [each.sources["node.batch_delay_s"].text for each in said] == [
        "default",
        "profile battery",
        "this program",
        "dashboard",
        f"{file}:2",
        "PEERREC_NODE__BATCH_DELAY_S",
        "--delay",
    ]


def test_what_the_dashboard_said_and_the_file_overrules_is_told(file):
    file.write_text("[ranking]\nexplore = 0.5\n")
    loaded = Origin(file).read({"ranking.explore": 0.1, "http.listens_public": True})
    assert (loaded.settings.ranking.explore, loaded.settings.http.listens_public) == (0.5, True)
    assert loaded.overruled == {"ranking.explore": 0.1}
    assert (loaded.is_fixed("ranking.explore"), loaded.is_fixed("http.listens_public")) == (1, 0)


@pytest.mark.parametrize("profile", PROFILES)
def test_a_profile_is_other_defaults_and_what_is_named_wins_over_it(profile):
    loaded = Origin(environment={"PEERREC_NODE__PROFILE": profile}).read()
    for path, value in PROFILES[profile].items():
        assert value != KEYS[path].default, f"{path} needs no profile"
        assert loaded.value(path) == value
        named = Origin(flags={path: ("--x", KEYS[path].default), "node.profile": ("", profile)})
        assert named.read().value(path) == KEYS[path].default
    assert set(SUMMARIES) == set(PROFILES)


def test_a_profile_set_in_the_dashboard_gives_way_to_one_in_the_file(file):
    file.write_text('[node]\nprofile = "server"\n')
    loaded = Origin(file).read({"node.profile": "battery"})
    assert loaded.settings.storage.follow_bytes_max == 512 << 20


# -- what is refused ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("x = 1", ":1: x: 1 is not allowed; there is no such key"),
        (
            "[nod]\nlan = true",
            ":1: nod: '…' is not allowed; there is no such key; did you mean node",
        ),
        ("\n[storage]\nfolow_bytes_max = 9", ":3: storage.folow_bytes_max: 9 is not allowed; "),
        ("\n[storage]\nfolow_bytes_max = 9", "did you mean storage.follow_bytes_max?"),
        ("follow_bytes_max = 9", "did you mean follow_bytes_max below [storage]?"),
        ("node = 3", ":1: node: 3 is not allowed; it is a section"),
        ("[node]\nlisten = 7700", ":2: node.listen: 7700 is not allowed; give a text"),
        ('[node]\nlisten = "x"', "address 'x' is not host:port"),
        ('[node]\nproxies = ["proxy.example"]', "is no IP address"),
        ('[node]\ninvites = ["peerrec://x"]', "node.invites"),
        ('[node]\nnetwork = ""', "1 to 64 bytes"),
        ('[http]\nlisten = "127.0.0.1:7/x"', "http.listen"),
        ('[log]\nlevel = "loud"', "give one of debug, error, info, warning"),
        ('[log]\nfile = ""', "name a file"),
        ("[ranking]\nexplore = nan", "give a number from 0 to 1"),
        ("[ranking]\nexplore = 1.5", "give a number from 0 to 1"),
        ("[factors]\nevery_s = inf", "factors.every_s: inf"),
        ("[ranking]\nn = 2.5", "give a whole number from 1 to 1,000"),
        ("[storage]\nfollow_bytes_max = true", "give a whole number from 65,536"),
    ],
)
def test_what_is_wrong_in_a_file_is_told_with_line_key_value_and_what_is_allowed(file, text, said):
    (message,) = problems(file, text)
    assert message.startswith(str(file))
    assert said in message


def test_everything_that_is_wrong_is_told_at_once_and_the_rest_is_read(file):
    text = '[node]\nlan = 1\nlisen = "x"\n[ranking]\nn = 0\nexplore = 0.5\n'
    assert len(problems(file, text)) == 3
    loaded, _ = Origin(file).examine()
    assert loaded.settings.ranking.explore == 0.5
    with pytest.raises(ConfigError, match="lisen"):
        Origin(file).read()


def test_a_broken_file_is_told_with_its_line(file):
    with pytest.raises(ConfigError, match=r"not TOML: .*line 2"):
        problems(file, "[node]\nlan =\n")
    file.write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match="not UTF-8"):
        Origin(file).read()
    with pytest.raises(ConfigError, match="cannot be read"):
        Origin(file.parent).read()
    file.write_text("#" * (1 << 20) + "\n")
    with pytest.raises(ConfigError, match="more than"):
        Origin(file).read()


def test_a_file_that_is_not_there_says_nothing(file):
    assert Origin(file).read().settings == Origin().read().settings


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("PEERREC_LOG__LEVLE", "x", "did you mean PEERREC_LOG__LEVEL?"),
        ("PEERREC_ABC__XYZ", "x", "no setting has this variable"),
        (
            "PEERREC_RANKING__N",
            "many",
            "PEERREC_RANKING__N (ranking.n): 'many' is not allowed; give",
        ),
        ("PEERREC_NODE__LAN", "perhaps", "give true or false"),
        ("PEERREC_RANKING__EXPLORE", "nan", "give a number"),
    ],
)
def test_what_is_wrong_in_the_environment_is_told_by_the_variable(name, value, said):
    with pytest.raises(ConfigError) as error:
        Origin(environment={name: value}).read()
    assert said in str(error.value)


def test_variables_that_are_no_settings_are_left_alone():
    names = {"PEERREC_STORE": "x", "PEERREC_CONFIG": "y", "PEERREC_DATA": "z", "HOME__X": "1"}
    assert Origin(environment=names).read() == Origin().read()


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("NODE__LAN", "TRUE", True),
        ("NODE__LAN", "0", False),
        ("NODE__PROXIES", "::1, 127.0.0.1,", ("::1", "127.0.0.1")),
        ("NODE__PROXIES", "", ()),
        ("NODE__NETWORK", "7", "7"),
        ("STORAGE__FOLLOW_BYTES_MAX", " 65536 ", 65_536),
        ("NODE__BATCH_DELAY_S", "5", 5.0),
        ("LOG__FORMAT", "JSON", "json"),
    ],
)
def test_variables_are_read_by_the_type_of_their_key(name, text, value):
    loaded = Origin(environment={f"PEERREC_{name}": text}).read()
    assert loaded.value(name.lower().replace("__", ".")) == value


# -- suggestions and lines ----------------------------------------------------------------


@pytest.mark.parametrize("path", KEYS)
def test_a_key_with_a_letter_too_many_or_in_another_section_is_recognised(path):
    section, _, name = path.partition(".")
    assert suggestion(f"{section}.{name}x") in [each for each in KEYS if each.startswith(section)]
    found = suggestion(f"nowhere.{name}")
    assert found is not None
    assert found.endswith(f".{name}")


@given(st.text(max_size=30))
def test_any_key_has_a_suggestion_that_exists_or_none(text):
    found = suggestion(text)
    assert found is None or found in KEYS or found in SECTIONS


@given(st.text(max_size=200))
def test_lines_of_any_text_are_lines_of_it(text):
    for path, line in lines_of(text).items():
        assert 1 <= line <= len(text.splitlines())
        assert path == path.strip()


def test_lines_are_found_past_comments_and_texts_of_several_lines():
    text = (
        '# a = 1\n[ node ] # who\nlan=true\nnetwork = """\nlisten = "no"\n"""\n"public" = "x:1"\n'
    )
    assert lines_of(text) == {
        "node": 2, "node.lan": 3, "node.network": 4, "node.public": 7,
    }  # fmt: skip


@given(st.dictionaries(st.sampled_from(sorted(KEYS)), st.text() | st.integers() | st.floats()))
def test_any_values_are_read_or_refused_by_key(values):
    flags = {path: ("--x", value) for path, value in values.items()}
    loaded, found = Origin(flags=flags).examine()
    wrong = {each.key for each in found}
    for path in values:
        assert loaded.sources[path].layer is Layer.FLAG or f"--x ({path})" in wrong
