"""Name people, networks and items: the short byte strings that stand for them.

A peer is its Ed25519 public key. In text it is lower-case base32 of the key and
three bytes of checksum, so that a mistyped letter is refused, not looked for.

Example:
    >>> peer = bytes.fromhex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a")
    >>> peer_text(peer)
    '25njqamcweflpvkl73j4szahhihoc4xt3ktcgjnpaingr5yhkenfy2w7'
    >>> parse_peer(peer_text(peer)) == peer
    True
    >>> item_hash("https://example.org/song").hex()
    'f85e9e4c9515768da54744a113bbee1d'
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from typing import Final

from peerrec.errors import DataError
from peerrec.limits import ID_BYTES_MAX, NETWORK_NAME_BYTES_MAX

__all__ = [
    "HASH_BYTES",
    "NETWORK_BYTES",
    "PEER_BYTES",
    "check_public_key",
    "item_hash",
    "network_id",
    "parse_peer",
    "peer_text",
    "short",
]

PEER_BYTES: Final = 32
"""Bytes of a peer's id: an Ed25519 public key."""

NETWORK_BYTES: Final = 16
"""Bytes of a network's id."""

HASH_BYTES: Final = 16
"""Bytes by which an item is known on the wire."""

_CHECKSUM_BYTES: Final = 3  # 32 + 3 bytes are 56 letters without padding
_TEXT_LENGTH: Final = 56

_FIELD_PRIME: Final = 2**255 - 19

# The y coordinates of the eight points of small order, and y = p and p + 1, which are
# 0 and 1 written otherwise. Each with both signs of x: 14 encodings (libsodium's list).
_SMALL_ORDER_Y: Final = (
    0,
    1,
    0x05FC536D880238B13933C6D305ACDFD5F098EFF289F4C345B027B2C28F95E826,
    0x7A03AC9277FDC74EC6CC392CFA53202A0F67100D760B3CBA4FD84D3D706A17C7,
    _FIELD_PRIME - 1,
    _FIELD_PRIME,
    _FIELD_PRIME + 1,
)
_SMALL_ORDER: Final = frozenset(
    (y | sign << 255).to_bytes(32, "little") for y in _SMALL_ORDER_Y for sign in (0, 1)
)


def check_public_key(peer: bytes) -> None:
    """Refuse what is no proper Ed25519 public key.

    Under a key of small order one signature fits every message, and a key that can be
    written in two ways would be two people; neither is somebody's key by accident.

    Raises:
        DataError: wrong length, one of the 14 encodings of points of small order, or a
            coordinate that is not below the field's prime.
    """
    if len(peer) != PEER_BYTES:
        raise DataError(f"a peer id of {len(peer)} bytes: a public key has {PEER_BYTES}")
    if peer in _SMALL_ORDER:
        raise DataError(f"peer id {peer.hex()} is a point of small order: nobody's key")
    # Only coordinates of the last 19 below 2^255 are too large: look at the top byte first.
    if peer[31] & 0x7F == 0x7F and int.from_bytes(peer, "little") % 2**255 >= _FIELD_PRIME:
        raise DataError(f"peer id {peer.hex()} is not in canonical form: not a key anybody made")


def peer_text(peer: bytes) -> str:
    """Return a peer's id as 56 lower-case letters and digits, checksum included.

    Raises:
        DataError: the id has not 32 bytes.
    """
    if len(peer) != PEER_BYTES:
        raise DataError(f"a peer id of {len(peer)} bytes: a public key has {PEER_BYTES}")
    return base64.b32encode(peer + _checksum(peer)).decode().lower()


def parse_peer(text: str) -> bytes:
    """Return the id that `peer_text` wrote, in either case.

    Raises:
        DataError: says what is wrong: length, a letter, the checksum or the key itself.
    """
    if len(text) != _TEXT_LENGTH:
        raise DataError(
            f"peer id {text!r:.80} has {len(text)} characters: {_TEXT_LENGTH} are needed; "
            "copy all of it"
        )
    try:
        raw = base64.b32decode(text.upper().encode("ascii"))
    except (binascii.Error, UnicodeEncodeError):
        raise DataError(f"peer id {text!r} has characters other than a to z and 2 to 7") from None
    peer, checksum = raw[:PEER_BYTES], raw[PEER_BYTES:]
    if checksum != _checksum(peer):
        raise DataError(f"peer id {text!r} does not match its checksum: a letter is wrong")
    check_public_key(peer)
    return peer


def short(peer: bytes) -> str:
    """Return the first 8 characters of a peer's text: for logs, not for looking up."""
    return base64.b32encode(peer[:5]).decode().lower()


def network_id(name: str) -> bytes:
    """Return the 16 bytes under which a network of this name signs and connects.

    Raises:
        DataError: the name is empty, no valid text or longer than NETWORK_NAME_BYTES_MAX.
    """
    return _digest(
        b"peerrec/1/network" + _utf8(name, "network name", NETWORK_NAME_BYTES_MAX), NETWORK_BYTES
    )


def item_hash(raw: str | bytes) -> bytes:
    """Return the 16 bytes by which an item is known on the wire.

    Args:
        raw: an item's id. Text is hashed; 16 bytes are taken for a hash, which is how an
            item of unknown name is called; other bytes are hashed apart from text.

    Raises:
        DataError: the text is empty, not valid or longer than ID_BYTES_MAX.
    """
    if isinstance(raw, str):
        return _digest(_utf8(raw, "item", ID_BYTES_MAX), HASH_BYTES)
    if len(raw) == HASH_BYTES:
        return raw
    return _digest(b"peerrec/1/item\x00" + raw, HASH_BYTES)


def _checksum(peer: bytes) -> bytes:
    return _digest(b"peerrec/1/peer" + peer, _CHECKSUM_BYTES)


def _digest(data: bytes, n_bytes: int) -> bytes:
    return hashlib.blake2b(data, digest_size=n_bytes).digest()


def _utf8(text: str, what: str, bytes_max: int) -> bytes:
    try:
        data = text.encode()
    except UnicodeEncodeError:
        raise DataError(f"{what} {text!r:.60} is no valid text (a lone surrogate)") from None
    if not 0 < len(data) <= bytes_max:
        raise DataError(f"{what} {text!r:.60} has {len(data)} bytes; give 1 to {bytes_max}")
    return data
