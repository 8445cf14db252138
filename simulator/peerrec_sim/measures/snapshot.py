"""Measure all participants of a shard at one moment of virtual time.

An `Observation` says what is measured and is the same for all shards; each shard keeps
an `Observer` made of it, and `assembled` makes tables of what all of them brought.
Measuring changes nothing in a node and draws nothing from its chance.

Example:
    >>> from peerrec_sim.scenario.schema import Scenario
    >>> observation = Observation(honest=(bytes(32),), egos={}, options=EgoOptions())
    >>> snapshot = Observer(observation).snapshot([], now=60.0)
    >>> nodes, deliveries = assembled([snapshot])
    >>> len(nodes), len(deliveries)
    (0, 0)
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from peerrec.node import Node
from peerrec.protocol.identity import Ed25519Verifier, KeyedHashVerifier
from peerrec.protocol.messages import Type
from peerrec.store import RawId, SegmentColumns, Store
from peerrec.store.served_table import served_version
from peerrec_sim.community import Community
from peerrec_sim.measures.columns import HONEST, NODES, OTHER
from peerrec_sim.measures.deliveries import Arrivals, arrivals_since, joined
from peerrec_sim.measures.egos import ME, Ego, EgoOptions, choose_egos
from peerrec_sim.measures.inference import inferred
from peerrec_sim.measures.newcomers import Diary, first_minutes
from peerrec_sim.measures.table import Table
from peerrec_sim.measures.weight import weigh
from peerrec_sim.scenario.schema import Scenario

__all__ = ["Observation", "Observed", "Observer", "Snapshot", "assembled", "held_out_of"]

WEIGHED = 8
"""Nodes whose memory is weighed: the first egos, which takes some 50 ms each."""

PARSED = (Ed25519Verifier, KeyedHashVerifier)
"""Not weighed: nodes of one process share one, with the keys of everybody in it."""


class Observed(Protocol):
    """What is measured of a participant; `peerrec_sim.simulation.participant.Participant`."""

    index: int
    role: str
    peer: bytes
    store: Store | None
    arrivals: Any  # unix seconds of each arrival number of the store
    bytes_in: dict[int, int]
    bytes_out: dict[int, int]
    diary: Diary | None

    @property
    def endpoint(self) -> object | None:
        """What speaks for it; None while it is offline."""
        ...

    @property
    def node(self) -> Node | None:
        """Its node; None while it is offline or where something else speaks for it."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """What is measured; plain data, the same for every shard.

    Attributes:
        honest: peer id of each honest node, by index.
        egos: held-out items of those whose lists are measured, by index.
        options: how they rank.
        targets: items that attackers promote.
        attack_edges: indices of honest people who trust a sybil.
        private: indices of honest people who publish nothing.
        start: unix seconds at which the run began.
    """

    honest: tuple[bytes, ...]
    egos: Mapping[int, tuple[RawId, ...]]
    options: EgoOptions
    targets: tuple[RawId, ...] = ()
    attack_edges: tuple[int, ...] = ()
    private: tuple[int, ...] = ()
    start: float = 0.0

    @classmethod
    def of(
        cls,
        scenario: Scenario,
        community: Community,
        honest: Sequence[bytes],
        *,
        targets: Sequence[RawId] = (),
        attack_edges: Sequence[int] = (),
        private: Sequence[int] = (),
        start: float = 0.0,
    ) -> Observation:
        """Return what a scenario wants measured of its people.

        Args:
            scenario: its measures and merit.
            community: the honest people; user u is the node with index u, and its test
                part is what is held out.
            honest: peer id of each.
            targets: items that attackers promote.
            attack_edges: indices of honest people who trust a sybil.
            private: indices of honest people who publish nothing.
            start: unix seconds at which the run began.
        """
        held_out = held_out_of(community)
        egos = choose_egos(list(held_out), scenario.measures.egos, scenario.seed)
        return cls(
            honest=tuple(honest),
            egos={ego: held_out[ego] for ego in egos},
            options=EgoOptions.of(scenario),
            targets=tuple(targets),
            attack_edges=tuple(sorted(set(attack_edges))),
            private=tuple(private),
            start=start,
        )


def held_out_of(community: Community) -> dict[int, tuple[RawId, ...]]:
    """Return the raw ids of the held-out items of everybody who has any, by index."""
    held_out: dict[int, list[RawId]] = {}
    if community.test is not None:
        pairs = zip(community.test.user.tolist(), community.test.item.tolist(), strict=True)
        for user, item in pairs:
            held_out.setdefault(user, []).append(community.items[item])
    return {user: tuple(items) for user, items in sorted(held_out.items())}


@dataclass(frozen=True, slots=True, eq=False)
class Snapshot:
    """What one shard measured at one moment; may be sent to another process.

    Attributes:
        nodes: one row per participant of the shard.
        held: what egos hold of authors they follow: (ego, author, segments, bytes allowed).
        arrivals: what arrived at honest nodes since the snapshot before.
    """

    nodes: Table
    held: npt.NDArray[np.int64]
    arrivals: list[Arrivals] = field(default_factory=list)


class Observer:
    """Measures the participants of one shard, again and again.

    Args:
        observation: what is measured.
    """

    def __init__(self, observation: Observation) -> None:
        self._plan = observation
        self._index_of: dict[RawId, int] = {
            peer: index for index, peer in enumerate(observation.honest)
        }
        self._authors = {peer: index for index, peer in enumerate(observation.honest)}
        self._edges = frozenset(observation.attack_edges)
        self._private = frozenset(observation.private)
        self._weighed = frozenset(sorted(observation.egos)[:WEIGHED])
        self._egos = {
            index: Ego(wanted, observation.targets, observation.options)
            for index, wanted in observation.egos.items()
        }
        self._noted: dict[int, int] = {}
        self._inferred: dict[int, dict[str, float]] = {}

    def snapshot(
        self, people: Iterable[Observed], now: float, *, lists: bool = True, last: bool = False
    ) -> Snapshot:
        """Return what all participants of the shard are like now.

        Args:
            people: the participants.
            now: unix seconds.
            lists: whether egos rank: that is most of the cost, some 10 ms each.
            last: whether it is the run's last one; memory is weighed then.
        """
        rows: list[dict[str, Any]] = []
        held: list[tuple[int, int, int, int]] = []
        arrivals: list[Arrivals] = []
        for person in people:
            row: dict[str, Any] = {
                "time_s": now - self._plan.start,
                "node": person.index,
                "role": person.role,
                "online": person.endpoint is not None,
                **_traffic("in", person.bytes_in),
                **_traffic("out", person.bytes_out),
                "factor_bytes": person.bytes_out.get(int(Type.TABLE), 0),
            }
            if person.role == HONEST and person.store is not None:
                segments = person.store.segments.index()
                row |= self._holdings(person, segments)
                arrivals.append(self._arrived(person, segments))
                if person.index in self._egos:
                    held += self._followed(person, segments)
                    if lists:
                        row |= self._egos[person.index].look(person.store, now, self._index_of)
                        row |= self._told_by_tables(person)
                    if last and person.index in self._weighed:
                        row["memory_bytes"] = weigh([person.node, person.store], PARSED)
            rows.append(row)
        names = [column.name for column in NODES.columns]
        used = [name for name in names if any(name in row for row in rows)]
        blank = {column.name: column.blank(1)[0] for column in NODES.columns}
        table = NODES.of({name: [row.get(name, blank[name]) for row in rows] for name in used})
        arrivals = [each for each in arrivals if len(each)]
        return Snapshot(table, np.array(held, np.int64).reshape(-1, 4), arrivals)

    def _holdings(self, person: Observed, segments: SegmentColumns) -> dict[str, Any]:
        """Return what an honest participant holds and whom it is linked with."""
        assert person.store is not None
        own = np.array([peer == person.peer for peer in segments.authors], np.bool_)
        is_own = own[segments.author] if len(own) else np.zeros(0, np.bool_)
        row: dict[str, Any] = {
            "attack_edge": person.index in self._edges,
            "private": person.index in self._private,
            "factor_version": served_version(person.store),
            "segments": len(segments),
            "own_segments": int(is_own.sum()),
            "own_segment_bytes": int(segments.n_bytes[is_own].sum()),
            "segment_bytes": int(segments.n_bytes.sum()),
            "store_bytes": person.store.size().size_bytes,
        }
        if person.diary is not None:
            row |= first_minutes(person.diary, self._index_of)
        node = person.node
        if node is None:
            return row
        links = [link for link in map(node.link, node.links) if link is not None]
        sybil = [link for link in links if link.peer not in self._index_of]
        if node.factoring is not None:
            row["factor_exchanges"] = node.factoring.state.exchanges
        return row | {
            "followed": len(node.library.following.followed),
            "strangers": len(node.library.following.strangers),
            "forks": len(node.library.forked_authors),
            "links": len(links),
            "links_dialled": sum(link.dialled for link in links),
            "sybil_links": len(sybil),
            "sybil_links_dialled": sum(link.dialled for link in sybil),
        }

    def _told_by_tables(self, person: Observed) -> dict[str, float]:
        """Return what a partner could infer from the ego's tables, or could when there were any."""
        node, known = person.node, self._inferred.setdefault(person.index, {})
        if node is not None and node.factoring is not None and person.store is not None:
            local = node.factoring.state.local
            if local is not None:
                known |= inferred(local, person.store, ME)
        return known

    def _arrived(self, person: Observed, segments: SegmentColumns) -> Arrivals:
        seen = self._noted.get(person.index, 0)
        self._noted[person.index] = len(person.arrivals)
        return arrivals_since(seen, person.index, segments, person.arrivals, self._authors)

    def _followed(
        self, person: Observed, segments: SegmentColumns
    ) -> list[tuple[int, int, int, int]]:
        """Return what an ego holds of each honest author that it follows."""
        if person.node is None:
            return []
        counts = np.bincount(segments.author, minlength=len(segments.authors)).tolist()
        count_of = dict(zip(segments.authors, counts, strict=True))
        following = person.node.library.following
        return [
            (person.index, self._authors[peer], count_of.get(peer, 0), following.cap(peer))
            for peer in following.followed
            if peer in self._authors
        ]


