"""The messages on the wire are those of the vectors, byte for byte."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest

from peerrec.errors import RemoteProtocolError
from peerrec.protocol.keyed_hash import keyed_hash_one
from peerrec.protocol.messages import Message, Type
from peerrec.protocol.riblt import Decoder, Encoder
from peerrec.protocol.wire import Ignored, decode, encode, padded

FOLDER = Path(__file__).resolve().parent


def load(name: str) -> Any:
    return json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))


def writer() -> Any:
    spec = importlib.util.spec_from_file_location("vectors", FOLDER / "message_vectors.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


VECTORS = load("messages")
SKETCHES = load("sketches")


def test_the_files_are_what_the_code_writes():
    module = writer()
    assert json.loads(json.dumps(module.message_vectors())) == VECTORS
    assert json.loads(json.dumps(module.sketch_vectors())) == SKETCHES


def test_every_message_has_a_vector():
    assert {each["message"] for each in VECTORS["messages"]} == {
        kind.__name__ for kind in get_args(Message)
    }
    assert {each["type"] for each in VECTORS["messages"]} == set(Type)


@pytest.mark.parametrize("vector", VECTORS["messages"], ids=lambda v: v["name"])
def test_a_message_is_read_and_written_as_in_its_vector(vector: dict[str, Any]):
    data = bytes.fromhex(vector["bytes"])
    message = decode(data)
    assert type(message).__name__ == vector["message"]
    assert writer().jsonable(message) == vector["fields"]
    assert encode(message) == data
    assert len(padded(data)) == vector["padded_to"]
    assert decode(padded(data)) == message


@pytest.mark.parametrize("vector", VECTORS["refused"], ids=lambda v: v["name"])
def test_what_must_be_refused_is_refused(vector: dict[str, Any]):
    with pytest.raises(RemoteProtocolError) as refusal:
        decode(bytes.fromhex(vector["bytes"]))
    assert refusal.value.violation == vector["violation"]


@pytest.mark.parametrize("vector", VECTORS["ignored"], ids=lambda v: v["name"])
def test_unknown_types_of_the_upper_half_are_ignored(vector: dict[str, Any]):
    assert decode(bytes.fromhex(vector["bytes"])) == Ignored(vector["type"])


@pytest.mark.parametrize("vector", SKETCHES["keyed_hash"], ids=lambda v: v["block"][:8])
def test_hashes_are_those_of_the_vectors(vector: dict[str, Any]):
    got = keyed_hash_one(bytes.fromhex(vector["key"]), bytes.fromhex(vector["block"]))
    assert f"{got:016x}" == vector["hash"]


def test_symbols_are_those_of_the_vectors():
    sketch = SKETCHES["sketch"]
    key = bytes.fromhex(sketch["key"])
    elements = np.array([int(each, 16) for each in sketch["elements"]], np.uint64)
    symbols = bytes.fromhex("".join(sketch["symbols"]))
    encoder = Encoder(elements, key)
    assert encoder.symbols(0, len(sketch["symbols"])) == symbols
    assert encoder.symbols(1_000, 1).hex() == sketch["symbol_1000"]
    decoder = Decoder(elements[3:], key)
    assert decoder.add(symbols[: 13 * sketch["without_the_first_three_done_after"]])
    assert decoder.remote_only.tolist() == sorted(elements[:3].tolist())
