"""Bundles: exactly what was packed comes out, in few bytes, and never too much."""

from __future__ import annotations

import zlib

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from peerrec.errors import VerificationError
from peerrec.ids import network_id
from peerrec.limits import BUNDLE_BYTES_MAX, FRAME_BYTES_MAX, PAYLOAD_BYTES_MAX
from peerrec.protocol.bundle import _unpacked_brief, pack, unpack
from peerrec.protocol.bundle_columns import Columns
from peerrec.protocol.identity import KeyedHashSigner, KeyedHashVerifier
from peerrec.protocol.segment import (
    BRIEF_BYTES,
    NO_SEGMENT,
    Kind,
    Segment,
    decode_segment,
    make_segment,
    verify_segment,
)
from peerrec.protocol.statements import Play, encode_statements, join_plays

NETWORK = network_id("music")
MINUTE = 29_000_000


def make(author: bytes, seq: int, payload: bytes, kind: int = Kind.DIRECTORY, **changes) -> Segment:
    fields = {"epoch": 1, "prev": NO_SEGMENT, "minute": MINUTE, "ttl_days": 90, **changes}
    return make_segment(KeyedHashSigner(author), NETWORK, kind, seq=seq, payload=payload, **fields)


def listening(n_authors: int, n_segments: int, n_plays: int, seed: int = 0) -> list[Segment]:
    """Return logs of people who mostly hear again what they and others heard."""
    rng = np.random.default_rng(seed)
    items = [rng.bytes(16) for _ in range(20_000)]
    popularity = 1 / np.arange(1, 20_001)
    liked = rng.choice(20_000, (n_authors, 400), p=popularity / popularity.sum())
    made = []
    for author in range(n_authors):
        prev, minute = NO_SEGMENT, MINUTE
        for seq in range(1, n_segments + 1):
            minute += int(rng.integers(60, 2_000))
            heard = rng.choice(liked[author], n_plays)
            ages = np.cumsum(rng.integers(2, 7, n_plays))[::-1]
            rows = [
                Play(items[item], 1.0, minute - int(age))
                for item, age in zip(heard, ages, strict=True)
            ]
            payload = encode_statements(Kind.INTERACTIONS, rows, minute)
            made.append(
                make(bytes([author]), seq, payload, Kind.INTERACTIONS, prev=prev, minute=minute)
            )
            prev = made[-1].id
    return made


SMALL = pack(listening(2, 3, 3))


def key(segment: Segment) -> tuple:
    return (*segment.log, segment.header.seq, segment.id)


payloads = st.one_of(
    st.binary(min_size=1, max_size=40).map(lambda payload: (Kind.DIRECTORY, payload)),
    st.binary(min_size=1, max_size=40).map(lambda payload: (Kind.INTERACTIONS, payload)),
    st.lists(
        st.builds(
            Play,
            st.integers(0, 5).map(lambda i: bytes([i] * 16)),
            st.sampled_from([1.0, 2.0, 0.5]),
            st.integers(0, 1_000),
        ),
        min_size=1,
        max_size=5,
    ).map(lambda rows: (Kind.INTERACTIONS, encode_statements(Kind.INTERACTIONS, rows, 1_000))),
)
segments = st.builds(
    lambda author, seq, said, epoch, prev, minute: make(
        author, seq, said[1], said[0], epoch=epoch, prev=prev, minute=minute
    ),
    st.sampled_from([b"a", b"b", b"c"]),
    st.integers(0, 6) | st.integers(0, 2**53 - 1),
    payloads,
    st.sampled_from([0, 2**32 - 1]),
    st.sampled_from([NO_SEGMENT, b"p" * 16]),
    st.integers(1_000, 1_010) | st.integers(0, 4_223_371_679),
)


@given(st.lists(segments, max_size=20, unique_by=key))
def test_what_was_packed_comes_out_whatever_it_is(rows):
    bundle, n = pack(rows)
    assert n == len(rows)
    unpacked = unpack(bundle, NETWORK)
    assert sorted(unpacked, key=key) == sorted(rows, key=key)
    for segment in unpacked:
        verify_segment(segment, NETWORK, KeyedHashVerifier())
        assert decode_segment(segment.frame, NETWORK) == segment


def test_segments_come_out_by_log_and_number():
    ada, bob = ([make(author, seq, b"x") for seq in (1, 2, 3)] for author in (b"a", b"b"))
    mixed = [bob[2], ada[1], bob[0], ada[2], bob[1], ada[0]]
    assert unpack(pack(mixed)[0], NETWORK) == bob + ada


def test_nothing_is_an_empty_bundle():
    assert pack([]) == (b"", 0)
    assert unpack(b"", NETWORK) == []


@pytest.mark.parametrize("bytes_max", [1, 2_000, 9_000, FRAME_BYTES_MAX - 64])
def test_bundles_fill_a_frame_and_do_not_exceed_it(bytes_max):
    rows = listening(20, 25, 10)
    sizes = []
    at = 0
    while at < len(rows):
        bundle, n = pack(rows[at:], bytes_max)
        assert n >= 1
        assert unpack(bundle, NETWORK) == rows[at : at + n]
        assert len(bundle) <= bytes_max or n == 1
        sizes.append(len(bundle))
        at += n
    if bytes_max > 1:
        assert min(sizes[:-1]) > 0.8 * bytes_max


