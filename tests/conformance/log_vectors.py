"""Write the vectors of ids, segments, statements, bundles and forks.

    python tests/conformance/log_vectors.py

makes the files ids.json, segments.json, statements.json, bundles.json and forks.json
anew. A change of any of them is a change of what goes over the wire. Bytes are in
lower-case hexadecimal; keys are made from the named seeds; "refused" lists what every
implementation must refuse, and why.
"""

from __future__ import annotations

import json
import struct
import zlib
from pathlib import Path
from typing import Any

import msgspec

from peerrec.ids import item_hash, network_id, peer_text
from peerrec.limits import BUNDLE_BYTES_MAX, SEQ_MAX
from peerrec.protocol.bundle import pack
from peerrec.protocol.bundle_columns import Columns
from peerrec.protocol.fork import make_proof
from peerrec.protocol.identity import Ed25519Signer
from peerrec.protocol.segment import NO_SEGMENT, Kind, Segment, make_segment, signed_message
from peerrec.protocol.statements import (
    ItemName,
    Play,
    Retraction,
    TrustIn,
    Whereabouts,
    encode_statements,
)

FOLDER = Path(__file__).resolve().parent
NETWORK = "music"
SEEDS = {"ada": bytes(range(32)), "bob": bytes(range(32, 64))}
MINUTE = 29_000_000

PRIME = 2**255 - 19
SMALL_ORDER_Y = [
    0,
    1,
    PRIME - 1,
    PRIME,
    PRIME + 1,
    int.from_bytes(
        bytes.fromhex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"), "little"
    ),
    int.from_bytes(
        bytes.fromhex("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a"), "little"
    ),
]

pack_value = msgspec.msgpack.encode


def signer(name: str) -> Ed25519Signer:
    return Ed25519Signer.from_seed(SEEDS[name])


def item(name: str) -> bytes:
    return item_hash(f"https://music.example/{name}")


def segment(
    author: str, seq: int, payload: bytes, kind: int = Kind.DIRECTORY, **changes
) -> Segment:
    fields: dict[str, Any] = {
        "epoch": 7,
        "prev": NO_SEGMENT,
        "minute": MINUTE,
        "ttl_days": 90,
        **changes,
    }
    return make_segment(
        signer(author), network_id(NETWORK), kind, seq=seq, payload=payload, **fields
    )


# -- ids --------------------------------------------------------------------------------


def ids() -> dict[str, Any]:
    keys = [signer(name).peer for name in SEEDS]
    text = peer_text(keys[0])
    wrong_letter = text[:10] + ("a" if text[10] != "a" else "b") + text[11:]
    return {
        "peers": [
            {"seed": seed.hex(), "peer": key.hex(), "text": peer_text(key)}
            for seed, key in zip(SEEDS.values(), keys, strict=True)
        ],
        "networks": [{"name": name, "id": network_id(name).hex()} for name in ("music", "Björk")],
        "items": [
            {"text": text, "hash": item_hash(text).hex()}
            for text in ("https://music.example/one", "spotify:track:1", "Sigur Rós – Hoppípolla")
        ]
        + [{"bytes": raw.hex(), "hash": item_hash(raw).hex()} for raw in (b"\x01\x02", bytes(16))],
        "refused_texts": [
            {"text": text[:-1], "why": "too short"},
            {"text": text + "a", "why": "too long"},
            {"text": wrong_letter, "why": "checksum"},
            {"text": "1" + text[1:], "why": "1 is no letter of base32"},
        ],
        "refused_keys": [
            {"peer": (y | sign << 255).to_bytes(32, "little").hex(), "why": "small order"}
            for y in SMALL_ORDER_Y
            for sign in (0, 1)
        ]
        + [
            {"peer": (y | sign << 255).to_bytes(32, "little").hex(), "why": "not canonical"}
            for y in (PRIME + 2, PRIME + 17, 2**255 - 1)
            for sign in (0, 1)
        ],
    }


# -- segments ---------------------------------------------------------------------------


