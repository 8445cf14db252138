"""Give a community its bootstrap list: the peers an app or an invite brings along.

Drawn once, before any attacker arrives, among members whom the community knows. Some of
them may later fall for an attacker like anybody else.

Example:
    >>> from peerrec_sim.generator import generate
    >>> community = with_bootstrap(generate(seed=1, users=100, items=50), seed=0)
    >>> len(community.bootstrap)
    20
"""

from __future__ import annotations

import dataclasses

import numpy as np

from peerrec_sim.community import Community

__all__ = ["with_bootstrap"]

LIST_LENGTH = 20

FRIENDS_MIN = 5
"""A bootstrap peer is somebody the community knows: it trusts at least so many."""


def with_bootstrap(community: Community, seed: int) -> Community:
    """Return the community with a bootstrap list; unchanged where it has one or no trust."""
    if community.bootstrap or community.trust is None:
        return community
    trusts = np.bincount(community.trust.source, minlength=community.n_users)
    known = np.flatnonzero(trusts >= FRIENDS_MIN)
    rng = np.random.default_rng([seed, 1])
    peers = np.sort(rng.choice(known, min(LIST_LENGTH, len(known)), replace=False))
    return dataclasses.replace(community, bootstrap=tuple(peers.tolist()))
