"""Splits: reproducible from names alone, complete, and without leaks."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from peerrec.errors import ConfigError, DataError
from peerrec_sim.community import Community, Interactions
from peerrec_sim.datasets import load
from peerrec_sim.generator import generate
from peerrec_sim.splits import hash_8_1_1, holdout, split


def pairs(part: Interactions | None) -> set[tuple[int, int]]:
    assert part is not None
    return set(zip(part.user.tolist(), part.item.tolist(), strict=True))


def slot(user: str, item: str, salt: int = 1) -> int:
    digest = hashlib.sha256(f"{salt}:{user}:{item}".encode("ascii")).digest()
    return int.from_bytes(digest[:4], "big")


def timed(users: list[int], items: list[int], times: list[float]) -> Community:
    names = tuple(map(str, range(100)))
    return Community("timed", names, names, Interactions.of(users, items, None, times))


def test_the_hash_split_is_the_documented_one():
    community = generate(2, 40, 90, interactions=700)
    parts = split(community)
    expected = {
        (u, i)
        for u, i in pairs(community.interactions)
        if slot(community.users[u], community.items[i]) % 5 == 0
    }
    assert pairs(parts.test) == expected
    assert pairs(parts.interactions) == pairs(community.interactions) - expected


def test_hash_8_1_1_has_three_parts():
    community = generate(2, 40, 90, interactions=700)
    parts = hash_8_1_1(community)
    slots = {
        (u, i): slot(community.users[u], community.items[i]) % 10
        for u, i in pairs(community.interactions)
    }
    assert pairs(parts.community.test) == {pair for pair, s in slots.items() if s == 0}
    assert pairs(parts.validation) == {pair for pair, s in slots.items() if s == 1}
    assert pairs(parts.community.interactions) == {pair for pair, s in slots.items() if s > 1}


@settings(deadline=None)
@given(st.permutations(range(60)), st.sampled_from(["hash", "hash-8:1:1", "time"]))
def test_a_split_does_not_depend_on_the_order_of_rows(order: list[int], kind: str):
    community = generate(4, 10, 40, interactions=60, now=1e9)
    part = community.interactions.take(np.array(order))
    shuffled = Community(community.name, community.users, community.items, part)
    first, second = split(community, kind), split(shuffled, kind)  # type: ignore[arg-type]
    assert pairs(first.test) == pairs(second.test)
    assert pairs(first.interactions) == pairs(second.interactions)


@settings(deadline=None)
@given(st.integers(0, 1000), st.sampled_from(["hash", "time"]))
def test_parts_are_disjoint_and_complete(seed: int, kind: str):
    community = generate(seed, 10, 40, interactions=90, now=1e9)
    parts = split(community, kind)  # type: ignore[arg-type]
    train, test = pairs(parts.interactions), pairs(parts.test)
    assert not train & test
    assert train | test == pairs(community.interactions)


def test_auto_takes_the_shipped_split_and_else_hashes():
    plain = generate(2, 40, 90, interactions=700)
    shipped = split(plain, "hash")
    assert split(shipped) is shipped
    assert split(shipped, "shipped") is shipped
    assert pairs(split(plain).test) == pairs(shipped.test)


def test_another_split_puts_a_shipped_test_part_back_first():
    plain = generate(2, 40, 90, interactions=700, now=1e9)
    for kind in ("hash", "time"):
        again = split(split(plain, "hash"), kind)  # type: ignore[arg-type]
        assert pairs(again.test) == pairs(split(plain, kind).test)  # type: ignore[arg-type]
        assert len(again.interactions) + len(again.test or ()) == 700


def test_the_time_split_takes_the_newest_fifth_of_each_user():
    community = timed([0] * 10 + [1] * 4, [*range(10), *range(4)], [9, 8, *range(8), 5, 5, 5, 5])
    assert pairs(split(community, "time").test) == {(0, 0), (0, 1)}


def test_ties_in_time_are_broken_by_item():
    community = timed([0] * 5, [3, 9, 1, 7, 5], [2.0] * 5)
    assert pairs(split(community, "time").test) == {(0, 9)}


def test_a_time_split_without_times_is_refused():
    with pytest.raises(DataError, match="no time"):
        split(generate(2, 40, 90, interactions=700), "time")


def test_splits_that_cannot_be_are_refused():
    community = generate(2, 40, 90, interactions=700)
    with pytest.raises(ConfigError, match="use one of auto"):
        split(community, "random")  # type: ignore[arg-type]
    with pytest.raises(DataError, match="ships no test part"):
        split(community, "shipped")
    with pytest.raises(DataError, match="no interaction"):
        split(generate(2, 40, 90, interactions=0))


def test_a_holdout_never_sees_the_test_part():
    parts = split(generate(2, 40, 90, interactions=700))
    held = holdout(parts, 0.2)
    assert pairs(held.interactions) | pairs(held.test) == pairs(parts.interactions)
    assert not pairs(held.interactions) & pairs(held.test)
    assert not pairs(held.test) & pairs(parts.test)


def test_a_holdout_has_about_its_share_and_salts_draw_independently():
    community = generate(2, 600, 2000)
    first, second = holdout(community, 0.1, 2), holdout(community, 0.1, 3)
    assert len(pairs(first.test)) == pytest.approx(2700, rel=0.1)
    common = len(pairs(first.test) & pairs(second.test))
    assert common == pytest.approx(270, rel=0.35)


def test_a_holdout_can_be_limited_to_users():
    community = generate(2, 40, 90, interactions=700)
    held = holdout(community, 0.3, users=[3, 7])
    assert {user for user, _ in pairs(held.test)} == {3, 7}
    everybody = pairs(holdout(community, 0.3).test)
    assert pairs(held.test) == {pair for pair in everybody if pair[0] in (3, 7)}


@settings(deadline=None)
@given(st.integers(0, 200), st.floats(0.01, 0.99))
def test_a_holdout_leaves_every_user_some_history(seed: int, share: float):
    community = generate(seed, 12, 40, interactions=40)
    left = {user for user, _ in pairs(holdout(community, share).interactions)}
    assert left == {user for user, _ in pairs(community.interactions)}


@pytest.mark.parametrize("share", [0, 1, -0.5, float("nan")])
def test_a_holdout_of_nothing_or_all_is_refused(share: float):
    with pytest.raises(ConfigError, match="share"):
        holdout(generate(2, 10, 20), share)


def test_a_holdout_with_the_salt_of_the_test_split_is_refused():
    with pytest.raises(ConfigError, match="salt"):
        holdout(generate(2, 10, 20), 0.2, salt=1)


@pytest.mark.data
def test_shipped_splits_are_kept(data_folder: Path):
    parts = split(load("lastfm-2k/split_lightgcn", data_folder))
    assert parts.test is not None
    assert (parts.n_interactions, len(parts.test)) == (42_135, 10_533)


@pytest.mark.data
def test_lastfm_by_hash_has_a_fifth_held_out(data_folder: Path):
    parts = split(load("lastfm-2k", data_folder))
    assert parts.test is not None
    assert (parts.n_interactions, len(parts.test)) == (74_362, 18_472)
