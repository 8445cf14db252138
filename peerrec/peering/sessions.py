"""Begin the sessions of all links when they are due, and see how each of them ends."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable

from peerrec.errors import RemoteProtocolError
from peerrec.peering.link import Link
from peerrec.peering.switchboard import Switchboard
from peerrec.protocol.alarm import Alarm
from peerrec.protocol.messages import Message

__all__ = ["Sessions"]


class Sessions:
    """When the frontiers of a node are compared with those of its peers.

    Args:
        switchboard: the links.
        counters: of the node.
        converged: told of each session after which both sides hold the same: over which
            link, how many segments moved, when.
        offended: told where a peer broke the rules while a session waited for it.

    Attributes:
        alarm: when `on_timer` has something to do; the links' schedules set it, too.
    """

    __slots__ = ("_converged", "_counters", "_offended", "_switchboard", "alarm")

    def __init__(
        self,
        switchboard: Switchboard,
        counters: Counter[str],
        converged: Callable[[Link, int, float], None],
        offended: Callable[[Link, RemoteProtocolError, float], None],
    ) -> None:
        self._switchboard = switchboard
        self._counters = counters
        self._converged = converged
        self._offended = offended
        self.alarm = Alarm()

    def on_timer(self, now: float) -> None:
        """Begin the sessions that are due, and give up those in which nothing moves."""
        if now < self.alarm.at:
            return
        self.alarm.at = math.inf
        for link in self._switchboard:
            if link.leaving:
                continue
            due = link.sync.next_deadline() if link.sync.busy else link.schedule.next_at
            if due > now:
                self.alarm.set(due)
            elif link.sync.busy:
                self._give_up(link, now)
            else:
                self.begin(link, now)

    def _give_up(self, link: Link, now: float) -> None:
        """End a session in which nothing moves."""
        before = link.sync.last_result
        try:
            self._switchboard.send_all(link, link.sync.on_timer(now))
            self._after(link, before, now)
        except RemoteProtocolError as error:
            self._offended(link, error, now)
        self._watch(link)

    def begin(self, link: Link, now: float) -> None:
        """Begin a session over a link that has none."""
        link.schedule.began(now)
        self._switchboard.send_all(link, link.sync.start(now))
        self._watch(link)

    def receive(self, link: Link, message: Message, now: float) -> None:
        """Deal with a message of a session.

        Raises:
            RemoteProtocolError: it breaks the rules.
        """
        before = link.sync.last_result
        self._switchboard.send_all(link, link.sync.receive(message, now))
        self._after(link, before, now)
        self._watch(link)

    def _watch(self, link: Link) -> None:
        """Look at a link again when something may be due; never once it parts."""
        if not link.leaving:
            busy = link.sync.busy
            self.alarm.set(link.sync.next_deadline() if busy else link.schedule.next_at)

    def _after(self, link: Link, before: object, now: float) -> None:
        result = link.sync.last_result
        if result is before or result is None:
            return
        n_moved = result.segments_in + result.segments_out
        link.schedule.ended(now, converged=result.converged, n_new=n_moved)
        self._counters["sessions converged" if result.converged else "sessions open"] += 1
        if result.converged:
            self._converged(link, n_moved, now)
