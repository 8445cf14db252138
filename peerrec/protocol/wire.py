"""Turn messages into bytes and back, refusing every byte that should not be there.

A message is one MessagePack array of at most 15 elements: its type (one byte, 0–127), its
request, its fields. There is one way to write each message: integers in their shortest
form, text as str, the rest as bin, nothing left out and nothing added. What follows the
array on a link is padding, zeros only. Each field's limits stand at the field in
`peerrec.protocol.messages`; rules that tie fields together are in `_RULES`.

Cost: 1–2 µs to encode a small message, 2–4 to decode it.

Example:
    >>> from peerrec.protocol.messages import Status, StatusCode
    >>> data = encode(Status(request=7, code=StatusCode.BUSY, value=30))
    >>> data.hex(), len(padded(data))
    ('940707021e', 16)
    >>> decode(padded(data))
    Status(request=7, code=2, value=30)
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, NamedTuple, cast, get_args

import msgpack
import msgspec

from peerrec import limits
from peerrec.errors import LocalProtocolError, RemoteProtocolError
from peerrec.protocol.messages import (
    CRITICAL_BELOW,
    Goaway,
    Gone,
    Hello,
    Ihave,
    Iwant,
    Level,
    Message,
    Purpose,
    Ranges,
    Run,
    Sketch,
    SketchFacts,
    Table,
    TableStep,
    Type,
    Want,
    WantKind,
)
from peerrec.protocol.riblt import ELEMENT_BYTES, SYMBOL_BYTES
from peerrec.protocol.violations import Violation

__all__ = [
    "Field",
    "Ignored",
    "decode",
    "encode",
    "field_rules",
    "field_table",
    "padded",
    "padded_length",
    "plain",
]

LOG_TAG_BYTES: Final = 4
LOG_NAME_BYTES: Final = 36
SEGMENT_CHECK_BYTES: Final = 4


class Ignored(NamedTuple):
    """A message of a type that is not known here and that may be ignored."""

    type: int


class Field(NamedTuple):
    """One line of the protocol's tables.

    Attributes:
        message: the message or the part of one that the field is in.
        type: the message's type; None for a part.
        position: where in the array.
        name: of the field.
        form: MessagePack form and limits, in words; lengths are bytes.
    """

    message: str
    type: int | None
    position: int
    name: str
    form: str


class _Broken(Exception):
    """A rule between fields does not hold."""

    def __init__(self, violation: Violation, text: str) -> None:
        super().__init__(text)
        self.violation = violation


_BIN_8: Final = 0xC4
"""Begins a field of up to 255 bytes in MessagePack; their number follows."""

_ENCODER: Final = msgspec.msgpack.Encoder()
_DECODERS: Final[dict[int, msgspec.msgpack.Decoder[Any]]] = {
    int(kind.TYPE): msgspec.msgpack.Decoder(kind) for kind in get_args(Message)
}


def encode(message: Message) -> bytes:
    """Return a message's bytes, after the checks the other side will make.

    The text of a GOAWAY is made plain and cut where it is too long: it is written when
    something went wrong already.

    Raises:
        LocalProtocolError: a field is out of its range, or the message is too long.
    """
    if type(message) is Goaway:
        message = Goaway(message.request, message.code, plain(message.text, limits.TEXT_BYTES_MAX))
    data = _ENCODER.encode(message)
    if len(data) > limits.MESSAGE_BYTES_MAX:
        raise LocalProtocolError(
            f"a {type(message).__name__} of {len(data)} bytes is too long; "
            f"send at most {limits.MESSAGE_BYTES_MAX} at a time"
        )
    kind = int(message.TYPE)
    try:
        _DECODERS[kind].decode(data)
        rule = _RULES.get(kind)
        if rule is not None:
            rule(message)
    except (msgspec.ValidationError, _Broken) as error:
        raise LocalProtocolError(f"{type(message).__name__} cannot be sent: {error}") from error
    return data


def decode(data: bytes) -> Message | Ignored:
    """Return the message in ``data``, which may be padded with zeros.

    Raises:
        RemoteProtocolError: MALFORMED, OVERSIZED or UNKNOWN_CRITICAL, and nothing else,
            whatever the bytes.
    """
    if len(data) > limits.MESSAGE_BYTES_MAX:
        raise RemoteProtocolError(
            Violation.OVERSIZED,
            f"a message of {len(data)} bytes; at most {limits.MESSAGE_BYTES_MAX} are read",
        )
    kind = _type_of(data)
    decoder = _DECODERS.get(kind)
    if decoder is None:
        if kind >= CRITICAL_BELOW:
            return Ignored(kind)
        raise RemoteProtocolError(
            Violation.UNKNOWN_CRITICAL, f"message type {kind} must be understood and is not"
        )
    try:
        message, body = _parsed(decoder, data)
        if _ENCODER.encode(message) != body:
            raise _Broken(Violation.MALFORMED, "it is not in the canonical form")
        rule = _RULES.get(kind)
        if rule is not None:
            rule(message)
    except (msgspec.DecodeError, UnicodeDecodeError, _Broken) as error:
        raise _refusal(kind, error) from error
    return cast(Message, message)


def padded(data: bytes) -> bytes:
    """Return ``data`` with zeros up to the next class of lengths, see `padded_length`."""
    n = len(data)
    return data.ljust(_CLASSES[n] if n < len(_CLASSES) else padded_length(n), b"\0")


def padded_length(n: int) -> int:
    """Return the class of lengths that ``n`` bytes are padded to.

    Classes are 16, multiples of 32 up to 512, of 64 up to 1,024, of 256 beyond: whoever
    watches the link learns little from lengths, at some 5 % more bytes.
    """
    if n <= limits.PAD_BYTES_MIN:
        return limits.PAD_BYTES_MIN
    step = 32 if n <= 512 else 64 if n <= 1_024 else 256
    return min(-(-n // step) * step, limits.MESSAGE_BYTES_MAX)


_CLASSES: Final = [padded_length(n) for n in range(1_025)]
"""Of the lengths that nearly all messages have."""


def plain(text: str, bytes_max: int) -> str:
    """Return ``text`` in printable ASCII, at most ``bytes_max`` long, for a field of text."""
    if text.isascii() and text.isprintable() and len(text) <= bytes_max:
        return text
    return "".join(c if c.isascii() and c.isprintable() else "?" for c in text[:bytes_max])


def field_table() -> list[Field]:
    """Return every field of every message and part, with its limits, by type."""
    rows = []
    for kind in (*get_args(Message), SketchFacts, Run):
        info = msgspec.inspect.type_info(kind)
        tag = int(kind.TYPE) if hasattr(kind, "TYPE") else None
        first = 0 if tag is None else 1
        rows += [
            Field(kind.__name__, tag, position, field.name, _form(field.type))
            for position, field in enumerate(cast(Any, info).fields, first)
        ]
    return rows


def field_rules() -> list[tuple[str, str]]:
    """Return the rules that tie fields together: (message, rule in words)."""
    return [(Type(kind).name, (rule.__doc__ or "").strip()) for kind, rule in _RULES.items()]


def _form(kind: Any) -> str:
    """Return the form and limits of a field's type, in words."""
    match kind:
        case msgspec.inspect.IntType():
            return f"int {kind.ge}–{kind.le}"
        case msgspec.inspect.BytesType():
            low, high = kind.min_length or 0, kind.max_length
            return f"bin {low}" if low == high else f"bin {low}–{high}"
        case msgspec.inspect.StrType():
            return f"str 0–{kind.max_length}, printable ASCII"
        case msgspec.inspect.BoolType():
            return "bool"
        case msgspec.inspect.VarTupleType():
            return f"array of 0–{kind.max_length}: {_form(kind.item_type)}"
        case msgspec.inspect.UnionType():
            return " or ".join(_form(each) for each in kind.types)
        case msgspec.inspect.StructType():
            return str(kind.cls.__name__)
        case _:
            return "nil"


