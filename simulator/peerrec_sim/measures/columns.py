"""Say what every table of a run holds; `docs/measures.md` is made of this.

Example:
    >>> NODES.columns[0].name, len(message_types())
    ('time_s', 17)
"""

from __future__ import annotations

from peerrec.protocol.messages import Type
from peerrec.protocol.segment import Kind
from peerrec_sim.measures.table import Column, Schema

__all__ = [
    "CURVE",
    "DELIVERIES",
    "HONEST",
    "NODES",
    "ORACLE",
    "OTHER",
    "SCHEMAS",
    "message_types",
]

HONEST = "honest"
"""The role of who follows the rules; every other role is the kind of an attack."""

OTHER = "other"
"""Bytes that are no message of the protocol: attackers send such."""


def message_types() -> tuple[str, ...]:
    """Return the names under which bytes are counted, in the order of their numbers."""
    return (*(each.name.lower() for each in Type), OTHER)


_TRAFFIC = tuple(
    Column(f"bytes_{way}_{kind}", "i8", f"bytes of {kind.upper()} {verb} since the start")
    for way, verb in (("in", "received"), ("out", "sent"))
    for kind in message_types()
)

NODES = Schema(
    "nodes",
    "One row per measurement and node. Figures of lists and merit are known for the measured "
    "egos alone (NaN elsewhere); an ego is an honest person whose list is computed. Of attackers "
    "only traffic is known: everything from segments to links is what honest nodes hold.",
    (
        Column("time_s", "f8", "virtual seconds since the start"),
        Column("node", "i4", "index of the node; honest ones come first"),
        Column("role", "<U24", "honest, or the kind of attack that it belongs to"),
        Column("online", "?", "whether it takes part at that moment"),
        Column("private", "?", "an honest person who publishes nothing"),
        Column("attack_edge", "?", "an honest person who trusts, or was made to trust, a sybil"),
        Column("ndcg", "f8", "NDCG at the list's length, on what was held out"),
        Column("recall", "f8", "share of the held-out items on the list"),
        Column("list_length", "f8", "places of the list that are filled"),
        Column("target_hits", "f8", "items on the list that an attacker promotes"),
        Column(
            "walk_target_hits",
            "f8",
            "the same of the list by the walk alone, where a factor table is mixed into it",
        ),
        Column("merit_mass_sybil", "f8", "share of the ego's merit that sybils have"),
        Column("merit_peers", "f8", "peers with merit, as the ego sees it"),
        Column("honest_flagged", "f8", "share of honest peers reached that the ego flags wrongly"),
        Column("sybil_flagged", "f8", "share of sybils reached that the ego flags"),
        Column("segments", "i4", "signed segments held, own ones included"),
        Column("own_segments", "i4", "of them, those the node signed itself"),
        Column("own_segment_bytes", "i8", "bytes of those"),
        Column(
            "missing_segments",
            "f8",
            "what an ego lacks of the authors it follows: segments that they signed and it does "
            "not hold; authors that its byte budget does not hold whole are left out",
        ),
        Column("segment_bytes", "i8", "bytes of the segments held"),
        Column("store_bytes", "i8", "bytes of the whole store as it reckons itself"),
        Column(
            "memory_bytes",
            "f8",
            "memory of node and store as if alone in its process; of some nodes, at the end",
        ),
        Column("followed", "i4", "authors followed for their merit"),
        Column("strangers", "i4", "authors followed for exploration"),
        Column("forks", "i4", "logs known to have forked"),
        Column("links", "i4", "links at that moment"),
        Column("links_dialled", "i4", "of them, those the node dialled"),
        Column("sybil_links", "i4", "links to sybils"),
        Column("sybil_links_dialled", "i4", "of them, those the node dialled"),
        Column("newcomer", "?", "an honest person who came, or will come, online during the run"),
        Column(
            "linked_after_s",
            "f8",
            "of a newcomer: seconds from coming online until it had two links at once that it had "
            "dialled to honest nodes, to the event; NaN where it never had",
        ),
        Column("told", "f8", "of a newcomer: addresses that peer exchange told it so far"),
        Column("told_sybil", "f8", "of them, those of sybils"),
        Column(
            "factor_exchanges",
            "i4",
            "exchanges of factor tables completed since the node came online",
        ),
        Column("factor_version", "i4", "factor tables served so far; 0 while lists go without"),
        Column("factor_bytes", "i8", "bytes of TABLE sent since the start"),
        Column(
            "own_items_told",
            "f8",
            "of an ego: items that its tables say of itself, true ones and decoys; NaN before "
            "there was a table; between two averagings this and what follows is the last known",
        ),
        Column(
            "inferred_auc",
            "f8",
            "of an ego of whom something is told: how well a partner who knows all other records "
            "in its table tells the ego's items from others as popular, by the first table of an "
            "epoch; .5 is chance",
        ),
        Column("inferred_tpr", "f8", "of these, the rate of true positives at 1 % false ones"),
        Column("inferred_mixed_auc", "f8", "the same AUC by a table averaged with others' since"),
        *_TRAFFIC,
    ),
)

DELIVERIES = Schema(
    "deliveries",
    "One row per segment and honest node that got it from the network.",
    (
        Column("published_at_s", "f8", "virtual seconds at which its author signed it"),
        Column("delivered_at_s", "f8", "virtual seconds at which the receiver had stored it"),
        Column("author", "i4", "index of the author's node"),
        Column("receiver", "i4", "index of the receiver's node"),
        Column(
            "kind",
            "i1",
            "what it says: " + ", ".join(f"{kind.value} {kind.name.lower()}" for kind in Kind),
        ),
    ),
)

ORACLE = Schema(
    "oracle",
    "One row per ego: the same ranker with everything that honest people ever publish in the run.",
    (
        Column("node", "i4", "index of the ego's node"),
        Column("ndcg", "f8", "NDCG at the list's length, on what was held out"),
        Column("recall", "f8", "share of the held-out items on the list"),
        Column("list_length", "f8", "places of the list that are filled"),
    ),
)

CURVE = Schema(
    "curve",
    "One row per ranker, attack and size of the attack; of runs in graph mode.",
    (
        Column("ranker", "<U32", "whose merit and lists they are"),
        Column("attack", "<U32", "kind of the attack"),
        Column("edges", "i4", "honest people who trust one of the sybils"),
        Column("sybils", "i4", "invented identities"),
        Column("mass", "f8", "mean share of merit (or of score) in the sybils' hands"),
        Column("mass_low", "f8", "lower end of the 95 % interval of mass over egos"),
        Column("mass_high", "f8", "upper end of it"),
        Column("gain", "f8", "mass ÷ mass without any invented identity"),
        Column("target_hit", "f8", "share of honest lists with a promoted item"),
        Column("ndcg", "f8", "mean NDCG of honest egos"),
        Column("false_flags", "f8", "mean share of honest peers flagged"),
    ),
)

SCHEMAS = (NODES, DELIVERIES, ORACLE, CURVE)
"""All tables, in the order in which reports name them."""
