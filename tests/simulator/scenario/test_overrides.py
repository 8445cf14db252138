"""`key=value` means what a person means by it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from peerrec.errors import ConfigError
from peerrec_sim.scenario.keys import by_path
from peerrec_sim.scenario.loading import load, to_tables
from peerrec_sim.scenario.overrides import applied, variants


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("population.nodes=50", 50),
        ("nodes=50", 50),
        ("nodes=1_000", 1000),
        ("nodes=1e3", 1000),
        (" nodes = 7 ", 7),
        ("links.loss=.05", 0.05),
        ("links.loss=0.05", 0.05),
        ("links.loss=1", 1),
        ("churn.kind=daily", "daily"),
        ('churn.kind="daily"', "daily"),
        ("population.dataset=ml-100k", "ml-100k"),
        ("population.dataset=7", "7"),
        ("population.dataset=a=b", "a=b"),
        ("attackers.kinds=clone", ["clone"]),
        ("attackers.kinds=clone,flood", ["clone", "flood"]),
        ('attackers.kinds=["clone", "flood"]', ["clone", "flood"]),
        ("attackers.kinds=[clone,flood]", ["clone", "flood"]),
        ("attackers.kinds=", []),
        ("at_end_only=true", True),
        ("seed=4", 4),
    ],
)
def test_a_value_is_read_as_it_is_meant(text, expected):
    changed = applied({}, [text])
    for part in changed.values():
        found = next(iter(part.values())) if isinstance(part, dict) else part
        assert found == expected
        assert type(found) is type(expected)


def test_the_last_override_wins_and_the_rest_of_a_table_stays():
    tables = {"links": {"loss": 0.1, "latency_s": 0.2}}
    changed = applied(tables, ["loss=.3", "loss=.4"])
    assert changed == {"links": {"loss": 0.4, "latency_s": 0.2}}
    assert tables == {"links": {"loss": 0.1, "latency_s": 0.2}}


def test_a_name_that_several_tables_have_must_be_said_in_full():
    with pytest.raises(ConfigError, match=r"topology\.kind or churn\.kind"):
        applied({}, ["kind=open"])


def test_a_table_takes_no_value():
    with pytest.raises(ConfigError, match=r"table.*links\.loss"):
        applied({}, ["links=3"])


@pytest.mark.parametrize("text", ["nodes", "=5", ""])
def test_what_is_no_assignment_is_refused(text):
    with pytest.raises(ConfigError, match="key=value"):
        applied({}, [text])


def test_an_unknown_key_is_answered_with_the_closest():
    with pytest.raises(ConfigError, match=r"did you mean population\.nodes"):
        applied({}, ["population.node=5"])
    with pytest.raises(ConfigError, match=r"did you mean attackers\.sybils"):
        applied({}, ["sybil=5"])


def test_a_value_that_is_not_allowed_is_refused_when_the_scenario_is_made():
    with pytest.raises(ConfigError, match=r"population\.nodes: 'many' is not allowed; a whole"):
        load("quiet", ["nodes=many"])


def test_variants_are_the_values_between_commas():
    found = variants("attackers.sybils=0,10,100")
    assert [each.value for each in found] == [0, 10, 100]
    assert [each.override for each in found] == [
        "attackers.sybils=0", "attackers.sybils=10", "attackers.sybils=100",
    ]  # fmt: skip


def test_variants_of_a_list_are_lists():
    found = variants("kinds=clone,[clone,flood]")
    assert [each.value for each in found] == [["clone"], ["clone", "flood"]]


@pytest.mark.parametrize("text", ["nodes=", "nodes=5,5", "nodes"])
def test_variants_must_be_there_and_differ(text):
    with pytest.raises(ConfigError, match="--over"):
        variants(text)


@given(st.sampled_from(sorted(by_path())))
def test_saying_what_a_key_is_already_changes_nothing(path):
    scenario = load("sybil-serial")
    value = to_tables(scenario)
    for part in path.split("."):
        value = value[part]
    text = ",".join(value) if isinstance(value, list | tuple) else str(value)
    text = text.lower() if isinstance(value, bool) else text
    assert load("sybil-serial", [f"{path}={text}"]) == scenario
