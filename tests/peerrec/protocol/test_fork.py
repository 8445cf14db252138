"""Forks: two segments of one number prove it, to anybody and in one form."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from peerrec.errors import LocalProtocolError, VerificationError
from peerrec.ids import network_id
from peerrec.limits import PROOF_BYTES_MAX, SEQ_MAX
from peerrec.protocol.fork import decode_proof, make_proof, verify_proof
from peerrec.protocol.identity import Ed25519Signer, Ed25519Verifier, KeyedHashSigner
from peerrec.protocol.segment import NO_SEGMENT, Kind, make_segment

NETWORK = network_id("music")
ADA, BOB = (Ed25519Signer.from_seed(bytes([i] * 32)) for i in (1, 2))


def make(payload=b"one", signer=ADA, network=NETWORK, **changes):
    fields = {
        "epoch": 1,
        "seq": 9,
        "prev": NO_SEGMENT,
        "minute": 29_000_000,
        "ttl_days": 90,
        **changes,
    }
    return make_segment(signer, network, Kind.DIRECTORY, payload=payload, **fields)


def test_proof_is_the_same_whichever_segment_was_first():
    one, other = make(), make(b"other", minute=29_000_007)
    proof = make_proof(one, other)
    assert proof == make_proof(other, one)
    assert (proof.log, proof.seq, proof.minute) == ((ADA.peer, 1), 9, 29_000_007)
    assert proof.first.id < proof.second.id


def test_proof_convinces_whoever_never_saw_the_segments():
    proof = decode_proof(make_proof(make(), make(b"other")).evidence, NETWORK)
    verify_proof(proof, NETWORK, Ed25519Verifier())
    assert proof == make_proof(make(), make(b"other"))


def test_largest_proof_is_within_its_limit():
    largest = {"seq": SEQ_MAX, "epoch": 2**32 - 1, "minute": 4_223_371_679}
    payloads = (bytes(16_384), bytes(16_383))
    proof = make_proof(*(make(payload, **largest) for payload in payloads))
    assert len(proof.evidence) <= PROOF_BYTES_MAX
    assert decode_proof(proof.evidence, NETWORK) == proof
    with pytest.raises(VerificationError, match="at most"):
        decode_proof(bytes(PROOF_BYTES_MAX + 1), NETWORK)


@pytest.mark.parametrize(
    ("other", "reason"),
    [
        (make(), "one and the same"),
        (make(b"other", seq=8), "numbers"),
        (make(b"other", epoch=2), "two logs"),
        (make(b"other", BOB), "two logs"),
    ],
)
def test_what_is_no_fork_is_not_proven(other, reason):
    with pytest.raises(LocalProtocolError, match=reason):
        make_proof(make(), other)


def test_nobody_can_prove_a_fork_of_anothers_log():
    class Mallory:
        peer = ADA.peer
        sign = staticmethod(BOB.sign)

    for pair in ((make(), make(b"other", Mallory())), (make(b"a", Mallory()), make())):
        proof = decode_proof(make_proof(*pair).evidence, NETWORK)
        with pytest.raises(VerificationError, match="signature"):
            verify_proof(proof, NETWORK, Ed25519Verifier())


def test_one_number_in_two_networks_is_no_fork():
    films = network_id("films")
    here, there = make(), make(b"other", network=films)
    proof = make_proof(here, there)
    for network in (NETWORK, films):
        with pytest.raises(VerificationError):
            verify_proof(decode_proof(proof.evidence, network), network, Ed25519Verifier())


def test_every_cut_and_every_flipped_bit_is_refused():
    signer = KeyedHashSigner(b"ada")
    evidence = make_proof(make(b"one", signer), make(b"other", signer)).evidence
    for at in range(len(evidence)):
        with pytest.raises(VerificationError):
            decode_proof(evidence[:at], NETWORK)
        broken = evidence[:at] + bytes([evidence[at] ^ 1 << at % 8]) + evidence[at + 1 :]
        with pytest.raises(VerificationError):
            verify_proof(decode_proof(broken, NETWORK), NETWORK, Ed25519Verifier())


@given(st.binary(max_size=100))
def test_any_bytes_are_refused(data):
    with pytest.raises(VerificationError):
        decode_proof(data, NETWORK)
