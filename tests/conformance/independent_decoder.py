"""Read what peers say, by docs/protocol.md alone: names, segments, bundles, forks, messages.

This was written from the document and shares nothing with the library: where the two
differ, one of them is wrong. Only MessagePack, hashes, deflate and Ed25519 are borrowed.
What belongs to one link is in independent_link.py.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import ipaddress
import re
import struct
import zlib
from itertools import islice
from typing import Any, NamedTuple

import msgpack
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

P = 2**255 - 19
COUNT, NUMBER = 2**32 - 1, 2**63 - 1
SMALL_ORDER_Y = [
    0,
    1,
    P - 1,
    P,
    P + 1,
    *(
        int.from_bytes(bytes.fromhex(text), "little")
        for text in (
            "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
            "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        )
    ),
]
CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")
LABEL = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_-]*[A-Za-z0-9_])?", re.ASCII)
PATH = re.compile(r"(?:/[A-Za-z0-9._~!$&'()*+,;=:@%-]+)+", re.ASCII)


class Refused(Exception):
    """The document says to refuse this; the argument is the violation or the reason."""


def need(condition: bool, why: str) -> None:
    if not condition:
        raise Refused(why)


def blake2b(data: bytes, bits: int, key: bytes = b"") -> bytes:
    return hashlib.blake2b(data, digest_size=bits // 8, key=key).digest()


# -- MessagePack -----------------------------------------------------------------------------


def unpacked(data: bytes, *, shortest: bool = True) -> Any:
    try:
        value = msgpack.unpackb(data, raw=False, use_list=True)
        again = msgpack.packb(value) if shortest else data
    except (ValueError, TypeError, OverflowError, msgpack.UnpackException) as error:
        raise Refused(f"no MessagePack: {error}") from error
    need(again == data, "not the shortest form")
    return value


def integer(value: Any, low: int, high: int) -> int:
    need(type(value) is int and low <= value <= high, f"no integer {low} to {high}")
    checked: int = value
    return checked


def data_of(value: Any, low: int = 0, high: int = 1 << 30) -> bytes:
    need(type(value) is bytes and low <= len(value) <= high, f"no {low} to {high} bytes")
    checked: bytes = value
    return checked


def text_of(value: Any, low: int, high: int) -> str:
    need(type(value) is str and low <= len(value.encode()) <= high, f"no text of {low} to {high}")
    checked: str = value
    return checked


def array(value: Any, low: int = 0, high: int = 1 << 30) -> list[Any]:
    need(type(value) is list and low <= len(value) <= high, f"no array of {low} to {high}")
    checked: list[Any] = value
    return checked


# -- names -----------------------------------------------------------------------------------


def network_id(name: str) -> bytes:
    return blake2b(b"peerrec/1/network" + name.encode(), 128)


def item_hash(item: str | bytes) -> bytes:
    if isinstance(item, str):
        return blake2b(item.encode(), 128)
    return item if len(item) == 16 else blake2b(b"peerrec/1/item\x00" + item, 128)


def check_key(peer: bytes) -> None:
    need(len(peer) == 32, "a key has 32 bytes")
    y = int.from_bytes(peer, "little") & (1 << 255) - 1
    need(y not in SMALL_ORDER_Y, "small order")
    need(y < P, "not canonical")


def peer_text(peer: bytes) -> str:
    checksum = blake2b(b"peerrec/1/peer" + peer, 24)
    return base64.b32encode(peer + checksum).decode().rstrip("=").lower()


def parse_peer(text: str) -> bytes:
    need(len(text) == 56, "56 characters")
    try:
        peer = base64.b32decode(text.upper())[:32]
    except (binascii.Error, ValueError) as error:
        raise Refused("letters") from error
    need(peer_text(peer) == text.lower(), "checksum")
    check_key(peer)
    return peer


def is_signed(peer: bytes, signature: bytes, message: bytes) -> bool:
    try:
        check_key(peer)
        Ed25519PublicKey.from_public_bytes(peer).verify(signature, message)
    except (Refused, InvalidSignature, ValueError):
        return False
    return True


def check_address(host: str, port: int, path: str) -> None:
    text_of(host, 1, 255)
    if ":" in host:
        try:
            ipaddress.IPv6Address(host)
        except ValueError as error:
            raise Refused("host") from error
    else:
        labels = host.removesuffix(".").split(".")
        need(all(len(each) <= 63 and LABEL.fullmatch(each) for each in labels), "host")
    integer(port, 1, 65_535)
    need(text_of(path, 0, 255) == "" or bool(PATH.fullmatch(path)), "path")


# -- segments --------------------------------------------------------------------------------


class Header(NamedTuple):
    kind: int
    author: bytes
    epoch: int
    seq: int
    prev: bytes
    minute: int
    ttl_days: int
    payload_bytes: int
    payload_hash: bytes


class Segment(NamedTuple):
    header: Header
    signature: bytes
    payload: bytes
    header_bytes: bytes
    id: bytes

    @property
    def log(self) -> tuple[bytes, int]:
        return self.header.author, self.header.epoch

    @property
    def frame(self) -> bytes:
        packed: bytes = msgpack.packb([self.header_bytes, self.signature, self.payload])
        return packed


def decode_header(data: bytes) -> Header:
    version, *fields = array(unpacked(data), 10, 10)
    integer(version, 1, 1)
    header = Header(*fields)
    kind = integer(header.kind, 1, 127)
    need(kind in (1, 2, 3, 4, 6) or kind >= 64, "kind")
    data_of(header.author, 32, 32)
    integer(header.epoch, 0, COUNT)
    integer(header.seq, 0, 2**53 - 1)
    data_of(header.prev, 16, 16)
    integer(header.minute, 0, 4_223_371_679)
    integer(header.ttl_days, 1, 90)
    integer(header.payload_bytes, 1, 16_384)
    data_of(header.payload_hash, 32, 32)
    return header


def segment_id(header: bytes, network: bytes) -> bytes:
    return blake2b(b"peerrec/1/id" + network + header, 256)


def decode_segment(frame: bytes, network: bytes) -> Segment:
    need(len(frame) <= 24_576, "length")
    header_bytes, signature, payload = array(unpacked(frame), 3, 3)
    header = decode_header(data_of(header_bytes))
    data_of(signature, 64, 64)
    data_of(payload)
    need(len(payload) == header.payload_bytes, "another length")
    need(blake2b(payload, 256) == header.payload_hash, "another payload")
    return Segment(header, signature, payload, header_bytes, segment_id(header_bytes, network))


def signed_message(header: bytes, network: bytes) -> bytes:
    return b"peerrec/1/segment" + network + header


def is_authentic(segment: Segment, network: bytes) -> bool:
    message = signed_message(segment.header_bytes, network)
    return is_signed(segment.header.author, segment.signature, message)


# -- payloads --------------------------------------------------------------------------------


def decode_statements(kind: int, payload: bytes, minute: int) -> list[dict[str, Any]]:
    need(len(payload) <= 16_384, "length")
    readers = {1: _plays, 2: _trust, 3: _retract, 4: _addresses, 6: _names}
    if kind >= 64:
        return []
    need(kind in readers, "kind")
    return readers[kind](unpacked(payload), minute)


def _parts(joined: Any, width: int) -> list[bytes]:
    data = data_of(joined, width, width * 256)
    need(len(data) % width == 0, "column is cut")
    return [data[at : at + width] for at in range(0, len(data), width)]


def _minutes(ages: Any, n: int, minute: int) -> list[int]:
    return [minute - integer(age, 0, min(COUNT, minute)) for age in array(ages, n, n)]


def _plays(value: Any, minute: int) -> list[dict[str, Any]]:
    joined, ages, weights = array(value, 3, 3)
    items = _parts(joined, 16)
    n = len(items)
    minutes = _minutes(ages, n, minute)
    if type(weights) is list:
        each = [float(integer(weight, 1, 1 << 24)) for weight in weights]
    else:
        need(len(data_of(weights)) % 4 == 0, "float32 is cut")
        each = [*struct.unpack(f"<{len(weights) // 4}f", weights)]
        need(all(0.0 < weight <= 1e9 for weight in each), "weight")
        whole = all(weight == int(weight) and weight <= 1 << 24 for weight in each)
        need(not whole, "whole weights as floats")
    need(len(each) in (1, n), "number of weights")
    need(n == 1 or len(each) == 1 or len(set(each)) > 1, "equal weights written n times")
    each = each * n if len(each) == 1 else each
    return [
        {"item": item, "weight": weight, "minute": at}
        for item, weight, at in zip(items, each, minutes, strict=True)
    ]


def _trust(value: Any, minute: int) -> list[dict[str, Any]]:
    joined, ages, hundredths = array(value, 3, 3)
    peers = _parts(joined, 32)
    need(len(set(peers)) == len(peers), "peer twice")
    weights = [integer(each, -100, 100) / 100 for each in array(hundredths, len(peers), len(peers))]
    minutes = _minutes(ages, len(peers), minute)
    return [
        {"peer": peer, "weight": weight, "minute": at}
        for peer, weight, at in zip(peers, weights, minutes, strict=True)
    ]


def _retract(value: Any, minute: int) -> list[dict[str, Any]]:
    joined, ages = array(value, 2, 2)
    items = _parts(joined, 16)
    minutes = _minutes(ages, len(items), minute)
    return [{"item": item, "minute": at} for item, at in zip(items, minutes, strict=True)]


def _addresses(value: Any, minute: int) -> list[dict[str, Any]]:
    rows = [array(row, 3, 3) for row in array(value, 1, 8)]
    for row in rows:
        check_address(*row)
    return [{"host": host, "port": port, "path": path} for host, port, path in rows]


def _names(value: Any, minute: int) -> list[dict[str, Any]]:
    said = []
    for row in array(value, 1, 256):
        uri, title, tags = array(row, 3, 3)
        texts = [text_of(uri, 1, 512), text_of(title, 0, 512)]
        texts += [text_of(tag, 0, 64) for tag in array(tags, 0, 32)]
        need(not any(CONTROL.search(text) for text in texts), "control characters")
        said.append({"uri": uri, "title": title, "tags": tags})
    need(len({each["uri"] for each in said}) == len(said), "uri twice")
    return said


# -- bundles ---------------------------------------------------------------------------------


def unpack_bundle(bundle: bytes, network: bytes) -> list[Segment]:
    if not bundle:
        return []
    deflated, random = array(unpacked(bundle, shortest=False), 2, 2)
    columns = array(unpacked(_inflated(data_of(deflated)), shortest=False), 12, 12)
    runs, epochs, seqs, minutes, kinds, ttls, explicit, plays, items, ages, weights, others = (
        columns
    )
    _check_columns(columns)
    payloads = _payloads(plays, _drawn(items, columns, data_of(random)), ages, weights, others)
    n_runs, n = len(runs), len(seqs)
    authors = _rows(random, 0, 32, n_runs)
    signatures = _rows(random, 32 * n_runs, 64, n)
    given = iter(_rows(random, 32 * n_runs + 64 * n, 16, sum(explicit)))
    segments: list[Segment] = []
    places = iter(range(n))
    minute = 0
    for author, epoch, length in zip(authors, epochs, runs, strict=True):
        seq, prev = 0, bytes(16)
        for at in islice(places, length):
            seq, minute = seq + seqs[at], minute + minutes[at]
            prev = next(given) if explicit[at] else prev
            hashed = blake2b(payloads[at], 256)
            fields = [1, kinds[at], author, epoch, seq, prev, minute, ttls[at]]
            header_bytes = msgpack.packb([*fields, len(payloads[at]), hashed])
            header = decode_header(header_bytes)
            name = segment_id(header_bytes, network)
            segments.append(Segment(header, signatures[at], payloads[at], header_bytes, name))
            prev = name[:16]
    return segments


def _inflated(data: bytes) -> bytes:
    inflater = zlib.decompressobj(-15)
    try:
        columns = inflater.decompress(data, 262_144)
    except zlib.error as error:
        raise Refused("no deflate") from error
    need(inflater.eof and not inflater.unused_data, "cut, followed by bytes, or too long")
    return columns


def _check_columns(columns: list[Any]) -> None:
    bounds = [
        (1, 65_535), (0, COUNT), (0, 2**53 - 1), (1 - 2**33, 2**33 - 1), (0, COUNT), (0, COUNT),
        (0, 1), (0, 256), (0, COUNT), (1 - 2**33, 2**33 - 1),
    ]  # fmt: skip
    for place, column in enumerate(columns):
        array(column, 0, 16_384 if place in (8, 9) else 1_365)
        if place < len(bounds):
            for value in column:
                integer(value, *bounds[place])
    runs, epochs, *of_segments = columns[:8]
    items, ages, weights, others = columns[8:]
    for weight in weights:
        if type(weight) is list:
            for value in array(weight, 0, 256):
                integer(value, -(2**63), 2**64 - 1)
        else:
            data_of(weight, 0, 1_024)
    n, plays = sum(runs), of_segments[5]
    need(all(len(column) == n for column in of_segments), "columns of segments")
    need(len(epochs) == len(runs), "epochs")
    need(len(items) == len(ages) == sum(plays), "columns of plays")
    need(len(weights) == n - plays.count(0) and len(others) == plays.count(0), "payloads")
    size = 192 * n + 16 * len(items) + sum(len(data_of(each)) for each in others)
    need(size <= 262_144, "too much")


def _rows(data: bytes, start: int, width: int, n: int) -> list[bytes]:
    return [data[at : at + width] for at in range(start, start + n * width, width)]


def _drawn(numbers: list[int], columns: list[Any], random: bytes) -> list[bytes]:
    """Return the item of each interaction."""
    start = 32 * len(columns[0]) + 64 * len(columns[2]) + 16 * sum(columns[6])
    need(len(random) == start + 16 * numbers.count(0), "random")
    new = iter(_rows(random, start, 16, numbers.count(0)))
    known: list[bytes] = []
    items = []
    for back in numbers:
        if back == 0:
            known.append(next(new))
        need(back <= len(known), "an item before the first")
        items.append(known[-back] if back else known[-1])
    return items


def _payloads(
    plays: list[int], items: list[bytes], steps: list[int], weights: list[Any], others: list[bytes]
) -> list[bytes]:
    item, step, weight, other = iter(items), iter(steps), iter(weights), iter(others)
    payloads = []
    for n in plays:
        if n == 0:
            payloads.append(next(other))
            continue
        ages: list[int] = []
        for number in islice(step, n):
            ages.append(ages[-1] - number if ages else number)
        payloads.append(msgpack.packb([b"".join(islice(item, n)), ages, next(weight)]))
    return payloads


# -- forks -----------------------------------------------------------------------------------


class Fork(NamedTuple):
    log: tuple[bytes, int]
    seq: int
    minute: int
    halves: tuple[tuple[bytes, bytes], ...]


def decode_proof(evidence: bytes, network: bytes) -> Fork:
    need(len(evidence) <= 1_024, "length")
    parts = array(unpacked(evidence), 4, 4)
    halves = ((parts[0], parts[1]), (parts[2], parts[3]))
    a, b = (decode_header(data_of(header)) for header, _ in halves)
    for _, signature in halves:
        data_of(signature, 64, 64)
    need((a.author, a.epoch, a.seq) == (b.author, b.epoch, b.seq), "log and number")
    need(segment_id(parts[0], network) < segment_id(parts[2], network), "order of ids")
    return Fork((a.author, a.epoch), a.seq, max(a.minute, b.minute), halves)


def is_proved(fork: Fork, network: bytes) -> bool:
    author = fork.log[0]
    return all(
        is_signed(author, signature, signed_message(header, network))
        for header, signature in fork.halves
    )
