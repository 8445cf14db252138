"""Ask and offer in a session, and keep account of what is due on either side.

Each question has one end: a WANT or HELD ends with a last PUSH or a DONE, NAMES with one
NAMED; an offer (IHAVE, NAMED) ends with a CHOSEN whose ``count`` is 0.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

import numpy as np

from peerrec.protocol.effects import Priority
from peerrec.protocol.frontier import EVERYTHING, Log
from peerrec.protocol.messages import (
    Ihave,
    Message,
    Proof,
    Purpose,
    Ranges,
    Run,
    Want,
    WantKind,
)
from peerrec.protocol.riblt import element_bytes
from peerrec.protocol.sync_shelf import Outgoing, Shelf
from peerrec.protocol.sync_transfer import Credit, Transfer
from peerrec.protocol.sync_view import View, log_name, read_log_name

__all__ = ["PAGE", "Asking", "control", "pages"]

PAGE: Final = 4_000
"""Elements of one message: half a frame, so that bulk is never stuck behind it for long."""

NAMES_PAGE: Final = 900
"""Names asked for in one message: with what belongs to them they fill a frame, or nearly."""

RANGES_BYTES: Final = 56 << 10
"""Bytes of runs in one message."""

PROOFS_MAX: Final = 256
"""Proofs sent in one session: more forks at once are an attack on both sides."""

_RUN_BYTES: Final = 20  # heads of array, log, runs and checks, and the floor

Offer = tuple[Log, int | None]
"""What was offered: a segment, a fork, or with None a whole log."""


def control(*messages: Message | None) -> Outgoing:
    """Return messages to be sent before any bulk; None is left out."""
    return [(Priority.CONTROL, message) for message in messages if message is not None]


class Asking:
    """What one side of a session asks, offers and tells.

    Args:
        view: of what is held here.
        request: number of the session.
        credit: bytes of bundles that may be made.

    Attributes:
        transfer: what is still to be sent.
    """

    def __init__(self, view: View, request: int, credit: Credit) -> None:
        self.view = view
        self.shelf: Shelf = view.shelf
        self.request = request
        self.transfer = Transfer(view.shelf, request, credit)
        self._answers_due = 0
        self._choices_due = 0
        self._names_due = 0
        self._offers: list[Offer] = []
        self._forgot = False
        self._proved: set[tuple[Log, int]] = set()

    @property
    def quiet(self) -> bool:
        """Whether nothing is asked, offered or on its way, in either direction."""
        return not self.waits and self.transfer.idle

    @property
    def waits(self) -> bool:
        """Whether the peer owes an answer."""
        return bool(self._answers_due or self._choices_due or self._names_due)

    def ask_elements(self, elements: Sequence[int]) -> Outgoing:
        """Return the questions for segments behind elements."""
        out: Outgoing = []
        for start in range(0, len(elements), PAGE):
            data = element_bytes(np.array(elements[start : start + PAGE], np.uint64))
            self._answers_due += 1
            out += control(Want(self.request, WantKind.ELEMENTS, data=data))
        return out

    def ask_since(self, arrival: int) -> Outgoing:
        """Return the question for what arrived at the peer after a number."""
        self._answers_due += 1
        return control(Want(self.request, WantKind.SINCE, start=arrival))

    def ask_names(self, tags: Sequence[int]) -> Outgoing:
        """Return the questions for the logs behind tags."""
        out: Outgoing = []
        for start in range(0, len(tags), NAMES_PAGE):
            data = np.array(tags[start : start + NAMES_PAGE], ">u4").tobytes()
            self._names_due += 1
            out += control(Want(self.request, WantKind.NAMES, data=data))
        return out

    def ask_all_names(self, start: int) -> Outgoing:
        """Return the question for the names of all logs from one on."""
        self._names_due += 1
        return control(Want(self.request, WantKind.NAMES, start=start))

    def tell_held(self, logs: Sequence[Log]) -> Outgoing:
        """Return what is held of logs that differ, for the peer to send the rest."""
        out = self.prove(logs)
        for page in pages(map(self.view.run, logs)):
            self._answers_due += 1
            out += control(Ranges(self.request, Purpose.HELD, tuple(page)))
        return out

    def offer_elements(self, elements: Sequence[int]) -> Outgoing:
        """Return the offer of segments that only we hold, by their elements."""
        out: Outgoing = []
        for start in range(0, len(elements), PAGE):
            page = elements[start : start + PAGE]
            self._offers += [self.view.elements.find(value) or ((b"", 0), 0) for value in page]
            self._choices_due += 1
            out += control(Ihave(self.request, element_bytes(np.array(page, np.uint64))))
        return out

    def offer_logs(self, logs: Iterable[Log]) -> Outgoing:
        """Return the offer of whole logs, by name."""
        logs = list(logs)
        out = self.prove(logs)
        for page in pages(Run(log_name(log)) for log in logs):
            out += self._offer_page(page)
        return out

    def _offer_page(self, page: Sequence[Run]) -> Outgoing:
        self._offers += [(read_log_name(run.log), None) for run in page]
        self._choices_due += 1
        return control(Ranges(self.request, Purpose.NAMED, tuple(page)))

    def tell_floors(self, entries: Sequence[Run]) -> Outgoing:
        """Return what the peer is to leave out from now on."""
        return control(
            *(Ranges(self.request, Purpose.UNWANTED, tuple(page)) for page in pages(entries))
        )

    def forget_floors(self) -> Outgoing:
        """Forget both sides' floors, once in a session: they remember different ones."""
        if self._forgot:
            return []
        self._forgot = True
        self.view.memory.forget_floors()
        return control(Ranges(self.request, Purpose.UNWANTED, ()))

    def prove(self, logs: Iterable[Log]) -> Outgoing:
        """Return the proofs of those logs that forked; each once in a session."""
        forked = self.shelf.frontier.forked
        proofs: list[Message] = []
        for log in logs:
            fork = (log, forked.get(log, EVERYTHING))
            if log not in forked or fork in self._proved or len(self._proved) >= PROOFS_MAX:
                continue
            evidence = self.shelf.proof(log)
            if evidence is not None:
                self._proved.add(fork)
                proofs.append(Proof(self.request, evidence))
        return control(*proofs)


def pages(entries: Iterable[Run]) -> Iterator[list[Run]]:
    """Yield entries in lists that fit one message each."""
    page: list[Run] = []
    n_bytes = 0
    for run in entries:
        size = _RUN_BYTES + len(run.log) + len(run.checks) + sum(map(_packed_size, run.runs))
        if page and n_bytes + size > RANGES_BYTES:
            yield page
            page, n_bytes = [], 0
        page.append(run)
        n_bytes += size
    if page:
        yield page


def _packed_size(number: int) -> int:
    """Return a bound on the bytes of a number in MessagePack."""
    return 1 if number < 128 else 3 if number < 1 << 16 else 9
