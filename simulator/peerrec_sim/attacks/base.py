"""State what an attack is: invented identities, their profiles, their trust, their targets.

One contract for all: the honest keep their codes, identities are appended behind the
honest users, targets behind the real items. ``k`` honest users fall for the attacker and
trust one of the first identities (the *attack edges*). They are drawn first, so the same
generator names the same honest users whatever the number of identities, and the first k
of them for every smaller k.

Example:
    >>> import numpy as np
    >>> from peerrec_sim.attacks import by_name
    >>> from peerrec_sim.generator import generate
    >>> attacked = by_name("clone").apply(generate(), 1000, 2, np.random.default_rng(0))
    >>> attacked.community.n_users, len(attacked.targets), len(attacked.trusting)
    (1600, 1, 2)
"""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from peerrec.errors import ConfigError
from peerrec_sim.attacks.honest import Honest
from peerrec_sim.attacks.topology import Topology, wire
from peerrec_sim.community import Community, Interactions, TrustEdges

__all__ = ["Attack", "AttackedCommunity", "Profiles"]

Int32s = npt.NDArray[np.int32]
Int64s = npt.NDArray[np.int64]
Float32s = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class AttackedCommunity:
    """A community with an attack in it.

    Attributes:
        community: honest users first, with unchanged codes.
        sybils: int32 user codes of the invented identities.
        targets: int32 item codes that the attack pushes; empty where it only harms.
        trusting: int32 user codes of the honest ends of the attack edges, as drawn.
        victims: int32 user codes, ascending, of the honest users that the attack is
            aimed at or copies; empty where it is aimed at nobody in particular.
    """

    community: Community
    sybils: Int32s
    targets: Int32s
    trusting: Int32s
    victims: Int32s


@dataclass(frozen=True, slots=True)
class Profiles:
    """What the identities claim to have played; the targets are added later.

    Attributes:
        sybil: identity, 0 … N − 1, of each row; ascending.
        item: int32 item code of each row; repetitions are dropped.
        weight: float32 of each row.
        victims: honest users that were copied, in any order.
    """

    sybil: Int64s
    item: Int32s
    weight: Float32s
    victims: Int32s = dataclasses.field(default_factory=lambda: np.zeros(0, np.int32))


@dataclass(frozen=True, kw_only=True)
class Attack(ABC):
    """An attack on the graph.

    Attributes:
        topology: who trusts whom in the region.
        n_targets: new items that every identity pushes; ignored where it only harms.
    """

    name: ClassVar[str]
    summary: ClassVar[str]
    pushes_targets: ClassVar[bool] = True

    topology: Topology = "star"
    n_targets: int = 1

    def __post_init__(self) -> None:
        """Refuse options that mean nothing."""
        wire(self.topology, 1, 1)
        if self.n_targets < 1:
            raise ConfigError("n_targets", self.n_targets, "push at least 1 item")

    @abstractmethod
    def profiles(self, honest: Honest, n_sybils: int, rng: np.random.Generator) -> Profiles:
        """Return what the identities claim to have played, without the targets."""

    def n_entries(self, n_sybils: int, attack_edges: int) -> int:
        """Return how many identities receive attack edges, at least 1."""
        return max(1, min(n_sybils, attack_edges))

    def wiring(
        self, n_sybils: int, attack_edges: int, rng: np.random.Generator
    ) -> tuple[Int32s, Int32s]:
        """Return (source, target) of the trust among identities 0 … N − 1."""
        return wire(self.topology, n_sybils, self.n_entries(n_sybils, attack_edges))

    def distrust(
        self, honest: Honest, n_sybils: int, rng: np.random.Generator
    ) -> tuple[Int32s, Int32s]:
        """Return (identity, honest user) of negative trust; most attacks spread none."""
        return np.zeros(0, np.int32), np.zeros(0, np.int32)

    def apply(
        self,
        community: Community,
        n_sybils: int,
        attack_edges: int,
        rng: np.random.Generator,
    ) -> AttackedCommunity:
        """Return the community with the attack in it.

        A community without trust stays without: there are no attack edges then, and
        nobody is in `trusting`. New rows carry the newest time of the honest ones.

        Args:
            community: the training part, with or without a test part, which is kept.
            n_sybils: N ≥ 0; 0 returns the community as it is.
            attack_edges: k, 0 ≤ k ≤ honest users; edge j leads to entry j mod entries.
            rng: the attacker's dice.

        Raises:
            ConfigError: N or k is out of range.
        """
        _check_sizes(community, n_sybils, attack_edges)
        trusting = rng.permutation(community.n_users)[:attack_edges].astype(np.int32)
        if community.trust is None or n_sybils == 0:
            trusting = trusting[:0]
        if n_sybils == 0:
            nothing = np.zeros(0, np.int32)
            return AttackedCommunity(community, nothing, nothing, trusting, nothing)
        honest = Honest.of(community)
        profiles = self.profiles(honest, n_sybils, rng)
        n_new = self.n_targets if self.pushes_targets else 0
        slandering, slandered = self.distrust(honest, n_sybils, rng)
        grown = dataclasses.replace(
            community,
            users=_with_new(community.users, "sybil", n_sybils),
            items=_with_new(community.items, "promoted", n_new),
            interactions=_pushed(honest, profiles, n_sybils, n_new),
        )
        if community.trust is not None:
            inside = self.wiring(n_sybils, attack_edges, rng)
            entry = np.arange(len(trusting)) % self.n_entries(n_sybils, attack_edges)
            more = _Edges(trusting, entry, *inside, slandering, slandered)
            grown = dataclasses.replace(grown, trust=_more_trust(community, community.trust, more))
        return AttackedCommunity(
            grown,
            np.arange(community.n_users, grown.n_users, dtype=np.int32),
            np.arange(community.n_items, grown.n_items, dtype=np.int32),
            trusting,
            np.unique(np.concatenate([profiles.victims, slandered])).astype(np.int32),
        )


