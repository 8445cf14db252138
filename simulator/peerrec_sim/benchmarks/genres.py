"""Read the genres of MovieLens-100k: ``u.item`` holds one flag for each of ``u.genre``.

Example:
    >>> genres_of("7|Twelve Monkeys|1995||url|0|1|1", ["unknown", "Drama", "Sci-Fi"])
    ('7', ['Drama', 'Sci-Fi'])
"""

from __future__ import annotations

from pathlib import Path

from peerrec.errors import ConfigError, DataError
from peerrec_sim.datasets import default_data_folder
from peerrec_sim.datasets.sources import Folder, decode

__all__ = ["Path", "genres_of", "read_genres"]


def read_genres(data_folder: Path | None = None) -> dict[str, list[str]]:
    """Return raw item name → genres of ``ml-100k`` inside the data folder.

    Raises:
        ConfigError: there is no data folder.
        DataError: a file is missing or a line is broken.
    """
    folder = data_folder or default_data_folder()
    if folder is None:
        raise ConfigError("data", None, "set PEERREC_DATA to the folder of data sets")
    path = folder / "ml-100k"
    files = Folder.of(path)
    for name in ("u.genre", "u.item"):
        if name not in files.files:
            raise DataError(f"{path}: there is no {name}; genres are read from it")
    genres = [line.split("|")[0] for line in _lines(files, "u.genre")]
    return dict(genres_of(line, genres) for line in _lines(files, "u.item"))


def genres_of(line: str, genres: list[str]) -> tuple[str, list[str]]:
    """Return a film's raw name and its genres from one line of ``u.item``.

    Raises:
        DataError: there are fewer fields than genres.
    """
    fields = line.split("|")
    if len(fields) <= len(genres):
        raise DataError(f"expected {len(genres)} genre flags at the end of {line[:60]!r}")
    flags = fields[-len(genres) :]
    return fields[0], [genre for genre, flag in zip(genres, flags, strict=True) if flag == "1"]


def _lines(folder: Folder, name: str) -> list[str]:
    """Return the lines of a file that are not blank."""
    return [line for line in decode(folder.file(name).read().data).split("\n") if line.strip()]
