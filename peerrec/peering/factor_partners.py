"""Choose whom to exchange tables with: by merit, so that Sybils are as rare as their merit.

Averaging gives influence by exchange, not by identity. So partners are drawn by merit among the
links, whoever began the link; and an exchange that somebody else begins is answered as often as
merit allows: a peer with share s of the linked merit every ½ `factor_every_s` / s, all
strangers together every ½ `factor_every_s` / `STRANGERS`. Everybody waits for the first time, so
that coming back under another name gains nothing.

Example:
    >>> partners = Partners(every_s=600.0)
    >>> partners.linked(b"ann", now=0.0)
    >>> partners.wait_s(b"ann", {b"ann": 0.1}, now=0.0)
    150.0
    >>> partners.draw([b"ann", b"eve"], {b"ann": 0.1}, np.random.default_rng(1))
    b'ann'
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np

__all__ = ["Partners"]

STRANGERS: Final = 0.05
"""Share of exchanges with peers without merit: a newcomer's only way in, and a Sybil's."""

FIRST: Final = 0.25
"""Part of a mean interval after which a new link is answered for the first time, by share."""

AGAIN: Final = 0.5
"""Part of it between two answers: twice as many as are begun, for chance clusters them."""

REMEMBERED_MAX: Final = 256
"""Peers of which it is known when they were answered; links are far fewer."""

_STRANGER: Final = b""


class Partners:
    """Whom to exchange with, and whom to answer.

    Args:
        every_s: mean time between exchanges that a node begins.
    """

    __slots__ = ("_at", "_every_s", "_not_before")

    def __init__(self, every_s: float) -> None:
        self._every_s = every_s
        self._at: dict[bytes, tuple[float, float]] = {}
        self._not_before: dict[bytes, float] = {}

    def linked(self, peer: bytes, now: float) -> None:
        """Let a peer wait from now on, unless it waits or was answered already."""
        for key in (peer, _STRANGER):
            self._at.setdefault(key, (now, FIRST))
        if len(self._at) > REMEMBERED_MAX:
            oldest = min((key for key in self._at if key), key=lambda key: self._at[key][0])
            del self._at[oldest]

    def draw(
        self, able: Sequence[bytes], merit: Mapping[bytes, float], rng: np.random.Generator
    ) -> bytes | None:
        """Return whom to begin an exchange with; None for nobody this time.

        Args:
            able: linked peers that exchange tables.
            merit: of peers; 0 where absent.
            rng: where chance comes from.
        """
        strangers = rng.random() < STRANGERS
        wanted = [peer for peer in able if (merit.get(peer, 0.0) <= 0.0) == strangers]
        if not wanted:
            return None
        if strangers:
            return wanted[int(rng.integers(len(wanted)))]
        shares = np.array([merit[peer] for peer in wanted])
        return wanted[int(rng.choice(len(wanted), p=shares / shares.sum()))]

    def wait_s(self, peer: bytes, merit: Mapping[bytes, float], now: float) -> float:
        """Return in how many seconds a peer's offer is answered; 0 for now.

        Args:
            peer: whose.
            merit: of the peers that are linked and exchange tables; 0 where absent.
            now: unix seconds.
        """
        own = merit.get(peer, 0.0)
        share = own / sum(merit.values()) if own > 0.0 else STRANGERS
        since, part = self._at.get(peer if own > 0.0 else _STRANGER, (now, FIRST))
        return max(since + part * self._every_s / share - now, 0.0)

    def put_off(self, peer: bytes, seconds: float, now: float) -> None:
        """Note that a peer wants no exchange before so many seconds are over."""
        self._not_before.pop(peer, None)
        self._not_before[peer] = now + seconds
        if len(self._not_before) > REMEMBERED_MAX:
            del self._not_before[next(iter(self._not_before))]

    def is_put_off(self, peer: bytes, now: float) -> bool:
        """Return whether a peer would only say no.

        Ask after `draw`, not before: who draws among the willing alone exchanges with Sybils,
        who always are, more often than their merit allows.
        """
        return now < self._not_before.get(peer, now)

    def answered(self, peer: bytes, has_merit: bool, now: float) -> None:
        """Note that an exchange which a peer began takes place."""
        self._at[peer if has_merit else _STRANGER] = (now, AGAIN)
