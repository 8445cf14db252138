"""Notice that a store file was put back from a copy.

Whoever restores yesterday's copy and goes on numbering where it ended signs two
segments with one number: a fork, and the end of a good name. So a small file beside
the store, ``<file>.generation``, holds random bytes that also stand inside, and both
are replaced at every opening and closing: a copy put back has bytes that are outdated.

The two cannot be replaced at one instant. So the store holds two generations, the
present and the next, and each step in between matches one of them: the store first
learns the next (and is flushed), then the file beside is replaced.
"""

from __future__ import annotations

import errno
import os
import sqlite3
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from typing import Final

from peerrec.errors import StoreError, StoreFull

__all__ = ["Generation"]

SIZE: Final = 8
NO_ROOM: Final = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class Generation:
    """The generation of one store file, inside and beside it, and its tag.

    Args:
        path: the store.
        connection: to it.
        writing: context of one transaction.
        flush: brings what was written to the disk.

    Attributes:
        path: the file beside.
        was_restored: whether the two do not fit, until `accept_restored`.
    """

    def __init__(
        self,
        path: Path,
        connection: sqlite3.Connection,
        writing: Callable[[], AbstractContextManager[None]],
        flush: Callable[[], None],
    ) -> None:
        self.path = path.with_name(path.name + ".generation")
        self._store = path
        self._connection = connection
        self._writing = writing
        self._flush = flush
        self._counted = False
        self.was_restored = False

    def open(self, last_arrival: int, read_only: bool) -> None:
        """Compare the two and, where they fit, begin the next generation.

        Args:
            last_arrival: number of segments the store ever held; without any there need
                not be a generation.
            read_only: only compare.
        """
        inside = self._inside()
        self.was_restored = not self._matches(inside, last_arrival)
        self._counted = bool(inside)
        if read_only:
            return
        if self.was_restored:  # arrival numbers may come again: what peers remember is void
            with self._writing():
                self.new_tag(self._connection)
        else:
            # Where there is no room for another, the present one will do: it fits still.
            with suppress(StoreError):
                self.renew()

    def ensure(self) -> None:
        """Begin the first generation, before the first segment is stored."""
        if not self._counted and not self.was_restored:
            self._replace()

    def renew(self) -> bool:
        """Begin the next generation, if there is one and it fits; return whether it was done.

        Everything that was written before is on the disk then.
        """
        if self._counted and not self.was_restored:
            self._replace()
            return True
        return False

    def accept_restored(self) -> None:
        """Let store and file fit again."""
        if self.was_restored:
            self._replace()
            self.was_restored = False

    def _matches(self, inside: bytes, last_arrival: int) -> bool:
        try:
            with self.path.open("rb") as file:
                beside = file.read(SIZE + 1)
        except FileNotFoundError:
            return last_arrival == 0
        except OSError:
            return False
        return len(beside) == SIZE and beside in (inside[:SIZE], inside[SIZE:])

    def _inside(self) -> bytes:
        query = "SELECT value FROM file_names WHERE name = 'generation'"
        row = self._connection.execute(query).fetchone()
        return b"" if row is None else bytes(row[0])

    def _replace(self) -> None:
        # Killed at any point, the file beside is the present generation or the next.
        present = self._beside()
        following = os.urandom(SIZE)
        with self._writing():
            self._connection.execute(
                "INSERT OR REPLACE INTO file_names VALUES ('generation', ?)", (present + following,)
            )
        self._flush()
        self._write(following)
        self._counted = True

    def _beside(self) -> bytes:
        try:
            beside = self.path.read_bytes()
        except OSError:
            beside = b""
        return beside if len(beside) == SIZE else os.urandom(SIZE)

    def _write(self, generation: bytes) -> None:
        part = self.path.with_name(self.path.name + ".part")
        try:
            with part.open("wb") as file:
                file.write(generation)
                file.flush()
                os.fsync(file.fileno())
            os.replace(part, self.path)
            sync_folder(self.path.parent)
        except OSError as error:
            with suppress(OSError):
                part.unlink()
            if error.errno in NO_ROOM:
                raise StoreFull(
                    f"{self._store}: no room left in its folder; free some space and try again"
                ) from error
            raise StoreError(f"{self.path}: could not be written: {error.strerror}") from error

    def forget_beside(self) -> None:
        """Remove the file beside the store, which forgot its own generation."""
        self.path.unlink(missing_ok=True)
        self._counted = self.was_restored = False

    @classmethod
    def forget_in(cls, connection: sqlite3.Connection) -> None:
        """Take the generation from a store: it begins a history of its own."""
        connection.execute("DELETE FROM file_names WHERE name = 'generation'")
        cls.new_tag(connection)

    @staticmethod
    def new_tag(connection: sqlite3.Connection) -> None:
        """Name the history of arrival numbers anew."""
        connection.execute("INSERT OR REPLACE INTO file_names VALUES ('tag', randomblob(8))")

    def tag(self) -> bytes:
        """Return the name of the history of arrival numbers."""
        query = "SELECT value FROM file_names WHERE name = 'tag'"
        return bytes(self._connection.execute(query).fetchone()[0])


def sync_folder(folder: Path) -> None:
    """Bring a renaming in a folder to the disk, where the system can."""
    if not hasattr(os, "O_DIRECTORY"):  # pragma: no cover - Windows
        return
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
