"""A peer written from docs/protocol.md alone holds sessions with the library."""

from __future__ import annotations

import json
from itertools import product
from pathlib import Path

import independent_decoder as decoder
import independent_link as link
import pytest
from independent_session import Stranger

from peerrec.ids import network_id
from peerrec.peering.link import link_key
from peerrec.protocol.bundle import unpack
from peerrec.protocol.identity import Ed25519Signer, Ed25519Verifier
from peerrec.protocol.segment import NO_SEGMENT, Segment, make_segment
from peerrec.protocol.sync import PeerMemory, SyncLink
from peerrec.protocol.sync_shelf import Outgoing
from peerrec.protocol.wire import decode, encode, padded
from peerrec.testing.sync_pair import MemoryShelf

FOLDER = Path(__file__).resolve().parent
NETWORK = network_id("music")
BINDING = bytes(range(32))
NOW = 29_000_030 * 60.0
DAY = int(NOW // 86_400)
ROWS = json.loads((FOLDER / "bundles.json").read_text(encoding="utf-8"))["bundles"]
BUNDLE = next(row for row in ROWS if row["name"] == "two logs, newest first")
ALL: list[Segment] = unpack(bytes.fromhex(BUNDLE["bundle_without_compression"]), NETWORK)

SHARES = {
    "nothing": [],
    "everything": [0, 1, 2, 3, 4, 5, 6],
    "one log": [0, 1, 2, 3],
    "the other log": [4, 5, 6],
    "the old half": [0, 1, 4],
    "the new half": [2, 3, 5, 6],
    "with gaps": [0, 2, 4, 6],
}


def shelf_of(places: list[int]) -> MemoryShelf:
    shelf = MemoryShelf(NETWORK, verifier=Ed25519Verifier())
    shelf.put(ALL[at] for at in places)
    return shelf


def stranger_of(places: list[int], request: int) -> Stranger:
    segments = [decoder.decode_segment(ALL[at].frame, NETWORK) for at in places]
    return Stranger(link.keys_of(BINDING), NETWORK, DAY, segments, request)


def link_of(shelf: MemoryShelf, *, dialled: bool, memory: PeerMemory | None = None) -> SyncLink:
    key = link_key(BINDING, b"sync")
    tag = b"stranger"
    return SyncLink(
        shelf, dialled=dialled, key=key, peer_store_tag=tag, memory=memory or PeerMemory(tag)
    )


def sent(out: Outgoing) -> list[bytes]:
    return [padded(encode(message)) for _, message in sorted(out, key=lambda pair: pair[0])]


def hold(library: SyncLink, stranger: Stranger, to_library: list[bytes], to_stranger: list[bytes]):
    while to_library or to_stranger:
        if to_library:
            to_stranger += sent(library.receive(decode(to_library.pop(0)), NOW))
        else:
            to_library += stranger.receive(to_stranger.pop(0))


def both_hold_all(shelf: MemoryShelf, stranger: Stranger, places: set[int]) -> bool:
    ids = {ALL[at].id for at in places}
    theirs = {one.id for one in stranger.held.values()}
    return ids == theirs == {one.id for one in shelf.segments.values()}


@pytest.mark.parametrize(("here", "there"), [*product(SHARES, SHARES)])
def test_the_stranger_leads(here, there):
    shelf, stranger = shelf_of(SHARES[here]), stranger_of(SHARES[there], 1)
    library = link_of(shelf, dialled=False)
    hold(library, stranger, stranger.start(), [])
    assert stranger.converged
    assert library.last_result.converged
    assert both_hold_all(shelf, stranger, {*SHARES[here], *SHARES[there]})


@pytest.mark.parametrize(("here", "there"), [*product(SHARES, SHARES)])
def test_the_library_leads(here, there):
    shelf, stranger = shelf_of(SHARES[here]), stranger_of(SHARES[there], 1)
    library = link_of(shelf, dialled=True)
    hold(library, stranger, [], sent(library.start(NOW)))
    assert stranger.converged
    assert library.last_result.converged
    assert both_hold_all(shelf, stranger, {*SHARES[here], *SHARES[there]})


def test_the_library_asks_the_stranger_for_what_arrived_since():
    shelf, stranger = shelf_of([0]), stranger_of([0, 1, 2, 3, 4, 5, 6], 1)
    memory = PeerMemory(b"stranger", cursor=1)
    library = link_of(shelf, dialled=True, memory=memory)
    hold(library, stranger, [], sent(library.start(NOW)))
    assert [str(each) for each in library.last_result.levels] == ["since"]
    assert memory.cursor == 7
    assert both_hold_all(shelf, stranger, {0, 1, 2, 3, 4, 5, 6})


@pytest.mark.parametrize("here", [range(0, 60, 2), range(20, 60), range(40), range(60)])
def test_the_library_compares_logs_with_the_stranger(here):
    signer = Ed25519Signer.from_seed(bytes(32))
    made: list[Segment] = []
    for seq in range(60):
        prev = made[-1].id if made else NO_SEGMENT
        made.append(
            make_segment(
                signer, NETWORK, 64, epoch=9, seq=seq, prev=prev, minute=29_000_000, ttl_days=90,
                payload=b"opaque",
            )
        )  # fmt: skip
    shelf, there = shelf_of([]), [one for one in made if one.header.seq % 4]
    shelf.put(made[at] for at in here)
    segments = [decoder.decode_segment(one.frame, NETWORK) for one in there]
    stranger = Stranger(link.keys_of(BINDING), NETWORK, DAY, segments, 1)
    library = link_of(shelf, dialled=True)
    hold(library, stranger, [], sent(library.start(NOW)))
    assert [str(each) for each in library.last_result.levels] == ["logs"]
    ids = {made[at].id for at in here} | {one.id for one in there}
    assert ids == {one.id for one in stranger.held.values()}
    assert ids == {one.id for one in shelf.segments.values()}
