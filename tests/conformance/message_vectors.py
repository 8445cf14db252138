"""Write the vectors of messages and sketches.

    python tests/conformance/message_vectors.py

makes the files messages.json and sketches.json anew. A change of either is a change of
what goes over the wire. Bytes are in lower-case hexadecimal; "refused" lists what every
implementation must refuse, and why.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from peerrec import limits
from peerrec.protocol.keyed_hash import keyed_hash_one
from peerrec.protocol.messages import (
    Goaway,
    GoawayCode,
    Gone,
    Hello,
    Ihave,
    Iwant,
    Level,
    Message,
    Peers,
    Ping,
    Pong,
    Proof,
    Purpose,
    Push,
    Ranges,
    Run,
    Sketch,
    SketchFacts,
    Status,
    StatusCode,
    Summary,
    Table,
    TableStep,
    Want,
    WantKind,
)
from peerrec.protocol.riblt import Decoder, Encoder
from peerrec.protocol.wire import encode, padded

FOLDER = Path(__file__).resolve().parent
TAG = bytes(range(8))
LOG = bytes(range(32)) + (7).to_bytes(4, "big")
KEY = bytes(range(16))

MESSAGES: list[tuple[str, Message]] = [
    (
        "hello, listening",
        Hello(0, 0, 29_000_000, TAG, 262_144, 0, "peerrec/0.1", "a.example", 7700),
    ),
    ("hello, behind a proxy", Hello(0, 1, 0, TAG, 0, 0, "", "2001:db8::1", 443, "/music")),
    ("hello, battery, not listening", Hello(0, 0, 29_000_000, bytes(8), 65_536, 1, "x")),
    ("summary", Summary(1, 20_138, TAG)),
    ("summary, largest", Summary(limits.COUNT_MAX, 2_932_897, b"\xff" * 8)),
    ("summary that ends in zeros", Summary(2, 0, bytes(8))),
    ("sketch, first", Sketch(1, Level.SYMBOLS, 0, bytes(range(26)), SketchFacts(25_000, 1_000, 9))),
    ("sketch, with a cursor", Sketch(2, 0, 0, b"", SketchFacts(0, 0, 0, limits.NUMBER_MAX))),
    ("sketch, more", Sketch(1, Level.SYMBOLS, 4_095, bytes(13))),
    ("sketch, list of logs", Sketch(1, Level.LOGS, 8_192, bytes(range(16)))),
    (
        "ranges, held",
        Ranges(1, Purpose.HELD, (Run(b"tag4", (0, 5, 2, 1)), Run(b"TAG4"))),
    ),
    ("ranges, named", Ranges(2, Purpose.NAMED, (Run(LOG, (1, 300), 17),))),
    ("ranges, unwanted", Ranges(2, Purpose.UNWANTED, (Run(LOG, (), limits.NUMBER_MAX),))),
    ("ranges, ids", Ranges(3, Purpose.IDS, (Run(b"tag4", (9, 2), 0, TAG),))),
    ("ranges, none", Ranges(3, Purpose.HELD, ())),
    ("want symbols", Want(1, WantKind.SYMBOLS, 8, 16)),
    ("want logs", Want(1, WantKind.LOGS, 8_192)),
    ("want elements", Want(1, WantKind.ELEMENTS, data=TAG * 2)),
    ("want chosen", Want(1, WantKind.CHOSEN, 0, 11, b"\x81\x02")),
    ("want names", Want(1, WantKind.NAMES, data=b"tag4TAG4")),
    ("want since", Want(1, WantKind.SINCE, 25_000)),
    ("push, gossip", Push(0, True, b"bundle")),
    ("push, not the last", Push(5, False, bytes(300))),
    ("gone", Gone(5, TAG)),
    ("gone, nothing", Gone(5, b"")),
    ("status, converged", Status(1, StatusCode.CONVERGED)),
    ("status, busy", Status(1, StatusCode.BUSY, 30)),
    ("status, credit", Status(0, StatusCode.CREDIT, limits.COUNT_MAX)),
    ("ihave", Ihave(0, TAG * 3)),
    ("iwant", Iwant(0, TAG * 2)),
    ("ping", Ping(127)),
    ("pong", Pong(128)),
    ("proof", Proof(0, b"evidence")),
    ("goaway", Goaway(0, GoawayCode.SHUTDOWN)),
    ("goaway, with a reason", Goaway(0, GoawayCode.VIOLATION, "malformed")),
    ("table, offered", Table(1, TableStep.OFFER, 0, b"offer")),
    ("table, asked for", Table(1, TableStep.HAVE, 0)),
    ("table, a part", Table(2, TableStep.PART, 16_384, b"part")),
    ("table, whole", Table(2, TableStep.HAVE, 142_408)),
    ("table, not now", Table(1, TableStep.NO, 300)),
    ("peers, asked for", Peers(1)),
    ("peers, none known", Peers(1, ())),
    ("peers", Peers(1, (b"frame", b"another"))),
]

REFUSED: list[tuple[str, str, str]] = [
    ("nothing at all", "", "malformed"),
    ("padding alone", "00" * 16, "malformed"),
    ("not an array", "810701", "malformed"),
    ("array of 16 bits for few elements", "dc00020b01", "malformed"),
    ("type in two bytes", "92cc0b01", "malformed"),
    ("negative type", "92ff01", "malformed"),
    ("critical type not known", "923f01", "unknown-critical"),
    ("request in more bytes than it takes", "920bcc01", "malformed"),
    ("request as a float", "920bcb3ff0000000000000", "malformed"),
    ("request of 2^32", "920bcf0000000100000000", "malformed"),
    ("negative request", "920bff", "malformed"),
    ("field too few", "930701" + "00", "malformed"),
    ("field too many", "930b0100", "malformed"),
    ("text where bytes belong", "94010100a8" + "61" * 8, "malformed"),
    ("length of bytes not the shortest", "94010100c50008" + "61" * 8, "malformed"),
    ("nil where none may be", "920bc0", "malformed"),
    ("number for a boolean", "94050001c40161", "malformed"),
    ("root of 7 bytes", "94010100c407" + "61" * 7, "malformed"),
    ("root of 9 bytes", "94010100c409" + "61" * 9, "oversized"),
    ("status code not known", "9407010600", "malformed"),
    ("ext type", "920bd40061", "malformed"),
    ("text that is no UTF-8", "940f0000a1ff", "malformed"),
    ("text with a line feed", "940f0000a10a", "malformed"),
    ("text beyond ASCII", "940f0000a2c3a9", "malformed"),
    ("cut in the middle", "94010100c40861", "malformed"),
    ("something after the padding", "920b010001", "malformed"),
    ("two messages", "920b01920b01", "malformed"),
    ("array that claims 2^32 − 1 elements", "94030100ddffffffff", "malformed"),
    ("tags of 7 bytes", "930601c407" + "61" * 7, "malformed"),
    ("symbols of 12 bytes", "96020100" + "00c40c" + "00" * 12 + "c0", "malformed"),
    ("symbol 4,096", "96020100" + "cd1000c40d" + "00" * 13 + "c0", "oversized"),
    ("runs that are no pairs", "9403010091" + "94c404746167349101" + "00c400", "malformed"),
    ("empty run", "9403010091" + "94c40474616734920100" + "00c400", "malformed"),
    ("log tag of 5 bytes", "9403010091" + "94c4057461673435" + "90" + "00c400", "malformed"),
    ("checks without ids", "9403010091" + "94c40474616734920101" + "00c40474616734", "malformed"),
    ("nine addresses", "93410199" + "c40161" * 9, "oversized"),
    ("offer of a table without data", "9540010000c400", "malformed"),
    ("offer of a table with a value", "9540010001c40161", "malformed"),
    ("offer of a table too long", "9540010000c50101" + "61" * 257, "oversized"),
    ("part of a table without data", "9540010200c400", "malformed"),
    ("part of a table too long", "9540010200c54001" + "61" * 16_385, "oversized"),
    ("receipt of a table with data", "9540010100c40161", "malformed"),
    ("step of a table not known", "9540010400c400", "malformed"),
    ("host without port", "9b00000000c408" + "00" * 10 + "a0a16100a0", "malformed"),
]


def jsonable(value: Any) -> Any:
    """Return fields with bytes as hexadecimal."""
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, list | tuple):
        return [jsonable(each) for each in value]
    if isinstance(value, msgspec.Struct):
        return {name: jsonable(getattr(value, name)) for name in value.__struct_fields__}
    return value


def message_vectors() -> dict[str, Any]:
    return {
        "messages": [
            {
                "name": name,
                "message": type(message).__name__,
                "type": int(message.TYPE),
                "fields": jsonable(message),
                "bytes": encode(message).hex(),
                "padded_to": len(padded(encode(message))),
            }
            for name, message in MESSAGES
        ],
        "ignored": [
            {"name": "type 66, whatever follows", "bytes": "924201", "type": 66},
            {"name": "type 127, not even MessagePack", "bytes": "9f7fc1c1", "type": 127},
        ],
        "refused": [
            {"name": name, "bytes": data, "violation": violation}
            for name, data, violation in REFUSED
        ],
        "padding": [[n, len(padded(bytes(n)))] for n in (0, 1, 16, 17, 33, 64, 65, 128, 129)]
        + [[n, len(padded(bytes(n)))] for n in (1_024, 1_025, 1_281, 65_281, 65_519)],
    }


def sketch_vectors() -> dict[str, Any]:
    ours = np.arange(1, 41, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    theirs = ours[3:]
    encoder = Encoder(ours, KEY)
    decoder = Decoder(theirs, KEY)
    while not decoder.add(encoder.symbols(decoder.n_symbols, 1)):
        pass
    return {
        "keyed_hash": [
            {"key": KEY.hex(), "block": block.hex(), "hash": f"{keyed_hash_one(KEY, block):016x}"}
            for block in (bytes(range(16)), bytes(16), b"\xff" * 16)
        ],
        "sketch": {
            "key": KEY.hex(),
            "elements": [f"{each:016x}" for each in ours.tolist()],
            "symbols": [encoder.symbols(i, 1).hex() for i in range(64)],
            "symbol_1000": encoder.symbols(1_000, 1).hex(),
            "without_the_first_three_done_after": decoder.n_symbols,
        },
    }


def main() -> None:
    for name, vectors in (("messages", message_vectors()), ("sketches", sketch_vectors())):
        text = json.dumps(vectors, indent=1, ensure_ascii=False)
        (FOLDER / f"{name}.json").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
