"""A decoder written from docs/protocol.md alone reads every vector as the library does."""

from __future__ import annotations

import ast
import json
import runpy
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import independent_decoder as decoder
import independent_link as link
import independent_messages as messages
import msgpack
import pytest
from independent_decoder import Refused

from peerrec.errors import RemoteProtocolError, VerificationError
from peerrec.protocol.bundle import unpack
from peerrec.protocol.fork import decode_proof
from peerrec.protocol.segment import decode_segment
from peerrec.protocol.statements import decode_statements
from peerrec.protocol.wire import decode

FOLDER = Path(__file__).resolve().parent
raw = bytes.fromhex


def load(name: str) -> Any:
    return json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))


IDS, SEGMENTS, STATEMENTS = load("ids"), load("segments"), load("statements")
BUNDLES, FORKS, MESSAGES = load("bundles"), load("forks"), load("messages")
SKETCHES, LINKS = load("sketches"), load("links")
NETWORK = decoder.network_id("music")
KEYS = link.keys_of(raw(LINKS["keys"]["binding"]))


def each(rows: list[dict[str, Any]]) -> Any:
    names = [row.get("name") or row["why"] for row in rows]
    return pytest.mark.parametrize("row", rows, ids=names)


def hexed(value: Any) -> Any:
    """Return a value with its bytes in hexadecimal, as the vectors have them."""
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, list | tuple):
        return [hexed(one) for one in value]
    if isinstance(value, dict):
        return {name: hexed(one) for name, one in value.items()}
    return value


@pytest.mark.parametrize("name", ["decoder", "messages", "link", "session", "table"])
def test_the_decoder_has_nothing_of_the_library(name):
    source = (FOLDER / f"independent_{name}.py").read_text(encoding="utf-8")
    imported = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            imported |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            imported.add((node.module or "").partition(".")[0])
    imported = {each for each in imported if not each.startswith("independent_")}
    foreign = {"msgpack", "cryptography"}
    standard = {"base64", "binascii", "hashlib", "hmac", "ipaddress", "itertools", "math", "re",
                "struct", "zlib", "typing", "collections", "__future__"}  # fmt: skip
    assert imported <= foreign | standard


def test_the_vectors_of_links_are_what_the_library_makes_today():
    made = runpy.run_path(str(FOLDER / "link_vectors.py"))["link_vectors"]()
    assert made == LINKS


# -- names -----------------------------------------------------------------------------------


def test_names_are_as_written():
    for row in IDS["peers"]:
        assert decoder.peer_text(raw(row["peer"])) == row["text"]
        assert decoder.parse_peer(row["text"].upper()) == raw(row["peer"])
        assert link.Identity(raw(row["seed"])).peer == raw(row["peer"])
    for row in IDS["networks"]:
        assert decoder.network_id(row["name"]).hex() == row["id"]
    for row in IDS["items"]:
        item = row["text"] if "text" in row else raw(row["bytes"])
        assert decoder.item_hash(item).hex() == row["hash"]


@each(IDS["refused_texts"])
def test_a_wrong_text_is_refused(row):
    with pytest.raises(Refused):
        decoder.parse_peer(row["text"])


@pytest.mark.parametrize("row", IDS["refused_keys"], ids=lambda row: row["peer"][:6])
def test_a_bad_key_is_refused(row):
    with pytest.raises(Refused, match=row["why"]):
        decoder.check_key(raw(row["peer"]))


# -- segments --------------------------------------------------------------------------------


@each(SEGMENTS["segments"])
def test_a_segment_is_as_written(row):
    segment = decoder.decode_segment(raw(row["frame"]), NETWORK)
    for name, value in segment.header._asdict().items():
        if name != "payload_bytes":
            assert hexed(value) == row[name]
    assert hexed([segment.signature, segment.payload, segment.id, segment.header_bytes]) == [
        row["signature"],
        row["payload"],
        row["id"],
        row["header"],
    ]
    assert decoder.signed_message(segment.header_bytes, NETWORK) == raw(row["signed"])
    assert segment.frame == raw(row["frame"])
    assert decoder.is_authentic(segment, NETWORK)


@each(SEGMENTS["refused"])
def test_a_segment_is_refused(row):
    with pytest.raises(Refused):
        decoder.decode_segment(raw(row["frame"]), NETWORK)


@each(SEGMENTS["forged"])
def test_a_forged_segment_is_not_authentic(row):
    assert not decoder.is_authentic(decoder.decode_segment(raw(row["frame"]), NETWORK), NETWORK)


@each(STATEMENTS["statements"])
def test_statements_are_as_written(row):
    said = decoder.decode_statements(row["kind"], raw(row["payload"]), row["minute"])
    assert hexed(said) == row["statements"]


@each(STATEMENTS["refused"])
def test_statements_are_refused(row):
    with pytest.raises(Refused):
        decoder.decode_statements(row["kind"], raw(row["payload"]), row["minute"])


# -- bundles and forks -----------------------------------------------------------------------