def segments() -> dict[str, Any]:
    plain = segment("ada", 1, b"payload")
    named = {
        "first of a log": plain,
        "with one before it": segment("ada", 2, b"more", prev=plain.id, minute=MINUTE + 1),
        "every number at its largest": segment(
            "ada",
            SEQ_MAX,
            b"\xff" * 300,
            127,
            epoch=2**32 - 1,
            prev=b"\xff" * 16,
            minute=4_223_371_679,
        ),
        "every number at its smallest": segment(
            "bob", 0, b"\x00", Kind.INTERACTIONS, epoch=0, minute=0, ttl_days=1
        ),
    }
    return {
        "network": NETWORK,
        "segments": [
            {
                "name": name,
                "kind": int(one.header.kind),
                "author": one.header.author.hex(),
                "epoch": one.header.epoch,
                "seq": one.header.seq,
                "prev": one.header.prev.hex(),
                "minute": one.header.minute,
                "ttl_days": one.header.ttl_days,
                "payload": one.payload.hex(),
                "payload_hash": one.header.payload_hash.hex(),
                "header": one.header_bytes.hex(),
                "signed": signed_message(one.header_bytes, network_id(NETWORK)).hex(),
                "signature": one.signature.hex(),
                "id": one.id.hex(),
                "frame": one.frame.hex(),
            }
            for name, one in named.items()
        ],
        "refused": refused_segments(plain),
        "forged": forged_segments(plain),
    }


def refused_segments(plain: Segment) -> list[dict[str, str]]:
    """Return frames that are refused before any signature is looked at."""
    header = msgspec.msgpack.decode(plain.header_bytes)

    def with_field(at: int, value: object) -> bytes:
        changed = [*header]
        changed[at] = value
        return frame(pack_value(changed))

    def frame(header_bytes: bytes, signature: bytes = plain.signature) -> bytes:
        return pack_value([header_bytes, signature, plain.payload])

    rows = {
        "version 2": with_field(0, 2),
        "kind 0": with_field(1, 0),
        "kind 5 is reserved": with_field(1, 5),
        "kind 7 does not exist": with_field(1, 7),
        "kind 128": with_field(1, 128),
        "kind is true": with_field(1, True),
        "author of 31 bytes": with_field(2, bytes(31)),
        "author is text": with_field(2, "x" * 32),
        "epoch beyond u32": with_field(3, 2**32),
        "epoch is negative": with_field(3, -1),
        "epoch is a float": with_field(3, 7.0),
        "number beyond 2^53": with_field(4, SEQ_MAX + 1),
        "prev of 32 bytes": with_field(5, bytes(32)),
        "prev is nil": with_field(5, None),
        "minute after the year 9999": with_field(6, 4_223_371_680),
        "no days to live": with_field(7, 0),
        "91 days to live": with_field(7, 91),
        "another length": with_field(8, len(plain.payload) + 1),
        "another payload": with_field(9, bytes(32)),
        "hash of 16 bytes": with_field(9, bytes(16)),
        "a field more": frame(pack_value([*header, 0])),
        "a field less": frame(pack_value(header[:-1])),
        "signature of 63 bytes": frame(plain.header_bytes, plain.signature[:-1]),
        "bytes after it": plain.frame + b"\x00",
        "cut short": plain.frame[:-1],
        "nothing": b"",
        "a long form of the array": b"\xdc\x00\x03" + plain.frame[1:],
        "a long form of the header's length": b"\x93\xc5\x00" + plain.frame[2:],
        "a long form of a number": frame(
            plain.header_bytes.replace(b"\x01\x06", b"\xcc\x01\x06", 1)
        ),
    }
    return [{"why": why, "frame": data.hex()} for why, data in rows.items()]


