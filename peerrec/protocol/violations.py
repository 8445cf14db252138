"""List the ways in which a peer can break the rules, and what each costs it.

Scores are halved every `peerrec.protocol.scoring.HALF_LIFE_S`; below
`peerrec.protocol.scoring.BANNED` a peer is hung up on and not met again for a while.

Example:
    >>> PENALTY[Violation.FORGERY] > PENALTY[Violation.RATE]
    True
"""

from __future__ import annotations

import enum
from typing import Final

__all__ = ["PENALTY", "Violation"]


class Violation(enum.StrEnum):
    """A rule that a peer's bytes broke; the value is written to logs and GOAWAY."""

    MALFORMED = "malformed"  # bytes that are no message, or fields out of range
    UNKNOWN_CRITICAL = "unknown-critical"  # a type of message we must not ignore
    STATE = "state"  # a message that nothing led to
    OVERSIZED = "oversized"  # beyond a limit of `peerrec.limits`
    FORGERY = "forgery"  # a signature or proof that does not verify
    SKETCH = "sketch"  # a sketch that cannot be decoded though it should
    RATE = "rate"  # more than the agreed credit or rate
    SILENCE = "silence"  # wanted and promised, but never sent


PENALTY: Final = {
    Violation.MALFORMED: 50.0,
    Violation.UNKNOWN_CRITICAL: 10.0,
    Violation.STATE: 10.0,
    Violation.OVERSIZED: 50.0,
    Violation.FORGERY: 100.0,
    Violation.SKETCH: 10.0,
    Violation.RATE: 5.0,
    Violation.SILENCE: 2.0,
}
"""Points lost; 100 at once is the end of the link, honest accidents wear off."""
