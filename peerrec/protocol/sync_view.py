"""See one's own frontier as a session sees it: under the link's keys, on the session's day.

Example:
    >>> keys = LinkKeys.derive(bytes(32))
    >>> len(keys.root), len(keys.elements), len(keys.sketch)
    (32, 16, 16)
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np

from peerrec.limits import FLOORS_MAX
from peerrec.protocol.elements import Elements, log_block, segment_checks, tag_logs
from peerrec.protocol.frontier import EVERYTHING, Log
from peerrec.protocol.messages import Run
from peerrec.protocol.sync_memory import PeerMemory
from peerrec.protocol.sync_ranges import runs_of
from peerrec.protocol.sync_shelf import Shelf

__all__ = ["LinkKeys", "View", "log_name", "read_log_name"]


class LinkKeys(NamedTuple):
    """Keys of one link: what one link's tags and sketches say means nothing on another."""

    root: bytes
    elements: bytes
    sketch: bytes

    @classmethod
    def derive(cls, binding: bytes) -> LinkKeys:
        """Return the keys that follow from the channel's 32 secret-bound bytes."""
        uses = ((b"root", 32), (b"elements", 16), (b"sketch", 16))
        return cls(*(_derived(binding, use, size) for use, size in uses))


def _derived(binding: bytes, use: bytes, size: int) -> bytes:
    return hashlib.blake2b(b"peerrec/1/" + use, key=binding, digest_size=size).digest()


LOG_NAME_BYTES: Final = 36
"""Length of a log's full name."""


def log_name(log: Log) -> bytes:
    """Return a log's full name on the wire: author and big-endian epoch, 36 bytes."""
    return log[0] + log[1].to_bytes(4, "big")


def read_log_name(name: bytes) -> Log:
    """Return the log with a full name."""
    return name[:32], int.from_bytes(name[32:], "big")


