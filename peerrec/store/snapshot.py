"""Keep arrays beside a store, so that opening it need not compute them again.

A snapshot is one file: a header that names the arrays, their bytes, and a CRC-32
of all of it (damage is accidental here, and BLAKE2b takes five times as long). It
says which point of which store's history it shows (a `Cursor`) and how it was made
(a tag: format, parameters). Whatever does not match or is damaged is no snapshot
at all: the caller computes anew and writes another.

The cursor may be older than the store as long as nothing was removed since; then
`Store.changes` tells what is missing. A snapshot holds what the store held:
whoever forgets something removes the snapshot too.

Example:
    >>> import tempfile
    >>> import numpy as np
    >>> folder = tempfile.TemporaryDirectory()
    >>> path = Path(folder.name) / "me.db-graph"
    >>> write_snapshot(path, {"item": np.arange(3)}, Cursor(1, 3, 0), tag="csr 1")
    >>> snapshot = load_snapshot(path, Cursor(1, 5, 0), tag="csr 1")
    >>> snapshot.cursor.interactions, snapshot.arrays["item"].tolist()
    (3, [0, 1, 2])
    >>> load_snapshot(path, Cursor(2, 5, 0), tag="csr 1") is None
    True
    >>> folder.cleanup()
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np
import numpy.typing as npt

from peerrec.errors import StoreError, StoreFull
from peerrec.store.rows import Cursor

__all__ = ["Snapshot", "load_snapshot", "remove_snapshot", "write_snapshot"]

MAGIC: Final = b"peerrec\x01"
ALIGNMENT: Final = 64
"""Bytes to which each array is aligned: a cache line, more than any dtype needs."""
CHECKSUM_BYTES: Final = 4
HEADER_BYTES_MAX: Final = 1 << 20
KINDS: Final = "biuf"

Array = npt.NDArray[Any]


class ArrayEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where an array lies and what it is."""

    name: str
    dtype: str
    shape: list[int]
    offset: int


class Header(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a snapshot shows, how it was made, and where its arrays are."""

    tag: str
    cursor: Cursor
    arrays: list[ArrayEntry]


@dataclass(frozen=True, slots=True, eq=False)
class Snapshot:
    """Arrays as they were at one point of a store's history; read-only."""

    arrays: dict[str, Array]
    cursor: Cursor


def write_snapshot(
    path: Path | str, arrays: Mapping[str, Array], cursor: Cursor, *, tag: str
) -> None:
    """Write a snapshot in place of the one that is there, whole or not at all.

    Raises:
        StoreFull: there is no room; an older snapshot stays as it was.
        StoreError: it cannot be written.
        TypeError: an array holds something other than booleans or numbers.
    """
    target = Path(path)
    entries: list[ArrayEntry] = []
    offset = 0
    for name, array in arrays.items():
        if array.dtype.kind not in KINDS:
            raise TypeError(f"array {name!r} has dtype {array.dtype}; booleans and numbers fit")
        little = array.dtype.newbyteorder("<").str
        entries.append(ArrayEntry(name, little, list(array.shape), offset))
        offset += padded(array.nbytes)
    header = msgspec.json.encode(Header(tag, cursor, entries))
    opening = MAGIC + len(header).to_bytes(8, "little") + header
    part = target.with_name(target.name + ".part")
    try:
        with part.open("wb") as file:
            checksum = 0
            for piece in (pad(opening), *map(array_bytes, arrays.values())):
                checksum = zlib.crc32(piece, checksum)
                file.write(piece)
            file.write(checksum.to_bytes(CHECKSUM_BYTES, "little"))
        os.replace(part, target)
    except OSError as error:
        part.unlink(missing_ok=True)
        kind = StoreFull if error.strerror and "space" in error.strerror else StoreError
        raise kind(f"{target}: the snapshot could not be written: {error.strerror}") from error


def load_snapshot(path: Path | str, expected: Cursor, *, tag: str) -> Snapshot | None:
    """Return the snapshot of this store, or None when there is none that fits.

    Args:
        path: the file.
        expected: the store's present cursor. The epoch and the trust must be equal;
            the snapshot's interactions may end earlier.
        tag: what was given when it was written.
    """
    try:
        content = np.fromfile(Path(path), np.uint8)
    except OSError:
        return None
    body, checksum = content[:-CHECKSUM_BYTES], content[-CHECKSUM_BYTES:].tobytes()
    if zlib.crc32(body.data).to_bytes(CHECKSUM_BYTES, "little") != checksum:
        return None
    return opened(body, expected, tag)


def opened(body: npt.NDArray[np.uint8], expected: Cursor, tag: str) -> Snapshot | None:
    """Return the snapshot in checked bytes, or None when it does not fit."""
    start = len(MAGIC) + 8
    if body[: len(MAGIC)].tobytes() != MAGIC:
        return None
    size = int.from_bytes(body[len(MAGIC) : start].tobytes(), "little")
    if size > HEADER_BYTES_MAX:
        return None
    try:
        header = msgspec.json.decode(body[start : start + size].tobytes(), type=Header)
    except msgspec.MsgspecError:
        return None
    cursor = header.cursor
    fits = header.tag == tag and cursor.epoch == expected.epoch and cursor.trust == expected.trust
    if not fits or cursor.interactions > expected.interactions:
        return None
    data = body[padded(start + size) :]
    data.flags.writeable = False
    return Snapshot({entry.name: array_at(data, entry) for entry in header.arrays}, cursor)


def remove_snapshot(path: Path | str) -> None:
    """Overwrite and remove a snapshot, if there is one."""
    target = Path(path)
    try:
        with target.open("r+b") as file:
            file.write(bytes(target.stat().st_size))
            file.flush()
            os.fsync(file.fileno())
        target.unlink()
    except FileNotFoundError:
        return
    except OSError as error:
        raise StoreError(f"{target}: could not be removed: {error.strerror}") from error


def array_at(data: npt.NDArray[np.uint8], entry: ArrayEntry) -> Array:
    """Return one array as a view of the bytes that were read: nothing is copied."""
    dtype = np.dtype(entry.dtype)
    n_bytes = dtype.itemsize * int(np.prod(entry.shape, dtype=np.int64))
    return data[entry.offset : entry.offset + n_bytes].view(dtype).reshape(entry.shape)


def array_bytes(array: Array) -> bytes:
    """Return the little-endian bytes of an array, padded."""
    return pad(np.ascontiguousarray(array, array.dtype.newbyteorder("<")).tobytes())


def padded(size: int) -> int:
    """Return the size rounded up to the alignment."""
    return -(-size // ALIGNMENT) * ALIGNMENT


def pad(piece: bytes) -> bytes:
    """Return bytes filled up with zeros to the alignment."""
    return piece.ljust(padded(len(piece)), b"\0")
