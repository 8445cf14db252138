"""Run a node for one store: what `peerrec run` does until it is told to end.

The node, the recommender and the commands of other processes share the store, one at a
time, on the event loop.
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from peerrec import __version__
from peerrec.errors import ConfigError
from peerrec.ids import network_id
from peerrec.node import Node
from peerrec.peering.settings import NodeSettings
from peerrec.peering.status import NodeStatus
from peerrec.protocol.identity import Ed25519Verifier, Signer
from peerrec.protocol.invite import Address, Invite
from peerrec.protocol.membership import MembershipSettings
from peerrec.store import Store
from peerrec_node.api.options import HttpOptions
from peerrec_node.channel import ChannelKeys
from peerrec_node.cli import peerrec
from peerrec_node.commands.common import ME, Opened
from peerrec_node.control import Answer, ControlServer, captured
from peerrec_node.driver import Driver
from peerrec_node.identity import Remembered, reachable
from peerrec_node.invocation import Invocation
from peerrec_node.listener import Reception, listening
from peerrec_node.signals import signals

if TYPE_CHECKING:
    from peerrec_node.api.server import ApiServer

__all__ = ["Daemon", "DaemonOptions", "make_node"]

EXIT_BUG = 1

log = logging.getLogger("peerrec.daemon")


@dataclass(frozen=True, slots=True, kw_only=True)
class DaemonOptions:
    """How a daemon runs.

    Attributes:
        network: name of the network.
        listen: where to listen.
        public: where others reach it, if that is elsewhere: behind a proxy or a router.
        invites: whom to meet.
        bootstrap: where to meet whoever is there.
        proxies: addresses of reverse proxies that are believed to say who connects.
        lan: whether to look for peers, and be found, in the local network.
        settings: the node's; its address is found out here.
        http: where to serve the HTTP API and the dashboard; None for nowhere.
    """

    network: str
    listen: Address
    public: Address | None = None
    invites: tuple[Invite, ...] = ()
    bootstrap: tuple[Address, ...] = ()
    proxies: frozenset[str] = frozenset()
    lan: bool = False
    settings: NodeSettings = field(default_factory=NodeSettings)
    http: HttpOptions | None = None


def make_node(
    store: Store,
    signer: Signer,
    network: str,
    settings: NodeSettings,
    membership: MembershipSettings | None = None,
) -> Node:
    """Return the node of a store, as this program runs it."""
    return Node(
        store,
        signer,
        network=network,
        me=ME,
        settings=replace(settings, agent=f"peerrec {__version__}"),
        membership=membership,
        rng=np.random.default_rng(int.from_bytes(os.urandom(16), "big")),
        now=time.time(),
    )


class Daemon:
    """A node at work.

    Args:
        here: the open store.
        signer: who one is.
        options: how to run.

    Attributes:
        node: what takes part in the network.
        driver: its sockets.
        address: where others reach it; None if they cannot.
        http: its HTTP API; None where there is none.

    Raises:
        ConfigError: the address cannot be listened at.
    """

    def __init__(self, here: Opened, signer: Signer, options: DaemonOptions) -> None:
        self._options = options
        self._line: socket.socket = listening(options.listen)
        port = self._line.getsockname()[1]
        self.listens = Address(options.listen.host, port)
        self.address = reachable(options.listen, port, options.public)
        Remembered(here.store).keep_address(self.address)
        self.node = make_node(
            here.store,
            signer,
            options.network,
            replace(options.settings, address=self.address),
            MembershipSettings(bootstrap=options.bootstrap),
        )
        keys = ChannelKeys(signer, Ed25519Verifier(), network_id(options.network))
        self.driver = Driver(
            self.node,
            keys,
            reception=Reception(proxies=options.proxies),
            arrivals=lambda: here.store.segments.last_arrival,
        )
        # Commands from elsewhere see this daemon in what they are given.
        self._here = here.with_daemon(self)
        self._control = ControlServer(here.path, self.execute)
        self._stop = asyncio.Event()
        self.http = None if options.http is None else self._with_http(options.http)

    def _with_http(self, options: HttpOptions) -> ApiServer:
        """Return the HTTP side of this daemon."""
        # Imported here: a daemon without it starts faster.
        from peerrec_node.api.server import ApiServer

        try:
            server = ApiServer(self._here, self, options)
        except ConfigError:
            self._line.close()
            raise
        self.driver.link_ended = server.api.link_ended
        return server

    @property
    def lan(self) -> bool:
        """Whether it looks for peers in the local network."""
        return self._options.lan

    @property
    def network(self) -> str:
        """Name of the network."""
        return self._options.network

    @property
    def invite(self) -> Invite | None:
        """What somebody needs to become a peer; None where this node cannot be reached."""
        if self.address is None:
            return None
        return Invite(self.node.peer, self.address, self.network)

    def status(self) -> NodeStatus:
        """Return how the node stands."""
        return self.node.status(time.time())

    def execute(self, argv: list[str]) -> Answer:
        """Run a command of another process on the open store."""
        try:
            called = Invocation(tuple(argv), here=self._here)
            answer = captured(lambda: peerrec.exit_code(argv, "peerrec", obj=called))
        except Exception:
            log.exception("command %s failed", argv[:1])
            return Answer("", "Error: the command failed in the daemon; see its log\n", EXIT_BUG)
        if self.http is None:
            self.driver.publish()
        else:
            self.http.api.changed()
        return answer

    def stop(self) -> None:
        """End `run` soon."""
        self._stop.set()

    async def run(self, ready: Callable[[Daemon], None]) -> None:
        """Take part until `stop`, SIGINT or SIGTERM; a second signal ends it at once.

        Args:
            ready: called when others can connect.
        """
        discovery = None
        try:
            await self._control.start()
            await self.driver.start(self._line)
            for invite in self._options.invites:
                self.driver.ask(self.node.invite, invite.peer, invite.address)
            if self._options.lan:
                from peerrec_node.discovery import Discovery

                discovery = Discovery(self.node.peer, self.network, self.listens, self._found)
                await discovery.start()
            if self.http is not None:
                await self.http.start()
            with signals(self.stop):
                ready(self)
                await self._stop.wait()
        finally:
            if self.http is not None:
                await self.http.close()
            if discovery is not None:
                await discovery.close()
            await self._control.close()
            await self.driver.stop()
            self._line.close()

    def _found(self, peer: bytes, address: Address) -> None:
        """Meet somebody of the local network."""
        if self.http is not None:
            self.http.api.found_nearby(peer, address)
        self.node.learn_address(peer, address, time.time())
        self.driver.tick()
