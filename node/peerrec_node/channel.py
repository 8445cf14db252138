"""Encrypt a link and prove who is at its other end: Noise XX with signed identities.

`Noise_XX_25519_ChaChaPoly_BLAKE2s` with the prologue ``"prp/1" ‖ network id``, so that
two networks never get past the second message. The first message is a bare ephemeral
key. The second and third carry, encrypted,

    peer id (32)  ‖  signature (64)  ‖  HELLO

where the signature is over ``"peerrec/1/channel" ‖ side ‖ h ‖ static key``: side is 1 for
who dialled and 2 for who answered, and h the handshake hash after the message before,
which holds the prologue and the other side's fresh key. So nothing of a handshake is
of use in another one. Whoever dials checks the second message against the id it dialled
before it says anything of itself.

No socket here: messages in, messages out. The package ``noiseprotocol`` is used in
this module only.

Example:
    >>> from peerrec.protocol.identity import Ed25519Signer, Ed25519Verifier
    >>> ann, ben = (
    ...     ChannelKeys(Ed25519Signer.from_seed(bytes([n]) * 32), Ed25519Verifier(), bytes(16))
    ...     for n in (1, 2)
    ... )
    >>> dialling, answering = Dialling(ann, ben.signer.peer), Answering(ben)
    >>> second = answering.second(dialling.first(), b"hello of ben")
    >>> third, to_ben = dialling.third(second, b"hello of ann")
    >>> to_ann = answering.finished(third)
    >>> to_ann.open(to_ben.seal(b"secret")), to_ann.hello, to_ann.binding == to_ben.binding
    (b'secret', b'hello of ann', True)
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from cryptography.exceptions import InvalidTag
from noise.connection import Keypair, NoiseConnection
from noise.exceptions import (
    NoiseHandshakeError,
    NoiseInvalidMessage,
    NoiseMaxNonceError,
    NoiseValueError,
)

from peerrec.errors import LocalProtocolError, RemoteProtocolError
from peerrec.ids import short
from peerrec.limits import HANDSHAKE_BYTES_MAX
from peerrec.protocol.identity import Signer, Verifier
from peerrec.protocol.violations import Violation

__all__ = ["PLAIN_BYTES_MAX", "Answering", "Channel", "ChannelKeys", "Dialling"]

PATTERN: Final = b"Noise_XX_25519_ChaChaPoly_BLAKE2s"
PROLOGUE: Final = b"prp/1"
CONTEXT: Final = b"peerrec/1/channel"
DIALLED: Final = b"\x01"
ANSWERED: Final = b"\x02"

KEY_BYTES: Final = 32
TAG_BYTES: Final = 16
SIGNATURE_BYTES: Final = 64

NOISE_BYTES_MAX: Final = 65_535
"""Longest message that the Noise specification allows."""

PLAIN_BYTES_MAX: Final = NOISE_BYTES_MAX - TAG_BYTES
"""Longest message that can be sealed."""

REFUSALS: Final = (
    InvalidTag,
    NoiseHandshakeError,
    NoiseInvalidMessage,
    NoiseMaxNonceError,
    NoiseValueError,
    ValueError,
)
"""What the packages below raise at bytes that a peer made up; a weak key is a ValueError."""


class ChannelKeys:
    """What one side needs for its handshakes: its identity and a key of this process.

    Attributes:
        signer: one's own identity.
        verifier: checks the other side's.
        network: 16 bytes; see `peerrec.ids.network_id`.
        static: X25519 private key, made anew whenever the process starts: signatures tie
            it to the identity, so it never needs to be stored.
    """

    def __init__(
        self, signer: Signer, verifier: Verifier, network: bytes, static: bytes | None = None
    ) -> None:
        self.signer = signer
        self.verifier = verifier
        self.network = network
        self.static = os.urandom(KEY_BYTES) if static is None else static


class Channel:
    """A finished handshake: seals and opens messages in the order in which they go.

    Attributes:
        peer: whom the other side proved to be.
        hello: what it said of itself.
        binding: 32 bytes that only these two know to belong to this very handshake.
    """

    def __init__(self, noise: NoiseConnection, peer: bytes, hello: bytes) -> None:
        self._noise = noise
        self.peer = peer
        self.hello = hello
        self.binding: bytes = noise.get_handshake_hash()

    def seal(self, plain: bytes) -> bytes:
        """Return a message encrypted; its number in the link is part of the encryption.

        Raises:
            LocalProtocolError: it is longer than `PLAIN_BYTES_MAX`.
        """
        if len(plain) > PLAIN_BYTES_MAX:
            raise LocalProtocolError(
                f"a message of {len(plain):,} bytes cannot be sealed; "
                f"send at most {PLAIN_BYTES_MAX:,}"
            )
        sealed: bytes = self._noise.encrypt(plain)
        return sealed

    def open(self, sealed: bytes) -> bytes:
        """Return the message that was sealed.

        Raises:
            RemoteProtocolError: it is not the next message of this link's other side.
        """
        with refused("a message of the link"):
            plain: bytes = self._noise.decrypt(sealed)
        return plain


class Dialling:
    """The side that opened the connection.

    Args:
        keys: one's own.
        expected: the id that was dialled; None takes whoever answers.
    """

    def __init__(self, keys: ChannelKeys, expected: bytes | None) -> None:
        self._side = _Side(keys, dialled=True)
        self._expected = expected

    def first(self) -> bytes:
        """Return the first message, 32 bytes that say nothing of oneself."""
        return self._side.write(b"")

    def third(self, second: bytes, hello: bytes) -> tuple[bytes, Channel]:
        """Return the last message, for the other side, and the channel.

        Raises:
            RemoteProtocolError: the second message is broken, of another network, or by
                somebody else than was dialled; nothing of oneself was said.
        """
        peer, their_hello = self._side.read_identity(second)
        if self._expected is not None and peer != self._expected:
            raise RemoteProtocolError(
                Violation.FORGERY, f"{short(peer)} answered for {short(self._expected)}"
            )
        third = self._side.write_identity(hello)
        return third, Channel(self._side.noise, peer, their_hello)


class Answering:
    """The side that was connected to."""

    def __init__(self, keys: ChannelKeys) -> None:
        self._side = _Side(keys, dialled=False)

    def second(self, first: bytes, hello: bytes) -> bytes:
        """Return the answer to the first message.

        Raises:
            RemoteProtocolError: it is not 32 bytes of a sound key.
        """
        if len(first) != KEY_BYTES:
            raise RemoteProtocolError(
                Violation.MALFORMED, f"a first message of {len(first)} bytes, not {KEY_BYTES}"
            )
        self._side.read(first)
        return self._side.write_identity(hello)

    def finished(self, third: bytes) -> Channel:
        """Return the channel.

        Raises:
            RemoteProtocolError: the third message is broken, or its identity is not proved.
        """
        peer, hello = self._side.read_identity(third)
        return Channel(self._side.noise, peer, hello)


class _Side:
    """What both sides do: write and read messages, prove and check identities."""

    def __init__(self, keys: ChannelKeys, *, dialled: bool) -> None:
        self._keys = keys
        self._mine, self._theirs = (DIALLED, ANSWERED) if dialled else (ANSWERED, DIALLED)
        self.noise = NoiseConnection.from_name(PATTERN)
        self.noise.set_prologue(PROLOGUE + keys.network)
        self.noise.set_keypair_from_private_bytes(Keypair.STATIC, keys.static)
        if dialled:
            self.noise.set_as_initiator()
        else:
            self.noise.set_as_responder()
        self.noise.start_handshake()
        self._state = self.noise.noise_protocol.handshake_state

    def write(self, payload: bytes) -> bytes:
        """Return the next message of the handshake."""
        with refused("the other side's key"):
            return bytes(self.noise.write_message(payload))

    def read(self, message: bytes) -> bytes:
        """Return the payload of the other side's next message."""
        if len(message) > HANDSHAKE_BYTES_MAX:
            raise RemoteProtocolError(
                Violation.OVERSIZED,
                f"{len(message):,} bytes in a handshake; {HANDSHAKE_BYTES_MAX:,} are allowed",
            )
        with refused("a message of the handshake"):
            return bytes(self.noise.read_message(message))

    def write_identity(self, hello: bytes) -> bytes:
        """Return the next message with one's own identity in it."""
        signer = self._keys.signer
        claim = self._claim(self._mine, self._hash(), self._state.s.public_bytes)
        return self.write(signer.peer + signer.sign(claim) + hello)

    def read_identity(self, message: bytes) -> tuple[bytes, bytes]:
        """Return who proves to be there, and what they say of themselves."""
        before = self._hash()
        payload = self.read(message)
        peer, rest = payload[:KEY_BYTES], payload[KEY_BYTES:]
        signature, hello = rest[:SIGNATURE_BYTES], rest[SIGNATURE_BYTES:]
        claim = self._claim(self._theirs, before, self._state.rs.public_bytes)
        proved = len(signature) == SIGNATURE_BYTES and self._keys.verifier.verify(
            peer, signature, claim
        )
        if not proved:
            raise RemoteProtocolError(Violation.FORGERY, "who is there does not prove who it is")
        if peer == self._keys.signer.peer:
            raise RemoteProtocolError(Violation.STATE, "the other side is this very peer")
        return peer, hello

    def _hash(self) -> bytes:
        """Return the handshake hash after the last message."""
        so_far: bytes = self._state.symmetric_state.get_handshake_hash()
        return so_far

    def _claim(self, side: bytes, before: bytes, static: bytes) -> bytes:
        return CONTEXT + side + before + static


@contextmanager
def refused(what: str) -> Iterator[None]:
    """Turn what the packages raise at made-up bytes into one kind of error."""
    try:
        yield
    except REFUSALS as error:
        raise RemoteProtocolError(
            Violation.FORGERY, f"{what} does not decrypt ({type(error).__name__})"
        ) from error
