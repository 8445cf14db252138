"""Tell how much memory and time a scenario takes before it starts.

A rough model whose constants were measured on one core; right within a factor of about
two, which is what it takes to refuse a run that cannot fit. A network costs:

* memory: a base, what each node holds while idle, and what it holds for every segment in
  its store: all that is published as far as `node.follow_bytes_max` goes;
* events: timers and keep-alive of each node, sessions of its links, and every segment's
  way to each node, announcements included.

A graph costs memory and time by people and interactions.

Expected, and measured with seed 0: `sybil-flood` 613,000 events, 0.58 GiB (658,000, 0.55 GiB);
`lastfm-friends` with the batches of other scenarios 359,000, 0.44 GiB (355,000, 0.28 GiB).

Example:
    >>> from peerrec_sim.scenario.loading import load
    >>> small, large = estimate(load("quiet")), estimate(load("quiet", ["nodes=5000"]))
    >>> small.memory_bytes < large.memory_bytes, small.seconds < large.seconds
    (True, True)
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from peerrec.errors import ConfigError
from peerrec_sim.attackers.plan import SYBIL_STORE_BYTES
from peerrec_sim.scenario import machine
from peerrec_sim.scenario.schema import Scenario

__all__ = ["Estimate", "estimate", "in_gib", "refuse_what_does_not_fit", "sybils"]

BASE_BYTES = 100 << 20
"""Interpreter, numpy, scipy and the library: measured 80 to 130 MiB."""

NODE_BYTES = 100 << 10
"""A node with its store, its links and nothing in it."""

SEGMENT_BYTES = 3_000
"""A segment in a store, with its place in the log and what links know of it; measured 2 to 3 KB."""

STORED_PLAY_BYTES = 300
"""A play in a store: the rows and objects made of it."""

WIRE_PLAY_BYTES = 24
"""A play's share of the frame of its segment: what `follow_bytes_max` counts."""

WIRE_SEGMENT_BYTES = 200
"""Header and signature of a segment."""

SYBIL_FILLED = 0.5
"""Part of what an invented identity may keep that it does keep: it has places for few."""

IDLE_EVENTS_S = 1.3
"""Events a second of a node when nothing is published: timers, pings, sessions."""

SEGMENT_EVENTS = 4.0
"""Events for each node that a segment reaches: announcements, requests and pushes."""

EVENTS_PER_S = 4_000.0
"""Events that one core handles in a second; measured 2,400 to 4,000 on two busy cores."""

EGO_S = 0.03
"""Seconds to compute one ego's list, for each thousand stored segments of the ego."""

SHARD_GAIN = 0.8
"""Part of a second core's time that is not spent waiting for the first."""

HANDED_BYTES = 120
"""Of the community, for each interaction: read, split and handed to nodes."""

GRAPH_PAIR_BYTES = 120
"""An interaction in graph mode: both directions, weights and what is made on the way."""

GRAPH_USER_BYTES = 400
"""A user in graph mode, with trust edges."""

GRAPH_PAIRS_S = 2e6
"""Interactions that a second of graph mode sets up."""

GRAPH_EGO_S = 0.005
"""Seconds of one ego in graph mode, and again for each million interactions."""

GRAPH_WALK_S = 4e-6
"""Seconds of one random walk in graph mode; measured 2 to 6 µs."""

DATASET_PLAYS = 50
"""Mean length of a history where a data set brings it; exact enough for a factor of two."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a run takes, about.

    Attributes:
        nodes: honest and invented ones.
        segments: signed segments that all of them publish.
        events: events of the loop; 0 in graph mode.
        memory_bytes: of all processes together.
        seconds: on a machine of today.
        free_bytes: what this machine has left.
    """

    nodes: int
    segments: int
    events: int
    memory_bytes: int
    seconds: float
    free_bytes: int

    @property
    def fits(self) -> bool:
        """Whether the machine has as much memory."""
        return self.memory_bytes <= self.free_bytes


def estimate(scenario: Scenario, shards: int = 1) -> Estimate:
    """Return about how much a run takes.

    Args:
        scenario: what is to be run.
        shards: processes that share the nodes.
    """
    if scenario.mode == "graph":
        return _graph(scenario)
    return _network(scenario, shards)


