"""Look over a node's shoulder while a virtual network drives it: time its calls, see news.

Example:
    >>> from peerrec.testing.node_pair import NodePair
    >>> stopwatch = Stopwatch()
    >>> overseen = Overseen(NodePair(link=False).a.node, stopwatch)
    >>> overseen.on_timer(2e9), stopwatch.n_calls
    ([], 1)
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from time import perf_counter, process_time
from typing import Any, TypeAlias

from peerrec.node import Node
from peerrec.protocol.effects import Effect

__all__ = ["Overseen", "Stopwatch"]

Call: TypeAlias = Callable[[], list[Effect]]


class Stopwatch:
    """Measures calls.

    Attributes:
        wall_s, cpu_s: seconds spent in them altogether.
        n_calls: how many there were.
        last_s: wall seconds of the last one.
    """

    def __init__(self) -> None:
        self.wall_s = self.cpu_s = self.last_s = 0.0
        self.n_calls = 0

    def __call__(self, call: Call) -> list[Effect]:
        """Make a call and return what it returns."""
        wall, cpu = perf_counter(), process_time()
        effects = call()
        self.last_s = perf_counter() - wall
        self.wall_s += self.last_s
        self.cpu_s += process_time() - cpu
        self.n_calls += 1
        return effects


class Overseen:
    """A node whose calls go through a function; a `peerrec.peering.endpoint.Endpoint`.

    Args:
        node: the node.
        around: makes the call that it is given and returns what that returns.
    """

    def __init__(self, node: Node, around: Callable[[Call], list[Effect]]) -> None:
        self.node = node
        self._around = around

    @property
    def peer(self) -> bytes:
        """Id of the node."""
        return self.node.peer

    def hello(self, now: float) -> bytes:
        """Say what the node says."""
        return self.node.hello(now)

    def refuses(self, peer: bytes, host: str, now: float) -> str | None:
        """Refuse whom the node refuses."""
        return self.node.refuses(peer, host, now)

    def link_up(self, peer: bytes, **about: Any) -> list[Effect]:
        """Pass it on."""
        return self._around(partial(self.node.link_up, peer, **about))

    def link_down(self, *about: Any) -> list[Effect]:
        """Pass it on."""
        return self._around(partial(self.node.link_down, *about))

    def dial_failed(self, *about: Any) -> list[Effect]:
        """Pass it on."""
        return self._around(partial(self.node.dial_failed, *about))

    def receive(self, data: bytes, sender: bytes, now: float) -> list[Effect]:
        """Pass it on."""
        return self._around(partial(self.node.receive, data, sender, now))

    def on_timer(self, now: float) -> list[Effect]:
        """Pass it on."""
        return self._around(partial(self.node.on_timer, now))

    def next_deadline(self) -> float:
        """Return the node's."""
        return self.node.next_deadline()