def _type_of(data: bytes) -> int:
    """Return the message type; what comes after it is not looked at."""
    if len(data) < 2 or not 0x90 <= data[0] <= 0x9F or data[1] >= 0x80:
        raise RemoteProtocolError(
            Violation.MALFORMED, f"no message begins with {data[:2].hex() or 'nothing'}"
        )
    return data[1]


def _parsed(decoder: msgspec.msgpack.Decoder[Any], data: bytes) -> tuple[Any, bytes]:
    """Return the message and its bytes without the zeros after them."""
    stripped = data.rstrip(b"\0")
    if stripped[-1] == _BIN_8 and len(stripped) < len(data):
        stripped += b"\0"  # a field of no bytes at the end, most likely
    try:  # few messages end in another zero of their own
        return decoder.decode(stripped), stripped
    except (msgspec.DecodeError, UnicodeDecodeError):
        body = _body(data)
        return decoder.decode(body), body


def _body(data: bytes) -> bytes:
    """Return the first object without the zeros after it; builds nothing while it looks."""
    unpacker = msgpack.Unpacker(max_buffer_size=limits.MESSAGE_BYTES_MAX)
    unpacker.feed(data)
    try:
        unpacker.skip()
    except (msgpack.UnpackException, ValueError) as error:
        raise RemoteProtocolError(
            Violation.MALFORMED, "the message is cut short, nested too deeply or no MessagePack"
        ) from error
    end: int = unpacker.tell()
    if end == len(data):
        return data
    if data.count(0, end) != len(data) - end:
        raise RemoteProtocolError(Violation.MALFORMED, "something other than zeros as padding")
    return data[:end]


def _refusal(kind: int, error: Exception) -> RemoteProtocolError:
    """Return the error for a message whose fields are wrong."""
    if isinstance(error, _Broken):
        violation = error.violation
    else:
        long = "of length <=" in str(error)
        violation = Violation.OVERSIZED if long else Violation.MALFORMED
    return RemoteProtocolError(violation, f"{Type(kind).name}: {error}")


# -- rules between fields ------------------------------------------------------------------


