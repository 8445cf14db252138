"""Make the store of somebody with friends, friends of friends, and a region of Sybils."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np

from peerrec import Interaction, Recommender, TrustEdge

FRIENDS = ("ann", "ben", "cleo", "dan")
FAR = ("eva", "finn", "gus", "hana", "ivo")
FOOLED = "gus"
SYBILS = tuple(f"sybil-{at:02d}" for at in range(24))
FOE = "max"

TITLES = (
    "Feeling Good", "Sinnerman", "So What", "Blue in Green", "Naima", "Giant Steps",
    "Cheek to Cheek", "Strange Fruit", "Take Five", "A Night in Tunisia", "Round Midnight",
    "My Favorite Things", "Autumn Leaves", "Summertime", "Misty", "Body and Soul",
    "Maiden Voyage", "Footprints", "Watermelon Man", "Moanin’", "Song for My Father",
    "The Sidewinder", "Blue Train", "Four",
)  # fmt: skip


def item_of(title: str) -> str:
    """Return the id of a title."""
    return "track:" + title.lower().replace(" ", "-").replace("’", "")


def fill(store: Path, *, seed: int = 0) -> None:
    """Leave in a new store what the person and those they trust have played."""
    rng = np.random.default_rng(seed)
    items = [item_of(title) for title in TITLES]
    with Recommender.open(store) as me:
        for title, item in zip(TITLES, items, strict=True):
            me.describe(item, title=title)
        played = [("me", item) for item in items[:5]]
        for who in (*FRIENDS, *FAR):
            chosen = rng.choice(len(items), 10, replace=False)
            played += [(who, items[at]) for at in [*chosen.tolist(), int(rng.integers(5))]]
        for who in SYBILS:
            played += [(who, items[0]), (who, "track:buy-this")]
        me.record_many([Interaction(who, item) for who, item in played])
        me.trust_many(edges(time.time()))


def edges(now: float) -> list[TrustEdge]:
    """Return who trusts whom."""
    stated = [("me", who, 1.0 - 0.2 * at) for at, who in enumerate(FRIENDS)]
    stated += [("me", FOE, -0.8), ("ann", FOE, -0.5), ("dan", FOE, 0.4)]
    stated += [("ann", "eva", 0.9), ("ann", "finn", 0.7), ("ben", "eva", 0.4), ("ben", "gus", 0.8)]
    stated += [
        ("cleo", "hana", 0.9),
        ("cleo", "ben", 0.6),
        ("eva", "ivo", 0.8),
        ("dan", "hana", 0.3),
    ]
    stated += [(FOOLED, who, 0.9) for who in SYBILS]
    stated += [(who, SYBILS[(at + 1) % len(SYBILS)], 1.0) for at, who in enumerate(SYBILS)]
    return [TrustEdge(source, target, weight, now) for source, target, weight in stated]