def refuse_what_does_not_fit(scenario: Scenario, expected: Estimate) -> None:
    """Refuse a run for which the machine has too little memory.

    Raises:
        ConfigError: says how much is needed, how much is there, and what to change.
    """
    if expected.fits:
        return
    key, value = "population.nodes", scenario.population.nodes
    if sybils(scenario) > value:
        key, value = "attackers.sybils", scenario.attackers.sybils
    raise ConfigError(
        key,
        value,
        f"the run would take about {in_gib(expected.memory_bytes)} of memory and the machine has "
        f"{in_gib(expected.free_bytes)} free; use fewer, or --force",
    )


def in_gib(size: float) -> str:
    """Return a size in words."""
    gib = size / (1 << 30)
    return f"{gib:,.0f} GiB" if gib >= 10 else f"{gib:.1f} GiB"


def sybils(scenario: Scenario) -> int:
    """Return how many identities the attacks invent together."""
    attackers = scenario.attackers
    each = [attackers.sybils] * len(attackers.kinds)
    if attackers.share and "giga" in attackers.kinds:
        share = attackers.share / (1.0 - attackers.share)
        each[attackers.kinds.index("giga")] = round(scenario.population.nodes * share)
    return sum(each)


def _plays(scenario: Scenario) -> float:
    """Return the mean number of plays that a node publishes: before the start, and in all."""
    people = scenario.population
    mean = people.plays_per_node if people.source == "generated" else DATASET_PLAYS
    return mean * 0.8 * scenario.workload.public_share


def _segments_of_one(scenario: Scenario) -> float:
    """Return how many segments an honest node publishes by the end."""
    workload, node = scenario.workload, scenario.node
    plays = _plays(scenario)
    stored = plays * workload.before
    gap = workload.per_node_s or scenario.length_s / max(plays - stored, 1.0)
    fresh = min(plays - stored, scenario.length_s / gap)
    together = min(max(1.0, node.batch_delay_s / gap), node.batch_count)
    return 2.0 + math.ceil(stored / node.batch_count) + fresh / together


def _network(scenario: Scenario, shards: int) -> Estimate:
    """Return what a network of nodes takes."""
    honest, invented = scenario.population.nodes, sybils(scenario)
    nodes = honest + invented
    each, plays = _segments_of_one(scenario), _plays(scenario)
    segments = each * honest
    # Identities without merit are hardly kept; they themselves keep little, whatever is allowed.
    wire = max(segments * WIRE_SEGMENT_BYTES + plays * honest * WIRE_PLAY_BYTES, 1.0)
    held = min(1.0, scenario.node.follow_bytes_max / wire)
    held_by_sybil = min(1.0, SYBIL_FILLED * SYBIL_STORE_BYTES / wire)
    copies = held * honest + held_by_sybil * invented
    stored = copies * (segments * SEGMENT_BYTES + plays * honest * STORED_PLAY_BYTES)
    memory = BASE_BYTES * shards + nodes * NODE_BYTES + stored
    memory += plays * nodes * HANDED_BYTES
    events = nodes * scenario.length_s * IDLE_EVENTS_S + copies * segments * SEGMENT_EVENTS
    points = 1.0 if scenario.measures.at_end_only else scenario.length_s / scenario.measures.every_s
    egos = min(scenario.measures.egos, honest)
    lists = math.ceil(points) * egos * EGO_S * (1.0 + held * segments / 1_000.0)
    at_once = 1.0 + SHARD_GAIN * (min(shards, machine.cores()) - 1)
    seconds = (events / EVENTS_PER_S + lists) / at_once
    return Estimate(
        nodes,
        round(each * nodes),
        round(events),
        round(memory),
        seconds,
        machine.free_memory_bytes(),
    )


def _graph(scenario: Scenario) -> Estimate:
    """Return what merit and ranking on the whole graph take."""
    people = scenario.population
    mean = people.plays_per_node if people.source == "generated" else DATASET_PLAYS
    users = people.nodes + sybils(scenario)
    pairs = users * float(mean)
    memory = BASE_BYTES + pairs * GRAPH_PAIR_BYTES + users * GRAPH_USER_BYTES
    kinds = max(1, len(scenario.attackers.kinds))
    decades = 2 + math.ceil(math.log10(1 + sybils(scenario)))
    looks = kinds * decades * min(scenario.measures.egos, people.nodes)
    each = GRAPH_EGO_S * (1.0 + pairs / 1e6) + GRAPH_WALK_S * scenario.merit.walks
    seconds = kinds * pairs / GRAPH_PAIRS_S + looks * each
    return Estimate(users, 0, 0, round(memory), seconds, machine.free_memory_bytes())