def forged_segments(plain: Segment) -> list[dict[str, str]]:
    """Return frames in order whose signatures are not good."""
    other = segment("bob", 1, plain.payload)
    broken = plain.signature[:-1] + bytes([plain.signature[-1] ^ 1])
    # The same signature with the group's order added to its scalar: a second encoding.
    order = 2**252 + 27742317777372353535851937790883648493
    scalar = int.from_bytes(plain.signature[32:], "little") + order
    malleated = plain.signature[:32] + scalar.to_bytes(32, "little")
    elsewhere = make_segment(
        signer("ada"),
        network_id("films"),
        Kind.DIRECTORY,
        epoch=7,
        seq=1,
        prev=NO_SEGMENT,
        minute=MINUTE,
        ttl_days=90,
        payload=plain.payload,
    )
    small_order = [*msgspec.msgpack.decode(plain.header_bytes)]
    small_order[2] = (1).to_bytes(32, "little")
    neutral = (1).to_bytes(32, "little") + bytes(32)
    rows = {
        "one bit of the signature": (plain.header_bytes, broken),
        "scalar not reduced": (plain.header_bytes, malleated),
        "signed by another": (plain.header_bytes, other.signature),
        "signed for another network": (elsewhere.header_bytes, elsewhere.signature),
        "key of small order, for which this fits any message": (pack_value(small_order), neutral),
    }
    return [
        {"why": why, "frame": pack_value([header, signature, plain.payload]).hex()}
        for why, (header, signature) in rows.items()
    ]


# -- statements -------------------------------------------------------------------------


def statements() -> dict[str, Any]:
    ada, bob = (signer(name).peer for name in SEEDS)
    one, two = item("one"), item("two")
    said: list[tuple[str, Kind, list[Any]]] = [
        ("one play", Kind.INTERACTIONS, [Play(one, 1.0, MINUTE)]),
        (
            "equal whole weights are written once",
            Kind.INTERACTIONS,
            [Play(one, 3.0, MINUTE - 200), Play(two, 3.0, MINUTE)],
        ),
        (
            "whole weights are integers",
            Kind.INTERACTIONS,
            [Play(one, 1.0, MINUTE - 70_000), Play(one, 2.0**24, 0)],
        ),
        (
            "other weights are float32",
            Kind.INTERACTIONS,
            [Play(one, 0.5, MINUTE), Play(two, 1e9, MINUTE - 1)],
        ),
        ("equal float32 once", Kind.INTERACTIONS, [Play(one, 0.25, MINUTE)] * 2),
        (
            "256 plays",
            Kind.INTERACTIONS,
            [Play(item(str(i)), float(1 + i % 3), MINUTE - i) for i in range(256)],
        ),
        ("trust", Kind.TRUST, [TrustIn(ada, 1.0, MINUTE), TrustIn(bob, -0.37, MINUTE - 5)]),
        ("trust taken back", Kind.TRUST, [TrustIn(ada, 0.0, MINUTE)]),
        ("retraction", Kind.RETRACT, [Retraction(one, MINUTE), Retraction(two, MINUTE - 300)]),
        (
            "addresses",
            Kind.ADDRESS,
            [
                Whereabouts("music.example", 7700, "/behind/proxy"),
                Whereabouts("2001:db8::7", 65_535),
                Whereabouts("192.0.2.1", 1),
            ],
        ),
        (
            "names",
            Kind.DIRECTORY,
            [
                ItemName("https://music.example/one", "Hoppípolla", ("post-rock", "íslenska")),
                ItemName("x"),
            ],
        ),
    ]
    return {
        "statements": [
            {
                "name": name,
                "kind": int(kind),
                "minute": MINUTE,
                "statements": [json_of(statement) for statement in rows],
                "payload": encode_statements(kind, rows, MINUTE).hex(),
            }
            for name, kind, rows in said
        ],
        "refused": [
            {"why": why, "kind": int(kind), "minute": MINUTE, "payload": payload.hex()}
            for why, kind, payload in refused_statements()
        ],
    }


def json_of(statement: Any) -> dict[str, Any]:
    fields = statement._asdict()
    return {key: v.hex() if isinstance(v, bytes) else v for key, v in fields.items()}


