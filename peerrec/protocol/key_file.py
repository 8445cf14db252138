"""Keep an identity's private key in a file that only its owner may read.

The file is PKCS#8 in PEM, encrypted where a passphrase is given. It has mode 0600 from
the moment it exists, and it is there whole or not at all.

Example:
    >>> import tempfile
    >>> from pathlib import Path
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "identity.pem"
    ...     made = load_or_create(path, passphrase=None, random_bytes=bytes(range(32)))
    ...     again = load_or_create(path, passphrase=None, random_bytes=bytes(32))
    >>> made.peer == again.peer
    True
"""

from __future__ import annotations

import contextlib
import os
import stat
from pathlib import Path
from typing import Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from peerrec.errors import ConfigError, StoreError
from peerrec.limits import KEY_FILE_BYTES_MAX
from peerrec.protocol.identity import Ed25519Signer

__all__ = ["load_or_create"]

_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO
_HAS_MODES: Final = os.name == "posix"


def load_or_create(
    path: str | Path, *, passphrase: bytes | None, random_bytes: bytes
) -> Ed25519Signer:
    """Return the identity kept in a file; where there is no file, make a new one.

    Args:
        path: of the file; its folder must exist.
        passphrase: with which the key is encrypted; None for a key in the clear.
        random_bytes: 32 secret random bytes, used only where the key is made.

    Raises:
        StoreError: the file can be read by others, is no Ed25519 key, or the passphrase is
            wrong, missing or not needed; or there is no reading or writing it.
        ConfigError: the passphrase is empty.
    """
    if passphrase is not None and not passphrase:
        raise ConfigError("passphrase", "", "give at least one character, or none at all")
    path = Path(path)
    try:
        data = _read(path)
        if data is None:
            signer = Ed25519Signer.from_seed(random_bytes)
            if _write_new(path, _to_pem(signer, passphrase)):
                return signer
            data = _read(path)  # another process was faster: its identity is the one
    except OSError as error:
        raise StoreError(f"key file {path}: {error.strerror or error}") from error
    if data is None:
        raise StoreError(f"key file {path} was removed while it was made; try again")
    return _from_pem(data, path, passphrase)


def _read(path: Path) -> bytes | None:
    """Return the content, or None where there is no file; refuse one others can read."""
    try:
        file = path.open("rb")
    except FileNotFoundError:
        return None
    with file:
        mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
        if _HAS_MODES and mode & _OTHERS:
            raise StoreError(
                f"key file {path} can be used by others (mode {mode:04o}): "
                f"whoever reads it is you; run: chmod 600 {path}"
            )
        return file.read(KEY_FILE_BYTES_MAX + 1)


def _write_new(path: Path, data: bytes) -> bool:
    """Put a new file in place, whole and synced; return False where there is one already."""
    draft = path.with_name(f".{path.name}.{os.getpid()}.new")
    draft.unlink(missing_ok=True)  # of a process that was killed here and had this number
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with open(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        return _put_in_place(draft, path)
    finally:
        draft.unlink(missing_ok=True)


def _put_in_place(draft: Path, path: Path) -> bool:
    try:
        os.link(draft, path)  # unlike a rename it never replaces somebody's identity
    except FileExistsError:
        return False
    except OSError:  # a file system without hard links
        if path.exists():
            return False
        draft.rename(path)
    with contextlib.suppress(OSError):  # folders cannot be synced everywhere
        descriptor = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    return True


def _to_pem(signer: Ed25519Signer, passphrase: bytes | None) -> bytes:
    encryption: serialization.KeySerializationEncryption = serialization.NoEncryption()
    if passphrase is not None:
        encryption = serialization.BestAvailableEncryption(passphrase)
    return signer.private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption
    )


def _from_pem(data: bytes, path: Path, passphrase: bytes | None) -> Ed25519Signer:
    if len(data) > KEY_FILE_BYTES_MAX:
        raise StoreError(f"key file {path} has more than {KEY_FILE_BYTES_MAX} bytes: no key")
    encrypted = b"-----BEGIN ENCRYPTED PRIVATE KEY-----" in data
    if encrypted and passphrase is None:
        raise StoreError(f"key file {path} is encrypted: give its passphrase")
    if passphrase is not None and not encrypted and b"-----BEGIN PRIVATE KEY-----" in data:
        raise StoreError(f"key file {path} is not encrypted: leave the passphrase out")
    try:
        key = serialization.load_pem_private_key(data, passphrase if encrypted else None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        if encrypted:
            raise StoreError(f"key file {path}: the passphrase is wrong (or the file)") from None
        raise StoreError(f"key file {path} holds no private key in PEM (PKCS#8)") from None
    if not isinstance(key, Ed25519PrivateKey):
        raise StoreError(f"key file {path} holds another kind of key; Ed25519 is needed")
    return Ed25519Signer(key)
