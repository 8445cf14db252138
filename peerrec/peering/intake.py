"""Turn verified segments into what a store can take: interactions, trust, descriptions.

The order of arrival must not matter: a retraction that comes before what it retracts
and an old statement of trust that comes after a newer one have the same effect as in
order. For that the intake remembers the newest of each kind, and nothing else.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import repeat

from peerrec.limits import ID_BYTES_MAX, MINUTE_S
from peerrec.peering.item_names import ItemNames
from peerrec.protocol.segment import OPAQUE_FROM, Kind, Segment
from peerrec.protocol.statements import (
    ItemName,
    Play,
    Retraction,
    TrustIn,
    Whereabouts,
    decode_statements,
)
from peerrec.store import Description, Interaction, RawId, TrustEdge

__all__ = ["Intake", "Rows"]

Newest = tuple[int, int, int]


@dataclass(slots=True)
class Rows:
    """What some segments say, in the store's terms.

    Attributes:
        retractions: (author, item, unix seconds): earlier interactions go, that one too.
        addresses: (author, where, minute): where authors say that they can be reached.
    """

    interactions: list[Interaction] = field(default_factory=list)
    edges: list[TrustEdge] = field(default_factory=list)
    descriptions: list[Description] = field(default_factory=list)
    retractions: list[tuple[RawId, RawId, float]] = field(default_factory=list)
    addresses: list[tuple[bytes, Whereabouts, int]] = field(default_factory=list)


class Intake:
    """Reads segments of all authors.

    Args:
        peer: this node's own id.
        me: raw id under which its own statements stand in the store.
        names: of items.
    """

    def __init__(self, peer: bytes, me: RawId, names: ItemNames) -> None:
        self._peer = peer
        self._me = me
        self._names = names
        self._trust: dict[tuple[bytes, bytes], Newest] = {}
        self._retracted: dict[tuple[bytes, bytes], int] = {}
        self._described: dict[tuple[bytes, RawId], Newest] = {}

    def raw(self, peer: bytes) -> RawId:
        """Return the raw id of a peer in the store."""
        return self._me if peer == self._peer else peer

    def remember(self, segments: Iterable[Segment]) -> None:
        """Learn from stored trust and retractions what later arrivals must not undo."""
        for segment in segments:
            self.read(segment, Rows())

    def read(self, segment: Segment, rows: Rows) -> None:
        """Add what a verified segment says to rows.

        Raises:
            VerificationError: its payload is not what its kind promises.
        """
        header = segment.header
        if header.kind >= OPAQUE_FROM or header.kind == Kind.FORK:
            return  # kept and passed on unread
        statements = decode_statements(header.kind, segment.payload, header.minute)
        if header.kind == Kind.INTERACTIONS:  # nearly everything there is: all at once
            self._play_all(header.author, statements, rows)
            return
        for each in statements:
            if isinstance(each, TrustIn):
                self._trust_in(header.author, each, (each.minute, header.epoch, header.seq), rows)
            elif isinstance(each, Retraction):
                self._retract(header.author, each, rows)
            elif isinstance(each, ItemName):
                self._name(header.author, each, (header.minute, header.epoch, header.seq), rows)
            elif isinstance(each, Whereabouts):
                rows.addresses.append((header.author, each, header.minute))

    def _play_all(self, author: bytes, plays: Iterable[Play], rows: Rows) -> None:
        if self._retracted:
            until = self._retracted.get
            plays = [play for play in plays if play.minute > until((author, play.item), -1)]
        who, raw = self.raw(author), self._names.raw
        fields = [(who, raw(item), weight, at * MINUTE_S, True) for item, weight, at in plays]
        # What Interaction._make does, without a call in Python for each.
        rows.interactions += map(tuple.__new__, repeat(Interaction), fields)

    def _trust_in(self, author: bytes, said: TrustIn, newest: Newest, rows: Rows) -> None:
        key = author, said.peer
        # An equal one may come again: what could not be stored is offered anew.
        if author == said.peer or self._trust.get(key, (-1, 0, 0)) > newest:
            return
        self._trust[key] = newest
        edge = TrustEdge(self.raw(author), self.raw(said.peer), said.weight, said.minute * MINUTE_S)
        rows.edges.append(edge)

    def _retract(self, author: bytes, said: Retraction, rows: Rows) -> None:
        key = author, said.item
        if self._retracted.get(key, -1) > said.minute:
            return
        self._retracted[key] = said.minute
        # Also what this very batch brought before: it is not in the store yet.
        item, until = self._names.raw(said.item), said.minute * MINUTE_S
        who = self.raw(author)
        rows.interactions = [
            row
            for row in rows.interactions
            if not (row.author == who and row.item == item and row.time <= until)
        ]
        rows.retractions.append((who, item, until))

    def _name(self, author: bytes, said: ItemName, newest: Newest, rows: Rows) -> None:
        if len(said.uri.encode()) > ID_BYTES_MAX:
            return  # no store could hold it as an id
        item = self._names.learn(said.uri)
        key = author, item
        if not (said.title or said.tags) or self._described.get(key, (-1, 0, 0)) > newest:
            return
        self._described[key] = newest
        time = newest[0] * MINUTE_S
        rows.descriptions.append(
            Description(item, self.raw(author), said.title, said.tags, "", said.uri, time)
        )

    def unsaid(self, author: bytes) -> list[TrustEdge]:
        """Return edges of weight 0 for all trust that an author stated; forget it."""
        targets = sorted(target for source, target in self._trust if source == author)
        for target in targets:
            del self._trust[author, target]
        return [TrustEdge(self.raw(author), self.raw(target), 0.0) for target in targets]

    def forget_before(self, minute: int) -> None:
        """Drop what no segment within the window can contradict any more."""
        self._trust = {key: said for key, said in self._trust.items() if said[0] >= minute}
        self._retracted = {key: at for key, at in self._retracted.items() if at >= minute}
        self._described = {key: at for key, at in self._described.items() if at[0] >= minute}
