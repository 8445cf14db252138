"""Remember what the person calls their peers: a name that nobody else hears.

Example:
    >>> from peerrec.store.memory import MemoryStore
    >>> labels = Labels(MemoryStore())
    >>> labels.give("ann's key", "Ann")
    >>> labels.of("ann's key"), labels.of("somebody")
    ('Ann', None)
"""

from __future__ import annotations

from typing import Final

import msgspec

from peerrec.errors import DataError
from peerrec.store import Store

__all__ = ["LABEL_MAX", "Labels"]

SETTING: Final = "api.labels"

LABEL_MAX: Final = 64
"""Characters of a label."""

LABELS_MAX: Final = 1_000
"""Peers that have one: more than anybody can tell apart."""


class Labels:
    """Names of peers, kept in a store.

    Args:
        store: keeps them among its settings.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        packed = store.setting(SETTING)
        self._known: dict[str, str] = (
            {} if packed is None else msgspec.json.decode(packed, type=dict[str, str])
        )

    def of(self, peer: str) -> str | None:
        """Return what a peer is called; None where nobody said."""
        return self._known.get(peer)

    def give(self, peer: str, label: str) -> None:
        """Call a peer something, durably; an empty label takes its name back.

        Raises:
            DataError: the label is too long or not printable, or there are too many.
        """
        if len(label) > LABEL_MAX or not label.isprintable():
            raise DataError(f"label {label!r:.80}: give at most {LABEL_MAX} printable characters")
        after = {known: text for known, text in self._known.items() if known != peer}
        if label:
            after[peer] = label
        if len(after) > LABELS_MAX:
            raise DataError(f"{LABELS_MAX:,} peers have a label: take another one back first")
        self._store.set_setting(SETTING, msgspec.json.encode(after) if after else None)
        self._known = after
