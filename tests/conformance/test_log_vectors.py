"""What goes over the wire does not change unnoticed, and what must be refused is."""

from __future__ import annotations

import json
import runpy
from pathlib import Path
from typing import Any

import pytest

from peerrec.errors import DataError, VerificationError
from peerrec.ids import check_public_key, item_hash, network_id, parse_peer, peer_text
from peerrec.protocol.bundle import pack, unpack
from peerrec.protocol.fork import decode_proof, make_proof, verify_proof
from peerrec.protocol.identity import Ed25519Signer, Ed25519Verifier
from peerrec.protocol.segment import (
    Header,
    decode_segment,
    encode_header,
    segment_id,
    signed_message,
    verify_segment,
)
from peerrec.protocol.statements import (
    ItemName,
    Play,
    Retraction,
    TrustIn,
    Whereabouts,
    decode_statements,
    encode_statements,
)

FOLDER = Path(__file__).resolve().parent
FILES = ["ids.json", "segments.json", "statements.json", "bundles.json", "forks.json"]
SHAPES: dict[int, Any] = {1: Play, 2: TrustIn, 3: Retraction, 4: Whereabouts, 6: ItemName}
BYTES_FIELDS = {"item", "peer"}


def load(name: str) -> Any:
    return json.loads((FOLDER / name).read_text(encoding="utf-8"))


def named(name: str, part: str) -> Any:
    rows = load(name)[part]
    return pytest.mark.parametrize("row", rows, ids=[row.get("name") or row["why"] for row in rows])


SEGMENTS, BUNDLES, FORKS = load("segments.json"), load("bundles.json"), load("forks.json")
NETWORK = network_id(SEGMENTS["network"])
raw = bytes.fromhex


@pytest.fixture(scope="module")
def made() -> dict[str, str]:
    script = runpy.run_path(str(FOLDER / "log_vectors.py"))
    return {name: script["text_of"](content) for name, content in script["vectors"]().items()}


@pytest.mark.parametrize("name", FILES)
def test_vectors_are_what_the_library_makes_today(name, made):
    assert (FOLDER / name).read_text(encoding="utf-8") == made[name]
    assert sorted(made) == sorted(FILES)


def test_ids_are_as_written():
    ids = load("ids.json")
    for row in ids["peers"]:
        assert Ed25519Signer.from_seed(raw(row["seed"])).peer == raw(row["peer"])
        assert peer_text(raw(row["peer"])) == row["text"]
        assert parse_peer(row["text"]) == raw(row["peer"])
    for row in ids["networks"]:
        assert network_id(row["name"]) == raw(row["id"])
    for row in ids["items"]:
        item = row["text"] if "text" in row else raw(row["bytes"])
        assert item_hash(item) == raw(row["hash"])


def test_bad_ids_are_refused():
    ids = load("ids.json")
    for row in ids["refused_texts"]:
        with pytest.raises(DataError):
            parse_peer(row["text"])
    assert [row["why"] for row in ids["refused_keys"]].count("small order") == 14
    for row in ids["refused_keys"]:
        with pytest.raises(DataError, match=row["why"].removeprefix("not ")):
            check_public_key(raw(row["peer"]))


@named("segments.json", "segments")
def test_segment_is_as_written(row):
    segment = decode_segment(raw(row["frame"]), NETWORK)
    verify_segment(segment, NETWORK, Ed25519Verifier())
    assert segment.id == raw(row["id"])
    assert segment.payload == raw(row["payload"])
    assert segment.signature == raw(row["signature"])
    assert segment.frame == raw(row["frame"])
    header = Header(
        row["kind"],
        raw(row["author"]),
        row["epoch"],
        row["seq"],
        raw(row["prev"]),
        row["minute"],
        row["ttl_days"],
        len(segment.payload),
        raw(row["payload_hash"]),
    )
    assert segment.header == header
    assert encode_header(header) == segment.header_bytes == raw(row["header"])
    assert signed_message(segment.header_bytes, NETWORK) == raw(row["signed"])
    assert segment_id(segment.header_bytes, NETWORK) == segment.id


@named("segments.json", "refused")
def test_segment_is_refused(row):
    with pytest.raises(VerificationError):
        decode_segment(raw(row["frame"]), NETWORK)


@named("segments.json", "forged")
def test_forged_segment_is_refused(row):
    segment = decode_segment(raw(row["frame"]), NETWORK)
    with pytest.raises(VerificationError, match="signature"):
        verify_segment(segment, NETWORK, Ed25519Verifier())


@named("statements.json", "statements")
def test_statements_are_as_written(row):
    shape = SHAPES[row["kind"]]
    said = [
        shape(
            **{
                key: raw(value) if key in BYTES_FIELDS else tuple(value) if key == "tags" else value
                for key, value in fields.items()
            }
        )
        for fields in row["statements"]
    ]
    assert decode_statements(row["kind"], raw(row["payload"]), row["minute"]) == said
    assert encode_statements(row["kind"], said, row["minute"]) == raw(row["payload"])


@named("statements.json", "refused")
def test_statements_are_refused(row):
    with pytest.raises(VerificationError):
        decode_statements(row["kind"], raw(row["payload"]), row["minute"])


@named("bundles.json", "bundles")
def test_bundle_is_as_written(row):
    assert BUNDLES["network"] == SEGMENTS["network"]
    packed = [decode_segment(raw(frame), NETWORK) for frame in row["packed"]]
    bundle, n = pack(packed)
    assert n == len(packed)
    for data in (bundle, raw(row["bundle_without_compression"])):
        segments = unpack(data, NETWORK)
        assert [segment.frame.hex() for segment in segments] == row["unpacked"]
        for segment in segments:
            verify_segment(segment, NETWORK, Ed25519Verifier())


@named("bundles.json", "refused")
def test_bundle_is_refused(row):
    with pytest.raises(VerificationError):
        unpack(raw(row["bundle"]), NETWORK)


@pytest.mark.parametrize("row", FORKS["forks"])
def test_fork_is_as_written(row):
    a, b = (decode_segment(raw(frame), NETWORK) for frame in row["frames"])
    for proof in (make_proof(a, b), make_proof(b, a), decode_proof(raw(row["evidence"]), NETWORK)):
        assert proof.evidence == raw(row["evidence"])
        assert proof.log == (raw(row["author"]), row["epoch"])
        assert (proof.seq, proof.minute) == (row["seq"], row["minute"])
        verify_proof(proof, NETWORK, Ed25519Verifier())


@named("forks.json", "refused")
def test_proof_is_refused(row):
    with pytest.raises(VerificationError):
        decode_proof(raw(row["evidence"]), NETWORK)


@named("forks.json", "forged")
def test_forged_proof_is_refused(row):
    proof = decode_proof(raw(row["evidence"]), NETWORK)
    with pytest.raises(VerificationError, match="signature"):
        verify_proof(proof, NETWORK, Ed25519Verifier())
