"""Hold what all handlers of the API need of the daemon, and nothing else."""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from peerrec.errors import DataError
from peerrec.ids import peer_text
from peerrec.protocol.invite import Address
from peerrec.store import RawId, Store
from peerrec_node.api.auth import Sessions, Tokens
from peerrec_node.api.events import EventHub
from peerrec_node.api.lists import Lists
from peerrec_node.api.saved_settings import SavedSettings
from peerrec_node.api.traffic import TrafficTotals
from peerrec_node.commands.common import Opened

if TYPE_CHECKING:
    from peerrec_node.daemon import Daemon

__all__ = ["Api", "Ended", "item_named", "item_text"]

BYTES = "bytes:"

ENDED_MAX = 32


class Ended(NamedTuple):
    """A link that ended: whose, why, when."""

    peer: str
    reason: str
    at: float


@dataclass(slots=True)
class Api:
    """The running daemon, as the API sees it.

    Attributes:
        here: the open store and its recommender.
        daemon: what runs on it.
        clock: returns unix seconds.
        lists: ranks and remembers lists.
        events: tells pages what happens.
        tokens, sessions: who may ask.
        settings: what can be set from here.
        traffic: bytes of all links so far.
        ended: links that ended lately.
        nearby: who was found in the local network: address and when, by peer.
        requests: how many were answered, by (method, route, status).
        seconds: what they took, by the same without the status.
        started_at: unix seconds.
        ready: whether the daemon takes part in the network.
    """

    here: Opened
    daemon: Daemon
    clock: Callable[[], float]
    lists: Lists
    events: EventHub
    tokens: Tokens
    sessions: Sessions
    settings: SavedSettings
    traffic: TrafficTotals
    started_at: float
    ended: deque[Ended] = field(default_factory=lambda: deque(maxlen=ENDED_MAX))
    nearby: dict[bytes, tuple[Address, float]] = field(default_factory=dict)
    requests: Counter[tuple[str, str, int]] = field(default_factory=Counter)
    seconds: defaultdict[tuple[str, str], float] = field(default_factory=lambda: defaultdict(float))
    ready: bool = False

    @property
    def store(self) -> Store:
        """The open store."""
        return self.here.store

    def changed(self) -> None:
        """Take note that the person did something: lists must show it at once."""
        self.lists.changed()
        self.daemon.driver.publish()
        self.events.look_soon()

    def link_ended(self, peer: bytes, reason: str) -> None:
        """Take note that a link ends; the node still knows it."""
        self.traffic.ended(self.daemon.node.link(peer))
        self.ended.appendleft(Ended(peer_text(peer), reason, self.clock()))
        self.events.look_soon()

    def found_nearby(self, peer: bytes, address: Address) -> None:
        """Take note of somebody in the local network."""
        self.nearby.pop(peer, None)
        self.nearby[peer] = (address, self.clock())
        while len(self.nearby) > ENDED_MAX:
            del self.nearby[next(iter(self.nearby))]


def item_text(raw: RawId) -> str:
    """Return an item's id as the API writes it."""
    return BYTES + raw.hex() if isinstance(raw, bytes) else raw


def item_named(text: str) -> RawId:
    """Return the raw id of an item as the API writes it.

    Raises:
        DataError: it says that it is bytes, and they are not in hex.
    """
    if not text.startswith(BYTES):
        return text
    try:
        return bytes.fromhex(text.removeprefix(BYTES))
    except ValueError:
        raise DataError(
            f"item {text!r:.80}: after {BYTES!r} an even number of hex digits"
        ) from None
