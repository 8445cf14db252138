from __future__ import annotations

import dataclasses

import msgspec
import pytest
from made_runs import made_curve, made_run

from peerrec.errors import ConfigError, DataError
from peerrec_sim.reports.comparing import Group, compare, compare_groups
from peerrec_sim.reports.folder import store


def runs(tmp_path, name: str, seeds, **values):
    for seed in seeds:
        store(made_run(seed, **values), tmp_path / name / f"seed-{seed}", {})
    return tmp_path / name


def verdict(comparison, measure: str) -> str:
    return next(each.verdict for each in comparison.changes if each.measure == measure)


def test_a_run_against_itself_changed_nothing(tmp_path):
    folder = runs(tmp_path, "a", [1]) / "seed-1"
    found = compare([folder, folder])
    assert found.beyond_noise == []
    assert found.differs == {}
    assert "The scenarios are the same." in found.text()


def test_better_lists_are_found_by_seeds(tmp_path):
    before = runs(tmp_path, "a", [1, 2, 3], ndcg=0.30)
    after = runs(tmp_path, "b", [1, 2, 3], ndcg=0.40)
    found = compare([before, after])
    assert verdict(found, "ndcg") == "better"
    assert verdict(compare([after, before]), "ndcg") == "worse"
    assert verdict(found, "recall") == "within noise"
    change = next(each for each in found.changes if each.measure == "ndcg")
    assert change.difference.basis == "seeds, paired"
    assert not any("fewer than" in warning for warning in found.warnings)


def test_one_seed_is_compared_by_people_with_a_warning(tmp_path):
    before = runs(tmp_path, "a", [1], ndcg=0.30)
    after = runs(tmp_path, "b", [1], ndcg=0.45)
    found = compare([before, after])
    assert verdict(found, "ndcg") == "better"
    assert any("fewer than 3" in warning for warning in found.warnings)


def test_more_that_is_better_and_less_that_is_better_are_told_apart():
    fast = made_run(1)
    table = fast.deliveries
    columns = table.columns | {"delivered_at_s": table["delivered_at_s"] + 5.0}
    slow = dataclasses.replace(fast, deliveries=dataclasses.replace(table, columns=columns))
    groups = [Group("fast", (fast,)), Group("slow", (slow,))]
    assert verdict(compare_groups(groups), "delivery_p50_s") == "worse"
    assert verdict(compare_groups(groups[::-1]), "delivery_p50_s") == "better"


def test_it_says_which_keys_of_the_scenario_differ():
    a = made_run(1)
    attackers = msgspec.structs.replace(a.scenario.attackers, sybils=500)
    b = dataclasses.replace(a, scenario=msgspec.structs.replace(a.scenario, attackers=attackers))
    found = compare_groups([Group("a", (a,)), Group("b", (b,))])
    assert found.differs == {"attackers.sybils": [5, 500]}
    assert "attackers.sybils: 5 | 500" in found.text()


def test_a_folder_with_runs_of_different_scenarios_is_refused(tmp_path):
    folder = runs(tmp_path, "a", [1])
    run = made_run(2)
    other = dataclasses.replace(run, scenario=msgspec.structs.replace(run.scenario, length_s=9.0))
    store(other, folder / "other", {})
    with pytest.raises(ConfigError, match="length_s"):
        compare([folder, folder])


def test_a_folder_with_one_seed_twice_is_refused(tmp_path):
    folder = runs(tmp_path, "a", [1])
    store(made_run(1), folder / "again", {})
    with pytest.raises(ConfigError, match="same seed"):
        compare([folder, folder])


def test_what_is_no_run_is_refused(tmp_path):
    with pytest.raises(DataError, match="is no folder"):
        compare([tmp_path / "nowhere", tmp_path])
    with pytest.raises(DataError, match="holds no run"):
        compare([tmp_path, tmp_path])
    with pytest.raises(ConfigError, match="two"):
        compare([runs(tmp_path, "a", [1])])


def test_a_partial_run_is_compared_with_a_warning():
    a, b = made_run(1), made_run(1, complete=False)
    found = compare_groups([Group("a", (a,)), Group("b", (b,))])
    assert any("partial" in warning for warning in found.warnings)


def test_the_same_run_with_another_trace_is_warned_of():
    a = made_run(1)
    found = compare_groups(
        [Group("a", (a,)), Group("b", (dataclasses.replace(a, trace_hash="other"),))]
    )
    assert any("went another way" in warning for warning in found.warnings)


def test_single_numbers_need_several_seeds():
    one = [Group(name, (made_curve(1),)) for name in "ab"]
    assert verdict(compare_groups(one), "gain/web3recommend/serial") == "cannot tell"
    many = [Group(name, tuple(made_curve(seed) for seed in (1, 2, 3))) for name in "ab"]
    assert verdict(compare_groups(many), "gain/web3recommend/serial") == "within noise"


def test_several_groups_are_compared_with_the_first():
    groups = [
        Group(name, (made_run(1, ndcg=ndcg),))
        for name, ndcg in zip("abc", (0.3, 0.3, 0.5), strict=True)
    ]
    found = compare_groups(groups)
    verdicts = {each.group: each.verdict for each in found.changes if each.measure == "ndcg"}
    assert verdicts == {"b": "within noise", "c": "better"}


def test_the_whole_comparison_is_json():
    found = compare_groups([Group("a", (made_run(1),)), Group("b", (made_run(2),))])
    packed = msgspec.json.decode(msgspec.json.encode(found.as_dict()))
    by_name = {each["measure"]: each for each in packed["changes"]}
    assert by_name["delivery_all_s"]["low"] is None
    assert by_name["ndcg"]["basis"] == "people"  # of other seeds, so other people
