"""Give a store the records of people whom its person trusts: what a table begins with."""

from __future__ import annotations

import numpy as np

from peerrec.store import Interaction, Store, TrustEdge

N_PEOPLE = 8


def authors() -> list[bytes]:
    return [bytes([0xA0 + n]) * 32 for n in range(N_PEOPLE)]


def know_people(store: Store, now: float, *, n_items: int = 40) -> list[bytes]:
    """Let a store know eight people of two tastes, the same in every store; return who."""
    rng = np.random.default_rng(8)
    for n, author in enumerate(authors()):
        liked = rng.random(n_items) < np.where(np.arange(n_items) % 2 == n % 2, 0.7, 0.1)
        store.record_many(
            Interaction(author, f"item:{item}", 1.0, now, True) for item in np.flatnonzero(liked)
        )
        store.trust(TrustEdge("me", author, 0.2, now))
    return authors()