@each(BUNDLES["bundles"])
def test_a_bundle_is_as_written(row):
    segments = decoder.unpack_bundle(raw(row["bundle_without_compression"]), NETWORK)
    assert [segment.frame.hex() for segment in segments] == row["unpacked"]
    assert all(decoder.is_authentic(segment, NETWORK) for segment in segments)


@each(BUNDLES["refused"])
def test_a_bundle_is_refused(row):
    with pytest.raises(Refused):
        decoder.unpack_bundle(raw(row["bundle"]), NETWORK)


@pytest.mark.parametrize("row", FORKS["forks"])
def test_a_fork_is_as_written(row):
    fork = decoder.decode_proof(raw(row["evidence"]), NETWORK)
    assert (fork.log, fork.seq, fork.minute) == (
        (raw(row["author"]), row["epoch"]),
        row["seq"],
        row["minute"],
    )
    assert decoder.is_proved(fork, NETWORK)


@each(FORKS["refused"])
def test_what_proves_no_fork_is_refused(row):
    with pytest.raises(Refused):
        decoder.decode_proof(raw(row["evidence"]), NETWORK)


@each(FORKS["forged"])
def test_a_forged_proof_proves_nothing(row):
    assert not decoder.is_proved(decoder.decode_proof(raw(row["evidence"]), NETWORK), NETWORK)


# -- messages --------------------------------------------------------------------------------


def in_vectors(name: str, fields: dict[str, Any]) -> dict[str, Any]:
    """Return fields with their parts by name, as the vectors have them."""
    fields = dict(fields)
    if fields.get("facts") is not None:
        fields["facts"] = dict(zip(messages.FACTS.names, fields["facts"], strict=True))
    if "entries" in fields:
        names = messages.RUN.names
        fields["entries"] = [dict(zip(names, run, strict=True)) for run in fields["entries"]]
    return hexed(fields)


@each(MESSAGES["messages"])
def test_a_message_is_as_written(row):
    data = raw(row["bytes"])
    size = messages.padded_size(len(data))
    assert size == row["padded_to"]
    for sent in (data, data.ljust(size, b"\0")):
        name, fields = messages.decode_message(sent)
        assert (name, in_vectors(name, fields)) == (row["message"], row["fields"])


@each(MESSAGES["refused"])
def test_a_message_is_refused_for_the_same_reason(row):
    with pytest.raises(Refused) as refusal:
        messages.decode_message(raw(row["bytes"]))
    assert str(refusal.value) == row["violation"]


@each(MESSAGES["ignored"])
def test_a_message_is_ignored(row):
    assert messages.decode_message(raw(row["bytes"])) == row["type"]


@pytest.mark.parametrize(("n", "size"), MESSAGES["padding"])
def test_padding_is_as_written(n, size):
    assert messages.padded_size(n) == size


# -- one link --------------------------------------------------------------------------------


def test_keys_are_as_written():
    assert hexed(KEYS._asdict()) == {
        name: value for name, value in LINKS["keys"].items() if name != "binding"
    }


def held() -> list[link.Held]:
    return [
        link.Held(
            (raw(row["author"]), row["epoch"]),
            row["seq"],
            row["minute"],
            row["ttl_days"],
            raw(row["id"]),
        )
        for row in LINKS["frontier"]
    ]


def test_elements_and_tags_are_as_written():
    for row, one in zip(LINKS["frontier"], held(), strict=True):
        assert f"{link.element(KEYS, one.log, one.id):016x}" == row["element"]
        assert link.gossip_tag(KEYS, one.id).hex() == row["gossip_tag"]
    digests = link.digests(held(), LINKS["roots"][0]["day"], {}, {})
    assert LINKS["logs"] == [
        {
            "author": log[0].hex(),
            "epoch": log[1],
            "element": f"{link.element(KEYS, log, digest):016x}",
        }
        for log, digest in digests.items()
    ]
    forked = link.element(KEYS, held()[0].log, link.fork_block(4))
    assert f"{forked & 0xFFFF_FFFF:08x}" == LINKS["fork_at_4"]


def test_roots_are_as_written():
    one, other = held()[0].log, held()[-1].log
    late = [each for each in held() if each.seq > 2]
    fork = {one: (4, held()[0].minute)}
    cases: list[tuple[list[link.Held], dict[Any, int], dict[Any, int], dict[Any, Any]]] = [
        (held(), {}, {}, {}),
        ([], {}, {}, {}),
        (held(), {}, {}, {}),
        (held(), {}, {}, {}),
        (late, {one: 3}, {}, {}),
        (late, {one: 3}, {other: 2}, {}),
        (held(), {}, {}, fork),
    ]
    for row, (rows, told, heard, forks) in zip(LINKS["roots"], cases, strict=True):
        digests = link.digests(rows, row["day"], heard, forks)
        assert link.root(KEYS, digests, link.salt(told, heard)).hex() == row["root"], row["name"]


def test_runs_are_as_written():
    for row in LINKS["runs"]:
        assert link.expanded(row["runs"]) == row["seqs"]


