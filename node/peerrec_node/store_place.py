"""Notice that an open store was moved away or removed, so that nothing is recorded in vain.

The system lets a process go on with a file that has another name by now, or none. What is
written to a file without a name is gone with the process; and beside the old name somebody
else may begin another store.

Example:
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     store = Path(folder) / "me.db"
    ...     store.touch()
    ...     place = StorePlace(store)
    ...     place.check()
    ...     store.unlink()
    ...     place.is_left
    True
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from peerrec.errors import StoreError

__all__ = ["StorePlace"]

OPEN_FILES: Final = Path("/proc/self/fd")
REMOVED: Final = " (deleted)"


class StorePlace:
    """Where the file of an open store stands.

    Args:
        path: the file.
    """

    def __init__(self, path: Path) -> None:
        self._path = path.absolute()
        self._file = identity(self._path)

    @property
    def is_left(self) -> bool:
        """Whether the path names another file by now, or none."""
        return identity(self._path) != self._file

    def check(self) -> None:
        """Make sure that the store is where it was opened.

        Raises:
            StoreError: it is not; says where it is, as far as the system tells.
        """
        if not self.is_left:
            return
        now = self._name_now()
        if now is None:
            raise StoreError(
                f"{self._path}: was removed while it was open; what it held is gone; put a "
                "copy back, or run again to begin another"
            )
        raise StoreError(
            f"{self._path}: was moved to {now} while it was open; everything recorded is in it; "
            "move what stands beside it, too, and name it with --store"
        )

    def _name_now(self) -> str | None:
        """Return the file's present name; None where it has none."""
        try:
            names = [each for each in OPEN_FILES.iterdir() if identity(each) == self._file]
            found = str(names[0].readlink())
        except (OSError, IndexError):
            return "another place" if not OPEN_FILES.exists() else None
        return None if found.endswith(REMOVED) else found


def identity(path: Path) -> tuple[int, int] | None:
    """Return what tells a file from all others while it is open; None where there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino
