"""Shape the messages of `prp/1`: what goes over a link once it is encrypted.

Each is a MessagePack array ``[type, request, …]``. Types below 64 are critical: who
does not know one says GOAWAY. Types from 64 on may be ignored. Request 0 is nobody's
answer; whoever dialled uses odd requests, the other side even ones, so that both may
begin sessions at once. `peerrec.protocol.wire` encodes and decodes; the meaning of a
session's messages is in `peerrec.protocol.sync`.

Example:
    >>> Summary(request=1, day=20_780, root=bytes(8)).TYPE is Type.SUMMARY
    True
"""

from __future__ import annotations

import enum
from typing import Annotated, ClassVar, Final, TypeAlias

import msgspec
from msgspec import Meta

from peerrec import limits

__all__ = [
    "Feature",
    "Goaway",
    "GoawayCode",
    "Gone",
    "Hello",
    "Ihave",
    "Iwant",
    "Level",
    "Message",
    "Part",
    "Peers",
    "Ping",
    "Pong",
    "Profile",
    "Proof",
    "Purpose",
    "Push",
    "Ranges",
    "Run",
    "Sketch",
    "SketchFacts",
    "Status",
    "StatusCode",
    "Summary",
    "Table",
    "TableStep",
    "Type",
    "Want",
    "WantKind",
]

