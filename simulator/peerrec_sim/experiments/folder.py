"""Hold a place for results: what is there is never overwritten, nothing half is left.

Results are written beside the place, into ``<name>.partial``, and moved there when they
are complete. The first to make that folder has the place.

Example:
    >>> import tempfile
    >>> place = Path(tempfile.mkdtemp()) / "run"
    >>> with reserved(place) as folder:
    ...     _ = (folder / "run.json").write_text("{}")
    >>> (place / "run.json").exists()
    True
    >>> with reserved(place) as folder:  # doctest: +ELLIPSIS
    ...     pass
    Traceback (most recent call last):
    peerrec.errors.ConfigError: --out: ...holds another run...
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from peerrec.errors import ConfigError, DataError

__all__ = ["Path", "refuse_taken", "reserved"]

RUN_FILE = "run.json"
"""What tells a folder of a run from other folders."""


@contextmanager
def reserved(place: Path, option: str = "--out") -> Iterator[Path]:
    """Yield an empty folder that becomes the place when the block ends without an error.

    An error leaves no trace, and what was at the place before stays as it was.

    Raises:
        ConfigError: the place is taken, or somebody else writes there now.
        DataError: no folder can be made there.
    """
    refuse_taken(place, option)
    partial = place.with_name(f"{place.name}.partial")
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        partial.mkdir()
    except OSError as error:
        if isinstance(error, FileExistsError) and partial.exists():
            raise ConfigError(
                option,
                str(place),
                f"another run is being written there, or was killed: wait, or remove {partial}",
            ) from None
        raise DataError(f"{place}: no folder can be made there: {error.strerror}") from error
    try:
        yield partial
        refuse_taken(place, option)
        # Not every system renames onto an empty folder.
        if place.is_dir():
            place.rmdir()
        partial.rename(place)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise


def refuse_taken(place: Path, option: str = "--out") -> None:
    """Refuse a place that holds anything.

    Raises:
        ConfigError: says what is there.
    """
    if not place.exists():
        return
    if not place.is_dir():
        raise ConfigError(option, str(place), "there is a file; give a folder that is new or empty")
    if (place / RUN_FILE).exists():
        raise ConfigError(option, str(place), "it holds another run; give a folder that is new")
    if any(place.iterdir()):
        raise ConfigError(option, str(place), "it is not empty; give a folder that is new or empty")
