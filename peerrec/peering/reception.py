"""Deal with what peers send, message by message: what each of them makes a node do."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

from peerrec.errors import RemoteProtocolError, VerificationError
from peerrec.peering.acquaintance import Acquaintance
from peerrec.peering.circulation import Circulation
from peerrec.peering.echoes import Echoes
from peerrec.peering.factoring import Factoring
from peerrec.peering.library import Library
from peerrec.peering.link import Link
from peerrec.peering.sessions import Sessions
from peerrec.peering.switchboard import Switchboard
from peerrec.protocol.bundle import pack, unpack
from peerrec.protocol.effects import Priority
from peerrec.protocol.gossip import Gossip, Verdict
from peerrec.protocol.membership import Membership
from peerrec.protocol.messages import (
    Goaway,
    GoawayCode,
    Gone,
    Ihave,
    Iwant,
    Message,
    Proof,
    Push,
    Status,
    StatusCode,
    Table,
    Type,
)
from peerrec.protocol.violations import Violation

__all__ = ["Reception"]

ANY_REQUEST = frozenset({Type.PING, Type.PONG, Type.PEERS, Type.TABLE})
"""Messages that belong to no session, whatever their request."""


class Reception:
    """Where messages of all links arrive.

    Args:
        network: id of the network.
        library: the logs that are held.
        gossip: what is announced, asked for and pushed.
        circulation: takes segments in and passes them on.
        membership: told who needs its place for another.
        switchboard: the links.
        sessions: gets what belongs to a session.
        acquaintance: deals with pings and addresses.
        factoring: deals with tables; None where they are switched off.
        counters: of the node.
    """

    __slots__ = (
        "_circulation", "_counters", "_echoes", "_factoring", "_gossip", "_handlers", "_library",
        "_membership", "_network", "_sessions", "_switchboard",
    )  # fmt: skip

    def __init__(
        self,
        network: bytes,
        library: Library,
        gossip: Gossip,
        circulation: Circulation,
        membership: Membership,
        switchboard: Switchboard,
        sessions: Sessions,
        acquaintance: Acquaintance,
        factoring: Factoring | None,
        counters: Counter[str],
    ) -> None:
        self._network = network
        self._library = library
        self._gossip = gossip
        self._circulation = circulation
        self._membership = membership
        self._switchboard = switchboard
        self._sessions = sessions
        self._factoring = factoring
        self._counters = counters
        self._echoes = Echoes()
        self._handlers: dict[Type, Callable[[Link, Any, float], None]] = {
            Type.PUSH: self._on_push,
            Type.IHAVE: self._on_ihave,
            Type.IWANT: self._on_iwant,
            Type.GONE: self._on_gone,
            Type.STATUS: self._on_status,
            Type.PEERS: acquaintance.on_peers,
            Type.PING: acquaintance.on_ping,
            Type.PONG: acquaintance.on_pong,
            Type.PROOF: self._on_proof,
            Type.TABLE: self._on_table,
            Type.GOAWAY: self._on_goaway,
            Type.HELLO: self._on_hello,
        }

    def take(self, link: Link, message: Message, now: float) -> None:
        """Deal with one message.

        Raises:
            RemoteProtocolError: it breaks the rules.
            StoreError: what it brought could not be stored.
        """
        if message.request and message.TYPE not in ANY_REQUEST:
            self._sessions.receive(link, message, now)
            self._grant(link)
        elif message.TYPE in self._handlers:
            self._handlers[message.TYPE](link, message, now)
        else:
            raise RemoteProtocolError(
                Violation.STATE, f"{message.TYPE.name} without a session to belong to"
            )

    def _grant(self, link: Link) -> None:
        """Let more bulk come where half of what may come did; sessions and tables bring it."""
        if n := link.allowance.regrant():
            link.put(Status(0, StatusCode.CREDIT, n), Priority.CONTROL)

    def _on_push(self, link: Link, message: Push, now: float) -> None:
        echo = self._echoes.of(message.bundle)
        if echo is not None and all(name in self._gossip.seen for name, _ in echo):
            for name, author in echo:
                self._gossip.judge(link.peer, name, author, now)
            link.brought(len(message.bundle), 0, now)
            return
        try:
            segments = unpack(message.bundle, self._network)
        except VerificationError as error:
            raise RemoteProtocolError(Violation.MALFORMED, str(error)) from None
        self._echoes.keep(message.bundle, [(each.id, each.header.author) for each in segments])
        wanted = []
        for segment in segments:
            author = segment.header.author
            verdict = self._gossip.judge(link.peer, segment.id, author, now)
            wants = self._library.wants(author)
            if verdict is Verdict.ACCEPT and wants:
                wanted.append(segment)
            elif verdict is Verdict.ACCEPT:
                self._gossip.ignored(segment.id, now)
            elif wants and segment.id not in self._gossip.seen:  # over its author's rate
                link.schedule.missed(now)
        n_new = self._circulation.take(link.peer, wanted, now) if wanted else 0
        link.brought(len(message.bundle), n_new, now)

    def _on_ihave(self, link: Link, message: Ihave, now: float) -> None:
        question = self._gossip.announced(link.peer, message.tags, now)
        if question is not None:
            link.put(question, Priority.GOSSIP)

    def _on_iwant(self, link: Link, message: Iwant, now: float) -> None:
        answer = self._gossip.requested(link.peer, message.tags, now)
        found = (self._library.segment((each.author, each.epoch), each.seq)
                 for each in answer.segments)  # fmt: skip
        held = [segment for segment in found if segment is not None]
        while held:
            bundle, n = pack(held)
            link.put(Push(0, n == len(held), bundle), Priority.GOSSIP)
            held = held[n:]
        if answer.gone:
            link.put(Gone(0, answer.gone), Priority.GOSSIP)
        if answer.announce is not None:
            link.put(answer.announce, Priority.GOSSIP)

    def _on_gone(self, link: Link, message: Gone, now: float) -> None:
        self._gossip.gone(link.peer, message.tags)

    def _on_status(self, link: Link, message: Status, now: float) -> None:
        if message.code == StatusCode.CREDIT:
            link.grant(message.value)
            self._switchboard.send_all(link, link.sync.grant(message.value, now))
            if self._factoring is not None:
                self._factoring.granted(link)

    def _on_table(self, link: Link, message: Table, now: float) -> None:
        if self._factoring is None:  # nobody here asked for it
            link.brought(len(message.data), 0, now)
        else:
            self._factoring.on_table(link, message, now)
        self._grant(link)

    def _on_proof(self, link: Link, message: Proof, now: float) -> None:
        self._circulation.take_proof(link.peer, message.evidence, now)

    def _on_goaway(self, link: Link, message: Goaway, now: float) -> None:
        self._counters[f"goaway: {GoawayCode(message.code).name.lower()}"] += 1
        if message.code == GoawayCode.FULL:
            self._membership.turned_away(link.peer, now)
        self._switchboard.left(link)

    def _on_hello(self, link: Link, message: Message, now: float) -> None:
        raise RemoteProtocolError(Violation.STATE, "HELLO belongs into the handshake")
