"""Run a node for one store: what `peerrec run` does until it is told to end.

The node, the recommender and the commands of other processes share the store, one at a
time, on the event loop.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Final

import numpy as np

from peerrec import __version__
from peerrec.errors import ConfigError, PeerrecError, StoreError
from peerrec.ids import network_id
from peerrec.node import Node
from peerrec.peering.settings import NodeSettings
from peerrec.peering.status import NodeStatus
from peerrec.protocol.identity import Ed25519Verifier, Signer
from peerrec.protocol.invite import Address, Invite
from peerrec.protocol.membership_settings import MembershipSettings
from peerrec.store import Store
from peerrec_node.api.options import HttpOptions
from peerrec_node.background_tuning import BackgroundTuning
from peerrec_node.channel import ChannelKeys
from peerrec_node.cli import peerrec
from peerrec_node.commands.common import ME, Opened
from peerrec_node.control import Answer, ControlServer, captured
from peerrec_node.driver import Driver
from peerrec_node.exit_codes import EXIT_OTHER, EXIT_STORE
from peerrec_node.identity import Remembered, reachable
from peerrec_node.invocation import Invocation
from peerrec_node.listener import listening
from peerrec_node.recent_log import RecentLog
from peerrec_node.settings import wiring
from peerrec_node.settings.layers import Origin
from peerrec_node.settings.live import LiveSettings
from peerrec_node.settings.schema import Settings
from peerrec_node.settings.take_up import take_up
from peerrec_node.signals import signals
from peerrec_node.store_place import StorePlace
from peerrec_node.supervision import Supervisor

if TYPE_CHECKING:
    from peerrec_node.api.server import ApiServer

__all__ = ["Daemon", "DaemonOptions", "make_node"]

READING: Final = frozenset({"log", "peers", "recommend", "similar", "stats", "status"})
"""Commands that change nothing: lists that were made before them hold on."""

LOOK_S: Final = 2.0
"""How often is looked whether the store is still there."""

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
        settings: the node's, as far as the file of settings does not have them; its address
            is found out here.
        http: where to serve the HTTP API and the dashboard; None for nowhere.
        origin: where all other settings stand; None for nowhere but the dashboard.
        reloaded: told of the settings each time they were read anew.
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
    origin: Origin | None = None
    reloaded: Callable[[Settings], None] = lambda settings: None


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
        place: where the store stands.
        supervisor: whoever started this process, such as systemd.
        live: what is set, and by whom.
        tuning: searches for better parameters of the lists.
        recent: the last lines of the log.

    Raises:
        ConfigError: the address cannot be listened at.
    """

    def __init__(self, here: Opened, signer: Signer, options: DaemonOptions) -> None:
        self._options = options
        origin = options.origin or Origin(program=wiring.program_values(options.settings))
        self.live = LiveSettings(origin, here.store)
        settings = self.live.settings
        self._line: socket.socket = listening(options.listen)
        port = self._line.getsockname()[1]
        self.listens = Address(options.listen.host, port)
        self.address = reachable(options.listen, port, options.public)
        Remembered(here.store).keep_address(self.address)
        self.node = make_node(
            here.store,
            signer,
            options.network,
            replace(wiring.node_settings(settings, options.settings), address=self.address),
            wiring.membership(settings, options.bootstrap),
        )
        keys = ChannelKeys(signer, Ed25519Verifier(), network_id(options.network))
        self.driver = Driver(
            self.node,
            keys,
            admission=wiring.admission(settings),
            reception=replace(wiring.reception(settings), proxies=options.proxies),
            limits=wiring.link_limits(settings),
            arrivals=lambda: here.store.segments.last_arrival,
        )
        self.driver.renew = partial(self._renewed, signer)
        # Commands from elsewhere see this daemon in what they are given.
        self._here = here.with_daemon(self)
        self.place = StorePlace(here.path)
        self.bound_store()
        self.tuning = BackgroundTuning(here.me, lambda: self.live.settings.ranking, self._changed)
        self._control = ControlServer(here.path, self.execute)
        self._stop = asyncio.Event()
        self.supervisor = Supervisor(self.summary)
        self.recent = RecentLog()
        self._begun = time.monotonic()
        self.http = None if options.http is None else self._with_http(options.http)

    def _renewed(self, signer: Signer) -> Node:
        """Put a new node in the place of one that planned by a clock which was set back."""
        links = wiring.membership(self.live.settings, self._options.bootstrap)
        store, settings = self._here.store, self.node.settings
        former, self.node = self.node, make_node(store, signer, self.network, settings, links)
        self.node.succeeds(former)
        return self.node

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
        self.driver.turned = server.api.turned
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

    @property
    def uptime_s(self) -> float:
        """Seconds since it began, whatever the clock was set to meanwhile."""
        return time.monotonic() - self._begun

    def bound_store(self) -> None:
        """Hold the store to the size that is set, also where commands open it without us."""
        size = self.live.settings.storage.store_bytes_max
        Remembered(self._here.store).keep_size_bytes_max(size)
        self._here.me.upkeep().bound(size)

    def reload(self) -> None:
        """Read the settings anew: what can count at once does, what is broken changes nothing."""
        before = self.live.loaded
        with self.supervisor.reloading():
            try:
                changed = self.live.reread()
                self._options.reloaded(self.live.settings)
            except PeerrecError as error:
                self.live.loaded = before
                log.error("all settings stay as they were: %s", error)
                return
            take_up(self, changed)
            self._changed()
            log.warning("settings were read anew; %d changed", len(changed))

    def status(self) -> NodeStatus:
        """Return how the node stands."""
        return self.node.status(time.time())

    def summary(self) -> str:
        """Say in one line how the daemon stands."""
        status = self.status()
        where = "" if self.http is None else f"; dashboard at http://{self.http.address.text()}"
        return f"links {len(status.links)}, segments {status.segments:,}{where}"

    def execute(self, argv: list[str]) -> Answer:
        """Run a command of another process on the open store."""
        try:
            self.place.check()
            called = Invocation(tuple(argv), here=self._here)
            answer = captured(lambda: peerrec.exit_code(argv, "peerrec", obj=called))
        except StoreError as error:
            return Answer("", f"Error: {error}\n", EXIT_STORE)
        except Exception:
            log.exception("command %s failed", argv[:1])
            return Answer("", "Error: the command failed in the daemon; see its log\n", EXIT_OTHER)
        if argv and argv[0] not in READING:
            self._changed()
        return answer

    def _changed(self) -> None:
        """Take note that the person, or something on their behalf, did something."""
        if self.http is None:
            self.driver.publish()
        else:
            self.http.api.changed()

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
            with signals(self.stop, self.reload), self.recent.listening():
                ready(self)
                async with self.tuning.going(), self.supervisor.told():
                    await self._until_stopped()
        finally:
            if self.http is not None:
                await self.http.close()
            if discovery is not None:
                await discovery.close()
            await self._control.close()
            await self.driver.stop()
            self._line.close()
            if self.place.is_left:  # what is to be written to it would be found by nobody later
                with contextlib.suppress(StoreError):
                    self._here.store.flush()

    async def _until_stopped(self) -> None:
        """Wait for `stop`, as long as the store is where it was opened.

        Raises:
            StoreError: it was moved away or removed.
        """
        while not self._stop.is_set():
            self.place.check()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LOOK_S):
                    await self._stop.wait()

    def _found(self, peer: bytes, address: Address) -> None:
        """Meet somebody of the local network."""
        if self.http is not None:
            self.http.api.found_nearby(peer, address)
        self.node.learn_address(peer, address, time.time())
        self.driver.tick()
