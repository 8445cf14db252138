from __future__ import annotations

import dataclasses
import math

import pytest
from made_runs import made_run

from peerrec_sim.measures.columns import NODES
from peerrec_sim.measures.newcomers import Diary, first_minutes
from peerrec_sim.measures.result import RunResult
from peerrec_sim.measures.summary import summary

HONEST = {b"ann": 0, b"bob": 1, b"cy": 2}


def after_s(*dialled: tuple[float, bytes, bool]) -> float:
    diary = Diary(began=100.0, dialled=list(dialled))
    return float(first_minutes(diary, HONEST)["linked_after_s"])


def test_links_to_sybils_do_not_count():
    assert math.isnan(after_s((101.0, b"ann", True), (102.0, b"mallory", True)))
    assert after_s((101.0, b"ann", True), (102.0, b"mallory", True), (103.5, b"cy", True)) == 3.5


def test_two_links_one_after_the_other_are_not_two_at_once():
    gone = (101.0, b"ann", True), (102.0, b"ann", False), (103.0, b"bob", True)
    assert math.isnan(after_s(*gone))
    assert after_s(*gone, (104.0, b"ann", True)) == 4.0


def test_the_first_time_counts_whatever_comes_after():
    up = (101.0, b"ann", True), (102.0, b"bob", True)
    assert after_s(*up, (103.0, b"bob", False)) == 2.0


def test_who_did_not_come_yet_was_not_linked():
    row = first_minutes(Diary(), HONEST)
    assert math.isnan(row["linked_after_s"])
    assert row["newcomer"] is True


def test_addresses_told_are_counted_as_often_as_they_are_told():
    row = first_minutes(Diary(told={b"ann": 2, b"mallory": 3}), HONEST)
    assert (row["told"], row["told_sybil"]) == (5.0, 3.0)


def with_newcomers(*after: float, online: bool = True) -> RunResult:
    n = len(after)
    rows = NODES.table(
        time_s=[200.0] * (n + 1),
        node=range(n + 1),
        role=["honest"] * (n + 1),
        online=[online] * n + [True],
        newcomer=[True] * n + [False],
        linked_after_s=[*after, math.nan],
        told=[8.0] * n + [math.nan],
        told_sybil=[6.0] * n + [math.nan],
        links=[10] * (n + 1),
        links_dialled=[4] * (n + 1),
        sybil_links=[5] * (n + 1),
        sybil_links_dialled=[1] * (n + 1),
    )
    return dataclasses.replace(made_run(), nodes=rows)


def test_never_and_too_late_are_both_not_in_time():
    found = summary(with_newcomers(2.0, 299.0, 301.0, math.nan))
    assert found["newcomers_linked"] == 0.5
    assert found["newcomer_linked_p50_s"] == 299.0
    assert found["newcomer_linked_all_s"] == 301.0


def test_an_attack_on_newcomers_is_measured_by_places_and_words():
    found = summary(with_newcomers(2.0, 3.0))
    assert found["newcomer_told_sybil"] == 0.75
    assert found["newcomer_places_taken"] == pytest.approx(4 / 32)


def test_without_newcomers_nothing_is_said_of_them():
    for run in (made_run(), with_newcomers(2.0, online=False)):
        assert not [name for name in summary(run) if name.startswith("newcomer")]
