"""Run the exchanges: bytes out, bytes in, epochs by each node's own count.

One round: every node that is online and not yet busy, in an order of chance, opens an exchange
with a partner drawn by merit among those online and not busy; a node takes part in one exchange
a round. Both sides then have completed one. What is sent goes through `encode_table` and
`decode_table` with all their rounding and checks.

One exchange a round matters: where partners may be met several times a round, nodes end their
epochs at different times, well-mixed tables meet fresh ones, and lists get worse.

Example:
    >>> Course(epochs=2).exchanges(2)
    11
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from peerrec.ranking.factor_codec import decode_table, encode_table
from peerrec.ranking.factor_local import EPOCH_EXCHANGES
from peerrec_sim.factor_gossip.attackers import ATTACKS
from peerrec_sim.factor_gossip.people import Crowd

__all__ = ["ROWS_LIMIT", "Course", "Sent", "run_epochs"]

ROWS_LIMIT = 65_536
"""Rows of a table that a receiver accepts."""


@dataclass(frozen=True, slots=True)
class Course:
    """How exchanges go.

    Attributes:
        epochs: how many every node is to end.
        rows_max: rows sent at most; None for all.
        offline: chance of each node to be away in a round.
        sybil_contacts: share of exchanges whose partner is a Sybil.
        attack: name in `ATTACKS`, where there are Sybils.
    """

    epochs: int = 3
    rows_max: int | None = None
    offline: float = 0.0
    sybil_contacts: float = 0.0
    attack: str = "promote"

    def exchanges(self, epochs: int) -> int:
        """Return how many exchanges a node has completed that has ended so many epochs."""
        lengths = (*EPOCH_EXCHANGES, *[EPOCH_EXCHANGES[-1]] * epochs)
        return sum(lengths[:epochs])


@dataclass(slots=True)
class Sent:
    """What was sent so far.

    Attributes:
        bytes: of tables, by node.
        exchanges: completed, by node.
        refused: tables that did not agree, by receiver.
    """

    bytes: npt.NDArray[np.int64]
    exchanges: npt.NDArray[np.int64]
    refused: npt.NDArray[np.int64]


def run_epochs(crowd: Crowd, course: Course) -> Iterator[Sent]:
    """Yield after each epoch that nine of ten nodes have ended."""
    n = len(crowd.nodes)
    rng = np.random.default_rng([crowd.options.seed, 2])
    sent = Sent(*(np.zeros(n, np.int64) for _ in range(3)))
    for epoch in range(1, course.epochs + 1):
        goal = course.exchanges(epoch)
        while (sent.exchanges >= goal).mean() < 0.9 and sent.exchanges.mean() < goal + 2:
            _round(crowd, course, sent, rng, goal)
        yield sent


def _round(crowd: Crowd, course: Course, sent: Sent, rng: np.random.Generator, goal: int) -> None:
    """Let everybody who is online and short of exchanges open one."""
    n = len(crowd.nodes)
    free = rng.random(n) >= course.offline
    for user in rng.permutation(n).tolist():
        if not free[user] or sent.exchanges[user] >= goal:
            continue
        if rng.random() < course.sybil_contacts:
            _meet_sybil(crowd, course, sent, rng, user)
            free[user] = False
            continue
        partner = _partner(crowd, free, user, rng)
        if partner != user:
            _meet(crowd, course, sent, user, partner)
            free[[user, partner]] = False


def _partner(crowd: Crowd, free: npt.NDArray[np.bool_], user: int, rng: np.random.Generator) -> int:
    """Draw a partner by merit among those free; the node itself where there is none."""
    if crowd.merit is None:
        chances = free.astype(np.float64)
    else:
        chances = crowd.merit[user] * free.astype(np.float64)
    chances[user] = 0.0
    total = np.cumsum(chances)
    if total[-1] <= 0:
        return user
    return int(np.searchsorted(total, rng.random() * total[-1], side="right"))


def _meet(crowd: Crowd, course: Course, sent: Sent, first: int, second: int) -> None:
    """Let two nodes average: both send what they had before."""
    data = [encode_table(crowd.nodes[user].offer(course.rows_max)) for user in (first, second)]
    for user, own, theirs in ((first, data[0], data[1]), (second, data[1], data[0])):
        _complete(crowd, course, sent, user, own, theirs)


def _meet_sybil(
    crowd: Crowd, course: Course, sent: Sent, rng: np.random.Generator, user: int
) -> None:
    node = crowd.nodes[user]
    own = encode_table(node.offer(course.rows_max))
    targets = crowd.keys[np.sort(crowd.options.targets)]
    hostile = ATTACKS[course.attack](node.table, targets, node.history.shape[0], rng)
    _complete(crowd, course, sent, user, own, encode_table(hostile))


def _complete(
    crowd: Crowd, course: Course, sent: Sent, user: int, own: bytes, theirs: bytes
) -> None:
    """Merge what came, count, and end the epoch when it is full."""
    node = crowd.nodes[user]
    table = decode_table(theirs, dim=crowd.options.settings.dim, rows_max=ROWS_LIMIT)
    sent.bytes[user] += len(own)
    if not node.receive(table):
        sent.refused[user] += 1
        return
    sent.exchanges[user] += 1
    if node.epoch_is_full:
        node.end_epoch()
