"""Tell what is in a message, down to the statements that people signed.

Peers get the index they have in the world, hashes their hexadecimal digits, numbers that
stand for a choice its name.

Example:
    >>> from peerrec.protocol.messages import Want
    >>> from peerrec.protocol.wire import encode
    >>> told(encode(Want(request=1, kind=5, start=7)), bytes(16), lambda peer: 0)["kind"]
    'SINCE'
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final, TypeAlias

import msgspec

from peerrec.errors import RemoteProtocolError, VerificationError
from peerrec.ids import PEER_BYTES
from peerrec.protocol.bundle import unpack
from peerrec.protocol.fork import decode_proof
from peerrec.protocol.messages import (
    GoawayCode,
    Level,
    Message,
    Part,
    Profile,
    Purpose,
    StatusCode,
    Type,
    WantKind,
)
from peerrec.protocol.segment import Header, Kind, Segment, decode_segment
from peerrec.protocol.statements import decode_statements
from peerrec.protocol.wire import Ignored, decode

__all__ = ["Naming", "Told", "told"]

Told: TypeAlias = dict[str, Any]
"""Plain values by name, ready for JSON."""

Naming: TypeAlias = Callable[[bytes], int | None]
"""Returns the index of the peer with an id; None where there is none."""

CHOICES: Final[dict[tuple[Type, str], type[enum.IntEnum]]] = {
    (Type.HELLO, "profile"): Profile,
    (Type.SKETCH, "level"): Level,
    (Type.RANGES, "purpose"): Purpose,
    (Type.WANT, "kind"): WantKind,
    (Type.STATUS, "code"): StatusCode,
    (Type.GOAWAY, "code"): GoawayCode,
}

TAG_BYTES: Final = 8
"""Of a tag or an element: lists of them stand one behind the other."""

LOG_BYTES: Final = 36
"""Of the full name of a log: author and epoch."""


def told(data: bytes, network: bytes, index_of: Naming) -> Told:
    """Return the type, length and fields of a message; of what is none, its bytes and why.

    Args:
        data: as it came.
        network: id of the network, 16 bytes.
        index_of: knows who is who.
    """
    try:
        message = decode(data)
    except RemoteProtocolError as error:
        return {"type": "none", "bytes": len(data), "data": data.hex(), "error": str(error)}
    if isinstance(message, Ignored):
        return {"type": "ignored", "bytes": len(data), "data": data.hex()}
    head = {"type": message.TYPE.name, "bytes": len(data)}
    return head | _Teller(network, index_of).fields(message)


class _Teller:
    """Puts parts of messages into plain values."""

    def __init__(self, network: bytes, index_of: Naming) -> None:
        self._network = network
        self._index_of = index_of

    def fields(self, message: Message) -> Told:
        """Return what a message says."""
        said: Told = {}
        for name in message.__struct_fields__:
            value = getattr(message, name)
            if name == "bundle":
                said["segments"] = self._opened(value, self._bundle)
            elif name == "evidence":
                said["fork"] = self._opened(value, self._proof)
            elif name == "frames" and value is not None:
                said["addresses"] = [self._opened(frame, self._frame) for frame in value]
            elif name == "tags":
                said["tags"] = [
                    value[at : at + TAG_BYTES].hex() for at in range(0, len(value), TAG_BYTES)
                ]
            elif (message.TYPE, name) in CHOICES:
                said[name] = CHOICES[message.TYPE, name](value).name
            else:
                said[name] = self._plain(name, value)
        return said

    def _plain(self, name: str, value: Any) -> Any:
        """Return a value without bytes or structures in it."""
        if isinstance(value, Part):
            return {
                key: self._plain(key, each) for key, each in msgspec.structs.asdict(value).items()
            }
        if isinstance(value, tuple):
            return [self._plain(name, each) for each in value]
        if not isinstance(value, bytes):
            return value
        if name == "log" and len(value) == LOG_BYTES:
            return self._log(value[:PEER_BYTES], int.from_bytes(value[PEER_BYTES:], "big"))
        return self._peer(value) if name == "peer" else value.hex()

    def _peer(self, peer: bytes) -> int | str:
        """Return the index of a peer, or the id of who is not in the world."""
        index = self._index_of(peer)
        return peer.hex() if index is None else index

    def _log(self, author: bytes, epoch: int) -> Told:
        return {"author": self._peer(author), "epoch": epoch}

    def _opened(self, data: bytes, opened: Callable[[bytes], Any]) -> Any:
        """Return what is inside, or why that cannot be read."""
        try:
            return opened(data)
        except VerificationError as error:
            return {"data": data.hex(), "error": str(error)}

    def _bundle(self, data: bytes) -> list[Told]:
        return [self._segment(each) for each in unpack(data, self._network)]

    def _frame(self, data: bytes) -> Told:
        return self._segment(decode_segment(data, self._network))

    def _proof(self, data: bytes) -> list[Told]:
        proof = decode_proof(data, self._network)
        return [self._header(header) for header in (proof.first.header, proof.second.header)]

    def _header(self, header: Header) -> Told:
        known = {int(kind): kind.name for kind in Kind}
        return {
            **self._log(header.author, header.epoch),
            "seq": header.seq,
            "kind": known.get(header.kind, header.kind),
            "minute": header.minute,
        }

    def _segment(self, segment: Segment) -> Told:
        header = segment.header
        return {
            **self._header(header),
            "statements": self._statements(
                decode_statements(header.kind, segment.payload, header.minute)
            ),
        }

    def _statements(self, said: Iterable[Any]) -> Sequence[Told]:
        return [
            {key: self._plain(key, value) for key, value in each._asdict().items()} for each in said
        ]
