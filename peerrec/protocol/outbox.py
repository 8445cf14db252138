"""Queue what goes over one link: by priority, within bytes, bulk only on credit.

Example:
    >>> box = Outbox(credit=0)
    >>> box.put(b"bulk", Priority.BULK, cost=4), box.put(b"mine", Priority.OWN)
    (True, True)
    >>> box.ready()
    [(b'mine', <Priority.OWN: 1>)]
    >>> box.grant(4)
    >>> box.ready()
    [(b'bulk', <Priority.BULK: 3>)]
"""

from __future__ import annotations

from collections import deque

from peerrec.errors import RemoteProtocolError
from peerrec.limits import CREDIT_BYTES, CREDIT_MAX_BYTES, OUTBOX_BYTES_MAX
from peerrec.protocol.effects import Priority
from peerrec.protocol.violations import Violation

__all__ = ["Allowance", "Outbox"]

_ORDER = tuple(Priority)


class Outbox:
    """Messages waiting for one link.

    Under pressure gossip is dropped, oldest first: sessions bring it later. One's own
    segments, control and bulk are never dropped; where they alone are more than
    ``bytes_max`` the peer reads too slowly to be a link (`overflows`).

    Args:
        bytes_max: bytes that may wait.
        credit: bytes of bulk the peer takes at once, from its HELLO.

    Attributes:
        size_bytes: bytes that wait.
        credit: bytes of bulk that may still leave.
        n_dropped: messages of gossip dropped so far.
        dropped_bytes: their bytes.
    """

    __slots__ = ("_queues", "bytes_max", "credit", "dropped_bytes", "n_dropped", "size_bytes")

    def __init__(self, *, bytes_max: int = OUTBOX_BYTES_MAX, credit: int = CREDIT_BYTES) -> None:
        self.bytes_max = bytes_max
        self.credit = min(credit, CREDIT_MAX_BYTES)
        self.size_bytes = 0
        self.n_dropped = 0
        self.dropped_bytes = 0
        self._queues: dict[Priority, deque[tuple[bytes, int]]] = {}

    def __len__(self) -> int:
        return sum(len(queue) for queue in self._queues.values())

    @property
    def overflows(self) -> bool:
        """Whether more waits than allowed though all gossip was dropped: hang up."""
        return self.size_bytes > self.bytes_max

    def put(self, data: bytes, priority: Priority, *, cost: int = 0) -> bool:
        """Queue a message; False where it was dropped at once.

        Args:
            data: the message.
            priority: what it waits with.
            cost: bytes of credit that must be there before it leaves.
        """
        queue = self._queues.get(priority)
        if queue is None:
            queue = self._queues[priority] = deque()
        queue.append((data, cost))
        self.size_bytes += len(data)
        if self.size_bytes > self.bytes_max:
            self._relieve()
        return priority is not Priority.GOSSIP or bool(queue)

    def grant(self, n: int) -> None:
        """Let ``n`` bytes of bulk more leave, up to CREDIT_MAX_BYTES."""
        self.credit = min(self.credit + n, CREDIT_MAX_BYTES)

    def ready(self, room_bytes: int | None = None) -> list[tuple[bytes, Priority]]:
        """Take out what may leave now, most urgent first.

        Args:
            room_bytes: what the driver has room for; at least one message goes even if
                it is larger. None for no bound.
        """
        if not self.size_bytes:
            return []
        taken: list[tuple[bytes, Priority]] = []
        room = room_bytes if room_bytes is not None else self.size_bytes
        for priority in _ORDER if len(self._queues) > 1 else list(self._queues):
            queue = self._queues.get(priority)
            while queue and room > 0:
                data, cost = queue[0]
                n = len(data)
                if taken and n > room:
                    return taken
                if cost > self.credit:
                    break
                self.credit -= cost
                queue.popleft()
                taken.append((data, priority))
                room -= n
                self.size_bytes -= n
        if not self.size_bytes:
            self._queues.clear()  # an empty deque takes as much memory as one of 64 messages
        return taken

    def _relieve(self) -> None:
        gossip = self._queues.get(Priority.GOSSIP)
        while gossip and self.size_bytes > self.bytes_max:
            n = len(gossip.popleft()[0])
            self.size_bytes -= n
            self.n_dropped += 1
            self.dropped_bytes += n


class Allowance:
    """The other end of credit: what a peer may still send us in bulk.

    Example:
        >>> allowance = Allowance(100)
        >>> allowance.spend(60)
        >>> allowance.regrant()
        60

    Args:
        credit: bytes granted in our HELLO, and topped up to; at least twice a frame,
            else a large message could wait for ever.
    """

    __slots__ = ("credit", "left")

    def __init__(self, credit: int = CREDIT_BYTES) -> None:
        self.credit = credit
        self.left = credit

    def spend(self, n: int) -> None:
        """Count ``n`` bytes of bulk that came; RemoteProtocolError if not granted."""
        if n > self.left:
            raise RemoteProtocolError(
                Violation.RATE, f"{n} bytes of bulk came where {self.left} were granted"
            )
        self.left -= n

    def regrant(self) -> int:
        """Return the bytes to grant now: 0 until half of the credit is spent."""
        spent = self.credit - self.left
        if spent * 2 < self.credit:
            return 0
        self.left = self.credit
        return spent
