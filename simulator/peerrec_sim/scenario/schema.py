"""Say what a scenario is: typed tables whose ranges and meanings stand at every key.

One class per table of the TOML file. The annotations are the only place where a range or
an explanation is written: the decoder checks them, messages quote them, and the table in
the documents is made of them. What concerns several keys is in
`peerrec_sim.scenario.consistency`.

Example:
    >>> scenario = Scenario(name="mine", population=Population(nodes=50))
    >>> scenario.population.nodes, scenario.topology.kind, scenario.node.signer
    (50, 'open', 'keyed-hash')
"""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from msgspec import Meta, Struct, field

__all__ = [
    "Attackers",
    "Churn",
    "Links",
    "Measures",
    "MeritOptions",
    "NodeOptions",
    "Population",
    "Scenario",
    "Topology",
    "Workload",
]

NODES_MAX = 1_000_000
"""People of the graph mode's largest runs; far beyond what fits as nodes of a network."""

YEAR_S = 31_536_000.0


class Population(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Who takes part, what they like, whom they trust."""

    source: Annotated[
        Literal["generated", "dataset"],
        Meta(description="made up from the seed, or real people of a data set"),
    ] = "generated"
    dataset: Annotated[
        str,
        Meta(min_length=1, description="name or path of the data set, where that is the source"),
    ] = "lastfm-2k"
    nodes: Annotated[
        int,
        Meta(
            ge=2,
            le=NODES_MAX,
            description="honest people; of a larger data set, a seeded draw that keeps friends "
            "together",
        ),
    ] = 100
    items: Annotated[
        int, Meta(ge=1, le=100_000_000, description="items there are, where people are generated")
    ] = 2000
    plays_per_node: Annotated[
        int,
        Meta(ge=1, le=100_000, description="mean length of a history, where people are generated"),
    ] = 45
    trust: Annotated[
        Literal["friends", "none", "ring"],
        Meta(description="friends of the data, nobody, or the two neighbours on a ring"),
    ] = "friends"
    newcomers: Annotated[
        int,
        Meta(
            ge=0,
            le=NODES_MAX,
            description="of the people, the last: they come online during the run for the first "
            "time and stay, and nobody knows them before",
        ),
    ] = 0
    newcomers_at_s: Annotated[
        float, Meta(ge=0.0, le=YEAR_S, description="when they come online")
    ] = 60.0
    newcomers_know: Annotated[
        int,
        Meta(
            ge=1,
            le=768,
            description="honest addresses that each of them has then: of who invited it, a "
            "friend where one can be dialled, and of others by chance",
        ),
    ] = 1


class Topology(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Which addresses a node knows at first, and how many links it has."""

    kind: Annotated[
        Literal["open", "random", "small-world", "scale-free", "friends"],
        Meta(
            description="open: some random addresses, the node's membership does the rest; "
            "else the neighbours in a random regular, Watts–Strogatz or Barabási–Albert "
            "graph or among friends, and no others"
        ),
    ] = "open"
    known: Annotated[
        int, Meta(ge=1, le=768, description="honest addresses known at first, where open")
    ] = 16
    degree: Annotated[
        int, Meta(ge=1, le=1000, description="mean number of neighbours, where generated")
    ] = 8
    dialled: Annotated[int, Meta(ge=1, le=256, description="links that a node dials")] = 8
    incoming: Annotated[int, Meta(ge=0, le=4096, description="links that it lets others dial")] = 32


class Links(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What happens to packets on their way."""

    latency: Annotated[
        Literal["exponential", "lognormal", "constant"],
        Meta(description="distribution of the one-way delay, never below half of latency_s"),
    ] = "exponential"
    latency_s: Annotated[
        float, Meta(ge=0.001, le=60.0, description="mean delay; median where lognormal")
    ] = 0.05
    loss: Annotated[
        float, Meta(ge=0.0, le=0.95, description="share of packets that never arrive")
    ] = 0.0
    duplicate: Annotated[float, Meta(ge=0.0, le=1.0, description="share that arrive twice")] = 0.0
    reorder: Annotated[
        float,
        Meta(ge=0.0, le=1.0, description="share that take up to four times as long"),
    ] = 0.0
    bandwidth_bytes_s: Annotated[
        float,
        Meta(ge=0.0, le=1e12, description="bytes a second out of each node; 0 for no limit"),
    ] = 0.0
    nat_share: Annotated[
        float, Meta(ge=0.0, le=1.0, description="share of honest nodes that cannot be dialled")
    ] = 0.0
    partition_at_s: Annotated[
        float, Meta(ge=0.0, le=YEAR_S, description="when the network falls into parts; 0 for never")
    ] = 0.0
    heal_at_s: Annotated[
        float, Meta(ge=0.0, le=YEAR_S, description="when the parts meet again; 0 for never")
    ] = 0.0
    parts: Annotated[int, Meta(ge=2, le=1000, description="parts it falls into")] = 2


class Churn(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Who goes offline, and for how long; stores survive."""

    kind: Annotated[
        Literal["none", "exponential", "daily"],
        Meta(
            description="never; times drawn exponentially; or the same hours of every period "
            "of online_s + offline_s, each node from its own hour on"
        ),
    ] = "none"
    share: Annotated[
        float, Meta(ge=0.0, le=1.0, description="of honest nodes that come and go")
    ] = 0.0
    online_s: Annotated[float, Meta(ge=1.0, le=YEAR_S, description="mean time online")] = 3600.0
    offline_s: Annotated[float, Meta(ge=1.0, le=YEAR_S, description="mean time offline")] = 3600.0


class Workload(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Who plays what when; the order within each history is the real one where known."""

    before: Annotated[
        float,
        Meta(ge=0.0, le=1.0, description="share of each history that is stored before the start"),
    ] = 0.8
    per_node_s: Annotated[
        float,
        Meta(
            ge=0.0,
            le=YEAR_S,
            description="mean time between two plays of a node; 0 spreads the rest evenly over "
            "the length",
        ),
    ] = 0.0
    public_share: Annotated[
        float, Meta(ge=0.0, le=1.0, description="share of plays that are published")
    ] = 1.0
    private_share: Annotated[
        float,
        Meta(ge=0.0, le=1.0, description="share of honest people who publish nothing at all"),
    ] = 0.0
    hold_out: Annotated[
        Literal["hash", "last"],
        Meta(
            description="the fifth of each history that nobody records and relevance is measured "
            "on: by hash, or the newest"
        ),
    ] = "hash"
    skew_s: Annotated[
        float, Meta(ge=-86_400.0, le=86_400.0, description="how far some clocks are ahead")
    ] = 0.0
    skew_share: Annotated[
        float, Meta(ge=0.0, le=1.0, description="share of honest nodes whose clocks are")
    ] = 0.0


class NodeOptions(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Settings of every honest node."""

    follow_bytes_max: Annotated[
        int,
        Meta(
            ge=65_536, le=1 << 40, description="bytes of other people's segments that a node keeps"
        ),
    ] = 64 << 20
    exploration_share: Annotated[
        float, Meta(ge=0.0, le=0.5, description="part of them for people nobody here trusts yet")
    ] = 0.1
    batch_count: Annotated[
        int, Meta(ge=1, le=256, description="plays that make a segment at once")
    ] = 32
    batch_delay_s: Annotated[
        float,
        Meta(ge=0.0, le=86_400.0, description="seconds after which fewer make one, too"),
    ] = 60.0
    battery_share: Annotated[
        float, Meta(ge=0.0, le=1.0, description="share of honest nodes that run on a battery")
    ] = 0.0
    signer: Annotated[
        Literal["keyed-hash", "ed25519"],
        Meta(
            description="keyed-hash: nobody forges because nobody but the simulator has the "
            "keys, and it is fast; ed25519: as in the daemon"
        ),
    ] = "keyed-hash"
    factors: Annotated[
        bool, Meta(description="whether nodes exchange tables of factors, as the daemon does")
    ] = False
    factor_every_s: Annotated[
        float,
        Meta(ge=1.0, le=864_000.0, description="mean time between exchanges that a node begins"),
    ] = 600.0
    factor_mix_min: Annotated[
        int,
        Meta(
            ge=1,
            le=1_000,
            description="trusted people whose records must be in a table before those of "
            "somebody who publishes nothing are",
        ),
    ] = 50
    factor_private_kept: Annotated[
        float,
        Meta(
            gt=0.0,
            le=1.0,
            description="probability that a table says an item of somebody who publishes "
            "nothing, among as many decoys; 1 says all as it is",
        ),
    ] = 0.25


class MeritOptions(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How each honest person measures merit: to rank, and to choose whose logs to keep."""

    transitivity_decay: Annotated[
        float, Meta(gt=0.0, le=1.0, description="probability that a walk ends before each hop")
    ] = 0.3
    connectivity_decay: Annotated[
        float,
        Meta(ge=0.0, le=1.0, description="part of its merit that a peer behind one bridge loses"),
    ] = 0.5
    walks: Annotated[
        int,
        Meta(
            ge=1,
            le=10_000_000,
            description="random walks of a ranking; to choose logs, at least 100 and at most "
            "100,000",
        ),
    ] = 2000


class Attackers(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Who attacks, with how many identities, from when to when."""

    kinds: Annotated[
        tuple[str, ...],
        Meta(description="attacks that run at once, by name; none in peace"),
    ] = ()
    sybils: Annotated[
        int, Meta(ge=0, le=10_000_000, description="invented identities of each attack")
    ] = 0
    edges: Annotated[
        int, Meta(ge=0, description="honest people who trust one of them: the attack edges")
    ] = 1
    start_s: Annotated[
        float, Meta(ge=0.0, le=YEAR_S, description="when it begins, and the attack edges with it")
    ] = 60.0
    stop_s: Annotated[float, Meta(ge=0.0, le=YEAR_S, description="when it ends; 0 for never")] = 0.0
    strength: Annotated[
        float,
        Meta(
            ge=0.0,
            le=1000.0,
            description="how hard each identity tries; 1 is what the attack's own page says",
        ),
    ] = 1.0
    share: Annotated[
        float,
        Meta(ge=0.0, le=0.95, description="attackers among all users, where the kind is giga"),
    ] = 0.0


class Measures(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What is measured, how often, on how many."""

    every_s: Annotated[
        float, Meta(ge=1.0, le=YEAR_S, description="virtual time between two measurements")
    ] = 60.0
    egos: Annotated[
        int, Meta(ge=1, description="honest people whose lists are computed each time")
    ] = 50
    n: Annotated[int, Meta(ge=1, le=1000, description="length of their lists")] = 20
    at_end_only: Annotated[bool, Meta(description="compute lists at the end only")] = False


Name: TypeAlias = Annotated[
    str,
    Meta(
        pattern=r"^[a-z0-9][a-z0-9-]*\Z",
        max_length=64,
        description="of small letters, digits and hyphens; the file's name by default",
    ),
]


class Scenario(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A whole experiment: the same scenario and seed give the same run, byte for byte.

    Values that do not fit each other are refused by `scenario.consistency.check`, which
    every way of loading a scenario calls.
    """

    name: Name
    description: Annotated[str, Meta(description="what it shows, for a person")] = ""
    mode: Annotated[
        Literal["network", "graph"],
        Meta(
            description="network: nodes exchange packets; graph: merit and ranking on the whole "
            "graph, no packets, up to a million people"
        ),
    ] = "network"
    length_s: Annotated[float, Meta(gt=0.0, le=YEAR_S, description="virtual time that passes")] = (
        600.0
    )
    seed: Annotated[int, Meta(ge=0, le=(1 << 32) - 1, description="of everything random")] = 0
    population: Population = field(default_factory=Population)
    topology: Topology = field(default_factory=Topology)
    links: Links = field(default_factory=Links)
    churn: Churn = field(default_factory=Churn)
    workload: Workload = field(default_factory=Workload)
    node: NodeOptions = field(default_factory=NodeOptions)
    merit: MeritOptions = field(default_factory=MeritOptions)
    attackers: Attackers = field(default_factory=Attackers)
    measures: Measures = field(default_factory=Measures)
