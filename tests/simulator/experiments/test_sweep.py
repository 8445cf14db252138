"""A sweep is every combination of values and seeds, and goes on where it stopped."""

from __future__ import annotations

import msgspec
import pytest

from peerrec.errors import ConfigError, DataError
from peerrec_sim.experiments.sweep import finished, missing, plan
from peerrec_sim.scenario import to_tables
from peerrec_sim.scenario.overrides import variants


def points(*over: str, seeds=(0, 1)):
    return plan("sybil-serial", ["nodes=20"], [variants(each) for each in over], seeds=seeds)


def pretend(folder, point, *, complete=True, scenario=None) -> None:
    (folder / point.name).mkdir(parents=True)
    said = {"scenario": to_tables(scenario or point.scenario), "complete": complete}
    (folder / point.name / "run.json").write_bytes(msgspec.json.encode(said))


def test_every_combination_runs_with_every_seed():
    found = points("attackers.sybils=0,5", "transitivity_decay=.1,.3,.5")
    assert len(found) == 2 * 3 * 2
    assert len({point.name for point in found}) == len(found)
    for point in found:
        assert point.scenario.population.nodes == 20
    assert {point.scenario.attackers.sybils for point in found} == {0, 5}
    assert {point.scenario.merit.transitivity_decay for point in found} == {0.1, 0.3, 0.5}
    assert {point.scenario.seed for point in found} == {0, 1}


def test_names_of_folders_hold_no_signs_that_lead_elsewhere():
    for point in points("attackers.kinds=clone,[clone,flood]", "dataset=../x,/y"):
        assert "/" not in point.name
        assert not point.name.startswith(".")


@pytest.mark.parametrize(
    ("over", "seeds"),
    [
        (["sybils=0,5", "attackers.sybils=7"], [0]),
        (["seed=1,2"], [0]),
        (["sybils=0,5"], [0, 0]),
        (["sybils=0,5"], range(9_000)),
        (["loss=0.1,0.2", "latency_s=0"], [0]),
        (["dataset=a b,a_b"], [0]),
    ],
)
def test_sweeps_that_mean_nothing_are_refused(over, seeds):
    with pytest.raises(ConfigError):
        points(*over, seeds=seeds)


def test_finished_points_are_not_run_again(tmp_path):
    found = points("sybils=0,5")
    pretend(tmp_path, found[1])
    assert missing(tmp_path, found) == [found[0], found[2], found[3]]


def test_a_run_of_another_scenario_is_no_part_of_the_sweep(tmp_path):
    found = points("sybils=0,5")
    pretend(tmp_path, found[0], scenario=found[1].scenario)
    with pytest.raises(ConfigError, match="another scenario"):
        missing(tmp_path, found)


def test_a_run_that_was_ended_early_is_not_taken_for_a_point(tmp_path):
    found = points("sybils=0,5")
    pretend(tmp_path, found[0], complete=False)
    with pytest.raises(ConfigError, match="ended early"):
        finished(tmp_path, found[0])


def test_a_broken_file_of_a_run_is_named(tmp_path):
    found = points("sybils=0,5")
    (tmp_path / found[0].name).mkdir()
    (tmp_path / found[0].name / "run.json").write_text("[")
    with pytest.raises(DataError, match=r"run\.json"):
        finished(tmp_path, found[0])
