"""Generate a community: friends in overlapping circles, shared tastes, a long tail.

For demos and benchmarks that must run without a download. The same arguments give the
same community on any machine.

* **Friends** (after Watts & Strogatz): users sit in circles of about 20 on a ring. Most
  friendships are inside the circle, some reach the next circle (circles overlap), a few
  go anywhere, which makes the world small. All are mutual, as trust of weight 1.
* **Tastes**: every item has one of 16 genres. A circle prefers a few, its members mix
  that with a taste of their own: friends are alike, without being equal.
* **Items**: popularity inside a genre falls as 1 / rank. A third of a user's plays
  goes to niche items that spread by word of mouth inside the circle, which is what a
  friend can tell and a chart cannot.
* **Plays**: users differ log-normally in how much they play, and favourites are played
  much more often than the rest.

Cost: O(interactions · genres), 1 M interactions of 100,000 users in about a second.

Example:
    >>> community = generate(seed=7, users=50, items=200, interactions=600)
    >>> community.n_users, community.n_items, community.n_interactions
    (50, 200, 600)
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from peerrec.errors import ConfigError
from peerrec_sim.community import Community, Interactions, TrustEdges
from peerrec_sim.titles import FAMILIES, title

__all__ = ["generate"]

Int32s = npt.NDArray[np.int32]
Int64s = npt.NDArray[np.int64]
Float64s = npt.NDArray[np.float64]

GENRES = len(FAMILIES)
CIRCLE_USERS = 20
NICHE_ITEMS = 30
"""Items that spread by word of mouth inside one circle."""

INSIDE_SHARE, NEXT_SHARE = 0.7, 0.2
"""Of friendships: inside the circle, to the next one; the rest goes anywhere."""

OWN_TASTE = 0.35
WORD_OF_MOUTH = 0.35
POPULARITY_EXPONENT = 1.0
DAY_S = 86_400.0
SPAN_S = 60 * DAY_S
_ROUNDS_MAX = 30
_CHUNK = 1 << 18


@dataclass(frozen=True, slots=True)
class _World:
    """What interactions are drawn from.

    Attributes:
        circle: of each user.
        taste: cumulative over genres, shape (users, GENRES).
        genre_items: item codes sorted by genre, inside a genre by rank.
        genre_start: first position of each genre in genre_items, shape (GENRES + 1,).
        within: cumulative popularity over genre_items, rising by 1 a genre.
        niche: items that spread in each circle, shape (circles, NICHE_ITEMS).
    """

    circle: Int64s
    taste: Float64s
    genre_items: Int64s
    genre_start: Int64s
    within: Float64s
    niche: Int64s


def generate(
    seed: int = 0,
    users: int = 600,
    items: int = 2000,
    *,
    interactions: int | None = None,
    friends: float = 6.0,
    now: float | None = None,
) -> Community:
    """Return a generated community; raw names are ``user-0042`` and ``item-0042``.

    Args:
        seed: same seed, same community.
        users: number of users, ≥ 2.
        items: number of items, ≥ 1; a few may stay without interaction.
        interactions: distinct (user, item) pairs, at most half of all; None for about
            45 a user.
        friends: friendships that a user proposes on average, ≥ 0; each counts for two.
        now: unix seconds; interactions and friendships get times in the 60 days before.
            None leaves times out.

    Raises:
        ConfigError: a size is not possible; names the argument.
    """
    if interactions is None:
        interactions = min(45 * users, users * items // 4)
    _check(users, items, interactions, friends)
    rng = np.random.default_rng(seed)
    circle = np.arange(users) * max(1, round(users / CIRCLE_USERS)) // users
    trust = _friendships(circle, friends, rng, now)
    world = _world(circle, items, rng)
    plays = _plays(world, users, items, interactions, rng, now)
    names = tuple(f"item-{i:04d}" for i in range(items))
    titles = _titles(world)
    return Community(
        "generated",
        tuple(f"user-{u:04d}" for u in range(users)),
        names,
        plays,
        trust,
        titles=dict(zip(names, titles, strict=True)),
    )


def _check(users: int, items: int, interactions: int, friends: float) -> None:
    """Refuse impossible sizes."""
    if users < 2:
        raise ConfigError("users", users, "generate at least 2 users")
    if items < 1:
        raise ConfigError("items", items, "generate at least 1 item")
    if not 0 <= interactions <= users * items / 2:
        raise ConfigError("interactions", interactions, f"use 0 … {users * items // 2}")
    if not 0 <= friends < np.inf:
        raise ConfigError("friends", friends, "use a finite number ≥ 0")


def _friendships(
    circle: Int64s, friends: float, rng: np.random.Generator, now: float | None
) -> TrustEdges:
    """Return mutual friendships, sorted by who trusts; more sociable users have more."""
    n = len(circle)
    proposals = rng.poisson(friends * rng.gamma(2.0, 0.5, n))
    source = np.repeat(np.arange(n), proposals)
    size = np.bincount(circle)
    start = np.cumsum(size) - size
    kind = rng.random(len(source))
    step = (kind >= INSIDE_SHARE).astype(np.int64)
    near = (circle[source] + step) % len(size)
    target = start[near] + (rng.random(len(source)) * size[near]).astype(np.int64)
    far = kind >= INSIDE_SHARE + NEXT_SHARE
    target[far] = rng.integers(0, n, int(far.sum()))
    kept = source != target
    low, high = np.minimum(source, target)[kept], np.maximum(source, target)[kept]
    pairs = _distinct(low * n + high)
    low, high = pairs // n, pairs % n
    time = None if now is None else now - rng.random(len(pairs)) * SPAN_S
    source, target = np.concatenate([low, high]), np.concatenate([high, low])
    order = np.lexsort((target, source))
    return TrustEdges(
        source[order].astype(np.int32),
        target[order].astype(np.int32),
        np.ones(len(order), np.float32),
        None if time is None else np.concatenate([time, time])[order],
    )


def _world(circle: Int64s, items: int, rng: np.random.Generator) -> _World:
    """Draw genres, popularity, niches and tastes."""
    genre = rng.integers(0, GENRES, items)
    genre_items = np.argsort(genre, kind="stable")
    start = np.searchsorted(genre[genre_items], np.arange(GENRES + 1))
    rank = np.arange(items) - start[genre[genre_items]]
    popularity = (1.0 + rank) ** -POPULARITY_EXPONENT
    total = np.add.reduceat(np.append(popularity, 0.0), np.minimum(start[:-1], items))
    within = np.cumsum(popularity / total[genre[genre_items]])
    circles = int(circle[-1]) + 1
    shared = rng.dirichlet(np.full(GENRES, 0.25), circles)
    own = rng.dirichlet(np.full(GENRES, 0.25), len(circle))
    taste = (1 - OWN_TASTE) * shared[circle] + OWN_TASTE * own
    # Nobody has a taste for a genre without items.
    taste = taste * (np.diff(start) > 0) + 1e-12 * (np.diff(start) > 0)
    cumulative = np.cumsum(taste, axis=1)
    cumulative /= cumulative[:, -1:]
    niche = rng.integers(0, items, (circles, NICHE_ITEMS))
    return _World(circle, cumulative, genre_items, start, within, niche)


def _plays(
    world: _World,
    users: int,
    items: int,
    interactions: int,
    rng: np.random.Generator,
    now: float | None,
) -> Interactions:
    """Draw until there are enough distinct pairs; sorted by user, then item."""
    activity = rng.lognormal(0.0, 0.6, users)
    share = activity / activity.sum()
    keys = np.zeros(0, np.int64)
    for _ in range(_ROUNDS_MAX):
        missing = interactions - len(keys)
        if missing <= 0:
            break
        user = np.repeat(np.arange(users), rng.multinomial(missing + missing // 4, share))
        drawn = _distinct(user * items + _items_for(world, user, rng))
        fresh = np.setdiff1d(drawn, keys, assume_unique=True)
        if len(fresh) > missing:
            fresh = rng.permutation(fresh)[:missing]
        keys = np.sort(np.concatenate([keys, fresh]))
    if len(keys) < interactions:
        keys = _filled(keys, users * items, interactions, rng)
    count = np.ceil(rng.lognormal(1.5, 1.2, len(keys)))
    time = None if now is None else now - np.sort(rng.random(len(keys)))[::-1] * SPAN_S
    shuffled = None if time is None else rng.permutation(time)
    return Interactions.of(keys // items, keys % items, count, shuffled)


def _filled(keys: Int64s, pairs: int, interactions: int, rng: np.random.Generator) -> Int64s:
    """Add pairs at random where tastes alone do not give enough."""
    while len(keys) < interactions:
        more = np.setdiff1d(rng.integers(0, pairs, 2 * (interactions - len(keys)) + 8), keys)
        keys = np.sort(np.concatenate([keys, rng.permutation(more)[: interactions - len(keys)]]))
    return keys


def _distinct(values: Int64s) -> Int64s:
    """Return the distinct values, sorted; np.unique hashes, which is ten times slower here."""
    ordered = np.sort(values)
    kept: Int64s = ordered[np.diff(ordered, prepend=-1) != 0]
    return kept


def _items_for(world: _World, user: Int64s, rng: np.random.Generator) -> Int64s:
    """Draw one item for each user in a column, by taste or by word of mouth."""
    genre = np.empty(len(user), np.int64)
    draw = rng.random(len(user))
    for at in range(0, len(user), _CHUNK):
        part = slice(at, at + _CHUNK)
        genre[part] = (world.taste[user[part]] < draw[part, None]).sum(axis=1)
    genre = np.minimum(genre, GENRES - 1)
    # The cumulative popularity rises by 1 a genre with items; empty genres add nothing.
    base = np.concatenate([[0.0], world.within])[world.genre_start[genre]]
    place = np.searchsorted(world.within, base + rng.random(len(user)))
    last = world.genre_start[genre + 1] - 1
    place = np.clip(place, world.genre_start[genre], np.maximum(last, 0))
    item = world.genre_items[np.minimum(place, len(world.genre_items) - 1)]
    told = rng.random(len(user)) < WORD_OF_MOUTH
    # Squared: the first of a circle's niche items are told much more often than the last.
    nth = (NICHE_ITEMS * rng.random(len(user)) ** 2).astype(np.int64)
    return np.where(told, world.niche[world.circle[user], nth], item)


def _titles(world: _World) -> list[str]:
    """Return a title for each item code; items of a genre have related words."""
    titles = [""] * len(world.genre_items)
    starts = world.genre_start.tolist()
    for genre in range(GENRES):
        for nth, item in enumerate(world.genre_items[starts[genre] : starts[genre + 1]].tolist()):
            titles[item] = title(genre, nth)
    return titles
