"""Read the messages of a link, by docs/protocol.md alone; see independent_decoder.py."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgpack
from independent_decoder import COUNT, NUMBER, Refused

MESSAGE_BYTES_MAX = 65_519

Check = Callable[[Any], None]


def refuse_unless(condition: bool, violation: str = "malformed") -> None:
    if not condition:
        raise Refused(violation)


def number(high: int, low: int = 0) -> Check:
    return lambda value: refuse_unless(type(value) is int and low <= value <= high)


def binary(low: int, high: int) -> Check:
    def check(value: Any) -> None:
        refuse_unless(type(value) is bytes)
        refuse_unless(len(value) <= high, "oversized")
        refuse_unless(len(value) >= low)

    return check


def plain(high: int) -> Check:
    def check(value: Any) -> None:
        refuse_unless(type(value) is str)
        refuse_unless(len(value.encode()) <= high, "oversized")
        refuse_unless(all(" " <= letter <= "~" for letter in value))

    return check


def truth(value: Any) -> None:
    refuse_unless(type(value) is bool)


def listed(high: int, each: Check) -> Check:
    def check(value: Any) -> None:
        refuse_unless(type(value) is list)
        refuse_unless(len(value) <= high, "oversized")
        for one in value:
            each(one)

    return check


def optional(other: Check) -> Check:
    return lambda value: None if value is None else other(value)


def part(**fields: Check) -> Check:
    def check(value: Any) -> None:
        refuse_unless(type(value) is list and len(value) == len(fields))
        for field, one in zip(fields.values(), value, strict=True):
            field(one)

    check.names = [*fields]  # type: ignore[attr-defined]
    return check


BULK = binary(0, MESSAGE_BYTES_MAX)
FACTS = part(
    n_segments=number(COUNT), n_logs=number(COUNT), arrival=number(NUMBER),
    since=optional(number(NUMBER)),
)  # fmt: skip
RUN = part(log=binary(4, 36), runs=listed(2_048, number(NUMBER)), floor=number(NUMBER), checks=BULK)

FIELDS: dict[int, tuple[str, dict[str, Check]]] = {
    0: ("Hello", {
        "features": number(COUNT), "minute": number(4_223_371_680), "store_tag": binary(8, 8),
        "credit": number(COUNT), "profile": number(1), "agent": plain(64), "host": plain(255),
        "port": number(65_535), "path": plain(255),
    }),
    1: ("Summary", {"day": number(2_932_897), "root": binary(8, 8)}),
    2: ("Sketch", {"level": number(1), "start": number(COUNT), "data": BULK,
                   "facts": optional(FACTS)}),
    3: ("Ranges", {"purpose": number(3), "entries": listed(8_192, RUN)}),
    4: ("Want", {"kind": number(5), "start": number(NUMBER), "count": number(8_192),
                 "data": BULK}),
    5: ("Push", {"last": truth, "bundle": binary(1, MESSAGE_BYTES_MAX)}),
    6: ("Gone", {"tags": BULK}),
    7: ("Status", {"code": number(5), "value": number(COUNT)}),
    8: ("Ihave", {"tags": BULK}),
    9: ("Iwant", {"tags": binary(0, 4_096)}),
    11: ("Ping", {}),
    12: ("Pong", {}),
    14: ("Proof", {"evidence": binary(1, 1_024)}),
    15: ("Goaway", {"code": number(6), "text": plain(200)}),
    64: ("Table", {"step": number(3), "value": number(COUNT), "data": binary(0, 16_384)}),
    65: ("Peers", {"frames": optional(listed(8, binary(1, 1_024)))}),
}  # fmt: skip


def decode_message(data: bytes) -> tuple[str, dict[str, Any]] | int:
    """Return name and fields of a message; the type of one that is ignored."""
    refuse_unless(len(data) <= MESSAGE_BYTES_MAX, "oversized")
    refuse_unless(len(data) >= 2 and 0x90 <= data[0] <= 0x9F and data[1] < 0x80)
    kind = data[1]
    if kind not in FIELDS:
        refuse_unless(kind >= 64, "unknown-critical")
        return kind
    name, checks = FIELDS[kind]
    _, *values = first_object(data)
    refuse_unless(len(values) == 1 + len(checks))
    for check, value in zip((number(COUNT), *checks.values()), values, strict=True):
        check(value)
    fields = dict(zip(("request", *checks), values, strict=True))
    check_rules(name, fields)
    return name, fields


def first_object(data: bytes) -> list[Any]:
    reader = msgpack.Unpacker(raw=False, max_buffer_size=len(data))
    reader.feed(data)
    try:
        value = reader.unpack()
        shortest = msgpack.packb(value)
    except (ValueError, TypeError, OverflowError, msgpack.UnpackException) as error:
        raise Refused("malformed") from error
    end = reader.tell()
    refuse_unless(data[:end] == shortest and not any(data[end:]))
    refuse_unless(type(value) is list and len(value) > 1)
    message: list[Any] = value
    return message


def check_rules(name: str, fields: dict[str, Any]) -> None:
    if name == "Hello":
        refuse_unless(bool(fields["host"]) == bool(fields["port"]))
        refuse_unless(bool(fields["host"]) or not fields["path"])
    elif name == "Sketch":
        size = 8 if fields["level"] else 13
        refuse_unless(len(fields["data"]) % size == 0)
        end = fields["start"] + len(fields["data"]) // 13
        refuse_unless(fields["level"] == 1 or end <= 4_096, "oversized")
    elif name == "Ranges":
        for log, runs, _, checks in fields["entries"]:
            refuse_unless(len(log) in (4, 36) and len(runs) % 2 == 0 and 0 not in runs[1:])
            refuse_unless(sum(runs) <= NUMBER)
            refuse_unless(len(checks) == (4 * sum(runs[1::2]) if fields["purpose"] == 3 else 0))
    elif name == "Want":
        kind, data = fields["kind"], fields["data"]
        widths = {2: 8, 3: 1, 4: 4}
        refuse_unless(len(data) % widths[kind] == 0 if kind in widths else not data)
        end = fields["start"] + fields["count"]
        refuse_unless(kind != 0 or end <= 4_096, "oversized")
    elif name in ("Gone", "Ihave", "Iwant"):
        refuse_unless(len(fields["tags"]) % 8 == 0)
        live = name == "Ihave" and fields["request"] == 0
        refuse_unless(not live or len(fields["tags"]) <= 4_096, "oversized")
    elif name == "Table":
        step, data = fields["step"], fields["data"]
        refuse_unless(bool(data) == (step in (0, 2)) and not (step == 0 and fields["value"]))
        refuse_unless(step != 0 or len(data) <= 256, "oversized")


def padded_size(n: int) -> int:
    if n <= 16:
        return 16
    step = 32 if n <= 512 else 64 if n <= 1_024 else 256
    return min(-(-n // step) * step, MESSAGE_BYTES_MAX)