def _check_sizes(community: Community, n_sybils: int, attack_edges: int) -> None:
    """Refuse sizes that are not possible."""
    if n_sybils < 0:
        raise ConfigError("sybils", n_sybils, "use 0 or more identities")
    if not 0 <= attack_edges <= community.n_users:
        allowed = f"use 0 … {community.n_users}, the number of honest users"
        raise ConfigError("attack_edges", attack_edges, allowed)


def _with_new(names: Sequence[str], word: str, n: int) -> tuple[str, ...]:
    """Return the names and n new ones that nobody has yet."""
    taken = set(names)
    fresh = [f"{word}-{i:05d}" for i in range(n)]
    while not taken.isdisjoint(fresh):
        fresh = [f"{name}'" for name in fresh]
    return (*names, *fresh)


def _pushed(honest: Honest, profiles: Profiles, n_sybils: int, n_targets: int) -> Interactions:
    """Append the profiles and, for every identity, all targets at the largest weight."""
    community = honest.community
    n_items = community.n_items + n_targets
    targets = np.arange(community.n_items, n_items)
    sybil = np.concatenate([profiles.sybil, np.repeat(np.arange(n_sybils), n_targets)])
    item = np.concatenate([profiles.item, np.tile(targets, n_sybils)])
    top = np.full(n_sybils * n_targets, honest.weight_max, np.float32)
    weight = np.concatenate([profiles.weight, top])
    key = sybil * max(1, n_items) + item
    order = np.argsort(key, kind="stable")
    order = order[np.diff(key[order], prepend=-1) != 0]
    old = community.interactions
    return Interactions(
        np.concatenate([old.user, (sybil[order] + community.n_users).astype(np.int32)]),
        np.concatenate([old.item, item[order].astype(np.int32)]),
        np.concatenate([old.weight, weight[order]]),
        _extended(old.time, len(order)),
    )


@dataclass(frozen=True, slots=True)
class _Edges:
    """Trust that an attack adds; identities are numbered 0 … N − 1 here."""

    trusting: Int32s
    entry: Int64s
    inside_source: Int32s
    inside_target: Int32s
    slandering: Int32s
    slandered: Int32s


def _more_trust(community: Community, trust: TrustEdges, more: _Edges) -> TrustEdges:
    """Append attack edges, trust inside the region, and slander."""
    n = community.n_users
    sources = [more.trusting, more.inside_source + n, more.slandering + n]
    targets = [more.entry + n, more.inside_target + n, more.slandered]
    weights = [
        np.full(len(part), weight, np.float32)
        for part, weight in zip(sources, (1.0, 1.0, -1.0), strict=True)
    ]
    source = np.concatenate([trust.source, *sources]).astype(np.int32)
    target = np.concatenate([trust.target, *targets]).astype(np.int32)
    time = _extended(trust.time, len(source) - len(trust))
    return TrustEdges(source, target, np.concatenate([trust.weight, *weights]), time)


def _extended(time: npt.NDArray[np.float64] | None, n: int) -> npt.NDArray[np.float64] | None:
    """Return the times with n times the newest behind them."""
    if time is None:
        return None
    return np.concatenate([time, np.full(n, time.max(initial=0.0))])
