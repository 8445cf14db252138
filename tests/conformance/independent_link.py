"""Do what belongs to one link, by docs/protocol.md alone: keys, tags, roots, symbols, Noise.

See independent_decoder.py.
"""

from __future__ import annotations

import hashlib
import hmac
import math
import struct
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from independent_decoder import Refused, blake2b, is_signed

MASK = 2**64 - 1
Log = tuple[bytes, int]


def be4(n: int) -> bytes:
    return n.to_bytes(4, "big")


def be8(n: int) -> bytes:
    return n.to_bytes(8, "big")


def _times(a: int, b: int) -> int:
    """Multiply in GF(2^8) modulo x^8 + x^4 + x^3 + x + 1."""
    product = 0
    while b:
        product ^= a * (b & 1)
        a = a << 1 ^ (0x11B if a & 0x80 else 0)
        b >>= 1
    return product


def _substitute(x: int) -> int:
    inverse = next((y for y in range(256) if _times(x, y) == 1), 0)
    turned = [inverse << n | inverse >> 8 - n for n in range(5)]
    return (turned[0] ^ turned[1] ^ turned[2] ^ turned[3] ^ turned[4] ^ 0x63) & 0xFF


BOX = [_substitute(x) for x in range(256)]
MIX = {n: [_times(n, x) for x in range(256)] for n in (2, 3)}


def round_keys(key: bytes) -> list[bytes]:
    words, constant = [key[i : i + 4] for i in range(0, 16, 4)], 1
    for i in range(4, 44):
        word = words[-1]
        if i % 4 == 0:
            turned = [BOX[b] for b in word[1:] + word[:1]]
            word = bytes([turned[0] ^ constant, *turned[1:]])
            constant = _times(constant, 2)
        words.append(bytes(a ^ b for a, b in zip(word, words[i - 4], strict=True)))
    return [b"".join(words[i : i + 4]) for i in range(0, 44, 4)]


def aes(key: bytes, block: bytes) -> bytes:
    """AES-128 of one block (FIPS 197), byte by byte."""
    keys = round_keys(key)
    state = [a ^ b for a, b in zip(block, keys[0], strict=True)]
    for number, round_key in enumerate(keys[1:], 1):
        state = [BOX[state[(i + 4 * (i % 4)) % 16]] for i in range(16)]
        if number < 10:
            columns = [state[i : i + 4] for i in range(0, 16, 4)]
            state = [
                MIX[2][c[r]] ^ MIX[3][c[(r + 1) % 4]] ^ c[(r + 2) % 4] ^ c[(r + 3) % 4]
                for c in columns
                for r in range(4)
            ]
        state = [a ^ b for a, b in zip(state, round_key, strict=True)]
    return bytes(state)


def keyed_hash(key: bytes, block: bytes) -> int:
    """Return H(key, block) of the document."""
    return int.from_bytes(aes(key, block)[:8], "little")


# -- keys, tags, elements --------------------------------------------------------------------


class Keys(NamedTuple):
    sync: bytes
    root: bytes
    elements: bytes
    sketch: bytes
    gossip: bytes


def keys_of(binding: bytes) -> Keys:
    sync = blake2b(b"peerrec/1/sync", 256, binding)
    return Keys(
        sync,
        blake2b(b"peerrec/1/root", 256, sync),
        blake2b(b"peerrec/1/elements", 128, sync),
        blake2b(b"peerrec/1/sketch", 128, sync),
        blake2b(b"peerrec/1/gossip", 256, binding)[:16],
    )


def log_name(log: Log) -> bytes:
    return log[0] + be4(log[1])


def log_tag(keys: Keys, log: Log) -> int:
    return keyed_hash(keys.elements, blake2b(b"peerrec/1/log" + log_name(log), 128)) >> 32


def element(keys: Keys, log: Log, block: bytes) -> int:
    """The element of what has these 16 bytes: of an id, of a digest, or of a fork."""
    return log_tag(keys, log) << 32 | keyed_hash(keys.elements, block[:16]) & 0xFFFF_FFFF


def fork_block(seq: int) -> bytes:
    return b"forked\0\0" + be8(seq)


def gossip_tag(keys: Keys, segment_id: bytes) -> bytes:
    return keyed_hash(keys.gossip, segment_id[:16]).to_bytes(8, "little")


# -- frontier --------------------------------------------------------------------------------


class Held(NamedTuple):
    log: Log
    seq: int
    minute: int
    ttl_days: int
    id: bytes


def counts(minute: int, ttl_days: int, day: int) -> bool:
    return minute // 1_440 + min(ttl_days, 90) - 1 >= day


