"""Write the vectors of tables of factors.

    python tests/conformance/table_vectors.py

makes the file tables.json anew. "refused" lists bodies that no implementation may take, and why.
"""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import numpy as np

from peerrec.ids import item_hash, network_id
from peerrec.protocol.identity import Ed25519Signer
from peerrec.protocol.table_offer import sign_table
from peerrec.ranking.factor_codec import decode_table, encode_table
from peerrec.ranking.factor_frame import item_keys, start_vectors
from peerrec.ranking.factor_table import FactorTable

FOLDER = Path(__file__).resolve().parent
SEED = bytes(range(32))
FRAME, DIM = 1, 48
ITEMS = ("https://music.example/one", "spotify:track:1", "Sigur Rós – Hoppípolla")


def some_table(n: int) -> FactorTable:
    """Return a table of n rows with numbers of all sizes."""
    row = np.arange(n * DIM, dtype=np.float64).reshape(n, DIM)
    share = np.float32(2.0) ** np.linspace(0, -16, n, dtype=np.float32)
    mean = np.sin(row) * share[:, None] * 2.0 ** (row[:, :1] / DIM % 5 - 3)
    users = np.cos(np.arange(20 * DIM, dtype=np.float64)).reshape(20, DIM)
    keys = np.cumsum(np.geomspace(1, 4e6, n)).astype(np.uint32)
    moment = (users.T @ users / 20).astype(np.float32)
    return FactorTable(keys, share, mean.astype(np.float32), moment, n)


def one_table(name: str, table: FactorTable) -> dict[str, Any]:
    body = encode_table(table)
    read = decode_table(body, dim=DIM, rows_max=len(table))
    signed = sign_table(
        Ed25519Signer.from_seed(SEED), network_id("music"), body,
        frame=FRAME, dim=DIM, rows=len(read), minute=29_000_000,
    )  # fmt: skip
    header = signed.header
    return {
        "name": name,
        "author": header.author.hex(),
        "minute": header.minute,
        "rows": header.rows,
        "body_bytes": header.body_bytes,
        "body_hash": header.body_hash.hex(),
        "offer": signed.offer.hex(),
        "body": body.hex(),
        "exchanges": read.exchanges,
        "keys": read.keys.tolist(),
        "share": read.share.astype(float).tolist(),
        "mean": read.mean.astype(float).tolist(),
        "moment": read.moment.astype(float).tolist(),
    }


def refused() -> list[dict[str, str]]:
    body = encode_table(some_table(3))

    def spoiled(at: int, data: bytes) -> bytes:
        return body[:at] + data + body[at + len(data) :]

    keys_at = 16 + DIM * (DIM + 1)
    rows = [
        ("another version", spoiled(0, b"\1")),
        ("another d", spoiled(1, b"\x20")),
        ("more rows than the header of the offer says", encode_table(some_table(4))),
        ("scale is NaN", spoiled(12, struct.pack("<f", float("nan")))),
        ("scale is negative", spoiled(12, struct.pack("<f", -1.0))),
        ("scale beyond 10^12", spoiled(12, struct.pack("<f", 2e12))),
        ("moment with a negative eigenvalue", spoiled(16, struct.pack("<h", -32_767))),
        ("key not in its shortest form", spoiled(keys_at, b"\x81\x00")),
        ("a byte too few", body[:-1]),
        ("a byte too many", body + b"\0"),
        ("a direction of -8", spoiled(len(body) - 1, bytes(1))),
    ]
    return [{"name": name, "body": data.hex()} for name, data in rows]


def table_vectors() -> dict[str, Any]:
    hashes = [item_hash(each) for each in ITEMS]
    keys = item_keys(hashes)
    signs = start_vectors(keys, DIM).astype(int).tolist()
    return {
        "seed": SEED.hex(),
        "network": network_id("music").hex(),
        "items": [
            {"item": item, "hash": hashed.hex(), "key": key, "signs": sign}
            for item, hashed, key, sign in zip(ITEMS, hashes, keys.tolist(), signs, strict=True)
        ],
        "tables": [one_table(f"{n} rows", some_table(n)) for n in (1, 3, 40)],
        "refused": refused(),
    }


def main() -> None:
    text = json.dumps(table_vectors(), indent=1, ensure_ascii=False)
    (FOLDER / "tables.json").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
