"""Say which addresses a node knows at first: some of all, or its neighbours in a graph.

Example:
    >>> from peerrec_sim.scenario.schema import Topology
    >>> pairs = neighbours(Scenario(name="ring", topology=Topology(kind="small-world",
    ...     degree=2)), None, 5)
    >>> len(pairs), sum(len(each) for each in pairs)
    (5, 5)
"""

from __future__ import annotations

import numpy as np

from peerrec.errors import ConfigError
from peerrec_sim.community import TrustEdges
from peerrec_sim.scenario.schema import Scenario
from peerrec_sim.simulation.chance import Purpose, chance

__all__ = ["known_by_newcomer", "known_first", "neighbours"]

REWIRED = 0.1
"""Of the links of a small world (Watts & Strogatz 1998): enough for short paths."""


def known_first(scenario: Scenario, index: int, dialable: list[int]) -> list[int]:
    """Return whose addresses a node of an open network knows at first."""
    rng = chance(scenario.seed, Purpose.KNOWN, index)
    others = [each for each in dialable if each != index]
    n = min(scenario.topology.known, len(others))
    return [others[at] for at in rng.choice(len(others), n, replace=False).tolist()]


def known_by_newcomer(
    scenario: Scenario, index: int, dialable: list[int], friends: list[int]
) -> list[int]:
    """Return whose addresses somebody who is invited knows: first the one who invites.

    Args:
        scenario: says how many.
        index: of the newcomer.
        dialable: nodes that are there already and can be dialled.
        friends: whom it trusts; one of them invites it if there is one in ``dialable``.
    """
    rng = chance(scenario.seed, Purpose.KNOWN, index)
    others = [dialable[at] for at in rng.permutation(len(dialable)).tolist()]
    others.sort(key=lambda each: each not in friends)
    first, rest = others[:1], others[1:]
    drawn = rng.permutation(len(rest)).tolist()[: scenario.population.newcomers_know - 1]
    return first + [rest[at] for at in drawn]


def neighbours(scenario: Scenario, trust: TrustEdges | None, n: int) -> list[list[int]]:
    """Return whom each of n nodes dials in a fixed network: every link once.

    Raises:
        ConfigError: there is no such network of so many nodes.
    """
    pairs = _friends(trust) if scenario.topology.kind == "friends" else _drawn(scenario, n)
    dials: list[list[int]] = [[] for _ in range(n)]
    for a, b in sorted({(min(pair), max(pair)) for pair in pairs if pair[0] != pair[1]}):
        # Alternating, so that nobody dials all its links and nobody none.
        source, target = (a, b) if (a + b) % 2 else (b, a)
        dials[source].append(target)
    return dials


def _friends(trust: TrustEdges | None) -> list[tuple[int, int]]:
    if trust is None or not len(trust):
        raise ConfigError("topology.kind", "friends", "a population in which people trust people")
    return list(zip(trust.source.tolist(), trust.target.tolist(), strict=True))


def _drawn(scenario: Scenario, n: int) -> list[tuple[int, int]]:
    import networkx

    topology = scenario.topology
    seed = np.random.RandomState(int(chance(scenario.seed, Purpose.TOPOLOGY).integers(1 << 32)))
    degree = min(topology.degree, n - 1)
    if topology.kind == "random":
        graph = networkx.random_regular_graph(degree - degree * n % 2, n, seed)
    elif topology.kind == "small-world":
        graph = networkx.watts_strogatz_graph(n, degree, REWIRED, seed)
    else:
        graph = networkx.barabasi_albert_graph(n, min(max(degree // 2, 1), n - 1), seed)
    return [(int(a), int(b)) for a, b in graph.edges]
