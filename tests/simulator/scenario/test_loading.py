"""A scenario loads as its file says, and whatever is wrong in it is named with its path."""

from __future__ import annotations

import contextlib
import pickle

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from peerrec.errors import ConfigError, DataError, PeerrecError
from peerrec_sim import scenario as scenarios
from peerrec_sim.scenario import Attackers, Links, Population, Scenario
from peerrec_sim.scenario.keys import by_path
from peerrec_sim.scenario.loading import checked, from_tables, load, names, to_tables

PROMISED = {
    "quiet", "lastfm-friends", "churn", "partition", "sybil-flood", "sybil-serial",
    "sybil-parallel", "sybil-cycle", "colluders", "giga", "clone", "lean", "starve", "slander",
    "whitewash", "camouflage-flash", "eclipse", "censor", "flood", "equivocate", "replay-skew",
    "cold-start", "web3recommend", "factors-quiet", "factors-poison", "factors-churn",
    "private-users",
}  # fmt: skip


def refused(tables: dict) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        from_tables({"name": "mine", **tables})
    return caught.value


def test_every_promised_scenario_is_shipped():
    assert set(names()) == PROMISED


@pytest.mark.parametrize("name", sorted(PROMISED))
def test_a_shipped_scenario_loads_under_its_name_and_says_what_it_shows(name):
    scenario = load(name)
    assert scenario.name == name
    assert len(scenario.description) > 40


def test_a_scenario_survives_the_way_through_tables_json_and_pickle():
    scenario = load("sybil-serial", ["attackers.kinds=serial,cycle", "links.loss=.1"], seed=7)
    assert from_tables(to_tables(scenario)) == scenario
    assert from_tables(msgspec.json.decode(msgspec.json.encode(scenario))) == scenario
    assert pickle.loads(pickle.dumps(scenario)) == scenario
    assert hash(scenario) == hash(from_tables(to_tables(scenario)))


def test_the_seed_given_takes_the_place_of_the_files():
    assert load("quiet", ["seed=3"]).seed == 3
    assert load("quiet", ["seed=3"], seed=9).seed == 9


def test_an_unknown_key_is_refused_with_its_path_and_the_closest_known_one():
    error = refused({"population": {"nods": 5}})
    assert error.key == "population.nods"
    assert error.value == 5
    assert "did you mean population.nodes?" in error.allowed


def test_a_key_in_the_wrong_table_is_found_in_the_right_one():
    assert "did you mean links.loss?" in refused({"churn": {"loss": 0.1}}).allowed
    assert "did you mean attackers.sybils?" in refused({"sybils": 3}).allowed


def test_an_unknown_table_is_refused_with_the_closest_known_one():
    error = refused({"link": {"loss": 0.1}})
    assert error.key == "link"
    assert "links" in error.allowed


def test_a_key_that_resembles_none_says_where_all_are_listed():
    assert "--keys" in refused({"zzzzqqqq": 1}).allowed


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("population.nodes", 1),
        ("population.nodes", 10.5),
        ("population.nodes", "many"),
        ("population.nodes", True),
        ("population.newcomers", -1),
        ("population.newcomers_at_s", "soon"),
        ("population.newcomers_know", 0),
        ("links.loss", 1.5),
        ("links.loss", float("nan")),
        ("links.bandwidth_bytes_s", float("inf")),
        ("length_s", 0.0),
        ("length_s", float("nan")),
        ("seed", -1),
        ("mode", "grph"),
        ("churn.kind", "weekly"),
        ("measures.at_end_only", 1),
        ("attackers.kinds", "flood"),
        ("attackers.kinds", [1]),
        ("population.dataset", ""),
        ("name", "../escape"),
        ("node.follow_bytes_max", 5),
    ],
)
def test_an_impossible_value_is_refused_with_its_path_and_what_is_allowed(path, value):
    table, dot, key = path.rpartition(".")
    error = refused({table: {key: value}} if dot else {key: value})
    assert error.key == path
    assert error.value == value or error.value != error.value
    assert error.allowed


def test_a_misspelt_choice_is_answered_with_the_closest():
    assert "did you mean network?" in refused({"mode": "netwrk"}).allowed


def test_a_value_where_a_table_belongs_is_refused():
    assert "[links]" in refused({"links": 3}).allowed


