"""Sign and verify: the two seams behind which keys are kept.

`Ed25519Signer` and `Ed25519Verifier` are what nodes use. The keyed hash beside them
lets a simulation of thousands of nodes do without 0.1 ms per signature; anybody can
forge it, by design.

Example:
    >>> signer = Ed25519Signer.from_seed(bytes(32))
    >>> verifier = Ed25519Verifier()
    >>> signature = signer.sign(b"hello")
    >>> verifier.verify(signer.peer, signature, b"hello")
    True
    >>> verifier.verify(signer.peer, signature, b"hullo")
    False
"""

from __future__ import annotations

import hashlib
import hmac
from typing import Final, Protocol

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from peerrec.errors import DataError
from peerrec.ids import PEER_BYTES, check_public_key
from peerrec.limits import KEYS_CACHED_MAX

__all__ = [
    "SIGNATURE_BYTES",
    "Ed25519Signer",
    "Ed25519Verifier",
    "KeyedHashSigner",
    "KeyedHashVerifier",
    "Signer",
    "Verifier",
    "check_public_key",
]

SIGNATURE_BYTES: Final = 64
"""Bytes of every signature."""

SEED_BYTES: Final = 32
"""Bytes of randomness from which a key is made."""


class Signer(Protocol):
    """One identity: its public id and the power to sign for it."""

    @property
    def peer(self) -> bytes:
        """The public id, 32 bytes."""
        ...

    def sign(self, message: bytes) -> bytes:
        """Return 64 bytes that only this identity could make."""
        ...


class Verifier(Protocol):
    """Tells who signed; never raises, whatever bytes it is given."""

    def verify(self, peer: bytes, signature: bytes, message: bytes) -> bool:
        """Return whether the peer signed this message."""
        ...


class Ed25519Signer:
    """An Ed25519 private key (RFC 8032).

    Attributes:
        peer: the public key, 32 bytes.
        private: the key itself, for `peerrec.protocol.key_file`.
    """

    __slots__ = ("peer", "private")

    def __init__(self, private: Ed25519PrivateKey) -> None:
        self.private: Final = private
        self.peer: Final = private.public_key().public_bytes_raw()

    @classmethod
    def from_seed(cls, seed: bytes) -> Ed25519Signer:
        """Return the key of 32 secret bytes; the same bytes give the same key.

        Raises:
            DataError: there are not 32 bytes.
        """
        if len(seed) != SEED_BYTES:
            raise DataError(f"a key is made from {SEED_BYTES} bytes, not from {len(seed)}")
        return cls(Ed25519PrivateKey.from_private_bytes(seed))

    def sign(self, message: bytes) -> bytes:
        """Return the signature, 64 bytes."""
        return self.private.sign(message)


class Ed25519Verifier:
    """Verifies Ed25519 signatures and keeps the keys it parsed lately."""

    __slots__ = ("_keys",)

    def __init__(self) -> None:
        # In order of last use: what is used is put back at the end, the first one goes.
        self._keys: dict[bytes, Ed25519PublicKey | None] = {}

    def verify(self, peer: bytes, signature: bytes, message: bytes) -> bool:
        """Return whether the peer signed; False for keys `check_public_key` refuses."""
        key = self._key(peer)
        if key is None:
            return False
        try:
            key.verify(signature, message)
        except (InvalidSignature, ValueError):
            return False
        return True

    def _key(self, peer: bytes) -> Ed25519PublicKey | None:
        keys = self._keys
        if peer in keys:
            keys[peer] = key = keys.pop(peer)
            return key
        if len(keys) >= KEYS_CACHED_MAX:
            del keys[next(iter(keys))]
        keys[peer] = key = _parse(peer)
        return key


def _parse(peer: bytes) -> Ed25519PublicKey | None:
    """Return the key, or None where the bytes are none; both are worth remembering."""
    try:
        check_public_key(peer)
        return Ed25519PublicKey.from_public_bytes(peer)
    except (DataError, ValueError):
        return None


class KeyedHashSigner:
    """An identity for simulations: signs with a hash under its own public id.

    Whoever knows the id can forge its signatures. It stands for Ed25519 where nobody
    tries to, at a hundredth of the cost and with the same sizes.

    Attributes:
        peer: 32 bytes, from the seed.
    """

    __slots__ = ("peer",)

    def __init__(self, seed: bytes) -> None:
        self.peer: Final = hashlib.blake2b(
            b"peerrec/1/keyed-hash" + seed, digest_size=PEER_BYTES
        ).digest()

    def sign(self, message: bytes) -> bytes:
        """Return the keyed hash, 64 bytes."""
        return _keyed_hash(self.peer, message)


class KeyedHashVerifier:
    """Verifies what `KeyedHashSigner` signs; for simulations only."""

    __slots__ = ()

    def verify(self, peer: bytes, signature: bytes, message: bytes) -> bool:
        """Return whether this is the keyed hash of the message under the peer's id."""
        return len(peer) == PEER_BYTES and hmac.compare_digest(
            _keyed_hash(peer, message), signature
        )


def _keyed_hash(peer: bytes, message: bytes) -> bytes:
    return hashlib.blake2b(message, key=peer, digest_size=SIGNATURE_BYTES).digest()
