"""Segments: one frame and one id for each, and nothing counts that was not signed."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from peerrec.errors import LocalProtocolError, VerificationError
from peerrec.ids import network_id
from peerrec.limits import (
    CLOCK_SKEW_S,
    DAY_S,
    PAYLOAD_BYTES_MAX,
    SEGMENT_BYTES_MAX,
    SEQ_MAX,
)
from peerrec.protocol.identity import (
    Ed25519Signer,
    Ed25519Verifier,
    KeyedHashSigner,
    KeyedHashVerifier,
)
from peerrec.protocol.segment import (
    NO_SEGMENT,
    OPAQUE_FROM,
    Kind,
    Timing,
    decode_segment,
    make_segment,
    timing_of,
    verify_segment,
)

NETWORK = network_id("music")
SIGNER = KeyedHashSigner(b"ada")
NOW = 29_000_000 * 60.0
USUAL = {
    "kind": Kind.INTERACTIONS,
    "epoch": 7,
    "seq": 1,
    "prev": NO_SEGMENT,
    "minute": 29_000_000,
    "ttl_days": 90,
    "payload": b"payload",
}

fields = st.fixed_dictionaries(
    {
        "kind": st.sampled_from([1, 2, 3, 4, 6, OPAQUE_FROM, 127]),
        "epoch": st.integers(0, 2**32 - 1),
        "seq": st.integers(0, SEQ_MAX),
        "prev": st.binary(min_size=16, max_size=16),
        "minute": st.integers(0, 4_223_371_679),
        "ttl_days": st.integers(1, 90),
        "payload": st.binary(min_size=1, max_size=300),
    }
)


def make(signer=SIGNER, network=NETWORK, **changes):
    return make_segment(signer, network, **{**USUAL, **changes})


@given(fields)
def test_segment_reads_as_it_was_made(said):
    segment = make(**said)
    again = decode_segment(segment.frame, NETWORK)
    assert again == segment
    assert again.frame == segment.frame
    assert again.log == (SIGNER.peer, said["epoch"])
    verify_segment(again, NETWORK, KeyedHashVerifier())


@given(fields, fields)
def test_segments_that_say_something_else_have_other_ids(one, other):
    assert (make(**one).id == make(**other).id) == (one == other)


def test_id_is_of_what_is_said_and_not_of_the_signature():
    segment = make()
    resigned = msgspec.structs.replace(segment, signature=bytes(64))
    assert decode_segment(resigned.frame, NETWORK).id == segment.id


def test_largest_segment_is_within_its_limit():
    largest = make(
        payload=b"\xff" * PAYLOAD_BYTES_MAX,
        epoch=2**32 - 1,
        seq=SEQ_MAX,
        minute=4_223_371_679,
        kind=127,
    )
    assert decode_segment(largest.frame, NETWORK) == largest
    assert len(largest.frame) < SEGMENT_BYTES_MAX
    with pytest.raises(VerificationError, match="at most"):
        decode_segment(bytes(SEGMENT_BYTES_MAX + 1), NETWORK)


@pytest.mark.parametrize(
    "change",
    [
        {"payload": b""},
        {"payload": bytes(PAYLOAD_BYTES_MAX + 1)},
        {"kind": 0},
        {"kind": Kind.FORK},
        {"kind": 7},
        {"kind": 128},
        {"epoch": -1},
        {"epoch": 2**32},
        {"seq": -1},
        {"seq": SEQ_MAX + 1},
        {"prev": bytes(15)},
        {"minute": -1},
        {"minute": 4_223_371_680},
        {"ttl_days": 0},
        {"ttl_days": 91},
    ],
    ids=str,
)
def test_what_others_would_refuse_is_not_signed(change):
    with pytest.raises(LocalProtocolError, match="cannot make"):
        make(**change)


def test_previous_segment_may_be_named_by_its_whole_id():
    first = make()
    assert make(seq=2, prev=first.id).header.prev == first.id[:16]


def test_every_cut_and_every_flipped_bit_is_refused():
    signer, verifier = Ed25519Signer.from_seed(bytes(32)), Ed25519Verifier()
    frame = make(signer).frame
    for at in range(len(frame)):
        with pytest.raises(VerificationError):
            decode_segment(frame[:at], NETWORK)
        broken = frame[:at] + bytes([frame[at] ^ 1 << at % 8]) + frame[at + 1 :]
        with pytest.raises(VerificationError):
            verify_segment(decode_segment(broken, NETWORK), NETWORK, verifier)


@given(st.binary(max_size=200), st.integers(0, 250), st.integers(0, 50))
def test_any_bytes_are_decoded_or_refused(data, at, n_bytes):
    frame = make().frame
    for candidate in (data, frame[:at] + data + frame[at + n_bytes :]):
        try:
            segment = decode_segment(candidate, NETWORK)
        except VerificationError:
            continue
        assert segment.frame == candidate


def test_segment_of_another_network_is_refused():
    elsewhere = make(network=network_id("films"))
    segment = decode_segment(elsewhere.frame, NETWORK)
    assert segment.id != elsewhere.id
    with pytest.raises(VerificationError, match="for this network"):
        verify_segment(segment, NETWORK, KeyedHashVerifier())


def test_segment_in_anothers_name_is_refused():
    mallory = KeyedHashSigner(b"mallory")

    class Pretender:
        peer = SIGNER.peer
        sign = staticmethod(mallory.sign)

    with pytest.raises(VerificationError, match="not its author's"):
        verify_segment(make(Pretender()), NETWORK, KeyedHashVerifier())


@pytest.mark.parametrize(
    ("age_s", "ttl_days", "timing"),
    [
        (0, 90, Timing.FINE),
        (-CLOCK_SKEW_S, 90, Timing.FINE),
        (-CLOCK_SKEW_S - 1, 90, Timing.EARLY),
        (90 * DAY_S, 90, Timing.FINE),
        (90 * DAY_S + 1, 90, Timing.EXPIRED),
        (DAY_S, 1, Timing.FINE),
        (DAY_S + 1, 1, Timing.EXPIRED),
    ],
)
def test_segment_counts_from_ten_minutes_early_to_the_end_of_its_life(age_s, ttl_days, timing):
    assert timing_of(make(ttl_days=ttl_days), NOW + age_s) is timing
