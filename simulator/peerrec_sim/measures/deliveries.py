"""Note when each segment was signed and when it reached whom.

A participant remembers when each arrival number of its store was given. `arrivals_since`
puts names to those numbers at every measurement, before old segments make room for new
ones; after the run `joined` brings what authors and receivers noted together.

Example:
    >>> from array import array
    >>> from peerrec.testing.node_pair import NodePair
    >>> pair = NodePair(seed=1)
    >>> pair.a.play("song:a")
    >>> pair.b.trust(pair.a)
    >>> pair.settle()
    >>> number = {pair.a.peer: 0, pair.b.peer: 1}
    >>> times = array("d", [7.0] * 100)
    >>> parts = [arrivals_since(0, at, each.store.segments.index(), times, number)
    ...     for at, each in enumerate((pair.a, pair.b))]
    >>> table = joined(parts)
    >>> sorted(set(zip(table["author"].tolist(), table["receiver"].tolist())))
    [(0, 1), (1, 0)]
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt

from peerrec.store import SegmentColumns
from peerrec_sim.measures.columns import DELIVERIES
from peerrec_sim.measures.table import Table

__all__ = ["Arrivals", "arrivals_since", "is_news", "joined"]

Int64s = npt.NDArray[np.int64]

_NOBODY = -1


@dataclass(frozen=True, slots=True, eq=False)
class Arrivals:
    """Who got what when: columns of shape (m,), one row a segment and holder.

    Attributes:
        author: index of its author's node.
        epoch: which log of the author.
        seq: number in that log.
        kind: what it says.
        holder: index of the node that has it now; the author where it was signed.
        at: float64 unix seconds.
    """

    author: npt.NDArray[np.int32]
    epoch: npt.NDArray[np.uint32]
    seq: Int64s
    kind: npt.NDArray[np.uint8]
    holder: npt.NDArray[np.int32]
    at: npt.NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.at)


def arrivals_since(
    last: int,
    holder: int,
    held: SegmentColumns,
    times: Sequence[float],
    index_of: Mapping[bytes, int],
) -> Arrivals:
    """Return what arrived at one node after an arrival number.

    Args:
        last: arrival number up to which all is noted.
        holder: index of the node.
        held: its segments.
        times: unix seconds of each arrival number, beginning with 1.
        index_of: index of nodes by peer id; segments of other authors are left out.
    """
    numbers = np.array([index_of.get(peer, _NOBODY) for peer in held.authors], np.int32)
    # Where nobody is known `numbers` may be empty, and an empty array cannot be indexed.
    author = numbers[held.author] if len(numbers) else held.author
    kept = (held.arrival > last) & (held.arrival <= len(times)) & (author != _NOBODY)
    at = np.asarray(times, np.float64)[held.arrival[kept] - 1]
    holders = np.full(len(at), holder, np.int32)
    return Arrivals(author[kept], held.epoch[kept], held.seq[kept], held.kind[kept], holders, at)


def joined(parts: Sequence[Arrivals], start: float = 0.0) -> Table:
    """Return the deliveries of all nodes, in order of arrival.

    Segments whose author noted no signing are left out. Cost: sorting all rows.

    Args:
        parts: what all nodes noted, in any order.
        start: unix seconds at which the run began.
    """
    if not parts:
        return DELIVERIES.table()
    author, epoch, seq, kind, holder, at = (
        np.concatenate([getattr(part, each.name) for part in parts]) for each in fields(Arrivals)
    )
    order = np.lexsort((seq, epoch, author))
    key = np.stack([author, epoch, seq], axis=1, dtype=np.int64)[order]
    is_first = np.ones(len(key), np.bool_)
    is_first[1:] = (key[1:] != key[:-1]).any(axis=1)
    code = np.empty(len(key), np.int64)
    code[order] = np.cumsum(is_first) - 1
    signed = np.full(int(is_first.sum()), np.inf)
    own = author == holder
    # Who lost its store may get its own words back: the first time counts.
    np.minimum.at(signed, code[own], at[own])
    kept = ~own & np.isfinite(signed[code])
    table = DELIVERIES.table(
        published_at_s=signed[code][kept] - start,
        delivered_at_s=at[kept] - start,
        author=author[kept],
        receiver=holder[kept],
        kind=kind[kept],
    )
    return table.sorted_by("delivered_at_s", "receiver", "author", "published_at_s")


def is_news(deliveries: Table) -> npt.NDArray[np.bool_]:
    """Return which deliveries are of news: the receiver had something of the author before.

    The others are of what somebody had said before the receiver began to follow; how long
    that took says when they met, not how fast the network is.

    Args:
        deliveries: what `joined` returns.
    """
    published, delivered = deliveries["published_at_s"], deliveries["delivered_at_s"]
    if not len(deliveries):
        return np.zeros(0, np.bool_)
    pairs = np.stack([deliveries["author"], deliveries["receiver"]], axis=1)
    known, pair = np.unique(pairs, axis=0, return_inverse=True)
    pair = pair.reshape(-1)  # one column of them, in some versions of numpy
    first = np.full(len(known), np.inf)
    np.minimum.at(first, pair, delivered)
    news: npt.NDArray[np.bool_] = first[pair] < published
    return news
