"""Read tables of factors, by docs/protocol.md alone; see independent_decoder.py."""

from __future__ import annotations

import math
import struct
from typing import NamedTuple

from independent_decoder import (
    COUNT,
    blake2b,
    data_of,
    integer,
    is_signed,
    need,
    unpacked,
)

ROWS_MAX, BODY_BYTES_MAX, OFFER_BYTES_MAX = 32_768, 1_048_576, 256


class Offer(NamedTuple):
    frame: int
    dim: int
    author: bytes
    minute: int
    rows: int
    body_bytes: int
    body_hash: bytes


class Table(NamedTuple):
    exchanges: int
    keys: list[int]
    share: list[float]
    mean: list[list[float]]
    moment: list[list[float]]


def decode_offer(data: bytes, network: bytes) -> Offer:
    need(len(data) <= OFFER_BYTES_MAX, "too long")
    parts = unpacked(data)
    need(type(parts) is list and len(parts) == 2, "no offer")
    head, signature = data_of(parts[0]), data_of(parts[1], 64, 64)
    fields = unpacked(head)
    need(type(fields) is list and len(fields) == 8, "no header of a table")
    version, frame, dim, author, minute, rows, size, body_hash = fields
    need(version == 1 and frame == 1 and dim == 48, "another version, frame or d")
    offer = Offer(
        frame, dim, data_of(author, 32, 32), integer(minute, 0, COUNT),
        integer(rows, 0, ROWS_MAX), integer(size, 1, BODY_BYTES_MAX), data_of(body_hash, 32, 32),
    )  # fmt: skip
    signed = b"peerrec/1/table" + network + head
    need(is_signed(offer.author, signature, signed), "forgery")
    return offer


def decode_body(body: bytes, offer: Offer) -> Table:
    need(len(body) == offer.body_bytes and blake2b(body, 256) == offer.body_hash, "another body")
    return read_body(body, offer.dim, offer.rows)


def read_body(body: bytes, dim: int, rows: int) -> Table:
    need(len(body) >= 16, "no head")
    version, its_dim, exchanges, n, n_keys, scale = struct.unpack_from("<BBHIIf", body)
    need(version == 2 and its_dim == dim and n == rows, "another version, d or number of rows")
    need(0 <= scale <= 1e12, "scale out of range")
    n_moment = dim * (dim + 1) // 2
    sizes = [16, 2 * n_moment, n_keys, n, n, dim * n // 2]
    need(len(body) == sum(sizes), "another length")
    ends = [sum(sizes[: k + 1]) for k in range(6)]
    upper = [x * scale / 32_767 for x in struct.unpack_from(f"<{n_moment}h", body, 16)]
    keys = read_keys(body[ends[1] : ends[2]], n)
    share = [2 ** ((k - 255) / 15) for k in body[ends[2] : ends[3]]]
    moment = square(upper, dim)
    need(is_positive(moment, dim * scale / 32_767 + 1e-6 * scale), "negative eigenvalue")
    unit = math.sqrt(max(sum(moment[i][i] for i in range(dim)), 0) / dim)
    steps = directions(body[ends[4] :])
    mean = [
        [step * 2 ** ((k - 191) / 16) * p * unit / 7 for step in steps[i * dim : (i + 1) * dim]]
        for i, (k, p) in enumerate(zip(body[ends[3] : ends[4]], share, strict=True))
    ]
    return Table(exchanges, keys, share, mean, moment)


def read_keys(data: bytes, n: int) -> list[int]:
    keys: list[int] = []
    at, key = 0, -1
    while at < len(data):
        gap, length = 0, 0
        while True:
            need(at < len(data) and length < 4, "key cut or too long")
            byte = data[at]
            gap |= (byte & 0x7F) << 7 * length
            at, length = at + 1, length + 1
            if byte < 0x80:
                break
        need(length == 1 or byte > 0, "key not in its shortest form")
        key += gap + 1
        need(key < 1 << 24, "key out of range")
        keys.append(key)
    need(len(keys) == n, "another number of keys")
    return keys


def directions(data: bytes) -> list[int]:
    steps = [half - 8 for byte in data for half in (byte & 15, byte >> 4)]
    need(-8 not in steps, "a direction of -8")
    return steps


def square(upper: list[float], dim: int) -> list[list[float]]:
    moment = [[0.0] * dim for _ in range(dim)]
    values = iter(upper)
    for i in range(dim):
        for j in range(i, dim):
            moment[i][j] = moment[j][i] = next(values)
    return moment


def is_positive(moment: list[list[float]], slack: float) -> bool:
    """Return whether no eigenvalue lies below −slack: Cholesky's decomposition exists."""
    n = len(moment)
    rows: list[list[float]] = []
    for i in range(n):
        row: list[float] = []
        for j in range(i + 1):
            left = moment[i][j] + (slack if i == j else 0.0)
            left -= sum(row[k] * (row[k] if i == j else rows[j][k]) for k in range(j))
            if i == j:
                if left < -1e-12:
                    return False
                row.append(math.sqrt(max(left, 1e-30)))
            else:
                row.append(left / rows[j][j])
        rows.append(row)
    return True


def signs(key: int, dim: int) -> list[int]:
    mask = (1 << 64) - 1
    z = key + 0x9E3779B97F4A7C15 & mask
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9 & mask
    z = (z ^ z >> 27) * 0x94D049BB133111EB & mask
    z ^= z >> 31
    return [1 if z >> k & 1 else -1 for k in range(dim)]


def key_of(item: bytes) -> int:
    return int.from_bytes(item[:3], "big")
