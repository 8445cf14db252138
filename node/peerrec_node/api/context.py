"""Hold what all handlers of the API need of the daemon, and nothing else."""

from __future__ import annotations

import contextlib
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from peerrec.errors import DataError, StoreError
from peerrec.ids import peer_text
from peerrec.protocol.invite import Address
from peerrec.store import RawId, Store
from peerrec_node.api.auth import Sessions, Tokens
from peerrec_node.api.events import EventHub
from peerrec_node.api.labels import Labels
from peerrec_node.api.lists import Lists
from peerrec_node.api.node_calls import NodeCalls
from peerrec_node.api.saved_settings import SavedSettings
from peerrec_node.api.tally import Tally
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
        labels: what the person calls their peers.
        traffic: bytes of all links so far.
        ended: links that ended lately.
        nearby: who was found in the local network: address and when, by peer.
        tally: what was answered.
        calls: from where requests are served to the node's loop.
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
    labels: Labels
    traffic: TrafficTotals
    started_at: float
    ended: deque[Ended] = field(default_factory=lambda: deque(maxlen=ENDED_MAX))
    nearby: dict[bytes, tuple[Address, float]] = field(default_factory=dict)
    tally: Tally = field(default_factory=Tally)
    calls: NodeCalls = field(default_factory=NodeCalls)
    ready: bool = False

    @property
    def store(self) -> Store:
        """The open store."""
        return self.here.store

    def changed(self) -> None:
        """Take note that the person did something: lists must show it at once."""
        self.tokens.refresh()
        self.lists.changed()
        self.daemon.driver.publish()
        self.events.look_soon()

    def turned(self) -> None:
        """Take note that something happened to the node: lists may be outdated."""
        with contextlib.suppress(StoreError):  # whoever asks for a list hears of it
            self.lists.look()

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
