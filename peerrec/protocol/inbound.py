"""Choose whom to part with where all places for incoming links are taken.

As in Bitcoin Core: links that are hard to fake a claim to are protected (quick, useful,
old, of merit), and of the rest the youngest of the largest netgroup goes. So an attacker
who opens many links displaces his own. Unlike there, who asks for a place is not let
in where its netgroup has one and the largest is hardly larger: identities of an attacker
cannot take turns in the same places, each with a handshake and a first session.

Example:
    >>> links = [Inbound(bytes([n]), "198.51", since=float(n)) for n in range(40)]
    >>> evicted(links, now=100.0)
    b"'"
    >>> evicted(links, now=100.0, newcomer=Inbound(b"new", "198.51", since=100.0))
    b'new'
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from peerrec.protocol.addresses import LOCAL

__all__ = ["Inbound", "evicted"]

KEEP_QUICK: Final = 4
"""Links protected for their round trip: one must be near to be quick."""

KEEP_USEFUL: Final = 4
"""… for segments that they brought first."""

KEEP_OLD: Final = 4
"""… for their age."""

KEEP_MERIT: Final = 8
"""… for their peer's merit, the one thing that no number of identities buys."""


@dataclass(frozen=True, slots=True)
class Inbound:
    """An incoming link, as far as this choice is concerned.

    Attributes:
        peer: whose.
        group: netgroup it came from.
        since: unix seconds at which it came.
        round_trip_s: last measured; None if never.
        deliveries: points for segments brought first.
        merit: of the peer, ≥ 0.
        score: of the peer; below 0 nothing protects it.
    """

    peer: bytes
    group: str
    since: float
    round_trip_s: float | None = None
    deliveries: float = 0.0
    merit: float = 0.0
    score: float = 0.0


def evicted(links: Sequence[Inbound], now: float, newcomer: Inbound | None = None) -> bytes | None:
    """Return the peer whose link makes room for another; None if all are protected.

    A link that came within the same second as another is younger by its id, so the
    choice depends on nothing but its input.

    Args:
        links: those there are.
        now: unix seconds.
        newcomer: who asks for a place; None to weigh only the others. It is returned itself
            where nothing protects it, and its score is below 0 or a place for it would not
            make the netgroups more even. Of addresses that are not routed (`LOCAL`), all
            behind one proxy perhaps, nothing can be told.
    """
    everybody = list(links) if newcomer is None else [*links, newcomer]
    protected = _protected([link for link in everybody if link.score >= 0.0], now)
    candidates = [link for link in links if link.peer not in protected]
    if not candidates:
        return None
    sizes: dict[str, int] = {}
    for link in candidates:
        sizes[link.group] = sizes.get(link.group, 0) + 1
    worst = max(
        candidates, key=lambda link: (link.score < 0.0, sizes[link.group], link.since, link.peer)
    )
    if newcomer is None or newcomer.peer in protected or worst.score < 0.0:
        return worst.peer
    n_same = 0 if newcomer.group == LOCAL else sizes.get(newcomer.group, 0)
    in_vain = n_same > 0 and n_same + 1 >= sizes[worst.group]
    return newcomer.peer if in_vain or newcomer.score < 0.0 else worst.peer


def _protected(links: list[Inbound], now: float) -> set[bytes]:
    """Return the peers whose links stay, of those that behaved."""
    protected: set[bytes] = set()

    def protect(ranked: list[Inbound], n: int) -> None:
        free = [link for link in ranked if link.peer not in protected]
        protected.update(link.peer for link in free[:n])

    quick = [link for link in links if link.round_trip_s is not None]
    protect(sorted(quick, key=lambda link: (link.round_trip_s, link.peer)), KEEP_QUICK)
    useful = [link for link in links if link.deliveries > 0.0]
    protect(sorted(useful, key=lambda link: (-link.deliveries, link.peer)), KEEP_USEFUL)
    esteemed = [link for link in links if link.merit > 0.0]
    protect(sorted(esteemed, key=lambda link: (-link.merit, link.peer)), KEEP_MERIT)
    old = [link for link in links if link.since < now]
    protect(sorted(old, key=lambda link: (link.since, link.peer)), KEEP_OLD)
    return protected
