r"""Load data sets: by name from the data folder, or any folder or file of a known format.

The format is recognised from names and first lines of the files, never from the name of
the data set. Files compressed with gzip or xz are read directly. A single file is read
alone, except for item titles that lie beside it.

Example:
    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> _ = (folder / "train.txt").write_text("0 3 4\n1 3\n")
    >>> load(folder).interactions.user.tolist()
    [0, 0, 1]
"""

from __future__ import annotations

import os
from pathlib import Path

from peerrec.errors import ConfigError
from peerrec_sim.community import Community
from peerrec_sim.datasets.registry import FORMATS, recognise
from peerrec_sim.datasets.sources import Folder

__all__ = ["FORMATS", "Path", "default_data_folder", "load", "locate", "names"]

_ALIASES = {"ml-1m": "ml-1m/split_ultragcn", "ml-1m/pairs": "ml-1m/pairs.csv"}
"""Names that stand for another place in the data folder."""

_CHECKOUT = Path(__file__).resolve().parents[3]


def default_data_folder() -> Path | None:
    """Return the folder of data sets: ``PEERREC_DATA``, else one beside the checkout."""
    stated = os.environ.get("PEERREC_DATA")
    folder = Path(stated) if stated else _CHECKOUT.parent / "shared" / "data"
    return folder if folder.is_dir() else None


def names(data_folder: Path | None = None) -> list[str]:
    """Return the names that :func:`load` knows; none without a data folder."""
    folder = data_folder or default_data_folder()
    if folder is None or not folder.is_dir():
        return []
    sets = [path for path in sorted(folder.iterdir()) if path.is_dir()]
    splits = [inner for path in sets for inner in sorted(path.iterdir()) if inner.is_dir()]
    found = {path.relative_to(folder).as_posix() for path in [*sets, *splits]}
    aliases = {alias for alias in _ALIASES if alias.split("/")[0] in found}
    return sorted(found | aliases)


def load(
    name_or_path: str | Path,
    data_folder: Path | None = None,
    *,
    now: float | None = None,
) -> Community:
    """Return a community from files.

    Args:
        name_or_path: a name in the data folder (``gowalla``, ``lastfm-2k``,
            ``lastfm-2k/split_lightgcn``, …; a name wins over a path), or a folder or file.
        data_folder: None for :func:`default_data_folder`.
        now: refuse interactions and trust dated after this, unix seconds; None accepts
            all.

    Raises:
        ConfigError: neither a known name nor an existing path.
        DataError: the format is not known, the set is empty, or a row is broken (names
            file and line).
    """
    path, name = _find(name_or_path, data_folder or default_data_folder())
    folder = Folder.of(path)
    return recognise(folder).load(folder, name, now)


def locate(name_or_path: str | Path, data_folder: Path | None = None) -> Path:
    """Return where :func:`load` would read, without reading.

    Raises:
        ConfigError: neither a known name nor an existing path.
    """
    return _find(name_or_path, data_folder or default_data_folder())[0]


def _find(name_or_path: str | Path, data_folder: Path | None) -> tuple[Path, str]:
    """Return where a name or path is, and what to call it."""
    by_name = isinstance(name_or_path, str) and not Path(name_or_path).is_absolute()
    if by_name and data_folder is not None and _names_inside(str(name_or_path)):
        inside = data_folder / _ALIASES.get(str(name_or_path), name_or_path)
        for ending in ("", ".gz", ".xz"):
            candidate = inside.with_name(inside.name + ending)
            if candidate.exists():
                return candidate, str(name_or_path)
    path = Path(name_or_path)
    if str(name_or_path) and path.exists():
        return path, path.resolve().name
    known = ", ".join(names(data_folder)) if data_folder is not None else ""
    hint = f"known names: {known}" if known else "set PEERREC_DATA to use data sets by name"
    raise ConfigError("dataset", str(name_or_path), f"give a folder, a file or a name; {hint}")


def _names_inside(name: str) -> bool:
    """Whether a name can only mean something inside the data folder."""
    return bool(name) and not {".", ".."} & {*Path(name).parts, *name.split("/")}
