"""Show how a node stands: plain records for people, dashboards and tests."""

from __future__ import annotations

from dataclasses import dataclass

from peerrec.ids import peer_text
from peerrec.peering.link import Link
from peerrec.protocol.sync_shelf import SyncResult

__all__ = ["FactorStatus", "LinkStatus", "NodeStatus", "link_status"]


@dataclass(frozen=True, slots=True)
class LinkStatus:
    """One link.

    Attributes:
        peer: id as people write it.
        dialled: whether we dialled.
        address: where; its host alone where it came to us.
        agent: name and version of its program.
        up_s: seconds since it began.
        latency_s: of the last ping; None before the first.
        merit: of the peer.
        score: points for what it did.
        bytes_in, bytes_out: messages, before encryption.
        last_sync: how the last session went; None before one ended.
    """

    peer: str
    dialled: bool
    address: str
    agent: str
    up_s: float
    latency_s: float | None
    merit: float
    score: float
    bytes_in: int
    bytes_out: int
    last_sync: SyncResult | None


@dataclass(frozen=True, slots=True)
class FactorStatus:
    """Tables of factors.

    Attributes:
        exchanges: completed since the node began.
        epoch: ended since averaging last began anew.
        rows: of the table that is averaged; 0 where nobody was met yet.
        version: of the table that is served from; 0 where there is none.
    """

    exchanges: int
    epoch: int
    rows: int
    version: int


@dataclass(frozen=True, slots=True)
class NodeStatus:
    """A node at one moment.

    Attributes:
        peer: its id as people write it.
        links: to whom it is linked, oldest first.
        followed: authors replicated for their merit.
        strangers: authors replicated for exploration.
        logs, segments: how many are held; ``segment_bytes`` of them.
        forks: logs known to have forked.
        known_addresses: in the address book.
        counters: what was ignored, refused and dropped, by reason.
        factors: exchanged tables; None where they are switched off.
    """

    peer: str
    links: tuple[LinkStatus, ...]
    followed: int
    strangers: int
    logs: int
    segments: int
    segment_bytes: int
    forks: int
    known_addresses: int
    counters: dict[str, int]
    factors: FactorStatus | None = None


def link_status(link: Link, merit: float, score: float, now: float) -> LinkStatus:
    """Return how one link stands."""
    return LinkStatus(
        peer=peer_text(link.peer),
        dialled=link.dialled,
        address=link.host if link.address is None else link.address.text(),
        agent=link.hello.agent,
        up_s=now - link.up_at,
        latency_s=link.latency_s,
        merit=merit,
        score=score,
        bytes_in=link.bytes_in.total(),
        bytes_out=link.bytes_out.total(),
        last_sync=link.sync.last_result,
    )