_NAME_OF = {int(each): each.name.lower() for each in Type}


def _traffic(way: str, by_type: Mapping[int, int]) -> dict[str, int]:
    """Return bytes by type of message under the names of their columns."""
    row: dict[str, int] = {}
    for number, n_bytes in by_type.items():
        name = f"bytes_{way}_{_NAME_OF.get(number, OTHER)}"
        row[name] = row.get(name, 0) + n_bytes
    return row


def assembled(snapshots: Sequence[Snapshot], start: float = 0.0) -> tuple[Table, Table]:
    """Return the tables of nodes and of deliveries, of all shards and moments.

    Args:
        snapshots: in any order; the tables do not depend on it, nor on the shards.
        start: unix seconds at which the run began.
    """
    by_time: dict[float, list[Snapshot]] = {}
    for each in snapshots:
        if len(each.nodes):
            by_time.setdefault(float(each.nodes["time_s"][0]), []).append(each)
    moments = []
    for _, parts in sorted(by_time.items()):
        nodes = NODES.joined([part.nodes for part in parts]).sorted_by("node")
        moments.append(_with_missing(nodes, np.concatenate([part.held for part in parts])))
    arrivals = [each for snapshot in snapshots for each in snapshot.arrivals]
    return NODES.joined(moments), joined(arrivals, start)


def _with_missing(nodes: Table, held: npt.NDArray[np.int64]) -> Table:
    """Fill in what egos lack, from what authors have of themselves at that moment."""
    place = {index: at for at, index in enumerate(nodes["node"].tolist())}
    missing = nodes["missing_segments"].copy()
    signed, n_bytes = nodes["own_segments"].tolist(), nodes["own_segment_bytes"].tolist()
    for ego, author, count, cap in held.tolist():
        at, of = place[ego], place.get(author)
        lacks = 0
        if of is not None and n_bytes[of] <= cap:
            lacks = max(signed[of] - count, 0)
        missing[at] = lacks + (0.0 if np.isnan(missing[at]) else missing[at])
    return Table(nodes.schema, nodes.columns | {"missing_segments": missing})