@pytest.mark.parametrize(
    ("tables", "key"),
    [
        ({"links": {"partition_at_s": 60.0, "heal_at_s": 30.0}}, "links.heal_at_s"),
        ({"links": {"heal_at_s": 30.0}}, "links.heal_at_s"),
        ({"length_s": 30.0}, "measures.every_s"),
        ({"attackers": {"sybils": 3}}, "attackers.sybils"),
        ({"attackers": {"kinds": ["clone", "clone"], "sybils": 1}}, "attackers.kinds"),
        ({"attackers": {"kinds": ["clone"], "sybils": 1, "start_s": 600.0}}, "attackers.start_s"),
        (
            {"attackers": {"kinds": ["clone"], "sybils": 1, "start_s": 60.0, "stop_s": 50.0}},
            "attackers.stop_s",
        ),
        ({"attackers": {"edges": 200}}, "attackers.edges"),
        ({"population": {"items": 10}}, "population.plays_per_node"),
        ({"topology": {"kind": "random", "degree": 100}}, "topology.degree"),
        ({"topology": {"kind": "friends"}, "population": {"trust": "none"}}, "topology.kind"),
        ({"churn": {"share": 0.5}}, "churn.share"),
        ({"population": {"nodes": 10, "newcomers": 9}}, "population.newcomers"),
        ({"population": {"newcomers": 1}, "mode": "graph"}, "population.newcomers"),
        ({"population": {"newcomers": 1}, "topology": {"kind": "random"}}, "population.newcomers"),
        ({"population": {"newcomers": 1, "newcomers_at_s": 600.0}}, "population.newcomers_at_s"),
        ({"links": {"partition_at_s": 60.0, "parts": 200}}, "links.parts"),
    ],
)
def test_values_that_do_not_fit_each_other_are_refused(tables, key):
    assert refused(tables).key == key


def test_a_scenario_made_in_python_is_checked_like_a_file():
    good = Scenario(name="mine", population=Population(nodes=5), attackers=Attackers(edges=2))
    assert checked(good) == good
    with pytest.raises(ConfigError, match=r"links\.loss"):
        checked(Scenario(name="mine", links=Links(loss=7.0)))


def test_a_file_gives_its_name_to_the_scenario(tmp_path):
    file = tmp_path / "My Own.toml"
    file.write_text("[links]\nloss = 0.25\n")
    scenario = load(file)
    assert scenario.name == "my-own"
    assert scenario.links.loss == 0.25
    assert load(str(file)) == scenario


def test_a_file_that_is_no_toml_is_named(tmp_path):
    file = tmp_path / "broken.toml"
    file.write_text("[links\n")
    with pytest.raises(DataError, match=r"broken\.toml.*TOML"):
        load(file)
    file.write_bytes(b"\xff\xfe")
    with pytest.raises(DataError, match="TOML"):
        load(file)
    file.write_bytes(b"#" * (1 << 21))
    with pytest.raises(DataError, match="longer"):
        load(file)


def test_a_scenario_that_is_nowhere_is_refused_with_the_closest_name(tmp_path):
    with pytest.raises(ConfigError, match="did you mean quiet"):
        load("quite")
    with pytest.raises(ConfigError, match="no such file"):
        load(tmp_path / "none.toml")


def test_every_key_has_a_meaning_and_says_what_it_allows():
    for key in by_path().values():
        assert key.meaning, key.path
        assert key.allowed, key.path


def test_the_package_offers_the_functions_of_its_modules():
    assert scenarios.load("quiet") == load("quiet")


SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9)
VALUES = SCALARS | st.lists(SCALARS, max_size=3)


@given(
    st.dictionaries(
        st.sampled_from([*by_path(), "population", "links", "attackers", "x"])
        | st.text(max_size=5),
        VALUES
        | st.dictionaries(
            st.sampled_from([key.name for key in by_path().values()]), VALUES, max_size=3
        ),
        max_size=4,
    )
)
def test_any_tables_make_a_scenario_or_an_error_of_ours(tables):
    with contextlib.suppress(PeerrecError):
        scenario = from_tables({"name": "any", **tables})
        assert from_tables(to_tables(scenario)) == scenario