def _multiple(data: bytes, size: int, name: str) -> None:
    """Refuse ``data`` that is no whole number of parts."""
    if len(data) % size:
        raise _Broken(Violation.MALFORMED, f"{name} of {len(data)} bytes is cut; {size} bytes each")


def _ascii(text: str, name: str) -> None:
    """Refuse what would mark or move things in a terminal or a log."""
    if not (text.isascii() and text.isprintable()):
        raise _Broken(Violation.MALFORMED, f"{name} holds other than printable ASCII")


def _hello(message: Hello) -> None:
    """Host and port are both given or both empty; a path only with them."""
    _ascii(message.agent, "agent")
    _ascii(message.host, "host")
    _ascii(message.path, "path")
    if bool(message.host) != bool(message.port) or (message.path and not message.host):
        raise _Broken(Violation.MALFORMED, "host and port go together, and a path with them")


def _sketch(message: Sketch) -> None:
    """Level 0: 13-byte symbols, none from SYMBOLS_MAX on. Level 1: 8-byte elements."""
    if message.level == Level.LOGS:
        _multiple(message.data, ELEMENT_BYTES, "list")
        return
    _multiple(message.data, SYMBOL_BYTES, "symbols")
    end = message.start + len(message.data) // SYMBOL_BYTES
    if end > limits.SYMBOLS_MAX:
        raise _Broken(Violation.OVERSIZED, f"{end} symbols; at most {limits.SYMBOLS_MAX}")


def _ranges(message: Ranges) -> None:
    """A log is 4 or 36 bytes; runs are pairs, their sum a Number; 4 bytes a check in IDS."""
    ids = message.purpose == Purpose.IDS
    for run in message.entries:
        _run(run, ids)


def _run(run: Run, ids: bool) -> None:
    """Check one log's numbers."""
    runs = run.runs
    if len(run.log) not in (LOG_TAG_BYTES, LOG_NAME_BYTES):
        raise _Broken(Violation.MALFORMED, "a log is told by its tag, 4 bytes, or in full, 36")
    if len(runs) % 2 or 0 in runs[1:]:
        raise _Broken(Violation.MALFORMED, "runs are pairs, and only the first number may be 0")
    if sum(runs) > limits.NUMBER_MAX:
        raise _Broken(Violation.MALFORMED, "runs beyond the largest sequence number")
    n_checks = sum(runs[1::2]) if ids else 0
    if len(run.checks) != n_checks * SEGMENT_CHECK_BYTES:
        raise _Broken(
            Violation.MALFORMED, f"{len(run.checks)} bytes of checks for {n_checks} segments"
        )


def _want(message: Want) -> None:
    """ELEMENTS takes 8-byte elements, NAMES 4-byte tags, CHOSEN bits, others no data."""
    kind = message.kind
    if kind == WantKind.ELEMENTS:
        _multiple(message.data, ELEMENT_BYTES, "elements")
    elif kind == WantKind.NAMES:
        _multiple(message.data, LOG_TAG_BYTES, "tags")
    elif kind != WantKind.CHOSEN and message.data:
        raise _Broken(Violation.MALFORMED, "data with a question that has none")
    elif kind == WantKind.SYMBOLS and message.start + message.count > limits.SYMBOLS_MAX:
        raise _Broken(Violation.OVERSIZED, f"more than {limits.SYMBOLS_MAX} symbols asked for")


def _tags(message: Gone | Ihave | Iwant) -> None:
    """Tags are 8 bytes each; an IHAVE of request 0 holds at most IHAVE_MAX of them."""
    _multiple(message.tags, limits.TAGS_BYTES, "tags")
    if (
        message.TYPE is Type.IHAVE
        and message.request == 0
        and len(message.tags) > limits.IHAVE_MAX * limits.TAGS_BYTES
    ):
        raise _Broken(Violation.OVERSIZED, f"more than {limits.IHAVE_MAX} tags announced")


def _goaway(message: Goaway) -> None:
    """The text is printable ASCII."""
    _ascii(message.text, "text")


def _table(message: Table) -> None:
    """OFFER and PART have data, an OFFER's is short and without value; HAVE and NO have none."""
    offer = message.step == TableStep.OFFER
    if bool(message.data) != (message.step in (TableStep.OFFER, TableStep.PART)):
        raise _Broken(Violation.MALFORMED, "data where none belongs, or none where some does")
    if offer and message.value:
        raise _Broken(Violation.MALFORMED, "a value with an offer")
    if offer and len(message.data) > limits.TABLE_OFFER_BYTES_MAX:
        raise _Broken(Violation.OVERSIZED, f"an offer of {len(message.data)} bytes")


_RULES: Final[dict[int, Callable[[Any], None]]] = {
    Type.HELLO: _hello,
    Type.SKETCH: _sketch,
    Type.RANGES: _ranges,
    Type.WANT: _want,
    Type.GONE: _tags,
    Type.IHAVE: _tags,
    Type.IWANT: _tags,
    Type.GOAWAY: _goaway,
    Type.TABLE: _table,
}