def refused_statements() -> list[tuple[str, Kind, bytes]]:
    one, peer = item("one"), signer("ada").peer

    def floats(*weights: float) -> bytes:
        return struct.pack(f"<{len(weights)}f", *weights)

    plays: dict[str, object] = {
        "no plays": [b"", [], []],
        "257 plays": [one * 257, [0] * 257, [1]],
        "hash of 15 bytes": [one[:15], [0], [1]],
        "an age more than items": [one, [0, 0], [1]],
        "an age less than items": [one * 2, [0], [1]],
        "age is negative": [one, [-1], [1]],
        "age before 1970": [one, [MINUTE + 1], [1]],
        "age beyond u32": [one, [2**32], [1]],
        "no weight": [one, [0], []],
        "weight 0": [one, [0], [0]],
        "whole weight beyond 2^24": [one, [0], [2**24 + 1]],
        "a weight more than items": [one * 2, [0, 0], [1, 2, 3]],
        "equal weights written twice": [one * 2, [0, 0], [1, 1]],
        "equal float32 written twice": [one * 2, [0, 0], floats(0.5, 0.5)],
        "whole weights written as float32": [one * 2, [0, 0], floats(1.0, 2.0)],
        "float32 of 3 bytes": [one, [0], floats(0.5)[:3]],
        "weight is not a number": [one, [0], floats(float("nan"))],
        "weight is infinite": [one, [0], floats(float("inf"))],
        "weight is negative": [one, [0], floats(-0.5)],
        "weight beyond the largest": [one, [0], floats(1.1e9)],
        "weight is a float64": [one, [0], [0.5]],
        "a field more": [one, [0], [1], 0],
    }
    others: list[tuple[str, Kind, object]] = [
        ("trust said twice of one peer", Kind.TRUST, [peer * 2, [0, 0], [1, 2]]),
        ("trust beyond 100", Kind.TRUST, [peer, [0], [101]]),
        ("trust below -100", Kind.TRUST, [peer, [0], [-101]]),
        ("peer of 31 bytes", Kind.TRUST, [peer[:31], [0], [1]]),
        ("retraction without age", Kind.RETRACT, [one, []]),
        ("no address", Kind.ADDRESS, []),
        ("nine addresses", Kind.ADDRESS, [["a", 1, ""]] * 9),
        ("port 0", Kind.ADDRESS, [["a", 0, ""]]),
        ("port 65536", Kind.ADDRESS, [["a", 65_536, ""]]),
        ("host with a slash", Kind.ADDRESS, [["a/b", 1, ""]]),
        ("host of 256 letters", Kind.ADDRESS, [["a." * 128, 1, ""]]),
        ("path without slash", Kind.ADDRESS, [["a", 1, "b"]]),
        ("item without uri", Kind.DIRECTORY, [["", "t", []]]),
        ("uri of 513 bytes", Kind.DIRECTORY, [["u" * 513, "", []]]),
        ("title of 513 bytes", Kind.DIRECTORY, [["u", "é" * 256 + "t", []]]),
        ("tag of 65 bytes", Kind.DIRECTORY, [["u", "", ["t" * 65]]]),
        ("33 tags", Kind.DIRECTORY, [["u", "", ["t"] * 33]]),
        ("an escape sequence in a title", Kind.DIRECTORY, [["u", "\x1b[2J", []]]),
        ("a line break in a tag", Kind.DIRECTORY, [["u", "", ["a\nb"]]]),
        ("an item named twice", Kind.DIRECTORY, [["u", "a", []], ["u", "b", []]]),
    ]
    rows = [(why, Kind.INTERACTIONS, pack_value(value)) for why, value in plays.items()]
    rows += [(why, kind, pack_value(value)) for why, kind, value in others]
    good = pack_value([one, [0], [1]])
    return [
        *rows,
        ("no UTF-8", Kind.DIRECTORY, b"\x91\x93\xa1\xff\xa0\x90"),
        ("a surrogate", Kind.DIRECTORY, b"\x91\x93\xa3\xed\xa0\x80\xa0\x90"),
        ("bytes after it", Kind.INTERACTIONS, good + b"\x00"),
        ("cut short", Kind.INTERACTIONS, good[:-1]),
        ("a long form of a number", Kind.INTERACTIONS, good[:-1] + b"\xcc\x01"),
        ("a long form of the array", Kind.INTERACTIONS, b"\xdc\x00\x03" + good[1:]),
        ("array of 2^32 claimed", Kind.DIRECTORY, b"\xdd\xff\xff\xff\xff"),
    ]