def test_hashes_and_symbols_are_as_written():
    for row in SKETCHES["keyed_hash"]:
        assert f"{link.keyed_hash(raw(row['key']), raw(row['block'])):016x}" == row["hash"]
    sketch = SKETCHES["sketch"]
    key, elements = raw(sketch["key"]), [int(text, 16) for text in sketch["elements"]]
    cells = link.symbols_of(key, elements, 1_001)
    assert [link.packed(cell).hex() for cell in cells[:64]] == sketch["symbols"]
    assert link.packed(cells[1_000]).hex() == sketch["symbol_1000"]
    n = sketch["without_the_first_three_done_after"]
    symbols = [raw(text) for text in sketch["symbols"]]
    assert link.decoded(symbols[:n], key, elements[3:]) == (set(elements[:3]), set())
    assert link.decoded(symbols[: n - 1], key, elements[3:]) is None


SHAKE = {name: raw(value) for name, value in LINKS["handshake"].items()}


def sides() -> tuple[link.Handshake, link.Handshake]:
    return tuple(
        link.Handshake(
            NETWORK,
            SHAKE[f"{side} static"],
            SHAKE[f"{side} ephemeral"],
            dialled=side == "dialler",
        )
        for side in ("dialler", "answerer")
    )


def test_a_handshake_is_as_written():
    dialler, answerer = sides()
    ada, bob = link.Identity(SHAKE["dialler seed"]), link.Identity(SHAKE["answerer seed"])
    assert dialler.write_first() == SHAKE["first"]
    answerer.read_first(SHAKE["first"])
    of_bob = dialler.read_second(SHAKE["second"])
    assert of_bob.peer == bob.peer
    assert answerer.write_second(bob, of_bob.hello) == SHAKE["second"]
    third = dialler.write_third(ada, answerer_hello := hello_of("ada"))
    assert third == SHAKE["third"]
    assert answerer.read_third(third) == link.Peer(ada.peer, answerer_hello)
    assert dialler.h == answerer.h == SHAKE["binding"]
    assert messages.decode_message(of_bob.hello)[1]["agent"] == "bob"
    of_dialler, of_answerer = dialler.split()
    assert answerer.split() == (of_dialler, of_answerer)
    assert link.seal(of_dialler, 0, SHAKE["plain"]) == SHAKE["by dialler"]
    assert link.unseal(of_answerer, 0, SHAKE["by answerer"]) == SHAKE["plain"]


def hello_of(agent: str) -> bytes:
    data = msgpack.packb([0, 0, 0, 29_000_000, bytes(8), 262_144, 0, agent, "", 0, ""])
    return data.ljust(messages.padded_size(len(data)), b"\0")


def test_a_handshake_with_a_changed_byte_is_refused():
    for at in range(0, len(SHAKE["second"]), 7):
        dialler, _ = sides()
        dialler.write_first()
        changed = bytearray(SHAKE["second"])
        changed[at] ^= 1
        with pytest.raises(Refused):
            dialler.read_second(bytes(changed))


# -- what is neither in the vectors nor right ------------------------------------------------

VALUES = bytes.fromhex("00017f9091a0c0c2c4cacccfd9dce0ff")


def mangled(data: bytes) -> Iterator[bytes]:
    """Yield bytes with one other, one less, one more, and fewer."""
    for at in range(0, len(data), max(len(data) // 40, 1)):
        value = VALUES[at % len(VALUES) : at % len(VALUES) + 1]
        yield data[:at] + value + data[at + 1 :]
        yield data[:at] + bytes([data[at] ^ 1 << at % 8]) + data[at + 1 :]
        yield data[:at] + value + data[at:]
        yield data[:at] + data[at + 1 :]
        yield data[:at]


def is_read(read: Callable[[bytes], Any], data: bytes) -> bool:
    try:
        read(data)
    except (Refused, VerificationError, RemoteProtocolError):
        return False
    return True


READERS: dict[str, tuple[Any, Any, list[str]]] = {
    "message": (
        messages.decode_message,
        decode,
        [row["bytes"] for row in MESSAGES["messages"]],
    ),
    "segment": (
        lambda data: decoder.decode_segment(data, NETWORK),
        lambda data: decode_segment(data, NETWORK),
        [row["frame"] for row in SEGMENTS["segments"]],
    ),
    "bundle": (
        lambda data: decoder.unpack_bundle(data, NETWORK),
        lambda data: unpack(data, NETWORK),
        [row["bundle_without_compression"] for row in BUNDLES["bundles"]],
    ),
    "proof": (
        lambda data: decoder.decode_proof(data, NETWORK),
        lambda data: decode_proof(data, NETWORK),
        [row["evidence"] for row in FORKS["forks"]],
    ),
}


@pytest.mark.parametrize("name", READERS)
def test_mangled_bytes_are_read_by_both_or_by_none(name):
    by_document, by_library, rows = READERS[name]
    for row in rows:
        for data in mangled(raw(row)):
            assert is_read(by_document, data) == is_read(by_library, data), data.hex()


@each(STATEMENTS["statements"])
def test_mangled_payloads_are_read_by_both_or_by_none(row):
    for data in mangled(raw(row["payload"])):
        by_document, by_library = (
            is_read(lambda data, read=read: read(row["kind"], data, row["minute"]), data)
            for read in (decoder.decode_statements, decode_statements)
        )
        assert by_document == by_library, data.hex()