def digests(
    held: Iterable[Held],
    day: int,
    heard: Mapping[Log, int],
    forks: Mapping[Log, tuple[int, int]],
) -> dict[Log, bytes]:
    """Return the digest of each log of which anything counts; forks are (seq, minute)."""
    ids: dict[Log, list[tuple[int, bytes]]] = {}
    for one in held:
        beyond = one.log in forks and one.seq >= forks[one.log][0]
        if not beyond and one.seq >= heard.get(one.log, 0) and counts(*one[2:4], day):
            ids.setdefault(one.log, []).append((one.seq, one.id))
    joined = {log: b"".join(name for _, name in sorted(rows)) for log, rows in ids.items()}
    for log, (seq, minute) in forks.items():
        if counts(minute, 90, day) and seq >= heard.get(log, 0):
            joined[log] = joined.get(log, b"") + b"fork" + be8(seq)
    return {log: blake2b(data, 128) for log, data in joined.items()}


def salt(told: Mapping[Log, int], heard: Mapping[Log, int]) -> bytes:
    """Of the floors that the initiator told, and heard."""
    if not told and not heard:
        return b""
    listed = (
        b"".join(log_name(log) + be8(floor) for log, floor in sorted(floors.items()))
        for floors in (told, heard)
    )
    return b"".join(blake2b(each, 128) for each in listed)


def root(keys: Keys, of_logs: Mapping[Log, bytes], salted: bytes = b"") -> bytes:
    frontier = b"".join(log_name(log) + digest for log, digest in sorted(of_logs.items()))
    return blake2b(frontier + salted, 64, keys.root)


def expanded(runs: Sequence[int]) -> list[int]:
    numbers: list[int] = []
    at = 0
    for gap, length in zip(runs[::2], runs[1::2], strict=True):
        numbers += range(at + gap, at + gap + length)
        at += gap + length
    return numbers


# -- coded symbols ---------------------------------------------------------------------------


def hash_of(key: bytes, e: int) -> int:
    return keyed_hash(key, be8(e) + b"peerrec/")


def places(hashed: int, end: int) -> list[int]:
    """Return the numbers of the symbols below ``end`` that an element is part of."""
    s, i = hashed | 1, 0
    found = []
    while i < end:
        found.append(i)
        s = s * 0xDA942042E4DD58B5 & MASK
        i += max(1, math.ceil((i + 1.5) * (4294967296.0 / math.sqrt(float(s) + 1.0) - 1.0)))
    return found


def symbols_of(key: bytes, elements: Iterable[int], end: int) -> list[list[int]]:
    cells = [[0, 0, 0] for _ in range(end)]
    for e in elements:
        add(cells, key, e, 1)
    return cells


def add(cells: list[list[int]], key: bytes, e: int, sign: int) -> None:
    hashed = hash_of(key, e)
    for i in places(hashed, len(cells)):
        cells[i][0] ^= e
        cells[i][1] ^= hashed & 0xFFFF_FFFF
        cells[i][2] = (cells[i][2] + sign) % 256


def packed(cell: Sequence[int]) -> bytes:
    return be8(cell[0]) + be4(cell[1]) + bytes([cell[2]])


def decoded(
    theirs: Sequence[bytes], key: bytes, ours: Iterable[int]
) -> tuple[set[int], set[int]] | None:
    """Return what only they and only we have; None if there are too few symbols."""
    mine = symbols_of(key, ours, len(theirs))
    cells = [
        [int.from_bytes(t[:8], "big") ^ m[0], int.from_bytes(t[8:12], "big") ^ m[1],
         (t[12] - m[2]) % 256]
        for t, m in zip(theirs, mine, strict=True)
    ]  # fmt: skip
    found: tuple[set[int], set[int]] = (set(), set())
    again = True
    while again:
        again = False
        for total, check, count in [tuple(cell) for cell in cells]:
            known = total in found[0] or total in found[1]
            if count in (1, 255) and not known and hash_of(key, total) & 0xFFFF_FFFF == check:
                found[count == 255].add(total)
                add(cells, key, total, -1 if count == 1 else 1)
                again = True
    return found if not any(any(cell) for cell in cells) else None


# -- Noise XX --------------------------------------------------------------------------------


class Peer(NamedTuple):
    """What a handshake showed of the other side."""

    peer: bytes
    hello: bytes


