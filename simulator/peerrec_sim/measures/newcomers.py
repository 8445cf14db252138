"""Keep what a newcomer goes through at first, and say what became of it.

Links come and go between two measurements, so the newcomer's own node notes them as they
do (`peerrec_sim.simulation.newcomer`), and who is honest is only asked when it is measured.

Example:
    >>> diary = Diary(began=100.0)
    >>> diary.dialled += [(101.0, b"ann", True), (102.0, b"mallory", True), (107.5, b"bob", True)]
    >>> diary.told[b"mallory"] = 3
    >>> first_minutes(diary, honest={b"ann": 0, b"bob": 1})["linked_after_s"]
    7.5
"""

from __future__ import annotations

import math
from collections.abc import Container
from dataclasses import dataclass, field
from typing import Any, Final

from peerrec.store import RawId

__all__ = ["LINKS_WANTED", "WITHIN_S", "Diary", "first_minutes"]

LINKS_WANTED: Final = 2
"""Honest links of its own choice that a newcomer needs: with one, its peer could lie."""

WITHIN_S: Final = 300.0
"""Time in which it should have them."""


@dataclass(slots=True)
class Diary:
    """What a newcomer noted.

    Attributes:
        began: unix seconds on its clock at which it came online; NaN before.
        dialled: each link that it dialled: (when, to whom, True when it came up and False
            when it ended), in order of time.
        told: how often peer exchange told it the address of each peer.
    """

    began: float = math.nan
    dialled: list[tuple[float, bytes, bool]] = field(default_factory=list)
    told: dict[bytes, int] = field(default_factory=dict)


def first_minutes(diary: Diary, honest: Container[RawId]) -> dict[str, Any]:
    """Return the figures of a newcomer, by column of the table of nodes."""
    n_told = sum(diary.told.values())
    of_honest = sum(n for peer, n in diary.told.items() if peer in honest)
    return {
        "newcomer": True,
        "linked_after_s": _linked_after_s(diary, honest),
        "told": float(n_told),
        "told_sybil": float(n_told - of_honest),
    }


def _linked_after_s(diary: Diary, honest: Container[RawId]) -> float:
    """Return after how long it had enough links at once; NaN for never."""
    linked: dict[bytes, None] = {}
    for at, peer, is_up in diary.dialled:
        if peer in honest and is_up:
            linked[peer] = None
        else:
            linked.pop(peer, None)
        if len(linked) >= LINKS_WANTED:
            return at - diary.began
    return math.nan
