"""A table on the wire is that of the vectors, for the library and for the document alone."""

from __future__ import annotations

import json
import runpy
from pathlib import Path
from typing import Any

import independent_table as independent
import numpy as np
import pytest
from independent_decoder import Refused

from peerrec.errors import VerificationError
from peerrec.ids import item_hash
from peerrec.limits import MINUTE_S
from peerrec.peering.factor_state import DIM, FRAME, read_table
from peerrec.protocol.identity import Ed25519Verifier
from peerrec.protocol.table_offer import TableHeader, TableRules, open_offer
from peerrec.ranking.factor_codec import decode_table
from peerrec.ranking.factor_frame import item_keys, start_vectors

FOLDER = Path(__file__).resolve().parent
VECTORS = json.loads((FOLDER / "tables.json").read_text(encoding="utf-8"))
NETWORK = bytes.fromhex(VECTORS["network"])
RULES = TableRules(NETWORK, Ed25519Verifier(), FRAME, DIM)


def named(rows: list[dict[str, Any]]) -> Any:
    return pytest.mark.parametrize("row", rows, ids=[row["name"] for row in rows])


def test_the_file_is_what_the_code_writes():
    made = runpy.run_path(str(FOLDER / "table_vectors.py"))["table_vectors"]()
    assert json.loads(json.dumps(made)) == VECTORS


def header_of(row: dict[str, Any]) -> TableHeader:
    author, now = bytes.fromhex(row["author"]), row["minute"] * MINUTE_S
    return open_offer(bytes.fromhex(row["offer"]), RULES, peer=author, now=now)


@named(VECTORS["tables"])
def test_a_table_is_read_as_in_its_vector(row: dict[str, Any]):
    header = header_of(row)
    table = read_table(header, bytes.fromhex(row["body"]))
    assert table.keys.tolist() == row["keys"]
    assert table.mean.astype(float).tolist() == row["mean"]
    assert table.exchanges == row["exchanges"]


@named(VECTORS["tables"])
def test_the_independent_reader_reads_the_same(row: dict[str, Any]):
    offer = independent.decode_offer(bytes.fromhex(row["offer"]), NETWORK)
    table = independent.decode_body(bytes.fromhex(row["body"]), offer)
    assert offer.body_hash.hex() == row["body_hash"]
    assert table.keys == row["keys"]
    assert table.exchanges == row["exchanges"]
    for name in ("share", "mean", "moment"):
        assert np.allclose(getattr(table, name), row[name], rtol=1e-5, atol=1e-9)


@named(VECTORS["refused"])
def test_what_must_be_refused_is_refused_by_both(row: dict[str, Any]):
    body = bytes.fromhex(row["body"])
    with pytest.raises(Refused):
        independent.read_body(body, DIM, 3)
    with pytest.raises(VerificationError):
        decode_table(body, dim=DIM, rows_max=3)


def test_an_offer_with_any_byte_changed_is_refused_by_the_independent_reader():
    data = bytes.fromhex(VECTORS["tables"][0]["offer"])
    for at in range(len(data)):
        with pytest.raises(Refused):
            independent.decode_offer(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :], NETWORK)


@pytest.mark.parametrize("row", VECTORS["items"], ids=lambda row: row["item"])
def test_start_vectors_are_those_of_the_vectors(row: dict[str, Any]):
    hashed = item_hash(row["item"])
    assert independent.key_of(hashed) == row["key"] == int(item_keys([hashed])[0])
    signs = start_vectors(item_keys([hashed]), DIM)[0].astype(int).tolist()
    assert independent.signs(row["key"], DIM) == row["signs"] == signs