# -- bundles ----------------------------------------------------------------------------


def log_of(author: str, n: int, **changes) -> list[Segment]:
    """Return the first segments of an author: plays that repeat, then names."""
    made: list[Segment] = []
    for seq in range(1, n + 1):
        minute = MINUTE + 7 * seq
        plays = [Play(item(f"{seq * i % 5}"), 1.0, minute - 4 * i) for i in range(1, 6)]
        payload = encode_statements(Kind.INTERACTIONS, plays, minute)
        kind = Kind.INTERACTIONS
        if seq == n:
            payload = encode_statements(Kind.DIRECTORY, [ItemName("u", "One", ("rock",))], minute)
            kind = Kind.DIRECTORY
        prev = made[-1].id if made else NO_SEGMENT
        made.append(segment(author, seq, payload, kind, prev=prev, minute=minute, **changes))
    return made


def bundles() -> dict[str, Any]:
    ada, bob = log_of("ada", 4), log_of("bob", 3)
    odd = pack_value([item("one"), [0], b"\x00" * 5])
    named = {
        "nothing": [],
        "one segment": ada[:1],
        "a whole log": ada,
        "two logs, newest first": [*ada[::-1], *bob[::-1]],
        "a gap, so that one prev is given": [ada[0], ada[2]],
        "two epochs of one author": [ada[0], *log_of("ada", 2, epoch=8)],
        "two segments of one number": [ada[0], segment("ada", 1, b"other")],
        "plays that cannot be taken apart": [segment("bob", 1, odd, Kind.INTERACTIONS), *ada[:2]],
    }
    return {
        "network": NETWORK,
        "bundles": [{"name": name, **bundle_of(rows)} for name, rows in named.items()],
        "refused": [{"why": why, "bundle": data.hex()} for why, data in refused_bundles(ada)],
    }


def bundle_of(rows: list[Segment]) -> dict[str, Any]:
    bundle, n = pack(rows)
    assert n == len(rows)
    order = {log: at for at, log in reversed([*enumerate([one.log for one in rows])])}
    unpacked = sorted(rows, key=lambda one: (order[one.log], one.header.seq, one.id))
    columns, random = inflated(bundle)
    return {
        "packed": [one.frame.hex() for one in rows],
        "unpacked": [one.frame.hex() for one in unpacked],
        "columns": columns.hex(),
        "random": random.hex(),
        "bundle_without_compression": pack_value([stored(columns), random]).hex() if rows else "",
    }


def inflated(bundle: bytes) -> tuple[bytes, bytes]:
    if not bundle:
        return b"", b""
    deflated, random = msgspec.msgpack.decode(bundle)
    return zlib.decompress(deflated, -zlib.MAX_WBITS), random


def stored(data: bytes) -> bytes:
    """Return raw deflate without compression: the same bytes from every implementation."""
    n = len(data)
    return b"\x01" + struct.pack("<HH", n, n ^ 0xFFFF) + data


def refused_bundles(ada: list[Segment]) -> list[tuple[str, bytes]]:
    columns, random = inflated(pack(ada)[0])
    fields = msgspec.msgpack.decode(columns)
    names = [field.name for field in msgspec.structs.fields(Columns)]

    def with_field(name: str, value: object) -> bytes:
        changed = [*fields]
        changed[names.index(name)] = value
        return pack_value([stored(pack_value(changed)), random])

    def field(name: str) -> list[Any]:
        return [*fields[names.index(name)]]

    good = pack_value([stored(columns), random])
    rows = [
        ("bytes after it", good + b"\x00"),
        ("cut short", good[:-1]),
        ("key or hash missing", pack_value([stored(columns), random[:-1]])),
        ("a byte too many of keys and hashes", pack_value([stored(columns), random + b"\x00"])),
        ("deflate cut short", pack_value([stored(columns)[:-1], random])),
        ("deflate without its last block", pack_value([b"\x00" + stored(columns)[1:], random])),
        ("bytes after deflate's end", pack_value([stored(columns) + b"\x00", random])),
        ("no deflate", pack_value([b"\xff" * 20, random])),
        ("columns cut short", pack_value([stored(columns[:-1]), random])),
        ("a column more", pack_value([stored(pack_value([*fields, []])), random])),
        ("a column less", pack_value([stored(pack_value(fields[:-1])), random])),
        ("an item before the first", with_field("items", [i and 99 for i in field("items")])),
        ("empty run", with_field("runs", [0, *field("runs")])),
        ("another payload than named", with_field("others", [])),
        ("ttl of 91 days", with_field("ttls", [91, *field("ttls")[1:]])),
        ("kind that does not exist", with_field("kinds", [9, *field("kinds")[1:]])),
        ("number beyond 2^53", with_field("seqs", [SEQ_MAX, *field("seqs")[1:]])),
        ("minute before 1970", with_field("minutes", [-1, *field("minutes")[1:]])),
        ("empty payload", with_field("others", [b""])),
    ]
    rows += [(f"a value less in {name}", with_field(name, field(name)[:-1])) for name in names]
    return [*rows, ("inflates to far too much", bomb())]