def test_large_payloads_are_packed_into_what_may_be_unpacked():
    text = b"la " * (PAYLOAD_BYTES_MAX // 3)
    rows = [make(b"a", seq, text) for seq in range(1, 40)]
    bundle, n = pack(rows)
    assert len(unpack(bundle, NETWORK)) == n == BUNDLE_BYTES_MAX // (len(text) + 192)
    noise = np.random.default_rng(0).bytes(PAYLOAD_BYTES_MAX)
    rows = [make(b"a", seq, noise[seq:]) for seq in range(1, 40)]
    bundle, n = pack(rows)
    assert len(bundle) < FRAME_BYTES_MAX - 64
    assert n >= 3


def test_an_interaction_costs_less_than_18_bytes_where_people_hear_things_again():
    rows = listening(40, 25, 10)
    bundle, n = pack(rows)
    assert len(bundle) / (10 * n) < 18
    assert sum(len(row.frame) for row in rows[:n]) / (10 * n) > 34


@pytest.mark.parametrize(
    "columns",
    [
        (b"", [], [1]),
        (b"i" * 16, [0], [1] * 257),
        (b"i" * 16, [0], bytes(1_028)),
        (b"i" * 16 * 257, [0] * 257, [1]),
    ],
    ids=["no plays", "too many weights", "too many float32", "too many plays"],
)
def test_interactions_that_nobody_counts_travel_unchanged(columns):
    rows = [make(b"a", 1, join_plays(*columns), Kind.INTERACTIONS)]
    assert unpack(pack(rows)[0], NETWORK) == rows


def test_references_to_one_item_do_not_unpack_to_more_than_is_allowed():
    n = BUNDLE_BYTES_MAX // (256 * 16)
    flat = [0] * n
    columns = Columns(
        runs=[n],
        epochs=[0],
        seqs=[1] * n,
        minutes=[MINUTE, *flat[1:]],
        kinds=[1] * n,
        ttls=[1] * n,
        explicit=flat,
        plays=[256] * n,
        items=[0] + [1] * (256 * n - 1),
        ages=[0] * (256 * n),
        weights=[[1]] * n,
        others=[],
    )
    deflated = zlib.compress(msgspec.msgpack.encode(columns), wbits=-zlib.MAX_WBITS)
    bundle = msgspec.msgpack.encode((deflated, bytes(32 + 64 * n + 16)))
    assert len(bundle) < FRAME_BYTES_MAX // 8
    with pytest.raises(VerificationError, match="when unpacked"):
        unpack(bundle, NETWORK)


def test_one_segment_in_a_bundle_is_shorter_than_its_frame():
    (first, *_) = listening(1, 1, 10)
    assert len(pack([first])[0]) < len(first.frame)


def test_every_cut_is_refused():
    bundle, _ = pack(listening(2, 2, 3))
    for at in range(1, len(bundle)):
        with pytest.raises(VerificationError):
            unpack(bundle[:at], NETWORK)


@settings(max_examples=300)
@given(st.integers(0, 600), st.binary(max_size=4), st.integers(0, 4))
def test_changed_bundle_is_refused_or_gives_well_formed_segments(at, put, n_bytes):
    bundle, n = SMALL
    changed = bundle[:at] + put + bundle[at + n_bytes :]
    try:
        unpacked = unpack(changed, NETWORK)
    except VerificationError:
        return
    assert len(unpacked) <= n
    for segment in unpacked:
        assert decode_segment(segment.frame, NETWORK) == segment


@given(st.binary(min_size=1, max_size=80))
def test_any_bytes_are_refused(data):
    with pytest.raises(VerificationError):
        unpack(data, NETWORK)


def test_segments_are_those_of_the_network_they_are_unpacked_for():
    rows = listening(1, 3, 2)
    elsewhere = unpack(pack(rows)[0], network_id("films"))
    assert {row.id for row in elsewhere}.isdisjoint(row.id for row in rows)
    with pytest.raises(VerificationError):
        verify_segment(elsewhere[0], network_id("films"), KeyedHashVerifier())


def test_a_forged_copy_of_what_was_packed_or_read_is_not_taken_for_it():
    real = make(b"ann", 1, b"hello")
    forged = msgspec.structs.replace(real, signature=bytes(64))
    assert forged.id == real.id
    for segment in (real, forged, real):
        (read,) = unpack(pack([segment])[0], NETWORK)
        assert read.signature == segment.signature
    verify_segment(read, NETWORK, KeyedHashVerifier())


def test_whoever_reads_a_bundle_may_change_the_list():
    bundle = pack([make(b"ann", 1, b"hello")])[0]
    unpack(bundle, NETWORK).clear()
    assert len(unpack(bundle, NETWORK)) == 1


def test_a_small_bundle_that_swells_is_read_and_not_remembered():
    rows = [make(b"ann", 1, bytes(PAYLOAD_BYTES_MAX))]
    bundle, _ = pack(rows)
    assert len(bundle) < BRIEF_BYTES
    assert unpack(bundle, NETWORK) == rows
    assert _unpacked_brief(bundle, NETWORK) is None
