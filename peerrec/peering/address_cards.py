"""Keep the newest address segment of each peer, as its owner signed it, to pass on.

Example:
    >>> AddressCards().frames([bytes(32)])
    ()
"""

from __future__ import annotations

from collections.abc import Iterable

from peerrec.limits import ADDRESSES_MAX, CARDS_MAX
from peerrec.protocol.segment import Segment

__all__ = ["AddressCards"]


class AddressCards:
    """Signed addresses by peer; the one longest not renewed makes room."""

    __slots__ = ("_cards",)

    def __init__(self) -> None:
        self._cards: dict[bytes, tuple[int, bytes]] = {}

    def keep(self, segment: Segment) -> None:
        """Keep an address segment unless a newer one of its author is known."""
        author, minute = segment.header.author, segment.header.minute
        if minute < self._cards.get(author, (0, b""))[0]:
            return
        self._cards.pop(author, None)
        self._cards[author] = (minute, segment.frame)
        if len(self._cards) > CARDS_MAX:
            del self._cards[next(iter(self._cards))]

    def frames(self, peers: Iterable[bytes]) -> tuple[bytes, ...]:
        """Return the cards of those peers that have one, at most ADDRESSES_MAX."""
        found = (self._cards[peer][1] for peer in dict.fromkeys(peers) if peer in self._cards)
        return tuple(frame for frame, _ in zip(found, range(ADDRESSES_MAX), strict=False))

    def __len__(self) -> int:
        return len(self._cards)
