"""``peerrec log``: read and check the signed logs that this store replicates."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import click

from peerrec.errors import PeerrecError, StoreCorrupt, UnknownPeer, VerificationError
from peerrec.ids import network_id, peer_text
from peerrec.limits import MINUTE_S
from peerrec.protocol.fork import decode_proof, verify_proof
from peerrec.protocol.identity import Ed25519Verifier
from peerrec.protocol.segment import Kind, Segment, decode_segment, verify_segment
from peerrec.protocol.statements import decode_statements
from peerrec_node.commands.common import (
    Opened,
    answer,
    json_peer,
    opened,
    say_notes,
    store_options,
)
from peerrec_node.commands.keeping import date
from peerrec_node.commands.network import author_named
from peerrec_node.identity import Remembered

__all__ = ["log"]

KINDS = {int(kind): kind.name.lower() for kind in Kind}

EXAMPLES = 5
"""Broken segments that are named; their number is told."""


class Held(NamedTuple):
    """A segment in the store."""

    author: bytes
    epoch: int
    seq: int
    id: bytes
    kind: int
    minute: int


def held(here: Opened) -> Iterator[Held]:
    """Yield the segments of a store, in order of arrival."""
    for row in here.store.segments.index().rows():
        author, epoch, seq, name, kind, minute, *_ = row
        yield Held(author, epoch, seq, name, kind, minute)


@click.group()
def log() -> None:
    """Read and check the signed logs that this store replicates.

    Example: peerrec log verify
    """


@log.command()
@click.argument("author")
@click.option("--n", default=20, show_default=True, help="Newest segments to show.")
@click.option("--statements", is_flag=True, help="Also what they say.")
@store_options
def show(author: str, n: int, statements: bool, store: Path | None, as_json: bool) -> None:
    """Show what an author has signed, newest first; AUTHOR is an id, or me.

    Example: peerrec log show me --statements
    """
    with opened(store, make=False) as here:
        who = author_named(here, author)
        rows = [row for row in held(here) if row.author == who]
        if not rows:
            raise UnknownPeer(f"no segment of {author} is here; `peerrec sync` or `run` fetches")
        newest = sorted(rows, key=lambda row: (row.epoch, row.seq), reverse=True)[:n]
        entries = [entry(here, row, statements=statements) for row in newest]
        notes = here.notes
    document = {"author": peer_text(who), "segments": len(rows), "shown": entries, "notes": notes}
    answer(document, as_json, lines(entries))


def entry(here: Opened, row: Held, *, statements: bool) -> dict[str, Any]:
    """Return one segment as JSON has it."""
    found = decoded(here, row)
    said = said_in(found)
    fields = {
        "epoch": row.epoch,
        "seq": row.seq,
        "kind": kind_name(row.kind),
        "time": row.minute * MINUTE_S,
        "ttl_days": found.header.ttl_days,
        "bytes": len(found.frame),
        "id": row.id.hex(),
        "n_statements": len(said),
    }
    if statements:
        fields["statements"] = [statement_fields(each) for each in said]
    return fields


def statement_fields(statement: Any) -> dict[str, Any]:
    """Return a statement with its hashes in hex and its peers as their text."""
    fields: dict[str, Any] = statement._asdict()
    for key, value in fields.items():
        if isinstance(value, bytes):
            fields[key] = json_peer(value) if key == "peer" else value.hex()
    return fields


def decoded(here: Opened, row: Held) -> Segment:
    """Return a stored segment; VerificationError where it is broken."""
    frame = here.store.segments.frame(row.author, row.epoch, row.seq)
    if frame is None:
        raise VerificationError("it is in the index but not in the store")
    return decode_segment(frame, network_of(here))


def said_in(segment: Segment) -> list[Any]:
    """Return what a segment says; nothing where a later version gave its kind a meaning."""
    header = segment.header
    if header.kind not in KINDS:
        return []
    return decode_statements(header.kind, segment.payload, header.minute)


def network_of(here: Opened) -> bytes:
    """Return the network for which a store's segments are signed."""
    return network_id(Remembered(here.store).choose_network(None))


def kind_name(kind: int) -> str:
    """Return a kind in a word, its number where it is of a later version."""
    return KINDS.get(kind, str(kind))


def lines(entries: list[dict[str, Any]]) -> Iterator[str]:
    """Yield a line for each segment, and one for each of its statements."""
    for each in entries:
        when, kind = date(each["time"]), each["kind"]
        place = f"{each['epoch']:>10}/{each['seq']:<6}"
        yield f"{place} {when}  {kind:<12} {each['n_statements']:>4}  {each['bytes']:>6,} B"
        for said in each.get("statements", ()):
            yield "      " + ", ".join(f"{key} {value}" for key, value in said.items())


@log.command()
@store_options
def verify(store: Path | None, as_json: bool) -> None:
    """Check every signature, hash and proof in the store; exit code 3 where one is broken.

    Example: peerrec log verify
    """
    with opened(store, make=False) as here:
        broken = list(broken_parts(here))
        columns = here.store.segments.index()
        document = {
            "segments": len(columns),
            "authors": len(columns.authors),
            "proofs": len(here.store.segments.proofs()),
            "broken": len(broken),
            "examples": broken[:EXAMPLES],
            "notes": here.notes,
        }
    total = f"{document['segments']:,} segments of {document['authors']:,} authors"
    well = [f"{total} and {document['proofs']} proofs of forks check out"]
    answer(document, as_json, [] if broken else well)
    if not as_json:
        say_notes(here.notes)
    if broken:
        raise StoreCorrupt(
            f"{here.path}: {len(broken):,} of {total} do not check out, such as {broken[0]}; "
            "`peerrec forget --peer` removes an author's, and they come again"
        )


def broken_parts(here: Opened) -> Iterator[str]:
    """Yield what does not check out, and why."""
    network, verifier = network_of(here), Ed25519Verifier()
    for row in held(here):
        try:
            segment = decoded(here, row)
            verify_segment(segment, network, verifier)
            said_in(segment)
            if (*segment.log, segment.header.seq, segment.id) != row[:4]:
                raise VerificationError("it is stored under the name of another")
        except PeerrecError as error:
            yield f"{peer_text(row.author)} {row.epoch}/{row.seq}: {error}"
    for proof in here.store.segments.proofs():
        try:
            verify_proof(decode_proof(proof.evidence, network), network, verifier)
        except PeerrecError as error:
            yield f"the proof against {peer_text(proof.author)}: {error}"
