r"""Know all formats, and find the one that a folder is written in.

Example:
    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> _ = (folder / "train.txt").write_text("0 3 4\n1 3\n")
    >>> type(recognise(Folder.of(folder))).__name__
    'AdjacencyLists'
"""

from __future__ import annotations

from pathlib import Path

from peerrec.errors import DataError
from peerrec_sim.datasets.adjacency import AdjacencyLists
from peerrec_sim.datasets.formats import Format
from peerrec_sim.datasets.hetrec import HetRec
from peerrec_sim.datasets.movielens import MovieLens
from peerrec_sim.datasets.ratings import RatingTable
from peerrec_sim.datasets.sources import Folder
from peerrec_sim.datasets.triples import Triples
from peerrec_sim.datasets.trust_lists import TrustLists

__all__ = ["FORMATS", "Path", "recognise"]

FORMATS: tuple[Format, ...] = (
    AdjacencyLists(),
    Triples(),
    HetRec(),
    MovieLens(),
    RatingTable(),
    TrustLists(),
)
"""In the order in which they are asked: the most particular file names first."""

_SHOWN_FILES = 12


def recognise(folder: Folder) -> Format:
    """Return the format of a folder or file.

    Raises:
        DataError: no format recognises it; says what was found and what is understood.
    """
    for format_ in FORMATS:
        if format_.recognises(folder):
            return format_
    found = _found(folder)
    understood = "; ".join(format_.understands for format_ in FORMATS)
    raise DataError(
        f"{folder.path}: no known format (found {found}); understood, each also as .gz or .xz: "
        f"{understood}"
    )


def _found(folder: Folder) -> str:
    """Return the files in words; empty ones are called so."""
    files = sorted(folder.files.values(), key=lambda file: file.path.name)
    shown = [
        file.path.name + ("" if file.head().data.strip() else " (empty)")
        for file in files[:_SHOWN_FILES]
    ]
    more = f" and {len(files) - _SHOWN_FILES} more" if len(files) > _SHOWN_FILES else ""
    return ", ".join(shown) + more if shown else "no file"