def bomb() -> bytes:
    """Return a bundle whose columns inflate to zeros without end: 258 of them in 13 bits."""
    bits = "1" + "10"  # the last block, in deflate's fixed code
    bits += "00110000"  # a zero
    bits += ("11000101" + "00000") * (BUNDLE_BYTES_MAX // 258 + 1)  # 258 of the byte before
    bits += "0000000"  # end
    bits += "0" * (-len(bits) % 8)
    data = bytes(int(bits[at : at + 8][::-1], 2) for at in range(0, len(bits), 8))
    return pack_value([data, b""])


# -- forks ------------------------------------------------------------------------------


def forks() -> dict[str, Any]:
    a, b = segment("ada", 9, b"one story"), segment("ada", 9, b"another", minute=MINUTE + 9)
    proof = make_proof(a, b)
    first, second = proof.first, proof.second
    elsewhere = segment("ada", 9, b"another", epoch=8)
    later = segment("ada", 10, b"another")
    of_bob = segment("bob", 9, b"another")

    def evidence(*halves: Any) -> bytes:
        return pack_value([part for h in halves for part in (h.header_bytes, h.signature)])

    def ordered(*halves: Any) -> bytes:
        return evidence(*sorted(halves, key=lambda half: half.id))

    forged = pack_value([first.header_bytes, first.signature, second.header_bytes, bytes(64)])
    return {
        "network": NETWORK,
        "forks": [
            {
                "frames": [a.frame.hex(), b.frame.hex()],
                "author": proof.log[0].hex(),
                "epoch": proof.log[1],
                "seq": proof.seq,
                "minute": proof.minute,
                "evidence": proof.evidence.hex(),
            }
        ],
        "refused": [
            {"why": why, "evidence": data.hex()}
            for why, data in {
                "the larger id first": evidence(second, first),
                "one segment twice": evidence(first, first),
                "two epochs": ordered(a, elsewhere),
                "two numbers": ordered(a, later),
                "two authors": ordered(a, of_bob),
                "one header": pack_value([first.header_bytes, first.signature]),
                "signature of 63 bytes": proof.evidence[:-65] + b"\x3f" + proof.evidence[-63:],
                "bytes after it": proof.evidence + b"\x00",
                "cut short": proof.evidence[:-1],
                "a long form of the array": b"\xdc\x00\x04" + proof.evidence[1:],
            }.items()
        ],
        "forged": [{"why": "the second is not signed", "evidence": forged.hex()}],
    }


def vectors() -> dict[str, Any]:
    """Return the content of each file, by its name."""
    return {
        "ids.json": ids(),
        "segments.json": segments(),
        "statements.json": statements(),
        "bundles.json": bundles(),
        "forks.json": forks(),
    }


def text_of(content: Any) -> str:
    """Return a file's text; the same everywhere."""
    return json.dumps(content, indent=1, ensure_ascii=False, sort_keys=True) + "\n"


if __name__ == "__main__":
    for file_name, content in vectors().items():
        (FOLDER / file_name).write_text(text_of(content), encoding="utf-8")
