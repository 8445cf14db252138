"""Refuse scenarios whose values are possible alone and impossible together.

Example:
    >>> from peerrec_sim.scenario.schema import Links, Scenario
    >>> links = Links(partition_at_s=60.0, heal_at_s=30.0)
    >>> check(Scenario(name="mine", links=links))  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    peerrec.errors.ConfigError: links.heal_at_s: 30.0 is not allowed; it must be after ...
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeAlias

from peerrec.errors import ConfigError
from peerrec_sim.scenario.schema import Scenario

__all__ = ["check"]

Objection: TypeAlias = tuple[str, object, str]
"""Path of a key, its value, what is allowed."""


def check(scenario: Scenario) -> None:
    """Refuse a scenario whose values do not fit each other.

    Raises:
        ConfigError: names the key that is best changed.
    """
    for part in (_people, _newcomers, _times, _topology, _attackers):
        for key, value, allowed in part(scenario):
            raise ConfigError(key, value, allowed)


def _people(scenario: Scenario) -> Iterator[Objection]:
    people = scenario.population
    if people.source == "generated":
        pairs = people.nodes * people.items
        if people.plays_per_node * people.nodes > pairs / 2:
            yield (
                "population.plays_per_node",
                people.plays_per_node,
                f"use at most half of the {people.items:,} items",
            )
    if not scenario.attackers.edges <= people.nodes:
        yield (
            "attackers.edges",
            scenario.attackers.edges,
            f"there are only {people.nodes:,} honest people",
        )


def _newcomers(scenario: Scenario) -> Iterator[Objection]:
    people, key = scenario.population, "population.newcomers"
    if not people.newcomers:
        return
    if scenario.mode == "graph":
        yield key, people.newcomers, "nobody comes or goes in graph mode; say 0"
    if scenario.topology.kind != "open":
        yield key, people.newcomers, "in a fixed network everybody has neighbours; say 0"
    if people.newcomers > people.nodes - 2:
        yield key, people.newcomers, f"at least 2 of the {people.nodes:,} people must be there"
    if people.newcomers_at_s >= scenario.length_s:
        yield (
            "population.newcomers_at_s",
            people.newcomers_at_s,
            f"the run ends after {scenario.length_s:g} s; let them come before",
        )


def _times(scenario: Scenario) -> Iterator[Objection]:
    links, length = scenario.links, scenario.length_s
    if links.heal_at_s and not links.heal_at_s > links.partition_at_s:
        yield (
            "links.heal_at_s",
            links.heal_at_s,
            f"it must be after partition_at_s = {links.partition_at_s:g}, or 0 for never",
        )
    if links.heal_at_s and not links.partition_at_s:
        yield "links.heal_at_s", links.heal_at_s, "say with partition_at_s when parts separate"
    if links.partition_at_s and links.parts > scenario.population.nodes:
        yield "links.parts", links.parts, f"there are only {scenario.population.nodes:,} people"
    if scenario.measures.every_s > length and not scenario.measures.at_end_only:
        yield (
            "measures.every_s",
            scenario.measures.every_s,
            f"the whole run takes {length:g} s; measure more often, or say at_end_only = true",
        )
    if scenario.churn.kind == "none" and scenario.churn.share:
        yield "churn.share", scenario.churn.share, "say with churn.kind how they come and go"


def _topology(scenario: Scenario) -> Iterator[Objection]:
    topology, nodes = scenario.topology, scenario.population.nodes
    generated = topology.kind in ("random", "small-world", "scale-free")
    if generated and topology.degree >= nodes and scenario.mode == "network":
        yield "topology.degree", topology.degree, f"fewer than the {nodes:,} nodes"
    if topology.kind == "friends" and scenario.population.trust == "none":
        yield "topology.kind", "friends", "nobody has friends: population.trust is none"


def _attackers(scenario: Scenario) -> Iterator[Objection]:
    attackers = scenario.attackers
    if len(set(attackers.kinds)) < len(attackers.kinds):
        yield "attackers.kinds", attackers.kinds, "name each attack once"
    if not attackers.kinds:
        if attackers.sybils:
            yield "attackers.sybils", attackers.sybils, "say with attackers.kinds what they do"
        return
    if attackers.start_s >= scenario.length_s and scenario.mode == "network":
        yield (
            "attackers.start_s",
            attackers.start_s,
            f"the run ends after {scenario.length_s:g} s; begin before",
        )
    if attackers.stop_s and not attackers.stop_s > attackers.start_s:
        yield (
            "attackers.stop_s",
            attackers.stop_s,
            f"it must be after start_s = {attackers.start_s:g}, or 0 for never",
        )
