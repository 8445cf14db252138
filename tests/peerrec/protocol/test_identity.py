"""Signatures: what RFC 8032 says, and what it leaves open is refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from peerrec.errors import DataError
from peerrec.limits import KEYS_CACHED_MAX
from peerrec.protocol import identity
from peerrec.protocol.identity import (
    Ed25519Signer,
    Ed25519Verifier,
    KeyedHashSigner,
    KeyedHashVerifier,
)

# RFC 8032, section 7.1, tests 1 and 2: seed, public key, message, signature.
RFC_8032 = [
    (
        "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e3970"
        "1cf9b46bd25bf5f0595bbe24655141438e7a100b",
    ),
    (
        "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613"
        "d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
    ),
]
KINDS = [
    pytest.param(Ed25519Signer.from_seed, Ed25519Verifier, id="ed25519"),
    pytest.param(KeyedHashSigner, KeyedHashVerifier, id="keyed-hash"),
]


@pytest.mark.parametrize(("seed", "peer", "message", "signature"), RFC_8032)
def test_keys_and_signatures_are_those_of_the_standard(seed, peer, message, signature):
    signer = Ed25519Signer.from_seed(bytes.fromhex(seed))
    assert signer.peer.hex() == peer
    assert signer.sign(bytes.fromhex(message)).hex() == signature


@pytest.mark.parametrize(("make", "verifier"), KINDS)
def test_only_the_signer_the_message_and_the_signature_together_verify(make, verifier):
    ada, bob = make(bytes(32)), make(b"b" * 32)
    signature = ada.sign(b"hello")
    assert len(ada.peer) == 32
    assert len(signature) == 64
    verify = verifier().verify
    assert verify(ada.peer, signature, b"hello")
    assert verify(ada.peer, signature, b"hello")  # a key remembered is as good
    assert not verify(ada.peer, signature, b"hullo")
    assert not verify(bob.peer, signature, b"hello")
    assert not verify(ada.peer, bob.sign(b"hello"), b"hello")
    assert not verify(ada.peer, signature[:-1] + bytes([signature[-1] ^ 1]), b"hello")


@pytest.mark.parametrize(("make", "verifier"), KINDS)
@given(peer=st.binary(max_size=40), signature=st.binary(max_size=70), message=st.binary(max_size=9))
def test_no_bytes_make_a_verifier_raise(make, verifier, peer, signature, message):
    assert not verifier().verify(peer, signature, message)
    assert not verifier().verify(make(bytes(32)).peer, signature, message)


def test_signature_under_a_key_of_small_order_does_not_verify():
    # R is the neutral point and the scalar 0: under the neutral key it fits every message.
    neutral = (1).to_bytes(32, "little")
    assert not Ed25519Verifier().verify(neutral, neutral + bytes(32), b"anything")


def test_second_encoding_of_a_signature_does_not_verify():
    signer = Ed25519Signer.from_seed(bytes(32))
    signature = signer.sign(b"hello")
    order = 2**252 + 27742317777372353535851937790883648493
    scalar = int.from_bytes(signature[32:], "little") + order
    assert not Ed25519Verifier().verify(
        signer.peer, signature[:32] + scalar.to_bytes(32, "little"), b"hello"
    )


def test_remembered_keys_are_bounded_and_the_used_ones_stay(monkeypatch):
    monkeypatch.setattr(identity, "KEYS_CACHED_MAX", 3)
    assert KEYS_CACHED_MAX > 1_000
    verifier = Ed25519Verifier()
    signers = [Ed25519Signer.from_seed(bytes([i] * 32)) for i in range(5)]
    parsed = []
    for signer in signers:
        for one in (signers[0], signer):
            assert verifier.verify(one.peer, one.sign(b"x"), b"x")
        parsed.append(verifier._keys[signers[0].peer])
    assert list(verifier._keys) == [signers[i].peer for i in (3, 0, 4)]
    assert all(key is parsed[0] for key in parsed)


@pytest.mark.parametrize("size", [0, 31, 33])
def test_key_is_made_from_32_bytes(size):
    with pytest.raises(DataError, match=f"not from {size}"):
        Ed25519Signer.from_seed(bytes(size))