class View:
    """A frontier through the eyes of one session.

    Args:
        shelf: what is held.
        memory: of the peer.
        keys: of the link.
        day: that the session compares, days since 1970.
        initiator: whether this side began the session.
    """

    def __init__(
        self, shelf: Shelf, memory: PeerMemory, keys: LinkKeys, day: int, *, initiator: bool
    ) -> None:
        self.shelf = shelf
        self.memory = memory
        self.keys = keys
        self.day = day
        self.initiator = initiator
        self._elements: Elements | None = None
        self._everything: Elements | None = None
        self._logs_by_tag: dict[int, list[Log]] = {}
        self._tags: dict[Log, int] = {}
        self._tagged_version = -1
        self._told_again: set[Log] = set()

    # -- comparing -------------------------------------------------------------------

    def root(self) -> bytes:
        """Return 8 bytes that both sides share if they hold the same of what both want."""
        salt = self.memory.salt(told_first=self.initiator)
        return self.shelf.frontier.root(self.keys.root, self.day, self.memory.heard, salt)

    def refresh(self) -> None:
        """Let the next `elements` be of the frontier as it is then."""
        self._elements = None
        self._everything = None

    @property
    def elements(self) -> Elements:
        """What counts, one element each, as of the first use since `refresh`."""
        if self._elements is None:
            frontier = self.shelf.frontier
            self._elements = frontier.elements(self.keys.elements, self.day, self.memory.heard)
        return self._elements

    def log_elements(self) -> dict[int, tuple[Log, int]]:
        """Return each log that counts by its tag: the log and its element."""
        frontier = self.shelf.frontier
        return frontier.log_elements(self.keys.elements, self.day, self.memory.heard)

    def checks(self, log: Log, seqs: list[int]) -> list[int]:
        """Return the 4-byte checks of segments that are held, as integers."""
        frontier = self.shelf.frontier
        ids = [frontier.id_of(*log, seq) or bytes(32) for seq in seqs]
        table = np.frombuffer(b"".join(id[:16] for id in ids), np.uint8).reshape(-1, 16)
        checks: list[int] = segment_checks(self.keys.elements, table).tolist()
        return checks

    def excludes_any(self, elements: Sequence[int]) -> bool:
        """Return whether the peer has elements that we leave out because it said so.

        Then what we remember of its floors is wrong: it holds nothing below them.
        """
        if not self.memory.heard or not elements:
            return False
        if self._everything is None:
            self._everything = self.shelf.frontier.elements(self.keys.elements, self.day, {})
        return bool(np.isin(np.array(elements, np.uint64), self._everything.values).any())

    def contradicts(self, log: Log, runs: Sequence[int]) -> bool:
        """Return whether the peer holds of a log what we remember it holds nothing of."""
        floor = self.memory.heard.get(log, 0)
        return bool(floor and runs and runs[0] < floor)

    def hides_fork(self, log: Log) -> bool:
        """Return whether we leave a log's fork out because the peer said so.

        Nothing is held from a fork on: if the peer speaks of such a log, that is of the fork,
        or of what is below it, and what we remember of its floor is wrong.
        """
        fork = self.shelf.frontier.forked.get(log)
        return fork is not None and fork < self.memory.heard.get(log, 0)

    # -- logs and their tags -----------------------------------------------------------

    def _retag(self) -> None:
        frontier = self.shelf.frontier
        if self._tagged_version == frontier.version:
            return
        self._tagged_version = frontier.version
        self._logs_by_tag = {}
        for tag, log in frontier.tags(self.keys.elements):
            self._logs_by_tag.setdefault(tag, []).append(log)

    def behind(self, tag: int) -> list[Log]:
        """Return the logs known here with a tag: none, one, and two once in 2^32."""
        logs = self._logs_by_tag.get(tag)
        if logs is None or any(not self.shelf.frontier.knows(log) for log in logs):
            self._retag()
        return self._logs_by_tag.get(tag, [])

    def tag(self, log: Log) -> int:
        """Return a log's tag on this link."""
        tag = self._tags.get(log)
        if tag is None:
            tag = int(tag_logs(self.keys.elements, [log_block(log_name(log))])[0])
            self._tags[log] = tag
        return tag

    def element(self, log: Log, seq: int) -> int:
        """Return the element of a segment that is held."""
        return self.tag(log) << 32 | self.checks(log, [seq])[0]

    def named(self, name: bytes) -> list[Log]:
        """Return the logs that a message names, by tag (if known here) or in full."""
        if len(name) == 4:
            return self.behind(int.from_bytes(name, "big"))
        return [read_log_name(name)]

    # -- what is held and wanted -------------------------------------------------------

    def held(self, log: Log, floor: int = 0) -> list[int]:
        """Return the numbers held of a log that count and that the peer may want."""
        floor = max(floor, self.memory.heard.get(log, 0))
        return self.shelf.frontier.seqs(log, self.day, floor)

    def floor(self, log: Log) -> int:
        """Return the lowest number wanted here of a log; `EVERYTHING` if none is."""
        return self.shelf.floor(log) if self.shelf.wants(log[0]) else EVERYTHING

    def run(self, log: Log) -> Run:
        """Return the entry that tells what is held of a log, and from where on more is wanted."""
        name = self.tag(log).to_bytes(4, "big")
        return Run(log=name, runs=runs_of(self.held(log)), floor=self.floor(log))

    def tell_floor(self, log: Log) -> Run | None:
        """Return the entry that tells the peer what is not wanted of a log; None for nothing.

        Only what is not held either is told: the peer then leaves out of its summaries
        what is not in ours. It is asked for logs that the peer speaks of: one that it was
        told to leave out altogether shows that the word was lost, so it is told again.
        """
        floor = min(self.floor(log), self.shelf.frontier.lowest(log))
        told = self.memory.told.get(log, 0)
        if floor == told == EVERYTHING and log not in self._told_again:
            self._told_again.add(log)
            return Run(log=log_name(log), floor=floor)
        if floor <= told or not self.memory.tell(log, floor):
            return None
        return Run(log=log_name(log), floor=floor)

    def retractions(self) -> list[Run]:
        """Return what was told to be unwanted and is wanted, or held, by now."""
        entries = []
        for log, told in list(self.memory.told.items())[:FLOORS_MAX]:
            floor = min(self.floor(log), self.shelf.frontier.lowest(log))
            if floor < told:
                self.memory.tell(log, floor)
                entries.append(Run(log=log_name(log), floor=floor))
        return entries
