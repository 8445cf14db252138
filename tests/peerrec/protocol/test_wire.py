"""Nothing but a well-formed message comes through, and a well-formed one unchanged."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, get_args

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import inspect

from peerrec import limits
from peerrec.errors import LocalProtocolError, RemoteProtocolError
from peerrec.protocol.messages import (
    CRITICAL_BELOW,
    Goaway,
    Hello,
    Ihave,
    Iwant,
    Message,
    Ping,
    Push,
    Ranges,
    Run,
    Sketch,
    Status,
    Summary,
    Type,
    Want,
    WantKind,
)
from peerrec.protocol.violations import Violation
from peerrec.protocol.wire import (
    Ignored,
    decode,
    encode,
    field_rules,
    field_table,
    padded,
    plain,
)

VECTORS = json.loads(
    (Path(__file__).parents[2] / "conformance" / "messages.json").read_text(encoding="utf-8")
)["messages"]
SAMPLES = [bytes.fromhex(each["bytes"]) for each in VECTORS]
NAMES = [each["name"] for each in VECTORS]
RANGE = (Violation.MALFORMED, Violation.OVERSIZED)

pack = msgspec.msgpack.encode
unpack = msgspec.msgpack.decode


def refused(data: bytes) -> Violation:
    with pytest.raises(RemoteProtocolError) as refusal:
        decode(data)
    return Violation(refusal.value.violation)


# -- every byte ----------------------------------------------------------------------------


@pytest.mark.parametrize("data", SAMPLES, ids=NAMES)
def test_a_message_cut_at_any_byte_is_refused(data: bytes):
    for end in range(len(data)):
        assert refused(data[:end]) is Violation.MALFORMED


@pytest.mark.parametrize("data", SAMPLES, ids=NAMES)
def test_a_cut_message_filled_up_with_zeros_is_never_the_message(data: bytes):
    message = decode(data)
    for end in range(len(data)):
        try:
            got = decode(data[:end] + bytes(400))
        except RemoteProtocolError:
            continue
        assert got != message or data[end:].count(0) == len(data) - end


@pytest.mark.parametrize("data", SAMPLES, ids=NAMES)
def test_every_changed_byte_gives_another_message_or_none(data: bytes):
    message = decode(data)
    for at in range(len(data)):
        for flip in (1, 0x80, 0xFF):
            changed = bytearray(data)
            changed[at] ^= flip
            try:
                got = decode(bytes(changed))
            except RemoteProtocolError:
                continue
            assert got != message


@pytest.mark.parametrize("data", SAMPLES, ids=NAMES)
def test_anything_but_zeros_after_a_message_is_refused(data: bytes):
    assert decode(data + bytes(100)) == decode(data)
    for tail in (b"\x01", b"\0\x01", bytes(90) + b"\xc0", data):
        assert refused(data + tail) is Violation.MALFORMED


# -- every field ---------------------------------------------------------------------------


def beyond(kind: Any) -> list[Any]:
    """Values just outside what a field of this kind may hold."""
    match kind:
        case inspect.IntType():
            return [kind.ge - 1, kind.le + 1]
        case inspect.BytesType():
            short = [bytes(kind.min_length - 1)] if kind.min_length else []
            return [*short, bytes(kind.max_length + 1)]
        case inspect.StrType():
            return ["a" * (kind.max_length + 1)]
        case inspect.VarTupleType():
            item = least(kind.item_type)
            inner = [[each] for each in beyond(kind.item_type)]
            return [[item] * (kind.max_length + 1), *inner]
        case inspect.UnionType():
            return [value for each in kind.types for value in beyond(each)]
        case inspect.StructType():
            values = [least(field.type) for field in kind.fields]
            return [values[:-1], [*values, 0]] + [
                [*values[:i], value, *values[i + 1 :]]
                for i, field in enumerate(kind.fields)
                for value in beyond(field.type)
            ]
        case inspect.BoolType():
            return [0, 1]
        case _:
            return []


def least(kind: Any) -> Any:
    """The smallest value a field of this kind may hold."""
    match kind:
        case inspect.IntType():
            return kind.ge
        case inspect.BytesType():
            return bytes(kind.min_length or 0)
        case inspect.StrType():
            return ""
        case inspect.VarTupleType():
            return []
        case inspect.StructType():
            return [least(field.type) for field in kind.fields]
        case inspect.BoolType():
            return False
        case _:
            return None


def fields_of(message: type) -> list[tuple[int, str, Any]]:
    return [(i, f.name, f.type) for i, f in enumerate(inspect.type_info(message).fields, 1)]


FIELDS = [
    pytest.param(message, position, kind, id=f"{message.__name__}.{name}")
    for message in get_args(Message)
    for position, name, kind in fields_of(message)
]


def sample(message: type) -> list[Any]:
    return unpack(next(data for data in SAMPLES if data[1] == message.TYPE))


@pytest.mark.parametrize(("message", "position", "kind"), FIELDS)
def test_a_field_just_out_of_its_range_is_refused(message: type, position: int, kind: Any):
    values = sample(message)
    decode(pack(values))
    for value in beyond(kind):
        changed = [*values[:position], value, *values[position + 1 :]]
        assert refused(pack(changed)) in RANGE, value


@pytest.mark.parametrize(("message", "position", "kind"), FIELDS)
def test_a_field_of_another_kind_is_refused(message: type, position: int, kind: Any):
    values = sample(message)
    for value in (1.0, "text", b"bytes", [], {}, None, True, -1, msgspec.msgpack.Ext(1, b"x")):
        changed = [*values[:position], value, *values[position + 1 :]]
        try:
            got = decode(pack(changed))
        except RemoteProtocolError as refusal:
            assert refusal.violation in RANGE  # noqa: PT017 -- either end is right
        else:
            assert encode(got) == pack(changed)


@pytest.mark.parametrize("message", get_args(Message), ids=lambda m: m.__name__)
def test_a_field_too_few_or_too_many_is_refused(message: type):
    values = sample(message)
    assert refused(pack(values[:-1])) is Violation.MALFORMED
    assert refused(pack([*values, 0])) is Violation.MALFORMED
    assert refused(pack([*values, None])) is Violation.MALFORMED


def test_every_type_of_message_is_known_or_ignored_or_refused_as_critical():
    for kind in range(128):
        data = bytes([0x92, kind, 0xC1])
        if kind in set(Type):
            assert refused(data) is Violation.MALFORMED
        elif kind < CRITICAL_BELOW:
            assert refused(data) is Violation.UNKNOWN_CRITICAL
        else:
            assert decode(data) == Ignored(kind)


# -- every limit ---------------------------------------------------------------------------


def test_a_message_of_the_largest_size_passes_and_a_byte_more_does_not():
    head = len(encode(Push(0, True, b"x" * 60_000))) - 60_000
    largest = Push(0, True, b"x" * (limits.MESSAGE_BYTES_MAX - head))
    data = encode(largest)
    assert len(data) == len(padded(data)) == limits.MESSAGE_BYTES_MAX
    assert decode(data) == largest
    assert refused(data + b"\0") is Violation.OVERSIZED
    with pytest.raises(LocalProtocolError, match="too long"):
        encode(Push(0, True, largest.bundle + b"x"))


@pytest.mark.parametrize(
    "message",
    [
        Ihave(0, bytes(8 * limits.IHAVE_MAX)),
        Ihave(1, bytes(8 * (limits.IHAVE_MAX + 1))),
        Iwant(0, bytes(8 * limits.IHAVE_MAX)),
        Sketch(1, 0, limits.SYMBOLS_MAX - 1, bytes(13)),
        Want(1, WantKind.SYMBOLS, limits.SYMBOLS_MAX - 1, 1),
        Ranges(1, 0, (Run(b"tag4", (1, 1) * (limits.RUNS_MAX // 2)),)),
        Ranges(1, 0, (Run(b"tag4", (0, limits.NUMBER_MAX)),)),
        Summary(1, 2_932_897, bytes(8)),
    ],
    ids=lambda m: type(m).__name__,
)
def test_what_is_just_within_a_limit_passes(message: Message):
    assert decode(padded(encode(message))) == message


@pytest.mark.parametrize(
    ("message", "violation"),
    [
        (Ihave(0, bytes(8 * (limits.IHAVE_MAX + 1))), Violation.OVERSIZED),
        (Iwant(0, bytes(8 * (limits.IHAVE_MAX + 1))), Violation.OVERSIZED),
        (Sketch(1, 0, limits.SYMBOLS_MAX, bytes(13)), Violation.OVERSIZED),
        (Want(1, WantKind.SYMBOLS, limits.SYMBOLS_MAX, 1), Violation.OVERSIZED),
        (Want(1, WantKind.LOGS, 0, 0, b"x"), Violation.MALFORMED),
        (Want(1, WantKind.NAMES, 0, 0, bytes(7)), Violation.MALFORMED),
        (Ranges(1, 0, (Run(b"tag4", (1, 1) * (limits.RUNS_MAX // 2) + (1, 1)),)), "oversized"),
        (Ranges(1, 0, (Run(b"tag4", (1, limits.NUMBER_MAX)),)), Violation.MALFORMED),
        (Ranges(1, 3, (Run(b"tag4", (1, 1)),)), Violation.MALFORMED),
        (Ranges(1, 3, (Run(b"tag4", (0, limits.NUMBER_MAX)),)), Violation.MALFORMED),
        (Status(-1, 0), Violation.MALFORMED),
        (Hello(0, 0, 0, bytes(8), 0, 0, "a\x1b"), Violation.MALFORMED),
        (Hello(0, 0, 0, bytes(8), 0, 0, "a", "é", 1), Violation.MALFORMED),
        (Hello(0, 0, 0, bytes(8), 0, 0, "a", "h", 1, "/\n"), Violation.MALFORMED),
        (Hello(0, 0, 0, bytes(8), 0, 0, "a", "", 1), Violation.MALFORMED),
        (Hello(0, 0, 0, bytes(8), 0, 0, "a", "", 0, "/p"), Violation.MALFORMED),
    ],
    ids=str,
)
def test_what_is_just_beyond_a_limit_is_neither_sent_nor_read(
    message: Message, violation: Violation
):
    with pytest.raises(LocalProtocolError, match=type(message).__name__):
        encode(message)
    assert refused(pack(message)) == violation


@pytest.mark.parametrize(
    "data",
    [
        b"\x91" * 65_000,
        b"\x93\x05\x00" + b"\x91" * 65_000,
        b"\x93\x05\x00" + b"\x81" * 65_000,
        b"\x94\x03\x01\x00\xdd\xff\xff\xff\xff" + b"\x90" * 60_000,
        b"\x94\x03\x01\x00\xdf\x7f\xff\xff\xff" + b"\x90" * 60_000,
        b"\x93\x06\x01\xc6\xff\xff\xff\xff" + b"x" * 60_000,
    ],
    ids=["arrays", "arrays inside", "maps", "long array", "long map", "long bytes"],
)
def test_depth_and_claimed_lengths_cost_nothing(data: bytes):
    assert refused(data) is Violation.MALFORMED


# -- what is sent --------------------------------------------------------------------------


def test_the_text_of_a_goodbye_is_made_fit_to_send():
    message = decode(encode(Goaway(0, 2, "naïve\n" + "x" * 500)))
    assert message == Goaway(0, 2, "na?ve?" + "x" * 194)


@given(st.text(), st.integers(0, 100))
def test_plain_text_is_printable_ascii_of_bounded_length(text: str, n: int):
    got = plain(text, n)
    assert len(got.encode()) <= n
    assert got.isascii()
    assert got.isprintable()
    assert plain(got, n) == got


@given(st.integers(0, limits.MESSAGE_BYTES_MAX))
def test_padding_has_few_lengths_and_costs_little(n: int):
    size = len(padded(b"x" * n))
    assert n <= size <= limits.MESSAGE_BYTES_MAX
    assert size - n < (17 if n < 17 else 32 if n <= 512 else 64 if n <= 1_024 else 256)
    assert size in (16, limits.MESSAGE_BYTES_MAX) or size % 32 == 0
    assert len(padded(bytes(size))) == size


def test_lengths_of_small_messages_do_not_tell_them_apart():
    assert {len(padded(bytes(n))) for n in range(65)} == {16, 32, 64}
    assert len({len(padded(bytes(n))) for n in range(1_025)}) == 1 + 16 + 8


def test_the_table_of_fields_names_every_field_once():
    table = field_table()
    assert len({(row.message, row.position) for row in table}) == len(table)
    assert {row.message for row in table} == {
        *(kind.__name__ for kind in get_args(Message)),
        "Run",
        "SketchFacts",
    }
    forms = {f"{row.message}.{row.name}": row.form for row in table}
    assert forms["Summary.root"] == "bin 8"
    assert forms["Push.last"] == "bool"
    assert forms["Goaway.text"] == "str 0–200, printable ASCII"
    assert forms["Hello.agent"] == "str 0–64, printable ASCII"
    assert forms["Peers.frames"] == "array of 0–8: bin 1–1024 or nil"
    assert all(len(rule) > 20 for _, rule in field_rules())


# -- anything at all -----------------------------------------------------------------------


def judged(data: bytes) -> None:
    """Decode; what comes through must be canonical, what does not a counted refusal."""
    try:
        message = decode(data)
    except RemoteProtocolError as refusal:
        assert refusal.violation in (*RANGE, Violation.UNKNOWN_CRITICAL)  # noqa: PT017
        return
    if not isinstance(message, Ignored):
        again = encode(message)
        assert data == again + bytes(len(data) - len(again))


anything = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats()
    | st.text(max_size=8)
    | st.binary(max_size=40),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=2), inner),
    max_leaves=20,
)


@settings(max_examples=500)
@given(st.binary(max_size=200))
def test_any_bytes_are_judged(data: bytes):
    judged(data)


@settings(max_examples=150)
@given(st.sampled_from(sorted(Type)), st.lists(anything, max_size=8))
def test_any_values_under_a_known_type_are_judged(kind: Type, values: list[Any]):
    judged(pack([int(kind), *values]))


@settings(max_examples=1_000)
@given(st.sampled_from(SAMPLES), st.integers(0, 80), st.integers(0, 4), st.binary(max_size=8))
def test_a_message_with_bytes_put_in_or_taken_out_is_judged(
    data: bytes, at: int, removed: int, added: bytes
):
    judged(data[:at] + added + data[at + removed :])


def values_of(kind: Any) -> st.SearchStrategy[Any]:
    """Values within the limits of a field, small ones mostly."""
    match kind:
        case inspect.IntType():
            return st.integers(kind.ge, min(kind.le, 3)) | st.integers(kind.ge, kind.le)
        case inspect.BytesType():
            low, high = kind.min_length or 0, kind.max_length
            sizes = [n for n in (0, 4, 8, 13, 26, 36, 40) if low <= n <= high]
            exact = st.sampled_from(sizes).flatmap(lambda n: st.binary(min_size=n, max_size=n))
            return exact | st.binary(min_size=low, max_size=min(high, low + 40))
        case inspect.StrType():
            return st.text(st.characters(max_codepoint=0x17F), max_size=min(kind.max_length, 20))
        case inspect.BoolType():
            return st.booleans()
        case inspect.VarTupleType():
            return st.lists(values_of(kind.item_type), max_size=4).map(tuple)
        case inspect.UnionType():
            return st.one_of(*map(values_of, kind.types))
        case inspect.StructType():
            parts = {field.name: values_of(field.type) for field in kind.fields}
            return st.builds(kind.cls, **parts)
        case _:
            return st.none()


@settings(max_examples=1_000)
@given(st.one_of(*(values_of(inspect.type_info(kind)) for kind in get_args(Message))))
def test_what_can_be_sent_can_be_read_and_what_cannot_is_refused(message: Message):
    try:
        data = encode(message)
    except LocalProtocolError:
        assert refused(pack(message)) in RANGE
        return
    if not isinstance(message, Goaway):  # its text may have been made plain
        assert data == pack(message)
        assert decode(data) == message
    assert decode(padded(data)) == decode(data)


def test_a_message_never_says_two_things():
    """Other bytes for the same message would give it two lengths, and fingerprints."""
    for data in (b"\x92\x0b\xcc\x05", b"\x92\x0b\xcd\x00\x05", b"\x92\x0b\xd0\x05"):
        assert refused(data) is Violation.MALFORMED
    assert decode(b"\x92\x0b\x05") == Ping(5)
