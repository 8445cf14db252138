"""Prove that a log forked: two headers of one number, both signed by its author.

Nobody but the author can make two such headers, so whoever holds the proof can show it
to anybody. What follows from it is the same in whatever order proofs and segments
arrive: segments of that log from the fork's number on do not count, and the author's
merit is gone while the proof is in the window. Of several proofs of one log the one with
the lowest number says all.

::

    evidence = [header: bin, signature: bin64, header: bin, signature: bin64]

in MessagePack's shortest form, the segment with the smaller id first.

Example:
    >>> from peerrec.protocol.identity import Ed25519Signer, Ed25519Verifier
    >>> from peerrec.protocol.segment import NO_SEGMENT, Kind, make_segment
    >>> signer, network = Ed25519Signer.from_seed(bytes(32)), bytes(16)
    >>> a, b = (
    ...     make_segment(
    ...         signer, network, Kind.DIRECTORY, epoch=1, seq=9, prev=NO_SEGMENT,
    ...         minute=29_000_000, ttl_days=90, payload=payload,
    ...     )
    ...     for payload in (b"one story", b"another one")
    ... )
    >>> proof = make_proof(a, b)
    >>> verify_proof(decode_proof(proof.evidence, network), network, Ed25519Verifier())
    >>> proof.seq, len(proof.evidence)
    (9, 333)
"""

from __future__ import annotations

from typing import Final

from msgspec import Struct
from msgspec.msgpack import Decoder, Encoder

from peerrec.errors import LocalProtocolError, VerificationError
from peerrec.ids import short
from peerrec.limits import PROOF_BYTES_MAX
from peerrec.protocol.identity import SIGNATURE_BYTES, Verifier
from peerrec.protocol.segment import (
    Header,
    Log,
    Segment,
    decode_header,
    segment_id,
    signed_message,
)

__all__ = ["ForkProof", "SignedHeader", "decode_proof", "make_proof", "verify_proof"]


class SignedHeader(Struct, frozen=True, gc=False):
    """A segment without its payload; see `peerrec.protocol.segment.Segment`."""

    header: Header
    signature: bytes
    id: bytes
    header_bytes: bytes


class ForkProof(Struct, frozen=True, gc=False):
    """Two segments that share log and number.

    Attributes:
        first: the one with the smaller id.
        second: the other.
    """

    first: SignedHeader
    second: SignedHeader

    @property
    def log(self) -> Log:
        """Whose log forked: (author, epoch)."""
        return (self.first.header.author, self.first.header.epoch)

    @property
    def seq(self) -> int:
        """The number both have."""
        return self.first.header.seq

    @property
    def minute(self) -> int:
        """Time of the later of the two: from it the proof's own age is counted."""
        return max(self.first.header.minute, self.second.header.minute)

    @property
    def evidence(self) -> bytes:
        """The proof as it is stored and sent."""
        first, second = self.first, self.second
        return _encode((first.header_bytes, first.signature, second.header_bytes, second.signature))


_encode: Final = Encoder().encode
_decode: Final = Decoder(tuple[bytes, bytes, bytes, bytes]).decode


def make_proof(a: Segment, b: Segment) -> ForkProof:
    """Return the proof that two segments make, in either order.

    Both must have been verified.

    Raises:
        LocalProtocolError: they are one segment, or not of one log and number.
    """
    first, second = sorted((_without_payload(a), _without_payload(b)), key=lambda one: one.id)
    proof = ForkProof(first, second)
    if (fault := _fault(proof)) is not None:
        raise LocalProtocolError(f"two segments prove no fork: {fault}")
    return proof


def decode_proof(evidence: bytes, network: bytes) -> ForkProof:
    """Return the proof in these bytes; its signatures are not looked at.

    Raises:
        VerificationError: not the shape, not the one way of writing it, or no fork.
    """
    if len(evidence) > PROOF_BYTES_MAX:
        raise VerificationError(
            f"proof of {len(evidence)} bytes: at most {PROOF_BYTES_MAX} are allowed"
        )
    try:
        header_a, signature_a, header_b, signature_b = parts = _decode(evidence)
    except ValueError as error:
        raise VerificationError(f"proof is not two headers with signatures: {error}") from None
    if _encode(parts) != evidence:
        raise VerificationError("proof is not in MessagePack's shortest form")
    proof = ForkProof(
        _signed_header(header_a, signature_a, network),
        _signed_header(header_b, signature_b, network),
    )
    if (fault := _fault(proof)) is not None:
        raise VerificationError(f"proof of no fork: {fault}")
    return proof


def verify_proof(proof: ForkProof, network: bytes, verifier: Verifier) -> None:
    """Refuse a proof whose two headers the author did not both sign for this network.

    Raises:
        VerificationError: a signature is not the author's.
    """
    for one in (proof.first, proof.second):
        message = signed_message(one.header_bytes, network)
        if not verifier.verify(one.header.author, one.signature, message):
            raise VerificationError(
                f"proof against {short(one.header.author)}: a signature is not the author's"
            )


def _signed_header(header_bytes: bytes, signature: bytes, network: bytes) -> SignedHeader:
    if len(signature) != SIGNATURE_BYTES:
        raise VerificationError(f"signature of {len(signature)} bytes, not {SIGNATURE_BYTES}")
    header = decode_header(header_bytes)
    return SignedHeader(header, signature, segment_id(header_bytes, network), header_bytes)


def _without_payload(segment: Segment) -> SignedHeader:
    return SignedHeader(segment.header, segment.signature, segment.id, segment.header_bytes)


def _fault(proof: ForkProof) -> str | None:
    """Return why this is no proof in its one form, or None."""
    a, b = proof.first.header, proof.second.header
    if (a.author, a.epoch) != (b.author, b.epoch):
        return "they are of two logs"
    if a.seq != b.seq:
        return f"they have numbers {a.seq} and {b.seq}"
    if proof.first.id == proof.second.id:
        return "they are one and the same"
    if proof.first.id > proof.second.id:
        return "the one with the smaller id is not first"
    return None
