"""Run one node on asyncio: what it wants done becomes sockets, timers and dials.

The node is called from the event loop only, one call at a time, with the wall clock's
time. Every `Dial` it asks for ends in one of two calls: `link_up` with the address, or
`dial_failed`. Whatever a peer sends, and whatever goes wrong with it here, ends that
peer's link and nothing else.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import logging
import socket
import time
from collections import Counter
from collections.abc import Callable, Hashable
from typing import Any, Final, Protocol

from peerrec.errors import PeerrecError
from peerrec.ids import short
from peerrec.limits import HANDSHAKE_S
from peerrec.peering.endpoint import Endpoint
from peerrec.protocol import wire
from peerrec.protocol.effects import Dial, Effect, Hangup, Send
from peerrec.protocol.messages import Goaway, GoawayCode
from peerrec_node.channel import Channel, ChannelKeys
from peerrec_node.dialer import Dialer, DialError
from peerrec_node.link import Link, LinkLimits, Origin
from peerrec_node.listener import Listener, Reception
from peerrec_node.pacing import Admission, Budgets, household
from peerrec_node.sockets import WebSocket

__all__ = ["DrivenNode", "Driver"]

DIALS_MAX: Final = 16
"""Dials under way at once: the outbound links of a node, twice."""

WAIT_S_MIN: Final = 0.002
"""Shortest wait for a timer: also a deadline that stays in the past takes no whole core."""

LOOK_AGAIN_S: Final = 30.0
"""Longest wait for a timer: a clock that was set, or a suspended machine, is noticed then."""

GOODBYE_S: Final = 3.0
"""How long goodbyes may take to leave when the program stops."""

SET_BACK_S: Final = 60.0
"""A clock that goes back by more was set: what the node planned lies too far ahead then."""

SIMULTANEOUS_S: Final = HANDSHAKE_S
"""Two links of one pair that are closer in time crossed on the way; see `Driver._replaces`."""

log = logging.getLogger("peerrec.driver")


class DrivenNode(Endpoint, Protocol):
    """What a driver calls of a node; `peerrec.node.Node` has it all."""

    def publish(self, now: float) -> list[Effect]:
        """Send what is new and public in the store."""
        ...

    def goodbye(self, now: float) -> list[Effect]:
        """End all links."""
        ...


class Driver:
    """One node's sockets and timers.

    Args:
        node: what is driven.
        keys: for the handshakes; its identity is the node's.
        clock: returns unix seconds.
        admission, reception, limits: bounds on who connects and what links may take.
        arrivals: returns a number that grows when a message brought something new; such
            messages are no burden, however much they cost.

    Attributes:
        node: what is driven.
        links: by peer id.
        counts: what went wrong, by what; ``bug`` counts errors of our own.
        listener: who connects comes through it.
        link_ended: told of each link that ends, by whose and why, before the node is.
        turned: told after each thing that happened to the node.
        renew: makes the node anew after the clock was set back; None keeps the one there is.
    """

    def __init__(
        self,
        node: DrivenNode,
        keys: ChannelKeys,
        *,
        clock: Callable[[], float] = time.time,
        admission: Admission | None = None,
        reception: Reception = Reception(),  # noqa: B008 - frozen
        limits: LinkLimits = LinkLimits(),  # noqa: B008 - frozen
        arrivals: Callable[[], int] = lambda: 0,
    ) -> None:
        self.node = node
        self.links: dict[bytes, Link] = {}
        self.counts: Counter[str] = Counter()
        self.link_ended: Callable[[bytes, str], None] = lambda peer, reason: None
        self.turned: Callable[[], None] = lambda: None
        self.renew: Callable[[], DrivenNode] | None = None
        self._clock = clock
        self._latest = clock()
        self._limits = limits
        self._arrivals = arrivals
        self._cpu = Budgets(limits.cpu_share, limits.cpu_burst_s)
        self.listener = Listener(
            keys, self._hello, self._arrived, admission=admission, reception=reception
        )
        self._dialer = Dialer(keys, handshake_s=reception.handshake_s)
        self._dials: dict[Dial, asyncio.Task[None]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._quiet = asyncio.Event()
        self._quiet.set()
        self._stopping = False
        self._waiting: list[tuple[Callable[[], bool], asyncio.Future[None]]] = []

    # -- begin and end ------------------------------------------------------------------

    async def start(self, line: socket.socket | None = None) -> None:
        """Listen at a socket, where one is given, and let the node begin."""
        if line is not None:
            await self.listener.start(line)
        self.tick()

    async def stop(self) -> None:
        """Say goodbye on all links and close everything, within five seconds."""
        self._stopping = True
        if self._timer is not None:
            self._timer.cancel()
        for dial in self._dials.values():
            dial.cancel()
        self.ask(self.node.goodbye)
        for link in self.links.values():
            link.hang_up("shutdown")
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._quiet.wait(), GOODBYE_S)
        for link in self.links.values():
            link.cut("shutdown")
        await self.listener.close()
        if self._tasks:
            _, late = await asyncio.wait(self._tasks, timeout=GOODBYE_S / 2)
            for task in late:
                task.cancel()
        await self._dialer.close()

    # -- the node -----------------------------------------------------------------------

    def tick(self) -> None:
        """Do what is due and set the timer anew."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if not self._stopping:
            self.ask(self.node.on_timer)

    def bound_links(self, limits: LinkLimits) -> None:
        """Let each link that begins from now on take so much."""
        self._limits = limits
        self._cpu = Budgets(limits.cpu_share, limits.cpu_burst_s)

    def publish(self) -> None:
        """Have the node look for what is new in its store."""
        self.ask(self.node.publish)

    def ask(self, question: Callable[..., list[Effect]], *args: Any, **more: Any) -> bool:
        """Call the node with the time and perform what it wants; False where it failed."""
        now = self._clock()
        behind_s, self._latest = self._latest - now, now
        if behind_s > SET_BACK_S and self.renew is not None and not self._stopping:
            self._begin_anew(self.renew, behind_s)
            return False  # whose question this was is no node any more
        try:
            effects = question(*args, now=now, **more)
        except PeerrecError as error:
            log.warning("%s: %s", question.__name__, error)
            self.counts["refused"] += 1
            return False
        except Exception:
            # One peer's message must not stop the node, even where the fault is ours.
            log.exception("%s failed", question.__name__)
            self.counts["bug"] += 1
            return False
        finally:
            self._set_timer()
        for effect in effects:
            self._perform(effect)
        self._tell_waiting()
        self.turned()
        return True

    def _begin_anew(self, renew: Callable[[], DrivenNode], behind_s: float) -> None:
        """Part with all peers and put a new node, which plans from now on, in the node's place.

        Deadlines, budgets and waits of the old one are up to ``behind_s`` ahead: until then
        it would neither publish nor compare anything.
        """
        log.warning("the clock was set back by %.0f s: all links are made anew", behind_s)
        self.counts["clock set back"] += 1
        for dial in self._dials.values():
            dial.cancel()
        self.ask(self.node.goodbye)
        for link in list(self.links.values()):
            link.hang_up("clock")
            self._drop(link, "clock")
        try:
            self.node = renew()
        except PeerrecError as error:  # the old one still serves, if late
            log.warning("no new node could be made: %s", error)
        asyncio.get_running_loop().call_soon(self.tick)

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait until something is so; looked at after each thing that happens to the node."""
        if condition():
            return
        waiting = condition, asyncio.get_running_loop().create_future()
        self._waiting.append(waiting)
        try:
            await waiting[1]
        finally:
            self._waiting.remove(waiting)

    def _tell_waiting(self) -> None:
        for condition, future in self._waiting:
            if not future.done() and condition():
                future.set_result(None)

    def dial(self, dial: Dial) -> None:
        """Open a link that the node did not ask for."""
        self._begin_dial(dial)

    def _perform(self, effect: Effect) -> None:
        if isinstance(effect, Send):
            link = self.links.get(effect.peer)
            if link is None:
                self.counts["no-link"] += 1
            else:
                link.send(effect.data, effect.priority)
        elif isinstance(effect, Hangup):
            link = self.links.get(effect.peer)
            if link is not None:
                link.hang_up(effect.reason)
        else:
            self._begin_dial(effect)

    def _set_timer(self) -> None:
        """Wake up at the node's next deadline; waking up before it does no harm."""
        if self._stopping:
            return
        loop = asyncio.get_running_loop()
        wait = min(max(self.node.next_deadline() - self._clock(), WAIT_S_MIN), LOOK_AGAIN_S)
        if self._timer is not None:
            if self._timer.when() <= loop.time() + wait:
                return
            self._timer.cancel()
        self._timer = loop.call_later(wait, self.tick)

    def _hello(self) -> bytes:
        # Padded like any message: its length would tell how long our address is.
        return wire.padded(self.node.hello(self._clock()))

    @property
    def dialling(self) -> bool:
        """Whether a dial is under way."""
        return bool(self._dials)

    # -- dials --------------------------------------------------------------------------

    def _begin_dial(self, dial: Dial) -> None:
        if self._stopping or dial in self._dials:
            return
        if dial.peer in self.links:
            self._soon_failed(dial, "duplicate")
        elif len(self._dials) >= DIALS_MAX:
            self._soon_failed(dial, "busy")
        else:
            task = self._dials[dial] = asyncio.create_task(self._dial(dial))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    def _soon_failed(self, dial: Dial, reason: str) -> None:
        """Tell the node that a dial failed, but not within the call that asked for it."""
        asyncio.get_running_loop().call_soon(self._dial_failed, dial, reason)

    def _dial_failed(self, dial: Dial, reason: str) -> None:
        self.counts[f"dial-{reason}"] += 1
        self.ask(self.node.dial_failed, dial.peer, dial.address, reason)

    async def _dial(self, dial: Dial) -> None:
        """Open a link and follow it to its end."""
        try:
            websocket, channel = await self._dialer.dial(dial.address, dial.peer, self._hello())
        except DialError as error:
            log.info("%s", error)
            del self._dials[dial]
            self._dial_failed(dial, error.reason)
            return
        except BaseException as error:
            del self._dials[dial]
            if isinstance(error, Exception):
                log.exception("dialling %s failed", dial.address.text())
                self._dial_failed(dial, "bug")
            raise
        del self._dials[dial]
        await self._arrived(websocket, channel, Origin(dial.address.host, dial))

    # -- links --------------------------------------------------------------------------

    async def _arrived(self, websocket: WebSocket, channel: Channel, origin: Origin) -> None:
        """Follow a link from the end of its handshake to its own end."""
        whose = self._cpu.of(payer(channel.peer, origin))
        link = Link(websocket, channel, origin, self._limits, whose)
        refusal = self._refusal(link)
        if refusal is not None:
            await self._turn_away(link, *refusal)
            return
        self._take_up(link)
        reason = "broken"
        try:
            reason = await link.run(self._received)
        except Exception:
            log.exception("the link to %s failed", short(link.peer))
            self.counts["bug"] += 1
        finally:
            self._drop(link, reason)

    def _received(self, link: Link, data: bytes) -> bool:
        """Hand a message to the node; return whether it brought something new."""
        if self.links.get(link.peer) is not link:
            return False  # another link has taken its place
        before = self._arrivals()
        if not self.ask(self.node.receive, data, link.peer):
            link.cut("refused")
        return self._arrivals() > before

    def _take_up(self, link: Link) -> None:
        """Tell the node of a link, in place of an older one to the same peer."""
        old = self.links.get(link.peer)
        if old is not None:
            old.send(goaway(GoawayCode.DUPLICATE, "duplicate"))
            old.hang_up("duplicate")
            self._drop(old, "duplicate")
        self.links[link.peer] = link
        self._quiet.clear()
        told = self.ask(
            self.node.link_up,
            link.peer,
            dialled=link.origin.dialled,
            address=link.origin.address,
            host=link.origin.host,
            hello=link.channel.hello,
            binding=link.channel.binding,
        )
        if not told:
            link.cut("refused")

    def _drop(self, link: Link, reason: str) -> None:
        """Tell the node that a link ended, unless another has taken its place."""
        if self.links.get(link.peer) is not link:
            return
        del self.links[link.peer]
        if not self.links:
            self._quiet.set()
        log.info("%s: link ended: %s", short(link.peer), reason)
        self.counts[f"end-{reason}"] += 1
        self.link_ended(link.peer, reason)
        self.ask(self.node.link_down, link.peer, reason)

    async def _turn_away(self, link: Link, code: GoawayCode, why: str) -> None:
        """Say why there may be no link, and end it."""
        self.counts[f"turned-away-{why}"] += 1
        dial = link.origin.dial
        if dial is not None:
            self.ask(self.node.dial_failed, dial.peer, dial.address, why)
        link.send(goaway(code, ""))
        link.hang_up(why)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(GOODBYE_S):
                await link.run(ignored)

    def _refusal(self, link: Link) -> tuple[GoawayCode, str] | None:
        """Return why a link may not be, None where it may."""
        if self._stopping:
            return GoawayCode.SHUTDOWN, "shutdown"
        if not link.origin.dialled:
            why = self.node.refuses(link.peer, link.origin.host, self._clock())
            if why is not None:
                return GoawayCode.FULL, why  # why is ours to know: it may be a block
        old = self.links.get(link.peer)
        if old is not None and not self._replaces(link, old):
            return GoawayCode.DUPLICATE, "duplicate"
        return None

    def _replaces(self, new: Link, old: Link) -> bool:
        """Return whether a second link to a peer takes the place of the first.

        Where both sides dialled at once, both must keep the same link: the one that the
        smaller id dialled. Otherwise who dials again has lost the first one.
        """
        crossed = new.origin.dialled != old.origin.dialled
        if not crossed or new.since - old.since > SIMULTANEOUS_S:
            return True
        return new.origin.dialled == (self.node.peer < new.peer)


def goaway(code: GoawayCode, text: str) -> bytes:
    """Return the last message of a link."""
    return wire.padded(wire.encode(Goaway(0, code, text)))


def ignored(link: Link, data: bytes) -> bool:
    """Take no note of a message."""
    return False


def payer(peer: bytes, origin: Origin) -> Hashable:
    """Return whose budget pays for a link: identities cost nothing, addresses do.

    Those that this node dialled it chose, and this machine's own addresses, behind which
    all visitors of a proxy may be, belong to many: there each peer pays for itself.
    """
    try:
        local = ipaddress.ip_address(origin.host).is_loopback
    except ValueError:
        local = False
    return peer if local or origin.dialled else household(origin.host)
