"""Send segments in answer to questions: bundled, in the order asked, as credit allows.

Every answer ends with a mark, the last PUSH or a DONE, so that who asked knows when
there is no more to wait for.

Example:
    >>> a, b = (b"a" * 32, 1), (b"b" * 32, 1)
    >>> [(log == a, seq) for log, seq in newest_first([(b, 1), (a, 7), (b, 2)])]
    [(False, 2), (False, 1), (True, 7)]
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice

from peerrec.limits import CREDIT_BYTES, CREDIT_MAX_BYTES
from peerrec.protocol.bundle import pack
from peerrec.protocol.effects import Priority
from peerrec.protocol.frontier import Log
from peerrec.protocol.messages import Push, Status, StatusCode
from peerrec.protocol.segment import Segment
from peerrec.protocol.sync_shelf import Outgoing, Shelf

__all__ = ["Credit", "Transfer", "newest_first"]

_RAW_BYTES = 112 << 10  # frames that go into one bundle at most: deflated they fill a message
_READ_AT_ONCE = 16


def newest_first(refs: Iterable[tuple[Log, int]]) -> list[tuple[Log, int]]:
    """Return segments with logs in the order of their first one, newest first in each log."""
    by_log: dict[Log, list[int]] = {}
    for log, seq in refs:
        by_log.setdefault(log, []).append(seq)
    return [(log, seq) for log, seqs in by_log.items() for seq in sorted(seqs, reverse=True)]


class _Answer:
    """One answer: what is still to be read, and what was read and did not fit."""

    def __init__(self, shelf: Shelf, refs: Sequence[tuple[Log, int]]) -> None:
        read = (shelf.segment(log, seq) for log, seq in refs)
        self._rest: Iterator[Segment] = (segment for segment in read if segment is not None)

    def take(self) -> tuple[list[Segment], bool]:
        """Return segments for one bundle, and whether there are no more after them."""
        taken: list[Segment] = []
        n_bytes = 0
        while n_bytes < _RAW_BYTES:
            some = list(islice(self._rest, _READ_AT_ONCE))
            taken += some
            n_bytes += sum(len(segment.payload) + 192 for segment in some)
            if len(some) < _READ_AT_ONCE:
                return taken, True
        return taken, False

    def put_back(self, segments: Sequence[Segment]) -> None:
        """Let segments be the next ones again."""
        self._rest = chain(segments, self._rest)


class Credit:
    """Bytes of bundles that may be made for one link before the peer grants more.

    The queue of the link counts the bytes that leave; this keeps a session from making
    more of them than the queue can hold.
    """

    __slots__ = ("left",)

    def __init__(self, n_bytes: int = CREDIT_BYTES) -> None:
        self.left = min(n_bytes, CREDIT_MAX_BYTES)

    def grant(self, n_bytes: int) -> None:
        """Allow ``n_bytes`` more, up to CREDIT_MAX_BYTES."""
        self.left = min(self.left + n_bytes, CREDIT_MAX_BYTES)


class Transfer:
    """What one side of a session has still to send.

    Attributes:
        n_sent: segments sent.
    """

    def __init__(self, shelf: Shelf, request: int, credit: Credit) -> None:
        self._shelf = shelf
        self._request = request
        self._credit = credit
        self._answers: deque[_Answer] = deque()
        self.n_sent = 0

    @property
    def idle(self) -> bool:
        """Whether everything has been sent."""
        return not self._answers

    def answer(self, refs: Sequence[tuple[Log, int]]) -> None:
        """Queue the answer to one question; without segments it is a DONE alone."""
        self._answers.append(_Answer(self._shelf, refs))

    def flow(self) -> Outgoing:
        """Return what may be sent now."""
        out: Outgoing = []
        while self._answers and self._credit.left > 0:
            answer = self._answers[0]
            segments, ended = answer.take()
            if not segments:
                out.append((Priority.BULK, Status(self._request, StatusCode.DONE)))
                self._answers.popleft()
                continue
            bundle, n = pack(segments)
            answer.put_back(segments[n:])
            last = ended and n == len(segments)
            self._credit.left -= len(bundle)
            self.n_sent += n
            out.append((Priority.BULK, Push(self._request, last, bundle)))
            if last:
                self._answers.popleft()
        return out