# Limits of fields: `peerrec.protocol.wire` checks them in both directions, and the tables
# of the protocol's document are made from them. Lengths are bytes: text is plain ASCII.
Count: TypeAlias = Annotated[int, Meta(ge=0, le=limits.COUNT_MAX)]
Number: TypeAlias = Annotated[int, Meta(ge=0, le=limits.NUMBER_MAX)]
Minute: TypeAlias = Annotated[int, Meta(ge=0, le=int(limits.TIME_MAX_S // limits.MINUTE_S))]
Day: TypeAlias = Annotated[int, Meta(ge=0, le=int(limits.TIME_MAX_S // limits.DAY_S))]
EightBytes: TypeAlias = Annotated[bytes, Meta(min_length=8, max_length=8)]
Bulk: TypeAlias = Annotated[bytes, Meta(max_length=limits.MESSAGE_BYTES_MAX)]
TagList: TypeAlias = Bulk
ShortTagList: TypeAlias = Annotated[bytes, Meta(max_length=limits.IHAVE_MAX * limits.TAGS_BYTES)]
AddressFrame: TypeAlias = Annotated[
    bytes, Meta(min_length=1, max_length=limits.ADDRESS_FRAME_BYTES_MAX)
]

CRITICAL_BELOW: Final = 64
"""Types below must be understood; those from here on are ignored where unknown."""


class Type(enum.IntEnum):
    """The first element of every message."""

    HELLO = 0
    SUMMARY = 1
    SKETCH = 2
    RANGES = 3
    WANT = 4
    PUSH = 5
    GONE = 6
    STATUS = 7
    IHAVE = 8
    IWANT = 9
    PING = 11
    PONG = 12
    PROOF = 14
    GOAWAY = 15
    TABLE = 64
    PEERS = 65


class Feature(enum.IntFlag):
    """Bits of HELLO.features: what a peer understands beyond the base."""

    FACTORS = 1  # exchanges tables of factors: TABLE may be sent to it


class Profile(enum.IntEnum):
    """How a peer wants to be talked to."""

    DESKTOP = 0  # eager pushes welcome
    BATTERY = 1  # never pushed to: it pulls when it wakes


class Part(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """Give messages and their parts one shape: an array of exactly their fields."""


class Hello(Part, frozen=True, tag=Type.HELLO.value):
    """What each side says of itself, inside the handshake's encrypted part.

    Attributes:
        features: see `Feature`; unknown bits are ignored.
        minute: its clock, minutes since 1970.
        store_tag: 8 bytes, random per store and new whenever arrival numbers restart.
        credit: bytes of bulk it takes before it grants more.
        profile: see `Profile`.
        agent: name and version of its program, for people.
        host, port, path: where it listens, as far as it knows; ``"", 0, ""`` if it does not.
    """

    TYPE: ClassVar[Type] = Type.HELLO
    request: Count
    features: Count
    minute: Minute
    store_tag: EightBytes
    credit: Count
    profile: Annotated[int, Meta(ge=0, le=max(Profile).value)]
    agent: Annotated[str, Meta(max_length=limits.AGENT_BYTES_MAX)]
    host: Annotated[str, Meta(max_length=limits.HOST_BYTES_MAX)] = ""
    port: Annotated[int, Meta(ge=0, le=65_535)] = 0
    path: Annotated[str, Meta(max_length=limits.PATH_BYTES_MAX)] = ""


class Summary(Part, frozen=True, tag=Type.SUMMARY.value):
    """A fingerprint of everything I hold that you may want: opens and closes a session.

    Attributes:
        day: days since 1970; what is older than the window before it is left out.
        root: 8 bytes, keyed by the link.
    """

    TYPE: ClassVar[Type] = Type.SUMMARY
    request: Count
    day: Day
    root: EightBytes


class SketchFacts(Part, frozen=True):
    """What comes with the first symbols of a sketch.

    Attributes:
        n_segments, n_logs: how many the sketch covers: a bound on the difference.
        arrival: number of the last segment that arrived in my store: the next cursor hint.
        since: what I have of your store, by your arrival numbers; None if I do not know.
    """

    n_segments: Count
    n_logs: Count
    arrival: Number
    since: Number | None = None


class Level(enum.IntEnum):
    """What a sketch is made of."""

    SYMBOLS = 0  # coded symbols, 13 bytes each: see `peerrec.protocol.riblt`
    LOGS = 1  # the plain list of log elements, 8 bytes each


class Sketch(Part, frozen=True, tag=Type.SKETCH.value):
    """Coded symbols of my segments, or the plain list of my logs.

    Attributes:
        level: see `Level`.
        start: number of the first symbol or element in it.
        data: symbols or elements, one after the other.
        facts: with the first answer of a session; None otherwise.
    """

    TYPE: ClassVar[Type] = Type.SKETCH
    request: Count
    level: Annotated[int, Meta(ge=0, le=max(Level).value)]
    start: Count
    data: Bulk
    facts: SketchFacts | None = None


class Purpose(enum.IntEnum):
    """Why runs of sequence numbers are told."""

    HELD = 0  # this is what I hold and I want the rest
    NAMED = 1  # the names behind the tags you asked about, or of logs I offer; without runs
    UNWANTED = 2  # of these logs, offer me nothing below `floor`; without entries: forget floors
    IDS = 3  # equal runs, different content: `checks` holds 4 bytes for each segment


class Run(Part, frozen=True):
    """Sequence numbers of one log.

    Attributes:
        log: 4 bytes, the log's tag on this link, or 36: author and big-endian epoch.
        runs: lengths of what is held and of the gaps between, in turn: first the first
            number held, then held, gap, held, …, so always pairs; empty for nothing.
        floor: lowest number still wanted.
        checks: see `Purpose.IDS`; empty otherwise.
    """

    log: Annotated[bytes, Meta(min_length=4, max_length=36)]
    runs: Annotated[tuple[Number, ...], Meta(max_length=limits.RUNS_MAX)] = ()
    floor: Number = 0
    checks: Bulk = b""


class Ranges(Part, frozen=True, tag=Type.RANGES.value):
    """What is held of some logs."""

    TYPE: ClassVar[Type] = Type.RANGES
    request: Count
    purpose: Annotated[int, Meta(ge=0, le=max(Purpose).value)]
    entries: Annotated[tuple[Run, ...], Meta(max_length=limits.LIST_MAX)]


class WantKind(enum.IntEnum):
    """What is asked for."""

    SYMBOLS = 0  # coded symbols from `start`, `count` of them
    LOGS = 1  # the list of log elements from `start`
    ELEMENTS = 2  # the segments behind `data`, 8 bytes each, in this order
    CHOSEN = 3  # of what you offered, from `start`, the set bits of `data`; `count` CHOSEN follow
    NAMES = 4  # who is behind the log tags in `data`, 4 bytes each; without: all logs from `start`
    SINCE = 5  # everything that arrived after your number `start`


class Want(Part, frozen=True, tag=Type.WANT.value):
    """A question within a session; see `WantKind` for the fields that count."""

    TYPE: ClassVar[Type] = Type.WANT
    request: Count
    kind: Annotated[int, Meta(ge=0, le=max(WantKind).value)]
    start: Number = 0
    count: Annotated[int, Meta(ge=0, le=limits.LIST_MAX)] = 0
    data: Bulk = b""


class Push(Part, frozen=True, tag=Type.PUSH.value):
    """Segments, bundled.

    Attributes:
        request: of the session; 0 for live gossip.
        last: whether this ends the answer to a question.
        bundle: see `peerrec.protocol.bundle`.
    """

    TYPE: ClassVar[Type] = Type.PUSH
    request: Count
    last: bool
    bundle: Annotated[bytes, Meta(min_length=1, max_length=limits.MESSAGE_BYTES_MAX)]


class Gone(Part, frozen=True, tag=Type.GONE.value):
    """What was asked for and is not held any more: tags or elements, 8 bytes each."""

    TYPE: ClassVar[Type] = Type.GONE
    request: Count
    tags: TagList


class StatusCode(enum.IntEnum):
    """How a session or the link stands."""

    CONVERGED = 0  # our summaries agree; `value` is my last arrival number, your next cursor
    OUTSTANDING = 1  # the session ends; `value` segments or logs differ still
    BUSY = 2  # not now; try again after `value` seconds
    CREDIT = 3  # you may send `value` bytes of bulk more
    CLOCK = 4  # our days differ by more than one; `value` is mine
    DONE = 5  # that was all I have for your question


class Status(Part, frozen=True, tag=Type.STATUS.value):
    """A short answer."""

    TYPE: ClassVar[Type] = Type.STATUS
    request: Count
    code: Annotated[int, Meta(ge=0, le=max(StatusCode).value)]
    value: Count = 0


class Ihave(Part, frozen=True, tag=Type.IHAVE.value):
    """Segments I could send: tags of this link (request 0) or elements of a session."""

    TYPE: ClassVar[Type] = Type.IHAVE
    request: Count
    tags: TagList


class Iwant(Part, frozen=True, tag=Type.IWANT.value):
    """Which of the announced segments to send; tags of this link, 8 bytes each."""

    TYPE: ClassVar[Type] = Type.IWANT
    request: Count
    tags: ShortTagList


class Peers(Part, frozen=True, tag=Type.PEERS.value):
    """Ask for addresses (None), or answer with some.

    Attributes:
        frames: address segments as their authors signed them, at most ADDRESSES_MAX.
    """

    TYPE: ClassVar[Type] = Type.PEERS
    request: Count
    frames: Annotated[tuple[AddressFrame, ...], Meta(max_length=limits.ADDRESSES_MAX)] | None = None


class Ping(Part, frozen=True, tag=Type.PING.value):
    """Are you there; to be answered with the same request."""

    TYPE: ClassVar[Type] = Type.PING
    request: Count


class Pong(Part, frozen=True, tag=Type.PONG.value):
    """I am."""

    TYPE: ClassVar[Type] = Type.PONG
    request: Count


class Proof(Part, frozen=True, tag=Type.PROOF.value):
    """Two signed headers with one number: proof that a log forked.

    Attributes:
        evidence: see `peerrec.protocol.fork`.
    """

    TYPE: ClassVar[Type] = Type.PROOF
    request: Count
    evidence: Annotated[bytes, Meta(min_length=1, max_length=limits.PROOF_BYTES_MAX)]


class GoawayCode(enum.IntEnum):
    """Why a link ends."""

    SHUTDOWN = 0  # my program stops
    ROTATION = 1  # the place is needed for somebody else; no offence
    VIOLATION = 2  # you broke a rule; `text` says which
    UNKNOWN = 3  # a critical message that I do not know
    FULL = 4  # no place free
    DUPLICATE = 5  # we have another link
    IDLE = 6  # nothing came for too long


class Goaway(Part, frozen=True, tag=Type.GOAWAY.value):
    """The last message of a link.

    Attributes:
        code: see `GoawayCode`.
        text: for the other's log.
    """

    TYPE: ClassVar[Type] = Type.GOAWAY
    request: Count
    code: Annotated[int, Meta(ge=0, le=max(GoawayCode).value)]
    text: Annotated[str, Meta(max_length=limits.TEXT_BYTES_MAX)] = ""


class TableStep(enum.IntEnum):
    """What a TABLE message does in an exchange of tables."""

    OFFER = 0  # this is my table: `data` is its signed header
    HAVE = 1  # I hold the first `value` bytes of your body; all: it is whole and verified
    PART = 2  # `data` is my body from byte `value` on
    NO = 3  # no exchange (any more); try again after `value` seconds


class Table(Part, frozen=True, tag=Type.TABLE.value):
    """A step in the exchange of factor tables; only for peers with the feature.

    Attributes:
        step: see `TableStep`.
        value: by step: an offset, a number of bytes or seconds; 0 in OFFER.
        data: by step: a signed header or a part of a body; else empty.
    """

    TYPE: ClassVar[Type] = Type.TABLE
    request: Count
    step: Annotated[int, Meta(ge=0, le=max(TableStep).value)]
    value: Count = 0
    data: Annotated[bytes, Meta(max_length=limits.TABLE_PART_BYTES)] = b""


Message: TypeAlias = (
    Hello
    | Summary
    | Sketch
    | Ranges
    | Want
    | Push
    | Gone
    | Status
    | Ihave
    | Iwant
    | Peers
    | Ping
    | Pong
    | Proof
    | Goaway
    | Table
)
