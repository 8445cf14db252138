"""The generated community: reproducible, sized as asked, and worth recommending in."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from peerrec.errors import ConfigError
from peerrec_sim.community import Community
from peerrec_sim.generator import generate
from peerrec_sim.titles import FAMILIES, title


@pytest.fixture(scope="module")
def community() -> Community:
    return generate(42)


def own(community: Community) -> list[set[int]]:
    items: list[set[int]] = [set() for _ in community.users]
    part = community.interactions
    for user, item in zip(part.user.tolist(), part.item.tolist(), strict=True):
        items[user].add(item)
    return items


def jaccard(first: set[int], second: set[int]) -> float:
    return len(first & second) / max(1, len(first | second))


def test_the_same_seed_gives_the_same_community(community: Community):
    again = generate(42)
    assert again.users == community.users
    assert again.titles == community.titles
    for part in ("user", "item", "weight"):
        first, second = getattr(again.interactions, part), getattr(community.interactions, part)
        assert np.array_equal(first, second)
    assert again.trust is not None
    assert community.trust is not None
    assert np.array_equal(again.trust.target, community.trust.target)
    assert not np.array_equal(generate(43).interactions.item, community.interactions.item)


@settings(deadline=None)
@given(st.integers(0, 99), st.integers(2, 60), st.integers(1, 80), st.floats(0, 1), st.floats(0, 9))
def test_any_size_is_valid_and_exact(
    seed: int, users: int, items: int, fill: float, friends: float
):
    wanted = int(fill * users * items / 2)
    community = generate(seed, users, items, interactions=wanted, friends=friends, now=1e9)
    part, trust = community.interactions, community.trust
    assert (community.n_users, community.n_items, len(part)) == (users, items, wanted)
    keys = part.user.astype(np.int64) * items + part.item
    assert len(np.unique(keys)) == wanted
    assert part.time is not None
    assert (part.weight >= 1).all()
    assert (part.time <= 1e9).all()
    assert trust is not None
    edges = set(zip(trust.source.tolist(), trust.target.tolist(), strict=True))
    assert len(edges) == len(trust)
    assert all((t, s) in edges and s != t for s, t in edges)


def test_friends_share_more_than_strangers(community: Community):
    items, trust = own(community), community.trust
    assert trust is not None
    rng = np.random.default_rng(0)
    friends = [jaccard(items[s], items[t]) for s, t in zip(trust.source, trust.target, strict=True)]
    strangers = [jaccard(items[s], items[t]) for s, t in rng.integers(0, 600, (5000, 2)) if s != t]
    assert np.mean(friends) > 2 * np.mean(strangers)


def test_popularity_has_a_heavy_tail(community: Community):
    listeners = np.sort(np.bincount(community.interactions.item, minlength=community.n_items))
    assert listeners[-20:].sum() > 10 * listeners[:1000].sum() / 50
    assert listeners[-1] > 10 * np.median(listeners)


def test_everybody_has_a_history_and_a_friend(community: Community):
    assert np.bincount(community.interactions.user, minlength=600).min() >= 5
    assert community.trust is not None
    assert np.bincount(community.trust.source, minlength=600).min() >= 1


def test_titles_are_distinct_and_names_are_plain(community: Community):
    assert community.users[42] == "user-0042"
    assert community.items[42] == "item-0042"
    assert len(set(community.titles.values())) == community.n_items
    assert len({word for family in FAMILIES for word in family}) == sum(map(len, FAMILIES))
    assert len({title(genre, nth) for genre in range(16) for nth in range(700)}) == 16 * 700


@pytest.mark.parametrize(
    "sizes",
    [
        {"users": 1},
        {"items": 0},
        {"interactions": -1},
        {"users": 10, "items": 10, "interactions": 51},
        {"friends": -1.0},
        {"friends": float("nan")},
    ],
)
def test_impossible_sizes_are_refused(sizes: dict[str, int]):
    with pytest.raises(ConfigError):
        generate(0, **sizes)


def test_it_scales_to_the_size_of_the_benchmark():
    community = generate(0, 100_000, 20_000, interactions=1_000_000)
    assert (community.n_users, community.n_interactions) == (100_000, 1_000_000)
    assert community.trust is not None
    assert len(community.trust) > 500_000