class Handshake:
    """Noise_XX_25519_ChaChaPoly_BLAKE2s, revision 34, with the identities of the document."""

    def __init__(self, network: bytes, static: bytes, ephemeral: bytes, *, dialled: bool) -> None:
        self.s, self.e = (X25519PrivateKey.from_private_bytes(x) for x in (static, ephemeral))
        self.dialled = dialled
        name = b"Noise_XX_25519_ChaChaPoly_BLAKE2s"
        self.h = self.ck = hashlib.blake2s(name).digest()  # the name has 33 bytes
        self.k: bytes | None = None
        self.n = 0
        self.mix_hash(b"prp/1" + network)

    def mix_hash(self, data: bytes) -> None:
        self.h = hashlib.blake2s(self.h + data).digest()

    def hkdf(self, data: bytes) -> tuple[bytes, bytes]:
        def mac(key: bytes, text: bytes) -> bytes:
            return hmac.new(key, text, hashlib.blake2s).digest()

        secret = mac(self.ck, data)
        first = mac(secret, b"\x01")
        return first, mac(secret, first + b"\x02")

    def mix_key(self, private: X25519PrivateKey, public: bytes) -> None:
        self.ck, self.k = self.hkdf(private.exchange(X25519PublicKey.from_public_bytes(public)))
        self.n = 0

    def write(self, plain: bytes) -> bytes:
        sealed = plain if self.k is None else seal(self.k, self.n, plain, self.h)
        self.n += 1
        self.mix_hash(sealed)
        return sealed

    def read(self, sealed: bytes) -> bytes:
        plain = sealed if self.k is None else unseal(self.k, self.n, sealed, self.h)
        self.n += 1
        self.mix_hash(sealed)
        return plain

    # -- the three messages ------------------------------------------------------------------

    def read_first(self, message: bytes) -> None:
        if len(message) != 32:
            raise Refused("a first message of other than 32 bytes")
        self.re = message
        self.mix_hash(message)
        self.read(b"")

    def write_first(self) -> bytes:
        public = self.e.public_key().public_bytes_raw()
        self.mix_hash(public)
        return public + self.write(b"")

    def write_second(self, identify: Identity, hello: bytes) -> bytes:
        before, public = self.h, self.e.public_key().public_bytes_raw()
        self.mix_hash(public)
        self.mix_key(self.e, self.re)
        static = self.s.public_key().public_bytes_raw()
        sealed = self.write(static)
        self.mix_key(self.s, self.re)
        return public + sealed + self.write(identify(b"\x02" + before + static) + hello)

    def read_second(self, message: bytes) -> Peer:
        before = self.h
        self.re = message[:32]
        self.mix_hash(self.re)
        self.mix_key(self.e, self.re)
        self.rs = self.read(message[32:80])
        self.mix_key(self.e, self.rs)
        return proved(self.read(message[80:]), b"\x02" + before + self.rs)

    def write_third(self, identify: Identity, hello: bytes) -> bytes:
        before, static = self.h, self.s.public_key().public_bytes_raw()
        sealed = self.write(static)
        self.mix_key(self.s, self.re)
        return sealed + self.write(identify(b"\x01" + before + static) + hello)

    def read_third(self, message: bytes) -> Peer:
        before = self.h
        self.rs = self.read(message[:48])
        self.mix_key(self.e, self.rs)
        return proved(self.read(message[48:]), b"\x01" + before + self.rs)

    def split(self) -> tuple[bytes, bytes]:
        """Return the keys of the dialler's and of the answerer's messages."""
        return self.hkdf(b"")


class Identity:
    """Proves who one is: the peer id, then the signature over what is to be signed."""

    def __init__(self, seed: bytes) -> None:
        self.key = Ed25519PrivateKey.from_private_bytes(seed)
        self.peer = self.key.public_key().public_bytes_raw()

    def __call__(self, claim: bytes) -> bytes:
        return self.peer + self.key.sign(b"peerrec/1/channel" + claim)


def proved(payload: bytes, claim: bytes) -> Peer:
    peer, signature, hello = payload[:32], payload[32:96], payload[96:]
    if not is_signed(peer, signature, b"peerrec/1/channel" + claim):
        raise Refused("who is there does not prove who it is")
    return Peer(peer, hello)


def seal(key: bytes, nonce: int, plain: bytes, bound: bytes = b"") -> bytes:
    return ChaCha20Poly1305(key).encrypt(bytes(4) + struct.pack("<Q", nonce), plain, bound)


def unseal(key: bytes, nonce: int, sealed: bytes, bound: bytes = b"") -> bytes:
    try:
        return ChaCha20Poly1305(key).decrypt(bytes(4) + struct.pack("<Q", nonce), sealed, bound)
    except InvalidTag as error:
        raise Refused("does not decrypt") from error
