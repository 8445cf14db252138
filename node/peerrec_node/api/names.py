r"""Call items and peers as the person does.

Example:
    >>> peer_said("ann"), peer_said(b"\x01")
    ('ann', 'bytes:01')
"""

from __future__ import annotations

import re

from peerrec.ids import PEER_BYTES, parse_peer, peer_text
from peerrec.store import RawId, Store
from peerrec_node.api.context import item_named, item_text
from peerrec_node.commands.common import ME, Opened, label

__all__ = ["Names", "own_trust", "peer_named", "peer_said"]


def peer_said(raw: RawId) -> str:
    """Return a peer's id as the API writes it: keys as their text."""
    if isinstance(raw, bytes) and len(raw) == PEER_BYTES:
        return peer_text(raw)
    return item_text(raw)


def peer_named(text: str) -> RawId:
    """Return the raw id of a peer as the API writes it.

    Raises:
        DataError: it looks like an id but has a letter wrong.
    """
    return parse_peer(text) if re.fullmatch(r"[A-Za-z2-7]{56}", text) else item_named(text)


def own_trust(store: Store) -> dict[RawId, float]:
    """Return whom the person trusts or distrusts, and how much."""
    return {edge.target: edge.weight for edge in store.trust_of(ME)}


class Names:
    """Names of items, for one answer: trust is read once, and only where it is needed.

    Args:
        here: the open store.
    """

    def __init__(self, here: Opened) -> None:
        self._store = here.store
        self._friends: frozenset[RawId] | None = None
        self._known: dict[RawId, str | None] = {}

    def of(self, item: RawId) -> str | None:
        """Return what an item is called; None where nobody who counts says.

        What strangers call an item is theirs to invent: only direct friends are believed.
        """
        if item not in self._known:
            self._known[item] = self._find(item)
        return self._known[item]

    def _find(self, item: RawId) -> str | None:
        said = {each.author: each.title for each in self._store.descriptions(item) if each.title}
        if not said:
            return None
        if ME in said:
            return label(said[ME])
        if self._friends is None:
            trusted = own_trust(self._store).items()
            self._friends = frozenset(peer for peer, weight in trusted if weight > 0)
        return next((label(said[author]) for author in said if author in self._friends), None)

    def title(self, item: RawId) -> str:
        """Return what an item is called, its id where it has no name."""
        return self.of(item) or label(item)

    def peer(self, peer: RawId) -> str:
        """Return a peer's name in a sentence: of a key, its beginning."""
        text = peer_said(peer)
        return f"{text[:8]}…" if isinstance(peer, bytes) else label(text)
