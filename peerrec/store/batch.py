"""Check everything that one `Store.accept` brings, before any of it is stored.

Example:
    >>> batch = Batch.checked(interactions=[Interaction("ann", "x", 1.0, 60.0)])
    >>> batch.interactions
    [('ann', 'x', 1.0, 1, False)]
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from peerrec.store.packing import Block
from peerrec.store.rows import (
    Description,
    Interaction,
    Marked,
    RawId,
    Record,
    TrustEdge,
    checked_description,
    checked_id,
    checked_interaction,
    checked_minute,
    checked_setting,
    checked_trust,
)
from peerrec.store.segment_rows import (
    ProofRow,
    SegmentKey,
    SegmentRow,
    checked_proof,
    checked_segment,
)

__all__ = ["ANY_ITEM", "Batch", "Retraction", "Retractions"]

Retraction: TypeAlias = tuple[RawId, RawId | None, float]
"""An author, an item (None for every item), and the time up to which nothing counts."""

ANY_ITEM = 0  # no item has this code


class Batch(NamedTuple):
    """What is to be stored in one transaction, checked."""

    segments: list[SegmentRow]
    interactions: list[Record]
    edges: list[tuple[RawId, RawId, float, int]]
    descriptions: list[Description]
    retractions: list[tuple[RawId, RawId | None, int]]
    proofs: list[ProofRow]
    settings: list[tuple[str, bytes | None]]
    marks: list[Marked]
    dropped: list[SegmentKey]

    @classmethod
    def checked(
        cls,
        *,
        segments: Iterable[SegmentRow] = (),
        interactions: Iterable[Interaction] = (),
        edges: Iterable[TrustEdge] = (),
        descriptions: Iterable[Description] = (),
        retractions: Iterable[Retraction] = (),
        proofs: Iterable[ProofRow] = (),
        settings: Iterable[tuple[str, bytes | None]] = (),
        marks: Iterable[Marked] = (),
        dropped: Iterable[SegmentKey] = (),
        now: float | None = None,
    ) -> Batch:
        """Return all of it as stored; DataError names the first fault."""
        return cls(
            [checked_segment(row) for row in segments],
            [checked_interaction(row, now) for row in interactions],
            [checked_trust(edge, now) for edge in edges],
            [checked_description(said, now) for said in descriptions],
            [checked_retraction(*each) for each in retractions],
            [checked_proof(proof) for proof in proofs],
            [checked_change(key, value) for key, value in settings],
            [checked_mark(marked) for marked in marks],
            list(dropped),
        )


def checked_retraction(
    author: RawId, item: RawId | None, up_to: float
) -> tuple[RawId, RawId | None, int]:
    """Return (author, item or None, minute); DataError names the fault."""
    subject = None if item is None else checked_id(item, "item id")
    return checked_id(author, "author id"), subject, checked_minute(up_to, None)


def checked_change(key: str, value: bytes | None) -> tuple[str, bytes | None]:
    """Return a setting to remember or, without a value, to forget."""
    text, content = checked_setting(key, b"" if value is None else value)
    return text, None if value is None else content


def checked_mark(marked: Marked) -> Marked:
    """Return a mark that is fit to store; DataError names the fault."""
    checked_minute(marked.time, None)
    checked_id(marked.subject, "marked id")
    return marked


class Retractions:
    """Which interactions some retractions take back, asked for whole columns.

    Args:
        coded: (author's code, item's code or ANY_ITEM, minute up to which) of each.
    """

    def __init__(self, coded: Iterable[tuple[int, int, int]]) -> None:
        latest: dict[int, int] = {}
        for author, item, minute in coded:
            key = author << 32 | item
            latest[key] = max(minute, latest.get(key, minute))
        self._keys = np.array(sorted(latest), np.int64)
        self._minutes = np.array([latest[key] for key in self._keys.tolist()], np.int64)
        self._authors = np.unique(self._keys >> 32)

    def __bool__(self) -> bool:
        return bool(len(self._keys))

    def mask(self, rows: Block) -> npt.NDArray[np.bool_]:
        """Return which rows are taken back, shape (m,). O(m) and little more."""
        doomed = np.isin(rows.author, self._authors)
        at = np.flatnonzero(doomed)
        whole = rows.author[at].astype(np.int64) << 32
        minutes = rows.minute[at]
        doomed[at] = self._covers(whole | rows.item[at], minutes) | self._covers(whole, minutes)
        return doomed

    def _covers(
        self, keys: npt.NDArray[np.int64], minutes: npt.NDArray[np.int64]
    ) -> npt.NDArray[np.bool_]:
        at = np.minimum(np.searchsorted(self._keys, keys), len(self._keys) - 1)
        covered: npt.NDArray[np.bool_] = (self._keys[at] == keys) & (minutes <= self._minutes[at])
        return covered
