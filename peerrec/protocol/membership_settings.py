"""How many links a node keeps; sent to other processes with the rest of its settings."""

from __future__ import annotations

from dataclasses import dataclass

from peerrec.protocol.invite import Address

__all__ = ["MembershipSettings"]


@dataclass(frozen=True, slots=True)
class MembershipSettings:
    """How many links of which kind.

    Attributes:
        dialled: links that we dial.
        walks: of them, ends of walks along trust.
        samples: of them, min-wise samples; the rest are anchors.
        incoming: links that others may dial.
        bootstrap: where to begin when nobody is known.
    """

    dialled: int = 8
    walks: int = 3
    samples: int = 3
    incoming: int = 32
    bootstrap: tuple[Address, ...] = ()
