"""Let one opener at a time hold a store file, and tell who it is.

SQLite's own exclusive lock keeps others out but does not say who is in. A lock
file beside the store holds the process id; the lock on it is the kernel's, so
after a kill nothing is stale. Without ``fcntl`` (Windows) the process id is still
written and SQLite's lock alone decides.
"""

from __future__ import annotations

import errno
import os
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from peerrec.errors import StoreError, StoreFull, StoreLocked, StoreReadOnly

try:
    import fcntl
except ImportError:  # pragma: no cover - Windows
    fcntl = None  # type: ignore[assignment]

__all__ = ["OwnerLock", "owner_of"]

OWNER_BYTES_MAX = 64


class OwnerLock:
    """The right to be the only opener of one store file.

    Attributes:
        path: the lock file, ``<store>.lock``; there only while the store is open.
    """

    def __init__(self, store: Path) -> None:
        self._store = store
        self.path = store.with_name(store.name + ".lock")
        self._file = -1

    def acquire(self) -> None:
        """Take the lock.

        Raises:
            StoreLocked: another opener holds it; names the process.
            StoreReadOnly: the folder cannot be written.
            StoreFull: there is no room for the lock file.
        """
        while self._file < 0:
            file = self._open()
            if not locked(file):
                os.close(file)
                raise self._held()
            if still_there(file, self.path):
                self._file = file
            else:  # its owner removed it between our opening and our locking
                os.close(file)
        with suppress(OSError):  # on a full disk others are not told who it is, but kept out
            os.truncate(self._file, 0)
            os.pwrite(self._file, f"{os.getpid()}\n".encode(), 0)

    def refuse_if_held(self) -> None:
        """Raise StoreLocked when another opener holds the lock; take nothing."""
        try:
            file = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            return
        try:
            if not locked(file):
                raise self._held()
        finally:
            os.close(file)

    def _held(self) -> StoreLocked:
        owner = owner_of(self.path)
        return StoreLocked(f"{self._store}: {owner} has it open; close it there first")

    def _open(self) -> int:
        try:
            return os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except FileNotFoundError:
            raise StoreError(f"{self._store}: its folder does not exist; create it") from None
        except OSError as error:
            if error.errno in (errno.EROFS, errno.EPERM, errno.EACCES):
                raise StoreReadOnly(
                    f"{self._store}: its folder is read-only ({error.strerror}); "
                    "open it read_only, or give write permission"
                ) from None
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise StoreFull(
                    f"{self._store}: no room left in its folder; free some space and try again"
                ) from None
            raise StoreError(f"{self._store}: {error}") from error

    def release(self) -> None:
        """Give the lock back and remove the lock file; twice is no error."""
        if self._file >= 0:
            with suppress(OSError):  # a folder that is read-only by now keeps the file
                if still_there(self._file, self.path):  # else it is another opener's
                    self.path.unlink()
            os.close(self._file)
            self._file = -1


def locked(file: int) -> bool:
    """Take the kernel's lock on an open file; return whether it was free."""
    if fcntl is None:  # pragma: no cover - Windows
        return True
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def still_there(file: int, path: Path) -> bool:
    """Return whether the path still names the open file."""
    try:
        named = os.stat(path)
    except FileNotFoundError:
        return False
    opened = os.fstat(file)
    return (named.st_dev, named.st_ino) == (opened.st_dev, opened.st_ino)


def owner_of(lock: Path) -> str:
    """Say in words which process wrote a lock file, and since when it holds it."""
    try:
        pid = int(lock.read_bytes()[:OWNER_BYTES_MAX])
        since = datetime.fromtimestamp(lock.stat().st_mtime).strftime("%Y-%m-%d %H:%M")
    except (OSError, ValueError):
        return "another process"
    if pid == os.getpid():
        return f"this very process ({pid}, since {since})"
    try:
        name = Path(f"/proc/{pid}/comm").read_text().strip()
    except (OSError, UnicodeDecodeError):
        return f"process {pid} (since {since})"
    return f"process {pid} ({name}, since {since})"
