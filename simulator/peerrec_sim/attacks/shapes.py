"""Attack through the shape of the trust graph: serial, parallel, cycle, colluders, giga.

Serial, parallel and cycle are the three shapes of MeritRank (Nasrulin, Ishmaev and
Pouwelse 2022): one identity receives all attack edges, the others hang behind it.
Colluders enter at several points that all lead to everybody, so that no identity is
reached through one other only and connectivity decay sees nothing. Giga (Madhwal and
Pouwelse 2023) is many attackers at once.

Profiles: the target and the most popular items, as many as honest users have.

Example:
    >>> from peerrec_sim.attacks import by_name
    >>> by_name("serial").topology, by_name("parallel").topology
    ('chain', 'fan')
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from peerrec.errors import ConfigError
from peerrec_sim.attacks.base import Attack, Profiles
from peerrec_sim.attacks.fillers import same
from peerrec_sim.attacks.honest import Honest
from peerrec_sim.attacks.topology import Topology, wire

__all__ = ["Colluders", "Cycle", "Giga", "Parallel", "Serial", "giga_sybils"]

Int32s = npt.NDArray[np.int32]


@dataclass(frozen=True, kw_only=True)
class PopularProfiles(Attack):
    """An attack whose identities pose as fans of what everybody has."""

    def profiles(self, honest: Honest, n_sybils: int, rng: np.random.Generator) -> Profiles:
        """Return the most popular items for every identity."""
        sybil, item = same(honest.by_popularity[: honest.usual_size], n_sybils)
        return Profiles(sybil, item, np.full(len(item), honest.weight_max, np.float32))


@dataclass(frozen=True, kw_only=True)
class OneEntry(PopularProfiles):
    """All attack edges lead to one identity, as in the paper."""

    def n_entries(self, n_sybils: int, attack_edges: int) -> int:
        """Return 1."""
        return 1


@dataclass(frozen=True, kw_only=True)
class Serial(OneEntry):
    """A chain of identities."""

    name = "serial"
    summary = "a chain of identities behind one entry (MeritRank)"
    topology: Topology = "chain"


@dataclass(frozen=True, kw_only=True)
class Parallel(OneEntry):
    """One identity that trusts all others."""

    name = "parallel"
    summary = "one entry trusts all other identities (MeritRank)"
    topology: Topology = "fan"


@dataclass(frozen=True, kw_only=True)
class Cycle(OneEntry):
    """A chain that comes back to its entry."""

    name = "cycle"
    summary = "a ring of identities through one entry (MeritRank)"
    topology: Topology = "cycle"


@dataclass(frozen=True, kw_only=True)
class Colluders(PopularProfiles):
    """Two or more entries into one region.

    There is one entry per attack edge, and two even for a single edge, as the first
    entry then trusts the second.
    """

    name = "colluders"
    summary = "several entries, all leading to all identities: no single bridge to see"

    def n_entries(self, n_sybils: int, attack_edges: int) -> int:
        """Return one per attack edge, at least two where there are two identities."""
        return min(n_sybils, max(2, attack_edges))


@dataclass(frozen=True, kw_only=True)
class Giga(PopularProfiles):
    """Many attackers at once, one region per attack edge.

    Regions are chains, fans and cycles in turn, and of equal size; all push the same
    targets. See :func:`giga_sybils` for the size.
    """

    name = "giga"
    summary = "one region per attack edge: serial, parallel and cycle in turn"

    def wiring(
        self, n_sybils: int, attack_edges: int, rng: np.random.Generator
    ) -> tuple[Int32s, Int32s]:
        """Return one region per entry; identity i belongs to region i mod regions."""
        regions = self.n_entries(n_sybils, attack_edges)
        shapes: tuple[Topology, ...] = ("chain", "fan", "cycle")
        sources, targets = [], []
        for region in range(regions):
            size = len(range(region, n_sybils, regions))
            source, target = wire(shapes[region % len(shapes)], size, 1)
            sources.append(source * regions + region)
            targets.append(target * regions + region)
        return np.concatenate(sources), np.concatenate(targets)


def giga_sybils(n_honest: int, share: float) -> int:
    """Return how many identities make up a share of all users.

    Args:
        n_honest: honest users.
        share: 0 … 0.9 of all users, honest and invented.

    Raises:
        ConfigError: the share is out of range.
    """
    if not 0 <= share <= 0.9:
        raise ConfigError("share", share, "use 0 … 0.9 of all users")
    return round(n_honest * share / (1 - share))
