"""Say as a table which message may come in which state of a session.

What is not in the table breaks the rules: `check` raises, the peer is scored, the
session is over and nothing was changed by the message.

Example:
    >>> check(State.DECODING, Status(request=1, code=StatusCode.BUSY))
    Traceback (most recent call last):
    ...
    peerrec.errors.RemoteProtocolError: STATUS.BUSY while decoding
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from typing import Final

from peerrec.errors import RemoteProtocolError
from peerrec.protocol.messages import (
    Level,
    Message,
    Purpose,
    Ranges,
    Sketch,
    Status,
    StatusCode,
    Type,
    Want,
    WantKind,
)
from peerrec.protocol.violations import Violation

__all__ = ["LEGAL", "State", "check", "kind_of"]


class State(enum.StrEnum):
    """Where a session is, from one side."""

    OPENING = "opening"  # initiator: SUMMARY is out, first or again
    DECODING = "decoding"  # initiator: more symbols are asked for
    LISTING = "listing"  # initiator: the list of logs is asked for
    FILLING = "filling"  # initiator: both sides ask for, offer and send segments
    SERVING = "serving"  # responder: answers, asks back, until the summaries agree
    OVER = "over"


_BOTH: Final = frozenset(
    {
        "PUSH",
        "GONE",
        "PROOF",
        "STATUS.DONE",
        "RANGES.HELD",
        "RANGES.NAMED",
        "RANGES.UNWANTED",
        "WANT.CHOSEN",
        "WANT.NAMES",
    }
)

LEGAL: Final[Mapping[State, frozenset[str]]] = {
    State.OPENING: frozenset(
        {
            "STATUS.CONVERGED",
            "STATUS.OUTSTANDING",
            "STATUS.BUSY",
            "STATUS.CLOCK",
            "SKETCH.SYMBOLS",
            "SKETCH.LOGS",  # whole, where they are few
            "RANGES.UNWANTED",
            "PROOF",  # of a fork that our last segments showed
        }
    ),
    State.DECODING: frozenset({"SKETCH.SYMBOLS"}),
    State.LISTING: frozenset({"SKETCH.LOGS"}),
    State.FILLING: _BOTH | {"RANGES.IDS"},
    State.SERVING: _BOTH
    | {
        "SUMMARY",
        "STATUS.OUTSTANDING",
        "WANT.SYMBOLS",
        "WANT.LOGS",
        "WANT.ELEMENTS",
        "WANT.SINCE",
        "IHAVE",
    },
    State.OVER: frozenset(),
}
"""By state, what may come; names as `kind_of` gives them."""


_STATUS: Final = {int(code): f"STATUS.{code.name}" for code in StatusCode}
_WANT: Final = {int(kind): f"WANT.{kind.name}" for kind in WantKind}
_RANGES: Final = {int(purpose): f"RANGES.{purpose.name}" for purpose in Purpose}
_SKETCH: Final = {int(level): f"SKETCH.{level.name}" for level in Level}
_TYPES: Final = {kind: kind.name for kind in Type}


def kind_of(message: Message) -> str:
    """Return a message's name in `LEGAL`: its type and what it is about."""
    if isinstance(message, Status):
        return _STATUS[message.code]
    if isinstance(message, Want):
        return _WANT[message.kind]
    if isinstance(message, Ranges):
        return _RANGES[message.purpose]
    if isinstance(message, Sketch):
        return _SKETCH[message.level]
    return _TYPES[message.TYPE]


def check(state: State, message: Message) -> None:
    """Raise RemoteProtocolError if a message may not come in a state."""
    kind = kind_of(message)
    if kind not in LEGAL[state]:
        raise RemoteProtocolError(Violation.STATE, f"{kind} while {state.value}")
